"""A timeline's tracks and what stands on them."""

from .told import asked, listed, text, told, whole

KINDS = (("video", "V"), ("audio", "A"))


class Standing:
    """Something on a track; frames as Resolve counts them, from 00:00:00:00."""

    def __init__(self, item, kind, index):
        self.item = item
        self.kind = kind
        self.index = index
        """As Resolve counts tracks: the first is 1."""
        start, length = whole(told(item, "GetStart")), whole(told(item, "GetDuration"))
        end = whole(told(item, "GetEnd")) if None in (start, length) else start + length
        is_placed = None not in (start, end)
        self.start, self.end = (start, end) if is_placed else (None, None)
        """None where Resolve does not tell where it stands."""

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
    return max(0, whole(asked(timeline, "GetTrackCount", kind)) or 0)


def track_name(kind, index):
    return "%s%d" % (dict(KINDS)[kind], index)


def standing_on(timeline, kind, index):
    """What stands on a track, in order, as far as Resolve tells where."""
    found = [each for each in items_on(timeline, kind, index) if each.start is not None]
    return sorted((each for each in found if each.end > each.start), key=lambda each: each.start)


def items_on(timeline, kind, index):
    """All of it."""
    items = listed(asked(timeline, "GetItemListInTrack", kind, index))
    return [Standing(each, kind, index) for each in items]


def everything_on(timeline, on_track=standing_on):
    for kind, _ in KINDS:
        for index in range(1, track_count(timeline, kind) + 1):
            for each in on_track(timeline, kind, index):
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
