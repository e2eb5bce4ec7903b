"""Which frames of a stream to keep for the background, in bounded memory: by what they disclose, then by time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from remaster.arrays import Affine, Rgb
from remaster.imaging.camera import corner_error

PACE = 0.5
"""A whole scene's time weighs as much as a camera move of this many frame widths."""
WORST = 0.05
"""Weight of a frame without any detail (black, burnt out) against a sharp one."""
SAME_PLACE = 0.03
"""Frame widths within which two frames show nearly the same place."""
OUTSHONE = 0.3
"""Share of the detail of another frame of that place under which a frame adds nothing to it."""
SMEARED = 0.75
"""The same, of a frame of a fast move."""
BLACK = 0.01
"""Share of the detail of any other frame under which a frame shows nothing."""
END = 10.0
"""What keeps a segment's first and last frame, in frame widths."""
PAIRS = 4096
"""Moves between two candidates that are remembered at most."""


@dataclass(frozen=True)
class Candidate:
    """A frame that may become a keyframe: its ``camera`` to the first frame of its ``segment``, and its ``detail``.

    A segment is a run of frames that motion connects. ``detail`` float64 (rows, columns) is the energy of lines and
    texture in the cells of the picture, which falls with blur and fades.
    """

    index: int
    proxy: Rgb
    camera: Affine
    segment: int
    detail: npt.NDArray[np.float64]

    @cached_property
    def sharpness(self) -> float:
        """The mean detail of the whole picture."""
        return float(self.detail.mean())


class KeyframeSelection:
    """The best ``capacity`` candidates seen so far, in order of time; adding one may drop another."""

    def __init__(self, capacity: int, size: tuple[int, int]) -> None:
        self._capacity = capacity
        self._size = size
        self._kept: list[Candidate] = []
        self._apart: dict[tuple[int, int], float] = {}

    def add(self, candidate: Candidate) -> None:
        """Offer the next frame."""
        self._kept.append(candidate)
        self._thin(self._capacity)

    def rejoin(self, start: int, segment: int, last: int) -> None:
        """Take back the break at frame ``start``: drop its frames before ``last`` and go on with ``segment``."""
        self._kept = [c for c in self._kept if c.index < start or c.index >= last]
        self._kept = [replace(c, segment=segment) if c.index >= last else c for c in self._kept]

    def leave_out(self, frames: range) -> None:
        """Drop the frames of a gradual transition; those after it are a segment of their own."""
        kept = [c for c in self._kept if c.index not in frames]
        self._kept = [replace(c, segment=c.segment + 1) if c.index >= frames.stop else c for c in kept]

    def finish(self, still_capacity: int) -> list[Candidate]:
        """The keyframes: none that another outshines; where the camera hardly moved, ``still_capacity`` are enough."""
        shown = [c for c in self._kept if not any(self._outshines(other, c) for other in self._kept)]
        # Blurred or dark as they may be, two pictures prove more than one.
        self._kept = shown if len(shown) > 1 else self._kept
        if max((self._moved(c, self._first_of(c)) for c in self._kept), default=0.0) < 0.01:
            self._thin(still_capacity)
        return self._kept

    def _thin(self, capacity: int) -> None:
        while len(self._kept) > capacity:
            usual = self._usual()
            costs = [self._cost(i, usual) for i in range(len(self._kept))]
            # The newest frame stays: what it discloses is known only when the next one comes.
            del self._kept[int(np.argmin(costs[:-1])) if len(costs) > 1 else 0]

    def _cost(self, i: int, usual: Mapping[int, float]) -> float:
        """What would be lost without candidate ``i``: the gap it leaves, less where the frame is blurred or dark.

        ``usual`` is each segment's usual sharpness.
        """
        this = self._kept[i]
        before = self._kept[i - 1] if i > 0 and self._kept[i - 1].segment == this.segment else None
        after = self._kept[i + 1] if i + 1 < len(self._kept) and self._kept[i + 1].segment == this.segment else None
        if before is not None and after is not None:
            return self._gap(before, after) * _quality(this, usual[this.segment])
        neighbour = before or after
        length = self._gap(this, neighbour) if neighbour is not None else PACE / max(self._kept[-1].index, 1)
        return END + length

    def _gap(self, a: Candidate, b: Candidate) -> float:
        return self._moved(a, b) + PACE * abs(b.index - a.index) / max(self._kept[-1].index, 1)

    def _moved(self, a: Candidate, b: Candidate) -> float:
        """How far the camera moved between two candidates, in frame widths."""
        pair = (a.index, b.index)
        if pair not in self._apart:
            if len(self._apart) > PAIRS:
                self._apart.clear()
            self._apart[pair] = self._measured(a, b)
        return self._apart[pair]

    def _measured(self, a: Candidate, b: Candidate) -> float:
        width = self._size[0] * float(np.sqrt(abs(np.linalg.det(a.camera[:, :2]))))
        return float(corner_error(a.camera, b.camera, *self._size)) / max(width, 1.0)

    def _usual(self) -> dict[int, float]:
        """The median sharpness of each segment's candidates."""
        segments = {c.segment for c in self._kept}
        return {s: float(np.median([c.sharpness for c in self._kept if c.segment == s])) for s in segments}

    def _first_of(self, candidate: Candidate) -> Candidate:
        return next(c for c in self._kept if c.segment == candidate.segment)

    def _outshines(self, better: Candidate, worse: Candidate) -> bool:
        """Whether one shows nearly the same place as another that is blurred (by a whip) or in the dark of a fade."""
        if worse.detail.mean() < BLACK * better.detail.mean():
            return True
        if better is worse or better.segment != worse.segment or self._moved(better, worse) > SAME_PLACE:
            return False
        # Coarse coding makes every other frame a little softer: less is enough only where a fast move smears.
        limit = SMEARED if self._in_fast_move(worse) else OUTSHONE
        # Flat cells do not tell, and a character that is there or not changes few of the others.
        told = better.detail > np.median(better.detail)
        return bool(told.any() and np.median(worse.detail[told] / better.detail[told]) < limit)

    def _in_fast_move(self, candidate: Candidate) -> bool:
        """Whether the camera moves far in one frame to or from a neighbour."""
        near = (c for c in self._kept if abs(c.index - candidate.index) == 1 and c.segment == candidate.segment)
        return any(self._moved(candidate, c) > SAME_PLACE for c in near)


def _quality(candidate: Candidate, usual: float) -> float:
    """How sharp a candidate is beside what is usual, `WORST` to 1."""
    return min(max(candidate.sharpness / usual, WORST), 1.0) if usual > 0.0 else 1.0
