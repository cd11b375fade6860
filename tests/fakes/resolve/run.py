"""
Runs a script as Resolve does from Workspace > Scripts, over a model, and lets a test do what a
person does meanwhile: Python comes as lines of JSON over a socket, and what it leaves in `result`
goes back.

Arguments: the script, a file with the model, the port where the test listens.
"""

import json
import os
import socket
import sys
import threading
import traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import model
import objects
import published

script, data, port = sys.argv[1:4]
with open(data, encoding="utf-8") as file:
    studio = model.Studio(json.load(file))
resolve = objects.Resolve(studio)


class App:
    """`app`, `fu` and `fusion`: as much of Fusion as leads to Resolve."""

    def GetResolve(self):
        return resolve


def take_orders(connection):
    names = {"studio": studio, "model": model, "published": published}
    for line in connection.makefile("r", encoding="utf-8"):
        order = json.loads(line)
        names["result"] = None
        try:
            with published.lock:
                exec(order["code"], names)
            answer = {"id": order["id"], "result": names["result"]}
        except BaseException:
            answer = {"id": order["id"], "error": traceback.format_exc()}
        connection.sendall((json.dumps(answer) + "\n").encode("utf-8"))
    # The test has hung up.
    os._exit(0)


connection = socket.create_connection(("127.0.0.1", int(port)))
threading.Thread(target=take_orders, args=(connection,), daemon=True).start()
with open(script, encoding="utf-8") as file:
    code = compile(file.read(), script, "exec")
app = App()
names = {"__name__": "__main__", "resolve": resolve, "app": app, "fu": app, "fusion": app}
exec(code, names)
connection.sendall(b'{"ended": true}\n')
