"""Serves `import mxnet` by tenon.mxnet: one module object under both names."""

import collections
import collections.abc
import importlib
import importlib.abc
import importlib.machinery
import sys
import time
import warnings

import numpy

_OURS = __name__.rpartition(".")[0]


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, fullname, path=None, target=None):
        if fullname != "mxnet" and not fullname.startswith("mxnet."):
            return None
        try:
            importlib.import_module(_OURS + fullname[len("mxnet") :])
        except ModuleNotFoundError as error:
            if not (error.name or "").startswith(_OURS):
                raise
            return None
        return importlib.machinery.ModuleSpec(fullname, self, is_package=True)

    def create_module(self, spec):
        module = sys.modules[_OURS + spec.name[len("mxnet") :]]
        self._own = (module, module.__spec__)
        return module

    def exec_module(self, module):
        # importlib has put the spec of the other name on it.
        if self._own[0] is module:
            module.__spec__ = self._own[1]


#: What scripts of MXNet's time call, and NumPy 1.24 and 2.0 have no more.
_REMOVED = {
    "bool": bool, "int": int, "float": float, "complex": complex, "object": object, "str": str, "float_": numpy.float64,
    "Inf": numpy.inf, "NaN": numpy.nan, "product": numpy.prod, "cumproduct": numpy.cumprod, "alltrue": numpy.all,
    "sometrue": numpy.any, "asscalar": lambda array: array.item(),
}  # fmt: skip


def restore_numpy():
    """Gives NumPy back its old names, for the script that this process runs."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, value in _REMOVED.items():
            if not hasattr(numpy, name):
                setattr(numpy, name, value)


def restore_python():
    """The same for the standard library: `time.clock`, and the abstract classes that `collections` had until 3.9."""
    if not hasattr(time, "clock"):
        time.clock = time.perf_counter
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in collections.abc.__all__:
            if not hasattr(collections, name):
                setattr(collections, name, getattr(collections.abc, name))


def install():
    """From now on `import mxnet` and its submodules give tenon.mxnet's."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())
