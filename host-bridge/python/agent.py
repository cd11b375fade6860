"""
The agent: answers what the daemon asks and tells it what changes. All of it runs on the editor's
main thread, called by a timer, or by `pump` where there are no timers.
"""

import time
import traceback
import uuid

from . import daemon
from .link import Link
from .problem import Problem

_PICKUP_ERROR = -32_000
_INTERNAL_ERROR = -32_603

_TURN = 0.02
"""Seconds that a tick goes on answering, so that the editor stays smooth."""

_START_AGAIN = 60.0
"""Seconds between two daemons that are started without asking."""

_QUIET = 0.1
"""Seconds between two tellings of what has changed."""


class Agent:
    """
    One for each run of the editor. `connection`, `why_not`, `brief` and `refusal` are what it may
    show. What only the editor's own part knows is asked of `editor`:

    - `who()`: program, version and abilities; `state()`: what is open, as protocol/hosts.ts has it
    - `find(params)`: the sequence that a question is about; raises Problem where it is not open
    - `cut(sequence)`, `grab(sequence, frame, path)`, `show(sequence, frame)`; frames count from the
      sequence's first, and a grab gives width and height
    - `apply(sequence, operation, label, steps)`: all of the steps, or none
    - `look(sequence)`: looks at once whether it has changed; `revision` counts that
    - `is_done(sequence, operation)`
    """

    def __init__(self, editor, client):
        """`client`: name and version, for hello."""
        self.id = str(uuid.uuid4())
        self.editor = editor
        self.link = Link(client)
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
        if time.monotonic() - self._told_at >= _QUIET:
            self.tell()

    def ask(self, method, params, then=None):
        """Asks the daemon; `then` gets the answer's result and error, one of them None."""
        if self.connection is not None:
            self._waiting[self.link.call(method, params)] = then

    def panel(self, host=None):
        """The panel's address for this editor, or for another agent, while there is a connection."""
        where = (self.connection["port"], self.connection["token"], host or self.id)
        # The fragment stays in the browser: it is sent nowhere and kept in no log.
        return "http://127.0.0.1:%d/panel/#token=%s&host=%s" % where

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
        """Shows why the daemon did not do what was pressed."""
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
        self._told = self.editor.state()
        self.ask("host.register", {"agent": self._self(), "state": self._told}, self.note_refusal)
        self.on_change()

    def tell(self):
        """Says what has changed, if anything has."""
        if self.connection is None:
            return
        self._told_at = time.monotonic()
        now = self.editor.state()
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
        return {"agent": self._self(), "state": self.editor.state()}

    def _cut(self, params):
        sequence = self.editor.find(params)
        self.editor.look(sequence)
        return {"cut": self.editor.cut(sequence), "revision": self.editor.revision.number}

    def _frame(self, params):
        sequence = self.editor.find(params)
        with self.editor.revision.ignoring():
            width, height = self.editor.grab(sequence, params["frame"], params["path"])
        return {"size": {"width": width, "height": height}}

    def _edit(self, params):
        editor = self.editor
        sequence = editor.find(params)
        again = editor.is_done(sequence, params["operation"])
        editor.look(sequence)
        number = editor.revision.number
        if again or params.get("revision", number) != number:
            return {"revision": number, "again": again, "stale": not again}
        editor.apply(sequence, params["operation"], params["label"], params["steps"])
        editor.revision.raise_it()
        editor.look(sequence)
        return {"revision": editor.revision.number, "again": False}

    def _show(self, params):
        self.editor.show(self.editor.find(params), params["frame"])
        return {}

    def _self(self):
        return {"id": self.id, **self.editor.who()}
