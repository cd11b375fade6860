"""What the agent asks of Blender."""

import bpy

from . import edit, frame, identity, state
from .cut import read_cut
from .done import operations
from .fingerprint import fingerprint
from .problem import Problem
from .revision import Revision


class Editor:
    def __init__(self):
        self.revision = Revision(fingerprint)

    def other_file(self):
        """Another file was opened: nothing that was known holds for it."""
        identity.forget()
        operations.forget()
        self.revision.raise_it()

    def who(self):
        return {
            "program": "Blender",
            "version": bpy.app.version_string,
            "can": {
                "frame": True,
                "addTracks": True,
                "disable": True,
                "swap": True,
                "bin": False,
                "undo": _can_undo(),
                "show": True,
            },
        }

    def state(self):
        scene = state.scene_edited()
        self.revision.look(scene, scene.name)
        return state.host_state(self.revision.number)

    def find(self, params):
        scene = identity.scene_of(params["project"], params["sequence"])
        if scene is None:
            raise Problem("no-such-host", "That sequence is not open in Blender")
        return scene

    def look(self, scene):
        self.revision.look(scene, scene.name, at_once=True)

    def cut(self, scene):
        return read_cut(scene)

    def grab(self, scene, number, path):
        return frame.grab(scene, number + scene.frame_start, path)

    def is_done(self, scene, operation):
        return operations.is_done(scene, operation)

    def apply(self, scene, operation, label, steps):
        edit.apply(scene, operation, label, steps)
        redraw()

    def show(self, scene, number):
        scene.frame_set(number + scene.frame_start)
        redraw()


def redraw():
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "SEQUENCE_EDITOR":
                area.tag_redraw()


def _can_undo():
    chosen = bpy.context.preferences.edit
    return not bpy.app.background and chosen.use_global_undo and chosen.undo_steps > 0
