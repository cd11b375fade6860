"""Reads a scene's sequencer as a cut: what Blender plays, or that nobody else can tell."""

import os

import bpy

from . import looks, timing
from .exact import exact, rational
from .problem import Problem
from .sequencer import (
    TRANSITIONS,
    animation_of,
    has_sound,
    is_effect,
    is_picture,
    path_of,
    strips_of,
)

_MOST_TEXT = 500


def read_cut(scene):
    """As protocol/timeline.ts says. Raises Problem for a rate that nothing can be made at."""
    return _Reader(scene).cut()


def rate_of(scene):
    """Frames a second. Blender divides: 24 with a base of 1.001 is 24000/1001."""
    return scene.render.fps / exact(scene.render.fps_base)


def size_of(scene):
    """Pixels, as Blender renders them."""
    render = scene.render
    share = render.resolution_percentage
    return render.resolution_x * share // 100, render.resolution_y * share // 100


def track_name(kind, channel):
    return ("V%d" if kind == "video" else "A%d") % channel


class _Reader:
    def __init__(self, scene):
        self.scene = scene
        self.rate = _checked_rate(scene)
        self.start = scene.frame_start
        self.strips = list(strips_of(scene.sequence_editor))
        self.effects = [each for each in self.strips if is_effect(each)]
        self.animation = animation_of(scene)
        self.size = (scene.render.resolution_x, scene.render.resolution_y)
        self.notes = []

    def cut(self):
        cut = {
            "sequence": self._sequence(),
            "tracks": [*self._tracks("video"), *self._tracks("audio")],
        }
        if self.notes:
            cut["notes"] = self.notes
        return cut

    def _sequence(self):
        render = self.scene.render
        width, height = size_of(self.scene)
        last = max([self.scene.frame_end + 1] + [each.frame_final_end for each in self.strips])
        return {
            "name": _text(self.scene.name),
            "rate": rational(self.rate),
            "size": {"width": width, "height": height},
            "pixelAspect": rational(exact(render.pixel_aspect_x) / exact(render.pixel_aspect_y)),
            "duration": last - self.start,
            # Blender counts frames on the person's ruler, not hours: the first has this number.
            "startFrame": self.start,
            "dropFrame": False,
            "sampleRate": render.ffmpeg.audio_mixrate,
        }

    def _tracks(self, kind):
        belongs = is_picture if kind == "video" else has_sound
        channels, index = {}, 0
        for strip in self.strips:
            channels.setdefault(strip.channel, []).append(strip)
        for channel in sorted(channels):
            there = sorted(channels[channel], key=lambda each: each.frame_final_start)
            clips = [each for each in there if belongs(each)]
            # Effects are picture: a channel with nothing but them is one with no clips.
            if clips or (kind == "video" and not any(has_sound(each) for each in there)):
                yield {"index": index, **self._track(kind, channel, clips, there)}
                index += 1

    def _track(self, kind, channel, clips, there):
        name = track_name(kind, channel)
        spans, ends = [], None
        taken = [each for each in there if each not in clips]
        for strip in clips:
            if ends is not None and strip.frame_final_start < ends:
                taken.append(strip)
                self.notes.append(
                    "%s stands over another strip on channel %d: it is left out."
                    % (_text(strip.name), channel)
                )
                continue
            ends = strip.frame_final_end
            spans.append(self._span(kind, name, strip))
        settings = self.scene.sequence_editor.channels[channel]
        track = {
            "kind": kind,
            "name": name,
            "enabled": not settings.mute,
            "locked": settings.lock or self.scene.library is not None,
            "clips": spans,
            "transitions": self._transitions(clips) if kind == "video" else [],
        }
        if taken:
            track["taken"] = self._together(taken)
        return track

    def _transitions(self, clips):
        """Cross-fades and wipes stand on a channel of their own; they belong to what they mix."""
        found = [
            {"name": _text(each.name), "range": self._range(each)}
            for each in self.effects
            if each.type in TRANSITIONS
            if any(each in looks.effects_on(clip, self.effects) for clip in clips)
        ]
        return sorted(found, key=lambda each: each["range"]["start"])

    def _span(self, kind, track, strip):
        span = {
            "name": _text(strip.name),
            "track": track,
            "range": self._range(strip),
            "enabled": not strip.mute,
        }
        span.update(self._picture(strip) if kind == "video" else self._sound(strip))
        return span

    def _picture(self, strip):
        source, when, more = self._picture_source(strip)
        played = {
            "source": source,
            "sourceIn": rational(when.source_in),
            "speed": rational(when.speed),
        }
        if when.is_rounded:
            played["nearestFrame"] = True
        if more:
            played["pictureStream"] = {"among": "kind", "index": more}
        effects = looks.picture_effects(strip, self.effects, self.animation, self.size)
        if not when.is_sure:
            effects.append("speed that is known to within a frame")
        if effects:
            played["effects"] = [_text(each) for each in effects]
        return played

    def _picture_source(self, strip):
        if any(each.type == "SPEED" for each in looks.effects_on(strip, self.effects)):
            return _synthetic("clip under a speed effect"), timing.STILL, 0
        path = path_of(strip)
        if strip.type == "IMAGE" and path:
            return _file(path), timing.STILL, 0
        if strip.type != "MOVIE":
            return _synthetic(_what(strip)), timing.STILL, 0
        if timing.file_rate(strip) is None:
            return _file(path, "Blender cannot read it"), timing.STILL, 0
        when = timing.movie_timing(strip, self.rate, self.scene)
        if when is None:
            return _synthetic("clip of varying speed"), timing.STILL, 0
        return _file(path), when, getattr(strip, "stream_index", 0)

    def _sound(self, strip):
        when = timing.sound_timing(strip, self.rate) if strip.type == "SOUND" else timing.STILL
        if strip.type != "SOUND":
            source = _synthetic("sound of a " + _what(strip))
        elif when is None:
            source, when = _synthetic("sound of a changed speed"), timing.STILL
        elif strip.sound is not None and strip.sound.packed_file is not None:
            source = _synthetic("sound inside of the Blender file")
        else:
            source = _file(path_of(strip))
        heard = {
            "source": source,
            "sourceIn": rational(when.source_in),
            "speed": rational(when.speed),
        }
        if strip.type != "SOUND":
            return heard
        animated = self.animation.get(strip.name, {})
        frames = range(strip.frame_final_start, strip.frame_final_end)
        output = self.scene.render.ffmpeg.audio_channels
        level = looks.level_of(strip, animated, frames, output)
        if level is not None:
            points = [{"frame": f - self.start, "gain": max(0.0, gain)} for f, gain in level]
            heard["sound"] = {"level": points}
        effects = looks.sound_effects(strip, animated)
        if effects:
            heard["effects"] = [_text(each) for each in effects]
        return heard

    def _range(self, strip):
        return {
            "start": strip.frame_final_start - self.start,
            "end": strip.frame_final_end - self.start,
        }

    def _together(self, strips):
        """The time that strips take, in order and without overlaps."""
        ranges = []
        for each in sorted((self._range(strip) for strip in strips), key=lambda r: r["start"]):
            if ranges and each["start"] <= ranges[-1]["end"]:
                ranges[-1]["end"] = max(ranges[-1]["end"], each["end"])
            else:
                ranges.append(each)
        return ranges


def _checked_rate(scene):
    rate = rate_of(scene)
    if 1 <= rate <= 1000 and rate.numerator < 1 << 31 and rate.denominator <= 500_000_000:
        return rate
    got = "%d/%g" % (scene.render.fps, scene.render.fps_base)
    raise Problem("timeline-unsupported", "Expected a frame rate from 1 to 1000, got " + got)


def _file(path, why=None):
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        shown = path.encode("utf-8", "replace").decode("utf-8")
        return _offline(shown, "The name of its file is no text")
    if not path:
        return _offline("", "Blender names no file for it")
    if not os.path.isfile(path):
        return _offline(path, "There is no such file")
    return _offline(path, why) if why else {"kind": "file", "path": path}


def _offline(path, reason):
    return {"kind": "offline", "path": path[:4096], "reason": reason}


def _synthetic(what):
    return {"kind": "synthetic", "what": _text(what)}


def _what(strip):
    names = {
        "IMAGE": "image sequence",
        "SCENE": "scene strip",
        "META": "meta strip",
        "MOVIECLIP": "movie clip strip",
        "MASK": "mask strip",
        "COLOR": "colour strip",
        "TEXT": "text strip",
    }
    return names.get(strip.type, strip.type.lower() + " strip")


def _text(text):
    return text.encode("utf-8", "replace").decode("utf-8")[:_MOST_TEXT]
