"""
Which edits have been done, so that one that is asked for again is not done twice.

It is kept in two places. The scene carries it beside what was placed: a crash without saving and
an older file that is opened forget both together, so that neither can be there without the other.
Memory keeps it for as long as the file is open: what the person has undone is undone in the scene
too, and the daemon, asking again because an answer was lost, must not place it once more.
"""

_KEY = "pickup_operations"
_MOST = 200

_done = set()


def forget():
    """Another file was opened."""
    _done.clear()


def is_done(scene, operation):
    return operation in _done or operation in _carried(scene)


def note(scene, operation):
    _done.add(operation)
    scene[_KEY] = " ".join([*_carried(scene), operation][-_MOST:])


def _carried(scene):
    return str(scene.get(_KEY, "")).split()
