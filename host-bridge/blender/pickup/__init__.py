"""Pickup in Blender's Video Sequencer: connects to the daemon and shows it in the sidebar."""

bl_info = {
    "name": "Pickup",
    "author": "Pickup",
    "version": (0, 1, 0),
    "blender": (3, 4, 0),
    "location": "Video Sequencer > Sidebar > Pickup",
    "description": "Fills a gap in the cut with a generated clip and synced sound",
    "category": "Sequencer",
}

import traceback

import bpy

from . import handlers, ui
from .agent import Agent
from .editor import Editor
from .version import VERSION

_TICK, _TICK_AFTER_FAILURE = 0.05, 2.0
"""Seconds."""

_running = None


def register():
    global _running
    _running = Agent(Editor(), {"name": "pickup-blender", "version": VERSION})
    ui.register(_running)
    handlers.register(_running)
    _running.start()
    if not bpy.app.background:
        bpy.app.timers.register(_tick, first_interval=_TICK, persistent=True)


def unregister():
    global _running
    if bpy.app.timers.is_registered(_tick):
        bpy.app.timers.unregister(_tick)
    _running.end()
    handlers.unregister()
    ui.unregister()
    _running = None


def pump():
    """For a Blender without a window, which runs no timers: does what they would do, once."""
    _running.pump()


def _tick():
    try:
        pump()
    except Exception:
        # Blender drops a timer that fails, and with it the connection would fall silent for good.
        traceback.print_exc()
        return _TICK_AFTER_FAILURE
    return _TICK
