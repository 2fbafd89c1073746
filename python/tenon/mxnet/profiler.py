"""mx.profiler: the calls work and record nothing but their own marks; `tenon bench` and `Engine.profile` time networks."""

import json
import time

_config = {"filename": "profile.json"}
_events = []
_state = ["stop"]


def set_config(**kwargs):
    _config.update(kwargs)


def set_state(state="stop", profile_process="worker"):
    _state[0] = state


def pause(profile_process="worker"):
    _state[0] = "stop"


def resume(profile_process="worker"):
    _state[0] = "run"


def dumps(reset=False, format="table", sort_by="total", ascending=False):
    rows = [f"{name}\t{(end - begin) * 1e3:.3f} ms" for name, begin, end in _events]
    if reset:
        _events.clear()
    return "\n".join(["Profile Statistics:", *rows])


def dump(finished=True, profile_process="worker"):
    """Writes the marks as a trace that browsers show."""
    events = [{"name": n, "ph": "X", "ts": b * 1e6, "dur": (e - b) * 1e6, "pid": 0, "tid": 0} for n, b, e in _events]
    with open(_config["filename"], "w", encoding="utf-8") as file:
        json.dump({"traceEvents": events}, file)


class _Span:
    def __init__(self, *names):
        self.name = str(names[-1])
        self._begin = None

    def start(self):
        self._begin = time.perf_counter()

    def stop(self):
        if _state[0] == "run" and self._begin is not None:
            _events.append((self.name, self._begin, time.perf_counter()))

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()


class Domain(_Span):
    def new_task(self, name):
        return Task(self, name)

    def new_frame(self, name):
        return Frame(self, name)

    def new_counter(self, name, value=None):
        return Counter(self, name, value)


class Task(_Span):
    """A span of a domain."""


class Frame(_Span):
    """A span of a domain."""


class Event(_Span):
    """A span."""


class Counter:
    def __init__(self, domain, name, value=None):
        self.name, self.value = name, value or 0

    def set_value(self, value):
        self.value = value

    def increment(self, delta=1):
        self.value += delta

    def decrement(self, delta=1):
        self.value -= delta


profiler_set_config, profiler_set_state, dump_profile = set_config, set_state, dump
