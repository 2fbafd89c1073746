"""python -m tenon.mxnet script.py args…: runs a script of MXNet's by Tenon."""

import os
import runpy
import sys

from ._serve import install, restore_numpy, restore_python

_USAGE = """usage: python -m tenon.mxnet SCRIPT [ARGUMENTS…]
       python -m tenon.mxnet -m MODULE [ARGUMENTS…]

Runs a Python script (or module) with `import mxnet` served by Tenon."""


def main():
    arguments = sys.argv[1:]
    if not arguments or arguments[0] in ("-h", "--help"):
        print(_USAGE)
        return 0 if arguments else 2
    install()
    restore_numpy()
    restore_python()
    if arguments[0] == "-m":
        sys.argv = arguments[1:]
        sys.path.insert(0, os.getcwd())
        runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
        return 0
    if not os.path.exists(arguments[0]):
        print(f"python -m tenon.mxnet: there is no file '{arguments[0]}'", file=sys.stderr)
        return 2
    sys.argv = arguments
    sys.path.insert(0, os.path.dirname(os.path.abspath(arguments[0])))
    runpy.run_path(arguments[0], run_name="__main__")
    return 0


if __name__ == "__main__":
    sys.exit(main())
