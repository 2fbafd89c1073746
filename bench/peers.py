#!/usr/bin/env python3
"""Times MXNet, ONNX Runtime, OpenVINO, ncnn and MNN beside Tenon on the same models, in one run.

    bench/peers.py --tenon build/release/bin/tenon [--quick] [--models resnet18_v2,…] [--engines tenon,mxnet,…]

Every engine has its own virtual environment under build/bench-peers, its own process per model, batch and number of
threads, and the same model: a checkpoint that MXNet 1.9.1 wrote, converted for the others. Outputs are compared with
MXNet's first; an engine farther than 1e-3 (relative to the largest output; 3e-2 in bfloat16) is not timed. Then the engines
take turns, round by round, one running while the others are stopped. A figure is the median over the rounds of a round's
median forward. Weights, inputs and outputs are float32 everywhere; reading the input is not timed.

Tenon is there several times: `tenon` is the plain program, an operator a step, `tenon-cpu` the accelerated one. The engines
in bfloat16 run only when they are asked for: --engines tenon-bf16,openvino-bf16.

A second table has cold start, from the start of a fresh process with warm file caches to the first output, and the
largest resident memory of that process. The peers' processes are Python's, with NumPy (30 MB, 0.1 s); Tenon's is its
command line. Writes peers.json and peers.md to build/bench-peers.
"""
import argparse
import contextlib
import dataclasses
import datetime
import json
import os
import pathlib
import platform
import signal
import statistics
import subprocess
import sys
import time

BENCH = pathlib.Path(__file__).resolve().parent
WORK = BENCH.parent / "build" / "bench-peers"
CHECKPOINTS = BENCH.parent.parent / "shared" / "models"
MODELS = {
    "resnet18_v2": "zoo", "resnet50_v1": "zoo", "mobilenetv2_1.0": "zoo",
    "det1": "mtcnn/det1@1", "det2": "mtcnn/det2@1", "det3": "mtcnn/det3@1",
    "gender-age": "gender-age/model@0", "id_V1": "mobileface/id_V1@0", "id_V3": "mobileface/id_V3@0",
    "vgg16": "zoo", "mobilenet1.0": "zoo", "squeezenet1.1": "zoo", "densenet121": "zoo", "inceptionv3": "zoo",
}
COLD_MODELS = ["resnet18_v2", "resnet50_v1", "mobilenetv2_1.0"]


@dataclasses.dataclass(frozen=True)
class Engine:
    environment: str = ""  # the peers'
    flags: tuple = ()      # Tenon's
    limit: float = 1e-3    # how far its output may be from MXNet's


ENGINES = {
    "tenon": Engine(flags=("--backend", "plain")),
    "tenon-cpu": Engine(flags=("--backend", "cpu")),
    "mxnet": Engine("mxnet"), "onnxruntime": Engine("onnxruntime"), "openvino": Engine("openvino"),
    "ncnn": Engine("ncnn"), "mnn": Engine("mnn"),
    "tenon-bf16": Engine(flags=("--backend", "cpu", "--precision", "bf16"), limit=3e-2),
    "openvino-bf16": Engine("openvino", limit=3e-2),
}
PEERS = ["mxnet", "onnxruntime", "openvino", "ncnn", "mnn"]
# Columns of the table: the fastest of the engines on the left over the one on the right.
RATIOS = {
    "mxnet / tenon": (["mxnet"], "tenon"),
    "best peer / tenon-cpu": (PEERS, "tenon-cpu"),
    "tenon / tenon-cpu": (["tenon"], "tenon-cpu"),
    "openvino-bf16 / tenon-bf16": (["openvino-bf16"], "tenon-bf16"),
}


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
    wanted = [input_of(model, batch) for batch in batches]  # written last
    if not all(path.exists() for path in wanted):
        call([pythons["mxnet"], BENCH / "peers_export.py", folder, ",".join(map(str, batches)), f"{model}={source}"])
    reasons = {}

    def convert(engine, product, command):
        try:
            if engine in pythons and not product.exists():
                call(command)
        except NotRun as reason:
            reasons[engine] = f"the model is not converted: {reason}"

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

def prefix_of(model):
    return WORK / "models" / model


def golden_of(model, batch):
    return WORK / "models" / f"{model}-b{batch}.npz"


def input_of(model, batch):
    return WORK / "models" / f"{model}-b{batch}-data.npy"


def peer_command(engine, pythons, model, batch, threads):
    """The worker's command line and its environment."""
    count = str(threads)
    command = [pythons[ENGINES[engine].environment], BENCH / "peers_worker.py", engine, WORK / "models", model, batch, count]
    return [str(word) for word in command], {**os.environ, "OMP_NUM_THREADS": count, "OPENBLAS_NUM_THREADS": count}


class Peer:
    """A worker process, stopped but while it is asked."""

    def __init__(self, engine, pythons, model, batch, threads):
        self.log = open(WORK / "logs" / f"{engine}-{model}-b{batch}-t{threads}.log", "w+")
        command, variables = peer_command(engine, pythons, model, batch, threads)
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True,
                                        env=variables)
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

    def __init__(self, engine, program, numpy_python, model, batch, threads):
        golden, flags = golden_of(model, batch), [*ENGINES[engine].flags, "--threads", threads]
        report = json.loads(call([program, "compare", prefix_of(model), "--golden", golden, *flags, "--tolerance", 1, "--json"]))
        self.error = max(result["max_rel_error"] for result in report["results"])
        shape = call([numpy_python, "-c", "import sys, numpy; print(*numpy.load(sys.argv[1])['in/data'].shape, sep=',')",
                      golden]).strip()
        self.command = [program, "bench", prefix_of(model), "--shape", f"data={shape}", *flags, "--warmup", 0.1, "--json"]
        self.version = call([program, "version"]).split()[1]
        self.median = self.forwards(1)

    def forwards(self, count):
        report = json.loads(call([*self.command, "--iterations", count]))
        return (report["engine"] or report["baseline"])["median_ms"]

    def round(self, seconds):
        self.median = self.forwards(max(1, int(1e3 * seconds / self.median)))
        return self.median

    def close(self):
        pass


def start(engine, options, pythons, model, batch, threads):
    if ENGINES[engine].environment:
        runner = Peer(engine, pythons, model, batch, threads)
    else:
        runner = Tenon(engine, options.tenon, pythons["convert"], model, batch, threads)
    if not runner.error <= ENGINES[engine].limit:  # NaN included
        runner.close()
        raise NotRun(f"its output is {runner.error:.1e} away from MXNet's")
    return runner


def measure(engines, options, pythons, reasons, model, batch, threads):
    """One row: engine → its figures, or why there are none."""
    row, runners = {}, {}
    with contextlib.ExitStack() as stack:
        for engine in engines:
            try:
                if ENGINES[engine].environment in reasons:
                    raise NotRun(reasons[ENGINES[engine].environment])
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


# ---- cold start and memory

def cold_once(engine, options, pythons, model, batch):
    """Seconds from the start of a process to its first output, and its largest resident memory in bytes."""
    variables = dict(os.environ)
    if ENGINES[engine].environment:
        command, variables = peer_command(engine, pythons, model, batch, 1)
        command.append("once")
    else:
        command = [options.tenon, "run", prefix_of(model), "--input", f"data={input_of(model, batch)}", "--threads", 1, "--output",
                   WORK / "cold.npz", *ENGINES[engine].flags]
    log = WORK / "logs" / f"{engine}-{model}-b{batch}-cold.log"
    with open(log, "w") as file:
        began = time.perf_counter()
        process = subprocess.Popen([str(word) for word in command], stdout=file, stderr=file, env=variables)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
    if status != 0:
        raise NotRun(last_line(log.read_text()))
    return seconds, usage.ru_maxrss * 1024


def measure_cold(engines, options, pythons, reasons, model, batch):
    row = {engine: {"runs": []} for engine in engines}
    for number in range(options.rounds):
        for engine, figures in row.items():
            progress(f"{model} batch {batch}: cold start {number + 1} of {options.rounds}, {engine}")
            try:
                if ENGINES[engine].environment in reasons:
                    raise NotRun(reasons[ENGINES[engine].environment])
                figures["runs"].append(cold_once(engine, options, pythons, model, batch))
            except (NotRun, OSError) as reason:
                row[engine] = {"not_run": str(reason), "runs": []}
    for figures in row.values():
        if figures["runs"]:
            figures["start_s"] = statistics.median(run[0] for run in figures["runs"])
            figures["peak_bytes"] = max(run[1] for run in figures["runs"])
    return row


# ---- tables

def cell(figures):
    if "median_ms" not in figures:
        return "not run"
    return f"{figures['median_ms']:.3g}" if figures["median_ms"] < 100 else f"{figures['median_ms']:.0f}"


def cold_cell(figures):
    return f"{figures['start_s']:.2f} s, {figures['peak_bytes'] / 1e6:.0f} MB" if figures["runs"] else "not run"


def ratios(row):
    """The columns that compare: title → number, where both sides were timed."""
    medians = {engine: figures["median_ms"] for engine, figures in row.items() if "median_ms" in figures}
    found = {}
    for title, (left, right) in RATIOS.items():
        rivals = [medians[engine] for engine in left if engine in medians]
        if rivals and right in medians:
            found[title] = min(rivals) / medians[right]
    return found


def table(results, engines):
    titles = [title for title in RATIOS if any(title in ratios(result["engines"]) for result in results)]
    lines = ["| model | batch | threads | " + " | ".join([*engines, *titles]) + " |",
             "|---|---|---|" + "---|" * len([*engines, *titles])]
    for result in results:
        compared = ratios(result["engines"])
        cells = [cell(result["engines"][engine]) for engine in engines]
        cells += [f"{compared[title]:.2f}" if title in compared else "" for title in titles]
        lines.append(f"| {result['model']} | {result['batch']} | {result['threads']} | " + " | ".join(cells) + " |")
    return "\n".join(lines + not_run(results))


def cold_table(results, engines):
    lines = ["| model | batch | " + " | ".join(engines) + " |", "|---|---|" + "---|" * len(engines)]
    for result in results:
        cells = [cold_cell(result["engines"][engine]) for engine in engines]
        lines.append(f"| {result['model']} | {result['batch']} | " + " | ".join(cells) + " |")
    return "\n".join(lines + not_run(results))


def not_run(results):
    """A line for each engine and reason, with the models it holds for."""
    models = {}
    for result in results:
        for engine, figures in result["engines"].items():
            if "not_run" in figures:
                models.setdefault((engine, figures["not_run"]), {})[result["model"]] = None
    return [f"\n{engine} ({', '.join(names)}): not run: {reason}" for (engine, reason), names in models.items()]


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
    parser.add_argument("--engines", default=",".join(["tenon", "tenon-cpu", *PEERS]), help=f"some of: {','.join(ENGINES)}")
    parser.add_argument("--batch", default="1,16", help="batch sizes, %(default)s")
    parser.add_argument("--threads", default="1,2", help="numbers of threads, %(default)s")
    parser.add_argument("--rounds", type=int, default=3, help="turns each engine takes, %(default)s")
    parser.add_argument("--seconds", type=float, default=0.4, help="length of a turn, %(default)s")
    parser.add_argument("--no-cold", action="store_true", help="leave out cold start and memory")
    parser.add_argument("--prepare", action="store_true", help="install the engines, convert the models, measure nothing")
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
        if word not in ENGINES:
            parser.error(f"no engine {word}; there are {', '.join(ENGINES)}")
    return options


def report(options, results, cold, seconds):
    versions = {engine: figures["version"] for result in results for engine, figures in result["engines"].items()
                if "version" in figures}
    facts = {"when": datetime.datetime.now().isoformat(timespec="minutes"), "processor": processor(),
             "cores": len(os.sched_getaffinity(0)), "rounds": options.rounds, "seconds": options.seconds,
             "versions": versions, "took_s": round(seconds)}
    (WORK / "peers.json").write_text(json.dumps(facts | {"results": results, "cold": cold}, indent=1) + "\n")
    text = (f"Milliseconds a forward, {facts['processor']}, {facts['cores']} cores, {facts['when']}, "
            + ", ".join(f"{engine} {version}" for engine, version in versions.items())
            + f"; {options.rounds} turns of {options.seconds} s, {seconds / 60:.1f} minutes in all\n\n"
            + table(results, options.engines) + "\n")
    if cold:
        text += ("\nFrom the start of a fresh process to its first output, and its largest memory; one thread\n\n"
                 + cold_table(cold, options.engines) + "\n")
    (WORK / "peers.md").write_text(text)
    print(text)


def main():
    options = arguments()
    (WORK / "logs").mkdir(parents=True, exist_ok=True)
    needed = [ENGINES[engine].environment for engine in options.engines if ENGINES[engine].environment]
    pythons, reasons = try_environments(dict.fromkeys(["mxnet", "convert", *needed]))
    for name in ("mxnet", "convert"):
        if name in reasons:
            sys.exit(f"bench-peers: {name} prepares the models, but {reasons[name]}")

    began, results, cold = time.monotonic(), [], []
    try:
        for model in options.models:
            if MODELS[model] != "zoo" and not CHECKPOINTS.exists():
                say(f"{model}: skipped, there is no {CHECKPOINTS}")
                continue
            progress(f"{model}: preparing")
            known = reasons | prepare_model(model, options.batch, pythons)
            if options.prepare:
                say("\n".join([f"{model}: prepared", *(f"{model}: {engine}: {why}" for engine, why in known.items())]))
                continue
            for batch in options.batch:
                for threads in options.threads:
                    row = measure(options.engines, options, pythons, known, model, batch, threads)
                    results.append({"model": model, "batch": batch, "threads": threads, "engines": row})
                    say(f"{model} batch {batch}, {threads} threads: "
                        + ", ".join(f"{engine} {cell(figures)}" for engine, figures in row.items())
                        + "".join(f"; {title} {ratio:.2f}" for title, ratio in ratios(row).items()))
                if model in COLD_MODELS and not options.no_cold:
                    cold.append({"model": model, "batch": batch,
                                 "engines": measure_cold(options.engines, options, pythons, known, model, batch)})
    except KeyboardInterrupt:
        say("interrupted; what there is:")
    if options.prepare:
        return
    if not results:
        sys.exit("bench-peers: nothing was measured")
    report(options, results, cold, time.monotonic() - began)


if __name__ == "__main__":
    main()
