"""mx.mon.Monitor: statistics of every output of every node."""

import logging
import re

from . import ndarray as nd


class Monitor:
    """Calls `stat_func` on the outputs whose names match, every `interval` batches."""

    def __init__(self, interval, stat_func=None, pattern=".*", sort=False, monitor_all=False):
        self.stat_func = stat_func or (lambda x: nd.norm(x) / x.size**0.5)
        self.interval, self.sort, self.monitor_all = interval, sort, monitor_all
        self.re_prog = re.compile(pattern)
        self.activated, self.step, self.queue, self.exes = False, 0, [], []

    def stat_helper(self, name, array):
        if self.activated and self.re_prog.match(name):
            self.queue.append((self.step, name, self.stat_func(array)))

    def install(self, exe):
        exe.set_monitor_callback(self.stat_helper, self.monitor_all)
        self.exes.append(exe)

    def tic(self):
        if self.step % self.interval == 0:
            self.queue, self.activated = [], True
        self.step += 1

    def toc(self):
        if not self.activated:
            return []
        self.activated = False
        if self.sort:
            self.queue.sort(key=lambda item: item[1])
        result = []
        for step, name, stats in self.queue:
            stats = stats if isinstance(stats, list) else [stats]
            text = "\t".join(str(s.asscalar() if s.size == 1 else s.asnumpy()) for s in stats)
            result.append((step, name, text + "\t"))
        self.queue = []
        return result

    def toc_print(self):
        for step, name, text in self.toc():
            logging.info("Batch: %7d %30s %s", step, name, text)
