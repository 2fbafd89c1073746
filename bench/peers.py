#!/usr/bin/env python3
"""Times MXNet, ONNX Runtime, OpenVINO, ncnn and MNN beside Tenon on the same models, in one run.

    bench/peers.py --tenon build/release/bin/tenon [--quick] [--models resnet18_v2,…] [--engines tenon,mxnet,…]

Every engine has its own virtual environment under build/bench-peers, its own process per model, batch and number of
threads, and the same model: a checkpoint that MXNet 1.9.1 wrote, converted for the others. Outputs are compared with
MXNet's first; an engine farther than 1e-3 (relative to the largest output) is not timed. Then the engines take turns, round
by round, one running while the others are stopped. A figure is the median over the rounds of a round's median forward.
Weights, inputs and outputs are float32 everywhere; reading the input is not timed. Writes peers.json and peers.md to
build/bench-peers.
"""
import argparse
import contextlib
import datetime
import json
import os
import pathlib
import platform
import signal
import statistics
import subprocess
import sys

BENCH = pathlib.Path(__file__).resolve().parent
WORK = BENCH.parent / "build" / "bench-peers"
CHECKPOINTS = BENCH.parent.parent / "shared" / "models"
PEERS = ["mxnet", "onnxruntime", "openvino", "ncnn", "mnn"]
MODELS = {
    "resnet18_v2": "zoo", "resnet50_v1": "zoo", "mobilenetv2_1.0": "zoo",
    "det1": "mtcnn/det1@1", "det2": "mtcnn/det2@1", "det3": "mtcnn/det3@1",
    "gender-age": "gender-age/model@0", "id_V1": "mobileface/id_V1@0", "id_V3": "mobileface/id_V3@0",
}
LIMIT = 1e-3


class NotRun(Exception):
    """Why an engine has no figure."""


def last_line(text):
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "no message"


def call(command, **options):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, **options)
    if done.returncode != 0:
        raise NotRun(last_line(done.stderr or done.stdout))
    return done.stdout


def say(text, end="\n"):
    print(f"\r\x1b[K{text}" if sys.stderr.isatty() else text, end=end, file=sys.stderr, flush=True)


def progress(text):
    if sys.stderr.isatty():
        say(text, end="")


# ---- environments and models

def environment(name):
    """The interpreter of the virtual environment with requirements-NAME.txt, made where it is not there yet."""
    requirements = BENCH / f"requirements-{name}.txt"
    folder = WORK / "venv" / name
    python, stamp = folder / "bin" / "python", folder / "installed.txt"
    if not stamp.exists() or stamp.read_text() != requirements.read_text():
        say(f"installing {name}")
        call([sys.executable, "-m", "venv", "--clear", folder])
        call([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", requirements])
        stamp.write_text(requirements.read_text())
    return python


def try_environments(names):
    pythons, reasons = {}, {}
    for name in names:
        try:
            pythons[name] = environment(name)
        except NotRun as reason:
            reasons[name] = f"it cannot be installed here: {reason}"
    return pythons, reasons


def prepare_model(model, batches, pythons):
    """Files of one model for all engines. Conversions that fail become reasons."""
    folder = WORK / "models"
    folder.mkdir(parents=True, exist_ok=True)
    source = MODELS[model] if MODELS[model] == "zoo" else CHECKPOINTS / MODELS[model]
    wanted = [folder / f"{model}-b{batch}.npz" for batch in batches]
    if not all(path.exists() for path in wanted):
        call([pythons["mxnet"], BENCH / "peers_export.py", folder, ",".join(map(str, batches)), f"{model}={source}"])
    reasons = {}

    def convert(engine, product, command):
        try:
            if engine in pythons and not product.exists():
                call(command)
        except NotRun as reason:
            reasons[engine] = f"{model} is not converted: {reason}"

    converter = [pythons["convert"], BENCH / "peers_convert.py", folder, model]
    for batch in batches:
        onnx = folder / f"{model}-b{batch}.onnx"
        if not onnx.exists():
            call([*converter, batch])
        convert("mnn", onnx.with_suffix(".mnn"),
                [pythons.get("mnn"), "-c", "import sys, _tools; _tools.mnnconvert(sys.argv)", "-f", "ONNX", "--modelFile",
                 onnx, "--MNNModel", onnx.with_suffix(".mnn"), "--bizCode", "bench"])
    convert("ncnn", folder / f"{model}.ncnn.param", [*converter, batches[0], "ncnn"])
    return reasons


# ---- engines

class Peer:
    """A worker process, stopped but while it is asked."""

    def __init__(self, python, engine, model, batch, threads):
        count = str(threads)
        self.log = open(WORK / "logs" / f"{engine}-{model}-b{batch}-t{threads}.log", "w+")
        self.process = subprocess.Popen(
            [python, BENCH / "peers_worker.py", engine, WORK / "models", model, str(batch), count],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True,
            env={**os.environ, "OMP_NUM_THREADS": count, "OPENBLAS_NUM_THREADS": count})
        ready = self.answer()
        self.error, self.version = ready["error"], ready["version"]
        self.process.send_signal(signal.SIGSTOP)

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            self.process.wait()
            self.log.seek(0)
            raise NotRun(last_line(self.log.read()))
        return json.loads(line)

    def round(self, seconds):
        self.process.send_signal(signal.SIGCONT)
        print(seconds, file=self.process.stdin, flush=True)
        times = self.answer()["times"]
        self.process.send_signal(signal.SIGSTOP)
        return statistics.median(times)

    def close(self):
        self.process.kill()
        self.process.wait()
        self.log.close()


class Tenon:
    """The command line, a process a round."""

    def __init__(self, program, numpy_python, model, batch, threads):
        self.program, self.batch = program, batch
        golden = WORK / "models" / f"{model}-b{batch}.npz"
        prefix = WORK / "models" / model
        report = json.loads(call([program, "compare", prefix, "--golden", golden, "--threads", threads,
                                  "--tolerance", 1, "--json"]))
        self.error = max(result["max_rel_error"] for result in report["results"])
        shape = call([numpy_python, "-c", "import sys, numpy; print(*numpy.load(sys.argv[1])['in/data'].shape, sep=',')",
                      golden]).strip()
        self.command = [program, "bench", prefix, "--shape", f"data={shape}", "--threads", threads, "--json"]
        self.version = call([program, "version"]).split()[1]

    def round(self, seconds):
        return json.loads(call([*self.command, "--seconds", seconds]))["baseline"]["median_ms"]

    def close(self):
        pass


def start(engine, options, pythons, model, batch, threads):
    if engine == "tenon":
        runner = Tenon(options.tenon, pythons["convert"], model, batch, threads)
    else:
        runner = Peer(pythons[engine], engine, model, batch, threads)
    if not runner.error <= LIMIT:  # NaN included
        runner.close()
        raise NotRun(f"its output is {runner.error:.1e} away from MXNet's")
    return runner


def measure(engines, options, pythons, reasons, model, batch, threads):
    """One row: engine → its figures, or why there are none."""
    row, runners = {}, {}
    with contextlib.ExitStack() as stack:
        for engine in engines:
            try:
                if engine in reasons:
                    raise NotRun(reasons[engine])
                progress(f"{model} batch {batch}, {threads} threads: starting {engine}")
                runners[engine] = start(engine, options, pythons, model, batch, threads)
                stack.callback(runners[engine].close)
                row[engine] = {"rounds": [], "error": runners[engine].error, "version": runners[engine].version}
            except (NotRun, OSError) as reason:
                row[engine] = {"not_run": str(reason)}
        for number in range(options.rounds):
            for engine, runner in runners.items():
                progress(f"{model} batch {batch}, {threads} threads: round {number + 1} of {options.rounds}, {engine}")
                row[engine]["rounds"].append(runner.round(options.seconds))
    for figures in row.values():
        if "rounds" in figures:
            figures["median_ms"] = statistics.median(figures["rounds"])
    return row


# ---- tables

def cell(figures, tenon):
    if "median_ms" not in figures:
        return "not run"
    ratio = f" ({figures['median_ms'] / tenon:.2f})" if tenon else ""
    return f"{figures['median_ms']:.3g}{ratio}" if figures["median_ms"] < 100 else f"{figures['median_ms']:.0f}{ratio}"


def table(results, engines):
    lines = ["| model | batch | threads | " + " | ".join(engines) + " |", "|---|---|---|" + "---|" * len(engines)]
    for result in results:
        tenon = result["engines"].get("tenon", {}).get("median_ms")
        cells = [cell(result["engines"][engine], None if engine == "tenon" else tenon) for engine in engines]
        lines.append(f"| {result['model']} | {result['batch']} | {result['threads']} | " + " | ".join(cells) + " |")
    reasons = {(engine, result["model"], figures["not_run"]) for result in results
               for engine, figures in result["engines"].items() if "not_run" in figures}
    lines += [f"\n{engine}, {model}: not run: {reason}" for engine, model, reason in sorted(reasons)]
    return "\n".join(lines)


def processor():
    with contextlib.suppress(OSError):
        for line in open("/proc/cpuinfo"):
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tenon", type=pathlib.Path, required=True, help="the program")
    parser.add_argument("--models", default=",".join(MODELS), help="some of: %(default)s")
    parser.add_argument("--engines", default=",".join(["tenon", *PEERS]), help="some of: %(default)s")
    parser.add_argument("--batch", default="1,16", help="batch sizes, %(default)s")
    parser.add_argument("--threads", default="1,2", help="numbers of threads, %(default)s")
    parser.add_argument("--rounds", type=int, default=5, help="turns each engine takes, %(default)s")
    parser.add_argument("--seconds", type=float, default=0.6, help="length of a turn, %(default)s")
    parser.add_argument("--quick", action="store_true", help="ResNet-18 v2, batch 1, two short rounds")
    options = parser.parse_args()
    if options.quick:
        options.models, options.batch, options.rounds, options.seconds = "resnet18_v2", "1", 2, 0.3
    for field, convert in (("models", str), ("engines", str), ("batch", int), ("threads", int)):
        setattr(options, field, [convert(word) for word in getattr(options, field).split(",")])
    for word in options.models:
        if word not in MODELS:
            parser.error(f"no model {word}; there are {', '.join(MODELS)}")
    for word in options.engines:
        if word not in ["tenon", *PEERS]:
            parser.error(f"no engine {word}; there are tenon, {', '.join(PEERS)}")
    return options


def main():
    options = arguments()
    (WORK / "logs").mkdir(parents=True, exist_ok=True)
    peers = [engine for engine in options.engines if engine != "tenon"]
    pythons, reasons = try_environments(dict.fromkeys(["mxnet", "convert", *peers]))
    for needed in ("mxnet", "convert"):
        if needed in reasons:
            sys.exit(f"bench-peers: {needed} prepares the models, but {reasons[needed]}")

    results = []
    try:
        for model in options.models:
            if MODELS[model] != "zoo" and not CHECKPOINTS.exists():
                say(f"{model}: skipped, there is no {CHECKPOINTS}")
                continue
            progress(f"{model}: preparing")
            known = reasons | prepare_model(model, options.batch, pythons)
            for batch in options.batch:
                for threads in options.threads:
                    row = measure(options.engines, options, pythons, known, model, batch, threads)
                    results.append({"model": model, "batch": batch, "threads": threads, "engines": row})
                    tenon = row.get("tenon", {}).get("median_ms")
                    say(f"{model} batch {batch}, {threads} threads: " + ", ".join(
                        f"{engine} {cell(figures, None if engine == 'tenon' else tenon)}" for engine, figures in row.items()))
    except KeyboardInterrupt:
        say("interrupted; what there is:")
    if not results:
        sys.exit("bench-peers: nothing was measured")

    versions = {engine: figures["version"] for result in results for engine, figures in result["engines"].items()
                if "version" in figures}
    facts = {"when": datetime.datetime.now().isoformat(timespec="minutes"), "processor": processor(),
             "cores": len(os.sched_getaffinity(0)), "rounds": options.rounds, "seconds": options.seconds,
             "versions": versions}
    (WORK / "peers.json").write_text(json.dumps(facts | {"results": results}, indent=1) + "\n")
    heading = (f"Milliseconds a forward (in brackets: times Tenon's), {facts['processor']}, {facts['cores']} cores, "
               f"{facts['when']}, " + ", ".join(f"{engine} {version}" for engine, version in versions.items()))
    text = f"{heading}\n\n{table(results, options.engines)}\n"
    (WORK / "peers.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
