"""mx.callback: what scripts pass to score and predict."""

import logging
import time


class Speedometer:
    """Logs samples per second every `frequent` batches."""

    def __init__(self, batch_size, frequent=50, auto_reset=True):
        self.batch_size, self.frequent, self.auto_reset = batch_size, frequent, auto_reset
        self._start = time.time()

    def __call__(self, param):
        if param.nbatch % self.frequent == 0 and param.nbatch:
            speed = self.frequent * self.batch_size / max(time.time() - self._start, 1e-9)
            logging.info("Epoch[%d] Batch [%d]\tSpeed: %.2f samples/sec", param.epoch, param.nbatch, speed)
            self._start = time.time()


class ProgressBar:
    def __init__(self, total, length=80):
        self.total, self.length = total, length

    def __call__(self, param):
        done = int(round(self.length * param.nbatch / float(self.total)))
        logging.info("[%s] %d%%\r", "=" * done + "-" * (self.length - done), int(100.0 * param.nbatch / self.total))


def do_checkpoint(prefix, period=1):
    from .model import save_checkpoint

    def call(epoch, symbol, args, aux):
        if (epoch + 1) % max(1, period) == 0:
            save_checkpoint(prefix, epoch + 1, symbol, args, aux)

    return call
