"""What differs between Blender's versions, and small questions about strips."""

import os
import re

import bpy

PICTURES = ("MOVIE", "IMAGE", "SCENE", "META", "MOVIECLIP", "MASK", "COLOR", "TEXT")
"""Strips that make a picture of their own. The others change the pictures of others."""

TRANSITIONS = ("CROSS", "GAMMA_CROSS", "WIPE")

_ANIMATED = re.compile(r'^sequence_editor\.(?:sequences|strips)_all\["((?:[^"\\]|\\.)*)"\]\.(.+)$')


def strips_of(owner):
    """
    The strips of a sequencer or a meta strip, those inside of metas not among them. Blender 5 calls
    them `strips`, and the old name raises there.
    """
    if owner is None:
        return ()
    return owner.strips if hasattr(owner, "strips") else owner.sequences


def editor_of(scene):
    """The scene's sequencer, which is made where there is none."""
    return scene.sequence_editor or scene.sequence_editor_create()


def scene_edited():
    """The scene that the person edits: Blender 5 has one for the sequencer alone."""
    for window in bpy.context.window_manager.windows:
        pinned = getattr(window.workspace, "sequencer_scene", None)
        if pinned is not None:
            return pinned
        return window.scene
    return bpy.context.scene


def is_picture(strip):
    if strip.type == "META":
        inner = strips_of(strip)
        return any(is_picture(each) or inputs_of(each) for each in inner) or not has_sound(strip)
    return strip.type in PICTURES


def is_effect(strip):
    """Whether it changes the pictures of others, and has none of its own."""
    return strip.type != "SOUND" and strip.type not in PICTURES


def has_sound(strip):
    """Whether something is heard of a strip that is no sound strip, too."""
    if strip.type == "SOUND":
        return True
    if strip.type == "META":
        return any(has_sound(each) for each in strips_of(strip))
    if strip.type == "SCENE" and strip.scene and strip.scene_input == "SEQUENCER":
        return any(each.type == "SOUND" for each in strips_of(strip.scene.sequence_editor))
    return False


def inputs_of(strip):
    """The strips whose pictures an effect strip takes."""
    both = (getattr(strip, "input_1", None), getattr(strip, "input_2", None))
    return [each for each in both if each is not None]


def overlap(a, b):
    return a.frame_final_start < b.frame_final_end and b.frame_final_start < a.frame_final_end


def path_of(strip):
    """The absolute path of a movie, a single image or a sound; "" where there is none."""
    if strip.type == "SOUND":
        return absolute(strip.sound.filepath, strip.sound.library) if strip.sound else ""
    if strip.type == "MOVIE":
        return absolute(strip.filepath)
    if strip.type == "IMAGE" and len(strip.elements) == 1:
        return absolute(os.path.join(strip.directory, strip.elements[0].filename))
    return ""


def absolute(path, library=None):
    return os.path.normpath(bpy.path.abspath(path, library=library)) if path else ""


def same_path(a, b):
    return os.path.normcase(os.path.normpath(a)) == os.path.normcase(os.path.normpath(b))


def animation_of(scene):
    """What of the strips changes over time: the curve, None for a driver, by name and property."""
    found = {}
    data = scene.animation_data
    if data is None:
        return found
    for curve, path in [(each, each.data_path) for each in _curves(data)] + [
        (None, driver.data_path) for driver in data.drivers
    ]:
        match = _ANIMATED.match(path)
        if match:
            name = re.sub(r"\\(.)", r"\1", match.group(1))
            found.setdefault(name, {})[match.group(2)] = curve
    return found


def _curves(data):
    action = data.action
    if action is None:
        return []
    if hasattr(action, "fcurves"):
        return list(action.fcurves)
    bags = [
        strip.channelbag(data.action_slot)
        for layer in action.layers
        for strip in layer.strips
        if data.action_slot is not None
    ]
    return [curve for bag in bags if bag is not None for curve in bag.fcurves]
