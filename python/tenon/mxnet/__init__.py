"""MXNet's interface, for inference. ``python -m tenon.mxnet script.py`` serves a script's ``import mxnet`` by it."""

from . import base, context
from .base import MXNetError
from .context import Context, cpu, cpu_pinned, current_context, gpu, gpu_memory_info, num_gpus
from . import attribute, name
from .attribute import AttrScope
from . import ndarray
from . import ndarray as nd
from . import random
from . import random as rnd
from . import symbol
from . import symbol as sym
from . import executor, model, contrib
