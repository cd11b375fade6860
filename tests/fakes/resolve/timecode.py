"""Timecode by counting: slow and plain, for the agent's own to be held against."""

import functools


@functools.lru_cache(maxsize=None)
def _numbered(per_second, drop, minutes):
    """Where each minute starts, in frames."""
    starts, at = [], 0
    for minute in range(minutes + 1):
        starts.append(at)
        lost = per_second // 15 if drop and minute % 10 else 0
        at += 60 * per_second - lost
    return starts


def timecode_at(frame, rate, drop):
    per_second = int(round(rate))
    starts = _numbered(per_second, drop, 60 * 24)
    minute = max(index for index, start in enumerate(starts) if start <= frame)
    number = frame - starts[minute]
    if drop and minute % 10:
        number += per_second // 15
    seconds, frames = divmod(number, per_second)
    mark = ";" if drop else ":"
    return "%02d:%02d:%02d%s%02d" % (minute // 60, minute % 60, seconds, mark, frames)


def frame_at(timecode, rate, drop):
    parts = timecode.replace(";", ":").split(":")
    if len(parts) != 4 or not all(each.isdigit() for each in parts):
        return None
    hours, minutes, seconds, frames = map(int, parts)
    per_second = int(round(rate))
    minute = hours * 60 + minutes
    number = seconds * per_second + frames
    if drop and minute % 10:
        number -= per_second // 15
    return _numbered(per_second, drop, 60 * 24)[minute] + number
