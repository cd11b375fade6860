"""Which edits have been done: each scene carries those of its own."""

from .operations import Operations

_KEY = "pickup_operations"
_MOST = 200


def _read(scene):
    return str(scene.get(_KEY, "")).split()


def _add(scene, operation):
    scene[_KEY] = " ".join([*_read(scene), operation][-_MOST:])


operations = Operations(_read, _add)
