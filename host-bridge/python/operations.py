"""
Which edits have been done, so that one that is asked for again is not done twice.

It is kept in two places. The project carries it beside what was placed: a crash without saving and
an older state that is opened forget both together, so that neither can be there without the other.
Memory keeps it for as long as the project is open: what the person has undone is undone in the
project too, and the daemon, asking again because an answer was lost, must not place it once more.
"""

_MOST = 200


class Operations:
    """`read` gives the text that a place carries, "" where it has none; `write` gives it another."""

    def __init__(self, read, write):
        self._read = read
        self._write = write
        self._done = set()

    def forget(self):
        """Another project was opened."""
        self._done.clear()

    def is_done(self, place, operation):
        return operation in self._done or operation in self._read(place).split()

    def note(self, place, operation):
        self._done.add(operation)
        self._write(place, " ".join([*self._read(place).split(), operation][-_MOST:]))
