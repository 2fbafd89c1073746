"""Devices by MXNet's names."""

import threading

from ..model import devices

from .base import Unsupported


class Context:
    """``cpu(0)`` or ``gpu(1)``; ``with`` makes it the current one."""

    devtype2str = {1: "cpu", 2: "gpu", 3: "cpu_pinned", 5: "cpu_shared"}
    devstr2type = {"cpu": 1, "gpu": 2, "cpu_pinned": 3, "cpu_shared": 5}
    _local = threading.local()

    def __init__(self, device_type, device_id=0):
        if isinstance(device_type, Context):
            device_type, device_id = device_type.device_type, device_type.device_id
        self.device_typeid = self.devstr2type[device_type]
        self.device_id = device_id
        self._before = []

    @property
    def device_type(self):
        return self.devtype2str[self.device_typeid]

    def __eq__(self, other):
        same_type = isinstance(other, Context) and self.device_typeid == other.device_typeid
        return same_type and self.device_id == other.device_id

    def __hash__(self):
        return hash((self.device_typeid, self.device_id))

    def __repr__(self):
        return f"{self.device_type}({self.device_id})"

    def __enter__(self):
        self._before.append(current_context())
        Context._local.current = self
        return self

    def __exit__(self, *_):
        Context._local.current = self._before.pop()

    def empty_cache(self):
        """Nothing to give back: buffers belong to executors."""


def cpu(device_id=0):
    return Context("cpu", device_id)


def cpu_pinned(device_id=0):
    return Context("cpu_pinned", device_id)


def gpu(device_id=0):
    return Context("gpu", device_id)


def current_context():
    return getattr(Context._local, "current", None) or Context("cpu", 0)


def num_gpus():
    """How many GPUs networks can run on here."""
    return sum(name.startswith("cuda") for name in devices())


def gpu_memory_info(device_id=0):
    raise Unsupported("the memory of GPUs is told by `tenon devices`")


def device_of(context):
    """The engine's name of a context; refuses a GPU that is not there, as MXNet does."""
    if context.device_type != "gpu":
        return "cpu"
    if context.device_id >= num_gpus():
        raise Unsupported(
            f"the context {context} names a GPU that is not there ({num_gpus()} found); bind on mx.cpu()"
        )
    return f"cuda:{context.device_id}"
