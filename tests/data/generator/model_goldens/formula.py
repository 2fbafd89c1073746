"""Parameters and inputs that need not be stored: element i of an array follows from its name and i."""

import numpy as np

MASK = (1 << 64) - 1


def fnv1a64(name):
    """FNV-1a, 64 bits, of the UTF-8 bytes of a name."""
    h = 0xCBF29CE484222325
    for byte in name.encode("utf-8"):
        h = ((h ^ byte) * 0x100000001B3) & MASK
    return h


def unit(name, begin, end):
    """u for elements begin..end-1: multiples of 2^-24 in [0, 1), as float64."""
    i = np.arange(begin + 1, end + 1, dtype=np.uint64)
    z = i * np.uint64(0x9E3779B97F4A7C15) + np.uint64(fnv1a64(name))  # wraps around
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z = z ^ (z >> np.uint64(31))
    return (z >> np.uint64(40)).astype(np.float64) / 16777216.0


def formula(name, shape, scale, shift):
    """float32 array of the given shape; element i (row-major) = scale * (2 u - 1) + shift, in float64, then cast."""
    n = int(np.prod(shape))
    out = np.empty(n, np.float32)
    for begin in range(0, n, 1 << 20):
        end = min(n, begin + (1 << 20))
        out[begin:end] = scale * (2.0 * unit(name, begin, end) - 1.0) + shift
    return out.reshape(shape)


SUFFIXES = (  # suffix, scale, shift; *_weight is treated apart
    ("_bias", 0.1, 0.0),
    ("_beta", 0.1, 0.0),
    ("_gamma", 0.2, 1.0),
    ("_running_mean", 0.1, 0.0),
    ("_moving_mean", 0.1, 0.0),
    ("_running_var", 0.3, 1.0),
    ("_moving_var", 0.3, 1.0),
    ("_parameters", 0.3, 0.0),
)


def parameter(name, shape, gain=1.0):
    if name.endswith("_weight"):
        fan_in = float(np.prod(shape[1:]))
        return formula(name, shape, gain * np.sqrt(6.0 / fan_in), 0.0)
    for suffix, scale, shift in SUFFIXES:
        if name.endswith(suffix):
            return formula(name, shape, scale, shift)
    raise ValueError("no rule for parameter " + name)
