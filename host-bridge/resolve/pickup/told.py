"""
What Resolve says, taken with care: any function may be missing in a version, fail for as long as a
window asks the person something, or give a text where a number is documented.
"""


def has(thing, name):
    """Whether this Resolve has a function. `hasattr` is true for every name: only `dir` knows."""
    return name in dir(thing)


def asked(thing, name, *arguments):
    """What a function says; None where this version has none, or says nothing. Raises what it raises."""
    function = getattr(thing, name, None)
    return function(*arguments) if callable(function) else None


def told(thing, name, *arguments):
    """The same; None also where it raises: one odd clip must not hide all others."""
    try:
        return asked(thing, name, *arguments)
    except Exception:
        return None


def listed(value):
    """A list may come as None, as what a failed call gives, or by number, as in older versions."""
    if isinstance(value, dict):
        value = [value[key] for key in sorted(value)]
    if not isinstance(value, (list, tuple)):
        return []
    return [each for each in value if each is not None]


def number(value):
    """A number that may come as a text; None where it is none."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def whole(value):
    """Frames and counts, which come as fractions or texts too; None where it is no number."""
    found = number(value)
    return None if found is None else int(round(found))


def text(value, most=500):
    """As it can travel."""
    said = value if isinstance(value, str) else ""
    return said.encode("utf-8", "replace").decode("utf-8")[:most]
