"""What the page shows of a run: its shots, how much each needs a look, filters and counts.

In: the tables in an output folder. Out: ``Run``, a frozen picture of them, with the shots sorted by risk.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from remaster.pipeline import store as files
from remaster.pipeline.store import Store
from remaster.tables import SHOTS

FOLDERS = ("metadata/scenes", "metadata/preview/scenes")
"""Where the rows of shots are: of those that were delivered, and of those that were previewed."""
SCENE_ID = re.compile(r"[A-Za-z0-9._-]*[A-Za-z0-9_-]-[0-9]{7,}")
"""The id of a scene, and the stem of a file with the rows of one scene; other files have those of a whole video."""
_NO_ROW = dict.fromkeys((*SHOTS.names, "loop", "stills"))
RISKS: Mapping[str, tuple[float, str]] = {
    "failed": (1.0, "failed"),
    "fallback": (0.5, "a step failed, a simpler method was used"),
    "doubt": (0.4, "low confidence"),
    "soft": (0.3, "soft fill"),
    "cut": (0.3, "characters cut by the join"),
    "generated": (0.2, "generated"),
}
"""The parts of the risk: the weight of each, and what it says. See ``risk_parts``."""
WORTH_NAMING = 0.05
"""A part of the risk from this value on is named as a reason."""


@dataclass(frozen=True, eq=False)
class Shot:
    """A row of ``metadata/scenes`` as the page needs it. ``risk`` 0-1; ``reasons`` says what it comes from.

    ``row`` has all columns.
    """

    row: Mapping[str, Any]
    risk: float
    reasons: tuple[str, ...]

    @property
    def key(self) -> str:
        """The shot's name on the page and in addresses."""
        return f"{self.scene_id}.{self.number}"

    @property
    def video(self) -> str:
        """The input's relative name."""
        return str(self.row["video"])

    @property
    def scene_id(self) -> str:
        """The scene that the shot belongs to."""
        return str(self.row["scene_id"])

    @property
    def video_id(self) -> str:
        """The video's name in the output folder."""
        return self.scene_id.rpartition("-")[0]

    @property
    def number(self) -> int:
        """The shot's number in its scene."""
        return int(self.row["shot"])

    @property
    def frames(self) -> tuple[int, int]:
        """The first frame and one past the last, in numbers of the video."""
        return int(self.row["start_frame"]), int(self.row["end_frame"])

    @property
    def method(self) -> str:
        """How its wings were made."""
        return str(self.row["method"])

    @property
    def status(self) -> str:
        """ok, fallback or failed."""
        return str(self.row["status"])

    @property
    def set_id(self) -> str | None:
        """The set that its background shows with those of other scenes."""
        found = self.row["set_id"]
        return None if found is None else str(found)

    @property
    def seconds(self) -> tuple[float, float]:
        """When it begins and ends, in seconds from the video's first frame at its mean rate."""
        rate = float(self.row["fps"]) or 1.0
        return self.frames[0] / rate, self.frames[1] / rate

    @property
    def version(self) -> str:
        """Changes whenever the shot was made again."""
        return f"{self.row['segment_crc32']}-{self.row['segment_bytes']}-{self.row['fingerprint']}"


@dataclass(frozen=True)
class Filters:
    """Which shots to show; an empty text is any. ``decision``: decided, open, accepted or rejected."""

    video: str = ""
    method: str = ""
    status: str = ""
    set_id: str = ""
    decision: str = ""
    text: str = ""


@dataclass(frozen=True)
class Run:
    """All shots of a run, the riskiest first."""

    shots: tuple[Shot, ...] = ()
    by_key: Mapping[str, Shot] = field(default_factory=dict)

    def values(self, name: str) -> dict[str, int]:
        """How many shots have each value of a property (video, method, status, set_id), the most frequent first."""
        found = Counter(getattr(shot, name) for shot in self.shots)
        return {str(value): count for value, count in found.most_common() if value is not None}

    def set_of(self, shot: Shot) -> list[Shot]:
        """The other shots that show the shot's set, in the order of video and time."""
        if shot.set_id is None:
            return []
        others = [other for other in self.shots if other.set_id == shot.set_id and other.key != shot.key]
        return sorted(others, key=lambda other: (other.video, other.frames))


def risk_parts(row: Mapping[str, Any]) -> dict[str, float]:
    """What the risk of a shot is made of, each part from 0 to its weight in ``RISKS``; the risk is their sum.

    A failed shot has the full risk. Otherwise: a fallback counts whole; doubt is 1 - confidence; soft and generated are
    shares of the wing pixels; cut is the share of the join's rows where a character is cut and not continued. A shot
    that fills the target has no wings, and one that somebody wants black or blurred has been judged: no risk.
    """
    if row["status"] == "failed":
        return {"failed": RISKS["failed"][0]}
    if row["method"] in ("passthrough", "leave", "blur"):
        return {}
    continued = min(max(row["continued"] or 0.0, 0.0), 1.0)
    amounts = {
        "fallback": 1.0 if row["status"] == "fallback" else 0.0,
        "doubt": 1.0 - (row["confidence"] if row["confidence"] is not None else 0.0),
        "soft": row["soft"] or 0.0,
        "cut": (row["cut_foreground"] or 0.0) * (1.0 - continued),
        "generated": row["generated"] or 0.0,
    }
    return {name: RISKS[name][0] * min(max(amount, 0.0), 1.0) for name, amount in amounts.items()}


def shot_of(row: Mapping[str, Any]) -> Shot:
    """A shot from its row of ``metadata/scenes``."""
    parts = risk_parts(row)
    named = sorted((name for name, part in parts.items() if part >= WORTH_NAMING), key=lambda name: -parts[name])
    return Shot(row, min(sum(parts.values()), 1.0), tuple(RISKS[name][1] for name in named))


def run_of(rows: Iterable[Mapping[str, Any]]) -> Run:
    """The run that has these rows of ``metadata/scenes``."""
    shots = sorted(map(shot_of, rows), key=lambda shot: (-shot.risk, shot.video, shot.frames))
    return Run(tuple(shots), {shot.key: shot for shot in shots})


def chosen(run: Run, filters: Filters, decided: Mapping[str, Mapping[str, Any]]) -> list[Shot]:
    """The shots that pass the filters, the riskiest first; ``decided`` has the decisions on shots, by their keys."""
    return [shot for shot in run.shots if _passes(shot, filters, decided.get(shot.key, {}))]


def _passes(shot: Shot, filters: Filters, decision: Mapping[str, Any]) -> bool:
    wanted = {name: getattr(filters, name) for name in ("video", "method", "status", "set_id")}
    if any(value and getattr(shot, name) != value for name, value in wanted.items()):
        return False
    if filters.decision and not _decided_so(filters.decision, decision):
        return False
    error = shot.row["error"] or ""
    searched = " ".join([shot.video, shot.scene_id, shot.method, shot.status, *shot.reasons, error]).lower()
    return all(word in searched for word in filters.text.lower().split())


def _decided_so(wanted: str, decision: Mapping[str, Any]) -> bool:
    if wanted in ("accepted", "rejected"):
        return decision.get("review") == wanted
    return bool(decision) == (wanted == "decided")


class Library:
    """Reads the tables of an output folder; what has not changed since is not read again."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._read: dict[str, _File] = {}
        self._run = Run()

    def run(self) -> Run:
        """The run as the folder has it at present; the shots of a preview where nothing of their scene is delivered."""
        keys = [key for folder in FOLDERS for key in self.store.files.names(folder) if key.endswith(".parquet")]
        read = {key: _read_file(self.store, key, self._read.get(key)) for key in keys}
        if read != self._read:
            self._read = read
            delivered, previewed = (_by_scene([one for one in read.values() if one.folder == f]) for f in FOLDERS)
            rows = [row for scene in (previewed | delivered).values() for row in scene]
            self._run = run_of(_with_loop(row, previewed) for row in rows)
        return self._run


@dataclass(frozen=True, eq=False)
class _File:
    """The rows of a file, and what tells its content from an earlier one: its time of change and size."""

    key: str
    state: tuple[int, int]
    rows: Sequence[Mapping[str, Any]]

    @property
    def folder(self) -> str:
        return self.key.rpartition("/")[0]

    @property
    def is_shard(self) -> bool:
        return SCENE_ID.fullmatch(PurePosixPath(self.key).stem) is not None


def _read_file(store: Store, key: str, known: _File | None) -> _File:
    status = Path(store.root, key).stat()
    state = (status.st_mtime_ns, status.st_size)
    if known is not None and known.state == state:
        return known
    table = files.read_table(store, key)
    rows = [] if table is None else table.to_pylist()
    return _File(key, state, [_NO_ROW | row for row in rows if SCENE_ID.fullmatch(str(row.get("scene_id")))])


def _by_scene(found: Iterable[_File]) -> dict[str, list[Mapping[str, Any]]]:
    """The rows by scene; those in a scene's own file are newer than those of its video's."""
    scenes: dict[str, list[Mapping[str, Any]]] = {}
    for file in sorted(found, key=lambda one: one.is_shard):
        own: dict[str, list[Mapping[str, Any]]] = {}
        for row in file.rows:
            own.setdefault(row["scene_id"], []).append(row)
        scenes |= own
    return scenes


def _with_loop(row: Mapping[str, Any], previewed: Mapping[str, Sequence[Mapping[str, Any]]]) -> Mapping[str, Any]:
    """A row with the moving picture that a preview made of the same shot."""
    same = (one for one in previewed.get(row["scene_id"], ()) if one["start_frame"] == row["start_frame"])
    found = next((one for one in same if one["end_frame"] == row["end_frame"]), None)
    return row if found is None else {**row, "loop": found["loop"]}
