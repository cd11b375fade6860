"""Which moment of its file a strip shows at its start, and how fast that goes on."""

import os
from fractions import Fraction

import bpy

from .exact import exact
from .sequencer import path_of, strips_of

_lengths = {}


class Timing:
    """
    `source_in`: seconds; `speed`: 1 is as in the file; `is_rounded`: the nearest frame shows;
    `is_sure`: false where the speed may be off by as much as shows another frame at an end.
    """

    def __init__(self, source_in, speed, is_rounded=False, is_sure=True):
        self.source_in = source_in
        self.speed = speed
        self.is_rounded = is_rounded
        self.is_sure = is_sure


STILL = Timing(Fraction(0), Fraction(0))


def file_rate(strip):
    """Frames a second of a movie strip's file; None where Blender cannot read it."""
    element = strip.elements[0] if len(strip.elements) > 0 else None
    rate = getattr(element, "orig_fps", 0) or strip.fps
    return exact(rate) if rate > 0 else None


def movie_timing(strip, rate, scene):
    """
    Of a movie strip in a scene of that rate; None where its speed varies. By itself Blender shows
    one frame of the file for each of the scene, whatever their rates, from `frame_start` on, which
    need not be where the strip has been trimmed to. A factor comes in by retiming, and where the
    person had the file added at its own rate. Reversed, the last frame is at `frame_start`.
    """
    own_rate = file_rate(strip)
    keys = getattr(strip, "retiming_keys", ())
    is_sure = True
    if len(keys) > 2:
        return None
    if len(keys) == 2:
        factor, is_sure = _retimed(strip, _frames_in_file(strip, scene))
    else:
        factor = _factor(strip, own_rate / rate, scene)
    passed = Fraction(strip.frame_final_start) - exact(strip.frame_start)
    if strip.use_reverse_frames:
        frame, step = (_length(strip, factor) - 1 - passed) * factor, -factor
    else:
        frame, step = passed * factor, factor
    frame += strip.animation_offset_start
    is_rounded = factor != 1 and hasattr(strip, "retiming_keys")
    return Timing(frame / own_rate, step * rate / own_rate, is_rounded, is_sure)


def sound_timing(strip, rate):
    """
    Of a sound strip, which is heard in true time; None where its speed varies. Before 4.0 what is
    trimmed away does not count at the strip's speed, and no sound waits for its beginning.
    """
    if len(getattr(strip, "retiming_keys", ())) > 0:
        return None
    skipped = Fraction(strip.frame_final_start) - exact(strip.frame_start)
    skipped += strip.animation_offset_start
    if not hasattr(strip, "retiming_keys"):
        skipped = max(skipped, Fraction(0))
    offset = exact(getattr(strip, "sound_offset", 0))
    return Timing(skipped / rate - offset, exact(getattr(strip, "speed_factor", 1)))


def _factor(strip, own, scene):
    """How many frames of the file go by in a frame of the scene. `own`: at the file's own rate."""
    chosen = exact(getattr(strip, "speed_factor", 1))
    if own == 1:
        return chosen
    # Nothing says whether a strip plays at the file's own rate, but its length does.
    frames = _frames_in_file(strip, scene)
    length = strip.frame_final_duration + strip.frame_offset_start + strip.frame_offset_end
    return min((chosen, chosen * own), key=lambda factor: abs(frames / factor - exact(length)))


def _retimed(strip, frames):
    """
    The factor of a strip that was retimed as a whole, from 4.0 on, and whether it is sure. Blender
    keeps where the last key is to parts of a frame, but tells only the frame that it is in, and by
    the rounded duration in which half of it. So the plainest speed that fits is taken: people say
    150 %, or drag the key to a frame.
    """
    first, last = strip.retiming_keys
    span = last.timeline_frame - first.timeline_frame
    half = Fraction(0 if strip.frame_duration <= span else 1, 2)
    most, least = frames / (span + half), frames / (span + half + Fraction(1, 2))
    found = _plainest(least, most)
    shown = strip.frame_final_end - first.timeline_frame
    return found, (most - found) * shown < Fraction(1, 2) or half > 0


def _plainest(least, most):
    """The decimal of the fewest digits above `least` and not above `most`; else `most`."""
    for parts in (1, 2, 4, 10, 20, 100):
        found = Fraction(most * parts // 1, parts)
        if found > least:
            return found
    return most


def _length(strip, factor):
    """Frames that the strip would have untrimmed."""
    return strip.frame_duration // (1 if hasattr(strip, "retiming_keys") else factor)


def _frames_in_file(strip, scene):
    """
    Frames of the file that the strip has. Blender 3.4 says it; from 4.0 on a strip's duration is
    what is left after retiming, so that another strip of the same file has to be looked at.
    """
    if not hasattr(strip, "retiming_keys"):
        return strip.frame_duration
    path = path_of(strip)
    try:
        stat = os.stat(path)
    except OSError:
        return strip.frame_duration
    key = (path, stat.st_mtime_ns, stat.st_size)
    if key not in _lengths:
        # In a scene of its own, so that nothing is ever seen of it in the person's.
        probe = bpy.data.scenes.new("Pickup")
        try:
            probe.render.fps, probe.render.fps_base = scene.render.fps, scene.render.fps_base
            editor = probe.sequence_editor_create()
            found = strips_of(editor).new_movie("probe", path, 1, 1)
            _lengths[key] = found.frame_duration
        finally:
            bpy.data.scenes.remove(probe)
    return _lengths[key] - strip.animation_offset_start - strip.animation_offset_end
