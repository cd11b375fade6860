"""Opens the add-on's WebSocket to a port, sends back what comes, and prints how it ended."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../../host-bridge/python"))
import websocket

try:
    opened = websocket.connect(int(sys.argv[1]), ["pickup.v1", "token.x"], int(sys.argv[2]))
    while True:
        opened.send(opened.receive())
except websocket.Closed as closed:
    print("closed", closed.code)
except websocket.Refused as refused:
    print("refused", refused)
