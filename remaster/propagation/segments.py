"""Cuts a shot into segments over which what one frame shows of the set stays true; each gets one key frame."""

from __future__ import annotations

from dataclasses import dataclass

from remaster.arrays import Float32
from remaster.propagation.age import LONGEST

SHORTEST = 8
"""Frames of a segment, at least."""
STALE = 0.4
"""Share of the bands whose sources from before the segment's start must have expired for a new one to begin."""
DELAY = 2
"""Frames after which an expired source counts: a life is known to within that."""


@dataclass(frozen=True)
class Segment:
    """Frames ``[start, end)`` of a shot, drawn over a picture made at frame ``key``."""

    start: int
    end: int

    @property
    def key(self) -> int:
        """The middle one, from which the picture is carried both ways."""
        return (self.start + self.end) // 2


def segments(lives: Float32) -> list[Segment]:
    """The segments of a shot, tiling it, from the lives of sources (2, n, bands, 2) as ``AgeMeter`` tells them."""
    count = lives.shape[1]
    starts = [0]
    for t in range(1, count):
        length = t - starts[-1]
        stale = float((lives[0, t] < length - DELAY).mean())
        if length >= LONGEST or (length >= SHORTEST and stale > STALE):
            starts.append(t)
    if len(starts) > 1 and count - starts[-1] < SHORTEST:
        starts.pop()
    return [Segment(a, b) for a, b in zip(starts, [*starts[1:], count], strict=True)]
