"""Other fills of one scene, side by side, before one of them is chosen.

A take is the scene's holes filled under another decision on the stitched background of the run: another seed or, where
the seed changes little, other settings of the engine. It is made by a program of its own (``remaster.jobs.takes``), and
its picture lies in the output folder until the next try.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from remaster.errors import MediaError
from remaster.review.model import Shot
from remaster.review.places import inside

FOLDER = "review/takes"
COUNT = 3
VARIANTS: Mapping[str, Mapping[str, Mapping[str, float]]] = {
    "exemplar": {
        "less mirrored": {"mirror_cost": 20.0},
        "moved freely": {"mirror_cost": 20.0, "depth_cost": 5.0, "drift_cost": 10.0},
        "any texture": {"texture_cost": 0.0, "color_cost": 0.0},
    }
}
"""Settings to try, by engine, for those that fill the same whatever the seed."""


@dataclass(frozen=True)
class Take:
    """A fill: what the page calls it, and the decision that gives it."""

    name: str
    decision: Mapping[str, Any]


@dataclass
class _Try:
    """The takes of one shot, and the process that makes them."""

    takes: tuple[Take, ...]
    process: subprocess.Popen[str]
    errors: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Tried:
    """Takes of a shot: those that are ``there``, by number, whether more are being made, and why there are none."""

    there: Mapping[int, Take] = field(default_factory=dict)
    working: bool = False
    error: str = ""


class Takes:
    """The takes of the shots of one output folder, whose run chose the ``inpainter``."""

    def __init__(self, root: Path, inpainter: str) -> None:
        self.root = root
        self.inpainter = inpainter
        self._lock = threading.Lock()
        self._tries: dict[str, _Try] = {}

    def start(self, shot: Shot) -> None:
        """Make ``COUNT`` takes of a shot; where some are being made, nothing happens."""
        with self._lock:
            known = self._tries.get(shot.key)
            if known is not None and known.process.poll() is None:
                return
            takes = self._next(known)
            for number in range(COUNT):
                self._file(shot, number).unlink(missing_ok=True)
            command = [sys.executable, "-m", "remaster.jobs.takes", str(self.root), shot.scene_id]
            command += [str(_middle(shot)), str(self.root / FOLDER), json.dumps([dict(t.decision) for t in takes])]
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
            )
            self._tries[shot.key] = _Try(takes, process)
            threading.Thread(target=_listen, args=(self._tries[shot.key],), daemon=True).start()

    def _next(self, known: _Try | None) -> tuple[Take, ...]:
        variants = VARIANTS.get(self.inpainter)
        if variants is not None:
            own = {name: {"inpainter": {"name": self.inpainter, **values}} for name, values in variants.items()}
            return tuple(Take(name, decision) for name, decision in own.items())
        first = 1 if known is None else int(known.takes[-1].decision["seed"]) + 1
        return tuple(Take(f"seed {seed}", {"seed": seed}) for seed in range(first, first + COUNT))

    def tried(self, shot: Shot) -> Tried:
        """The takes of a shot."""
        known = self._tries.get(shot.key)
        if known is None:
            return Tried()
        working = known.process.poll() is None
        there = {n: take for n, take in enumerate(known.takes) if self._file(shot, n).is_file()}
        failed = not working and len(there) < len(known.takes)
        return Tried(there, working, (known.errors[-1] if known.errors else "no take could be made") if failed else "")

    def picture(self, shot: Shot, number: int) -> bytes:
        """A take, JPEG; raises ``MediaError`` where it was not made."""
        known = self._tries.get(shot.key)
        if known is None or not 0 <= number < len(known.takes):
            raise MediaError("there is no such take")
        return inside(self.root, str(self._file(shot, number).relative_to(self.root))).read_bytes()

    def _file(self, shot: Shot, number: int) -> Path:
        return self.root / FOLDER / f"{shot.scene_id}-{_middle(shot)}-{number}.jpg"


def _middle(shot: Shot) -> int:
    return sum(shot.frames) // 2


def _listen(one: _Try) -> None:
    """Keep what the program says to its end."""
    assert one.process.stderr is not None
    one.errors += [line.strip() for line in one.process.stderr if line.strip()]
