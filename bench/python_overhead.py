#!/usr/bin/env python3
"""What a call through Python costs: a network of one relu over 8 numbers, one thread, microseconds, the least of many short rounds.

Prints Tenon's session called through ctypes alone, the native engine, MXNet's interface by Tenon, and, where TENON_MXNET_PYTHON
names a Python with MXNet 1.9.1, the same by MXNet itself. Needs the package (installed, or PYTHONPATH and TENON_LIBRARY)."""

import os
import subprocess
import sys
import time

SYMBOL = """{"nodes": [{"op": "null", "name": "data", "inputs": []},
{"op": "Activation", "name": "act", "attrs": {"act_type": "relu"}, "inputs": [[0, 0, 0]]}],
"arg_nodes": [0], "heads": [[1, 0, 0]], "attrs": {"mxnet_version": ["int", 10901]}}"""


def microseconds(call, calls=200, rounds=150):
    best = float("inf")
    for _ in range(rounds):
        start = time.perf_counter()
        for _ in range(calls):
            call()
        best = min(best, (time.perf_counter() - start) / calls)
    return best * 1e6


def classic(mx):
    executor = mx.sym.load_json(SYMBOL).simple_bind(mx.cpu(), data=(1, 8), grad_req="null")
    data = mx.nd.ones((1, 8))
    return microseconds(lambda: executor.forward(is_train=False, data=data)[0].wait_to_read())


def main():
    if sys.argv[1:] == ["--mxnet"]:
        import mxnet

        print(f"MXNet {mxnet.__version__}, executor.forward(data=…)  {classic(mxnet):8.2f}")
        return
    import numpy as np

    import tenon
    import tenon.mxnet

    model = tenon.Model.from_json(SYMBOL)
    engine = model.compile(data=(1, 8), backend="plain", threads=1)
    executor = model.bind({"data": (1, 8)}, threads=1)
    data, out, pointer = np.ones((1, 8), "float32"), np.empty((1, 8), "float32"), executor._handle.pointer
    print(f"the library's forward alone              {microseconds(lambda: tenon._lib.lib.tenon_executor_forward(pointer)):8.2f}")
    print(f"engine(data)                             {microseconds(lambda: engine(data)):8.2f}")
    print(f"engine(data, out=out)                    {microseconds(lambda: engine(data, out=out)):8.2f}")
    print(f"tenon.mxnet, executor.forward(data=…)    {classic(tenon.mxnet):8.2f}")
    python = os.environ.get("TENON_MXNET_PYTHON")
    if python:
        subprocess.run([python, __file__, "--mxnet"], check=True, stderr=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
