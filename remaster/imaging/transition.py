"""Gradual transitions: dissolves and morphs, told by what stands along the picture's outline while the camera rests.

Each single step of a transition looks like rest. Over a few frames most of the outline changes, which neither a figure,
nor leaves, snow or rain, nor water does: they cover little of it, or come and go within the small cells compared here.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

import cv2
import numpy as np
import numpy.typing as npt

from remaster.arrays import Rgb

REACH = 4
"""Frames before and after a place whose medians are compared."""
SHORTEST = 2 * REACH
"""Frames of a transition at least: a cut or a flash changes the medians for fewer."""
CHANGED = 7.0
"""Levels of 8 bits, in the light of before, by which half of the outline's cells change: 9-25 in dissolves and morphs
of six cartoons, 0-3 over sets at rest, up to 6 before a dancing crowd under confetti."""
REST = 0.02
"""Share of the picture's smaller side that the camera moves at most in the frames compared."""
COLUMNS, ROWS = 8, 6
"""Cells of the picture, of which the outermost are compared."""

UNMIXED = 0.25
"""How far a frame may be off a mixture of both ends, as a share of what lies between these (root mean square)."""

Cells = npt.NDArray[np.float32]


class TransitionFinder:
    """Finds the gradual transitions of a stream of pictures, with a memory of a few tiny ones."""

    def __init__(self) -> None:
        self._cells: deque[Cells] = deque(maxlen=2 * REACH)
        self._moves: deque[float] = deque(maxlen=2 * REACH - 1)
        self._turning: list[bool] = []
        self._found: list[range] = []

    @property
    def count(self) -> int:
        """How many transitions have ended."""
        return len(self._found)

    def advance(self, proxy: Rgb, moved: float) -> range | None:
        """Take the next picture, uint8 (h, w, 3); returns the frames of a transition that is known to have ended.

        ``moved`` is how far the corners moved since the picture before, as a share of the picture's smaller side.
        """
        self._cells.append(_outline(proxy))
        self._moves.append(moved)
        if len(self._cells) < 2 * REACH:
            return None
        if not self._turning:
            self._turning = [False] * REACH
        before, after = (np.median(list(self._cells)[part], axis=0) for part in (slice(REACH), slice(REACH, None)))
        self._turning.append(sum(self._moves) <= REST and _changed(before, after) > CHANGED)
        return None if self._turning[-1] else self._end(len(self._turning) - 1)

    def finish(self, count: int) -> npt.NDArray[np.bool_]:
        """Which of all ``count`` frames lie in a transition, bool (count,)."""
        self._end(len(self._turning))
        found = np.zeros(count, bool)
        for frames in self._found:
            found[frames.start : frames.stop] = True
        return found

    def _end(self, stop: int) -> range | None:
        """The transition whose last frame is the one before ``stop``, if there is one."""
        start = stop
        while start > 0 and self._turning[start - 1]:
            start -= 1
        if stop - start < SHORTEST:
            return None
        self._found.append(range(start, stop))
        return self._found[-1]


def mixture(pictures: Iterable[Rgb]) -> npt.NDArray[np.float32] | None:
    """How far (0-1) each frame of a transition shows what follows it, float32 (n,), never falling.

    None where the frames are no mixtures of both ends, as those of a morph or a wipe are not. ``pictures`` uint8
    (h, w, 3) are the last one before it, its n frames, and the first one after it. The outer parts of the picture tell,
    where figures rarely stand.
    """
    outer = np.stack([_outline(picture).ravel() for picture in pictures])
    way = outer[-1] - outer[0]
    shares = (outer[1:-1] - outer[0]) @ way / max(float(way @ way), 1e-6)
    shares = np.clip(np.maximum.accumulate(shares), 0.0, 1.0)
    off = outer[1:-1] - outer[0] - shares[:, None] * way
    if float((off**2).sum(axis=1).max()) > UNMIXED**2 * float(way @ way):
        return None
    return np.asarray(shares, np.float32)


def _outline(proxy: Rgb) -> Cells:
    """The mean colours of the cells along the picture's outline, float32 (n, 3)."""
    cells = cv2.resize(proxy, (COLUMNS, ROWS), interpolation=cv2.INTER_AREA).astype(np.float32)
    outer = np.ones((ROWS, COLUMNS), bool)
    outer[1:-1, 1:-1] = False
    return np.asarray(cells[outer])


def _changed(before: Cells, after: Cells) -> float:
    """The median change of the cells in levels, largest over the channels, but for one gain and offset of the light."""
    x, y = before - before.mean(), after - after.mean()
    gain = float((x * y).sum() / max(float((x * x).sum()), 1.0))
    return float(np.median(np.abs(y - max(gain, 0.0) * x).max(axis=-1)))
