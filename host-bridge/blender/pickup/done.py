"""Which edits have been done: each scene carries those of its own."""

from .operations import Operations

_KEY = "pickup_operations"


def _read(scene):
    return str(scene.get(_KEY, ""))


def _write(scene, text):
    scene[_KEY] = text


operations = Operations(_read, _write)
