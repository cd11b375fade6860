"""What clips in the media pool play."""

import os
import re

from .rates import rate_of
from .told import listed, number, text, told, whole

_SEQUENCE = re.compile(r"\[\d+-\d+\]")


class Media:
    """As much of a clip in the media pool as the cut is read by."""

    def __init__(self, clip):
        everything = told(clip, "GetClipProperty")
        known = everything if isinstance(everything, dict) else {}

        def said(name):
            # Where Resolve speaks another language, the table has other names than the question.
            return told(clip, "GetClipProperty", name) or known.get(name, "")

        self.name = text(told(clip, "GetName"))
        self.path = text(said("File Path"), 4096) or _path_among(known.values())
        self.kind = text(said("Type"))
        self.rate = rate_of(said("FPS"))
        self.frames = whole(said("Frames"))
        self.is_offline = text(said("Online Status")).lower() == "offline"

    def is_sequence(self):
        return _SEQUENCE.search(os.path.basename(self.path)) is not None

    def is_still(self):
        return self.kind.lower() == "still" or self.frames == 1


def id_of(clip):
    """What a clip of the media pool is known by; None of what is none."""
    return told(clip, "GetUniqueId") or told(clip, "GetMediaId")


def path_of(clip):
    """The file that a clip in the media pool plays; "" where it is none."""
    said = told(clip, "GetClipProperty", "File Path")
    if isinstance(said, str) and said:
        return said
    everything = told(clip, "GetClipProperty")
    return _path_among(everything.values() if isinstance(everything, dict) else ())


def same_path(a, b):
    return os.path.normcase(os.path.normpath(a)) == os.path.normcase(os.path.normpath(b))


def clips_in(folder):
    """All clips of a folder of the media pool and of those below it."""
    for clip in listed(told(folder, "GetClipList")):
        yield clip
    for below in listed(told(folder, "GetSubFolderList")):
        for clip in clips_in(below):
            yield clip


def uses_of(clip):
    """How often the project's timelines use a clip; None where Resolve does not say."""
    return whole(number(told(clip, "GetClipProperty", "Usage")))


def _path_among(values):
    found = [each for each in values if isinstance(each, str) and os.path.isabs(each)]
    return next((each for each in found if os.path.isfile(each)), "")
