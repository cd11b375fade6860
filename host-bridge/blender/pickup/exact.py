"""Exact numbers out of those that Blender keeps in single precision."""

import struct
from fractions import Fraction

_DENOMINATORS = (1, 10, 100, 1001, 10_000, 100_000, 1_000_000)


def exact(value):
    """
    The plainest fraction that single precision cannot tell from the value: 1.001 is 1001/1000,
    23.976025 is 24000/1001 and 23.976 is 2997/125.
    """
    wanted = _single(value)
    for most in _DENOMINATORS:
        found = Fraction(value).limit_denominator(most)
        if _single(float(found)) == wanted:
            return found
    return Fraction(wanted)


def rational(value):
    """As it travels."""
    return {"num": value.numerator, "den": value.denominator}


def _single(value):
    return struct.unpack("<f", struct.pack("<f", value))[0]
