"""Estimates how long a run still takes: what each step has cost a frame so far, times the frames that are left.

In: the frames and seconds of scenes as they leave a step, and what is left. Out: seconds. No file, no clock.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

FIRST_STEPS = ("analyze", "segment", "stitch")
"""Those after detection that a scene goes through before it may wait for others that show its set."""
LAST_STEPS = ("outpaint", "resample")


@dataclass(frozen=True)
class Left:
    """What is left of the planned work: frames before ``FIRST_STEPS`` and before ``LAST_STEPS``, and scenes."""

    first_frames: int
    last_frames: int
    scenes: int


class StepCosts:
    """Sums up seconds and frames of each step."""

    def __init__(self) -> None:
        self._seconds: dict[str, float] = {}
        self._frames: dict[str, int] = {}

    def add(self, frames: int, seconds_by_stage: Mapping[str, float | None], steps: tuple[str, ...]) -> None:
        """Add a scene that has left ``steps``, of which those count that have taken time."""
        for step in steps:
            seconds = seconds_by_stage.get(step)
            if seconds is not None and frames > 0:
                self._seconds[step] = self._seconds.get(step, 0.0) + seconds
                self._frames[step] = self._frames.get(step, 0) + frames

    def seconds(self, left: Left, workers: float) -> float | None:
        """The seconds that what is left takes on ``workers`` cores, each scene on one; None before anything is known.

        Steps that no scene has left yet count nothing (see ``complete``).
        """
        if not self._seconds:
            return None
        work = sum(self._a_frame(step) * left.first_frames for step in FIRST_STEPS)
        work += sum(self._a_frame(step) * left.last_frames for step in LAST_STEPS)
        return work / max(min(workers, left.scenes), 1.0)

    @property
    def complete(self) -> bool:
        """True once the last step of some scene is measured: then nothing is missing from the estimate."""
        return LAST_STEPS[-1] in self._seconds

    def _a_frame(self, step: str) -> float:
        return self._seconds[step] / self._frames[step] if step in self._seconds else 0.0
