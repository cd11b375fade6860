"""A timeline's tracks and what stands on them."""

from .told import listed, text, told, whole

KINDS = (("video", "V"), ("audio", "A"))


class Standing:
    """Something on a track; frames as Resolve counts them, from 00:00:00:00."""

    def __init__(self, item, kind, index):
        self.item = item
        self.kind = kind
        self.index = index
        """As Resolve counts tracks: the first is 1."""
        self.start = whole(told(item, "GetStart")) or 0
        length = whole(told(item, "GetDuration"))
        if length is None:
            length = (whole(told(item, "GetEnd")) or self.start) - self.start
        self.end = self.start + max(0, length)

    @property
    def name(self):
        return text(told(self.item, "GetName"))

    @property
    def media(self):
        """What it plays in the media pool; None for titles, generators and transitions."""
        return told(self.item, "GetMediaPoolItem")


def first_frame(timeline):
    """The number that Resolve's frames begin with: 86400 for 01:00:00:00 at 24."""
    return whole(told(timeline, "GetStartFrame")) or 0


def track_count(timeline, kind):
    return max(0, whole(told(timeline, "GetTrackCount", kind)) or 0)


def track_name(kind, index):
    return "%s%d" % (dict(KINDS)[kind], index)


def standing_on(timeline, kind, index):
    """What stands on a track, in order."""
    items = listed(told(timeline, "GetItemListInTrack", kind, index))
    found = [Standing(each, kind, index) for each in items]
    return sorted((each for each in found if each.end > each.start), key=lambda each: each.start)


def everything_on(timeline):
    for kind, _ in KINDS:
        for index in range(1, track_count(timeline, kind) + 1):
            for each in standing_on(timeline, kind, index):
                yield each


def is_locked(timeline, kind, index):
    return told(timeline, "GetIsTrackLocked", kind, index) is True


def fits_sound(timeline, index):
    """Whether two channels fit an audio track: on one for a single channel half would be lost."""
    return text(told(timeline, "GetTrackSubType", "audio", index)).lower() != "mono"


def is_transition(standing):
    """
    From 21.1 on Resolve says so; before that a transition is what has no media and no properties,
    where titles and generators have some.
    """
    kind = told(standing.item, "GetType")
    if isinstance(kind, str) and kind:
        return kind.lower() == "transition"
    if standing.kind != "video" or standing.media is not None:
        return False
    return told(standing.item, "GetProperty") == {}
