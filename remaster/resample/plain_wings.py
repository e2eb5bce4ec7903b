"""Wings that a person decided for: black ones (``leave``), or the picture itself, enlarged and blurred (``blur``).

In come the active picture's planes, frame by frame; out go the window's. Each frame is drawn from itself alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import cv2
import numpy as np
import numpy.typing as npt

from remaster.arrays import Float32, Mask, Plane
from remaster.media.types import Rect
from remaster.resample.compose import Composer
from remaster.resample.layout import FrameFormat, on_plane, part, patches, plane_steps
from remaster.resample.origins import SOFT, Origins, WingShares, compose_origins, uniform_origins
from remaster.resample.tuning import TUNING


class PlainRenderer:
    """Renders a shot between plain wings. ``gate`` bool (active height, active width) is what of it is replaced, too.

    Black wings replace nothing of the picture. ``feather`` as in ``Composer``.
    """

    continued: float | None = None
    shares: WingShares | None = None

    def __init__(self, kind: Literal["leave", "blur"], form: FrameFormat, gate: Mask | None, feather: int):
        self._form, self._blurred = form, kind == "blur"
        steps = plane_steps(form.pixels)
        self._placed = patches(form.window, gate if self._blurred else None, steps[-1])
        if not self._blurred:
            self._placed = tuple(replace(patch, gate=None) for patch in self._placed)
        self._rects = [[on_plane(patch.rect, step) for step in steps] for patch in self._placed]
        self._composer = Composer(form.window, self._placed, form.pixels, feather)
        self._drawn: list[list[Plane]] = [] if self._blurred else self._black()

    def render(self, index: int, planes: Sequence[Plane], hold: bool) -> tuple[Plane, ...]:
        """Render the window's planes of a frame; with ``hold`` (equal but for noise) between the same wings."""
        if self._blurred and not (hold and self._drawn):
            whole = [self._blur(plane, p) for p, plane in enumerate(planes)]
            self._drawn = [
                [_rounded(part(p, rect), planes[0].dtype) for p, rect in zip(whole, rects, strict=True)]
                for rects in self._rects
            ]
        return self._composer.compose(planes, self._drawn)

    def origins(self) -> Origins:
        """Return the origins of a frame, (window height, window width)."""
        return compose_origins(self._form.window, self._placed, uniform_origins(SOFT, self._placed))

    def _black(self) -> list[list[Plane]]:
        """Draw the patches in video black."""
        pixels = self._form.pixels
        unit = 1 << (pixels.depth - 8)
        luma = 0 if pixels.kind == "rgb" or self._form.color.full_range else 16 * unit
        neutral = 128 * unit if pixels.kind == "yuv" else luma
        levels = (luma, neutral, neutral)

        def level(p: int, rect: Rect) -> Plane:
            shape = rect.height, rect.width
            return np.full(shape, levels[p], np.uint8) if pixels.depth == 8 else np.full(shape, levels[p], np.uint16)

        return [[level(p, rect) for p, rect in enumerate(rects)] for rects in self._rects]

    def _blur(self, plane: Plane, p: int) -> Float32:
        """Enlarge and blur one plane of the picture, so that it covers the window's plane."""
        window, tuning = self._form.window, TUNING.plain
        rows, columns = self._form.pixels.plane_shapes(window.width, window.height)[p]
        shown = _covering(window.active, window.width, window.height)
        height, width = plane.shape
        top, bottom = round(shown.y * height / window.active.height), height
        left, right = round(shown.x * width / window.active.width), width
        crop = plane[top : bottom - top, left : right - left]
        size = _small(columns, rows, tuning.samples)
        small = cv2.resize(crop, size, interpolation=cv2.INTER_AREA).astype(np.float32)
        soft: Float32 = np.asarray(
            cv2.GaussianBlur(small, (0, 0), tuning.sigma, borderType=cv2.BORDER_REPLICATE), np.float32
        )
        grown = cv2.resize(soft, (columns, rows), interpolation=cv2.INTER_LINEAR)
        return np.asarray(grown, np.float32)


def _covering(active: Rect, width: int, height: int) -> Rect:
    """The middle of the picture that covers a window of ``width x height`` when enlarged, in picture pixels."""
    scale = max(width / active.width, height / active.height)
    shown = min(round(width / scale), active.width), min(round(height / scale), active.height)
    return Rect((active.width - shown[0]) // 2, (active.height - shown[1]) // 2, *shown)


def _small(columns: int, rows: int, samples: int) -> tuple[int, int]:
    """(width, height) of a small picture of the window's shape, its shorter side ``samples`` high."""
    scale = samples / min(columns, rows)
    return max(round(columns * scale), 1), max(round(rows * scale), 1)


def _rounded(plane: npt.NDArray[Any], kind: np.dtype[Any]) -> Plane:
    rounded: Plane = np.rint(plane).astype(kind)
    return rounded
