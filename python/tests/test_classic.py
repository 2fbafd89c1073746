"""classic.py by Tenon gives what it gave by MXNet 1.9.1, and still gives by a real one where there is one.

data/classic-mxnet-1.9.1.json was recorded by `python classic.py data/classic-mxnet-1.9.1.json` under MXNet 1.9.1, NumPy 1.23.5.
"""

import json

import pytest
from conftest import HERE

from compare import differences, same

RECORD = HERE / "data" / "classic-mxnet-1.9.1.json"


@pytest.fixture(scope="module")
def recorded():
    return json.loads(RECORD.read_text())


def test_tenon_does_what_mxnet_did(run_python, recorded, tmp_path):
    done = run_python("-m", "tenon.mxnet", HERE / "classic.py", tmp_path / "results.json")
    assert done.returncode == 0, done.stderr
    results = json.loads((tmp_path / "results.json").read_text())
    assert len(results) >= 300
    assert differences(recorded, results) == []


def test_mxnet_still_does_it(run_python, mxnet_python, recorded, tmp_path):
    done = run_python(HERE / "classic.py", tmp_path / "results.json", python=mxnet_python)
    assert done.returncode == 0, done.stderr
    assert differences(recorded, json.loads((tmp_path / "results.json").read_text())) == []


def test_the_comparison_can_fail():
    assert not same({"nd": {"shape": [1], "values": [1.0]}}, {"nd": {"shape": [1], "values": [1.001]}})
    assert not same([1], [1.5]) and not same({"raises": "ValueError"}, {"raises": "TypeError"}) and not same(1, True)
    assert differences({"a": 1}, {"a": 2, "b": 3}) == ["a: 2 instead of 1", "b: only there"]
