"""Keeps the decisions of the page in ``overrides.yaml``, each at once.

A change reads the file, edits it and replaces it whole, under a lock that all pages and all servers of the folder take,
so that none loses another's. The new file is on the disk before the page says so. Other programs take no lock: a file
that one of them saves meanwhile is read again, and a decision that it overwrites is told as ``lost``.
"""

from __future__ import annotations

import fcntl
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from remaster.errors import UserError
from remaster.pipeline.store import Store
from remaster.review.model import Shot
from remaster.steering.decisions import touches
from remaster.steering.overrides import Override, Overrides, read, to_yaml

OVERRIDES = "overrides.yaml"
Scope = Literal["shot", "set", "video"]
Name = tuple[Any, ...]
"""Of a decision: what its entry holds for, and its key; or the place of a cut."""


class Desk:
    """The decisions of an output folder."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._lock = threading.Lock()
        self._seen: tuple[bytes | None, Overrides] = (None, Overrides())
        self._ours: dict[Name, Any] = {}  # what was decided here; None: taken back

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

    def unlink(self, apart: Apart, holds: bool) -> None:
        """Decide that two scenes never share a set, or (``holds`` False) take that back."""

        def edit(known: Overrides) -> Overrides:
            decided = known.decision(apart.video, apart.frames).get("unlink", ())
            places = [place for place in decided if place != apart.place]
            return known.with_decision(
                apart.video, apart.frames, unlink=[*places, *([apart.place] if holds else [])] or None
            )

        self.change(edit)

    def change(self, edit: Callable[[Overrides], Overrides]) -> None:
        """Replace the file by what ``edit`` makes of it; it is on the disk when this returns."""
        with self._lock, self._alone():
            while True:
                text = self.store.files.read(OVERRIDES)
                known = _parsed(text)
                edited = edit(known)
                if self.store.files.read(OVERRIDES) == text:  # else another program has saved it meanwhile
                    break
            self.store.files.write(OVERRIDES, to_yaml(edited).encode())
            before, after = _flat(known), _flat(edited)
            self._ours |= {name: after.get(name) for name in before | after if before.get(name) != after.get(name)}

    def lost(self) -> list[str]:
        """What was decided here and does not stand in the file any more, for a person; raises as ``read``."""
        found = _flat(self.read())
        return [_said(name, value) for name, value in self._ours.items() if found.get(name) != value]

    def put_back(self) -> None:
        """Decide again what is lost."""
        ours = dict(self._ours)
        self.change(lambda known: _with(known, ours))

    def give_up(self) -> None:
        """What is lost was meant to go."""
        found = _flat(self.read())
        self._ours = {name: value for name, value in self._ours.items() if found.get(name) == value}

    def exactly(self, shot: Shot, scope: Scope) -> Mapping[str, Any]:
        """What is decided for exactly this shot, its set or its video."""
        return self.read().decision(**scoped(shot, scope))

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with Path(self.store.root, f".{OVERRIDES}.lock").open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


@dataclass(frozen=True)
class Apart:
    """The decision that the scene of ``frames`` (None: any) of a video never shares a set with those at a ``place``.

    ``place`` is as it stands in the file: ``{"video": name, "frames": [first, end]}``, or without frames.
    """

    video: str
    frames: tuple[int, int] | None
    place: Mapping[str, Any]

    def of(self, shot: Shot) -> str | None:
        """Whom it keeps a shot apart from, for a person; None: it does not name the shot."""
        for one, other in ((self._own, self.place), (self.place, self._own)):
            if _names(one, shot):
                return _place_text(other)
        return None

    @property
    def _own(self) -> Mapping[str, Any]:
        return {"video": self.video, **({} if self.frames is None else {"frames": list(self.frames)})}


def apart(shot: Shot, other: Shot) -> Apart:
    """The decision that keeps the scenes of two shots apart."""
    return Apart(shot.video, shot.frames, {"video": other.video, "frames": list(other.frames)})


def kept_apart(overrides: Overrides, shot: Shot) -> list[Apart]:
    """The decisions that keep a shot's scene apart from others, whichever of the two they are written at."""
    entries = [entry for entry in overrides.entries if entry.video is not None]
    found = [Apart(str(e.video), e.frames, place) for e in entries for place in e.decided.get("unlink", ())]
    return [one for one in found if one.of(shot) is not None]


def _names(place: Mapping[str, Any], shot: Shot) -> bool:
    frames = place.get("frames")
    return place["video"] == shot.video and (frames is None or touches((frames[0], frames[1]), [shot.frames]))


def _place_text(place: Mapping[str, Any]) -> str:
    frames = place.get("frames")
    return str(place["video"]) if frames is None else f"{place['video']}, frames {frames[0]}–{frames[1] - 1}"


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


def _flat(overrides: Overrides) -> dict[Name, Any]:
    """All decisions by their names."""
    found: dict[Name, Any] = {
        (*one.scope, key): value for one in overrides.entries for key, value in one.decided.items()
    }
    return found | {(cut.video, cut.frame): cut.add for cut in overrides.cuts}


def _with(overrides: Overrides, decided: Mapping[Name, Any]) -> Overrides:
    """The file with decisions as ``_flat`` has them; None: without."""
    for name, value in decided.items():
        if len(name) == 2:
            overrides = overrides.with_cut(*name, value)
        else:
            video, frames, set_id, key = name
            overrides = overrides.with_decision(video, frames, set_id, **{key: value})
    return overrides


def _said(name: Name, value: Any) -> str:
    if len(name) == 2:
        return f"{name[0]}: {'no change' if value is None else 'cut' if value else 'no cut'} before frame {name[1]}"
    video, frames, set_id, key = name
    place = Override(video, frames, set_id).place
    return f"{place}: {key} {'taken back' if value is None else value}"


def _parsed(text: bytes | None) -> Overrides:
    if text is None:
        return Overrides()
    try:
        return read(text.decode(), OVERRIDES)
    except UnicodeDecodeError:
        raise UserError(f"{OVERRIDES} is no UTF-8") from None
