"""
What project and which sequence this is, whatever they are renamed to.

Each scene carries the ids as a custom property. It is set as soon as somebody asks; that alone
neither marks the file as changed nor makes an undo step, so that looking at a file leaves no
trace in it, and whoever saves it saves them along. Until then the ids follow from where the file
is, so that one that was looked at, closed and opened again is known by the same.

A file that is saved under another name is the same project going on; so is what an older version
of it was saved as. A project that was never saved is known as long as it is open.
"""

import uuid

import bpy

_KEY = "pickup"
_NAMESPACE = uuid.UUID("7d1c1c5a-55c5-4b1f-9f0e-3f6c2e6d8f21")

_project = None
_sequences = {}
"""Ids by the scene's name as it was last seen: undo may take a property away again."""


def forget():
    """Another file was opened."""
    global _project
    _project = None
    _sequences.clear()


def project_id():
    global _project
    if _project is None:
        own = [scene for scene in bpy.data.scenes if scene.library is None]
        carried = [_carried(scene).get("project") for scene in own]
        path = bpy.data.filepath
        derived = uuid.uuid5(_NAMESPACE, path) if path else uuid.uuid4()
        _project = next((each for each in carried if each), None) or str(derived)
    return _project


def sequence_id(scene):
    """Of two scenes with one id, as copies of scenes have, one gets a new one."""
    _look_at_all()
    return _sequences[scene.name]


def scene_of(project, sequence):
    """The scene that is meant, None where it is not open."""
    if project != project_id():
        return None
    _look_at_all()
    return next((each for each in bpy.data.scenes if _sequences[each.name] == sequence), None)


def _look_at_all():
    before = dict(_sequences)
    _sequences.clear()
    # Those that stand under their old name come first: a copy has another one.
    known = [each for each in bpy.data.scenes if each.name in before]
    others = [each for each in bpy.data.scenes if each.name not in before]
    for scene in known + others:
        wanted = _carried(scene).get("sequence") or before.get(scene.name) or _derived(scene)
        if wanted in _sequences.values():
            wanted = str(uuid.uuid5(uuid.UUID(wanted), scene.name))
        _sequences[scene.name] = wanted
        _carry(scene, wanted)


def _derived(scene):
    return str(uuid.uuid5(uuid.UUID(project_id()), scene.name))


def _carried(scene):
    found = scene.get(_KEY)
    return found if hasattr(found, "get") else {}


def _carry(scene, sequence):
    found = _carried(scene)
    if found.get("sequence") == sequence and found.get("project") == project_id():
        return
    if scene.library is None:
        scene[_KEY] = {"project": project_id(), "sequence": sequence}
