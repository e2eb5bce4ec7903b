"""Bars and gate of a whole video, measured on frames sampled from all of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from remaster.arrays import Gray, Mask
from remaster.detect.tuning import TUNING
from remaster.imaging.gate import gate_mask
from remaster.imaging.tuning import TUNING as IMAGING
from remaster.media.types import PixelFormat, Rect


@dataclass(frozen=True)
class Sample:
    """A sampled frame: ``luma`` uint8 (h, w), code values as stored, and patches of the frame after it.

    ``after`` uint8 (m, s, s) are that frame's patches at ``patch_places``; empty where there is no such frame.
    """

    luma: Gray
    after: npt.NDArray[np.uint8]


class FrameSampler:
    """Keeps evenly spaced frames of a stream of unknown length, at most ``limit``.

    When there are more, every second of them is dropped and the stride doubles.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._stride = 1
        self._count = 0
        self._samples: list[Sample] = []
        self._open: Gray | None = None

    def push(self, luma: Callable[[], Gray]) -> None:
        """Take the next frame; ``luma`` returns its uint8 (h, w) luma and is only called where it is needed."""
        index = self._count
        self._count += 1
        if index % self._stride and self._open is None:
            return
        picture = np.array(luma())
        if self._open is not None:
            self._close(_patches(picture))
        if index % self._stride == 0:
            self._open = picture

    @property
    def stride(self) -> int:
        """How many frames one sample is from the next; the first frame is one."""
        return self._stride

    def samples(self) -> list[Sample]:
        """The sampled frames, in order."""
        if self._open is not None:
            self._close(np.empty((0, *(TUNING.bars.patch,) * 2), np.uint8))
        return list(self._samples)

    def _close(self, after: npt.NDArray[np.uint8]) -> None:
        """Finish the open sample with the patches of the frame after it."""
        assert self._open is not None
        self._samples.append(Sample(self._open, after))
        self._open = None
        if len(self._samples) > self._limit:
            self._samples = self._samples[::2]
            self._stride *= 2


def active_picture(samples: Sequence[Sample], pixel_format: PixelFormat) -> Rect:
    """The picture without bars, in stored pixels, rounded inwards to the chroma grid.

    A row or column at the border belongs to a bar if it is dark and uniform in the maximum of all samples, and if the
    bar ends in a straight edge, most of which is lit at some time: dark parts of night scenes and around titles have no
    such edge. The whole frame without bars.
    """
    sharp = np.maximum.reduce([sample.luma for sample in samples])
    brightest = np.maximum.reduce([np.asarray(cv2.blur(sample.luma, (3, 3)), np.uint8) for sample in samples])
    height, width = brightest.shape
    top = bottom = left = right = 0
    for _ in range(2):  # of a window box the columns' edge is only visible between its rows
        columns = np.s_[:, left : width - right]
        top, bottom = _bar_pair(brightest[columns], sharp[columns])
        rows = np.s_[top : height - bottom]
        left, right = _bar_pair(brightest[rows].T, sharp[rows].T)
    x0, x1 = _inwards(left, width - right, width, 1 << pixel_format.log2_chroma_w)
    y0, y1 = _inwards(top, height - bottom, height, 1 << pixel_format.log2_chroma_h)
    return Rect(x0, y0, x1 - x0, y1 - y0)


def picture_and_gate(samples: Sequence[Sample], pixel_format: PixelFormat) -> tuple[Rect, Mask | None]:
    """The active picture and the gate mask over it.

    A gate's outermost rows are black and straight, as thin bars are; what lies further inside (soft edge, round
    corners) distinguishes them. Then they are the gate's, and the picture stays whole.
    """
    active, lumas = active_picture(samples, pixel_format), [sample.luma for sample in samples]
    mask = gate_mask(lumas, active)
    height, width = samples[0].luma.shape
    whole = _without_thin_bars(active, width, height)
    if mask is None or whole == active:
        return active, mask
    outer = gate_mask(lumas, whole)
    grown = np.ones((whole.height, whole.width), bool) if outer is None else outer.copy()
    x, y = active.x - whole.x, active.y - whole.y
    inner = grown[y : y + active.height, x : x + active.width]
    inner[:] = mask if outer is None else inner | mask
    return whole, grown


def patch_places(height: int, width: int) -> list[tuple[int, int]]:
    """(y, x) of the first pixels of a picture's patches; none where it is smaller than one."""
    patch, count = TUNING.bars.patch, TUNING.bars.patches
    if min(height, width) < patch:
        return []
    rows, columns = (np.linspace(0, side - patch, count + 2)[1:-1].astype(int) for side in (height, width))
    return [(int(y), int(x)) for y in rows for x in columns]


def _patches(luma: Gray) -> npt.NDArray[np.uint8]:
    """A picture's patches, (m, s, s)."""
    side = TUNING.bars.patch
    parts = [luma[y : y + side, x : x + side] for y, x in patch_places(*luma.shape)]
    return np.array(parts, np.uint8).reshape(-1, side, side)


def _inwards(start: int, end: int, size: int, grid: int) -> tuple[int, int]:
    """The interval rounded inwards to the grid; the frame's own end may lie off it."""
    return -(-start // grid) * grid, end if end == size else end // grid * grid


def _bar_pair(brightest: Gray, sharp: Gray) -> tuple[int, int]:
    """Depths of the bars at the first and the last rows of ``brightest``; ``sharp`` is the same without any blur."""
    tuning = TUNING.bars
    first, last = _bar_depth(brightest, sharp), _bar_depth(brightest[::-1], sharp[::-1])
    small = max(tuning.max_lopsided * len(brightest), tuning.min_lopsided)
    if max(first, last) > small and min(first, last) < max(first, last) / tuning.lopsided_ratio:
        return (first if first <= small else 0), (last if last <= small else 0)
    return first, last


def _bar_depth(brightest: Gray, sharp: Gray) -> int:
    """Depth of the bar at the first rows, its soft edge included; 0 for none."""
    tuning, level = TUNING.bars, float(np.median(brightest[0]))
    if level > tuning.max_level:
        return 0
    lit = np.quantile(brightest, tuning.lit_quantile, axis=1) > level + tuning.tolerance
    depth = int(lit.argmax())
    if depth == 0 or not lit.any() or depth > tuning.max_bar * len(brightest):
        return 0
    edge = tuning.edge
    along = brightest[depth : depth + edge].max(axis=0)
    if (along > level + tuning.tolerance).mean() < tuning.edge_lit:
        return 0
    # The rows of a soft edge would be visible at the join.
    inside = np.median(sharp[depth : depth + 3 * edge], axis=1)
    soft = inside[:edge] < level + tuning.soft * (np.median(inside[edge:]) - level)
    return depth + int(soft.argmin()) if not soft.all() else depth + edge


def _without_thin_bars(active: Rect, width: int, height: int) -> Rect:
    """The active picture with all bars but those that are deeper than a gate."""
    x, y = (IMAGING.gate.max_side * side for side in (width, height))
    x0, x1 = active.x, active.x + active.width
    y0, y1 = active.y, active.y + active.height
    x0, y0 = (0 if x0 <= x else x0), (0 if y0 <= y else y0)
    x1, y1 = (width if width - x1 <= x else x1), (height if height - y1 <= y else y1)
    return Rect(x0, y0, x1 - x0, y1 - y0)
