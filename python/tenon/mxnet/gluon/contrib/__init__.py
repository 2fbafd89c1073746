"""mx.gluon.contrib: layers that networks of other people are made of."""

from . import cnn, nn  # noqa: F401
