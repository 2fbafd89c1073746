"""Recurrent layers: RNN, LSTM, GRU over whole sequences."""

from ... import ndarray as nd
from ... import symbol as sym
from ...base import Unsupported
from ...symbol.symbol import Symbol
from ..block import HybridBlock

__all__ = ["GRU", "LSTM", "RNN"]

_GATES = {"rnn_relu": 1, "rnn_tanh": 1, "lstm": 4, "gru": 3}


class _RNNLayer(HybridBlock):
    def __init__(
        self, hidden_size, num_layers, layout, dropout, bidirectional, input_size, i2h_weight_initializer,
        h2h_weight_initializer, i2h_bias_initializer, h2h_bias_initializer, mode, dtype="float32", **kwargs,
    ):  # fmt: skip
        super().__init__(**kwargs)
        if layout not in ("TNC", "NTC"):
            raise AssertionError(f"Invalid layout {layout}; must be one of ['TNC' or 'NTC']")
        self._hidden_size, self._num_layers, self._mode, self._layout = hidden_size, num_layers, mode, layout
        self._directions, self._dropout, self._dtype = 2 if bidirectional else 1, dropout, dtype
        rows, width = _GATES[mode] * hidden_size, input_size
        for layer in range(num_layers):
            for side in ["l", "r"][: self._directions]:
                kinds = {
                    "i2h_weight": ((rows, width), i2h_weight_initializer),
                    "h2h_weight": ((rows, hidden_size), h2h_weight_initializer),
                    "i2h_bias": ((rows,), i2h_bias_initializer),
                    "h2h_bias": ((rows,), h2h_bias_initializer),
                }
                for kind, (shape, init) in kinds.items():
                    name = f"{side}{layer}_{kind}"
                    setattr(self, name, self.params.get(name, shape=shape, init=init, allow_deferred_init=True, dtype=dtype))
            width = hidden_size * self._directions

    def state_info(self, batch_size=0):
        shape = (self._num_layers * self._directions, batch_size, self._hidden_size)
        return [{"shape": shape, "__layout__": "LNC", "dtype": self._dtype}] * (2 if self._mode == "lstm" else 1)

    def begin_state(self, batch_size=0, func=nd.zeros, **kwargs):
        return [func(shape=info["shape"], **kwargs) for info in self.state_info(batch_size)]

    def infer_shape(self, inputs, *_):
        width = inputs.shape[2]
        for layer in range(self._num_layers):
            for side in ["l", "r"][: self._directions]:
                weight = getattr(self, f"{side}{layer}_i2h_weight")
                weight.shape = (weight.shape[0], width)
            width = self._hidden_size * self._directions

    def __call__(self, inputs, states=None, **kwargs):
        self._no_states = states is None
        if states is None and not isinstance(inputs, Symbol):
            states = self.begin_state(inputs.shape[self._layout.find("N")], ctx=inputs.context, dtype=inputs.dtype)
        if not isinstance(states, (list, tuple)):
            states = [] if states is None else [states]
        no_states = self._no_states
        result = super().__call__(inputs, list(states), **kwargs)
        return result[0] if no_states else result

    def hybrid_forward(self, F, inputs, states, **parameters):
        if F is sym and not states:
            raise Unsupported(f"{type(self).__name__} in a hybridised block needs its begin_state given to the call")
        if self._layout == "NTC":
            inputs = F.swapaxes(inputs, dim1=0, dim2=1)
        kinds = [(layer, side) for layer in range(self._num_layers) for side in ["l", "r"][: self._directions]]
        order = [(layer, side, kind, what) for what in ("weight", "bias") for layer, side in kinds for kind in ("i2h", "h2h")]
        flat = [parameters[f"{side}{layer}_{kind}_{what}"].reshape((-1,)) for layer, side, kind, what in order]
        packed = F.concat(*flat, dim=0)
        out = F.RNN(
            inputs, packed, *states, state_size=self._hidden_size, num_layers=self._num_layers,
            bidirectional=self._directions == 2, p=self._dropout, state_outputs=True, mode=self._mode,
        )  # fmt: skip
        outputs = F.swapaxes(out[0], dim1=0, dim2=1) if self._layout == "NTC" else out[0]
        return outputs, list(out)[1:]


class RNN(_RNNLayer):
    def __init__(
        self, hidden_size, num_layers=1, activation="relu", layout="TNC", dropout=0, bidirectional=False,
        i2h_weight_initializer=None, h2h_weight_initializer=None, i2h_bias_initializer="zeros",
        h2h_bias_initializer="zeros", input_size=0, **kwargs,
    ):  # fmt: skip
        super().__init__(
            hidden_size, num_layers, layout, dropout, bidirectional, input_size, i2h_weight_initializer,
            h2h_weight_initializer, i2h_bias_initializer, h2h_bias_initializer, f"rnn_{activation}", **kwargs,
        )  # fmt: skip


class LSTM(_RNNLayer):
    def __init__(
        self, hidden_size, num_layers=1, layout="TNC", dropout=0, bidirectional=False, input_size=0,
        i2h_weight_initializer=None, h2h_weight_initializer=None, i2h_bias_initializer="zeros",
        h2h_bias_initializer="zeros", **kwargs,
    ):  # fmt: skip
        super().__init__(
            hidden_size, num_layers, layout, dropout, bidirectional, input_size, i2h_weight_initializer,
            h2h_weight_initializer, i2h_bias_initializer, h2h_bias_initializer, "lstm", **kwargs,
        )  # fmt: skip


class GRU(_RNNLayer):
    def __init__(
        self, hidden_size, num_layers=1, layout="TNC", dropout=0, bidirectional=False, input_size=0,
        i2h_weight_initializer=None, h2h_weight_initializer=None, i2h_bias_initializer="zeros",
        h2h_bias_initializer="zeros", **kwargs,
    ):  # fmt: skip
        super().__init__(
            hidden_size, num_layers, layout, dropout, bidirectional, input_size, i2h_weight_initializer,
            h2h_weight_initializer, i2h_bias_initializer, h2h_bias_initializer, "gru", **kwargs,
        )  # fmt: skip
