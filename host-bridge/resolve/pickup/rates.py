"""Frame rates as Resolve names them, and timecode."""

import re
from fractions import Fraction

from .told import number

_NTSC = (24, 30, 48, 60, 120)

_TIMECODE = re.compile(r"^\s*(\d+):(\d+):(\d+)([:;.,])(\d+)\s*$")


def rate_of(named):
    """
    Frames a second, exactly: "23.976" and "23.98" are 24000/1001, "29.97 DF" is 30000/1001. None
    where it names no rate.
    """
    plain = re.sub(r"(?i)\s*(DF|NDF|fps)\s*$", "", named) if isinstance(named, str) else named
    value = number(plain)
    if value is None or not 1 <= value <= 1000:
        return None
    for nominal in _NTSC:
        exact = Fraction(nominal * 1000, 1001)
        if abs(value - float(exact)) < 0.005:
            return exact
    return Fraction(value).limit_denominator(1001)


def drops_frames(named):
    """Whether a rate is named as one whose timecode drops frames."""
    return isinstance(named, str) and re.search(r"(?i)(?<![N])DF\s*$", named) is not None


def nominal(rate):
    """Frames that timecode counts to a second."""
    return int(round(rate))


def frame_at(timecode, rate, drop):
    """The frame that a timecode names, counted from 00:00:00:00; None where it is none."""
    match = _TIMECODE.match(timecode) if isinstance(timecode, str) else None
    if match is None:
        return None
    hours, minutes, seconds, _, frames = match.groups()
    per_second = nominal(rate)
    minute = int(hours) * 60 + int(minutes)
    count = (minute * 60 + int(seconds)) * per_second + int(frames)
    return count - _dropped(per_second) * (minute - minute // 10) if drop else count


def timecode_at(frame, rate, drop):
    """The timecode of a frame that is counted from 00:00:00:00."""
    per_second = nominal(rate)
    if drop:
        lost = _dropped(per_second)
        ten = per_second * 600 - 9 * lost
        tens, rest = divmod(frame, ten)
        minute = per_second * 60 - lost
        over = 0 if rest < per_second * 60 else 1 + (rest - per_second * 60) // minute
        frame += tens * 9 * lost + over * lost
    seconds, frames = divmod(frame, per_second)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    last = ";" if drop else ":"
    return "%02d:%02d:%02d%s%02d" % (hours, minutes, seconds, last, frames)


def _dropped(per_second):
    """Numbers that each minute but every tenth leaves out."""
    return per_second // 15
