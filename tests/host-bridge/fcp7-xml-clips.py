"""Prints every clip of FCP 7 XML files as OpenTimelineIO reads them: a JSON list for each file."""

import json
import sys
from urllib.parse import unquote, urlparse

import opentimelineio as otio


def clips_of(path):
    loaded = otio.adapters.read_from_file(path)
    timeline = loaded if isinstance(loaded, otio.schema.Timeline) else next(iter(loaded))
    return [describe(track, clip) for track in timeline.tracks for clip in track.find_clips()]


def describe(track, clip):
    place = clip.range_in_parent()
    reference = clip.media_reference
    return {
        "kind": track.kind,
        "path": unquote(urlparse(getattr(reference, "target_url", "")).path),
        "start": place.start_time.value,
        "frames": place.duration.value,
        "rate": place.duration.rate,
        "source": clip.trimmed_range().start_time.value,
    }


print(json.dumps([clips_of(path) for path in sys.argv[1:]]))
