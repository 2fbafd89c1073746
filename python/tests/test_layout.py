"""The structures that ctypes describes are those of the C header, field by field."""

import ctypes
import pathlib
import shutil
import subprocess

import pytest

from tenon import _lib

INCLUDE = pathlib.Path(__file__).resolve().parents[2] / "include"
STRUCTURES = {"TenonType": _lib.Type, "TenonBindOptions": _lib.BindOptions, "TenonStep": _lib.Step}


def layout(structure):
    fields = [(name, getattr(structure, name).offset) for name, *_ in structure._fields_]
    return [*fields, ("sizeof", ctypes.sizeof(structure))]


@pytest.mark.parametrize("name", STRUCTURES)
def test_structures_are_those_of_the_header(tmp_path, name):
    compiler = shutil.which("cc")
    if compiler is None or not INCLUDE.is_dir():
        pytest.skip("needs a C compiler and the header")
    lines = [f'printf("%zu\\n", offsetof({name}, {field}));' for field, *_ in STRUCTURES[name]._fields_]
    source = tmp_path / "layout.c"
    source.write_text(
        "#include <stddef.h>\n#include <stdio.h>\n#include <tenon/c_api.h>\nint main(void) {\n"
        + "\n".join([*lines, f'printf("%zu\\n", sizeof({name}));'])
        + "\nreturn 0;\n}\n"
    )
    program = tmp_path / "layout"
    subprocess.run([compiler, "-I", INCLUDE, source, "-o", program], check=True)
    numbers = subprocess.run([program], check=True, capture_output=True, text=True).stdout.split()
    names = [name for name, _ in layout(STRUCTURES[name])]
    assert list(zip(names, map(int, numbers))) == layout(STRUCTURES[name])
