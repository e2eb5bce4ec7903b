"""The output folder: the names of its files, and how they are written so that a kill leaves nothing inconsistent.

It is a local folder or a prefix on an object store (see ``storage``); either way a file is there whole or not at all.
A scene's rows are one Parquet shard until its video is assembled; then the shards of the video become one file. A
folder belongs to one run at a time (see ``lock``).
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from remaster.arrow import RowTable, T
from remaster.remote import is_remote, joined
from remaster.storage import Folder, folder
from remaster.tables import SHOTS, VIDEOS

TEMPORARY = re.compile(r"\..*\.(?:[0-9a-f]{32}\.part(?:\.[^.]*)?|tries)", re.DOTALL)
"""Names that ``PartFile`` and ``failures`` write; no video has one, since hidden files are not taken."""

FINGERPRINT = b"remaster.fingerprint"
"""Under which the metadata of a file of rows says what they were made of."""


@dataclass(frozen=True)
class Store:
    """An output folder by its absolute path or address. ``run`` names the run that holds it; empty: none does.

    The methods give keys: names relative to the folder, as they stand in the tables.
    """

    root: str
    run: str = ""

    @property
    def files(self) -> Folder:
        """The folder itself."""
        return folder(self.root)

    def where(self, key: str) -> str:
        """A file's or folder's whole path or address, for a person."""
        return joined(self.root, key) if is_remote(self.root) else f"{self.root}/{key}"

    @property
    def overrides(self) -> str:
        """A person's decisions."""
        return "overrides.yaml"

    def plan(self, video_id: str) -> str:
        """The plan of a video: one row a scene."""
        return f"metadata/plan/{video_id}.parquet"

    def shard(self, scene_id: str) -> str:
        """The rows of one scene, until its video is assembled."""
        return f"metadata/scenes/{scene_id}.parquet"

    def compacted(self, video_id: str) -> str:
        """The rows of all scenes of an assembled video."""
        return f"metadata/scenes/{video_id}.parquet"

    def video(self, video_id: str) -> str:
        """The row of a video."""
        return f"metadata/videos/{video_id}.parquet"

    def segment(self, video_id: str, scene_id: str, shot: int) -> str:
        """The encoded frames of one shot."""
        return f"scenes/{video_id}/{scene_id}-{shot}.mkv"

    def preview(self, video_id: str, scene_id: str, shot: int) -> str:
        """A shot's before/after picture."""
        return f"scenes/{video_id}/{scene_id}-{shot}.jpg"

    def map(self, video_id: str, scene_id: str, shot: int) -> str:
        """Where the wings of a shot's middle frame come from, as a picture."""
        return f"scenes/{video_id}/{scene_id}-{shot}.map.png"

    def background(self, video_id: str, scene_id: str, shot: int) -> str:
        """The filled background of a shot, as a picture to edit."""
        return f"scenes/{video_id}/{scene_id}-{shot}.background.png"

    def cached(self, video_id: str, scene_id: str, stage: str) -> str:
        """A scene as a stage left it, for the stages after it."""
        return f"scenes/{video_id}/{scene_id}.{stage}.parquet"

    def lent(self, video_id: str, scene_id: str, shot: int) -> str:
        """What other scenes of its set lend to the background of a shot."""
        return f"scenes/{video_id}/{scene_id}.lent-{shot}.parquet"

    def set(self, set_id: str) -> str:
        """A set of backgrounds, and what was made of it."""
        return f"sets/{set_id}.parquet"

    def exact(self, video_id: str, donor_id: str) -> str:
        """Which frames of a video a donor shows, too."""
        return f"scenes/{video_id}/exact-{donor_id}.parquet"

    def set_aside(self, video_id: str) -> str:
        """The rows of finished scenes outside ``scenes.limit``: at present no part of the tables."""
        return f"scenes/{video_id}/shelf.parquet"

    def cleared(self, video_id: str) -> str:
        """The run that has removed all earlier results of a video."""
        return f"scenes/{video_id}/cleared"

    def todo(self, video_id: str) -> str:
        """The scenes of a video that the present run works on."""
        return f"scenes/{video_id}/todo.json"

    def tries(self, video_id: str, what: str) -> str:
        """How often a step has killed its worker (see ``failures``)."""
        return f"scenes/{video_id}/.{what}.tries"

    def output(self, name: str) -> str:
        """A finished video by its output name."""
        return f"videos/{name}"


def write_table(store: Store, key: str, table: pa.Table) -> None:
    """Write a Parquet file whose pages have checksums."""
    sink = io.BytesIO()
    # No dictionaries: most bytes are pictures, which it would hash for nothing; zstd finds what repeats in the rest.
    pq.write_table(table, sink, compression="zstd", use_dictionary=False, write_page_checksum=True)
    store.files.write(key, sink.getvalue())


def write_shots(store: Store, scene_id: str, rows: Iterable[dict[str, Any]]) -> None:
    """Replace the shard of one scene."""
    write_table(store, store.shard(scene_id), _table(rows))


def write_video(store: Store, video_id: str, row: dict[str, Any]) -> None:
    """Replace the row of one video."""
    write_table(store, store.video(video_id), pa.Table.from_pylist([row], schema=VIDEOS))


def read_shots(store: Store, video_id: str) -> dict[str, list[dict[str, Any]]]:
    """What ``metadata/scenes`` holds of a video: its rows by scene id. A shard is newer than the compacted file."""
    return _by_scene(store, [store.compacted(video_id), *_shards(store, video_id)])


def update_shots(store: Store, video_id: str, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Replace each row that ``metadata/scenes`` holds of a video by what ``change`` makes of it, where it stands."""
    for key in (store.compacted(video_id), *_shards(store, video_id)):
        rows = _rows(store, key, SHOTS)
        changed = [change(row) for row in rows]
        if changed != rows:
            write_table(store, key, _table(changed))


def read_set_aside(store: Store, video_id: str) -> dict[str, list[dict[str, Any]]]:
    """The rows of a video that are set aside, by scene id."""
    return _by_scene(store, [store.set_aside(video_id)])


def read_scene(store: Store, video_id: str, scene_id: str) -> list[dict[str, Any]]:
    """The rows of one scene in its shard; none where it has no shard."""
    return _by_scene(store, [store.shard(scene_id)]).get(scene_id, [])


def read_video(store: Store, video_id: str) -> list[dict[str, Any]]:
    """A video's row, or nothing where it has none yet."""
    return _rows(store, store.video(video_id), VIDEOS)


def read_table(store: Store, key: str, schema: pa.Schema | None = None) -> pa.Table | None:
    """A Parquet file, or None where there is none, or none that can be read: what is damaged is made again."""
    data = store.files.read(key)
    if data is None:
        return None
    try:
        return pq.read_table(pa.BufferReader(data), schema=schema, page_checksum_verification=True)
    except (pa.ArrowInvalid, OSError):  # it is all in memory: no error here is the disk's
        return None


def write_rows(store: Store, key: str, kind: RowTable[T], rows: Sequence[T], fingerprint: str) -> None:
    """Write rows of one class, with the fingerprint of what they were made of."""
    table = kind.write(rows, compact=True)
    write_table(store, key, table.replace_schema_metadata({FINGERPRINT: fingerprint.encode()}))


def read_rows(store: Store, key: str, kind: RowTable[T], fingerprint: str) -> list[T]:
    """The rows of a file that was written with this ``fingerprint``; none where it does not hold any more.

    Nor are those taken whose columns are of another version of the program.
    """
    return rows_or_none(store, key, kind, fingerprint) or []


def rows_or_none(store: Store, key: str, kind: RowTable[T], fingerprint: str) -> list[T] | None:
    """``read_rows``, but None where the file does not hold any more: one that holds may have no rows."""
    table = read_table(store, key)
    if table is None or (table.schema.metadata or {}).get(FINGERPRINT) != fingerprint.encode():
        return None
    return kind.read(table) if table.schema.equals(kind.schema) else None


def ordered_shots(store: Store, video_id: str) -> list[dict[str, Any]]:
    """All of a video's rows in the order of time."""
    rows = [row for group in read_shots(store, video_id).values() for row in group]
    return sorted(rows, key=lambda row: row["start_frame"])


def compact(store: Store, video_id: str, scene_ids: list[str]) -> list[dict[str, Any]]:
    """Join the shards of a video's scenes into one file and return its rows in the order of time.

    A kill between the two leaves rows twice, for readers too, until the next run ``uncompact``s the video.
    """
    by_scene = read_shots(store, video_id)
    rows = sorted((row for scene in scene_ids for row in by_scene[scene]), key=lambda row: row["start_frame"])
    write_table(store, store.compacted(video_id), _table(rows))
    for key in _shards(store, video_id):
        store.files.remove(key)
    return rows


def uncompact(
    store: Store,
    video_id: str,
    keep: Mapping[str, list[dict[str, Any]]],
    later: Mapping[str, list[dict[str, Any]]] | None = None,
) -> None:
    """The inverse of ``compact`` for the scenes to ``keep``: a video that is worked on again has shards only.

    The rows of ``later`` are set aside. The video's own row is removed, because it is of another state. Nothing is
    removed before its content is written elsewhere.
    """
    there = {PurePosixPath(key).stem for key in _shards(store, video_id)}
    known = read_shots(store, video_id)
    if later:
        write_table(store, store.set_aside(video_id), _table(row for rows in later.values() for row in rows))
    for scene, rows in keep.items():
        if scene not in there or _in_order(known[scene]) != _in_order(rows):
            write_shots(store, scene, rows)
    for scene in there - keep.keys():
        store.files.remove(store.shard(scene))
    store.files.remove(store.video(video_id))
    store.files.remove(store.compacted(video_id))
    if not later:
        store.files.remove(store.set_aside(video_id))


def holds_exactly(store: Store, video_id: str, rows: Mapping[str, list[dict[str, Any]]]) -> bool:
    """True where ``metadata/scenes`` holds the ``rows`` of these scenes once, and no others of the video.

    A kill between ``compact``'s or ``scatter``'s steps, or another ``scenes.limit``, leaves it otherwise.
    """
    shards = {PurePosixPath(key).stem for key in _shards(store, video_id)}
    if shards & set(_by_scene(store, [store.compacted(video_id)])):
        return False
    there = {scene: _in_order(found) for scene, found in read_shots(store, video_id).items()}
    return there == {scene: _in_order(wanted) for scene, wanted in rows.items()}


def clear(store: Store, video_id: str) -> None:
    """Remove all files of a video but its result."""
    for key in store.files.names(f"scenes/{video_id}"):
        if not TEMPORARY.fullmatch(PurePosixPath(key).name):  # the deaths of workers are still counted
            store.files.remove(key)
    for key in (*_shards(store, video_id), store.video(video_id), store.compacted(video_id), store.plan(video_id)):
        store.files.remove(key)


def remove_unplanned(store: Store, video_id: str, scene_ids: Iterable[str]) -> None:
    """Remove files of scenes that a video's plan does not have any more."""
    known = set(scene_ids)
    scene = re.compile(re.escape(video_id) + r"-[0-9]{7,}(?=[-.])")
    for key in store.files.names(f"scenes/{video_id}"):
        found = scene.match(PurePosixPath(key).name)
        if found and found.group() not in known:
            store.files.remove(key)


def remove_temporaries(store: Store) -> None:
    """Delete what a killed run left half-written. Call it only under the folder's lock."""
    for key in store.files.names("", recursive=True):
        if TEMPORARY.fullmatch(PurePosixPath(key).name):
            store.files.remove(key)


def _in_order(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(rows, key=lambda row: row["shot"])


def _by_scene(store: Store, keys: Iterable[str]) -> dict[str, list[dict[str, Any]]]:
    """The rows of several files by scene; a later file's are the newer."""
    rows: dict[str, list[dict[str, Any]]] = {}
    for key in keys:
        found: dict[str, list[dict[str, Any]]] = {}
        for row in _rows(store, key, SHOTS):
            found.setdefault(row["scene_id"], []).append(row)
        rows |= found
    return rows


def _rows(store: Store, key: str, schema: pa.Schema) -> list[dict[str, Any]]:
    table = read_table(store, key, schema)
    return [] if table is None else list(table.to_pylist())


def _table(rows: Iterable[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema=SHOTS)


def _shards(store: Store, video_id: str) -> list[str]:
    name = re.compile(re.escape(video_id) + r"-[0-9]{7,}\.parquet")
    return [key for key in store.files.names("metadata/scenes") if name.fullmatch(PurePosixPath(key).name)]
