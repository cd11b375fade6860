"""What cannot be done, as the daemon understands it (protocol/errors.ts)."""

_CODES = {
    "bad-request": ("request", "Correct the named field and send the request again."),
    "no-such-method": ("program", "Use a method that openrpc.json lists."),
    "no-such-host": (
        "request",
        "Open the project in its editor, with Pickup switched on there.",
    ),
    "placement-conflict": ("timeline", "The cut has changed there: read it again."),
    "timeline-unsupported": ("timeline", "Choose another frame rate for the sequence."),
    "media-offline": ("media", "Relink the clip or bring its file back, then try again."),
    "media-unreadable": ("media", "Check that the file plays; convert it if it does not."),
    "host-refused": ("timeline", "Read what the editor said, then try again."),
}


class Problem(Exception):
    """Carries what was expected and what came, and whose doing it is by its code."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code

    def data(self):
        fault, action = _CODES[self.code]
        return {"code": self.code, "message": str(self), "fault": fault, "action": action}
