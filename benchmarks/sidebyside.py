"""How much does a second core of this machine bring to programs that share only memory, caches and clock?"""

from __future__ import annotations

import multiprocessing
import tempfile
import time
from collections.abc import Callable
from multiprocessing.synchronize import Barrier
from pathlib import Path

from benchmarks.steps import run_steps
from benchmarks.transcode import plain_transcode

TRIES = 2
WAIT = 600.0
"""Seconds after which a process that did not come is an error."""

Work = Callable[[Path, Path], object]


def transcode(clip: Path, folder: Path) -> None:
    """A plain transcode by one thread."""
    plain_transcode(clip, folder / "plain.mkv")


def steps(clip: Path, folder: Path) -> None:
    """The clip's first two scenes through all steps, in this process."""
    run_steps(clip, folder, "scenes.limit=2")


def gain(work: Work, clip: Path) -> float:
    """How many times as much two processes do in the same time as one; 2.0 where they do not hinder one another.

    Each is tried twice, in turns, and the better counts: other programs may run.
    """
    seconds = [(_seconds(work, clip, 1), _seconds(work, clip, 2)) for _ in range(TRIES)]
    return 2 * min(one for one, _ in seconds) / min(two for _, two in seconds)


def _seconds(work: Work, clip: Path, count: int) -> float:
    """Wall seconds from when all processes are ready until the last has done the whole work."""
    context = multiprocessing.get_context("spawn")
    ready = context.Barrier(count + 1, timeout=WAIT)
    with tempfile.TemporaryDirectory(prefix="remaster-sidebyside-") as folder:
        places = [Path(folder) / str(n) for n in range(count)]
        processes = [context.Process(target=_when_all_are_ready, args=(ready, work, clip, p)) for p in places]
        for process in processes:
            process.start()
        ready.wait()
        began = time.perf_counter()
        for process in processes:
            process.join()
        seconds = time.perf_counter() - began
    if any(process.exitcode for process in processes):
        raise RuntimeError(f"{clip} could not be worked on {count} times side by side")
    return seconds


def _when_all_are_ready(ready: Barrier, work: Work, clip: Path, folder: Path) -> None:
    folder.mkdir()
    ready.wait()
    work(clip, folder)
