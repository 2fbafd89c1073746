"""Watching a build: a line that overwrites itself, and Ctrl-C."""

from __future__ import annotations

import signal
import sys
import threading
import time
from typing import Any, Callable, Optional, Union

from . import _lib

#: `progress(done, total, node)` after each step that is decided; False stops the timing of implementations.
Progress = Callable[[int, int, str], Optional[bool]]

#: A build that is over sooner says nothing, and the line is written no more often than this. Seconds.
_QUIET, _BETWEEN = 1.0, 0.1
_WIDTH = 24


class Line:
    """One line on a stream, such as ``resnet18_v2:  58% |#############           | 14/24 [3 s]``."""

    def __init__(self, title: str, stream: Any) -> None:
        self._title = title
        self._stream = stream
        self._start = self._last = time.monotonic()
        self._written = 0

    def __call__(self, done: int, total: int, _node: str) -> None:
        now = time.monotonic()
        if now - self._start < _QUIET or now - self._last < _BETWEEN:
            return
        self._last = now
        bar = "#" * (_WIDTH * done // total)
        text = f"{self._title}: {100 * done // total:3}% |{bar:{_WIDTH}}| {done}/{total} [{now - self._start:.0f} s]"
        self._stream.write("\r" + text.ljust(self._written))
        self._stream.flush()
        self._written = len(text)

    def close(self) -> None:
        """Wipes the line."""
        if self._written:
            self._stream.write("\r" + " " * self._written + "\r")
            self._stream.flush()


class Watch:
    """The callback of one build, which a `with` goes around. What the caller's function raises, and Ctrl-C, end the build
    and are raised when it is over.

    Python handles a signal where its own code runs next, and an exception there at the entry of a callback would be lost
    to ctypes. So Ctrl-C is only noted while the library works, and handled at the end as it would have been.
    """

    def __init__(self, progress: Union[Progress, bool, None], title: str) -> None:
        wanted = sys.stderr is not None and sys.stderr.isatty() if progress is None else progress
        self._line = Line(title, sys.stderr) if wanted is True else None
        self._call: Any = self._line or (wanted if callable(wanted) else None)
        self._raised: Optional[BaseException] = None
        self._handler: Any = None
        self._interrupted = False
        self.callback = _lib.Progress(self._step)

    def _step(self, done: int, total: int, node: bytes, _context: Any) -> int:
        if self._interrupted:
            return _lib.CANCEL
        try:
            answer = self._call(done, total, node.decode("utf-8")) if self._call is not None else None
        except BaseException as raised:
            self._raised = raised
            return _lib.CANCEL
        return _lib.STOP_TIMING if answer is False else _lib.GO_ON

    def _note(self, *_: Any) -> None:
        self._interrupted = True

    def __enter__(self) -> "Watch":
        # Only the main thread handles signals; a handler that is not Python's (None) is left alone.
        if threading.current_thread() is threading.main_thread() and callable(signal.getsignal(signal.SIGINT)):
            self._handler = signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(self, *_: Any) -> None:
        if self._line is not None:
            self._line.close()
        if self._handler is not None:
            signal.signal(signal.SIGINT, self._handler)
        if self._raised is not None:
            raise self._raised from None
        if self._interrupted:
            self._handler(signal.SIGINT, None)
