"""A number that rises whenever something in the sequence changes."""

import contextlib
import time

_PATIENCE = 0.5
"""Seconds between two looks where nothing says that something has changed."""

_SHARE = 50
"""A look may take one part in this many of the time."""


class Revision:
    """
    Editors do not tell of everything that is done in a sequence, so that it is looked at as well:
    often after one has said that something has changed, else now and then.
    """

    def __init__(self, fingerprint):
        """`fingerprint` gives what differs whenever the sequence does."""
        self.number = 1
        self._fingerprint = fingerprint
        self._seen = {}
        self._looked_at = 0.0
        self._took = 0.0
        self._is_stale = True
        self.is_ignoring = False

    def may_have_changed(self):
        self._is_stale = True

    def raise_it(self):
        """Something has changed for certain."""
        self.number += 1
        self._seen.clear()

    def look(self, sequence, key, at_once=False):
        """`key` is what the sequence is known by."""
        since = time.monotonic() - self._looked_at
        patience = 0 if self._is_stale else _PATIENCE
        if self.is_ignoring:
            return
        if since < max(patience, self._took * _SHARE) and not at_once:
            return
        started = time.monotonic()
        now = self._fingerprint(sequence)
        self._looked_at = time.monotonic()
        self._took = self._looked_at - started
        self._is_stale = False
        if self._seen.get(key, now) != now:
            self.number += 1
        self._seen[key] = now

    @contextlib.contextmanager
    def ignoring(self):
        """While something is done to the sequence that is put back after."""
        self.is_ignoring = True
        try:
            yield
        finally:
            self.is_ignoring = False
