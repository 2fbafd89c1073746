"""Checkpoints, and the old FeedForward model."""

import logging
from collections import namedtuple

import numpy as np

from .. import _array
from . import ndarray as nd
from . import symbol as sym
from .base import no_training
from .context import cpu

BatchEndParam = namedtuple("BatchEndParams", ["epoch", "nbatch", "eval_metric", "locals"])


def save_checkpoint(prefix, epoch, symbol, arg_params, aux_params, remove_amp_cast=True):
    """Writes PREFIX-symbol.json and PREFIX-EPOCH.params."""
    if symbol is not None:
        symbol.save(f"{prefix}-symbol.json", remove_amp_cast=remove_amp_cast)
    arrays = {f"arg:{name}": array for name, array in arg_params.items()}
    arrays.update({f"aux:{name}": array for name, array in aux_params.items()})
    path = f"{prefix}-{epoch:04d}.params"
    nd.save(path, arrays)
    logging.info('Saved checkpoint to "%s"', path)


def load_params(prefix, epoch):
    """(argument parameters, auxiliary parameters) of PREFIX-EPOCH.params."""
    loaded = nd.load(f"{prefix}-{epoch:04d}.params")
    args, aux = {}, {}
    if not loaded:
        logging.warning("Params file '%s' is empty", f"{prefix}-{epoch:04d}.params")
        return args, aux
    for key, array in loaded.items():
        kind, name = key.split(":", 1)
        if kind == "arg":
            args[name] = array
        if kind == "aux":
            aux[name] = array
    return args, aux


def load_checkpoint(prefix, epoch):
    """(symbol, argument parameters, auxiliary parameters)."""
    symbol = sym.load(f"{prefix}-symbol.json")
    return (symbol, *load_params(prefix, epoch))


class FeedForward:
    """MXNet's first model class: load, predict, score, save."""

    def __init__(self, symbol, ctx=None, arg_params=None, aux_params=None, begin_epoch=0, numpy_batch_size=128, **kwargs):
        self.symbol = symbol
        self.ctx = ctx or [cpu()]
        self.arg_params = arg_params
        self.aux_params = aux_params
        self.begin_epoch = begin_epoch
        self.numpy_batch_size = numpy_batch_size

    @staticmethod
    def load(prefix, epoch, ctx=None, **kwargs):
        symbol, args, aux = load_checkpoint(prefix, epoch)
        return FeedForward(symbol, ctx, args, aux, begin_epoch=epoch, **kwargs)

    def save(self, prefix, epoch=None, remove_amp_cast=True):
        epoch = self.begin_epoch if epoch is None else epoch
        save_checkpoint(prefix, epoch, self.symbol, self.arg_params, self.aux_params, remove_amp_cast)

    def _module(self, data):
        from .module import Module

        data_names = [desc[0] for desc in data.provide_data]
        labels = [name for name in self.symbol.list_arguments() if name.endswith("label")]
        ctx = self.ctx[0] if isinstance(self.ctx, list) else self.ctx
        module = Module(self.symbol, data_names, labels, context=ctx)
        module.bind(data.provide_data, None, for_training=False)
        module.set_params(self.arg_params, self.aux_params or {}, allow_extra=True)
        return module

    def _iterator(self, X):
        from .io import NDArrayIter

        if isinstance(X, (np.ndarray, nd.NDArray)):
            return NDArrayIter(X, batch_size=min(len(X), self.numpy_batch_size))
        return X

    def predict(self, X, num_batch=None, return_data=False, reset=True):
        data = self._iterator(X)
        result = self._module(data).predict(data, num_batch, reset=reset)
        return [item.asnumpy() for item in result] if isinstance(result, list) else result.asnumpy()

    def score(self, X, eval_metric="acc", num_batch=None, batch_end_callback=None, reset=True):
        return self._module(X).score(X, eval_metric, num_batch, reset=reset)[0][1]

    def fit(self, *_, **__):
        raise no_training("FeedForward.fit")

    @staticmethod
    def create(*_, **__):
        raise no_training("FeedForward.create")


__all__ = ["FeedForward", "load_checkpoint", "load_params", "save_checkpoint", "_array"]
