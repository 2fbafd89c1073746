"""Cells: recurrences step by step, and cells made of cells."""

from ... import _cells
from ... import ndarray as nd
from ... import symbol as sym
from ...ndarray.ndarray import NDArray
from ..block import Block, HybridBlock

__all__ = [
    "BidirectionalCell", "DropoutCell", "GRUCell", "HybridRecurrentCell", "HybridSequentialRNNCell", "LSTMCell",
    "ModifierCell", "RNNCell", "RecurrentCell", "ResidualCell", "SequentialRNNCell", "ZoneoutCell",
]  # fmt: skip


def _space(inputs):
    """mx.nd or mx.sym, by what came."""
    while isinstance(inputs, (list, tuple)):
        inputs = inputs[0]
    return nd if isinstance(inputs, NDArray) else sym


class RecurrentCell(Block):
    """`output, states = cell(input, states)`"""

    def __init__(self, prefix=None, params=None):
        super().__init__(prefix=prefix, params=params)
        self._modified = False
        self.reset()

    def reset(self):
        """Forgets which step it is."""
        self._counter = -1
        for cell in self._children.values():
            cell.reset()

    def state_info(self, batch_size=0):
        raise NotImplementedError

    def begin_state(self, batch_size=0, func=nd.zeros, **kwargs):
        """The states before the first step."""
        if self._modified:
            raise AssertionError("After applying modifier cells, call the modifier's begin_state")
        return [func(**{**{"shape": info["shape"]}, **kwargs}) for info in self.state_info(batch_size)]

    def _begin(self, F, first, begin_state):
        if begin_state is not None:
            return begin_state
        if F is nd:
            return self.begin_state(first.shape[0], nd.zeros, ctx=first.context, dtype=first.dtype)
        return self.begin_state(0, sym.zeros)

    def unroll(self, length, inputs, begin_state=None, layout="NTC", merge_outputs=None, valid_length=None):
        """(outputs, states) of `length` steps; with `valid_length`, steps beyond it are zeros and do not move the states."""
        self.reset()
        F = _space(inputs)
        together = merge_outputs or (merge_outputs is None and valid_length is not None)
        steps, axis = _cells.as_steps(F, length, inputs, layout)
        states = self._begin(F, steps[0], begin_state)
        outputs, history = [], []
        for step in steps:
            output, states = self(step, states)
            outputs.append(output)
            history.append(states)
        if valid_length is not None:
            states = [
                F.SequenceLast(F.stack(*column, axis=0), sequence_length=valid_length, use_sequence_length=True, axis=0)
                for column in zip(*history)
            ]
            mask = {"sequence_length": valid_length, "use_sequence_length": True, "axis": axis}
            sequence = F.SequenceMask(_cells.merged(F, outputs, axis), **mask)
            return (sequence if together else _cells.as_steps(F, length, sequence, layout)[0]), states
        return (_cells.merged(F, outputs, axis) if together else outputs), states

    def __call__(self, inputs, states, **kwargs):
        self._counter += 1
        return super().__call__(inputs, states, **kwargs)

    forward = Block.forward


class HybridRecurrentCell(RecurrentCell, HybridBlock):
    """A cell whose step is written once for arrays and symbols."""

    def forward(self, inputs, states):
        return HybridBlock.forward(self, inputs, states)


class _Gated(HybridRecurrentCell):
    """A cell with one matrix for the input and one for the state."""

    _gates, _states = 1, 1

    def __init__(
        self, hidden_size, i2h_weight_initializer=None, h2h_weight_initializer=None, i2h_bias_initializer="zeros",
        h2h_bias_initializer="zeros", input_size=0, prefix=None, params=None,
    ):  # fmt: skip
        super().__init__(prefix=prefix, params=params)
        self._hidden_size, self._input_size = hidden_size, input_size
        rows = self._gates * hidden_size

        def parameter(name, shape, init):
            return self.params.get(name, shape=shape, init=init, allow_deferred_init=True)

        self.i2h_weight = parameter("i2h_weight", (rows, input_size), i2h_weight_initializer)
        self.h2h_weight = parameter("h2h_weight", (rows, hidden_size), h2h_weight_initializer)
        self.i2h_bias = parameter("i2h_bias", (rows,), i2h_bias_initializer)
        self.h2h_bias = parameter("h2h_bias", (rows,), h2h_bias_initializer)

    def state_info(self, batch_size=0):
        return [{"shape": (batch_size, self._hidden_size), "__layout__": "NC"}] * self._states

    def infer_shape(self, inputs, *_):
        self.i2h_weight.shape = (self.i2h_weight.shape[0], inputs.shape[-1])

    def _step_name(self, name):
        return f"t{self._counter}_{name}"

    def _linear(self, F, inputs, states, i2h_weight, h2h_weight, i2h_bias, h2h_bias):
        rows = self._gates * self._hidden_size
        i2h = F.FullyConnected(inputs, i2h_weight, i2h_bias, num_hidden=rows, name=self._step_name("i2h"))
        return i2h, F.FullyConnected(states[0], h2h_weight, h2h_bias, num_hidden=rows, name=self._step_name("h2h"))

    def __repr__(self):
        shape = self.i2h_weight.shape
        return f"{type(self).__name__}({shape[1] or None} -> {shape[0]})"


class RNNCell(_Gated):
    """tanh(W x + U h), or another activation."""

    def __init__(self, hidden_size, activation="tanh", *args, **kwargs):
        super().__init__(hidden_size, *args, **kwargs)
        self._activation = activation

    def _alias(self):
        return "rnn"

    def hybrid_forward(self, F, inputs, states, **parameters):
        output = _cells.plain(F, *self._linear(F, inputs, states, **parameters), self._activation, self._step_name)
        return output, [output]


class LSTMCell(_Gated):
    _gates, _states = 4, 2

    def __init__(self, hidden_size, *args, activation="tanh", recurrent_activation="sigmoid", **kwargs):
        super().__init__(hidden_size, *args, **kwargs)
        self._kinds = recurrent_activation, activation

    def _alias(self):
        return "lstm"

    def hybrid_forward(self, F, inputs, states, **parameters):
        i2h, h2h = self._linear(F, inputs, states, **parameters)
        output, cell = _cells.lstm(F, i2h, h2h, states[1], self._step_name, *self._kinds)
        return output, [output, cell]


class GRUCell(_Gated):
    _gates = 3

    def __init__(self, hidden_size, *args, activation="tanh", recurrent_activation="sigmoid", **kwargs):
        super().__init__(hidden_size, *args, **kwargs)
        self._kinds = recurrent_activation, activation

    def _alias(self):
        return "gru"

    def hybrid_forward(self, F, inputs, states, **parameters):
        i2h, h2h = self._linear(F, inputs, states, **parameters)
        output = _cells.gru(F, i2h, h2h, states[0], self._step_name, *self._kinds)
        return output, [output]


class _Stack:
    """What both kinds of stacks share."""

    def add(self, cell):
        self.register_child(cell)

    def state_info(self, batch_size=0):
        return [info for cell in self._children.values() for info in cell.state_info(batch_size)]

    def begin_state(self, **kwargs):
        return [state for cell in self._children.values() for state in cell.begin_state(**kwargs)]

    def _begin(self, F, first, begin_state):
        if begin_state is not None:
            return begin_state
        return [state for cell in self._children.values() for state in cell._begin(F, first, None)]

    def __call__(self, inputs, states):
        self._counter += 1
        following = []
        for cell in self._children.values():
            count = len(cell.state_info())
            inputs, own = cell(inputs, states[:count])
            states = states[count:]
            following += own
        return inputs, following

    def unroll(self, length, inputs, begin_state=None, layout="NTC", merge_outputs=None, valid_length=None):
        """Cell after cell over the whole sequence, so that two-way cells can be in it."""
        self.reset()
        F = _space(inputs)
        first = inputs[0] if isinstance(inputs, (list, tuple)) else _cells.as_steps(F, length, inputs, layout)[0][0]
        states, following = self._begin(F, first, begin_state), []
        cells = list(self._children.values())
        for i, cell in enumerate(cells):
            count = len(cell.state_info())
            merge = merge_outputs if i == len(cells) - 1 else None
            inputs, own = cell.unroll(length, inputs, states[:count], layout, merge, valid_length)
            states = states[count:]
            following += own
        return inputs, following

    def __len__(self):
        return len(self._children)

    def __getitem__(self, i):
        return list(self._children.values())[i]


class SequentialRNNCell(_Stack, RecurrentCell):
    """Cells one above the other."""


class HybridSequentialRNNCell(_Stack, HybridRecurrentCell):
    """The same of hybrid cells."""


class DropoutCell(HybridRecurrentCell):
    """Does nothing in inference."""

    def __init__(self, rate, axes=(), prefix=None, params=None):
        super().__init__(prefix=prefix, params=params)

    def state_info(self, batch_size=0):
        return []

    def hybrid_forward(self, F, inputs, states):
        return inputs, states


class ModifierCell(HybridRecurrentCell):
    """Changes what another cell gives."""

    def __init__(self, base_cell):
        base_cell._modified = True
        super().__init__(prefix=base_cell.prefix + self._alias(), params=None)
        self.base_cell = base_cell

    @property
    def params(self):
        return self.base_cell.params

    def state_info(self, batch_size=0):
        return self.base_cell.state_info(batch_size)

    def begin_state(self, batch_size=0, func=nd.zeros, **kwargs):
        self.base_cell._modified = False
        try:
            return self.base_cell.begin_state(batch_size=batch_size, func=func, **kwargs)
        finally:
            self.base_cell._modified = True


class ZoneoutCell(ModifierCell):
    """In inference the cell itself."""

    def __init__(self, base_cell, zoneout_outputs=0.0, zoneout_states=0.0):
        super().__init__(base_cell)

    def _alias(self):
        return "zoneout"

    def forward(self, inputs, states):
        return self.base_cell(inputs, states)


class ResidualCell(ModifierCell):
    """The cell's output plus its input."""

    def _alias(self):
        return "residual"

    def forward(self, inputs, states):
        output, states = self.base_cell(inputs, states)
        return output + inputs, states


class BidirectionalCell(HybridRecurrentCell):
    """One cell forwards, one backwards; only whole sequences."""

    def __init__(self, l_cell, r_cell, output_prefix="bi_"):
        super().__init__(prefix="", params=None)
        self.register_child(l_cell, "l_cell")
        self.register_child(r_cell, "r_cell")

    def __call__(self, inputs, states):
        raise NotImplementedError("Bidirectional cannot be stepped. Please use unroll")

    def state_info(self, batch_size=0):
        return [info for cell in self._children.values() for info in cell.state_info(batch_size)]

    def begin_state(self, **kwargs):
        return [state for cell in self._children.values() for state in cell.begin_state(**kwargs)]

    def unroll(self, length, inputs, begin_state=None, layout="NTC", merge_outputs=None, valid_length=None):
        self.reset()
        F = _space(inputs)
        together = merge_outputs or (merge_outputs is None and valid_length is not None)
        steps, axis = _cells.as_steps(F, length, inputs, layout)
        left, right = self._children.values()
        states = begin_state
        if states is None:
            states = [*left._begin(F, steps[0], None), *right._begin(F, steps[0], None)]
        count = len(left.state_info())
        l_outputs, l_states = left.unroll(length, steps, states[:count], layout, False, valid_length)
        backwards = self._reversed(F, steps, layout, valid_length)
        r_outputs, r_states = right.unroll(length, backwards, states[count:], layout, False, valid_length)
        r_outputs = self._reversed(F, r_outputs, layout, valid_length)
        outputs = [F.concat(x, y, dim=1) for x, y in zip(l_outputs, r_outputs)]
        return (_cells.merged(F, outputs, axis) if together else outputs), [*l_states, *r_states]

    @staticmethod
    def _reversed(F, steps, layout, valid_length):
        if valid_length is None:
            return list(reversed(steps))
        sequence = F.SequenceReverse(F.stack(*steps, axis=0), sequence_length=valid_length, use_sequence_length=True)
        return _cells.as_steps(F, len(steps), sequence, "TNC")[0]
