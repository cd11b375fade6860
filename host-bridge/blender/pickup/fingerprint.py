"""What differs in a scene whenever its cut does."""

from .sequencer import strips_of

_COMMON = (
    "name",
    "type",
    "channel",
    "frame_start",
    "frame_final_start",
    "frame_final_end",
    "mute",
    "lock",
    "blend_type",
    "blend_alpha",
    "color_tag",
)
_OWN = {
    "MOVIE": ("filepath", "use_reverse_frames", "animation_offset_start", "use_flip_x", "strobe"),
    "SOUND": ("volume", "pan", "animation_offset_start"),
    "IMAGE": ("directory",),
    "TEXT": ("text",),
}
_SCENE = ("name", "frame_start", "frame_end")
_RENDER = (
    "fps",
    "fps_base",
    "resolution_x",
    "resolution_y",
    "resolution_percentage",
    "pixel_aspect_x",
    "pixel_aspect_y",
)


def fingerprint(scene):
    """All that the cut is read from, but for what hardly anybody changes alone."""
    known = [getattr(scene, name) for name in _SCENE]
    known += [getattr(scene.render, name) for name in _RENDER]
    editor = scene.sequence_editor
    for strip in strips_of(editor):
        known += [getattr(strip, name) for name in _COMMON]
        known += [getattr(strip, name) for name in _OWN.get(strip.type, ())]
        known += _more(strip)
    if editor is not None:
        known += [(each.mute, each.lock) for each in editor.channels]
    return hash(tuple(known))


def _more(strip):
    if strip.type == "SOUND":
        return [strip.sound.filepath if strip.sound else None, _speed(strip)]
    if strip.type == "IMAGE":
        return [strip.elements[0].filename if len(strip.elements) else None] + _placed(strip)
    if strip.type == "MOVIE":
        return [_speed(strip)] + _placed(strip)
    return []


def _placed(strip):
    at, cut = strip.transform, strip.crop
    placed = (at.offset_x, at.offset_y, at.scale_x, at.scale_y, at.rotation)
    return [placed, (cut.min_x, cut.max_x, cut.min_y, cut.max_y)]


def _speed(strip):
    keys = getattr(strip, "retiming_keys", None)
    return strip.speed_factor if keys is None else tuple(key.timeline_frame for key in keys)
