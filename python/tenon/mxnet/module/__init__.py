"""mx.mod: modules, for inference."""

from .module import BaseModule, BucketingModule, Module  # noqa: F401
