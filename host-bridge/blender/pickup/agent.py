"""
The agent: answers what the daemon asks and tells it what changes. All of it runs on the main
thread, called by a timer, or by `pump` where there are no timers.
"""

import time
import traceback
import uuid

import bpy

from . import daemon, edit, frame, identity, operations, state
from .cut import read_cut
from .link import Link
from .problem import Problem
from .revision import Revision
from .version import VERSION

_PICKUP_ERROR = -32_000
_INTERNAL_ERROR = -32_603

_TURN = 0.02
"""Seconds that a tick goes on answering, so that Blender stays smooth."""

_START_AGAIN = 60.0
"""Seconds between two daemons that are started without asking."""

_QUIET = 0.1
"""Seconds between two tellings of what has changed."""


class Agent:
    """One for each run of Blender. `status` is what its sidebar shows."""

    def __init__(self):
        self.id = str(uuid.uuid4())
        self.link = Link({"name": "pickup-blender", "version": VERSION})
        self.revision = Revision()
        self.connection = None
        self.why_not = ""
        self.brief = None
        self.refusal = ""
        self.on_change = lambda: None
        self._daemon = None
        self._started_at = float("-inf")
        self._was_connected = False
        self._told = None
        self._told_at = 0.0
        self._methods = {
            "agent.who": self._who,
            "agent.cut": self._cut,
            "agent.frame": self._frame,
            "agent.edit": self._edit,
            "agent.show": self._show,
        }
        self._waiting = {}

    def start(self):
        self.link.start()

    def end(self):
        self.link.end()

    def pump(self):
        """Takes what has come, answers, and tells what has changed."""
        until = time.monotonic() + _TURN
        while not self.link.received.empty() and time.monotonic() < until:
            kind, what = self.link.received.get()
            if kind == "connected":
                self._register(what)
            elif kind == "lost":
                self._lost(what)
            else:
                self._take(what)
        if self.connection is not None and time.monotonic() - self._told_at >= _QUIET:
            self._tell()

    def ask(self, method, params, then=None):
        """Asks the daemon; `then` gets the answer's result and error, one of them None."""
        if self.connection is not None:
            self._waiting[self.link.call(method, params)] = then

    def other_file(self):
        """Another file was opened: nothing that was known holds for it."""
        identity.forget()
        operations.forget()
        self.revision.raise_it()

    def start_daemon(self):
        """Raises NoDaemon where it cannot be started."""
        self._started_at = time.monotonic()
        self._daemon = daemon.start(daemon.state_folder())
        self.link.hurry()

    def start_daemon_by_itself(self):
        """Not one that somebody has stopped, and not again and again where it does not come up."""
        folder = daemon.state_folder()
        is_early = time.monotonic() - self._started_at < _START_AGAIN
        if is_early or (self._was_connected and daemon.was_stopped(folder)):
            return
        try:
            self.start_daemon()
        except daemon.NoDaemon as error:
            self.why_not = str(error)

    def note_refusal(self, _result, error):
        """Shows in the sidebar why the daemon did not do what was pressed."""
        self.refusal = str(error.get("message")) if error else ""
        self.on_change()

    def _lost(self, why):
        self.connection, self.why_not, self.brief = None, why, None
        self.refusal = ""
        self._waiting.clear()
        self.on_change()

    def _register(self, connection):
        self.connection, self.why_not = connection, ""
        self._was_connected = True
        self._told = self._state()
        self.ask("host.register", {"agent": self._self(), "state": self._told}, self.note_refusal)
        self.on_change()

    def _tell(self):
        self._told_at = time.monotonic()
        now = self._state()
        if now != self._told:
            self._told = now
            self.ask("host.changed", {"state": now})

    def _take(self, message):
        if "method" not in message:
            then = self._waiting.pop(message.get("id"), None)
            if then is not None:
                then(message.get("result"), message.get("error"))
        elif message["method"] == "brief":
            self.brief = message.get("params")
            self.on_change()
        elif "id" in message:
            self._answer(message["id"], message["method"], message.get("params") or {})

    def _answer(self, number, method, params):
        answer = {"jsonrpc": "2.0", "id": number}
        try:
            if method not in self._methods:
                raise Problem("no-such-method", "There is no method %s" % method)
            answer["result"] = self._methods[method](params)
        except Problem as problem:
            data = problem.data()
            answer["error"] = {"code": _PICKUP_ERROR, "message": str(problem), "data": data}
        except Exception as error:
            traceback.print_exc()
            said = "%s: %s" % (type(error).__name__, error)
            answer["error"] = {"code": _INTERNAL_ERROR, "message": said}
        self.link.send(answer)

    def _who(self, _params):
        return {"agent": self._self(), "state": self._state()}

    def _cut(self, params):
        scene = _scene(params)
        self.revision.look(scene, at_once=True)
        return {"cut": read_cut(scene), "revision": self.revision.number}

    def _frame(self, params):
        scene = _scene(params)
        with self.revision.ignoring():
            width, height = frame.grab(scene, params["frame"] + scene.frame_start, params["path"])
        return {"size": {"width": width, "height": height}}

    def _edit(self, params):
        scene = _scene(params)
        again = operations.is_done(scene, params["operation"])
        self.revision.look(scene, at_once=True)
        if again or params.get("revision", self.revision.number) != self.revision.number:
            return {"revision": self.revision.number, "again": again, "stale": not again}
        edit.apply(scene, params["operation"], params["label"], params["steps"])
        self.revision.raise_it()
        self.revision.look(scene, at_once=True)
        redraw()
        return {"revision": self.revision.number, "again": False}

    def _show(self, params):
        scene = _scene(params)
        scene.frame_set(params["frame"] + scene.frame_start)
        redraw()
        return {}

    def _self(self):
        return {
            "id": self.id,
            "program": "Blender",
            "version": bpy.app.version_string,
            "can": {
                "frame": True,
                "addTracks": True,
                "disable": True,
                "swap": True,
                "bin": False,
                "undo": _can_undo(),
                "show": True,
            },
        }

    def _state(self):
        self.revision.look(state.scene_edited())
        return state.host_state(self.revision.number)


def redraw():
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "SEQUENCE_EDITOR":
                area.tag_redraw()


def _scene(params):
    scene = identity.scene_of(params["project"], params["sequence"])
    if scene is None:
        raise Problem("no-such-host", "That sequence is not open in Blender")
    return scene


def _can_undo():
    chosen = bpy.context.preferences.edit
    return not bpy.app.background and chosen.use_global_undo and chosen.undo_steps > 0
