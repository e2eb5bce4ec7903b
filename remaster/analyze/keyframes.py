"""The choice of keyframes from a stream in bounded memory: by what they disclose, then by time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from remaster.analyze.tuning import TUNING
from remaster.arrays import Affine, Rgb
from remaster.imaging.camera import corner_error


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
        """Undo the break at frame ``start``: drop its frames before ``last`` and continue with ``segment``."""
        self._kept = [c for c in self._kept if c.index < start or c.index >= last]
        self._kept = [replace(c, segment=segment) if c.index >= last else c for c in self._kept]

    def leave_out(self, frames: range) -> None:
        """Drop the frames of a gradual transition; those after it are a segment of their own."""
        kept = [c for c in self._kept if c.index not in frames]
        self._kept = [replace(c, segment=c.segment + 1) if c.index >= frames.stop else c for c in kept]

    def finish(self, still_capacity: int) -> list[Candidate]:
        """The keyframes without redundant ones; where the camera hardly moved, ``still_capacity`` are enough."""
        useful = [c for c in self._kept if not any(self._makes_redundant(other, c) for other in self._kept)]
        # Two pictures prove more than one, even blurred or dark ones.
        self._kept = useful if len(useful) > 1 else self._kept
        if max((self._moved(c, self._first_of(c)) for c in self._kept), default=0.0) < TUNING.keyframes.at_rest:
            self._thin(still_capacity)
        return self._kept

    def _thin(self, capacity: int) -> None:
        """Drop the candidates whose loss costs least, down to a number."""
        while len(self._kept) > capacity:
            usual = self._usual_sharpness()
            costs = [self._cost(i, usual) for i in range(len(self._kept))]
            # The newest frame stays: what it discloses is only known with the next one.
            del self._kept[int(np.argmin(costs[:-1])) if len(costs) > 1 else 0]

    def _cost(self, i: int, usual: Mapping[int, float]) -> float:
        """What would be lost without candidate ``i``: the gap it leaves, weighted by its sharpness.

        ``usual`` is each segment's usual sharpness.
        """
        this = self._kept[i]
        before = self._kept[i - 1] if i > 0 and self._kept[i - 1].segment == this.segment else None
        after = self._kept[i + 1] if i + 1 < len(self._kept) and self._kept[i + 1].segment == this.segment else None
        if before is not None and after is not None:
            return self._gap(before, after) * _quality(this, usual[this.segment])
        neighbour = before or after
        length = self._gap(this, neighbour) if neighbour is not None else self._time(1)
        return TUNING.keyframes.end_weight + length

    def _gap(self, a: Candidate, b: Candidate) -> float:
        """How much lies between two candidates, in frame widths of camera motion and the equivalent in time."""
        return self._moved(a, b) + self._time(abs(b.index - a.index))

    def _time(self, frames: int) -> float:
        """The weight of a number of frames, in frame widths."""
        return TUNING.keyframes.time_weight * frames / max(self._kept[-1].index, 1)

    def _moved(self, a: Candidate, b: Candidate) -> float:
        """How far the camera moved between two candidates, in frame widths."""
        pair = (a.index, b.index)
        if pair not in self._apart:
            if len(self._apart) > TUNING.keyframes.cached_pairs:
                self._apart.clear()
            width = self._size[0] * float(np.sqrt(abs(np.linalg.det(a.camera[:, :2]))))
            self._apart[pair] = float(corner_error(a.camera, b.camera, *self._size)) / max(width, 1.0)
        return self._apart[pair]

    def _usual_sharpness(self) -> dict[int, float]:
        """The median sharpness of each segment's candidates."""
        segments = {c.segment for c in self._kept}
        return {s: float(np.median([c.sharpness for c in self._kept if c.segment == s])) for s in segments}

    def _first_of(self, candidate: Candidate) -> Candidate:
        return next(c for c in self._kept if c.segment == candidate.segment)

    def _makes_redundant(self, better: Candidate, worse: Candidate) -> bool:
        """Whether one shows nearly the same place as another that is blurred (by a whip) or dark (in a fade)."""
        tuning = TUNING.keyframes
        if worse.detail.mean() < tuning.black * better.detail.mean():
            return True
        if better is worse or better.segment != worse.segment or self._moved(better, worse) > tuning.same_place:
            return False
        # Coarse coding makes every other frame a little softer: a small loss only counts where a fast move blurs.
        limit = tuning.min_detail_in_motion if self._in_fast_move(worse) else tuning.min_detail
        # Flat cells show no blur, and a character that comes or goes changes few of the others.
        textured = better.detail > np.median(better.detail)
        return bool(textured.any() and np.median(worse.detail[textured] / better.detail[textured]) < limit)

    def _in_fast_move(self, candidate: Candidate) -> bool:
        """Whether the camera moves far in one frame to or from a neighbour."""
        near = (c for c in self._kept if abs(c.index - candidate.index) == 1 and c.segment == candidate.segment)
        return any(self._moved(candidate, c) > TUNING.keyframes.same_place for c in near)


def _quality(candidate: Candidate, usual: float) -> float:
    """How sharp a candidate is beside what is usual, up to 1."""
    return min(max(candidate.sharpness / usual, TUNING.keyframes.min_quality), 1.0) if usual > 0.0 else 1.0
