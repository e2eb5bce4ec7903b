"""Keeps the decisions of the page in ``overrides.yaml``, each at once.

A change reads the file, edits it and replaces it whole, under a lock that all pages and all servers of the folder take,
so that none loses another's. The new file is on the disk before the page says so.
"""

from __future__ import annotations

import fcntl
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from remaster.errors import UserError
from remaster.pipeline.store import Store
from remaster.review.model import Shot
from remaster.steering.overrides import Override, Overrides, read, to_yaml

OVERRIDES = "overrides.yaml"
Scope = Literal["shot", "set", "video"]


class Desk:
    """The decisions of an output folder."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._lock = threading.Lock()
        self._seen: tuple[bytes | None, Overrides] = (None, Overrides())

    def read(self) -> Overrides:
        """What the file says at present; raises ``UserError`` where it cannot be read, by its line or entry."""
        text = self.store.files.read(OVERRIDES)
        if text != self._seen[0]:
            self._seen = text, _parsed(text)
        return self._seen[1]

    def decide(self, shot: Shot, scope: Scope, **keys: Any) -> None:
        """Set ``keys`` for a shot, for its set or for its whole video; None takes a key back.

        Raises ``UserError`` where the value is none that the key may have, or collides with another entry.
        """
        self.change(lambda known: known.with_decision(**scoped(shot, scope), **keys))

    def cut(self, video: str, frame: int, add: bool | None) -> None:
        """Add or remove the cut before a frame; None: as it is detected."""
        self.change(lambda known: known.with_cut(video, frame, add))

    def change(self, edit: Callable[[Overrides], Overrides]) -> None:
        """Replace the file by what ``edit`` makes of it; it is on the disk when this returns."""
        with self._lock, self._alone():
            edited = edit(_parsed(self.store.files.read(OVERRIDES)))
            self.store.files.write(OVERRIDES, to_yaml(edited).encode())

    def exactly(self, shot: Shot, scope: Scope) -> Mapping[str, Any]:
        """What is decided for exactly this shot, its set or its video."""
        return self.read().decision(**scoped(shot, scope))

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with Path(self.store.root, f".{OVERRIDES}.lock").open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def scoped(shot: Shot, scope: Scope) -> dict[str, Any]:
    """What names the entry of a scope; raises ``UserError`` for the set of a shot that shows none."""
    if scope == "shot":
        return {"video": shot.video, "frames": shot.frames}
    if scope == "video":
        return {"video": shot.video}
    if shot.set_id is None:
        raise UserError("this shot shows no set that returns")
    return {"set_id": shot.set_id}


def decisions(overrides: Overrides, shots: Iterable[Shot]) -> dict[str, dict[str, Any]]:
    """What is decided for each shot, by its key: the narrower entry wins, key by key; undecided shots are left out."""
    videos: dict[str | None, list[Override]] = defaultdict(list)
    sets: dict[str | None, list[Override]] = defaultdict(list)
    for entry in overrides.entries:
        (sets if entry.set_id is not None else videos)[entry.set_id or entry.video].append(entry)
    found = {}
    for shot in shots:
        own = videos.get(shot.video, [])
        holding = [e for e in own if e.frames is None]
        holding += sets.get(shot.set_id, []) if shot.set_id is not None else []
        holding += [e for e in own if e.frames is not None and _holds(e.frames, shot.frames)]
        decided = {key: value for entry in holding for key, value in entry.decided.items()}
        if decided:
            found[shot.key] = decided
    return found


def _holds(frames: tuple[int, int], shot: tuple[int, int]) -> bool:
    """Whether more than half of a shot lies inside the frames of an entry."""
    return 2 * (min(frames[1], shot[1]) - max(frames[0], shot[0])) > shot[1] - shot[0]


def _parsed(text: bytes | None) -> Overrides:
    if text is None:
        return Overrides()
    try:
        return read(text.decode(), OVERRIDES)
    except UnicodeDecodeError:
        raise UserError(f"{OVERRIDES} is no UTF-8") from None
