"""
Gives clips that stand in the cut other media. Resolve does that to a clip of the media pool, and so
to every place where that is used: only where all of those are meant is it right.
"""

from .media import id_of, path_of, same_path
from .problem import Problem
from .timeline import everything_on, items_on, track_name
from .told import told, whole


class Swaps:
    def __init__(self, sequence, steps, find):
        """`find` gives what stands where a step says."""
        self._sequence = sequence
        self._items = [each["item"] for each in steps if each["kind"] == "swap"]
        self._find = find
        self._given = {}
        """The file that a clip had before this edit, by the clip."""

    def plays(self, clip, path):
        """Whether a clip plays a file, or did before this edit gave it another."""
        return same_path(self._given.get(id_of(clip)) or path_of(clip) or ".", path)

    def give(self, standing, path):
        """Gives what takes it back. Raises Problem."""
        clip = standing.media
        key = id_of(clip)
        if key in self._given:
            return []
        meant = {_key(self._sequence.timeline, standing)}
        for item in self._items:
            try:
                found = self._find(item)
            except Problem:
                continue
            if id_of(found.media) == key:
                meant.add(_key(self._sequence.timeline, found))
        uses = [(each, place) for each, place in self._uses(key) if place not in meant]
        if uses:
            where = ", ".join(
                "%s at %s" % (track_name(each.kind, each.index), each.start) for each, _ in uses
            )
            said = "Resolve replaces a clip wherever it is used, and this one is used at %s too"
            raise Problem("host-refused", said % where)
        old = path_of(clip)
        before = self._shape(key)
        self._given[key] = old
        told(clip, "ReplaceClip", path)
        if not same_path(path_of(clip) or ".", path) or self._shape(key) != before:
            self._replace_back(clip, old)
            del self._given[key]
            raise Problem("host-refused", "Resolve did not give the clip other media in its place")
        return [lambda: self._replace_back(clip, old)]

    def _replace_back(self, clip, path):
        if not same_path(path_of(clip) or ".", path):
            told(clip, "ReplaceClip", path)
        if not same_path(path_of(clip) or ".", path):
            raise Problem("host-refused", "a clip has other media than before: %s" % path_of(clip))

    def _uses(self, key):
        project = self._sequence.project
        for number in range(1, (whole(told(project, "GetTimelineCount")) or 0) + 1):
            timeline = told(project, "GetTimelineByIndex", number)
            for each in everything_on(timeline, items_on):
                if each.media is not None and id_of(each.media) == key:
                    yield each, _key(timeline, each)

    def _shape(self, key):
        return [(place, whole(told(each.item, "GetLeftOffset"))) for each, place in self._uses(key)]


def _key(timeline, standing):
    sequence = told(timeline, "GetUniqueId") or told(timeline, "GetName")
    return sequence, standing.kind, standing.index, standing.start, standing.end
