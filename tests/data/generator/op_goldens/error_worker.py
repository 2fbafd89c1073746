"""Refused graphs: load, bind, run each; prints the stage and MXNet's words, a line per case."""

import json
import sys
import numpy as np


def one(c, mx):
    stage = "load"
    try:
        s = mx.sym.load_json(c["js"])
        stage = "infer"
        types = {k: np.dtype(c["dtypes"].get(k, "float32")).type for k in c["shapes"]}
        exe = s.simple_bind(mx.cpu(), grad_req="null", type_dict=types, **{k: tuple(v) for k, v in c["shapes"].items()})
        stage = "run"
        for k, v in c["params"].items():
            a = exe.arg_dict[k]
            mx.nd.array(v, dtype=a.dtype).copyto(a)
        for o in exe.forward(is_train=False):
            o.asnumpy()
        return "none", ""
    except Exception as e:
        return stage, str(e)


def main():
    cases = json.load(open(sys.argv[1]))
    import mxnet as mx

    for i in range(int(sys.argv[2]), len(cases)):
        stage, err = one(cases[i], mx)
        print("\n" + json.dumps({"i": i, "stage": stage, "error": err}), flush=True)


main()
