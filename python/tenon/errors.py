"""The exceptions: one class a kind of mistake, each with the engine's sentence."""

from __future__ import annotations


class Error(RuntimeError):
    """What the engine refused, in a sentence; ``code`` names the kind."""

    code = "internal"


class InvalidArgument(Error, ValueError):
    """A shape, type, name or option that does not fit."""

    code = "invalid_argument"


class NotFound(Error, LookupError):
    """A file, model, operator or tensor that is not there."""

    code = "not_found"


class Corrupt(Error):
    """A file whose content is damaged or truncated."""

    code = "corrupt"


class Unsupported(Error):
    """Well formed, but outside what Tenon runs here."""

    code = "unsupported"


class OutOfMemory(Error, MemoryError):
    """An allocation that could not be had."""

    code = "out_of_memory"


class InputOutput(Error, OSError):
    """Reading or writing failed."""

    code = "io"


class Cancelled(Error):
    """A build that was told to end."""

    code = "cancelled"


#: By TenonStatus.
BY_STATUS = (Error, InvalidArgument, NotFound, Corrupt, Unsupported, OutOfMemory, InputOutput, Error, Cancelled)
