"""
Lets a test do in Blender what a person does: runs the Python that comes as lines of JSON over a
socket, on Blender's main thread, and answers with what it leaves in `result`.

Environment: DRIVER_PORT, where the test listens; ADDON, a zip that is installed as a person would,
from 4.2 on as an extension, or a folder whose `pickup` is registered as it is.
"""

import json
import os
import socket
import sys
import traceback

import bpy

connection = socket.create_connection(("127.0.0.1", int(os.environ["DRIVER_PORT"])))
buffered = b""
names = {"bpy": bpy, "__name__": "driver"}


def start_addon():
    addon = os.environ["ADDON"]
    if not addon.endswith(".zip"):
        sys.path.insert(0, addon)
        import pickup

        pickup.register()
        return pickup
    if bpy.app.version < (4, 2):
        bpy.ops.preferences.addon_install(filepath=addon)
        bpy.ops.preferences.addon_enable(module="pickup")
        return sys.modules["pickup"]
    bpy.ops.preferences.addon_enable(module="bl_pkg")
    where = {"repo": "user_default", "enable_on_install": True}
    bpy.ops.extensions.package_install_files(filepath=addon, **where)
    return sys.modules["bl_ext.user_default.pickup"]


def perform(line):
    order = json.loads(line)
    names["result"] = None
    try:
        exec(order["code"], names)
        answer = {"id": order["id"], "result": names["result"]}
    except BaseException:
        answer = {"id": order["id"], "error": traceback.format_exc()}
    connection.sendall((json.dumps(answer) + "\n").encode("utf-8"))


def take_orders(wait):
    """Does what has come; False once the test has hung up."""
    global buffered
    connection.settimeout(wait or 0.001)
    try:
        piece = connection.recv(1 << 20)
        if not piece:
            return False
        buffered += piece
    except (socket.timeout, BlockingIOError):
        pass
    while b"\n" in buffered:
        line, buffered = buffered.split(b"\n", 1)
        connection.settimeout(60)
        perform(line)
    return True


def tick():
    if take_orders(0):
        return 0.02
    os._exit(0)


names["pickup"] = start_addon()
with open(os.path.join(os.path.dirname(__file__), "blender-scenes.py"), encoding="utf-8") as scenes:
    exec(scenes.read(), names)
if bpy.app.background:
    while take_orders(0.02):
        names["pickup"].pump()
    # Blender as a module has crashed at the end of a process; what matters is on disk by now.
    os._exit(0)
bpy.context.preferences.view.show_splash = False
bpy.app.timers.register(tick, persistent=True)
