"""Gradual transitions (dissolves, morphs), found on the picture's outline while the camera rests.

Each single step of a transition looks like rest. Over a few frames most of the outline changes; figures, leaves, snow,
rain and water do not do that: they cover little of it, or come and go within the small cells compared here.
"""

from __future__ import annotations

from collections import deque

import numpy as np
import numpy.typing as npt

from remaster.analyze.tuning import TUNING
from remaster.arrays import Float32, Rgb
from remaster.imaging.channels import outline_colors


class TransitionFinder:
    """Finds the gradual transitions of a stream of pictures; keeps a few tiny pictures in memory."""

    def __init__(self) -> None:
        self._half = TUNING.transitions.half_window
        self._cells: deque[Float32] = deque(maxlen=2 * self._half)
        self._moves: deque[float] = deque(maxlen=2 * self._half - 1)
        self._changing: list[bool] = []
        self._found: list[range] = []

    @property
    def count(self) -> int:
        """How many transitions have ended."""
        return len(self._found)

    def advance(self, proxy: Rgb, moved: float) -> range | None:
        """Take the next picture, uint8 (h, w, 3); returns the frames of a transition that is known to have ended.

        ``moved`` is how far the corners moved since the picture before, as a share of the picture's smaller side.
        """
        tuning, half = TUNING.transitions, self._half
        self._cells.append(outline_colors(proxy, tuning.columns, tuning.rows))
        self._moves.append(moved)
        if len(self._cells) < 2 * half:
            return None
        if not self._changing:
            self._changing = [False] * half
        before, after = (np.median(list(self._cells)[part], axis=0) for part in (slice(half), slice(half, None)))
        rests = sum(self._moves) <= tuning.max_motion
        self._changing.append(rests and _change(before, after) > tuning.min_change)
        return None if self._changing[-1] else self._end(len(self._changing) - 1)

    def finish(self, count: int) -> npt.NDArray[np.bool_]:
        """Which of all ``count`` frames lie in a transition, bool (count,)."""
        self._end(len(self._changing))
        found = np.zeros(count, bool)
        for frames in self._found:
            found[frames.start : frames.stop] = True
        return found

    def _end(self, stop: int) -> range | None:
        """The transition whose last frame is the one before ``stop``, if there is one."""
        start = stop
        while start > 0 and self._changing[start - 1]:
            start -= 1
        if stop - start < TUNING.transitions.min_frames:
            return None
        self._found.append(range(start, stop))
        return self._found[-1]


def _change(before: Float32, after: Float32) -> float:
    """The median change of the cells in levels, largest over the channels, after one gain and offset for the light."""
    x, y = before - before.mean(), after - after.mean()
    gain = float((x * y).sum() / max(float((x * x).sum()), 1.0))
    return float(np.median(np.abs(y - max(gain, 0.0) * x).max(axis=-1)))
