"""The output folder: where everything lies, and how it is written so that a kill at any moment leaves no half-truth.

Every file is written under a temporary name beside its place and renamed. A scene's rows are one Parquet shard until
its video is assembled; then the shards of the video become one file. A folder belongs to one run at a time: see
``lock`` for its driver and ``working`` for its workers.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import socket
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq

from remaster.errors import UserError
from remaster.media.partfile import PartFile
from remaster.tables import SHOTS, VIDEOS

# What ``PartFile`` and ``attempts`` write, and nothing that a video could be called: its files are not hidden.
TEMPORARY = re.compile(r"\..*\.(?:[0-9a-f]{32}\.part(?:\.[^.]*)?|tries)", re.DOTALL)
WORKERS_END_SECONDS = 60.0  # Ray ends the workers of a dead driver within seconds


class Superseded(RuntimeError):
    """Another run holds the output folder by now: this one's workers may not write into it any more."""


@dataclass(frozen=True)
class Store:
    """An output folder by its absolute path. ``run`` names the run that holds it (see ``lock``); empty: none does."""

    root: str
    run: str = ""

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

    def tries(self, video_id: str, what: str) -> Path:
        """How often a step has taken its worker with it (see ``attempts``)."""
        return self.path / "scenes" / video_id / f".{what}.tries"

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


def read_shots(store: Store, video_id: str) -> dict[str, list[dict[str, Any]]]:
    """What ``metadata/scenes`` holds of a video: its rows by scene id. A shard is newer than the compacted file."""
    rows: dict[str, list[dict[str, Any]]] = {}
    for path in (store.compacted(video_id), *_shards(store, video_id)):
        found: dict[str, list[dict[str, Any]]] = {}
        for row in _rows(path, SHOTS):
            found.setdefault(row["scene_id"], []).append(row)
        rows |= found
    return rows


def read_video(store: Store, video_id: str) -> list[dict[str, Any]]:
    """A video's row, or nothing where it has none yet."""
    return _rows(store.video(video_id), VIDEOS)


def read_table(path: Path, schema: pa.Schema | None = None) -> pa.Table | None:
    """A Parquet file, or None where there is none, or none that can be read: what is damaged is made again."""
    if not path.is_file():
        return None
    try:
        return pq.read_table(path, schema=schema)
    except pa.ArrowInvalid:
        return None
    except OSError as error:
        if error.errno is not None:  # the disk's; Parquet's own about its contents have no number
            raise
        return None


def ordered_shots(store: Store, video_id: str) -> list[dict[str, Any]]:
    """All of a video's rows in the order of time."""
    rows = [row for group in read_shots(store, video_id).values() for row in group]
    return sorted(rows, key=lambda row: row["start_frame"])


def compact(store: Store, video_id: str, scene_ids: list[str]) -> list[dict[str, Any]]:
    """Join the shards of a video's scenes into one file and return its rows in the order of time.

    A kill between the two leaves rows twice, for readers too, until the next run ``scatter``s the video.
    """
    by_scene = read_shots(store, video_id)
    rows = sorted((row for scene in scene_ids for row in by_scene[scene]), key=lambda row: row["start_frame"])
    write_table(store.compacted(video_id), pa.Table.from_pylist(rows, schema=SHOTS))
    for path in _shards(store, video_id):
        path.unlink()
    return rows


def scatter(store: Store, video_id: str, keep: Mapping[str, list[dict[str, Any]]]) -> None:
    """The inverse of ``compact`` for the scenes to ``keep``: a video that is worked on again has shards only.

    Its own row goes too, because it tells of another state. Nothing is removed before what it holds lies elsewhere.
    """
    there = {path.stem for path in _shards(store, video_id)}
    for scene, rows in keep.items():
        if scene not in there:
            write_shots(store, scene, rows)
    for scene in there - keep.keys():
        store.shard(scene).unlink()
    store.video(video_id).unlink(missing_ok=True)
    store.compacted(video_id).unlink(missing_ok=True)


def settled(store: Store, video_id: str, scene_ids: Sequence[str]) -> bool:
    """False where a kill left a video between ``compact`` or ``scatter``'s steps, so that readers see rows twice."""
    shards = {path.stem for path in _shards(store, video_id)}
    return not shards if store.compacted(video_id).is_file() else shards <= set(scene_ids)


def remove_temporaries(store: Store) -> None:
    """Delete what a killed run left half-written. Call it only under the folder's lock."""
    for path in store.path.rglob(".*"):
        if TEMPORARY.fullmatch(path.name) and path.is_file():
            path.unlink()


@contextmanager
def lock(store: Store) -> Iterator[Store]:
    """Hold the output folder: yields the store under a name of this run's own.

    The locks are the kernel's (``flock``), so they die with their holders; the file's content only tells who that is.
    A killed driver's workers outlive it for a moment: what they are at is awaited, and they can begin nothing more.
    Raises ``UserError`` where another live run holds the folder, or workers of a dead one will not end.
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
        held = replace(store, run=uuid4().hex)
        _fence(held)
        yield held


@contextmanager
def working(store: Store) -> Iterator[None]:
    """What a worker does in the output folder; raises ``Superseded`` once another run has taken it over."""
    if not store.run:
        yield
        return
    with _workers_file(store).open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        if file.read().decode() != store.run:
            raise Superseded(f"another run works in {store.root}")
        yield


def _fence(store: Store) -> None:
    """Wait until no worker of an earlier run is at work, and let this run's in alone."""
    end = time.monotonic() + WORKERS_END_SECONDS
    with _workers_file(store).open("a+b") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                if time.monotonic() > end:
                    raise UserError(
                        f"workers of an earlier run still write into output.dir={store.root}; end them and start again"
                    ) from None
                time.sleep(0.1)
        file.truncate(0)
        file.write(store.run.encode())
        file.flush()


def _workers_file(store: Store) -> Path:
    return store.path / ".workers"


def _rows(path: Path, schema: pa.Schema) -> list[dict[str, Any]]:
    table = read_table(path, schema)
    return [] if table is None else list(table.to_pylist())


def _shards(store: Store, video_id: str) -> list[Path]:
    folder, name = store.compacted(video_id).parent, re.compile(re.escape(video_id) + r"-[0-9]{7,}\.parquet")
    return sorted(path for path in folder.glob("*.parquet") if name.fullmatch(path.name))


def _atomically(path: Path, write: Callable[[Path], Any]) -> None:
    part = PartFile(path)
    try:
        write(part.temporary)
        part.commit()
    finally:
        part.discard()
