"""Cells: `output, states = cell(input, states)`, and cells made of cells."""

from .. import _cells, initializer, symbol
from ..ndarray import concatenate
from ..symbol import Symbol


class RNNParams:
    """The variables of cells, by name; cells that share it share them."""

    def __init__(self, prefix=""):
        self._prefix = prefix
        self._params = {}

    def get(self, name, **kwargs):
        name = self._prefix + name
        if name not in self._params:
            self._params[name] = symbol.Variable(name, **kwargs)
        return self._params[name]


def as_sequence(length, inputs, layout, merge, in_layout=None):
    """The steps as one symbol (`merge`), as a list (False), or as they came (None); and the axis of time."""
    axis = layout.find("T")
    in_axis = in_layout.find("T") if in_layout is not None else axis
    if isinstance(inputs, Symbol):
        if merge is False:
            if len(inputs) != 1:
                raise AssertionError("unroll takes one symbol that is the sequence, or a list of symbols, not a group")
            steps = symbol.split(inputs, axis=in_axis, num_outputs=length, squeeze_axis=1)
            return list(steps), axis
    else:
        if length is not None and len(inputs) != length:
            raise AssertionError(f"{len(inputs)} inputs came, but the cell is unrolled over {length} steps")
        if merge is True:
            inputs = symbol.Concat(*[symbol.expand_dims(step, axis=axis) for step in inputs], dim=axis)
            in_axis = axis
    if isinstance(inputs, Symbol) and axis != in_axis:
        inputs = symbol.swapaxes(inputs, dim1=axis, dim2=in_axis)
    return inputs, axis


class BaseRNNCell:
    """What all cells have: variables under a prefix, states, steps that are counted for their names."""

    def __init__(self, prefix="", params=None):
        self._own_params = params is None
        self._prefix = prefix
        self._params = RNNParams(prefix) if params is None else params
        self._modified = False
        self.reset()

    def reset(self):
        """Forgets which step it is."""
        self._init_counter = self._counter = -1
        for cell in getattr(self, "_cells", ()):
            cell.reset()

    def __call__(self, inputs, states):
        raise NotImplementedError

    @property
    def params(self):
        self._own_params = False
        return self._params

    @property
    def state_info(self):
        """Shape and layout of each state; a batch of 0 is unknown."""
        raise NotImplementedError

    @property
    def state_shape(self):
        return [info["shape"] for info in self.state_info]

    @property
    def _gate_names(self):
        return ()

    def begin_state(self, func=symbol.zeros, **kwargs):
        """The states before the first step; `func=mx.sym.Variable` makes inputs of them."""
        if self._modified:
            raise AssertionError("After applying modifier cells (e.g. ZoneoutCell), call the modifier's begin_state")
        states = []
        for info in self.state_info:
            self._init_counter += 1
            name = f"{self._prefix}begin_state_{self._init_counter}"
            states.append(func(name=name, **{**kwargs, **(info or {})}))
        return states

    def unpack_weights(self, args):
        """The arrays of `args`, those of this cell one a gate."""
        args = dict(args)
        h = getattr(self, "_num_hidden", 0)
        for group in ("i2h", "h2h") if self._gate_names else ():
            for kind in ("weight", "bias"):
                together = args.pop(f"{self._prefix}{group}_{kind}")
                for j, gate in enumerate(self._gate_names):
                    args[f"{self._prefix}{group}{gate}_{kind}"] = together[j * h : (j + 1) * h].copy()
        return args

    def pack_weights(self, args):
        """The reverse of unpack_weights."""
        args = dict(args)
        for group in ("i2h", "h2h") if self._gate_names else ():
            for kind in ("weight", "bias"):
                parts = [args.pop(f"{self._prefix}{group}{gate}_{kind}") for gate in self._gate_names]
                args[f"{self._prefix}{group}_{kind}"] = concatenate(parts)
        return args

    def unroll(self, length, inputs, begin_state=None, layout="NTC", merge_outputs=None):
        """(outputs, states) of `length` steps."""
        self.reset()
        steps, _ = as_sequence(length, inputs, layout, False)
        states = self.begin_state() if begin_state is None else begin_state
        outputs = []
        for step in steps:
            output, states = self(step, states)
            outputs.append(output)
        return as_sequence(length, outputs, layout, merge_outputs)[0], states


class _Gated(BaseRNNCell):
    """A cell with one matrix for the input and one for the state."""

    _states = 1

    def __init__(self, num_hidden, prefix, params, bias_init=None):
        super().__init__(prefix=prefix, params=params)
        self._num_hidden = num_hidden
        self._iW, self._hW = self.params.get("i2h_weight"), self.params.get("h2h_weight")
        self._iB = self.params.get("i2h_bias", **({"init": bias_init} if bias_init is not None else {}))
        self._hB = self.params.get("h2h_bias")
        self._own_params = params is None

    @property
    def state_info(self):
        return [{"shape": (0, self._num_hidden), "__layout__": "NC"} for _ in range(self._states)]

    def _linear(self, inputs, state, name):
        rows = self._num_hidden * len(self._gate_names)
        i2h = symbol.FullyConnected(inputs, self._iW, self._iB, num_hidden=rows, name=name("i2h"))
        return i2h, symbol.FullyConnected(state, self._hW, self._hB, num_hidden=rows, name=name("h2h"))

    def _namer(self, separator=""):
        self._counter += 1
        prefix = f"{self._prefix}t{self._counter}_"
        return lambda name: prefix + (name if name in ("out", "state") else separator + name)


class RNNCell(_Gated):
    """tanh(W x + U h), or another activation."""

    _gate_names = ("",)

    def __init__(self, num_hidden, activation="tanh", prefix="rnn_", params=None):
        super().__init__(num_hidden, prefix, params)
        self._activation = activation

    def __call__(self, inputs, states):
        name = self._namer()
        output = _cells.plain(symbol, *self._linear(inputs, states[0], name), self._activation, name)
        return output, [output]


class LSTMCell(_Gated):
    """Long short-term memory."""

    _gate_names = ("_i", "_f", "_c", "_o")
    _states = 2

    def __init__(self, num_hidden, prefix="lstm_", params=None, forget_bias=1.0):
        super().__init__(num_hidden, prefix, params, initializer.LSTMBias(forget_bias=forget_bias))

    def __call__(self, inputs, states):
        name = self._namer()
        output, following = _cells.lstm(symbol, *self._linear(inputs, states[0], name), states[1], name)
        return output, [output, following]


class GRUCell(_Gated):
    """Gated recurrent unit."""

    _gate_names = ("_r", "_z", "_o")

    def __init__(self, num_hidden, prefix="gru_", params=None):
        super().__init__(num_hidden, prefix, params)

    def __call__(self, inputs, states):
        name = self._namer("_")  # MXNet writes "gru_t0__i2h"
        output = _cells.gru(symbol, *self._linear(inputs, states[0], name), states[0], name)
        return output, [output]


class _Container(BaseRNNCell):
    """Cells whose states and weights are those of its cells together."""

    def __init__(self, params):
        super().__init__(prefix="", params=params)
        self._override_cell_params = params is not None
        self._cells = []

    def _adopt(self, cell):
        if self._override_cell_params:
            if not cell._own_params:
                raise AssertionError("Either specify params for the container or child cells, not both.")
            cell.params._params.update(self.params._params)
        self.params._params.update(cell.params._params)
        self._cells.append(cell)

    @property
    def state_info(self):
        return [info for cell in self._cells for info in cell.state_info]

    def begin_state(self, **kwargs):
        if self._modified:
            raise AssertionError("After applying modifier cells (e.g. ZoneoutCell), call the modifier's begin_state")
        return [state for cell in self._cells for state in cell.begin_state(**kwargs)]

    def unpack_weights(self, args):
        for cell in self._cells:
            args = cell.unpack_weights(args)
        return args

    def pack_weights(self, args):
        for cell in self._cells:
            args = cell.pack_weights(args)
        return args

    def _states_of(self, states):
        """(cell, its part of the states)"""
        start = 0
        for cell in self._cells:
            count = len(cell.state_info)
            yield cell, states[start : start + count]
            start += count


class SequentialRNNCell(_Container):
    """Cells one on top of the other."""

    def __init__(self, params=None):
        super().__init__(params)

    def add(self, cell):
        self._adopt(cell)

    def __call__(self, inputs, states):
        self._counter += 1
        following = []
        for cell, own in self._states_of(states):
            inputs, own = cell(inputs, own)
            following += own
        return inputs, following

    def unroll(self, length, inputs, begin_state=None, layout="NTC", merge_outputs=None):
        self.reset()
        states = self.begin_state() if begin_state is None else begin_state
        following = []
        for cell, own in self._states_of(states):
            merge = merge_outputs if cell is self._cells[-1] else None
            inputs, own = cell.unroll(length, inputs, own, layout, merge)
            following += own
        return inputs, following


class BidirectionalCell(_Container):
    """One cell forwards and one backwards, their outputs joined; only unrolled."""

    def __init__(self, l_cell, r_cell, params=None, output_prefix="bi_"):
        super().__init__(params)
        self._output_prefix = output_prefix
        self._adopt(l_cell)
        self._adopt(r_cell)

    def __call__(self, inputs, states):
        raise NotImplementedError("Bidirectional cannot be stepped. Please use unroll")

    def unroll(self, length, inputs, begin_state=None, layout="NTC", merge_outputs=None):
        self.reset()
        steps, axis = as_sequence(length, inputs, layout, False)
        states = self.begin_state() if begin_state is None else begin_state
        (left, l_begin), (right, r_begin) = self._states_of(states)
        l_outputs, l_states = left.unroll(length, steps, l_begin, layout, merge_outputs)
        r_outputs, r_states = right.unroll(length, list(reversed(steps)), r_begin, layout, merge_outputs)
        if merge_outputs is None:
            merge_outputs = isinstance(l_outputs, Symbol) and isinstance(r_outputs, Symbol)
            l_outputs, _ = as_sequence(None, l_outputs, layout, merge_outputs)
            r_outputs, _ = as_sequence(None, r_outputs, layout, merge_outputs)
        if merge_outputs:
            r_outputs = symbol.reverse(r_outputs, axis=axis)
            outputs = symbol.Concat(l_outputs, r_outputs, dim=2, name=f"{self._output_prefix}out")
        else:
            outputs = [
                symbol.Concat(l_out, r_out, dim=1, name=f"{self._output_prefix}t{i}")
                for i, (l_out, r_out) in enumerate(zip(l_outputs, reversed(r_outputs)))
            ]
        return outputs, [l_states, r_states]
