"""The media pool: the bin that our clips are in."""

from .media import clips_in, path_of, same_path
from .problem import Problem
from .told import has, listed, told

BIN = "Pickup"


class Pool:
    def __init__(self, project):
        self.pool = told(project, "GetMediaPool")
        if self.pool is None:
            raise Problem("host-refused", "Resolve does not give out its media pool now")

    def bin(self):
        """The bin for our clips, None where there is none yet."""
        root = told(self.pool, "GetRootFolder")
        below = listed(told(root, "GetSubFolderList"))
        return next((each for each in below if told(each, "GetName") == BIN), None)

    def clip_for(self, path, name):
        """
        The clip in the pool that plays a file, imported into our bin where there is none.
        Raises Problem.
        """
        found = self._find(self.bin(), path)
        if found is not None:
            return found
        self._import(path)
        # Resolve may have put it elsewhere, or say that it has imported what it has not.
        root = told(self.pool, "GetRootFolder")
        clip = self._find(self.bin(), path) or self._find(root, path)
        if clip is None:
            raise Problem("media-unreadable", "Resolve did not import %s" % path)
        rename(clip, name)
        return clip

    def append(self, info):
        """What Resolve says of it is not to be relied on: look at the timeline."""
        return told(self.pool, "AppendToTimeline", [info])

    def _import(self, path):
        folder = self.bin() or told(
            self.pool, "AddSubFolder", told(self.pool, "GetRootFolder"), BIN
        )
        before = told(self.pool, "GetCurrentFolder")
        if folder is not None:
            told(self.pool, "SetCurrentFolder", folder)
        try:
            # It takes no folder: the one that is open is meant.
            told(self.pool, "ImportMedia", [path])
        finally:
            if before is not None:
                told(self.pool, "SetCurrentFolder", before)

    def _find(self, folder, path):
        clips = clips_in(folder) if folder is not None else ()
        return next((each for each in clips if same_path(path_of(each) or ".", path)), None)


def rename(clip, name):
    """What the person sees it called; the file keeps its own name."""
    if has(clip, "SetName"):
        told(clip, "SetName", name)
    else:
        told(clip, "SetClipProperty", "Clip Name", name)
