"""Prints the tracks of a timeline file as OpenTimelineIO reads them, as JSON."""

import json
import sys
from urllib.parse import unquote, urlparse

import opentimelineio as otio


def read(path):
    loaded = otio.adapters.read_from_file(path)
    timeline = loaded if isinstance(loaded, otio.schema.Timeline) else next(iter(loaded))
    return [
        {"kind": track.kind, "clips": [describe(clip) for clip in track.find_clips()]}
        for track in timeline.tracks
    ]


def describe(clip):
    within = clip.range_in_parent()
    available = clip.media_reference.available_range
    zero = available.start_time.value if available else 0
    url = getattr(clip.media_reference, "target_url", "")
    return {
        "path": unquote(urlparse(url).path),
        "start": round(within.start_time.value),
        "frames": round(within.duration.value),
        "sourceStart": round(clip.source_range.start_time.value - zero),
    }


print(json.dumps(read(sys.argv[1])))
