"""
What is open in the simulated Resolve: a project with media and timelines, as JSON in and out. It
has no behaviour of Resolve's; that is in objects.py.
"""

import itertools
import json
import math
import os
import subprocess
from fractions import Fraction


class Studio:
    """`faults`: names of what goes wrong, see objects.py."""

    def __init__(self, data):
        self.version = data.get("version", [20, 3, 2, 9, ""])
        self.faults = set(data.get("faults", []))
        self.lacking = set(data.get("lacking", []))
        """Functions that this version has not, as `Timeline.DeleteClips`."""
        self.page = data.get("page", "edit")
        self.asks = False
        self.quits = False
        self.project = data["project"]
        self.media = data.get("media", [])
        self.bins = data.get("bins", [])
        self.timelines = data["timelines"]
        self.current = 0
        self.current_bin = ""
        self.attempts = {}
        self._ids = itertools.count(1)

    def data(self):
        return {
            "version": self.version,
            "page": self.page,
            "project": self.project,
            "bins": self.bins,
            "media": self.media,
            "timelines": self.timelines,
        }

    def missing(self, kind):
        return {each.split(".")[1] for each in self.lacking if each.startswith(kind + ".")}

    def is_gone(self):
        return self.quits

    def has(self, fault):
        return fault in self.faults

    def first_time(self, what):
        self.attempts[what] = self.attempts.get(what, 0) + 1
        return self.attempts[what] == 1

    def new_id(self, what):
        return "%s-%d" % (what, next(self._ids))

    def timeline(self):
        return self.timelines[self.current] if self.timelines else None

    def media_of(self, item):
        return next((each for each in self.media if each["id"] == item.get("media")), None)

    def add_media(self, path, folder):
        media = dict(probed(path), id=self.new_id("media"), path=path, bin=folder)
        media["name"] = os.path.basename(path)
        self.media.append(media)
        return media

    def add_item(self, timeline, kind, index, **item):
        item.setdefault("id", self.new_id("item"))
        tracks_of(timeline, kind)[index - 1]["items"].append(item)
        return item


def tracks_of(timeline, kind):
    return [each for each in timeline["tracks"] if each["kind"] == kind]


def where_is(timeline, item):
    """Kind and index, from 1, of the track that an item is on; None where it is on none."""
    for kind in ("video", "audio"):
        for index, track in enumerate(tracks_of(timeline, kind)):
            if any(each["id"] == item["id"] for each in track["items"]):
                return kind, index + 1
    return None


def rate(text):
    """Frames a second, exactly, of a rate as Resolve names it."""
    value = float(str(text).split()[0])
    nominal = math.ceil(value - 0.01)
    return Fraction(nominal) if abs(value - nominal) < 0.0005 else Fraction(nominal * 1000, 1001)


_probed = {}


def probed(path):
    if path not in _probed:
        command = ["ffprobe", "-v", "error", "-show_streams", "-count_packets", "-of", "json", path]
        streams = json.loads(subprocess.check_output(command))["streams"]
        video = [each for each in streams if each["codec_type"] == "video"]
        audio = [each for each in streams if each["codec_type"] == "audio"]
        found = {"fps": "24", "frames": 0, "video": bool(video), "audio": bool(audio)}
        if video:
            exact = Fraction(video[0]["r_frame_rate"])
            found["fps"] = "%g" % round(float(exact), 3)
            found["frames"] = int(video[0]["nb_read_packets"])
        elif audio:
            found["frames"] = int(float(audio[0]["duration"]) * 24)
        _probed[path] = found
    return dict(_probed[path])
