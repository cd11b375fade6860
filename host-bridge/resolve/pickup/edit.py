"""Applies an edit: all of its steps, or none."""

from .append import append
from .discard import discard
from .media import path_of
from .pool import Pool, rename
from .problem import Problem
from .steps import Steps, expect_file, not_there
from .swap import Swaps
from .timeline import (
    KINDS,
    first_frame,
    is_locked,
    is_transition,
    standing_on,
    track_count,
    track_name,
)
from .told import has, told, whole

DRAFT_COLOUR = "Apricot"
"""One of the sixteen that Resolve has for clips; its markers' colours are others."""


def apply(sequence, steps):
    """
    Raises Problem where a step cannot be done; those before it are then taken back. Gives the clips
    of the media pool that have been placed.
    """
    if told(sequence.project, "IsRenderingInProgress") is True:
        raise Problem("host-refused", "Resolve is rendering, and must not be edited meanwhile")
    edit = _Edit(sequence, steps)
    edit.do(steps)
    edit.link()
    return edit.placed


class _Edit(Steps):
    def __init__(self, sequence, steps):
        super().__init__()
        self.sequence = sequence
        self.timeline = sequence.timeline
        self.pool = Pool(sequence.project)
        self.first = first_frame(self.timeline)
        self.swaps = Swaps(sequence, steps, self._find)
        self.added = {}
        self.placed = []
        self.stand = []

    def link(self):
        """Picture and sound of one clip move together from now on, as a person expects of them."""
        if len(self.stand) > 1 and len({path_of(each.media) for each in self.stand}) == 1:
            told(self.timeline, "SetClipsLinked", [each.item for each in self.stand], True)

    def bin(self, step):
        expect_file(step["path"])
        self.placed.append(self.pool.clip_for(step["path"], step["name"]))

    def add_track(self, step):
        of = step["of"]
        before = [self._named(of, index) for index in self._indices(of)]
        # Without its kind an audio track is for one channel, and half of a stereo sound is lost.
        arguments = (of, "stereo") if of == "audio" else (of,)
        told(self.timeline, "AddTrack", *arguments)
        after = [self._named(of, each) for each in self._indices(of)]
        new = [at for at in range(len(after)) if after[:at] + after[at + 1 :] == before]
        if len(after) == len(before):
            raise Problem("host-refused", "Resolve did not add the %s track" % of)
        if not new or after[new[-1]]:
            raise Problem("host-refused", "Resolve did something else than add a %s track" % of)
        index = new[-1] + 1
        self.undo.append(lambda: self._delete_track(of, index))
        if index != len(after):
            raise Problem(
                "host-refused", "Resolve added the %s track in another place than last" % of
            )
        self.added[step["as"]] = self.added[track_name(of, index)] = (of, index)

    def _indices(self, of):
        return range(1, track_count(self.timeline, of) + 1)

    def _named(self, of, index):
        return [(each.start, each.end, each.name) for each in standing_on(self.timeline, of, index)]

    def _delete_track(self, of, index):
        if standing_on(self.timeline, of, index):
            raise Problem("host-refused", "track %s" % track_name(of, index))
        told(self.timeline, "DeleteTrack", of, index)
        if track_count(self.timeline, of) >= index:
            raise Problem("host-refused", "the empty track %s" % track_name(of, index))

    def place(self, step):
        kind, index = self._track(step["track"], step["of"])
        start, end = self._frames(step["range"])
        self._check_free(kind, index, start, end)
        expect_file(step["path"])
        clip = self.pool.clip_for(step["path"], step["name"])
        standing = self._append(clip, kind, index, start, end, 0)
        self._dress(standing, step["enabled"], DRAFT_COLOUR if step["draft"] else "")
        self.placed.append(clip)
        self.stand.append(standing)

    def _append(self, clip, kind, index, start, end, source_in):
        standing = append(self.sequence, self.pool, clip, (kind, index, start, end), source_in)
        self.undo.append(lambda: discard(self.sequence, [standing]))
        return standing

    def _dress(self, standing, enabled, colour):
        if colour:
            told(standing.item, "SetClipColor", colour)
        if not enabled:
            told(standing.item, "SetClipEnabled", False)
            if told(standing.item, "GetClipEnabled") is not False:
                raise Problem("host-refused", "Resolve did not switch %s off" % standing.name)

    def swap(self, step):
        standing = self._find(step["item"])
        expect_file(step["path"])
        colour = told(standing.item, "GetClipColor")
        self.undo.extend(self.swaps.give(standing, step["path"]))
        clip = standing.media
        before = told(clip, "GetName")
        rename(clip, step["name"])
        self.undo.append(lambda: rename(clip, before))
        # The person's own colour stays; that of a draft goes with the draft.
        if step["draft"]:
            told(standing.item, "SetClipColor", DRAFT_COLOUR)
        elif colour == DRAFT_COLOUR:
            told(standing.item, "ClearClipColor")
            self.undo.append(lambda: told(standing.item, "SetClipColor", colour))
        self.placed.append(clip)

    def remove(self, step):
        standing = self._find(step["item"])
        if not has(self.timeline, "DeleteClips"):
            raise Problem("host-refused", "This version of Resolve lets no script take a clip out")
        clip, path = standing.media, step["item"]["path"]
        colour = told(standing.item, "GetClipColor")
        enabled = told(standing.item, "GetClipEnabled") is not False
        source_in = whole(told(standing.item, "GetLeftOffset")) or 0
        where = (standing.kind, standing.index, standing.start, standing.end)
        discard(self.sequence, [standing])

        def put_back():
            if path_of(clip) == "":
                raise Problem("host-refused", "%s is out of the cut" % path)
            again = append(self.sequence, self.pool, clip, where, source_in)
            self._dress(again, enabled, colour)

        self.undo.append(put_back)

    def _find(self, item):
        """The clip that stands where it is said to, with that file."""
        kind, index = self._track(item["track"])
        start, end = self._frames(item["range"])
        for each in standing_on(self.timeline, kind, index):
            if (each.start, each.end) != (start, end) or each.media is None:
                continue
            if self.swaps.plays(each.media, item["path"]):
                return each
        raise not_there(item)

    def _track(self, name, of=None):
        kinds = {letter: kind for kind, letter in KINDS}
        kind, index = self.added.get(name, (kinds.get(name[:1]), None))
        if index is None and kind is not None and name[1:].isdecimal():
            index = int(name[1:])
        if kind is None or index is None or of not in (None, kind):
            raise Problem("bad-request", "Expected a track as V1 or A2, got %s" % name)
        if not 1 <= index <= track_count(self.timeline, kind):
            raise Problem("placement-conflict", "Expected a track %s, there is none" % name)
        if is_locked(self.timeline, kind, index):
            raise Problem("placement-conflict", "Track %s is locked" % name)
        return kind, index

    def _frames(self, of):
        return of["start"] + self.first, of["end"] + self.first

    def _check_free(self, kind, index, start, end):
        for each in standing_on(self.timeline, kind, index):
            if each.start < end and start < each.end and not is_transition(each):
                raise Problem(
                    "placement-conflict",
                    "Expected %s to be free at %d\u2013%d, %s is there"
                    % (track_name(kind, index), start, end, each.name),
                )
