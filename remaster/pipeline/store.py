"""The output folder: where everything lies, and how it is written so that a kill at any moment leaves no half-truth.

Every file is written under a temporary name beside its place and renamed. A scene's rows are one Parquet shard until
its video is assembled; then the shards of the video become one file.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from remaster.errors import UserError
from remaster.rows import SCENE
from remaster.tables import SHOTS, VIDEOS

TEMPORARY = ".part"


@dataclass(frozen=True)
class Store:
    """An output folder by its absolute path."""

    root: str

    @property
    def path(self) -> Path:
        """The folder itself."""
        return Path(self.root)

    def plan(self, video_id: str) -> Path:
        """The plan of a video: one row a scene."""
        return self.path / "metadata" / "plan" / f"{video_id}.parquet"

    def shard(self, scene_id: str) -> Path:
        """The rows of one scene, until its video is assembled."""
        return self.path / "metadata" / "scenes" / f"{scene_id}.parquet"

    def compacted(self, video_id: str) -> Path:
        """The rows of all scenes of an assembled video."""
        return self.path / "metadata" / "scenes" / f"{video_id}.parquet"

    def video(self, video_id: str) -> Path:
        """The row of a video."""
        return self.path / "metadata" / "videos" / f"{video_id}.parquet"

    def segment(self, video_id: str, scene_id: str, shot: int) -> Path:
        """The encoded frames of one shot."""
        return self.path / "scenes" / video_id / f"{scene_id}-{shot}.mkv"

    def preview(self, video_id: str, scene_id: str, shot: int) -> Path:
        """A shot's before/after picture."""
        return self.path / "scenes" / video_id / f"{scene_id}-{shot}.jpg"

    def output(self, name: str) -> Path:
        """A finished video by its output name."""
        return self.path / "videos" / name

    def relative(self, path: Path) -> str:
        """A path as it stands in the tables."""
        return path.relative_to(self.path).as_posix()


def write_bytes(path: Path, data: bytes) -> None:
    """Write a whole file atomically."""
    _atomically(path, lambda temporary: temporary.write_bytes(data))


def write_table(path: Path, table: pa.Table) -> None:
    """Write a Parquet file atomically."""
    _atomically(path, lambda temporary: pq.write_table(table, temporary, compression="zstd"))


def write_shots(store: Store, scene_id: str, rows: Iterable[dict[str, Any]]) -> None:
    """Replace the shard of one scene."""
    write_table(store.shard(scene_id), pa.Table.from_pylist(list(rows), schema=SHOTS))


def write_video(store: Store, video_id: str, row: dict[str, Any]) -> None:
    """Replace the row of one video."""
    write_table(store.video(video_id), pa.Table.from_pylist([row], schema=VIDEOS))


def write_plan(store: Store, video_id: str, plan: pa.Table) -> None:
    """Replace the plan of one video; ``plan`` is under ``rows.SCENE``."""
    write_table(store.plan(video_id), plan.cast(SCENE))


def read_shots(store: Store, video_id: str) -> dict[str, list[dict[str, Any]]]:
    """What ``metadata/scenes`` holds of a video: its rows by scene id. A shard is newer than the compacted file."""
    rows: dict[str, list[dict[str, Any]]] = {}
    for path in (store.compacted(video_id), *_shards(store, video_id)):
        if path.is_file():
            found: dict[str, list[dict[str, Any]]] = {}
            for row in pq.read_table(path, schema=SHOTS).to_pylist():
                found.setdefault(row["scene_id"], []).append(row)
            rows |= found
    return rows


def read_video(store: Store, video_id: str) -> list[dict[str, Any]]:
    """A video's row, or nothing where it has none yet."""
    path = store.video(video_id)
    return list(pq.read_table(path, schema=VIDEOS).to_pylist()) if path.is_file() else []


def ordered_shots(store: Store, video_id: str) -> list[dict[str, Any]]:
    """All of a video's rows in the order of time."""
    rows = [row for group in read_shots(store, video_id).values() for row in group]
    return sorted(rows, key=lambda row: row["start_frame"])


def compact(store: Store, video_id: str, scene_ids: list[str]) -> list[dict[str, Any]]:
    """Join the shards of a video's scenes into one file and return its rows in the order of time."""
    by_scene = read_shots(store, video_id)
    rows = [row for scene in scene_ids for row in sorted(by_scene[scene], key=lambda r: r["shot"])]
    write_table(store.compacted(video_id), pa.Table.from_pylist(rows, schema=SHOTS))
    remove_shards(store, video_id)
    return rows


def scatter(store: Store, video_id: str, keep: Mapping[str, list[dict[str, Any]]]) -> None:
    """The inverse of ``compact`` for the scenes to ``keep``: a video that is worked on again has shards only."""
    for scene, rows in keep.items():
        write_shots(store, scene, rows)
    for path in _shards(store, video_id):
        if path.stem not in keep:
            path.unlink()
    store.compacted(video_id).unlink(missing_ok=True)


def remove_shards(store: Store, video_id: str) -> None:
    """Delete the shards of a video."""
    for path in _shards(store, video_id):
        path.unlink()


def remove_temporaries(store: Store) -> None:
    """Delete what a killed run left half-written. Call it only under the folder's lock."""
    for path in store.path.rglob(f"*{TEMPORARY}*"):
        if path.is_file():
            path.unlink()


@contextmanager
def lock(store: Store) -> Iterator[None]:
    """Hold the output folder; raises ``UserError`` where another live run holds it.

    The lock is the kernel's (``flock``), so it dies with its holder; the file's content only tells who that is.
    """
    store.path.mkdir(parents=True, exist_ok=True)
    with (store.path / ".lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            raise UserError(
                f"output.dir={store.root} is in use by another run ({holder}); wait for it or stop it"
            ) from None
        file.truncate(0)
        file.write(json.dumps({"host": socket.gethostname(), "pid": os.getpid()}))
        file.flush()
        yield


def _shards(store: Store, video_id: str) -> list[Path]:
    return sorted(store.compacted(video_id).parent.glob(f"{video_id}-{'[0-9]' * 7}.parquet"))


def _atomically(path: Path, write: Callable[[Path], Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{os.getpid()}{TEMPORARY}")
    try:
        write(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
