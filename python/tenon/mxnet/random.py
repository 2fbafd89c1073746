"""mx.random."""

from .ndarray.random import (  # noqa: F401
    exponential, gamma, multinomial, negative_binomial, normal, poisson, randint, randn, seed, shuffle, uniform,
)  # fmt: skip
