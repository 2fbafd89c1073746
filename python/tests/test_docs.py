"""The documents say what is there."""

import os
import subprocess
import sys

import numpy as np
import pytest
from conftest import ROOT

import tenon


def test_operators_table_is_the_schemas():
    printed = subprocess.run([sys.executable, ROOT / "scripts" / "make-operators"], capture_output=True, text=True, check=True)
    assert printed.stdout == (ROOT / "docs" / "operators.md").read_text(), "run scripts/make-operators >docs/operators.md"


def test_every_example_of_the_python_page_runs(run_python, tmp_path):
    text = (ROOT / "docs" / "python.md").read_text()
    blocks = [part.split("```")[0] for part in text.split("```python\n")[1:]]
    assert len(blocks) >= 3
    script = tmp_path / "page.py"
    script.write_text("\n".join(blocks))
    done = run_python(script)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def program():
    """Runs the `tenon` program; returns its exit code and what it printed."""
    path = os.environ.get("TENON_PROGRAM")
    if not path:
        pytest.skip("TENON_PROGRAM names no tenon program")

    def run(*arguments):
        done = subprocess.run([path, *map(str, arguments)], capture_output=True, text=True, timeout=300, check=False)
        return done.returncode, done.stdout + done.stderr

    return run


def test_faq_no_difference(program):
    head = ("--symbol", ROOT / "tests" / "data" / "extra" / "ssd_head-symbol.json", "--shape", "data=1,3,128,128", "--backend", "cpu")
    code, text = program("explain", *head)
    assert code == 0 and "left to plain steps" in text
    assert "_contrib_MultiBoxPrior of (1,32,16,16) to (1,1024,4): the backend 'cpu' has nothing faster for it" in text
    code, text = program("bench", *head, "--seconds", "0.05", "--threads", "1")
    assert code == 0 and "before: plain" in text and "after: cpu" in text and "times as fast" in text


def test_faq_wrong_results(program, tmp_path):
    model = tenon.zoo("mobilenet0.25", seed=3)
    model.save(tmp_path / "net")
    data = np.random.RandomState(1).uniform(-1, 1, (1, 3, 32, 32)).astype("float32")
    stored = {"in/data": data}
    executor = model.bind({"data": data.shape})
    executor.set_monitor(lambda name, value: stored.__setitem__(f"out/{name}", value.copy()))
    executor.run([data])
    np.savez(tmp_path / "golden.npz", **stored)
    code, text = program("compare", tmp_path / "net", "--golden", tmp_path / "golden.npz")
    assert code == 0 and "agree within" in text
    inner = "out/mobilenet0_conv3_fwd_output"
    np.savez(tmp_path / "other.npz", **{**stored, inner: stored[inner] * 1.01})
    code, text = program("compare", tmp_path / "net", "--golden", tmp_path / "other.npz")
    assert code == 8 and "the first to deviate by more than 0.0001 is mobilenet0_conv3_fwd_output" in text


def test_faq_a_file_is_refused(program, tmp_path):
    file = tmp_path / "net-symbol.json"
    file.write_text('{"nodes": [')
    code, text = program("show", "--symbol", file)
    assert code != 0 and "damaged" in text and "line 1, column" in text
    nodes = [{"op": "null", "name": "a", "inputs": []}]
    nodes += [{"op": op, "name": op.lower(), "inputs": [[0, 0, 0]]} for op in ("Nothing", "Neither")]
    file.write_text(str({"nodes": nodes, "arg_nodes": [0], "heads": [[1, 0, 0], [2, 0, 0]]}).replace("'", '"'))
    code, text = program("show", "--symbol", file)
    assert code != 0 and "2 operators are unknown to Tenon: Neither (node 'neither'), Nothing (node 'nothing')" in text


def test_faq_other_numbers():
    engine = tenon.zoo("mobilenet0.25", seed=3).compile(data=(1, 3, 32, 32))
    data = np.random.RandomState(1).uniform(-1, 1, (1, 3, 32, 32)).astype("float32")
    np.testing.assert_array_equal(engine(data), engine(data))
