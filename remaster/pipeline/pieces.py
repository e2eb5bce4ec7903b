"""What is encoded as one segment: the frames that a shot and a run have in common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from remaster.records import Shot
from remaster.rows import Run


@dataclass(frozen=True)
class Piece:
    """Frames ``[start, end)`` of a scene, counted through its runs; in the video they begin at ``start_frame``.

    All are of ``shot``. ``start_pts`` and ``end_pts`` are where the first begins and the last ends.
    """

    shot: Shot
    start: int
    end: int
    start_frame: int
    start_pts: int
    end_pts: int

    @property
    def frames(self) -> int:
        """How many there are."""
        return self.end - self.start


def pieces(shots: Sequence[Shot], runs: Sequence[Run]) -> list[Piece]:
    """A scene's pieces in the order of time; shots and runs both tile the scene's frames."""
    found, first = [], 0
    for run in runs:
        for shot in shots:
            start, end = max(shot.start, first), min(shot.end, first + run.frames)
            if start < end:
                times = int(run.pts[start - first]), int(run.pts[end - first])
                found.append(Piece(shot, start, end, run.start_frame + start - first, *times))
        first += run.frames
    return found
