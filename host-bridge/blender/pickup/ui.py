"""The sidebar of the sequencer, what its buttons do, and the preferences."""

import webbrowser

import bpy

from . import daemon
from .editor import redraw

_agent = None


def register(agent):
    global _agent
    _agent = agent
    for each in _CLASSES:
        bpy.utils.register_class(each)
    agent.on_change = _shown


def unregister():
    global _agent
    for each in reversed(_CLASSES):
        bpy.utils.unregister_class(each)
    _agent = None


def preferences():
    """None where the add-on runs without being installed, as in a test."""
    found = bpy.context.preferences.addons.get(__package__)
    return found.preferences if found else None


def _shown():
    """Called when there is something new to show; starts the daemon where the person wants that."""
    chosen = preferences()
    if _agent.connection is None and chosen and chosen.start == "ALWAYS":
        _agent.start_daemon_by_itself()
    redraw()


class PickupPreferences(bpy.types.AddonPreferences):
    bl_idname = __package__

    start: bpy.props.EnumProperty(
        name="When Pickup is not running",
        items=(
            ("ASK", "Ask", "Wait until somebody presses Start"),
            ("ALWAYS", "Start it", "Start it as soon as Blender needs it"),
        ),
        default="ASK",
    )

    def draw(self, _context):
        self.layout.prop(self, "start")


class PICKUP_OT_start_daemon(bpy.types.Operator):
    """Start Pickup on this machine"""

    bl_idname = "pickup.start_daemon"
    bl_label = "Start Pickup"

    from_now_on: bpy.props.BoolProperty(name="From now on without asking", default=True)

    def invoke(self, context, _event):
        chosen = preferences()
        if chosen is None or chosen.start == "ALWAYS":
            return self.execute(context)
        return context.window_manager.invoke_props_dialog(self)

    def execute(self, context):
        chosen = preferences()
        if chosen is not None and self.from_now_on:
            chosen.start = "ALWAYS"
            context.preferences.is_dirty = True
        try:
            _agent.start_daemon()
        except daemon.NoDaemon as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        return {"FINISHED"}


class PICKUP_OT_open_panel(bpy.types.Operator):
    """Open Pickup's panel for this project in the browser"""

    bl_idname = "pickup.open_panel"
    bl_label = "Open the Panel"

    @classmethod
    def poll(cls, _context):
        return _agent.connection is not None

    def execute(self, _context):
        if not webbrowser.open(_agent.panel()):
            self.report({"ERROR"}, "No browser could be opened.")
            return {"CANCELLED"}
        return {"FINISHED"}


class PICKUP_OT_fill(bpy.types.Operator):
    """Fill the gap at the playhead with the last prompt"""

    bl_idname = "pickup.fill"
    bl_label = "Fill"

    @classmethod
    def poll(cls, _context):
        refusal = _agent.brief["refusal"] if _agent.brief is not None else "Pickup is not ready"
        if refusal is not None:
            cls.poll_message_set(refusal)
        return refusal is None

    def execute(self, _context):
        _agent.ask("host.fill", {}, _agent.note_refusal)
        return {"FINISHED"}


class PICKUP_OT_cancel(bpy.types.Operator):
    """Stop making this clip"""

    bl_idname = "pickup.cancel"
    bl_label = "Cancel"

    @classmethod
    def poll(cls, _context):
        return _agent.brief is not None and _agent.brief["job"] is not None

    def execute(self, _context):
        _agent.ask("job.cancel", {"jobId": _agent.brief["job"]["id"]}, _agent.note_refusal)
        return {"FINISHED"}


class PICKUP_PT_sidebar(bpy.types.Panel):
    bl_idname = "PICKUP_PT_sidebar"
    bl_label = "Pickup"
    bl_space_type = "SEQUENCE_EDITOR"
    bl_region_type = "UI"
    bl_category = "Pickup"

    def draw(self, context):
        layout = self.layout
        if _agent.connection is None:
            _draw_without_daemon(layout, context)
            return
        if not bpy.data.filepath:
            _draw_text(layout, context, "Save the project: clips then stay beside it.", "INFO")
        brief = _agent.brief
        if brief is not None:
            _draw_brief(layout, context, brief)
        if _agent.refusal:
            _draw_text(layout, context, _agent.refusal, "ERROR")
        layout.operator("pickup.open_panel", icon="URL")


def _draw_without_daemon(layout, context):
    _draw_text(layout, context, _agent.why_not or "Connecting …", "UNLINKED")
    if daemon.how_to_start(daemon.state_folder()) is None:
        layout.label(text="Start it once with: pickup daemon")
        return
    layout.operator("pickup.start_daemon", icon="PLAY")


def _draw_brief(layout, context, brief):
    layout.label(text=brief["gap"] or "No gap at the playhead", icon="ARROW_LEFTRIGHT")
    if brief["prompt"]:
        _draw_text(layout, context, brief["prompt"], "TEXT")
    if brief["said"]:
        _draw_text(layout, context, brief["said"], "INFO")
    job = brief["job"]
    if job is None:
        layout.operator("pickup.fill", icon="PLAY")
        return
    row = layout.row(align=True)
    if hasattr(row, "progress"):
        row.progress(factor=job["progress"], text=job["text"])
    else:
        row.label(text="%s  %d %%" % (job["text"], job["progress"] * 100))
    row.operator("pickup.cancel", text="", icon="X")


def _draw_text(layout, context, text, icon):
    """Blender breaks no lines: as many words to a line as fit the sidebar."""
    width = max(20, int(context.region.width / (7 * context.preferences.system.ui_scale)))
    line = ""
    for word in [*text.split(), None]:
        if word is None or len(line) + len(word) > width:
            layout.label(text=line.strip(), icon=icon)
            line, icon = "", "BLANK1"
        line += "%s " % word


_CLASSES = (
    PickupPreferences,
    PICKUP_OT_start_daemon,
    PICKUP_OT_open_panel,
    PICKUP_OT_fill,
    PICKUP_OT_cancel,
    PICKUP_PT_sidebar,
)
