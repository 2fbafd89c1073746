"""Loops and branches of mx.nd.contrib: Python's own, as they are in MXNet's imperative mode."""

from ..base import MXNetError
from .ndarray import NDArray, function

__all__ = ["cond", "foreach", "isfinite", "isinf", "isnan", "while_loop"]


def _flat(value):
    """The arrays in nested lists, and a function that nests others the same way."""
    if isinstance(value, NDArray):
        return [value], lambda arrays: arrays.pop(0)
    if not isinstance(value, (list, tuple)):
        raise TypeError(f"arrays and (nested) lists of arrays are expected, but got {type(value)}")
    parts = [_flat(item) for item in value]
    return [array for arrays, _ in parts for array in arrays], lambda arrays: [nest(arrays) for _, nest in parts]


def _stacked(rows, pad_to=None):
    """Outputs of the steps, place by place along a new first axis; missing steps are zeros."""
    stack = function("stack")
    flats = [_flat(row)[0] for row in rows]
    missing = 0 if pad_to is None else pad_to - len(rows)
    zeros = [function("zeros_like")(array) for array in flats[0]]
    columns = [stack(*column, *[zero] * missing, axis=0) for column, zero in zip(zip(*flats), zeros)]
    return _flat(rows[0])[1](columns)


def foreach(body, data, init_states):
    """`output, states = body(item, states)` for every item along the first axis: (outputs, states)."""
    arrays, nest = _flat(data)
    if not arrays or any(len(array) != len(arrays[0]) for array in arrays):
        raise MXNetError(f"foreach: the lengths of the data differ: {[len(array) for array in arrays]}")
    states, rows = init_states, []
    for i in range(len(arrays[0])):
        output, states = body(nest([array[i] for array in arrays]), states)
        rows.append(output)
    return _stacked(rows), states


def _scalar(value, what):
    if isinstance(value, NDArray):
        if value.size != 1:
            raise ValueError(f"{what} must be one number, but it has shape {value.shape}")
        value = value.asscalar()
    return value


def while_loop(cond, func, loop_vars, max_iterations=None):
    """While `cond(*vars)`: `output, vars = func(*vars)`; outputs are padded with zeros to `max_iterations`."""
    if max_iterations is None:
        raise ValueError("max_iterations should be specified")
    limit = int(_scalar(max_iterations, "max_iterations"))
    single = isinstance(loop_vars, NDArray)
    current = [loop_vars] if single else list(loop_vars)
    if not current:
        raise ValueError("loop_vars should contain at least one element")
    rows = []
    while len(rows) < limit and _scalar(cond(*current), "the condition"):
        output, following = func(*current)
        current = [following] if isinstance(following, NDArray) else list(following or [])
        rows.append([] if output is None else output)
    outputs = _stacked(rows, limit) if rows and not (isinstance(rows[0], (list, tuple)) and not rows[0]) else []
    return outputs, current[0] if single else current


def cond(pred, then_func, else_func):
    """What one of the two functions gives."""
    return then_func() if _scalar(pred, "the condition") else else_func()


def isinf(data):
    return function("abs")(data) == float("inf")


def isnan(data):
    return data != data


def isfinite(data):
    return (data == data) * (function("abs")(data) != float("inf"))
