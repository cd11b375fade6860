"""What a timeline does to a picture that its file does not show."""

from .told import listed, number, text, told, whole

_PLAIN = (
    ("moved", ("Pan", "Tilt"), 0.0),
    ("scaled", ("ZoomX", "ZoomY"), 1.0),
    ("rotated", ("RotationAngle", "Pitch", "Yaw"), 0.0),
    ("flipped", ("FlipX", "FlipY"), 0.0),
    ("cropped", ("CropLeft", "CropRight", "CropTop", "CropBottom"), 0.0),
    ("see-through", ("Opacity",), 100.0),
    ("blended", ("CompositeMode",), 0.0),
    ("distorted", ("Distortion",), 0.0),
)


def picture_effects(item):
    found = []
    properties = told(item, "GetProperty")
    if isinstance(properties, dict):
        for what, keys, plain in _PLAIN:
            values = [number(properties.get(key)) for key in keys]
            if any(value is not None and value != plain for value in values):
                found.append(what)
    if whole(told(item, "GetFusionCompCount")):
        found.append("Fusion composition")
    if _is_graded(item):
        found.append("graded")
    return [text(each) for each in found]


def _is_graded(item):
    graph = told(item, "GetNodeGraph")
    nodes = whole(told(graph, "GetNumNodes")) or 0
    tools = (listed(told(graph, "GetToolsInNode", index)) for index in range(1, nodes + 1))
    return nodes > 1 or any(tools)
