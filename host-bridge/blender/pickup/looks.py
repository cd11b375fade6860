"""What the sequencer does to a strip's picture or sound, in words, and how loud a sound is."""

import math
from fractions import Fraction

from .sequencer import TRANSITIONS, inputs_of, overlap, path_of

_PLAIN_BLENDS = ("REPLACE", "CROSS", "GAMMA_CROSS", "ALPHA_OVER")
_MOST_POINTS = 1024
_MOST_EFFECTS = 64

_ANIMATED_WORDS = {
    "blend_alpha": "opacity",
    "transform.offset_x": "moved",
    "transform.offset_y": "moved",
    "transform.scale_x": "scaled",
    "transform.scale_y": "scaled",
    "transform.rotation": "rotated",
    "color_saturation": "saturation",
    "color_multiply": "brightness",
    "pan": "panned",
}


def picture_effects(strip, effects, animation, size):
    """`effects`: the effect strips of the sequence; `size`: its width and height in pixels."""
    words = own_effects(strip, animation.get(strip.name, {}), size)
    for effect in effects_on(strip, effects):
        if effect.type not in TRANSITIONS:
            words.append(_named(effect))
    for other in effects:
        if other.type == "ADJUSTMENT" and other.channel > strip.channel and not other.mute:
            if overlap(other, strip) and own_effects(other, animation.get(other.name, {}), size):
                words.append(_named(other))
    return list(dict.fromkeys(words))[:_MOST_EFFECTS]


def own_effects(strip, animated, size):
    words = []
    transform = getattr(strip, "transform", None)
    if transform is not None:
        if abs(transform.offset_x) > 0.5 or abs(transform.offset_y) > 0.5:
            words.append("moved")
        if abs(transform.rotation) > 1e-4:
            words.append("rotated")
        if not _fits(strip, transform, size):
            words.append("scaled")
    crop = getattr(strip, "crop", None)
    if crop is not None and (crop.min_x or crop.max_x or crop.min_y or crop.max_y):
        words.append("cropped")
    if getattr(strip, "use_flip_x", False) or getattr(strip, "use_flip_y", False):
        words.append("flipped")
    if strip.blend_alpha < 1:
        words.append("opacity")
    if strip.blend_type not in _PLAIN_BLENDS:
        words.append("composite mode " + strip.blend_type.lower().replace("_", " "))
    if getattr(strip, "color_saturation", 1) != 1:
        words.append("saturation")
    if getattr(strip, "color_multiply", 1) != 1:
        words.append("brightness")
    if getattr(strip, "strobe", 1) > 1:
        words.append("strobe")
    if getattr(strip, "use_deinterlace", False):
        words.append("deinterlaced")
    if getattr(strip, "use_multiview", False):
        words.append("stereoscopic")
    words += _modifiers(strip)
    words += [_ANIMATED_WORDS.get(name, "animated") for name in animated if name != "volume"]
    return words


def sound_effects(strip, animated):
    words = ["panned"] if strip.pan != 0 else []
    if strip.sound and strip.sound.use_mono:
        words.append("mixed to mono")
    words += _modifiers(strip)
    words += [_ANIMATED_WORDS.get(name, "animated") for name in animated if name != "volume"]
    if "volume" in animated and animated["volume"] is None:
        words.append("level")
    return list(dict.fromkeys(words))[:_MOST_EFFECTS]


def effects_on(strip, effects):
    """Effect strips, switched on, that take the strip's picture, also by way of other effects."""
    found = []
    for effect in effects:
        if not effect.mute and strip in inputs_of(effect):
            found += [effect] + effects_on(effect, effects)
    return found


def level_of(strip, animated, frames, output):
    """
    How loud a sound is over its frames (a range of the scene's): pairs of frame and factor, lines
    between them, or None where it is as in the file. `output`: the channels that the scene has.
    One channel in the middle of two is heard on either side with half of its power.
    """
    curve = animated.get("volume")
    is_split = strip.sound and strip.sound.channels == "MONO" and output == "STEREO"
    share = math.sqrt(0.5) if is_split else 1
    if curve is None:
        level = strip.volume * share
        return None if level == 1 else [(frames.start, level)]
    values = [(frame, curve.evaluate(frame) * share) for frame in (*frames, frames.stop)]
    points = _corners(values, 1e-4)
    tolerance = 1e-3
    while len(points) > _MOST_POINTS:
        points = _corners(values, tolerance)
        tolerance *= 2
    return points


def _corners(values, tolerance):
    """Those of the points that lines between the others miss by more than the tolerance."""
    kept = [values[0]]
    for before, here, after in zip(values, values[1:], values[2:]):
        last = kept[-1]
        share = Fraction(here[0] - last[0], after[0] - last[0])
        if abs(last[1] + (after[1] - last[1]) * float(share) - here[1]) > tolerance:
            kept.append(here)
    return kept + values[-1:] if len(values) > 1 else kept


def _fits(strip, transform, size):
    """Whether the picture fills the frame as far as its shape lets it: as any player shows it."""
    element = strip.elements[0] if getattr(strip, "elements", None) and path_of(strip) else None
    if element is None or not element.orig_width or not element.orig_height:
        return abs(transform.scale_x - 1) < 1e-4 and abs(transform.scale_y - 1) < 1e-4
    width, height = element.orig_width * transform.scale_x, element.orig_height * transform.scale_y
    shrink = min(size[0] / element.orig_width, size[1] / element.orig_height)
    fitted = (element.orig_width * shrink, element.orig_height * shrink)
    return any(
        abs(width - wanted[0]) <= 1 and abs(height - wanted[1]) <= 1 for wanted in (fitted, size)
    )


def _modifiers(strip):
    return [each.name for each in strip.modifiers if not each.mute]


def _named(strip):
    return "%s (%s)" % (strip.name, strip.type.lower().replace("_", " "))
