"""Pickup in DaVinci Resolve: a script that runs from Workspace > Scripts until Resolve quits."""

import time
import traceback
import webbrowser

from . import daemon
from .agent import Agent
from .editor import Editor
from .told import told
from .version import VERSION

_TICK, _TICK_AFTER_FAILURE = 0.05, 2.0
"""Seconds. Resolve has no timers for scripts."""

_GONE = 3
"""As often as Resolve has to be silent in a row, a tick after the other, until it has quit."""


def main(names):
    """`names`: what Resolve gives a script, `resolve` among it."""
    resolve = _resolve_among(names)
    if resolve is None:
        print("Pickup: run this from DaVinci Resolve, Workspace > Scripts.")
        return
    _Script(resolve).run()


class _Script:
    def __init__(self, resolve):
        self.editor = Editor(resolve)
        self.agent = Agent(self.editor, {"name": "pickup-resolve", "version": VERSION})
        self.agent.on_change = self._changed
        self.said = ""
        self.has_opened = False
        self.is_over = False

    def run(self):
        print("Pickup %s runs until Resolve quits." % VERSION)
        # Whoever has chosen it from the menu has asked for it: that is the one time to start it.
        try:
            daemon.find(daemon.state_folder())
        except daemon.NoDaemon:
            self.agent.start_daemon_by_itself()
            if self.agent.why_not:
                self._say(self.agent.why_not)
        self.agent.start()
        silent = 0
        try:
            while not self.is_over and silent < _GONE:
                silent = 0 if self.editor.is_there() else silent + 1
                time.sleep(self._tick())
        finally:
            self.agent.end()
        self._say("Resolve has quit." if silent else "Pickup runs here already.")

    def _tick(self):
        try:
            self.agent.pump()
            return _TICK
        except Exception:
            # One tick that fails must not end the connection for good.
            traceback.print_exc()
            return _TICK_AFTER_FAILURE

    def _changed(self):
        if self.agent.connection is None:
            self._say(self.agent.why_not or "Connecting ...")
        elif not self.has_opened:
            self.agent.ask("host.watch", {}, self._open)
        brief = self.agent.brief
        if brief is not None:
            self._say(self.agent.refusal or brief["said"] or brief["refusal"] or "Ready.")

    def _open(self, result, _error):
        """Opens the panel; of a script that runs already where there is one, and ends then."""
        if self.has_opened:
            return
        self.has_opened = True
        own = (self.editor.state()["project"] or {}).get("id")
        others = [
            each["agent"]["id"]
            for each in (result or {}).get("hosts", [])
            if each["agent"]["program"] == self.editor.who()["program"]
            and each["agent"]["id"] != self.agent.id
            and (each["state"]["project"] or {}).get("id") == own
        ]
        if others:
            self.is_over = True
        address = self.agent.panel(others[0] if others else None)
        self._say("The panel is in your browser.")
        if not webbrowser.open(address):
            self._say("No browser could be opened. Open the panel with: pickup open")

    def _say(self, what):
        """On Resolve's console, and once each."""
        if what != self.said:
            self.said = what
            try:
                print("Pickup: %s" % what)
            except UnicodeError:
                print("Pickup: %s" % what.encode("ascii", "replace").decode("ascii"))


def _resolve_among(names):
    found = names.get("resolve")
    for name in ("app", "fusion", "fu"):
        found = found or told(names.get(name), "GetResolve")
    return found or told(names.get("bmd"), "scriptapp", "Resolve")
