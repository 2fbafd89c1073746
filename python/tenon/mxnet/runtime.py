"""mx.runtime.Features: what this build has, by MXNet's names."""

import collections

from .base import Unsupported
from .context import num_gpus


class Feature:
    def __init__(self, name, enabled):
        self.name, self.enabled = name, enabled

    def __repr__(self):
        return f"{'✔' if self.enabled else '✖'} {self.name}"


_NAMES = (
    "CUDA CUDNN NCCL CUDA_RTC TENSORRT CPU_SSE CPU_SSE2 CPU_SSE3 CPU_SSE4_1 CPU_SSE4_2 CPU_SSE4A CPU_AVX CPU_AVX2 OPENMP "
    "SSE F16C JEMALLOC BLAS_OPEN BLAS_ATLAS BLAS_MKL BLAS_APPLE LAPACK MKLDNN OPENCV CAFFE PROFILER DIST_KVSTORE CXX14 "
    "INT64_TENSOR_SIZE SIGNAL_HANDLER DEBUG TVM_OP"
).split()
_HAVE = {"OPENMP", "MKLDNN", "LAPACK", "INT64_TENSOR_SIZE", "PROFILER"}


class Features(collections.OrderedDict):
    """{name: Feature}"""

    def __init__(self):
        have = _HAVE | ({"CUDA", "CUDNN"} if num_gpus() else set())
        super().__init__((name, Feature(name, name in have)) for name in _NAMES)

    def is_enabled(self, feature_name):
        name = feature_name.upper()
        if name not in self:
            raise RuntimeError(f"Feature '{name}' is unknown, known features are: {list(self)}")
        return self[name].enabled

    def __repr__(self):
        return str(list(self.values()))


def feature_list():
    return list(Features().values())


__all__ = ["Feature", "Features", "Unsupported", "feature_list"]
