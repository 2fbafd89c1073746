"""mx.autograd: scopes do nothing, gradients are refused."""

import contextlib

from .base import no_training

_recording = [False]


@contextlib.contextmanager
def _scope(recording):
    before, _recording[0] = _recording[0], recording
    try:
        yield
    finally:
        _recording[0] = before


def record(train_mode=False):
    return _scope(True)


def pause(train_mode=False):
    return _scope(False)


def train_mode():
    raise no_training("autograd.train_mode")


def predict_mode():
    return contextlib.nullcontext()


def is_recording():
    return _recording[0]


def is_training():
    return False


def set_recording(is_recording):
    before, _recording[0] = _recording[0], bool(is_recording)
    return before


def set_training(train_mode):
    if train_mode:
        raise no_training("autograd.set_training(True)")
    return False


def backward(*_, **__):
    raise no_training("autograd.backward")


def grad(*_, **__):
    raise no_training("autograd.grad")


def mark_variables(*_, **__):
    raise no_training("autograd.mark_variables")


class Function:
    """Somebody's own operation: `forward` runs, `backward` never does."""

    def __call__(self, *inputs):
        return self.forward(*inputs)

    def forward(self, *inputs):
        raise NotImplementedError

    def backward(self, *output_grads):
        raise NotImplementedError

    def save_for_backward(self, *args):
        """Nothing goes backward."""
