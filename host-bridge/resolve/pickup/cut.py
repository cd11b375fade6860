"""Reads a timeline as a cut: what Resolve plays, or that nobody else can tell."""

import os
from fractions import Fraction

from .looks import picture_effects
from .media import Media, id_of
from .problem import Problem
from .rates import drops_frames, frame_at, nominal, rate_of
from .timeline import (
    KINDS,
    first_frame,
    fits_sound,
    is_locked,
    is_transition,
    items_on,
    standing_on,
    track_count,
    track_name,
)
from .timing import STILL, NotTold, timing_of
from .told import text, told, whole

_FOREVER = 1 << 24
"""Frames: more than any timeline has."""


def read_cut(project, timeline):
    """As protocol/timeline.ts says. Raises Problem for a timeline that nothing can be made for."""
    return _Reader(project, timeline).cut()


class Clock:
    """How a timeline counts. Raises Problem where Resolve does not tell its frame rate."""

    def __init__(self, project, timeline):
        named = setting(project, timeline, "timelineFrameRate")
        rate = rate_of(named)
        if rate is None:
            got = "nothing" if named is None else repr(named)
            raise Problem("timeline-unsupported", "Expected a frame rate, Resolve says %s" % got)
        start = told(timeline, "GetStartTimecode")
        now = told(timeline, "GetCurrentTimecode")
        self.rate = _told_apart(rate, timeline)
        self.first = first_frame(timeline)
        marks = [each for each in (start, now) if isinstance(each, str)]
        self.drop = nominal(self.rate) % 30 == 0 and (
            drops_frames(named) or any(";" in each for each in marks)
        )
        begins = frame_at(start, self.rate, self.drop)
        self.begins = self.first if begins is None else begins
        """The frame that the timecode of the timeline's first frame names."""


def setting(project, timeline, name):
    """A timeline that uses the project's own settings may not tell them."""
    own = told(timeline, "GetSetting", name)
    return own if own not in (None, "") else told(project, "GetSetting", name)


def size_of(project, timeline):
    """Pixels; None where Resolve does not tell."""
    sides = ("timelineResolutionWidth", "timelineResolutionHeight")
    width, height = (whole(setting(project, timeline, side)) for side in sides)
    return (width, height) if width and height else None


def _told_apart(rate, timeline):
    """
    Settings may say 24 of a timeline at 23.976: as a clip in the media pool it says which. Of two
    rates that timecode counts alike the one with the fraction is meant.
    """
    clip = told(timeline, "GetMediaPoolItem")
    other = rate_of(told(clip, "GetClipProperty", "FPS"))
    if other is not None and other.denominator != 1 and nominal(other) == nominal(rate):
        return other
    return rate


class _Reader:
    def __init__(self, project, timeline):
        self.project = project
        self.timeline = timeline
        self.clock = Clock(project, timeline)
        self.media = {}
        self.notes = []
        self.last = self.clock.first

    def cut(self):
        tracks = [
            self._track(kind, index)
            for kind, _ in KINDS
            for index in range(1, track_count(self.timeline, kind) + 1)
        ]
        cut = {"sequence": self._sequence(), "tracks": tracks}
        if size_of(self.project, self.timeline) is None:
            cut["sizeAssumed"] = True
        if self.notes:
            cut["notes"] = self.notes
        return cut

    def _sequence(self):
        width, height = size_of(self.project, self.timeline) or (1920, 1080)
        end = max(self.last, whole(told(self.timeline, "GetEndFrame")) or 0)
        return {
            "name": text(told(self.timeline, "GetName")),
            "rate": _rational(self.clock.rate),
            "size": {"width": width, "height": height},
            "pixelAspect": _rational(self._pixel_aspect((width, height))),
            "duration": max(1, end - self.clock.first),
            "startFrame": self.clock.begins,
            "dropFrame": self.clock.drop,
            "sampleRate": whole(setting(self.project, self.timeline, "timelineSampleRate"))
            or 48_000,
        }

    def _pixel_aspect(self, size):
        named = setting(self.project, self.timeline, "timelinePixelAspectRatio")
        named = named.lower() if isinstance(named, str) else ""
        is_pal = size[1] in (576, 288)
        if named.startswith("cinema"):
            return Fraction(2)
        if named.startswith("16_9"):
            return Fraction(64, 45) if is_pal else Fraction(40, 33)
        if named.startswith("4_3"):
            return Fraction(16, 15) if is_pal else Fraction(10, 11)
        return Fraction(1)

    def _track(self, kind, index):
        name = track_name(kind, index)
        there = standing_on(self.timeline, kind, index)
        transitions = [each for each in there if is_transition(each)]
        clips, taken, ends = [], [], self.clock.first
        for each in there:
            self.last = max(self.last, each.end)
            if each in transitions:
                continue
            if each.start < ends or each.start < self.clock.first:
                taken.append(each)
                self.notes.append(
                    "%s stands over another clip on %s: it is left out." % (each.name, name)
                )
                continue
            ends = each.end
            clips.append(self._clip(each, name))
        track = {
            "kind": kind,
            "index": index - 1,
            "name": name,
            "enabled": told(self.timeline, "GetIsTrackEnabled", kind, index) is not False,
            "locked": is_locked(self.timeline, kind, index),
            "clips": clips,
            "transitions": [
                {"name": each.name, "range": self._range(each)}
                for each in transitions
                if each.start >= self.clock.first
            ],
        }
        is_lost = any(each.start is None for each in items_on(self.timeline, kind, index))
        if is_lost:
            self.notes.append(
                "%s has an item that Resolve does not place: nothing is placed on it." % name
            )
        if is_lost or (kind == "audio" and not fits_sound(self.timeline, index)):
            track["taken"] = [{"start": 0, "end": _FOREVER}]
        elif taken:
            track["taken"] = [self._range(each) for each in taken if each.end > self.clock.first]
        return track

    def _clip(self, standing, track):
        source, when = self._source(standing)
        clip = {
            "name": standing.name,
            "track": track,
            "range": self._range(standing),
            "source": source,
            "sourceIn": _rational(when.source_in),
            "speed": _rational(when.speed),
            "enabled": told(standing.item, "GetClipEnabled") is not False,
        }
        effects = picture_effects(standing.item) if standing.kind == "video" else []
        if not when.is_sure:
            effects.append("first frame that is known to within a frame")
        if effects and source["kind"] == "file":
            clip["effects"] = effects
        return clip

    def _source(self, standing):
        clip = standing.media
        if clip is None:
            return _synthetic(standing.name or "title or generator"), STILL
        media = self._media(clip)
        if not media.path:
            return _synthetic(media.kind.lower() or "clip without a file of its own"), STILL
        if media.is_sequence():
            return _synthetic("image sequence"), STILL
        if (whole(told(standing.item, "GetTakesCount")) or 0) > 1:
            return _synthetic("clip with a choice of takes"), STILL
        if not os.path.isfile(media.path):
            return _offline(media.path, "There is no such file"), STILL
        if media.is_offline:
            return _offline(media.path, "Resolve has it offline"), STILL
        try:
            return {"kind": "file", "path": media.path}, timing_of(standing, media, self.clock.rate)
        except NotTold as why:
            return _synthetic(str(why)), STILL

    def _media(self, clip):
        key = id_of(clip) or id(clip)
        if key not in self.media:
            self.media[key] = Media(clip)
        return self.media[key]

    def _range(self, standing):
        first = self.clock.first
        return {"start": max(0, standing.start - first), "end": standing.end - first}


def _synthetic(what):
    return {"kind": "synthetic", "what": text(what)}


def _offline(path, reason):
    return {"kind": "offline", "path": path, "reason": reason}


def _rational(value):
    return {"num": value.numerator, "den": value.denominator}
