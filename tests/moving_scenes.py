"""Drawn sets whose every part moves as told, with what lies beside the picture; and what is made of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from remaster.analyze.analysis import analyze
from remaster.arrays import Float32, Mask, Plane, Rgb
from remaster.imaging.camera import IDENTITY, chain
from remaster.imaging.geometry import Window
from remaster.media.planes import crop, from_rgb, resize_rgb, to_rgb
from remaster.media.types import ColorSpec, PixelFormat, Rect
from remaster.outpaint.exemplar import ExemplarInpainter
from remaster.outpaint.filling import outpaint
from remaster.propagation.shot_plan import propagate
from remaster.records import Footage, Propagation, Shot
from remaster.resample.layout import FrameFormat
from remaster.resample.rendering import FilmTraces, ShotDonors, WingRenderer
from remaster.resample.tuning import ResampleSettings

YUV = PixelFormat("yuv420p", "yuv", 8, 1, 1)
COLOR = ColorSpec(matrix=6, chroma_location=1)


def texture(height: int, width: int, seed: int, detail: float = 3.0) -> Float32:
    """A painted surface, float32 (h, w, 3): noise of several sizes, the finest with ``detail`` pixels of deviation."""
    rng = np.random.default_rng(seed)
    out = np.full((height, width, 3), 128.0, np.float32)
    for size, strength in ((detail, 26.0), (3 * detail, 34.0), (9 * detail, 34.0)):
        noise = cv2.GaussianBlur(rng.normal(size=(height, width, 3)).astype(np.float32), (0, 0), size)
        out += noise * np.float32(strength / noise.std())
    return np.clip(out, 0, 255)


def viewed(world: Float32, x: npt.ArrayLike, y: npt.ArrayLike) -> Float32:
    """The world at columns ``x`` and rows ``y``, which are broadcast against each other; its edge goes on for ever."""
    at_x, at_y = np.broadcast_arrays(np.asarray(x, np.float32), np.asarray(y, np.float32))
    maps = np.ascontiguousarray(at_x), np.ascontiguousarray(at_y)
    return np.asarray(cv2.remap(world, *maps, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE), np.float32)


def to_8bit(picture: Float32) -> Rgb:
    """Rounded to uint8."""
    return np.rint(np.clip(picture, 0, 255)).astype(np.uint8)


def two_planes(shown: Window, count: int, speeds: tuple[float, float], seed: int = 3) -> list[Rgb]:
    """``count`` whole windows, uint8 (h, w, 3): a far set, and a near one over its lower half, at two speeds."""
    reach = int(max(abs(s) for s in speeds) * count) + 40
    far, near = (texture(shown.height, shown.width + 2 * reach, seed + i) for i in (0, 1))
    columns, rows = np.arange(shown.width)[None], np.arange(shown.height)[:, None]
    frames = []
    for i in range(count):
        back, front = (
            viewed(world, columns + reach + speed * (i - count / 2), rows)
            for world, speed in zip((far, near), speeds, strict=True)
        )
        edge = shown.height * 0.55
        share = np.clip((rows - edge) / 2, 0, 1)[..., None].astype(np.float32)
        frames.append(to_8bit(back + share * (front - back)))
    return frames


@dataclass(frozen=True)
class Clip:
    """A drawn shot: ``truth`` are whole windows in RGB, ``planes`` the active pictures as a stream has them."""

    window: Window
    truth: list[Rgb]
    planes: list[tuple[Plane, ...]]
    format: PixelFormat = YUV
    color: ColorSpec = COLOR

    @classmethod
    def of(cls, shown: Window, truth: Sequence[Rgb], pixel_format: PixelFormat = YUV, color: ColorSpec = COLOR) -> Clip:
        """The shot whose whole windows are ``truth``."""
        a = shown.active
        planes = [
            tuple(from_rgb(np.ascontiguousarray(t[shown.y : shown.y + a.height, shown.x : shown.x + a.width]),
                           pixel_format, color))
            for t in truth
        ]  # fmt: skip
        return cls(shown, list(truth), planes, pixel_format, color)

    @property
    def footage(self) -> Footage:
        """How its frames are read again."""

        def small(start: int, end: int, width: int, height: int) -> Iterator[Rgb]:
            return (
                resize_rgb(p, self.format, self.color, width, height, self.window.active.height)
                for p in self.planes[start:end]
            )

        def strips(wanted: Mapping[int, Sequence[Rect]]) -> Iterator[Sequence[Rgb]]:
            return (
                [to_rgb(crop(self.planes[i], self.format, rect), self.format, self.color) for rect in wanted[i]]
                for i in sorted(wanted)
            )

        return Footage(small, strips)

    @property
    def holds(self) -> Mask:
        """Which frames equal the one before."""
        same = [all(map(np.array_equal, a, b)) for a, b in zip(self.planes, self.planes[1:], strict=False)]
        return np.array([False, *same][: len(self.planes)])

    def planned(self, gate: Mask | None = None, figures: Mask | None = None, budget: int = 10**9) -> Propagation:
        """How its wings move, nothing generated yet; ``figures`` stand in every frame."""
        a = self.window.active
        nobody = np.zeros((a.height, a.width), bool) if figures is None else figures
        count = len(self.planes)
        small = self.footage.small(0, count, a.width, a.height)
        cameras = chain(analyze(small, np.ones((a.height, a.width), bool), 0.0).motion)
        made = propagate(0, count, self.footage, self.holds, cameras, self.window, gate, lambda i: nobody, budget)
        return made.propagation

    def shot(self, made: Propagation) -> Shot:
        """The propagated shot, with its keys' pictures filled by the embedded engine."""
        count = len(self.planes)
        shot = Shot(0, count, "propagated", np.repeat(IDENTITY[None], count, axis=0), None, 0.0, propagation=made)
        return outpaint([shot], 0, self.window, ExemplarInpainter()).shots[0]

    def renderer(self, shot: Shot, gate: Mask | None = None, asked: list[int] | None = None) -> WingRenderer:
        """Draws the shot; ``asked`` notes which frames the wings are taken from."""

        def read(index: int) -> tuple[Plane, ...]:
            if asked is not None:
                asked.append(index)
            return self.planes[index]

        form, donors = FrameFormat(self.window, self.format, self.color), ShotDonors(read=read)
        return WingRenderer(replace(shot), form, FilmTraces(gate=gate), ResampleSettings(), 0, donors)

    def drawn(self, shot: Shot, gate: Mask | None = None, first: int = 0) -> list[tuple[Plane, ...]]:
        """All windows from frame ``first`` on."""
        renderer = self.renderer(shot, gate)
        return [renderer.render(i, self.planes[i], bool(self.holds[i])) for i in range(first, len(self.planes))]

    def rgb(self, planes: Sequence[Plane]) -> Rgb:
        """A drawn window's planes as RGB."""
        return to_rgb(planes, self.format, self.color, self.window.active.height)


def wing_error(picture: Rgb, truth: Rgb, shown: Window) -> float:
    """Mean squared difference over the wings, in levels of 8 bits."""
    squared = [(picture[w.y : w.y + w.height, w.x : w.x + w.width].astype(np.float32)
                - truth[w.y : w.y + w.height, w.x : w.x + w.width]) ** 2 for w in shown.wings]  # fmt: skip
    return float(sum(s.sum() for s in squared) / sum(s.size for s in squared))


def cheap_fills(truth: Rgb, shown: Window) -> dict[str, Rgb]:
    """What simple means make of the picture in the middle: its edge repeated, mirrored, and inpainted."""
    a = shown.active
    inside = truth[shown.y : shown.y + a.height, shown.x : shown.x + a.width]
    below, right = shown.height - shown.y - a.height, shown.width - shown.x - a.width
    sides = shown.y, below, shown.x, right
    edge, mirror = (cv2.copyMakeBorder(inside, *sides, how) for how in (cv2.BORDER_REPLICATE, cv2.BORDER_REFLECT_101))
    wings = np.full(truth.shape[:2], 255, np.uint8)
    wings[shown.y : shown.y + a.height, shown.x : shown.x + a.width] = 0
    return {"edge": edge, "mirror": mirror, "telea": cv2.inpaint(edge, wings, 5, cv2.INPAINT_TELEA)}
