"""Networks that are built in."""

from . import model_store, vision  # noqa: F401
