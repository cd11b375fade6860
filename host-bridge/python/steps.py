"""The steps of an edit: all of them are done, or none."""

import os

from .problem import Problem


class Steps:
    """
    An editor's own does each kind of step by a method that is given one: `add_track`, `place`,
    `swap`, `remove` and `bin`. What takes it back it adds to `undo`.
    """

    def __init__(self):
        self.undo = []

    def do(self, steps):
        """Raises Problem where a step cannot be done; those before it are then taken back."""
        try:
            for step in steps:
                getattr(self, step["kind"].replace("-", "_"))(step)
        except Exception as why:
            left = self._take_back()
            if left and isinstance(why, Problem):
                raise Problem(why.code, "%s. This was not taken back: %s" % (why, "; ".join(left)))
            raise

    def _take_back(self):
        """Gives what could not be taken back, in words."""
        left = []
        for action in reversed(self.undo):
            try:
                action()
            except Problem as problem:
                left.append(str(problem))
        return left


def expect_file(path):
    if not os.path.isfile(path):
        raise Problem("media-offline", "Expected a clip, there is no file %s" % path)


def not_there(item):
    """To be raised where what a step is about does not stand where it is said to."""
    where = (item["path"], item["track"], item["range"]["start"], item["range"]["end"])
    said = "Expected %s on %s at %d\u2013%d, it is not there"
    return Problem("placement-conflict", said % where)
