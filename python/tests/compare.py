"""Compares two records of classic.py."""

import math

#: Float results may differ by rounding; float16 and the transcendental functions set the size.
RELATIVE = 2e-5


def same(x, y):
    if isinstance(x, dict) and isinstance(y, dict):
        return x.keys() == y.keys() and all(same(x[key], y[key]) for key in x)
    if isinstance(x, list) and isinstance(y, list):
        return len(x) == len(y) and all(same(p, q) for p, q in zip(x, y))
    if isinstance(x, float) or isinstance(y, float):
        if type(x) not in (int, float) or type(y) not in (int, float):
            return False
        return x == y or (math.isnan(x) and math.isnan(y)) or abs(x - y) <= RELATIVE * max(abs(x), 1)
    return type(x) is type(y) and x == y


def differences(expected, actual):
    """A line for each result that is not the same."""
    lines = [
        f"{name}: {str(actual.get(name))[:300]} instead of {str(expected[name])[:300]}"
        for name in expected
        if not same(expected[name], actual.get(name))
    ]
    return lines + [f"{name}: only there" for name in actual if name not in expected]


if __name__ == "__main__":
    import json
    import sys

    found = differences(*(json.load(open(path, encoding="utf-8")) for path in sys.argv[1:3]))
    print("\n".join(found) or "the same results")
    sys.exit(1 if found else 0)
