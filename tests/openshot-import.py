"""Reads an FCP 7 XML file with OpenShot's own importer and prints what it sees as JSON.

Usage: python3 openshot-import.py CUT.xml RATE_NUM RATE_DEN [FRAME_FOLDER FRAME…]

FRAME counts from 0; with a folder, those frames of the imported timeline are rendered by
libopenshot into it as FRAME.png. Needs the Debian package openshot-qt. The caller sets
QT_QPA_PLATFORM=offscreen and a HOME of its own, in which OpenShot makes its folders.
"""

import contextlib
import io
import json
import os
import sys
from importlib.util import find_spec
from urllib.parse import unquote, urlsplit


def main():
    cut, num, den, *rest = sys.argv[1:]
    with contextlib.redirect_stdout(io.StringIO()):
        report = read(cut, int(num), int(den), rest[0] if rest else None, map(int, rest[1:]))
    print(json.dumps(report))
    sys.stdout.flush()
    # Qt without a window does not always come to an end by itself.
    os._exit(0)


def read(cut, num, den, folder, frames):
    start_openshot(num, den)
    # The last of OpenShot's imports: they need its folder on the path and its application.
    from classes.importers import final_cut_pro
    from classes.query import Clip

    missing = []

    def find(url):
        """OpenShot asks a person for files; it does not decode URLs itself."""
        path = unquote(urlsplit(url).path) if url.startswith("file:") else url
        found = os.path.isfile(path)
        if not found:
            missing.append(url)
        return path, True, not found

    final_cut_pro.find_missing_file = find
    final_cut_pro.QFileDialog.getOpenFileName = staticmethod(lambda *_: (cut, ""))
    final_cut_pro.import_xml()
    clips = [clip.data for clip in Clip.filter()]
    if folder is not None:
        render(clips, num, den, folder, frames)
    layers = sorted({clip["layer"] for clip in clips})
    return {
        "clips": sorted(
            (
                {
                    "title": clip["title"],
                    "layer": layers.index(clip["layer"]),
                    "position": clip["position"],
                    "start": clip["start"],
                    "end": clip["end"],
                    "path": clip["reader"]["path"],
                    "hasAudio": clip["reader"]["has_audio"],
                }
                for clip in clips
            ),
            key=lambda clip: (clip["layer"], clip["position"]),
        ),
        "missing": missing,
    }


def start_openshot(num, den):
    package = find_spec("openshot_qt")
    if package is None:
        sys.exit("openshot-qt is missing: apt-get install --no-install-recommends openshot-qt")
    sys.path.insert(0, os.path.dirname(package.origin))
    from classes.app import OpenShotApp

    app = OpenShotApp(["openshot"], mode="unittest")
    app.project._data["fps"] = {"num": num, "den": den}
    app.window = Window()


class Window:
    """What the importer touches of the main window."""

    def __getattr__(self, _):
        return self

    def __call__(self, *_):
        return self


def render(clips, num, den, folder, frames):
    import openshot

    media = clips[0]["reader"]
    size = (media["width"], media["height"])
    rate = openshot.Fraction(num, den)
    timeline = openshot.Timeline(*size, rate, 48000, 2, openshot.LAYOUT_STEREO)
    settings = json.loads(timeline.Json())
    settings["clips"] = clips
    timeline.SetJson(json.dumps(settings))
    timeline.Open()
    for frame in frames:
        timeline.GetFrame(frame + 1).Save(os.path.join(folder, f"{frame}.png"), 1.0)
    timeline.Close()


main()
