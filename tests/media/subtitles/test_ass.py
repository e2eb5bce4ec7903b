"""Scripts that follow the picture, drawn by libass before and after: signs lie on the same pixels of it."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from imageio_ffmpeg import get_ffmpeg_exe

from remaster.arrays import Gray
from remaster.imaging.geometry import Window
from remaster.media.subtitles.ass import ScriptMover, read_script
from remaster.media.subtitles.places import Place
from remaster.media.types import Rect

STYLES = """[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, Underline, \
StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, MarginV, Encoding
Style: Default,DejaVu Sans,{size},&H00FFFFFF,&H000000FF,&H00000000,&H00000000,0,0,0,0,100,100,0,0,1,2,1,2,20,30,24,1
Style: Top,DejaVu Sans,{size},&H00FFFFFF,&H000000FF,&H00000000,&H00000000,0,0,0,0,100,100,0,0,1,2,1,7,20,30,16,1
Style: Side,DejaVu Sans,{size},&H00FFFFFF,&H000000FF,&H00000000,&H00000000,0,0,0,0,100,100,0,0,1,2,1,6,20,30,16,1
"""
EVENTS = "\n[Events]\nFormat: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n"
SQUARE = "m 0 0 l 80 0 80 60 0 60"
# One a second, each as Matroska has it but for the number before it.
SAID = (
    rf"0,Default,,0,0,0,,{{\an7\pos(100,80)\p1}}{SQUARE}",
    r"0,Default,,0,0,0,,{\pos(200,120)}Shop",
    rf"0,Default,,0,0,0,,{{\an7\move(40,60,240,160)\p1}}{SQUARE}",
    r"0,Default,,0,0,0,,{\pos(150,150)\org(60,200)\frz30}Round",
    rf"0,Default,,0,0,0,,{{\an7\pos(100,80)\clip(120,90,150,120)\p1}}{SQUARE}",
    rf"0,Default,,0,0,0,,{{\an7\pos(100,80)\iclip(m 110 90 l 150 90 130 130)\p1}}{SQUARE}",
    rf"0,Default,,0,0,0,,{{\an7\pos(100,80)\clip(2,m 220 180 l 300 180 260 260)\p1}}{SQUARE}",
    rf"0,Default,,0,0,0,,{{\an7\pos(100,80)\clip(100,80,110,90)\t(0,1000,\clip(100,80,180,140))\p1}}{SQUARE}",
    r"0,Default,,0,0,0,,What is said stands below",
    r"0,Top,,0,0,0,,What is sung stands above",
    r"0,Side,,0,0,0,,At the side",
    r"0,Default,,40,0,60,,With margins of its own",
    r"0,Default,,0,0,0,,{\an8}Above, by a tag",
    r"0,Default,,0,0,0,,{\an4}In the middle, by a tag",
    r"0,Default,,0,0,0,,{\a6}Above, by an old tag",
    r"0,*Default,,0,0,0,,A long line that does not fit into one line of the picture and is broken where it is broken",
)


@dataclass(frozen=True)
class Case:
    """A picture of ``size``, of which ``active`` lies in a frame at a place; the script's header tells ``told``.

    ``coarse``: margins, which are whole numbers, cannot come nearer than a pixel to their place.
    """

    size: tuple[int, int]
    window: Window
    told: str
    font: int = 28
    coarse: bool = False

    @property
    def place(self) -> Place:
        w = self.window
        return Place(
            Fraction(w.x - w.active.x, w.width),
            Fraction(w.y - w.active.y, w.height),
            Fraction(self.size[0], w.width),
            Fraction(self.size[1], w.height),
        )


WHOLE = Rect(0, 0, 640, 480)
FULL = "PlayResX: 640\nPlayResY: 480\n"
CASES = {
    "centre": Case((640, 480), Window(WHOLE, 852, 480, 106, 0), FULL),
    "left": Case((640, 480), Window(WHOLE, 852, 480, 0, 0), FULL),
    "right": Case((640, 480), Window(WHOLE, 852, 480, 212, 0), FULL),
    "higher": Case((640, 480), Window(WHOLE, 640, 1138, 0, 328), FULL),
    "highest": Case((640, 480), Window(WHOLE, 640, 1138, 0, 0), FULL),
    "bars at the sides": Case(
        (640, 360), Window(Rect(80, 0, 480, 360), 640, 360, 80, 0), "PlayResX: 640\nPlayResY: 360\n"
    ),
    "bars, off the middle": Case(
        (640, 360), Window(Rect(80, 0, 480, 360), 640, 360, 60, 0), "PlayResX: 640\nPlayResY: 360\n"
    ),
    "no resolution told": Case((640, 480), Window(WHOLE, 852, 480, 106, 0), "", 18, True),
    "one told": Case((640, 480), Window(WHOLE, 852, 480, 106, 0), "PlayResY: 480\n"),
    "layout": Case((640, 480), Window(WHOLE, 852, 480, 106, 0), FULL + "LayoutResX: 720\nLayoutResY: 480\n"),
    "finer than the picture": Case((640, 480), Window(WHOLE, 852, 480, 106, 0), "PlayResX: 1440\nPlayResY: 1080\n", 60),
}


def drawn(folder: Path, script: str, width: int, height: int, count: int) -> Gray:
    """What libass draws on black, once a second at half of it: uint8 (count, height, width)."""
    (folder / "a.ass").write_text(script)
    source = f"color=black:s={width}x{height}:r=2:d={count}"
    command = [get_ffmpeg_exe(), "-v", "error", "-f", "lavfi", "-i", source, "-vf", "ass=a.ass,format=gray"]
    made = subprocess.run([*command, "-f", "rawvideo", "-"], cwd=folder, capture_output=True, check=True).stdout
    return np.frombuffer(made, np.uint8).reshape(-1, height, width)[1::2]


def written(header: str, events: list[str]) -> str:
    lines = []
    for number, event in enumerate(events):
        layer, rest = event.split(",", 1)
        lines.append(f"Dialogue: {layer},0:00:{number:02}.00,0:00:{number + 1:02}.00,{rest}")
    return header + EVENTS + "\n".join(lines) + "\n"


def header(case: Case) -> str:
    return f"[Script Info]\nScriptType: v4.00+\n{case.told}\n" + STYLES.format(size=case.font)


@pytest.mark.parametrize("name", CASES)
def test_all_lies_on_the_same_pixels_of_the_picture(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    width, height = case.size
    head = header(case)
    before = drawn(tmp_path, written(head, list(SAID)), width, height, len(SAID))
    mover = ScriptMover(read_script(head), case.place)
    events = [mover.event(f"{number},{event}", case.place).split(",", 1)[1] for number, event in enumerate(SAID)]
    w = case.window
    after = drawn(tmp_path, written(mover.header(), events), w.width, w.height, len(SAID))
    a = w.active
    for number, (one, other) in enumerate(zip(before, after, strict=True)):
        picture = one[a.y : a.y + a.height, a.x : a.x + a.width].astype(int)
        moved = other[w.y : w.y + a.height, w.x : w.x + a.width].astype(int)
        assert picture.max() > 100, SAID[number]
        near = (moved, np.roll(moved, 1, 1), np.roll(moved, -1, 1)) if case.coarse else (moved,)
        assert min((abs(picture - there) > 64).mean() for there in near) < (0.004 if case.coarse else 0.0008), SAID[
            number
        ]
