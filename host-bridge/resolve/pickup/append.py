"""
Places a clip at a frame of a track, and looks whether it stands there. Resolve answers with success
where nothing came, where the clip came onto another track, and where it is a frame short: versions
differ in whether the last frame of a source is named or the one after it.
"""

from collections import Counter

from .discard import discard
from .problem import Problem
from .timeline import everything_on, track_name

_MEDIA_TYPE = {"video": 1, "audio": 2}

_includes_last = [True, False]
"""What this Resolve was found to take comes first; before that, what makes no clip too long."""


def append(sequence, pool, clip, where, source_in):
    """
    `where`: kind and index of the track, first frame and the one after the last as Resolve counts
    them; `source_in`: frames. Gives what stands there. Raises Problem, having taken away what came.
    """
    kind, index, start, end = where
    info = {
        "mediaPoolItem": clip,
        "startFrame": source_in,
        "mediaType": _MEDIA_TYPE[kind],
        "trackIndex": index,
        "recordFrame": start,
    }
    before = list(everything_on(sequence.timeline))
    came = []
    for includes_last in list(_includes_last):
        last = source_in + end - start - (1 if includes_last else 0)
        pool.append(dict(info, endFrame=last))
        came = _come(before, list(everything_on(sequence.timeline)))
        if [_place_of(each) for each in came] == [where]:
            _includes_last.sort(key=lambda each: each != includes_last)
            return came[0]
        if came:
            discard(sequence, came)
        if [_place_of(each)[:3] for each in came] not in ([], [where[:3]]):
            break
    wanted = "%s at %d\u2013%d" % (track_name(kind, index), start, end)
    got = ", ".join("%s at %d\u2013%d" % _said(each) for each in came) or "it placed nothing"
    raise Problem("host-refused", "Expected the clip on %s, Resolve's answer: %s" % (wanted, got))


def _come(before, now):
    """What stands in the timeline that did not before."""
    known = Counter(_key(each) for each in before)
    come = []
    for each in now:
        key = _key(each)
        if known[key] > 0:
            known[key] -= 1
        else:
            come.append(each)
    return come


def _key(standing):
    return _place_of(standing) + (standing.name,)


def _place_of(standing):
    return standing.kind, standing.index, standing.start, standing.end


def _said(standing):
    return track_name(standing.kind, standing.index), standing.start, standing.end
