"""Errors, and words that MXNet's scripts import from here."""

import numpy as np

from ..errors import Error, NotFound, Unsupported

#: What MXNet raises; Tenon's own error has the sentence.
MXNetError = Error


class NotImplementedForSymbol(Unsupported):
    """What arrays can and symbols cannot."""


string_types = (str,)
basestring = str
numeric_types = (float, int, np.generic)
integer_types = (int, np.int32, np.int64)
mx_real_t = np.float32


class _NullType:
    """Stands for an argument that was not given."""

    def __repr__(self):
        return "_Null"

    def __bool__(self):
        return False


_Null = _NullType()


def no_training(what):
    """The one answer to everything that needs gradients."""
    return Unsupported(f"{what} belongs to training, and Tenon runs networks, it does not train them")


def py_str(text):
    return text.decode("utf-8")


__all__ = ["Error", "MXNetError", "NotFound", "Unsupported", "no_training"]
