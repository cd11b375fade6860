"""The connection to the daemon: a thread of its own, which never touches the editor."""

import itertools
import json
import queue
import threading

from . import daemon, websocket

MOST_ANSWER = 33_554_432
"""What the daemon takes for an answer, and what is taken from it. Bytes."""

_PAUSES = (0.25, 0.5, 1.0, 2.0, 5.0)
"""Seconds between attempts to connect; the last one goes on for ever."""


class Link:
    """
    Connects, says hello, and connects again for ever once that is lost, reading anew where the
    daemon is. `received` has what came, for the main thread: ("connected", hello), ("lost", why),
    ("message", message).
    """

    def __init__(self, client):
        self.received = queue.Queue()
        self._client = client
        self._to_send = queue.Queue()
        self._ids = itertools.count(1)
        self._hurry = threading.Event()
        self._ended = False
        self._socket = None
        self._thread = threading.Thread(target=self._run, name="Pickup", daemon=True)

    def start(self):
        self._thread.start()

    def end(self):
        """Ends the connection; nothing is received from then on."""
        self._ended = True
        self._hurry.set()
        if self._socket is not None:
            self._socket.close()

    def hurry(self):
        """Connects now, where it waits for the next attempt."""
        self._hurry.set()

    def call(self, method, params):
        """Asks the daemon; gives the id that the answer has. Without a connection none comes."""
        number = next(self._ids)
        self.send({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
        return number

    def send(self, message):
        self._to_send.put(message)

    def _run(self):
        failures = 0
        while not self._ended:
            try:
                socket, hello = self._connect()
            except (daemon.NoDaemon, websocket.Refused, websocket.Closed, OSError, ValueError) as e:
                self.received.put(("lost", str(e)))
                self._hurry.wait(_PAUSES[min(failures, len(_PAUSES) - 1)])
                self._hurry.clear()
                failures += 1
                continue
            failures = 0
            self._serve(socket, hello)

    def _connect(self):
        port, token = daemon.find(daemon.state_folder())
        protocols = [daemon.SUBPROTOCOL, "token." + token]
        socket = websocket.connect(port, protocols, MOST_ANSWER)
        try:
            params = {"protocol": daemon.PROTOCOL, "token": token, "client": self._client}
            hello = {"jsonrpc": "2.0", "id": 0, "method": "hello", "params": params}
            socket.send(json.dumps(hello))
            answer = json.loads(socket.receive())
            if "error" in answer:
                raise daemon.NoDaemon(str(answer["error"].get("message")))
            return socket, {"port": port, "token": token, "hello": answer["result"]}
        except BaseException:
            socket.close()
            raise

    def _serve(self, socket, hello):
        self._socket = socket
        # What was meant for an earlier connection is for nobody now.
        self._to_send = to_send = queue.Queue()
        sender = threading.Thread(target=_send_all, args=(socket, to_send), daemon=True)
        sender.start()
        self.received.put(("connected", hello))
        why = "The connection has ended."
        try:
            while not self._ended:
                self.received.put(("message", json.loads(socket.receive())))
        except (websocket.Closed, OSError, ValueError) as error:
            why = str(error)
        finally:
            to_send.put(None)
            socket.close()
            self._socket = None
        self.received.put(("lost", why))


def _send_all(socket, messages):
    try:
        for message in iter(messages.get, None):
            socket.send(json.dumps(message))
    except OSError:
        # Whoever receives is told as well.
        socket.close()
