"""Takes clips out of a timeline, and looks whether they are gone."""

from .problem import Problem
from .timeline import standing_on, track_name
from .told import has, listed, told


def discard(sequence, standing):
    """Raises Problem, naming what still stands."""
    timeline = sequence.timeline
    if not has(timeline, "DeleteClips"):
        raise Problem("host-refused", "Take out by hand: %s" % _named(standing))
    for each in standing:
        # A clip may take along what it is linked with.
        if listed(told(each.item, "GetLinkedItems")):
            told(timeline, "SetClipsLinked", [each.item], False)
    left = _delete(timeline, standing)
    page = told(sequence.resolve, "GetCurrentPage")
    if left and page != "edit":
        # On other pages it does nothing, and says so with a plain False.
        told(sequence.resolve, "OpenPage", "edit")
        left = _delete(timeline, left)
        if page:
            told(sequence.resolve, "OpenPage", page)
    if left:
        left = _delete(timeline, left)
    if left:
        raise Problem("host-refused", "Resolve did not take out: %s" % _named(left))


def _delete(timeline, standing):
    told(timeline, "DeleteClips", [each.item for each in standing], False)
    return [each for each in standing if _stands(timeline, each)]


def _stands(timeline, standing):
    now = standing_on(timeline, standing.kind, standing.index)
    where = (standing.start, standing.end)
    return any((each.start, each.end) == where for each in now)


def _named(standing):
    return ", ".join(
        "%s on %s at %d\u2013%d"
        % (each.name, track_name(each.kind, each.index), each.start, each.end)
        for each in standing
    )
