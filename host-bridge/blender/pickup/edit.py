"""Applies an edit: all of its steps, or none."""

import os

import bpy

from .cut import track_name
from .done import operations
from .problem import Problem
from .sequencer import (
    editor_of,
    has_sound,
    inputs_of,
    is_picture,
    path_of,
    same_path,
    strips_of,
)
from .steps import Steps, expect_file, not_there

DRAFT_COLOUR = "COLOR_05"
_MOST_CHANNELS = 128


def apply(scene, operation, label, steps):
    """Raises Problem where a step cannot be done; those before it are then taken back."""
    if bpy.app.is_job_running("RENDER"):
        raise Problem("host-refused", "Blender is rendering, and must not be edited meanwhile")
    edit = _Edit(scene)
    edit.do(steps)
    edit.finish()
    operations.note(scene, operation)
    _push_undo(label)


class _Edit(Steps):
    def __init__(self, scene):
        super().__init__()
        self.scene = scene
        self.editor = editor_of(scene)
        self.strips = strips_of(self.editor)
        self.added = {}
        self.aside = []

    def finish(self):
        for strip in self.aside:
            self.strips.remove(strip)

    def bin(self, _step):
        raise Problem("host-refused", "Blender keeps no media that are in no sequence")

    def add_track(self, step):
        # Above all that is there, so that nothing that the person has made is in between.
        stand = [each.channel for each in self.strips if each not in self.aside]
        above = max([*stand, *self.added.values()], default=0) + 1
        channel = self._free_channel(range(above, _MOST_CHANNELS + 1))
        self.added[step["as"]] = self.added[track_name(step["of"], channel)] = channel

    def _free_channel(self, among):
        used = {each.channel for each in self.strips}
        for channel in among:
            settings = self.editor.channels[channel]
            if channel not in used and not settings.lock and not settings.mute:
                return channel
        raise Problem("host-refused", "Expected a free channel, Blender has no more than 128")

    def place(self, step):
        channel = self._channel(step["track"], step["of"])
        start, end = self._frames(step["range"])
        self._check_free(channel, start, end)
        path = step["path"]
        expect_file(path)
        strip = self._new_strip(step["of"], step["name"], path, channel, start)
        self.undo.append(lambda: self.strips.remove(strip))
        # A sound may be longer or shorter by a part of a frame, and comes out a frame off.
        strip.frame_final_start, strip.frame_final_end = start, end
        strip.mute = not step["enabled"]
        if step["draft"]:
            strip.color_tag = DRAFT_COLOUR
        self._check_stands(strip, channel, start, end)

    def _new_strip(self, of, name, path, channel, start):
        try:
            if of == "audio":
                strip = self.strips.new_sound(name, _kept(path), channel, start)
            else:
                strip = self.strips.new_movie(name, _kept(path), channel, start, fit_method="FIT")
        except RuntimeError as error:
            raise Problem("media-unreadable", "Blender cannot read %s: %s" % (path, error))
        if not _is_readable(strip):
            self.strips.remove(strip)
            raise Problem("media-unreadable", "Blender cannot read the %s of %s" % (of, path))
        return strip

    def swap(self, step):
        strip = self._find(step["item"])
        path = step["path"]
        expect_file(path)
        before = (strip.name, strip.color_tag, strip.frame_final_start, strip.frame_final_end)
        if strip.type == "SOUND":
            old = strip.sound

            def set_media(sound):
                strip.sound = sound

            new = _load_sound(path)
        else:
            old, new = strip.filepath, _kept(path)

            def set_media(file):
                strip.filepath = file

        def set_rest(name, colour, start, end):
            strip.name, strip.color_tag = name, colour
            strip.frame_final_start, strip.frame_final_end = start, end

        def take_back():
            set_media(old)
            set_rest(*before)

        self.undo.append(take_back)
        set_media(new)
        if not _is_readable(strip):
            raise Problem("media-unreadable", "Blender cannot read %s" % path)
        # The person's own colour stays; that of a draft goes with the draft.
        colour = "NONE" if before[1] == DRAFT_COLOUR else before[1]
        set_rest(step["name"], DRAFT_COLOUR if step["draft"] else colour, *before[2:])
        self._check_stands(strip, strip.channel, *before[2:])

    def remove(self, step):
        """What is removed is moved away first: a strip that is gone could not be put back."""
        strip = self._find(step["item"])
        users = [each.name for each in self.strips if strip in inputs_of(each)]
        if users:
            raise Problem("host-refused", "%s is used by %s" % (strip.name, ", ".join(users)))
        channel, is_muted = strip.channel, strip.mute
        strip.channel = self._free_channel(range(_MOST_CHANNELS, 0, -1))
        strip.mute = True
        self.aside.append(strip)

        def put_back():
            self.aside.remove(strip)
            strip.channel, strip.mute = channel, is_muted

        self.undo.append(put_back)

    def _find(self, item):
        """The strip that stands where it is said to, with that file."""
        channel = self._channel(item["track"])
        belongs = is_picture if item["track"].startswith("V") else has_sound
        start, end = self._frames(item["range"])
        for strip in self.strips:
            if strip.channel != channel or not belongs(strip) or strip in self.aside:
                continue
            if (strip.frame_final_start, strip.frame_final_end) != (start, end):
                continue
            if not same_path(path_of(strip), item["path"]):
                continue
            if strip.lock:
                raise Problem("placement-conflict", "%s is locked" % strip.name)
            return strip
        raise not_there(item)

    def _channel(self, track, of=None):
        channel = self.added.get(track)
        kinds = {"V": "video", "A": "audio"}
        if channel is None and track[:1] in kinds and track[1:].isdecimal():
            if of in (None, kinds[track[0]]):
                channel = int(track[1:])
        if channel is None or not 1 <= channel <= _MOST_CHANNELS:
            raise Problem("bad-request", "Expected a track as V1 or A2, got %s" % track)
        if self.editor.channels[channel].lock:
            raise Problem("placement-conflict", "Channel %d is locked" % channel)
        return channel

    def _frames(self, of):
        return of["start"] + self.scene.frame_start, of["end"] + self.scene.frame_start

    def _check_free(self, channel, start, end):
        for strip in self.strips:
            if strip.channel != channel or strip in self.aside:
                continue
            if strip.frame_final_start < end and start < strip.frame_final_end:
                raise Problem(
                    "placement-conflict",
                    "Expected channel %d to be free at %d–%d, %s is there"
                    % (channel, start, end, strip.name),
                )

    def _check_stands(self, strip, channel, start, end):
        stands = (strip.channel, strip.frame_final_start, strip.frame_final_end)
        if stands != (channel, start, end):
            raise Problem(
                "host-refused",
                "Expected %s on channel %d at %d–%d, Blender put it on %d at %d–%d"
                % (strip.name, channel, start, end, *stands),
            )


def _is_readable(strip):
    """Blender makes strips of files that it cannot read too; they have no rate."""
    if strip.type == "SOUND":
        return strip.sound is not None and strip.sound.samplerate > 0
    return strip.fps > 0


def _load_sound(path):
    try:
        return bpy.data.sounds.load(_kept(path), check_existing=True)
    except RuntimeError as error:
        raise Problem("media-unreadable", "Blender cannot read %s: %s" % (path, error))


def _kept(path):
    """
    As Blender keeps it: what is in the folder of the file, or below, moves along with that, where
    the person has not chosen otherwise.
    """
    folder = os.path.dirname(bpy.data.filepath)
    if folder and bpy.context.preferences.filepaths.use_relative_paths:
        if os.path.normcase(path).startswith(os.path.normcase(os.path.join(folder, ""))):
            return bpy.path.relpath(path)
    return path


def _push_undo(label):
    try:
        bpy.ops.ed.undo_push(message=label)
    except RuntimeError:
        # Without a window there is nobody to undo anything.
        if not bpy.app.background:
            raise
