"""Which moments of a file show, as far as Resolve tells a script."""

from fractions import Fraction

from .told import number, told, whole

_SLACK = Fraction(3, 2)
"""Frames by which Resolve's first and last frame of a source may be off."""


class Timing:
    def __init__(self, source_in, speed, is_sure=True):
        self.source_in = source_in
        """Seconds."""
        self.speed = speed
        self.is_sure = is_sure


STILL = Timing(Fraction(0), Fraction(0))


class NotTold(Exception):
    """Nobody can say which moments show; the text says what it is instead."""


def timing_of(standing, media, rate):
    """`rate`: the timeline's. Raises NotTold."""
    if media.is_still():
        return STILL
    if media.rate is None:
        raise NotTold("clip whose frame rate Resolve does not tell")
    speed = _speed(standing, media, rate)
    left = _frames(standing, "GetLeftOffset")
    first = _frames(standing, "GetSourceStartFrame")
    if speed == 1 and left is not None and (standing.kind == "audio" or media.rate == rate):
        # Of sound it counts in the timeline's frames, whatever the file's rate.
        return Timing(Fraction(left) / rate, speed)
    if first is None and speed == 1:
        first = left
    if first is None:
        raise NotTold("clip whose first frame Resolve does not tell")
    # This one may be a frame off.
    return Timing(Fraction(first) / media.rate, speed, is_sure=False)


def _speed(standing, media, rate):
    frames = standing.end - standing.start
    expected = frames * media.rate / rate
    first, last = (_frames(standing, "GetSource%sFrame" % end) for end in ("Start", "End"))
    # Both are 0 where Resolve does not know.
    span = None if first is None or last is None or first == last == 0 else last - first
    said = told(standing.item, "GetSpeed")
    if isinstance(said, dict) and number(said.get("Percentage")) is not None:
        speed = Fraction(number(said["Percentage"])).limit_denominator(10_000) / 100
        if speed < 0:
            raise NotTold("clip that plays backwards")
        if span is not None and not _is_near(span, expected * speed):
            raise NotTold("clip of varying speed")
        return speed
    if span is not None:
        if _is_near(span, expected):
            return Fraction(1)
        raise NotTold("clip of a changed speed, which Resolve does not tell")
    left, right = (_frames(standing, "Get%sOffset" % side) for side in ("Left", "Right"))
    if None not in (left, right, media.frames):
        whole_clip = (left + frames + right) * (1 if media.rate == rate else media.rate / rate)
        if _is_near(whole_clip, media.frames):
            return Fraction(1)
    raise NotTold("clip whose speed Resolve does not tell")


def _is_near(frames, expected):
    return abs(frames - expected) <= _SLACK


def _frames(standing, name):
    return whole(told(standing.item, name))
