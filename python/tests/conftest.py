"""Where the tests find what they need."""

import os
import pathlib
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parent.parent

#: Not tests: the script that both sides run.
collect_ignore = ["classic.py"]


@pytest.fixture
def run_python():
    """Runs Python with this package importable; returns the finished process."""

    def run(*arguments, python=sys.executable, **environment):
        variables = {**os.environ, "PYTHONPATH": str(HERE.parent), "PYTHONDONTWRITEBYTECODE": "1", **environment}
        if python != sys.executable:
            variables.pop("PYTHONPATH")
        command = [python, *map(str, arguments)]
        return subprocess.run(command, env=variables, capture_output=True, text=True, timeout=600, check=False)

    return run


@pytest.fixture
def mxnet_python():
    """A Python with MXNet 1.9.1, which TENON_MXNET_PYTHON names."""
    python = os.environ.get("TENON_MXNET_PYTHON")
    if not python:
        pytest.skip("TENON_MXNET_PYTHON names no Python with MXNet 1.9.1")
    return python
