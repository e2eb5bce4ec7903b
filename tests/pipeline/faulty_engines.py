"""Engines with a fault of their own, for workers that import this module by its name."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from remaster.media.partfile import PartFile
from remaster.outpaint import Filled, FillTask
from remaster.pipeline import batch
from remaster.pipeline.inputs import VideoFile
from remaster.pipeline.job import Job

FULL = "full"


@dataclass(frozen=True)
class FaultyInpainter:
    """Fills with the mean; notes every call in ``folder``, where it also finds what is wrong with it today.

    That is no setting, because a setting is part of a scene's fingerprint: file ``seconds`` has how long a call takes,
    file ``fault`` what happens to pictures that are redder than blue. ``kill`` takes the worker along, ``once`` does
    the first time only, ``raise`` raises, ``fill`` leaves no room on the disk. ``tone`` is a setting: it is added to
    the mean.
    """

    folder: str
    tone: int = 0

    def fill(self, tasks: Sequence[FillTask]) -> list[Filled]:
        return [self._fill(task) for task in tasks]

    def _fill(self, task: FillTask) -> Filled:
        mean = task.image[task.known].mean(axis=0)
        self._note(f"begun-{mean[0]:.0f}-{mean[2]:.0f}")
        time.sleep(float(Path(self.folder, "seconds").read_text()))
        if mean[0] > mean[2]:
            self._fail()
        image = task.image.copy()
        image[task.holes] = np.clip(mean + self.tone, 0, 255)
        return Filled(image, calls=int(task.holes.any()))

    def _fail(self) -> None:
        died, fault = Path(self.folder, "died"), Path(self.folder, "fault").read_text()
        if fault == "kill" or (fault == "once" and not died.exists()):
            self._note("died")
            os.kill(os.getpid(), signal.SIGKILL)
        if fault == "fill":
            self._note(FULL)
        if fault == "raise":
            raise ZeroDivisionError("the picture is too red")

    def _note(self, name: str) -> None:
        with Path(self.folder, name).open("a") as file:
            file.write(f"{os.getpid()}\n")


_opened = PartFile.__init__


def _open(part: PartFile, path: Path) -> None:
    """As ever, but where the engine has left no room: there the kernel refuses every byte, in FFmpeg's writes too."""
    _opened(part, path)
    if any((folder / "notes" / FULL).exists() for folder in path.parents):
        part.temporary.symlink_to("/dev/full")


PartFile.__init__ = _open


def probe_chunk(videos: Sequence[VideoFile], job: Job) -> list[batch.Probed]:
    """Reads headers as the pipeline does, but a file called ``evil`` takes its worker along."""
    if any("evil" in video.name for video in videos):
        os.kill(os.getpid(), signal.SIGKILL)
    return batch.probe_chunk(videos, job)
