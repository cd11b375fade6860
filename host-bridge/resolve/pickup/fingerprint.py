"""What differs in a timeline whenever its cut does."""

from .cut import setting
from .media import path_of
from .timeline import KINDS, everything_on, first_frame, items_on, track_count
from .told import told

_SETTINGS = ("timelineFrameRate", "timelineResolutionWidth", "timelineResolutionHeight")


def fingerprint(sequence):
    """All that the cut is read from, but for what hardly anybody changes alone."""
    project, timeline = sequence.project, sequence.timeline
    known = [str(setting(project, timeline, name)) for name in _SETTINGS]
    known += [told(timeline, "GetName"), first_frame(timeline)]
    for kind, _ in KINDS:
        for index in range(1, track_count(timeline, kind) + 1):
            asked = ("GetIsTrackEnabled", "GetIsTrackLocked")
            known += [told(timeline, name, kind, index) for name in asked]
    for each in everything_on(timeline, items_on):
        media = each.media
        known += [each.kind, each.index, each.start, each.end, each.name]
        known += [told(each.item, "GetClipEnabled"), told(each.item, "GetLeftOffset")]
        known += [path_of(media) if media is not None else None]
    return hash(tuple(known))
