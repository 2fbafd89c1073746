"""The documents say what is there."""

import subprocess
import sys

from conftest import ROOT


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
