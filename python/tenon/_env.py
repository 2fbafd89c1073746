"""Every environment variable that the package reads (docs/environment.md); nothing else in it looks at the environment."""

from __future__ import annotations

import os


def _read(name: str, default: str = "") -> str:
    return os.environ.get(name) or default


def library() -> str:
    """A libtenon.so to use instead of the one in the package."""
    return _read("TENON_LIBRARY")


def log() -> str:
    """``off`` silences the one line that scripts of the classic interface end with."""
    return _read("TENON_LOG")


def use_tensorrt() -> bool:
    """MXNet's switch of the accelerated executor, read at every bind."""
    return _read("MXNET_USE_TENSORRT", "0") not in ("0", "false", "False")


def tensorrt_use_fp16() -> bool:
    """MXNet 1.5 to 1.7: half precision in the accelerated executor."""
    return _read("MXNET_TENSORRT_USE_FP16", "1") not in ("0", "false", "False")


def subgraph_backend() -> str:
    """MXNet's name of the subgraph backend that every executor is made with."""
    return _read("MXNET_SUBGRAPH_BACKEND")


def home() -> str:
    """Where MXNet keeps its downloads."""
    return _read("MXNET_HOME", os.path.join(os.path.expanduser("~"), ".mxnet"))


def gluon_repository() -> str:
    """Where MXNet's trained networks are downloaded from."""
    url = _read("MXNET_GLUON_REPO", "https://apache-mxnet.s3-accelerate.dualstack.amazonaws.com/")
    return url if url.endswith("/") else url + "/"


def set_variable(name: str, value: str) -> None:
    """For the classic interface's setters, which MXNet implements this way."""
    os.environ[name] = value
