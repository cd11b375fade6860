"""
Places a clip at a frame of a track, and looks whether it stands there. Resolve answers with success
where nothing came, where the clip came onto another track, and where it is a frame short: versions
differ in whether the last frame of a source is named (18) or the one after it (19 and newer). And it
answers with nothing where a clip came all the same: that one is gone when the project is saved.
"""

from collections import Counter

from .discard import discard
from .media import Media, id_of
from .problem import Problem
from .timeline import everything_on, track_name
from .told import listed

_MEDIA_TYPE = {"video": 1, "audio": 2}

_NO_ANSWER = "it did not answer for what it placed, as if that will not be saved"

_seen = []
"""Whether this Resolve names the last frame of a source, once that was seen."""


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
    is_to_its_end = Media(clip).frames == source_in + end - start
    got = ""
    for names_last in _readings(is_to_its_end):
        # What came without an answer is asked for once more.
        for _ in range(2):
            last = source_in + end - start - (1 if names_last else 0)
            answer = listed(pool.append(dict(info, endFrame=last)))
            came = _come(before, list(everything_on(sequence.timeline)))
            is_right = [_place_of(each) for each in came] == [where]
            if is_right and answer:
                # Of a file that ends there the frame after its last cannot show in any version.
                if names_last or not is_to_its_end:
                    _seen[:] = [names_last]
                return came[0]
            # Nothing else is taken away, whatever Resolve has done to it.
            ours = [each for each in came if id_of(each.media) == id_of(clip)]
            if ours:
                discard(sequence, ours)
            if not is_right:
                break
        got = got or (_NO_ANSWER if is_right else _said(came))
        if is_right or [_place_of(each)[:3] for each in came] not in ([], [where[:3]]):
            break
    wanted = "%s at %d\u2013%d" % (track_name(kind, index), start, end)
    said = "Expected the clip on %s, Resolve's answer: %s"
    raise Problem("host-refused", said % (wanted, got or "it placed nothing"))


def _readings(is_to_its_end):
    """
    Whether to name the last frame: first what this Resolve is known for. Before that what newer ones
    take, unless older ones would show a frame too many then, which a neighbour may lose.
    """
    first = _seen[0] if _seen else not is_to_its_end
    return [first, not first]


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


def _said(came):
    places = [(track_name(each.kind, each.index), each.start, each.end) for each in came]
    return ", ".join("%s at %d\u2013%d" % place for place in places)
