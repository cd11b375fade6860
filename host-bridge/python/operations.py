"""
Which edits have been done, so that one that is asked for again is not done twice.

It is kept in two places. The project carries it beside what was placed: a crash without saving and
an older state that is opened forget both together, so that neither can be there without the other.
Memory keeps it for as long as the project is open: what the person has undone is undone in the
project too, and the daemon, asking again because an answer was lost, must not place it once more.
"""


class Operations:
    """`read` gives all ids that a sequence's project carries, `add` puts one more into it."""

    def __init__(self, read, add):
        self._read = read
        self._add = add
        self._done = set()

    def forget(self):
        """Another project was opened."""
        self._done.clear()

    def is_done(self, sequence, operation):
        return operation in self._done or operation in self._read(sequence)

    def note(self, sequence, operation):
        self._done.add(operation)
        self._add(sequence, operation)
