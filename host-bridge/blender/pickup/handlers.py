"""Blender's own words that something happens."""

import threading

import bpy
from bpy.app.handlers import persistent

from . import state

_agent = None


def register(agent):
    global _agent
    _agent = agent
    for name, handler in _HANDLERS:
        getattr(bpy.app.handlers, name).append(handler)


def unregister():
    global _agent
    for name, handler in _HANDLERS:
        getattr(bpy.app.handlers, name).remove(handler)
    _agent = None


@persistent
def _changed(*_):
    _agent.editor.revision.may_have_changed()


@persistent
def _opened(*_):
    state.rendering.clear()
    _agent.editor.other_file()


@persistent
def _render_begins(scene, *_):
    state.rendering.add(scene.name)
    _tell()


@persistent
def _render_ends(scene, *_):
    state.rendering.discard(scene.name)
    _tell()


def _tell():
    """
    A render that a script waits for lets no timer run, so that it is told of from here. One of a
    person's runs beside, where nothing may be looked at; and our own grab of a frame is none.
    """
    is_main = threading.current_thread() is threading.main_thread()
    if is_main and not _agent.editor.revision.is_ignoring:
        _agent.tell()


_HANDLERS = (
    ("depsgraph_update_post", _changed),
    ("undo_post", _changed),
    ("redo_post", _changed),
    ("load_post", _opened),
    ("render_init", _render_begins),
    ("render_complete", _render_ends),
    ("render_cancel", _render_ends),
)
