"""mx.image: decoding, resizing, cropping."""

from .image import *  # noqa: F403
from .image import _get_interp_method  # noqa: F401 (libraries import it)
from .image import __getattr__  # noqa: F401
