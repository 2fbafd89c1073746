"""Losses belong to training."""

from ..base import no_training


def __getattr__(name):
    if not name[:1].isupper():
        raise AttributeError(name)
    raise no_training(f"gluon.loss.{name}")
