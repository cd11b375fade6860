"""Reads an original and a filled timeline with OpenTimelineIO and compares them.

Prints JSON: where every clip with metadata.pickup stands, the durations, and what differs once
those clips are gaps again. Usage: python otio-compare.py ORIGINAL FILLED
"""

import json
import sys

import opentimelineio as otio


def main():
    original, filled = (otio.adapters.read_from_file(name) for name in sys.argv[1:3])
    before, after = timelines(original), timelines(filled)
    report = {"clips": [], "durations": [], "differences": []}
    for old, new in zip(before, after):
        report["durations"].append([seconds(old.duration()), seconds(new.duration())])
        for index, track in enumerate(new.tracks):
            report["clips"] += [place(child, track, index) for child in track if ours(child)]
        report["differences"] += compare(old, new)
    print(json.dumps(report))


def timelines(root):
    if isinstance(root, otio.schema.SerializableCollection):
        return [found for child in root for found in timelines(child)]
    return [root] if isinstance(root, otio.schema.Timeline) else []


def ours(child):
    return isinstance(child, otio.schema.Clip) and "pickup" in child.metadata


def place(clip, track, index):
    stack = track.parent()
    range_ = clip.range_in_parent()
    shown = clip.transformed_time_range(clip.trimmed_range(), stack)
    notes = clip.metadata["pickup"]
    return {
        "track": index,
        "kind": track.kind,
        "name": clip.name,
        "start": [range_.start_time.value, range_.start_time.rate],
        "duration": [range_.duration.value, range_.duration.rate],
        "inSequence": [shown.start_time.value, shown.start_time.rate],
        "url": clip.media_reference.target_url,
        "available": [
            clip.available_range().start_time.value,
            clip.available_range().duration.value,
        ],
        "link": notes["link"],
        "resolve": clip.metadata.get("Resolve_OTIO", {}).get("Link Group ID"),
        "filled": [seconds(gap.duration()) for gap in notes.get("filled", [])],
    }


def compare(old, new):
    differences = []
    old_tracks = [normal(track) for track in old.tracks]
    new_tracks = [normal(track) for track in new.tracks if not added(track)]
    if len(old_tracks) != len(new_tracks):
        differences.append(f"{len(old_tracks)} tracks became {len(new_tracks)}")
    for index, (a, b) in enumerate(zip(old_tracks, new_tracks)):
        if a != b:
            differences.append(f"track {index}: {a} became {b}"[:3000])
    for timeline in (old, new):
        del timeline.tracks[:]
    if not old.is_equivalent_to(new):
        differences.append("the timelines themselves differ")
    return differences


def added(track):
    """A new track holds nothing but gaps and our clips."""
    return all(isinstance(child, otio.schema.Gap) or ours(child) for child in track) and any(
        ours(child) for child in track
    )


def normal(track):
    """Items as comparable values: neighbouring gaps are one, and a gap at the end is nothing.

    A source range that starts before the first item is a gap in front of it.
    """
    early = -seconds(track.source_range.start_time) if track.source_range else 0.0
    items = [early] if early > 0 else []
    for child in track:
        if not (isinstance(child, otio.schema.Gap) or ours(child)):
            items.append(child.to_json_string(indent=0))
            continue
        length = seconds(child.duration())
        if items and isinstance(items[-1], float):
            length += items.pop()
        items.append(length)
    if items and isinstance(items[-1], float):
        items.pop()
    items = [round(item, 6) if isinstance(item, float) else item for item in items]
    return [track.name, track.kind, track.enabled, str(track.metadata), items]


def seconds(time):
    return time.to_seconds()


main()
