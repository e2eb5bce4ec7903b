"""Other fills of one scene, side by side, before one of them is chosen.

A take is the scene's holes filled with another seed, by the engine and on the stitched background of the run. It is
made by a program of its own (``remaster.jobs.takes``), and its picture lies in the output folder until the next try.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path

from remaster.errors import MediaError
from remaster.review.model import Shot
from remaster.review.places import inside

FOLDER = "review/takes"
COUNT = 3


@dataclass
class _Try:
    """The takes of one shot: their ``seeds``, and the process that makes them."""

    seeds: tuple[int, ...]
    process: subprocess.Popen[str]
    errors: list[str] = field(default_factory=list)


class Takes:
    """The takes of the shots of one output folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._lock = threading.Lock()
        self._tries: dict[str, _Try] = {}

    def start(self, shot: Shot) -> None:
        """Make ``COUNT`` more takes of a shot; where some are being made, nothing happens."""
        with self._lock:
            known = self._tries.get(shot.key)
            if known is not None and known.process.poll() is None:
                return
            first = 1 if known is None else known.seeds[-1] + 1
            seeds = tuple(range(first, first + COUNT))
            command = [sys.executable, "-m", "remaster.jobs.takes", str(self.root), shot.scene_id]
            command += [str(sum(shot.frames) // 2), str(self.root / FOLDER), *map(str, seeds)]
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
            )
            self._tries[shot.key] = _Try(seeds, process)
            threading.Thread(target=_listen, args=(self._tries[shot.key],), daemon=True).start()

    def state(self, shot: Shot) -> tuple[bool, tuple[int, ...], str]:
        """(whether takes of a shot are being made, the seeds of those that are there, why there are none)."""
        known = self._tries.get(shot.key)
        if known is None:
            return False, (), ""
        working = known.process.poll() is None
        there = tuple(seed for seed in known.seeds if self._file(shot, seed).is_file())
        failed = not working and len(there) < len(known.seeds)
        return working, there, (known.errors[-1] if known.errors else "no take could be made") if failed else ""

    def picture(self, shot: Shot, seed: int) -> bytes:
        """A take, JPEG; raises ``MediaError`` where it was not made."""
        known = self._tries.get(shot.key)
        if known is None or seed not in known.seeds:
            raise MediaError("there is no such take")
        return inside(self.root, str(self._file(shot, seed).relative_to(self.root))).read_bytes()

    def _file(self, shot: Shot, seed: int) -> Path:
        return self.root / FOLDER / f"{shot.scene_id}-{sum(shot.frames) // 2}-{seed}.jpg"


def _listen(one: _Try) -> None:
    """Keep what the program says to its end."""
    assert one.process.stderr is not None
    one.errors += [line.strip() for line in one.process.stderr if line.strip()]
