"""Losses belong to training."""

import sys as _sys

from .. import _refused
from ..base import no_training as _no_training

_refused.fill(_sys.modules[__name__], "gluon.loss", _no_training)
