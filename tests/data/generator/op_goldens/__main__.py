"""python -m op_goldens --seed S --out DIR [--family F]: compute and pack the operator goldens."""

import argparse
import importlib
import json
import os
import pickle
import subprocess
import sys
import tempfile
import zlib
import numpy as np
from . import core

FAMILIES = [
    "nn",
    "elemwise",
    "shape",
    "reduce",
    "indexing",
    "linalg",
    "rnn",
    "detect",
    "attention",
    "quantized",
    "npops",
    "graphs",
    "errors",
]


def case_list(family, seed):
    mod = importlib.import_module("op_goldens." + family)
    return list(mod.cases(core.R(seed, family)))


def worker(a):
    """Run the cases of one family, appending one pickle per case."""
    import mxnet  # noqa: F401

    skip = set(map(int, a.skip.split(","))) if a.skip else set()
    with open(a.res, "ab") as f:
        for i, c in enumerate(case_list(a.family, a.seed)):
            if i < a.start or i in skip:
                continue
            pickle.dump(("begin", i), f)
            f.flush()
            try:
                import mxnet as mx

                with mx.util.np_shape(c.np_shape):
                    sym = core.build(c.out)
                    js, alias = core.write_aliases(c.out, sym.tojson())
                    if alias:
                        sym = mx.sym.load_json(js)
                r = (
                    core.run_cached(sym, c.inputs, c.np_shape)
                    if c.cached
                    else core.run_symbol(sym, c.inputs, zlib.crc32(c.name.encode()) ^ i, c.np_shape)
                )
                pickle.dump(("ok", i, (js, alias)) + r, f)
            except Exception as e:  # MXNetError, AssertionError: the case is dropped and listed
                pickle.dump(("err", i, "%s: %s" % (type(e).__name__, str(e))), f)
            f.flush()


def read_stream(path):
    out = []
    with open(path, "rb") as f:
        while True:
            try:
                out.append(pickle.load(f))
            except EOFError:
                return out


def run_mode(family, seed, mkldnn, n, work):
    """All cases under one MKLDNN setting; a crash loses only the case that caused it."""
    res = os.path.join(work, "%s.%s" % (family, mkldnn))
    env = dict(os.environ, MXNET_MKLDNN_ENABLED=mkldnn, OMP_NUM_THREADS="1", MXNET_SUBGRAPH_VERBOSE="0")
    env.pop("OPENBLAS_CORETYPE", None)
    env.pop("OPENBLAS_L2_SIZE", None)
    start, got = 0, {}
    while True:
        open(res, "ab").close()
        cmd = [
            sys.executable,
            "-m",
            "op_goldens",
            "--worker",
            "--family",
            family,
            "--seed",
            str(seed),
            "--out",
            work,
            "--res",
            res,
            "--start",
            str(start),
        ]
        try:
            status = subprocess.run(cmd, env=env, stderr=subprocess.DEVNULL, timeout=45).returncode
        except subprocess.TimeoutExpired:  # a crash inside MXNet may end in a deadlock
            status = "no end"
        recs = read_stream(res)
        begun = -1
        for r in recs:
            if r[0] == "begin":
                begun = r[1]
            else:
                got[r[1]] = r
        if status == 0:
            return got
        if begun < start:
            raise SystemExit("worker of %s failed before its first case" % family)
        if begun not in got:
            got[begun] = ("err", begun, "crash: exit status %s" % status)
        start = begun + 1


def pack(family, seed, out):
    cases = case_list(family, seed)
    with tempfile.TemporaryDirectory() as work:
        r0 = run_mode(family, seed, "0", len(cases), work)
        r1 = run_mode(family, seed, "1", len(cases), work)
    arrays, index, dropped, ndiff, seen = {}, [], [], 0, set()
    for i, c in enumerate(cases):
        a, b = r0.get(i), r1.get(i)
        if c.prefer == "only1":
            a = b
        notes = [c.note] if c.note else []
        alt = None
        if a is None or a[0] != "ok":
            if b is None or b[0] != "ok":
                dropped.append({"name": c.name, "op": c.op, "error": clean(a[2] if a else "?")})
                continue
            notes.append("MKLDNN disabled: %s; stored: MKLDNN enabled" % short(a[2]))
            a = b
        elif b is None or b[0] != "ok":
            notes.append("MKLDNN enabled: %s; stored: MKLDNN disabled" % short(b[2]))
        tol = [core.tolerance(c, o) for o in a[5]]
        if b is not a and b is not None and b[0] == "ok":
            if len(b[5]) != len(a[5]) or not all(core.close(x, y, *t) for x, y, t in zip(a[5], b[5], tol)):
                if c.prefer == "1":
                    a, b = b, a
                notes.append(
                    "results with and without MKLDNN differ; stored: MKLDNN %s, the other under alt"
                    % ("enabled" if c.prefer == "1" else "disabled")
                )
                alt = b[5]
                ndiff += 1
        _, _, (js, alias), args, aux, outs, names = a
        if alias:
            notes.append(alias)
        key = "c%04d" % len(index)
        c.name += "_again%d" % i if c.name in seen else ""
        seen.add(c.name)
        ent = {"name": c.name, "op": c.op, "symbol": js, "args": {}, "aux": {}, "outputs": []}
        for kind, d in (("arg", args), ("aux", aux)):
            for k, v in d.items():
                kk = "%s/%s/%s" % (key, kind, k)
                arrays[kk] = v
                ent["args" if kind == "arg" else "aux"][k] = {"key": kk, "shape": list(v.shape), "dtype": str(v.dtype)}
        for j, (o, nm) in enumerate(zip(outs, names)):
            kk = "%s/out/%d" % (key, j)
            arrays[kk] = o
            ent["outputs"].append(
                {
                    "name": nm,
                    "key": kk,
                    "shape": list(o.shape),
                    "dtype": str(o.dtype),
                    "rtol": tol[j][0],
                    "atol": tol[j][1],
                }
            )
            if alt:
                arrays["%s/alt/%d" % (key, j)] = alt[j]
                ent["outputs"][-1]["alt"] = "%s/alt/%d" % (key, j)
        ent["rtol"], ent["atol"] = max(t[0] for t in tol), max(t[1] for t in tol)
        ent["np_shape"] = c.np_shape
        ent["note"] = "; ".join(notes)
        index.append(ent)
    os.makedirs(out, exist_ok=True)
    np.savez_compressed(os.path.join(out, family + ".npz"), **arrays)
    write_index(out, {"family": family, "mxnet": "1.9.1", "seed": seed, "cases": index, "dropped": dropped})
    print(
        "%-10s %4d cases, %d dropped, %d differ with MKLDNN, %d KB"
        % (
            family,
            len(index),
            len(dropped),
            ndiff,
            sum(os.path.getsize(os.path.join(out, family + e)) for e in (".npz", ".json")) // 1024,
        ),
        flush=True,
    )
    for d in dropped[: int(os.environ.get("SHOW", "40"))]:
        print("   dropped %s [%s]: %s" % (d["name"], d["op"], d["error"][:300].replace("\n", " | ")))


def short(text):
    return clean(text).split("\n")[-1].replace("MXNetError: ", "")[:160]


def clean(text):
    """MXNet's sentence without stack, clock and build directories."""
    import re

    text = re.split(r"\nStack trace|\n\s*\[bt\]", text)[0]
    lines = [ln for ln in text.split("\n") if not re.match(r'Traceback \(most recent|\s*File "', ln)]
    text = "\n".join(lines)
    text = re.sub(r"\[\d\d:\d\d:\d\d\] ", "", text)
    text = re.sub(r"(?:\.\./|/)?(?:[\w.+-]+/)+([\w.+-]+\.(?:cc|h|cu|cuh|inl\.h)):\d+", r"\1", text)
    return text.strip()


def write_index(out, d):
    with open(os.path.join(out, d["family"] + ".json"), "w") as f:
        json.dump(d, f, indent=0)
        f.write("\n")


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--seed", type=int, required=True)
    p.add_argument("--out", required=True)
    p.add_argument("--family")
    p.add_argument("--worker", action="store_true")
    p.add_argument("--res")
    p.add_argument("--start", type=int, default=0)
    p.add_argument("--skip", default="")
    a = p.parse_args()
    if a.worker:
        return worker(a)
    for f in [a.family] if a.family else FAMILIES:
        if f == "errors":
            importlib.import_module("op_goldens.errors").pack(a.seed, a.out, clean, write_index)
        else:
            pack(f, a.seed, a.out)


if __name__ == "__main__":
    main()
