"""
Resolve's objects over the model, as far as a script for the edit page needs them. They behave as is
reported of the real ones; what goes wrong only in some versions or settings is a fault with a name:

settings        rate-as-number, rate-rounded, localised
frames          frames-as-floats, frames-as-texts, source-start-off
lists           none-for-empty, lists-by-number
pages           delete-needs-edit, stills-need-color
tracks          track-in-front, track-not-added
placing         append-nothing, append-none, append-wrong-track, append-both, append-over,
                append-unanswered, append-unanswered-once, end-included
taking out      delete-flaky, delete-nothing, delete-takes-linked
media           import-elsewhere, import-none, import-nothing, import-twice, replace-nothing
pictures        still-late, still-never, still-refused, still-in-pieces
"""

import math
import os
import struct
import threading
import time
import zlib

from model import rate, tracks_of, where_is
from published import Remote, lock
from timecode import frame_at, timecode_at

LOCALISED = {
    "File Path": "\u30d5\u30a1\u30a4\u30eb\u30d1\u30b9",
    "FPS": "FPS",
    "Frames": "\u30d5\u30ec\u30fc\u30e0",
}

COLOURS = (
    "Orange Apricot Yellow Lime Olive Green Teal Navy "
    "Blue Purple Violet Pink Tan Beige Brown Chocolate"
).split()


class Resolve(Remote):
    def GetProjectManager(self):
        return ProjectManager(self._studio)

    def GetVersion(self):
        return self._studio.version

    def GetVersionString(self):
        return "%d.%d.%d%s.%d" % (
            *self._studio.version[:3],
            self._studio.version[4],
            self._studio.version[3],
        )

    def GetProductName(self):
        return "DaVinci Resolve"

    def GetCurrentPage(self):
        return self._studio.page

    def OpenPage(self, page):
        self._studio.page = page
        return True


class ProjectManager(Remote):
    def GetCurrentProject(self):
        return Project(self._studio) if self._studio.project is not None else None


class Project(Remote):
    def GetName(self):
        return self._studio.project["name"]

    def GetUniqueId(self):
        return self._studio.project["id"]

    def GetMediaPool(self):
        return MediaPool(self._studio)

    def GetCurrentTimeline(self):
        found = self._studio.timeline()
        return Timeline(self._studio, found) if found is not None else None

    def GetTimelineCount(self):
        return len(self._studio.timelines)

    def GetTimelineByIndex(self, index):
        return Timeline(self._studio, self._studio.timelines[index - 1])

    def IsRenderingInProgress(self):
        return self._studio.project.get("rendering", False)

    def GetSetting(self, name):
        return self._studio.project.get("settings", {}).get(name, "")

    def ExportCurrentFrameAsStill(self, path):
        studio = self._studio
        if studio.has("still-refused") or not path.endswith(".png"):
            return False
        if studio.has("stills-need-color") and studio.page != "color":
            return False
        timeline = studio.timeline()
        data = png(timeline["size"], timeline["playhead"])
        if studio.has("still-never"):
            return True
        if studio.has("still-late") or studio.has("still-in-pieces"):
            pieces = [data[:60], data[60:]] if studio.has("still-in-pieces") else [data]
            threading.Thread(target=write_late, args=(path, pieces), daemon=True).start()
            return True
        with open(path, "wb") as file:
            file.write(data)
        return True


class MediaPool(Remote):
    def GetRootFolder(self):
        return Folder(self._studio, "")

    def AddSubFolder(self, _folder, name):
        if name not in self._studio.bins:
            self._studio.bins.append(name)
        return Folder(self._studio, name)

    def GetCurrentFolder(self):
        return Folder(self._studio, self._studio.current_bin)

    def SetCurrentFolder(self, folder):
        self._studio.current_bin = folder.name
        return True

    def ImportMedia(self, paths):
        studio = self._studio
        if studio.has("import-nothing"):
            return []
        folder = "" if studio.has("import-elsewhere") else studio.current_bin
        made = []
        for path in paths:
            if os.path.isfile(path):
                times = 2 if studio.has("import-twice") else 1
                made += [studio.add_media(path, folder) for _ in range(times)]
        if studio.has("import-none"):
            return None
        return [MediaPoolItem(studio, each) for each in made]

    def AppendToTimeline(self, *infos):
        return [self._append(info) for info in infos[0]]

    def _append(self, info):
        studio, timeline = self._studio, self._studio.timeline()
        media = info["mediaPoolItem"].media
        kinds = {1: ("video",), 2: ("audio",)}.get(info.get("mediaType"), ("video", "audio"))
        if studio.has("append-both"):
            kinds = ("video", "audio")
        if studio.has("append-none"):
            return None
        first = info.get("startFrame", 0)
        frames = info.get("endFrame", media["frames"]) - first
        if studio.has("end-included"):
            frames += 1
        frames = min(frames, media["frames"] - first) if media["frames"] else frames
        length = math.floor(frames * rate(timeline["rate"]) / rate(media["fps"]))
        placed = None
        for kind in kinds:
            index = 1 if studio.has("append-wrong-track") else int(info.get("trackIndex", 1))
            start = int(info.get("recordFrame", timeline["start"]))
            item = {"start": start, "duration": length, "media": media["id"], "left": int(first)}
            item.update(name=media["name"], enabled=True, colour="", id=studio.new_id("item"))
            placed = TimelineItem(studio, item)
            if studio.has("append-over"):
                cut_away(tracks_of(timeline, kind)[index - 1], item)
            if not studio.has("append-nothing") and self._is_free(
                timeline, kind, index, item, media
            ):
                tracks_of(timeline, kind)[index - 1]["items"].append(item)
        if studio.has("append-unanswered") or (
            studio.has("append-unanswered-once") and studio.first_time("append")
        ):
            # It is seen, and gone when the project is saved.
            item["unsaved"] = True
            return None
        # It answers with an item all the same.
        return placed

    def _is_free(self, timeline, kind, index, item, media):
        tracks = tracks_of(timeline, kind)
        if not 1 <= index <= len(tracks) or tracks[index - 1].get("locked") or not media[kind]:
            return False
        ends = item["start"] + item["duration"]
        return item["duration"] > 0 and not any(
            each["start"] < ends and item["start"] < each["start"] + each["duration"]
            for each in tracks[index - 1]["items"]
        )


class Folder(Remote):
    def __init__(self, studio, name):
        super().__init__(studio)
        self.name = name

    def GetName(self):
        return self.name or "Master"

    def GetSubFolderList(self):
        return [Folder(self._studio, each) for each in self._studio.bins] if self.name == "" else []

    def GetClipList(self):
        studio = self._studio
        return [MediaPoolItem(studio, each) for each in studio.media if each["bin"] == self.name]


class MediaPoolItem(Remote):
    def __init__(self, studio, media):
        super().__init__(studio)
        self.media = media

    def _odd(self):
        return self.media

    def GetName(self):
        return self.media["name"]

    def SetName(self, name):
        self.media["name"] = name
        for timeline in self._studio.timelines:
            for track in timeline["tracks"]:
                for item in track["items"]:
                    if item.get("media") == self.media["id"]:
                        item["name"] = name
        return True

    def GetUniqueId(self):
        return self.media["id"]

    def GetMediaId(self):
        return self.media["id"]

    def GetClipProperty(self, name=None):
        media = self.media
        known = {
            "File Path": media.get("path", ""),
            "FPS": float(media["fps"]),
            "Frames": str(media["frames"]),
            "Type": media.get("type") or ("Video + Audio" if media["video"] else "Audio"),
            "Online Status": "Online" if os.path.isfile(media.get("path", "")) else "Offline",
        }
        if self._studio.has("localised"):
            known = {LOCALISED.get(key, key): value for key, value in known.items()}
        return known if name is None else known.get(name, "")

    def SetClipProperty(self, name, value):
        return self.SetName(value) if name == "Clip Name" else False

    def GetThirdPartyMetadata(self, key=None):
        own = self.media.setdefault("metadata", {})
        return own if key is None else own.get(key, "")

    def SetThirdPartyMetadata(self, values):
        self.media.setdefault("metadata", {}).update(values)
        return True

    def ReplaceClip(self, path):
        if self._studio.has("replace-nothing"):
            return True
        made = self._studio.add_media(path, self.media["bin"])
        self._studio.media.remove(made)
        self.media.update({key: value for key, value in made.items() if key != "id"})
        return self.SetName(self.media["name"])


class Timeline(Remote):
    def __init__(self, studio, data):
        super().__init__(studio)
        self.data = data

    def _frames(self, value):
        if self._studio.has("frames-as-floats"):
            return float(value)
        return str(value) if self._studio.has("frames-as-texts") else value

    def _list(self, items):
        if not items and self._studio.has("none-for-empty"):
            return None
        if self._studio.has("lists-by-number"):
            return {index + 1: each for index, each in enumerate(items)}
        return items

    def _track(self, kind, index):
        tracks = tracks_of(self.data, kind)
        return tracks[index - 1] if 1 <= index <= len(tracks) else None

    def GetName(self):
        return self.data["name"]

    def GetUniqueId(self):
        return self.data["id"]

    def GetStartFrame(self):
        return self._frames(self.data["start"])

    def GetEndFrame(self):
        items = [each for track in self.data["tracks"] for each in track["items"]]
        ends = [each["start"] + each["duration"] for each in items]
        return self._frames(max(ends + [self.data["start"]]))

    def _timecode(self, frame):
        return timecode_at(frame, rate(self.data["rate"]), self.data["rate"].endswith("DF"))

    def GetStartTimecode(self):
        return self._timecode(self.data["start"])

    def GetCurrentTimecode(self):
        return self._timecode(self.data["playhead"])

    def SetCurrentTimecode(self, timecode):
        drop = self.data["rate"].endswith("DF")
        at = frame_at(timecode, rate(self.data["rate"]), drop)
        if at is None:
            return False
        self.data["playhead"] = max(self.data["start"], at)
        return True

    def GetSetting(self, name):
        width, height = self.data["size"]
        named = self.data["rate"]
        if self._studio.has("rate-rounded"):
            named = str(math.ceil(float(named.split()[0])))
        if self._studio.has("rate-as-number"):
            named = float(named.split()[0])
        known = {
            "timelineFrameRate": named,
            "timelineResolutionWidth": str(width),
            "timelineResolutionHeight": str(height),
            "timelinePixelAspectRatio": "square",
            "timelineSampleRate": "48000",
        }
        return known.get(name, "")

    def GetMediaPoolItem(self):
        fps = "%g" % float(self.data["rate"].split()[0])
        media = {"id": self.data["id"], "name": self.data["name"], "fps": fps, "frames": 0}
        return MediaPoolItem(self._studio, dict(media, type="Timeline", video=True, audio=True))

    def GetTrackCount(self, kind):
        return self._frames(len(tracks_of(self.data, kind)))

    def GetTrackSubType(self, kind, index):
        track = self._track(kind, index)
        return track.get("subtype", "stereo") if track and kind == "audio" else ""

    def GetIsTrackEnabled(self, kind, index):
        return self._track(kind, index).get("enabled", True)

    def GetIsTrackLocked(self, kind, index):
        return self._track(kind, index).get("locked", False)

    def GetItemListInTrack(self, kind, index):
        track = self._track(kind, index)
        items = track["items"] if track is not None else []
        return self._list([TimelineItem(self._studio, each) for each in items])

    def GetSelectedClips(self):
        chosen = [
            each for track in self.data["tracks"] for each in track["items"] if each.get("selected")
        ]
        return self._list([TimelineItem(self._studio, each) for each in chosen])

    def AddTrack(self, kind, options=None):
        if self._studio.has("track-not-added"):
            return True
        subtype = options if isinstance(options, str) else "mono"
        track = {"kind": kind, "items": [], "subtype": subtype if kind == "audio" else ""}
        if self._studio.has("track-in-front"):
            self.data["tracks"].insert(0, track)
        else:
            self.data["tracks"].append(track)
        return True

    def DeleteTrack(self, kind, index):
        self.data["tracks"].remove(self._track(kind, index))
        return True

    def DeleteClips(self, items, _ripple=False):
        studio = self._studio
        if studio.has("delete-needs-edit") and studio.page != "edit":
            return False
        if studio.has("delete-nothing"):
            return True
        if studio.has("delete-flaky") and studio.first_time("delete"):
            return False
        if self.data is not studio.timeline():
            return False
        gone = {each.item["id"] for each in items}
        if studio.has("delete-takes-linked"):
            groups = {each.item.get("link") for each in items} - {None}
            for track in self.data["tracks"]:
                gone |= {each["id"] for each in track["items"] if each.get("link") in groups}
        for track in self.data["tracks"]:
            if not track.get("locked"):
                track["items"] = [each for each in track["items"] if each["id"] not in gone]
        return True

    def SetClipsLinked(self, items, linked):
        group = self._studio.new_id("link")
        for each in items:
            each.item["link"] = group if linked else None
        return True


class TimelineItem(Remote):
    def __init__(self, studio, item):
        super().__init__(studio)
        self.item = item

    _frames = Timeline._frames
    _list = Timeline._list

    def _odd(self):
        return self.item

    def GetName(self):
        return self.item["name"]

    def GetUniqueId(self):
        return self.item["id"]

    def GetStart(self, _precise=False):
        return self._frames(self.item["start"])

    def GetEnd(self, _precise=False):
        return self._frames(self.item["start"] + self.item["duration"])

    def GetDuration(self, _precise=False):
        return self._frames(self.item["duration"])

    def GetMediaPoolItem(self):
        media = self._studio.media_of(self.item)
        return MediaPoolItem(self._studio, media) if media is not None else None

    def _speed(self):
        return self.item.get("speed", 100) / 100

    def GetLeftOffset(self, _precise=False):
        # In the retimed clip's own time.
        return self._frames(round(self.item.get("left", 0) / (self._speed() or 1)))

    def GetRightOffset(self, _precise=False):
        media = self._studio.media_of(self.item)
        left = (media["frames"] if media else 0) / (self._speed() or 1)
        return self._frames(max(0, round(left - self.item["duration"] - self.item.get("left", 0))))

    def GetSourceStartFrame(self):
        off = 1 if self._studio.has("source-start-off") else 0
        return self._frames(self.item.get("left", 0) + off)

    def GetSourceEndFrame(self):
        media, timeline = self._studio.media_of(self.item), self._studio.timeline()
        media_rate = rate(media["fps"]) if media else rate(timeline["rate"])
        span = self.item["duration"] * media_rate / rate(timeline["rate"]) * self._speed()
        return self._frames(self.item.get("left", 0) + int(round(span)))

    def GetSpeed(self):
        return {"Percentage": float(self.item.get("speed", 100)), "PitchCorrection": True}

    def GetType(self):
        kind = self.item.get("type")
        return kind or (where_is(self._studio.timeline(), self.item) or ("video",))[0]

    def GetProperty(self, key=None):
        kind = self.item.get("type")
        plain = {"Pan": 0.0, "Tilt": 0.0, "ZoomX": 1.0, "ZoomY": 1.0, "Opacity": 100.0}
        known = {} if kind == "transition" else dict(plain, **self.item.get("properties", {}))
        return known if key is None else known.get(key)

    def GetFusionCompCount(self):
        return self.item.get("comps", 0)

    def GetNodeGraph(self, _layer=1):
        return Graph(self._studio, self.item.get("nodes", 1))

    def GetTakesCount(self):
        return self.item.get("takes", 0)

    def GetClipEnabled(self):
        return self.item.get("enabled", True)

    def SetClipEnabled(self, enabled):
        self.item["enabled"] = enabled
        return True

    def GetClipColor(self):
        return self.item.get("colour", "")

    def SetClipColor(self, colour):
        if colour not in COLOURS:
            return False
        self.item["colour"] = colour
        return True

    def ClearClipColor(self):
        self.item["colour"] = ""
        return True

    def GetLinkedItems(self):
        group = self.item.get("link")
        tracks = self._studio.timeline()["tracks"] if group is not None else []
        linked = [each for track in tracks for each in track["items"] if each.get("link") == group]
        return self._list(
            [TimelineItem(self._studio, each) for each in linked if each is not self.item]
        )


class Graph(Remote):
    def __init__(self, studio, nodes):
        super().__init__(studio)
        self.nodes = nodes

    def GetNumNodes(self):
        return self.nodes

    def GetToolsInNode(self, _index):
        return []


def cut_away(track, item):
    """Takes from what begins later on a track as much as an item covers."""
    ends = item["start"] + item["duration"]
    for each in track["items"]:
        over = ends - each["start"] if item["start"] < each["start"] else 0
        if over > 0:
            each.update(
                start=ends, duration=each["duration"] - over, left=each.get("left", 0) + over
            )


def png(size, frame):
    """A picture of one grey, which is the frame's number in its last byte."""
    width, height = size
    row = b"\0" + bytes([frame % 256]) * (3 * width)

    def chunk(kind, data):
        check = struct.pack(">I", zlib.crc32(kind + data) & 0xFFFFFFFF)
        return struct.pack(">I", len(data)) + kind + data + check

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IDAT", zlib.compress(row * height))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + body + chunk(b"IEND", b"")


def write_late(path, pieces):
    for piece in pieces:
        time.sleep(0.2)
        with open(path, "ab") as file:
            file.write(piece)
