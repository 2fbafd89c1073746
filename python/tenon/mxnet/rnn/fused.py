"""FusedRNNCell: all layers and steps as the one operator RNN, whose parameters are one vector."""

from .. import initializer, symbol
from ..ndarray import concatenate
from .modifiers import DropoutCell
from .rnn_cell import BaseRNNCell, BidirectionalCell, GRUCell, LSTMCell, RNNCell, SequentialRNNCell, as_sequence

_GATES = {
    "rnn_relu": ("",),
    "rnn_tanh": ("",),
    "lstm": ("_i", "_f", "_c", "_o"),
    "gru": ("_r", "_z", "_o"),
}


class FusedRNNCell(BaseRNNCell):
    """Layers of one kind, in one or both directions; only unrolled."""

    def __init__(
        self, num_hidden, num_layers=1, mode="lstm", bidirectional=False, dropout=0.0, get_next_state=False,
        forget_bias=1.0, prefix=None, params=None,
    ):  # fmt: skip
        super().__init__(prefix=f"{mode}_" if prefix is None else prefix, params=params)
        self._num_hidden, self._num_layers = num_hidden, num_layers
        self._mode, self._bidirectional = mode, bidirectional
        self._dropout, self._get_next_state, self._forget_bias = dropout, get_next_state, forget_bias
        self._directions = ("l", "r") if bidirectional else ("l",)
        fused = initializer.FusedRNN(None, num_hidden, num_layers, mode, bidirectional, forget_bias)
        self._parameter = self.params.get("parameters", init=fused)

    @property
    def state_info(self):
        shape = (len(self._directions) * self._num_layers, 0, self._num_hidden)
        return [{"shape": shape, "__layout__": "LNC"} for _ in range(2 if self._mode == "lstm" else 1)]

    @property
    def _gate_names(self):
        return _GATES[self._mode]

    @property
    def _num_gates(self):
        return len(self._gate_names)

    def _places(self, num_input):
        """(name, shape) of every gate's weights and biases, in the order of the vector."""
        h, both = self._num_hidden, len(self._directions)
        for kind in ("weight", "bias"):
            for layer in range(self._num_layers):
                columns = {"i2h": num_input if layer == 0 else both * h, "h2h": h}
                for direction in self._directions:
                    for group in ("i2h", "h2h"):
                        for gate in self._gate_names:
                            name = f"{self._prefix}{direction}{layer}_{group}{gate}_{kind}"
                            yield name, (h, columns[group]) if kind == "weight" else (h,)

    def unpack_weights(self, args):
        args = dict(args)
        vector = args.pop(self._parameter.name)
        b, m, h = len(self._directions), self._num_gates, self._num_hidden
        num_input = vector.size // b // h // m - (self._num_layers - 1) * (h + b * h + 2) - h - 2
        at = 0
        for name, shape in self._places(num_input):
            size = shape[0] * (shape[1] if len(shape) > 1 else 1)
            args[name] = vector[at : at + size].reshape(shape).copy()
            at += size
        if at != vector.size:
            raise AssertionError(f"{self._parameter.name} has {vector.size} elements, which fit no size of the input")
        return args

    def pack_weights(self, args):
        args = dict(args)
        num_input = args[f"{self._prefix}l0_i2h{self._gate_names[0]}_weight"].shape[1]
        parts = [args.pop(name).reshape((-1,)) for name, _ in self._places(num_input)]
        args[self._parameter.name] = concatenate(parts)
        return args

    def __call__(self, inputs, states):
        raise NotImplementedError("FusedRNNCell cannot be stepped. Please use unroll")

    def unroll(self, length, inputs, begin_state=None, layout="NTC", merge_outputs=None):
        self.reset()
        inputs, axis = as_sequence(length, inputs, layout, True)
        if axis == 1:  # the operator reads time first
            inputs = symbol.swapaxes(inputs, dim1=0, dim2=1)
        elif axis != 0:
            raise AssertionError(f"Unsupported layout {layout}")
        states = self.begin_state() if begin_state is None else begin_state
        named = dict(zip(("state", "state_cell"), states))
        rnn = symbol.RNN(
            data=inputs, parameters=self._parameter, state_size=self._num_hidden, num_layers=self._num_layers,
            bidirectional=self._bidirectional, p=self._dropout, state_outputs=self._get_next_state, mode=self._mode,
            name=f"{self._prefix}rnn", **named,
        )  # fmt: skip
        following = [rnn[1 + i] for i in range(len(states))] if self._get_next_state else []
        outputs = rnn[0] if self._get_next_state else rnn
        if axis == 1:
            outputs = symbol.swapaxes(outputs, dim1=0, dim2=1)
        return as_sequence(length, outputs, layout, merge_outputs)[0], following

    def unfuse(self):
        """The same as cells that can be stepped; unpack_weights and its pack_weights bring the weights over."""

        def made(prefix):
            if self._mode == "lstm":
                return LSTMCell(self._num_hidden, prefix=prefix)
            if self._mode == "gru":
                return GRUCell(self._num_hidden, prefix=prefix)
            return RNNCell(self._num_hidden, activation=self._mode[len("rnn_") :], prefix=prefix)

        stack = SequentialRNNCell()
        for i in range(self._num_layers):
            cells = [made(f"{self._prefix}{direction}{i}_") for direction in self._directions]
            if self._bidirectional:
                stack.add(BidirectionalCell(*cells, output_prefix=f"{self._prefix}bi_l{i}_"))
            else:
                stack.add(cells[0])
            if self._dropout > 0 and i != self._num_layers - 1:
                stack.add(DropoutCell(self._dropout, prefix=f"{self._prefix}_dropout{i}_"))
        return stack
