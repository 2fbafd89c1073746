"""MXNet's interface, for inference.

``python -m tenon.mxnet script.py`` runs a script whose ``import mxnet as mx`` this package serves; in a script of your own
``import tenon.mxnet as mx`` does.

>>> import tenon.mxnet as mx
>>> (mx.nd.ones((2, 2)) * 3).asnumpy().tolist()
[[3.0, 3.0], [3.0, 3.0]]
"""

import sys as _sys

from . import attribute, base, context, name
from . import ndarray
from . import ndarray as nd
from . import random
from . import random as rnd
from . import symbol
from . import symbol as sym
from . import (
    autograd, callback, contrib, executor, gluon, image, initializer, io, metric, model, module, monitor, profiler, recordio, rnn,
    runtime, test_utils, util, visualization,
)  # fmt: skip
from . import image as img
from . import initializer as init
from . import module as mod
from . import monitor as mon
from . import visualization as viz
from ._refused import install as _install
from .attribute import AttrScope
from .base import MXNetError
from .context import Context, cpu, cpu_pinned, current_context, gpu, gpu_memory_info, num_gpus
from .executor import Executor
from .initializer import Xavier  # noqa: F401 (scripts of the first years use it from here)
from .util import is_np_array, is_np_shape, set_np, use_np

#: The version whose behaviour this package follows; tenon.__version__ is Tenon's own.
__version__ = "1.9.1"

_install(__name__, globals())

#: Names under which MXNet has some modules a second time.
_SECOND_NAMES = {
    "nd": "ndarray", "sym": "symbol", "mod": "module", "init": "initializer", "viz": "visualization", "img": "image",
    "mon": "monitor", "rnd": "random",
}  # fmt: skip
for _short, _full in _SECOND_NAMES.items():
    _sys.modules[f"{__name__}.{_short}"] = _sys.modules[f"{__name__}.{_full}"]

__all__ = [
    "AttrScope", "Context", "Executor", "MXNetError", "attribute", "autograd", "base", "callback", "context", "contrib", "cpu",
    "cpu_pinned", "current_context", "executor", "gluon", "gpu", "gpu_memory_info", "image", "img", "init", "initializer", "io",
    "is_np_array", "is_np_shape", "metric", "mod", "model", "module", "mon", "monitor", "name", "nd", "ndarray", "num_gpus",
    "profiler", "random", "recordio", "rnd", "rnn", "runtime", "set_np", "sym", "symbol", "test_utils", "use_np", "util", "visualization", "viz",
]  # fmt: skip
