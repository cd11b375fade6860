"""What tests make scenes of, in any of the Blenders; run in the driver with the tests' own code."""

import os

import bpy

media = ""
"""The folder with the files, which are named without their ending."""

scene = bpy.context.window_manager.windows[0].scene


def fresh():
    """A new file with an empty sequencer of 160x96 at 24 frames a second."""
    bpy.ops.wm.read_homefile(use_empty=False, use_factory_startup=True)
    use(bpy.context.window_manager.windows[0].scene)
    if not bpy.app.background:
        # A view of nothing in three dimensions takes seconds to draw without a graphics card.
        for area in bpy.context.window_manager.windows[0].screen.areas:
            if area.type == "VIEW_3D":
                area.type = "SEQUENCE_EDITOR"
    scene.render.fps, scene.render.fps_base = 24, 1
    scene.render.resolution_x, scene.render.resolution_y = 160, 96
    scene.render.resolution_percentage = 100
    scene.view_settings.view_transform = "Standard"


def use(other):
    global scene
    scene = other


def editor():
    return scene.sequence_editor or scene.sequence_editor_create()


def strips():
    return editor().strips if hasattr(editor(), "strips") else editor().sequences


def movie(name, channel, start, file, ends=None):
    path = os.path.join(media, file + ".mov")
    return trimmed(strips().new_movie(name, path, channel, start), ends)


def sound(name, channel, start, file, ends=None):
    path = os.path.join(media, file + ".mov")
    return trimmed(strips().new_sound(name, path, channel, start), ends)


def effect(name, kind, channel, start, end, *inputs):
    is_new = hasattr(scene.sequence_editor, "strips")
    length = {"length": end - start} if is_new else {"frame_end": end}
    names = ("input1", "input2") if is_new else ("seq1", "seq2")
    more = {**length, **dict(zip(names, inputs))}
    return strips().new_effect(name=name, type=kind, channel=channel, frame_start=start, **more)


def trimmed(strip, ends):
    if ends:
        strip.frame_final_start, strip.frame_final_end = ends
    return strip


def meta_of_sound(name, channel, start, path, ends):
    inner = strips().new_sound(name + " inside", path, channel + 20, start)
    trimmed(inner, ends)
    meta = strips().new_meta(name, channel, start)
    inner.move_to_meta(meta)
    return trimmed(meta, ends)
