"""What the agent asks of Resolve."""

import os
import re
import sys
import time
import uuid

from . import edit, frame
from .cut import Clock, read_cut
from .fingerprint import fingerprint
from .operations import Operations
from .pool import Pool
from .problem import Problem
from .rates import frame_at
from .revision import Revision
from .timeline import first_frame
from .told import asked, has, listed, text, told, whole

_NAMESPACE = uuid.UUID("0b8a4c6e-4a53-4d7e-9d51-9f5c2d1a7c34")

_KEY = "Pickup operation"

_STILL = 0.4
"""Seconds for which a playhead stands before nobody plays any more."""


class Sequence:
    """A timeline that is open, and what it is open in."""

    def __init__(self, resolve, project, timeline):
        self.resolve = resolve
        self.project = project
        self.timeline = timeline
        self.project_id = _id_of(project, "project")
        self.id = _id_of(timeline, self.project_id)


class Editor:
    def __init__(self, resolve):
        self.resolve = resolve
        self.revision = Revision(fingerprint)
        self._operations = Operations(_carried, _carry)
        self._project_id = None
        self._placed = []
        self._playhead = None
        self._moves = []

    def is_there(self):
        """Whether Resolve still runs."""
        return told(self.resolve, "GetVersionString") is not None

    def who(self):
        open_now = self._open()
        timeline = open_now.timeline if open_now is not None else None
        project = open_now.project if open_now is not None else None
        return {
            "program": "DaVinci Resolve",
            "version": text(told(self.resolve, "GetVersionString"), 64),
            "can": {
                "frame": project is None or has(project, "ExportCurrentFrameAsStill"),
                "addTracks": timeline is None or has(timeline, "AddTrack"),
                "disable": True,
                "swap": True,
                "bin": True,
                # Each step is one of its own in Resolve's list of undo steps.
                "undo": False,
                "show": timeline is None or has(timeline, "SetCurrentTimecode"),
                # There the free one plays no H.264, and DNxHR takes no picture below 256x120.
                **({"codec": "prores-422-hq"} if sys.platform.startswith("linux") else {}),
            },
        }

    def state(self):
        project = self._project()
        found = self._open()
        if project is None:
            return _nothing_open(self.revision.number)
        self._note_project(_id_of(project, "project"))
        name = text(told(project, "GetName"))
        state = _nothing_open(self.revision.number)
        state["project"] = {
            "id": _id_of(project, "project"),
            "name": name,
            # Projects are in Resolve's database, not in files.
            "path": None,
            "mediaFolder": _media_folder(name, _id_of(project, "project")),
        }
        if told(project, "IsRenderingInProgress") is True:
            state["busy"] = "rendering"
        if found is None:
            return state
        self.revision.look(found, found.id)
        state["revision"] = self.revision.number
        state["sequence"] = {"id": found.id, "name": text(told(found.timeline, "GetName"))}
        state["playhead"] = self._playhead_of(found)
        state["selection"] = _selection(found)
        if state["busy"] is None and self._is_playing(state["playhead"]):
            state["busy"] = "playing"
        return state

    def find(self, params):
        found = self._open()
        if found is None or (params["project"], params["sequence"]) != (found.project_id, found.id):
            raise Problem("no-such-host", "That timeline is not open in DaVinci Resolve")
        return found

    def look(self, sequence):
        self.revision.look(sequence, sequence.id, at_once=True)

    def cut(self, sequence):
        return read_cut(sequence.project, sequence.timeline)

    def grab(self, sequence, number, path):
        try:
            return frame.grab(sequence, number, path)
        finally:
            self._forget_playhead()

    def is_done(self, sequence, operation):
        return self._operations.is_done(sequence, operation)

    def apply(self, sequence, operation, _label, steps):
        sequence.placed = edit.apply(sequence, steps)
        self._operations.note(sequence, operation)

    def show(self, sequence, number):
        try:
            frame.go_to(sequence, number)
        finally:
            self._forget_playhead()

    def _project(self):
        return asked(told(self.resolve, "GetProjectManager"), "GetCurrentProject")

    def _open(self):
        project = self._project()
        timeline = asked(project, "GetCurrentTimeline")
        if project is None or timeline is None:
            return None
        return Sequence(self.resolve, project, timeline)

    def _note_project(self, project_id):
        if self._project_id not in (None, project_id):
            self._operations.forget()
            self.revision.raise_it()
        self._project_id = project_id

    def _playhead_of(self, sequence):
        try:
            clock = Clock(sequence.project, sequence.timeline)
        except Problem:
            return None
        now = told(sequence.timeline, "GetCurrentTimecode")
        at = frame_at(now, clock.rate, clock.drop)
        return None if at is None else at - clock.begins

    def _is_playing(self, playhead):
        """Resolve does not tell: a playhead that has moved twice just now plays, or is dragged."""
        now = time.monotonic()
        if playhead != self._playhead:
            if self._playhead is not None:
                self._moves.append(now)
            self._playhead = playhead
        self._moves = [each for each in self._moves if now - each < _STILL]
        return len(self._moves) > 1

    def _forget_playhead(self):
        self._playhead = None
        self._moves = []


def _nothing_open(revision):
    return {
        "project": None,
        "sequence": None,
        "revision": revision,
        "playhead": None,
        "selection": None,
        "busy": None,
    }


def _selection(sequence):
    first = first_frame(sequence.timeline)
    starts, ends = [], []
    for item in listed(told(sequence.timeline, "GetSelectedClips")):
        start, length = whole(told(item, "GetStart")), whole(told(item, "GetDuration"))
        if start is not None and length:
            starts.append(start - first)
            ends.append(start - first + length)
    return {"start": min(starts), "end": max(ends)} if starts else None


def _id_of(thing, within):
    """What Resolve knows it by; its name where a version has no ids."""
    own = told(thing, "GetUniqueId")
    if isinstance(own, str) and own:
        return own
    return str(uuid.uuid5(_NAMESPACE, "%s/%s" % (within, told(thing, "GetName"))))


def _media_folder(name, project_id):
    """Beside the person's other films, since the project itself is in no folder."""
    films = "Movies" if sys.platform == "darwin" else "Videos"
    plain = re.sub(r'[\x00-\x1f<>:"/\\|?*]+', " ", name).strip(" .") or "Project"
    folder = "%s %s" % (plain[:60], uuid.uuid5(_NAMESPACE, project_id).hex[:6])
    return os.path.join(os.path.expanduser("~"), films, "Pickup", folder)


def _clips(sequence):
    folder = Pool(sequence.project).bin()
    return listed(told(folder, "GetClipList")) if folder is not None else []


def _carried(sequence):
    """Kept with the clips that were placed; versions before 19 have no place for it."""
    found = (told(each, "GetThirdPartyMetadata", _KEY) for each in _clips(sequence))
    return [each for each in found if isinstance(each, str)]


def _carry(sequence, operation):
    for clip in sequence.placed[:1]:
        told(clip, "SetThirdPartyMetadata", {_KEY: operation})
