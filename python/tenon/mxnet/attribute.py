"""Attributes that every symbol made in a scope gets."""

import threading

_local = threading.local()


class AttrScope:
    """``with mx.AttrScope(ctx_group="dev1"):``"""

    def __init__(self, **attributes):
        for value in attributes.values():
            if not isinstance(value, str):
                raise ValueError("Attributes need to be string")
        self._attr = dict(attributes)
        self._before = None

    def get(self, attributes):
        return {**self._attr, **attributes} if attributes else dict(self._attr)

    def __enter__(self):
        self._before = current()
        merged = AttrScope()
        merged._attr = {**self._before._attr, **self._attr}
        _local.current = merged
        return self

    def __exit__(self, *_):
        _local.current = self._before


def current():
    if not hasattr(_local, "current"):
        _local.current = AttrScope()
    return _local.current
