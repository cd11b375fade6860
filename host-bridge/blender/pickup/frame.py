"""Grabs the composed picture of a frame, leaving everything as the person has it."""

import os
import struct

import bpy

from .cut import size_of
from .problem import Problem


def grab(scene, frame, path):
    """
    Renders a frame (the scene's own number) of the sequencer as PNG to a path that is free. Gives
    its width and height. Raises Problem where Blender does not.
    """
    if os.path.lexists(path):
        raise Problem("bad-request", "Expected a free name, but %s is there already" % path)
    if bpy.app.is_job_running("RENDER"):
        raise Problem("host-refused", "Blender is rendering, and cannot make another picture")
    part = path + ".part"
    with _Settings(scene, part), _Frame(scene, frame), _Slot():
        try:
            bpy.ops.render.render(write_still=True, scene=scene.name)
        except RuntimeError as error:
            _discard(part)
            raise Problem("host-refused", "Blender could not render the frame: %s" % error)
    size = _png_size(part)
    if size != size_of(scene):
        _discard(part)
        wanted = "%dx%d" % size_of(scene)
        raise Problem("host-refused", "Expected a picture of %s, Blender made %r" % (wanted, size))
    os.rename(part, path)
    return size


class _Settings:
    """Sets what a plain picture needs and puts the person's own settings back."""

    def __init__(self, scene, path):
        render, image = scene.render, scene.render.image_settings
        # The kind of media decides which formats there are; it comes first and goes back last.
        self.wanted = [
            (image, "media_type", "IMAGE"),
            (image, "file_format", "PNG"),
            (image, "color_mode", "RGB"),
            (image, "color_depth", "8"),
            (image, "color_management", "FOLLOW_SCENE"),
            (render, "filepath", path),
            (render, "use_file_extension", False),
            (render, "use_sequencer", True),
            (render, "use_border", False),
            (render, "use_stamp", False),
            (render, "use_multiview", False),
            (render, "use_overwrite", True),
        ]
        self.before = []

    def __enter__(self):
        for owner, name, value in self.wanted:
            if hasattr(owner, name):
                self.before.append((owner, name, getattr(owner, name)))
                setattr(owner, name, value)

    def __exit__(self, *_):
        # Twice over: a depth or mode may only exist once the format is back.
        for _again in range(2):
            for owner, name, value in self.before:
                try:
                    setattr(owner, name, value)
                except TypeError:
                    pass


class _Frame:
    def __init__(self, scene, frame):
        self.scene = scene
        self.frame = frame

    def __enter__(self):
        self.before = (self.scene.frame_current, self.scene.frame_subframe)
        self.scene.frame_set(self.frame)

    def __exit__(self, *_):
        self.scene.frame_set(self.before[0], subframe=self.before[1])


class _Slot:
    """The person's last render stays where it can be looked at: this one goes to another slot."""

    def __enter__(self):
        self.result = bpy.data.images.get("Render Result")
        slots = self.result.render_slots if self.result is not None else ()
        self.before = slots.active_index if len(slots) > 1 else None
        if self.before is not None:
            slots.active_index = len(slots) - 1 if self.before < len(slots) - 1 else 0

    def __exit__(self, *_):
        if self.before is not None:
            self.result.render_slots.active_index = self.before


def _png_size(path):
    try:
        with open(path, "rb") as file:
            head = file.read(24)
    except OSError:
        return None
    return struct.unpack(">II", head[16:24]) if head[:8] == b"\x89PNG\r\n\x1a\n" else None


def _discard(path):
    try:
        os.remove(path)
    except OSError:
        pass
