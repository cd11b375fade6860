"""A number that rises whenever something in the sequence changes."""

import contextlib
import time

from .sequencer import strips_of

_PATIENCE = 0.5
"""Seconds between two looks where nothing says that something has changed."""

_SHARE = 50
"""A look may take one part in this many of the time."""

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


class Revision:
    """
    Blender does not tell of everything that is done in the sequencer, so that it is looked at as
    well: often after Blender has said that something has changed, else now and then.
    """

    def __init__(self):
        self.number = 1
        self._seen = {}
        self._looked_at = 0.0
        self._took = 0.0
        self._is_stale = True
        self._is_ignoring = False

    def may_have_changed(self):
        self._is_stale = True

    def raise_it(self):
        """Something has changed for certain."""
        self.number += 1
        self._seen.clear()

    def look(self, scene, at_once=False):
        since = time.monotonic() - self._looked_at
        patience = 0 if self._is_stale else _PATIENCE
        if self._is_ignoring:
            return
        if since < max(patience, self._took * _SHARE) and not at_once:
            return
        started = time.monotonic()
        now = fingerprint(scene)
        self._looked_at = time.monotonic()
        self._took = self._looked_at - started
        self._is_stale = False
        if self._seen.get(scene.name, now) != now:
            self.number += 1
        self._seen[scene.name] = now

    @contextlib.contextmanager
    def ignoring(self):
        """While something is done to the scene that is put back after."""
        self._is_ignoring = True
        try:
            yield
        finally:
            self._is_ignoring = False


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
