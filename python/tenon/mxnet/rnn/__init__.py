"""mx.rnn: recurrent cells of symbols."""

import sys as _sys

from .._refused import fill as _fill
from ..base import Unsupported as _Unsupported
from .fused import FusedRNNCell  # noqa: F401
from .modifiers import DropoutCell, ModifierCell, ResidualCell, ZoneoutCell  # noqa: F401
from .rnn import load_rnn_checkpoint, save_rnn_checkpoint  # noqa: F401
from .rnn_cell import (  # noqa: F401
    BaseRNNCell, BidirectionalCell, GRUCell, LSTMCell, RNNCell, RNNParams, SequentialRNNCell,
)  # fmt: skip

_OTHERS = (
    "BaseConvRNNCell", "BucketSentenceIter", "ConvGRUCell", "ConvLSTMCell", "ConvRNNCell", "do_rnn_checkpoint", "encode_sentences",
)  # fmt: skip
_fill(
    _sys.modules[__name__], "mx.rnn",
    lambda what: _Unsupported(f"{what} is outside Tenon's classic interface; its cells, unroll and weights are there"), _OTHERS,
)  # fmt: skip
