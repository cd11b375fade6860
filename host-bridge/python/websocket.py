"""A client for WebSockets (RFC 6455) on the standard library: texts both ways, nothing else."""

import base64
import hashlib
import os
import socket
import struct
import threading

_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_CONTINUATION, _TEXT, _CLOSE, _PING, _PONG = 0x0, 0x1, 0x8, 0x9, 0xA
_PROTOCOL_ERROR, _UNSUPPORTED, _BAD_TEXT, _TOO_BIG = 1002, 1003, 1007, 1009
_LONGEST_HEAD = 16_384


class Refused(Exception):
    """The server answered with something other than a WebSocket."""


class Closed(Exception):
    """The connection has ended; `code` is the server's, 1006 where it gave none."""

    def __init__(self, code=1006):
        super().__init__("The connection has ended (%d)" % code)
        self.code = code


class WebSocket:
    """An open connection. One thread may receive while others send."""

    def __init__(self, connection, rest, most):
        self._connection = connection
        self._rest = rest
        self._most = most
        self._sending = threading.Lock()
        self._has_said_close = False

    def send(self, text):
        """Sends one text. Raises OSError where the connection has ended."""
        self._send_frame(_TEXT, text.encode("utf-8"))

    def receive(self):
        """The next text; waits for it. Raises Closed, or OSError where the connection broke."""
        whole = None
        while True:
            is_last, kind, payload = self._receive_frame(self._most - len(whole or b""))
            if kind == _PING:
                self._send_frame(_PONG, payload)
            elif kind == _CLOSE:
                self._say_close(payload[:2])
                raise Closed(struct.unpack(">H", payload[:2])[0] if len(payload) >= 2 else 1005)
            elif kind != _PONG:
                if kind not in (_TEXT, _CONTINUATION):
                    self._fail(_UNSUPPORTED)
                if (kind == _CONTINUATION) != (whole is not None):
                    self._fail(_PROTOCOL_ERROR)
                whole = (whole or b"") + payload
                if is_last:
                    try:
                        return whole.decode("utf-8")
                    except UnicodeDecodeError:
                        self._fail(_BAD_TEXT)

    def close(self, code=1000):
        """Says goodbye and ends the connection; whoever receives is told by an exception."""
        try:
            self._say_close(struct.pack(">H", code))
            self._connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._connection.close()

    def _receive_frame(self, most):
        first, second = self._read(2)
        is_last, kind = bool(first & 0x80), first & 0x0F
        length = second & 0x7F
        # Reserved bits are for extensions, of which none was asked for, and servers send no masks.
        if first & 0x70 or second & 0x80 or (kind >= 8 and (length > 125 or not is_last)):
            self._fail(_PROTOCOL_ERROR)
        if length == 126:
            (length,) = struct.unpack(">H", self._read(2))
        elif length == 127:
            (length,) = struct.unpack(">Q", self._read(8))
        if length > most:
            self._fail(_TOO_BIG)
        return is_last, kind, self._read(length)

    def _read(self, count):
        pieces = []
        while count > 0:
            piece = self._rest[:count]
            self._rest = self._rest[count:]
            if not piece:
                piece = self._connection.recv(min(count, 1 << 20))
                if not piece:
                    raise Closed()
            pieces.append(piece)
            count -= len(piece)
        return b"".join(pieces)

    def _send_frame(self, kind, payload):
        length = len(payload)
        if length < 126:
            size = struct.pack(">B", 0x80 | length)
        elif length < 1 << 16:
            size = struct.pack(">BH", 0x80 | 126, length)
        else:
            size = struct.pack(">BQ", 0x80 | 127, length)
        mask = os.urandom(4)
        with self._sending:
            self._connection.sendall(bytes([0x80 | kind]) + size + mask + _masked(payload, mask))

    def _say_close(self, payload):
        if not self._has_said_close:
            self._has_said_close = True
            self._send_frame(_CLOSE, payload)

    def _fail(self, code):
        self.close(code)
        raise Closed(code)


def connect(port, subprotocols, most, timeout=10.0):
    """
    Opens a connection to this machine. `most`: bytes of the longest text that is taken; `timeout`:
    seconds for the greeting. Raises Refused, or OSError where nobody listens.
    """
    connection = socket.create_connection(("127.0.0.1", port), timeout)
    try:
        key = base64.b64encode(os.urandom(16)).decode("ascii")
        head = [
            "GET / HTTP/1.1",
            "Host: 127.0.0.1:%d" % port,
            "Upgrade: websocket",
            "Connection: Upgrade",
            "Sec-WebSocket-Key: " + key,
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Protocol: " + ", ".join(subprotocols),
        ]
        connection.sendall(("\r\n".join(head) + "\r\n\r\n").encode("ascii"))
        answer, rest = _read_head(connection)
        _check_answer(answer, key)
        connection.settimeout(None)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return WebSocket(connection, rest, most)
    except BaseException:
        connection.close()
        raise


def _read_head(connection):
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(4096)
        data += piece
        if not piece or len(data) > _LONGEST_HEAD:
            raise Refused("Expected an answer to the WebSocket's greeting, got %r" % data[:100])
    head, _, rest = data.partition(b"\r\n\r\n")
    return head.decode("latin-1").split("\r\n"), rest


def _check_answer(lines, key):
    words = lines[0].split(" ", 2)
    if len(words) < 2 or words[1] != "101":
        raise Refused("Expected a WebSocket, got the answer %s" % lines[0][:100])
    pairs = (line.partition(":") for line in lines[1:])
    headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
    wanted = base64.b64encode(hashlib.sha1((key + _GUID).encode("ascii")).digest()).decode("ascii")
    if headers.get("sec-websocket-accept") != wanted:
        raise Refused("Expected a WebSocket, got an answer without its proof")


def _masked(payload, mask):
    """XOR with the mask, as one large number: byte by byte takes seconds for a long text."""
    length = len(payload)
    key = (mask * (length // 4 + 1))[:length]
    both = int.from_bytes(payload, "little") ^ int.from_bytes(key, "little")
    return both.to_bytes(length, "little")
