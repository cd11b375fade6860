"""What is open in Blender and what the person is doing, as protocol/hosts.ts has it."""

import os

import bpy

from . import identity
from .sequencer import scene_edited, strips_of

_DRAGGING = ("TRANSFORM_", "SEQUENCER_", "ANIM_OT_change_frame", "MARKER_")

rendering = set()
"""Names of scenes that are being rendered, by handlers: a render may run where no job does."""


def host_state(revision):
    scene = scene_edited()
    return {
        "project": project(),
        "sequence": {"id": identity.sequence_id(scene), "name": scene.name},
        "revision": revision,
        "playhead": scene.frame_current - scene.frame_start,
        "selection": _selection(scene),
        "busy": _busy(),
    }


def project():
    path = bpy.data.filepath
    name = os.path.splitext(os.path.basename(path))[0] if path else "Untitled"
    return {"id": identity.project_id(), "name": name, "path": path or None}


def _selection(scene):
    chosen = [each for each in strips_of(scene.sequence_editor) if each.select]
    if not chosen:
        return None
    return {
        "start": min(each.frame_final_start for each in chosen) - scene.frame_start,
        "end": max(each.frame_final_end for each in chosen) - scene.frame_start,
    }


def _busy():
    if rendering or bpy.app.is_job_running("RENDER"):
        return "rendering"
    windows = bpy.context.window_manager.windows
    if any(window.screen.is_animation_playing for window in windows):
        return "playing"
    if any(_asks(window) for window in windows):
        return "dialog"
    return None


def _asks(window):
    """Whether a file browser is open over the editor, or something is being dragged."""
    screen = window.screen
    is_over = screen.is_temporary or screen.show_fullscreen
    if is_over and any(area.type == "FILE_BROWSER" for area in screen.areas):
        return True
    # Blender tells of what is being dragged from 4.2 on.
    running = getattr(window, "modal_operators", ())
    return any(each.bl_idname.startswith(_DRAGGING) for each in running)
