"""Counts a run's seconds, with those of all runs of its output folder, and its encoded frames.

The seconds are stored in the folder, so that those of a killed run count. ``FrameCounter`` is an actor whose process
imports this module: at run time it needs only the standard library.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from remaster.pipeline.store import Store

KEY = ".seconds"
"""The file in the output folder that holds the total."""
WRITE_EVERY_SECONDS = 10.0
"""Seconds between two updates of the total, which a killed run may lose."""


class RunClock:
    """Measures from its construction on; as a context manager it keeps the folder's total up to date."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._ended = threading.Event()
        self.earlier = 0.0

    @property
    def seconds(self) -> float:
        """Seconds since the beginning of this run."""
        return time.monotonic() - self._began

    def keep(self, store: Store, resume: bool) -> RunClock:
        """Store the total in a folder; without ``resume`` it begins at 0."""
        self._store = store
        try:
            self.earlier = float(store.files.read(KEY) or 0) if resume else 0.0
        except ValueError:  # not written by this program; the number is only printed
            self.earlier = 0.0
        return self

    def __enter__(self) -> RunClock:
        threading.Thread(target=self._run, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._write()

    def _run(self) -> None:
        while not self._ended.wait(WRITE_EVERY_SECONDS):
            self._write()

    def _write(self) -> None:
        try:
            self._store.files.write(KEY, f"{self.earlier + self.seconds:.3f}".encode(), durable=False)
        except OSError:  # a full disk ends the run elsewhere
            return


class FrameCounter:
    """Counts frames that workers have encoded, so that long scenes show progress before they end.

    It also knows at or behind which step each scene is. A scene that a lost worker had is told of again by the next
    one, so that it is never counted twice.
    """

    def __init__(self) -> None:
        self.frames = 0
        self.places: dict[str, tuple[str, bool]] = {}  # by scene: the step, and whether it is at work there

    def add(self, frames: int) -> None:
        """Add encoded frames."""
        self.frames += frames

    def enter(self, scenes: Sequence[str], step: str) -> None:
        """Scenes are at work at a step."""
        self.places.update(dict.fromkeys(scenes, (step, True)))

    def leave(self, scenes: Sequence[str], step: str, last: bool) -> None:
        """Scenes have left a step, and wait for the next one unless it was their ``last``."""
        for scene in scenes:
            if last:
                self.places.pop(scene, None)
            else:
                self.places[scene] = (step, False)

    def state(self) -> tuple[int, dict[tuple[str, bool], int]]:
        """(the number of frames so far; how many scenes are at work at a step, True, or wait behind it, False)."""
        return self.frames, dict(Counter(self.places.values()))

    def total(self) -> int:
        """The number of frames so far."""
        return self.frames
