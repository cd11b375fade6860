"""
Objects as Resolve gives them to a script. Every name and number of arguments is held against what
Blackmagic publishes (members.json): use beyond that is written down, for a test to fail by.
"""

import functools
import json
import os
import threading

with open(os.path.join(os.path.dirname(__file__), "members.json"), encoding="utf-8") as file:
    PUBLISHED = json.load(file)["objects"]

lock = threading.RLock()
"""Held while anything of the model is touched: the script and the person are two threads."""

beyond = []
"""What was used that is not published."""


class Remote:
    """`hasattr` is true for every name, and what is not there is None: as in the real ones."""

    def __init__(self, studio):
        object.__setattr__(self, "_studio", studio)

    def __dir__(self):
        kind = type(self).__name__
        return [name for name in PUBLISHED[kind] if name not in self._studio.missing(kind)]

    def __getattribute__(self, name):
        if not name[:1].isupper():
            return object.__getattribute__(self, name)
        kind = type(self).__name__
        member = PUBLISHED[kind].get(name)
        if member is None:
            beyond.append("%s.%s" % (kind, name))
            return None
        if name in self._studio.missing(kind):
            return None
        return functools.partial(_call, self, kind, name, member)

    def __getattr__(self, _name):
        return None

    def _odd(self):
        """How this one differs: names of functions in `throws`, and in `silent`."""
        return {}


def _call(thing, kind, name, member, *arguments):
    count = len(arguments)
    if count < member["least"] or (member["most"] is not None and count > member["most"]):
        beyond.append("%s.%s with %d arguments" % (kind, name, count))
        return None
    try:
        function = object.__getattribute__(thing, name)
    except AttributeError:
        beyond.append("%s.%s, which is not simulated" % (kind, name))
        return None
    with lock:
        if thing._studio.is_gone() or (thing._studio.asks and kind != "Resolve"):
            # With a window over it that asks the person something, calls fail without a word.
            return None
        odd = thing._odd()
        if name in odd.get("throws", ()):
            raise RuntimeError("%s of %s" % (name, kind))
        return None if name in odd.get("silent", ()) else function(*arguments)
