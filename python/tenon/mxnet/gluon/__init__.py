"""mx.gluon, for inference."""

from ..base import no_training
from .block import Block, HybridBlock, SymbolBlock  # noqa: F401
from .parameter import Constant, DeferredInitializationError, Parameter, ParameterDict  # noqa: F401
from . import contrib, data, loss, model_zoo, nn, rnn, utils  # noqa: F401


class Trainer:
    """Training is not what Tenon does."""

    def __init__(self, *_, **__):
        raise no_training("gluon.Trainer")
