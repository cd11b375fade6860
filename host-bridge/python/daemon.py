"""Finds the daemon, makes sure that it is the one, and starts it."""

import hashlib
import hmac
import http.client
import json
import os
import subprocess
import sys

PROTOCOL = 3
SUBPROTOCOL = "pickup.v1"

_CREATE_NO_WINDOW = 0x08000000
"""Windows' own number: `subprocess` names it from Python 3.7 on."""


class NoDaemon(Exception):
    """No daemon runs; the text says what to do."""


def state_folder():
    """
    Where the daemon's port file is: PICKUP_STATE, else the system's place for a program's data.
    The same rule as in files/folders.ts.
    """
    named = os.environ.get("PICKUP_STATE")
    if named:
        return os.path.abspath(os.path.expanduser(named))
    home = os.path.expanduser("~")
    if sys.platform == "darwin":
        data = os.path.join(home, "Library", "Application Support")
    elif sys.platform == "win32":
        data = os.environ.get("LOCALAPPDATA") or os.path.join(home, "AppData", "Local")
    else:
        data = os.environ.get("XDG_DATA_HOME") or os.path.join(home, ".local", "share")
    return os.path.abspath(os.path.join(data, "pickup"))


def find(folder):
    """
    The port and the token of the daemon that runs. It has proved that it knows the token before
    that is sent anywhere: a port in an old file may be anybody's by now. Raises NoDaemon.
    """
    said = _read(os.path.join(folder, "daemon.json"))
    port, token = said.get("port"), said.get("token")
    if not isinstance(port, int) or not isinstance(token, str):
        raise NoDaemon("Pickup is not running.")
    if not _proves(port, token):
        raise NoDaemon("Pickup is not running, or does not answer.")
    return port, token


def was_stopped(folder):
    """Whether the last daemon ended in order: then it took its port file along."""
    return not os.path.exists(os.path.join(folder, "daemon.json"))


def how_to_start(folder):
    """The command line that starts a daemon, or None where nothing says which one."""
    program = _read(os.path.join(folder, "program.json"))
    node, daemon = program.get("node"), program.get("daemon")
    if not isinstance(node, str) or not isinstance(daemon, str):
        return None
    if not os.path.isfile(node) or not os.path.isfile(daemon):
        return None
    return [node, daemon, "--state", folder]


def start(folder):
    """Starts a daemon that outlives this program. Raises NoDaemon where that cannot be done."""
    command = how_to_start(folder)
    if command is None:
        raise NoDaemon("Start Pickup once with `pickup daemon`: your editor then knows where it is.")
    # A daemon inherits nothing of the editor's own Python and libraries.
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "LD_"))}
    detached = {"start_new_session": True}
    if sys.platform == "win32":
        flags = _CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP
        detached = {"creationflags": flags}
    try:
        with open(os.path.join(folder, "daemon-start.log"), "wb") as log:
            return subprocess.Popen(
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                close_fds=True,
                **detached
            )
    except OSError as error:
        raise NoDaemon("Pickup could not be started: %s" % error) from error


def _proves(port, token):
    once = os.urandom(16).hex()

    def sign(side):
        text = "pickup %s %d %s" % (side, port, once)
        return hmac.new(token.encode("ascii"), text.encode("ascii"), hashlib.sha256).hexdigest()

    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=15)
    try:
        connection.request("GET", "/proof/%s/%s" % (once, sign("client")))
        answer = connection.getresponse().read(100)
        return hmac.compare_digest(answer, sign("daemon").encode("ascii"))
    except (OSError, OverflowError, ValueError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _read(path):
    try:
        with open(path, encoding="utf-8") as file:
            said = json.loads(file.read(10_000))
        return said if isinstance(said, dict) else {}
    except (OSError, ValueError):
        return {}
