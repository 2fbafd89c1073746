"""Random arrays. The numbers are NumPy's, not MXNet's: the same seed repeats a run of Tenon, not one of MXNet."""

import numpy as np

from ..base import _Null
from .ndarray import NDArray, _dims, _placed, as_dtype

_state = np.random.RandomState(0)


def seed(seed_state, ctx="all"):
    _state.seed(int(seed_state) & 0xFFFFFFFF)


def _made(draw, parameters, shape, dtype, ctx, out):
    """`shape` numbers for each set of parameters, which are numbers or arrays of one shape."""
    tensors = [p for p in parameters if isinstance(p, NDArray)]
    drawn = () if shape in (None, _Null) else _dims(shape)
    if tensors:
        own = tensors[0].shape
        spread = [p._data.reshape(own + (1,) * len(drawn)) if isinstance(p, NDArray) else p for p in parameters]
        values = draw(*spread, size=own + drawn)
    else:
        values = draw(*parameters, size=drawn or (1,))
    dtype = None if dtype in (None, _Null, "None") else dtype
    data = np.asarray(values).astype(as_dtype(dtype))
    if out is not None:
        out._write(data.reshape(out.shape) if data.size == out.size else draw(*parameters, size=out.shape))
        return out
    return _placed(data, ctx)


def uniform(low=0, high=1, shape=_Null, dtype=_Null, ctx=None, out=None, **_):
    return _made(_state.uniform, (low, high), out.shape if out is not None else shape, dtype, ctx, out)


def normal(loc=0, scale=1, shape=_Null, dtype=_Null, ctx=None, out=None, **_):
    return _made(_state.normal, (loc, scale), out.shape if out is not None else shape, dtype, ctx, out)


def randn(*shape, loc=0.0, scale=1.0, dtype=_Null, ctx=None, **_):
    return normal(loc, scale, shape or (1,), dtype, ctx)


def randint(low, high, shape=_Null, dtype=_Null, ctx=None, out=None, **_):
    return _made(_state.randint, (low, high), shape, "int32" if dtype is _Null else dtype, ctx, out)


def poisson(lam=1, shape=_Null, dtype=_Null, ctx=None, out=None, **_):
    return _made(_state.poisson, (lam,), shape, dtype, ctx, out)


def exponential(scale=1, shape=_Null, dtype=_Null, ctx=None, out=None, **_):
    return _made(_state.exponential, (scale,), shape, dtype, ctx, out)


def gamma(alpha=1, beta=1, shape=_Null, dtype=_Null, ctx=None, out=None, **_):
    return _made(_state.gamma, (alpha, beta), shape, dtype, ctx, out)


def negative_binomial(k=1, p=1, shape=_Null, dtype=_Null, ctx=None, out=None, **_):
    return _made(_state.negative_binomial, (k, p), shape, dtype, ctx, out)


def multinomial(data, shape=_Null, get_prob=False, out=None, dtype="int32", **_):
    drawn = () if shape is _Null else _dims(shape)
    rows = data._data.reshape(-1, data.shape[-1]).astype(np.float64)
    size = int(np.prod(drawn)) if drawn else 1
    picked = np.stack([_state.choice(row.size, size, p=row / row.sum()) for row in rows])
    values = NDArray(picked.astype(as_dtype(dtype)).reshape((data.shape[:-1] + drawn) or (1,)), data._context)
    if not get_prob:
        return values
    logs = np.log(np.take_along_axis(rows, picked, 1)).astype(data._data.dtype)
    return [values, NDArray(logs.reshape(values.shape), data._context)]


def shuffle(data, **_):
    return NDArray(data._data[_state.permutation(data.shape[0])], data._context)
