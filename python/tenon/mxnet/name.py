"""Names for nodes that were given none."""

import threading

_local = threading.local()


class NameManager:
    """Counts names by operator: ``convolution0``, ``convolution1``, …; ``with`` makes it the current one."""

    def __init__(self):
        self._counter = {}
        self._before = None

    def get(self, name, hint):
        if name:
            return name
        number = self._counter.get(hint, 0)
        self._counter[hint] = number + 1
        return f"{hint}{number}"

    def __enter__(self):
        self._before = current()
        _local.current = self
        return self

    def __exit__(self, *_):
        _local.current = self._before


class Prefix(NameManager):
    """Puts a prefix before every name."""

    def __init__(self, prefix):
        super().__init__()
        self._prefix = prefix

    def get(self, name, hint):
        return self._prefix + super().get(name, hint)


def current():
    if not hasattr(_local, "current"):
        _local.current = NameManager()
    return _local.current
