"""A soft fill from the frame itself, for shots of which no background holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import cv2
import numpy as np
import numpy.typing as npt

from remaster.geometry import Window
from remaster.media.types import PixelFormat, Plane, Rect
from remaster.resample.layout import Patch, inner_picture, local, on_plane, part, plane_steps
from remaster.resample.samples import Floats
from remaster.resample.tone import between

SHRINK = 8
"""Times smaller, along each side, is the picture that is mirrored."""
BLURS = (1.0, 2.5, 6.0)
"""Deviations, in small samples, of the Gaussians of which the fill is mixed, the softer the farther out."""
SAMPLES = (40, 30)
"""Size at which frames are compared for a change of light."""
UNCHANGED, MOVED = 0.5, 10.0
"""Levels of mean difference under which no light changed; levels at which a sample tells of motion, not of light."""


class AmbientFill:
    """The picture mirrored at its edges, softer and darker with distance, and steady in time.

    All happens at an eighth of the size: each frame's small version is mixed into a running mean (of the last
    1 / (1 - memory) frames or so), which is what gets mirrored. The mean first takes on the change of brightness and
    colour that most of the picture underwent, so fades and flashes are not delayed.
    """

    def __init__(
        self,
        placed: Sequence[Patch],
        window: Window,
        pixel_format: PixelFormat,
        pivots: Sequence[float],
        memory: float,
        dim: float,
    ):
        active = Rect(window.x, window.y, window.active.width, window.active.height)
        inner = inner_picture(window, placed)
        steps = plane_steps(pixel_format)
        self._memory, self._chroma = memory, pixel_format.kind == "yuv"
        self._unit = np.float32(1 << (pixel_format.depth - 8))
        self._pivots = [np.float32(p) for p in pivots]
        self._crop = [local(on_plane(inner, s), on_plane(active, s)) for s in steps]
        self._mirrors = [
            [
                _Mirror(p, Rect(on_plane(active, s).x + c.x, on_plane(active, s).y + c.y, c.width, c.height), s, dim)
                for s, c in zip(steps, self._crop, strict=True)
            ]
            for p in placed
        ]
        self._mean: list[Floats] | None = None
        self._last: Floats | None = None

    def predict(self, index: int, planes: Sequence[Plane]) -> list[list[Floats]]:
        """The fill ``[patch][plane]`` over each patch's rectangle, float32, in the planes' own levels."""
        small = [_shrink(np.asarray(part(p, crop))) for p, crop in zip(planes, self._crop, strict=True)]
        now = [s / self._unit - pivot for s, pivot in zip(small, self._pivots, strict=True)]
        few = [cv2.resize(s, SAMPLES, interpolation=cv2.INTER_AREA).reshape(-1) for s in now]
        samples: Floats = np.stack(few).astype(np.float32)
        self._mean = now if self._mean is None else self._followed(self._mean, now, samples)
        self._last = samples
        levels = [(m + pivot) * self._unit for m, pivot in zip(self._mean, self._pivots, strict=True)]
        dark = [float(pivot * self._unit) for pivot in self._pivots]
        return [[mirror(levels[p], dark[p]) for p, mirror in enumerate(row)] for row in self._mirrors]

    def _followed(self, mean: list[Floats], now: list[Floats], samples: Floats) -> list[Floats]:
        gain, offset = np.ones(len(now)), np.zeros(len(now))
        if self._last is not None and np.abs(samples - self._last).mean() > UNCHANGED:
            change = between(self._last, samples, np.ones(samples.shape[1], np.float32), MOVED, self._chroma)
            gain, offset = change.gain, change.offset
        keep = np.float32(self._memory)
        return [
            keep * (m * np.float32(g) + np.float32(o)) + (1 - keep) * n
            for m, n, g, o in zip(mean, now, gain, offset, strict=True)
        ]


class _Mirror:
    """One plane of one patch: from the small picture to the patch's rectangle."""

    def __init__(self, patch: Patch, inner: Rect, step: tuple[int, int], dim: float):
        rect = on_plane(patch.rect, step)
        self._empty = rect.width <= 0 or rect.height <= 0
        self._size = (max(rect.width, 1), max(rect.height, 1))
        columns, rows = -(-self._size[0] // SHRINK), -(-self._size[1] // SHRINK)
        self._cells = (columns, rows)
        # Cells of the patch to cells of the small picture; both are resized by their outer edges.
        across = _cell_map(rect.x - inner.x, self._size[0] / columns, inner.width)
        down = _cell_map(rect.y - inner.y, self._size[1] / rows, inner.height)
        self._camera = np.array([[across[0], 0.0, across[1]], [0.0, down[0], down[1]]])
        away = _cells_away(patch, rect, inner, self._cells, self._size)
        self._share = _blur_shares(away)
        reach = max(float(away.max()), 1.0)
        self._light = (1 - dim * np.clip(away / reach, 0, 1) ** 1.5).astype(np.float32)

    def __call__(self, small: Floats, pivot: float) -> Floats:
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        cells = cv2.warpAffine(small, self._camera, self._cells, flags=flags, borderMode=cv2.BORDER_REFLECT)
        soft = [cv2.GaussianBlur(cells, (0, 0), s, borderType=cv2.BORDER_REPLICATE) for s in BLURS]
        fill = sum(share * blur for share, blur in zip(self._share, soft, strict=True))
        fill = (fill - pivot) * self._light + pivot
        return cast(Floats, cv2.resize(fill, self._size, interpolation=cv2.INTER_CUBIC))


def _shrink(plane: npt.NDArray[Any]) -> Floats:
    rows, columns = plane.shape
    size = (-(-columns // SHRINK), -(-rows // SHRINK))
    return cast(Floats, cv2.resize(plane, size, interpolation=cv2.INTER_AREA).astype(np.float32))


def _cell_map(offset: int, cell: float, size: int) -> tuple[float, float]:
    """(scale, shift) from a cell's index in a patch to one in the small picture of ``size`` samples."""
    small = size / -(-size // SHRINK)
    return cell / small, (offset + 0.5 * cell) / small - 0.5


def _cells_away(patch: Patch, rect: Rect, inner: Rect, cells: tuple[int, int], size: tuple[int, int]) -> Floats:
    """(rows, columns): samples from each cell's centre to the inner picture, across the join; 0 inside."""
    x = rect.x + (np.arange(cells[0]) + 0.5) * size[0] / cells[0]
    y = rect.y + (np.arange(cells[1]) + 0.5) * size[1] / cells[1]
    distance = {
        "left": inner.x - x,
        "right": x - (inner.x + inner.width),
        "top": inner.y - y,
        "bottom": y - (inner.y + inner.height),
    }[patch.side]
    line = distance[None, :] if patch.upright else distance[:, None]
    return cast(Floats, np.broadcast_to(np.maximum(line, 0), (cells[1], cells[0])).astype(np.float32))


def _blur_shares(away: Floats) -> list[Floats]:
    """How much each of ``BLURS`` counts at ``away`` samples from the join: the blur grows to half the distance."""
    wanted = np.log(np.clip(away / (2 * SHRINK), BLURS[0], BLURS[-1]))
    knots = np.log(BLURS)
    return [np.interp(wanted, knots, np.eye(len(BLURS))[i]).astype(np.float32) for i in range(len(BLURS))]
