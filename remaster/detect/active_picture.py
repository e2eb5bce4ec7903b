"""What holds for the whole of a video, measured on frames sampled from all of it: bars and gate."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from remaster.arrays import Gray, Mask
from remaster.imaging.gate import GATE_SIDE, gate_mask
from remaster.media.types import PixelFormat, Rect

PATCH, PATCHES = 32, 6  # side of the pieces of the frame after a sample that are kept, and how many a row and a column

MAX_BAR = 0.4  # of the side; what seems to be more is a dark picture
BAR_LEVEL = 48  # luma of the lightest bar that is taken for one
BAR_TOLERANCE = 14  # levels that a bar may vary by
LOPSIDED_BAR = 0.03  # of the side; a wider bar has a fellow on the other side
EDGE = 6  # lines over which a bar's edge may be soft
SOFT = 0.95  # share of the light further in, under which a line beside a bar is its soft edge


@dataclass(frozen=True)
class Sample:
    """One frame of a sample: ``luma`` uint8 (h, w), code values as stored, and parts of the frame after it.

    ``after`` uint8 (m, s, s) are that frame's patches at ``patch_places``; none where there is no such frame.
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
        """Take the next frame; ``luma`` makes its uint8 (h, w) luma and is called only where it is needed."""
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
        """How many frames lie from one that is kept to the next; the first is kept."""
        return self._stride

    def samples(self) -> list[Sample]:
        """The frames kept, in order."""
        if self._open is not None:
            self._close(np.empty((0, PATCH, PATCH), np.uint8))
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

    A line at the border belongs to a bar where it is dark and uniform in the brightest that each pixel ever was, and
    where the bar ends in a straight edge, most of which is lit at some time: what is dark in night scenes and around
    titles has none. The whole frame where there are no bars.
    """
    sharp = np.maximum.reduce([sample.luma for sample in samples])
    brightest = np.maximum.reduce([np.asarray(cv2.blur(sample.luma, (3, 3)), np.uint8) for sample in samples])
    height, width = brightest.shape
    top = bottom = left = right = 0
    for _ in range(2):  # a window box's columns show their edge only once its rows are known
        columns = np.s_[:, left : width - right]
        top, bottom = _bar_pair(brightest[columns], sharp[columns])
        rows = np.s_[top : height - bottom]
        left, right = _bar_pair(brightest[rows].T, sharp[rows].T)
    x0, x1 = _inwards(left, width - right, width, 1 << pixel_format.log2_chroma_w)
    y0, y1 = _inwards(top, height - bottom, height, 1 << pixel_format.log2_chroma_h)
    return Rect(x0, y0, x1 - x0, y1 - y0)


def picture_and_gate(samples: Sequence[Sample], pixel_format: PixelFormat) -> tuple[Rect, Mask | None]:
    """The active picture and the gate mask over it.

    A gate's outermost lines are black and straight, as thin bars are; what lies further in (soft edge, round corners)
    tells them apart. They are the gate's then: the picture stays whole.
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
    """(y, x) of the first pixels of the patches kept of a picture; none where it is smaller than one."""
    if min(height, width) < PATCH:
        return []
    rows, columns = (np.linspace(0, side - PATCH, PATCHES + 2)[1:-1].astype(int) for side in (height, width))
    return [(int(y), int(x)) for y in rows for x in columns]


def _patches(luma: Gray) -> npt.NDArray[np.uint8]:
    places = patch_places(*luma.shape)
    return np.array([luma[y : y + PATCH, x : x + PATCH] for y, x in places], np.uint8).reshape(-1, PATCH, PATCH)


def _inwards(start: int, end: int, size: int, grid: int) -> tuple[int, int]:
    """The interval rounded inwards to the grid; the frame's own end may lie off it."""
    return -(-start // grid) * grid, end if end == size else end // grid * grid


def _bar_pair(brightest: Gray, sharp: Gray) -> tuple[int, int]:
    """Lines of the bars at the first and the last rows of ``brightest``; ``sharp`` is the same without any blur."""
    first, last = _bar_depth(brightest, sharp), _bar_depth(brightest[::-1], sharp[::-1])
    small = max(LOPSIDED_BAR * len(brightest), 2)
    if max(first, last) > small and min(first, last) < max(first, last) / 4:
        return (first if first <= small else 0), (last if last <= small else 0)
    return first, last


def _bar_depth(brightest: Gray, sharp: Gray) -> int:
    level = float(np.median(brightest[0]))
    if level > BAR_LEVEL:
        return 0
    lit = np.quantile(brightest, 0.99, axis=1) > level + BAR_TOLERANCE
    depth = int(lit.argmax())
    if depth == 0 or not lit.any() or depth > MAX_BAR * len(brightest):
        return 0
    along = brightest[depth : depth + EDGE].max(axis=0)
    if (along > level + BAR_TOLERANCE).mean() < 0.6:
        return 0
    # The lines of a soft edge would show at the join.
    inside = np.median(sharp[depth : depth + 3 * EDGE], axis=1)
    soft = inside[:EDGE] < level + SOFT * (np.median(inside[EDGE:]) - level)
    return depth + int(soft.argmin()) if not soft.all() else depth + EDGE


def _without_thin_bars(active: Rect, width: int, height: int) -> Rect:
    """The active picture with all bars but those wider than a gate reaches in."""
    x0, x1 = active.x, active.x + active.width
    y0, y1 = active.y, active.y + active.height
    x0, y0 = (0 if x0 <= GATE_SIDE * width else x0), (0 if y0 <= GATE_SIDE * height else y0)
    x1 = width if width - x1 <= GATE_SIDE * width else x1
    y1 = height if height - y1 <= GATE_SIDE * height else y1
    return Rect(x0, y0, x1 - x0, y1 - y0)
