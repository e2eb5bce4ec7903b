"""How many cuts does the detect step find, miss and invent on drawn material? What does a frame cost?

``python -m benchmarks.detection [episodes]``
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction

import cv2
import numpy as np
import numpy.typing as npt

from remaster.arrays import Rgb
from remaster.detect.scenes import detect
from remaster.detect.tuning import DetectSettings
from remaster.media.planes import from_rgb
from remaster.media.types import ColorSpec, Frame, PixelFormat, VideoInfo

WIDTH, HEIGHT = 640, 480
NEAR = 2  # frames that a found boundary may lie off a soft one's span
YUV420P = PixelFormat("yuv420p", "yuv", 8, 1, 1)
Picture = npt.NDArray[np.float32]
Camera = Callable[[float], tuple[float, float, float]]


@dataclass(frozen=True)
class Clip:
    """Frames, and where boundaries must, may or must not be: each hard cut, and each span with one soft boundary."""

    frames: list[Rgb]
    cuts: list[int]
    spans: list[tuple[int, int]]


def paint(rng: np.random.Generator, width: int, height: int, level: float = 1.0) -> Picture:
    """A painted background: washes of colour, with shapes that have edges."""
    picture = np.zeros((height, width, 3), np.float32)
    for octave in (3, 6, 14, 40):
        noise = rng.normal(0, 60 / octave**0.5, (octave, octave * width // height + 1, 3)).astype(np.float32)
        picture += cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)
    picture += rng.uniform(70, 170, 3)
    for _ in range(width * height // 9000):
        x, y = (int(v) for v in rng.uniform(0, (width, height)))
        a, b = (int(v) for v in rng.uniform(8, 70, 2))
        colour = tuple(float(v) for v in rng.uniform(20, 230, 3))
        if rng.random() < 0.5:
            cv2.rectangle(picture, (x - a, y - b), (x + a, y + b), colour, -1)
        else:
            cv2.ellipse(picture, (x, y), (a, b), float(rng.uniform(0, 180)), 0, 360, colour, -1)
    return np.clip(picture, 0, 255) * np.float32(level)


def character(picture: Picture, x: float, y: float, size: float, colour: tuple[float, ...], mouth: float) -> None:
    """An outlined figure of about ``size`` pixels whose mouth is open by ``mouth`` (0-1)."""
    body, head = (int(0.3 * size), int(0.45 * size)), (int(0.28 * size), int(0.3 * size))
    for centre, axes, fill in (((x, y), body, colour), ((x, y - 0.6 * size), head, (225.0, 185.0, 150.0))):
        place = (round(centre[0]), round(centre[1]))
        cv2.ellipse(picture, place, axes, 0, 0, 360, fill, -1)
        cv2.ellipse(picture, place, axes, 0, 0, 360, (10, 10, 10), max(2, int(size / 50)))
    open_by = (int(0.1 * size), int(0.1 * size * mouth) + 1)
    cv2.ellipse(picture, (round(x), round(y - 0.5 * size)), open_by, 0, 0, 360, (40, 10, 20), -1)


def still(_: float) -> tuple[float, float, float]:
    """A camera at rest: (x, y, zoom) at a time."""
    return 0.5, 0.5, 1.0


def pan(speed: float) -> Camera:
    """A camera that goes ``speed`` frame widths a frame."""
    return lambda t: (0.1 + speed * t, 0.5, 1.0)


def on_threes(t: float) -> tuple[float, float, float]:
    """A pan that moves with every third frame."""
    return pan(0.01)(t // 3 * 3)


def whip(t: float) -> tuple[float, float, float]:
    """A camera thrown around to another place."""
    return 0.1 + 0.8 / (1 + float(np.exp(-(t - 24) / 1.5))), 0.5, 1.0


def zoom(speed: float) -> Camera:
    """A camera that comes nearer."""
    return lambda t: (0.5, 0.5, 1.0 + speed * t)


def scene(
    rng: np.random.Generator,
    count: int,
    camera: Camera = still,
    size: float = 180,
    step: float = 3,
    hold: int = 2,
    level: float = 1.0,
) -> list[Picture]:
    """A painted scene with a figure that talks and walks, drawn on every ``hold``-th frame."""
    ground = paint(rng, WIDTH * 3, HEIGHT * 3 // 2, level)
    colour = tuple(float(v) for v in rng.uniform(30, 220, 3) * level)
    start, phase = rng.uniform(0.2, 0.6) * WIDTH, rng.uniform(0, 6)
    frames = []
    for index in range(count):
        x, y, scale = camera(index)
        across, down = WIDTH * (0.5 + 2 * x), HEIGHT * (0.5 + y / 2)
        taken = np.array([[scale, 0, WIDTH / 2 - scale * across], [0, scale, HEIGHT / 2 - scale * down]])
        view: Picture = np.asarray(
            cv2.warpAffine(ground, taken, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REFLECT), np.float32
        )
        drawn = index // hold * hold
        character(view, start + step * drawn, HEIGHT * 0.7, size, colour, abs(np.sin(drawn + phase)))
        frames.append(view)
    return frames


def compose(rng: np.random.Generator, parts: list[tuple[str, list[Picture]]], noise: float) -> Clip:
    """Join scenes; each part says how it follows on the one before: cut, fade or dissolve."""
    frames: list[Picture] = []
    cuts, spans = [], []
    for way, part in parts:
        if way == "cut" and frames:
            cuts.append(len(frames))
        elif way == "fade":
            for i in range(12):
                frames[-12 + i] = frames[-12 + i] * np.float32(1 - (i + 1) / 12)
                part[i] = part[i] * np.float32(i / 12)
            frames += [np.zeros_like(part[0])] * 4
            spans.append((len(frames) - 12, len(frames) + 8))
        elif way == "dissolve":
            length = 16
            for i in range(length):
                share = np.float32((i + 1) / (length + 1))
                frames[-length + i] = frames[-length + i] * (1 - share) + part[i] * share
            spans.append((len(frames) - length, len(frames)))
            part = part[length:]
        frames += part
    grainy = (frame + rng.normal(0, noise, frame.shape).astype(np.float32) if noise else frame for frame in frames)
    return Clip([np.clip(frame + 0.5, 0, 255).astype(np.uint8) for frame in grainy], cuts, spans)


def flash(part: list[Picture], at: int, count: int, strength: float = 0.8) -> list[Picture]:
    """The same scene with a flash of light in it."""
    for i in range(at, at + count):
        part[i] = part[i] * np.float32(1 - strength) + np.float32(255 * strength)
    return part


def episodes(count: int) -> Iterator[tuple[str, Clip]]:
    """Drawn clips by kind; their content differs with each number."""
    for number in range(count):
        r = np.random.default_rng(number)
        noise = (0.0, 2.0, 4.0)[number % 3]
        yield "cuts", compose(r, [("cut", scene(r, n)) for n in (30, 20, 40, 12)], noise)
        yield "dark cuts", compose(r, [("cut", scene(r, n, level=0.25)) for n in (30, 24, 40)], noise)
        yield "cut between pans", compose(r, [("cut", scene(r, 36, pan(v))) for v in (0.004, 0.012, 0.02)], noise)
        yield "pan on threes", compose(r, [("", scene(r, 48, on_threes))], noise)
        yield "zoom", compose(r, [("", scene(r, 48, zoom(0.01)))], noise)
        yield "whip pan", compose(r, [("", scene(r, 48, whip))], noise)
        yield "big figure on threes", compose(r, [("", scene(r, 48, size=420, step=9, hold=3))], noise)
        yield "flash", compose(r, [("", flash(flash(scene(r, 48), 15, 1), 30, 2, 1.0))], noise)
        a, b = scene(r, 40), scene(r, 2)
        yield "insert of two", compose(r, [("", a[:20]), ("cut", b), ("cut", a[20:])], noise)
        yield "fade", compose(r, [("", scene(r, 40)), ("fade", scene(r, 40))], noise)
        yield "dissolve", compose(r, [("", scene(r, 48)), ("dissolve", scene(r, 48))], noise)


def score(found: tuple[int, ...], clip: Clip) -> tuple[int, int, int]:
    """(found, missed, false) boundaries; one in a soft span counts as found wherever in it it lies."""
    left = set(found) - {0}
    hits = len(left & set(clip.cuts))
    left -= set(clip.cuts)
    for start, end in clip.spans:
        inside = {cut for cut in left if start - NEAR <= cut <= end + NEAR}
        hits += bool(inside)
        left -= {min(inside)} if inside else set()
    return hits, len(clip.cuts) + len(clip.spans) - hits, len(left)


def run(clip: Clip) -> tuple[tuple[int, ...], float]:
    """(the cuts found, seconds of processor time) for a clip."""
    color, rate = ColorSpec(matrix=6), Fraction(24)
    info = VideoInfo(
        "drawn", "", "", WIDTH, HEIGHT, Fraction(1), YUV420P, color, rate, 1 / rate, 0, None, None, 0, 0, 0, 0
    )  # fmt: skip
    frames = [Frame(i, from_rgb(rgb, YUV420P, color)) for i, rgb in enumerate(clip.frames)]
    start = time.process_time()
    found = detect(frames, info, DetectSettings()).cuts
    return found, time.process_time() - start


def main() -> None:
    """Print what was found by kind of clip, and what a frame costs in all clips of the first episode joined."""
    cv2.setNumThreads(1)
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    totals: dict[str, tuple[int, ...]] = {}
    joined: list[Rgb] = []
    for kind, clip in episodes(count):
        found, _ = run(clip)
        result = score(found, clip)
        if result[1:] != (0, 0):
            print(f"{kind}: found {found}, cuts {clip.cuts}, one within each of {clip.spans}")
        totals[kind] = tuple(a + b for a, b in zip(totals.get(kind, (0, 0, 0)), result, strict=True))
        if len(joined) < 600:
            joined += clip.frames
    print(f"{'kind':24}{'found':>7}{'missed':>7}{'false':>7}")
    for kind, (hits, missed, false) in totals.items():
        print(f"{kind:24}{hits:7}{missed:7}{false:7}")
    print(f"{1000 * run(Clip(joined, [], []))[1] / len(joined):.2f} ms a frame ({len(joined)} of {WIDTH}x{HEIGHT})")


if __name__ == "__main__":
    main()
