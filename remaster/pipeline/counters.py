"""What a run counts: its seconds, with those of all runs of its output folder, and the frames that are encoded.

Seconds are kept in the folder, since a killed run cannot say them. ``FrameCounter`` is an actor, whose process imports
this module: at run time it needs the standard library alone.
"""

from __future__ import annotations

import threading
import time
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from remaster.pipeline.store import Store

KEY = ".seconds"
"""The file in the output folder that has the total."""
WRITE_EVERY_SECONDS = 10.0
"""What a kill may lose of the total."""


class RunClock:
    """Measures from its construction on; within its context the folder's total is kept up to date."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._ended = threading.Event()
        self.earlier = 0.0

    @property
    def seconds(self) -> float:
        """Since the beginning of this run."""
        return time.monotonic() - self._began

    def keep(self, store: Store, resume: bool) -> RunClock:
        """Keep the time in a folder; without ``resume`` it begins at nothing."""
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
    """Counts frames that workers have encoded, so that long scenes show progress before they end."""

    def __init__(self) -> None:
        self.frames = 0

    def add(self, frames: int) -> None:
        """So many more."""
        self.frames += frames

    def total(self) -> int:
        """How many so far."""
        return self.frames
