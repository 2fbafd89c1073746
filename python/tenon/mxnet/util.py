"""mx.util: numpy mode is off, and stays so."""

import functools
import os

from .base import Unsupported
from .context import num_gpus


def is_np_array():
    return False


def is_np_shape():
    return False


def set_np(shape=True, array=True, dtype=False):
    if shape or array:
        raise Unsupported("numpy mode (mx.npx.set_np) is outside what Tenon's classic interface has; use mx.nd and mx.sym")


def reset_np():
    """Numpy mode is off."""


def set_np_shape(active):
    if active:
        set_np()
    return False


def use_np(func):
    @functools.wraps(func)
    def call(*args, **kwargs):
        set_np()
        return func(*args, **kwargs)

    return call


def makedirs(d):
    os.makedirs(os.path.expanduser(d), exist_ok=True)


def get_gpu_count():
    return num_gpus()
