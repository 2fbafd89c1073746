"""Tenon runs the models people trained in Apache MXNet, without MXNet.

>>> import numpy, tenon
>>> m = tenon.zoo("resnet18_v2", seed=0)
>>> e = m.compile(data=(1, 3, 224, 224))
>>> e(numpy.zeros((1, 3, 224, 224), "float32")).shape
(1, 1000)

``tenon.mxnet`` is MXNet's own interface for inference: ``python -m tenon.mxnet script.py`` runs a script with it.
"""

from . import errors
from ._dlpack import DeviceArray
from ._lib import components, lib
from .engine import Engine
from .errors import Error
from .executor import Executor, Step
from .model import Model, devices, load, load_files, load_plan, zoo, zoo_input, zoo_names

__version__ = lib.tenon_version().decode()

__all__ = [
    "DeviceArray",
    "Engine",
    "Error",
    "Executor",
    "Model",
    "Step",
    "components",
    "devices",
    "errors",
    "load",
    "load_files",
    "load_plan",
    "zoo",
    "zoo_input",
    "zoo_names",
]
