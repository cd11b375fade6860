"""Grabs the composed picture of a frame, leaving everything as the person has it."""

import os
import struct
import time

from .cut import Clock
from .problem import Problem
from .rates import frame_at, timecode_at
from .told import told

_PATIENCE = 20.0
"""Seconds until a picture that Resolve has promised is given up."""

_PAUSE = 0.02

_HEAD, _END = b"\x89PNG\r\n\x1a\n", b"IEND\xaeB\x60\x82"


def grab(sequence, frame, path):
    """
    Writes a frame, counted from the timeline's first, as PNG to a path that is free. Gives its
    width and height. Raises Problem where Resolve does not.
    """
    if os.path.lexists(path):
        raise Problem("bad-request", "Expected a free name, but %s is there already" % path)
    timeline = sequence.timeline
    before = told(timeline, "GetCurrentTimecode")
    # Resolve chooses the format by the name's end.
    part = path + ".part.png"
    try:
        go_to(sequence, frame)
        size = _export(sequence, part)
    except Problem:
        _discard(part)
        raise
    finally:
        if isinstance(before, str):
            told(timeline, "SetCurrentTimecode", before)
    os.rename(part, path)
    return size


def go_to(sequence, frame):
    """Puts the playhead on a frame. Raises Problem where it does not go there."""
    clock = Clock(sequence.project, sequence.timeline)
    wanted = clock.begins + frame
    told(sequence.timeline, "SetCurrentTimecode", timecode_at(wanted, clock.rate, clock.drop))
    now = told(sequence.timeline, "GetCurrentTimecode")
    if frame_at(now, clock.rate, clock.drop) != wanted:
        said = timecode_at(wanted, clock.rate, clock.drop)
        raise Problem(
            "host-refused", "Expected the playhead at %s, Resolve has it at %s" % (said, now)
        )


def _export(sequence, part):
    resolve, project = sequence.resolve, sequence.project
    if told(project, "ExportCurrentFrameAsStill", part) is not True:
        page = told(resolve, "GetCurrentPage")
        if page == "color":
            raise Problem("host-refused", "Resolve did not write the frame")
        # Some pages, and some versions anywhere else, write no stills.
        told(resolve, "OpenPage", "color")
        try:
            done = told(project, "ExportCurrentFrameAsStill", part) is True
        finally:
            if page:
                told(resolve, "OpenPage", page)
        if not done:
            raise Problem("host-refused", "Resolve did not write the frame")
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until:
        size = _png_size(part)
        if size is not None:
            return size
        # The file may come after the answer, and in pieces.
        time.sleep(_PAUSE)
    raise Problem("host-refused", "Resolve said that it had written the frame, no picture came")


def _png_size(path):
    """Width and height of a picture that is whole; None where it is not."""
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError:
        return None
    is_whole = data.startswith(_HEAD) and data.endswith(_END)
    return struct.unpack(">II", data[16:24]) if is_whole else None


def _discard(path):
    try:
        os.remove(path)
    except OSError:
        pass
