"""Writes shots as layers for compositing: the wings alone with alpha, a map of where they come from, and an index.

The layers of a shot are written while it is encoded, from the very planes that the encoder gets. A record beside its
segment says which files they are and what they were made of; it is removed before they are written and comes last, so
that a kill leaves none that lies. The index of a video is made of the records once all of its shots are there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Any

import numpy as np

from remaster.arrays import Plane
from remaster.media.alpha import Cutout, alpha_format
from remaster.media.encode import SegmentWriter
from remaster.media.encoders import Codec, EncoderSettings
from remaster.media.types import ColorSpec, PixelFormat, VideoInfo
from remaster.pipeline.job import Job
from remaster.pipeline.store import Store
from remaster.report.preview import MAP_COLORS, origin_map
from remaster.resample.origins import GENERATED, LENT, ORIGINAL, PROPAGATED, RECOVERED, SOFT, Origins
from remaster.rows import Scene

VERSION = 1
"""Of the index's form; it grows where a reader of an older form would go wrong."""
LEGEND = {
    ORIGINAL: ("original", "the source's picture; transparent in the wings"),
    RECOVERED: ("recovered", "seen by frames of this shot's scene"),
    LENT: ("lent", "seen only by other scenes of the set, or by another recording of the same frames"),
    PROPAGATED: ("propagated", "carried from frames near in time"),
    GENERATED: ("generated", "made by the inpainter"),
    SOFT: ("soft", "the soft fill"),
}
"""Name and meaning of a map's values."""
_RGB = PixelFormat("gbrp", "rgb", 8)
_LOSSLESS = EncoderSettings(Codec.ffv1)


class ShotLayers:
    """Writes the layers of one piece of a scene, frame by frame; used as a context manager around its rendering.

    ``folder`` is a view of the output folder, ``number`` that of the piece in its scene, ``first`` the number of its
    first frame in the video. ``store`` then puts the files into the output folder.
    """

    def __init__(self, folder: Path, scene: Scene, number: int, first: int, job: Job) -> None:
        self._folder, self._scene, self._store = folder, scene, job.store
        self._window = window = job.window(scene)
        self._format = alpha_format(scene.info.format, window.width, window.height)
        self._record = job.store.layer_record(scene.video_id, scene.scene_id, number)
        place = f"{job.store.layers(scene.video, scene.video_id)}/{first:07d}"
        self._wings, self._picture, self._video = (f"{place}.{end}" for end in ("wings.mkv", "map.png", "map.mkv"))
        self._writers = ExitStack()
        self._pts: list[int] = []
        self._cutout: Cutout | None = None
        self._first_map: Origins | None = None
        self._maps: SegmentWriter | None = None

    def __enter__(self) -> ShotLayers:
        self._store.files.remove(self._record)
        self._wing_writer = self._open(self._wings, self._format, self._scene.info.color)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writers.__exit__(kind, error, trace)

    def write(self, composed: Sequence[Plane], origins: Origins, pts: int) -> None:
        """Add a frame: its composed planes, the origin of each pixel, and its time in the source."""
        if self._cutout is None:  # wings and replaced pixels of the gate are the same in all frames of a shot
            self._cutout = Cutout(origins != ORIGINAL, self._scene.info.format, self._scene.info.color)
        self._pts.append(pts)
        self._wing_writer.write(self._cutout.planes(composed), pts - self._pts[0])
        self._write_map(origins)

    def store(self) -> None:
        """Put the files into the output folder, and then their record."""
        files, last = self._store.files, self._picture if self._maps is None else self._video
        self._put(self._wings)
        if self._maps is not None:
            self._put(self._video)
        elif self._first_map is not None:
            files.write(self._picture, origin_map(self._first_map), durable=False)
        files.remove(self._video if self._maps is None else self._picture)  # of an earlier run
        window, active, form = self._window, self._window.active, self._format
        record = {
            "fingerprint": self._scene.fingerprint,
            "pts": self._pts,
            "size": [window.width, window.height],
            "place": [window.x, window.y, active.width, active.height],
            "crop": [active.x, active.y, active.width, active.height],
            "wings": self._facts(self._wings)
            | {"pixel_format": form.name, "shift": form.depth - self._scene.info.format.depth},
            "map": self._facts(last) | {"frames": 1 if self._maps is None else len(self._pts)},
        }
        files.write(self._record, json.dumps(record).encode())

    def _write_map(self, origins: Origins) -> None:
        """One picture, as long as all frames have the same map; from the first other one on, a video."""
        if self._first_map is None:
            self._first_map = origins
        times = [pts - self._pts[0] for pts in self._pts]
        if self._maps is None:
            if np.array_equal(origins, self._first_map):
                return
            self._maps = self._open(self._video, _RGB, ColorSpec(full_range=True))
            for time in times[:-1]:
                self._maps.write(_coloured(self._first_map), time)
        self._maps.write(_coloured(origins), times[-1])

    def _open(self, key: str, form: PixelFormat, color: ColorSpec) -> SegmentWriter:
        info, window = self._scene.info, self._window
        path = self._folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        writer = SegmentWriter(
            path, window.width, window.height, info.sar, form, color, info.fps, info.time_base, _LOSSLESS, timed=True
        )
        return self._writers.enter_context(writer)

    def _put(self, key: str) -> None:
        self._store.files.put(self._folder / key, key)

    def _facts(self, key: str) -> dict[str, Any]:
        return {"file": PurePosixPath(key).name, "bytes": self._store.files.size(key)}


def has_layers(scene: Scene, row: Mapping[str, Any], job: Job) -> bool:
    """Whether a shot has its layers, where the configuration asks for them and it has wings."""
    if not job.config.output.layers or row["method"] == "passthrough":
        return True
    record = _read(job.store, job.store.layer_record(scene.video_id, scene.scene_id, row["shot"]))
    if record is None or record["fingerprint"] != row["fingerprint"]:
        return False
    place = job.store.layers(scene.video, scene.video_id)
    return all(
        job.store.files.size(f"{place}/{record[name]['file']}") == record[name]["bytes"] for name in ("wings", "map")
    )


def drop_index(job: Job, video: str, video_id: str) -> None:
    """Remove a video's index: some of its shots are made anew."""
    job.store.files.remove(f"{job.store.layers(video, video_id)}/index.json")


def write_index(info: VideoInfo, video_id: str, output: str, shots: Sequence[Mapping[str, Any]], job: Job) -> None:
    """Write the index of a video's layers, from the rows of all its ``shots``; remove layers of shots that are no more.

    Without ``output.layers`` the index has those that are still of these shots; where there are none, nothing is left.
    """
    files, folder = job.store.files, job.store.layers(str(shots[0]["video"]), video_id)
    if not job.config.output.layers and not files.names(folder):
        return
    keys = [key for key in files.names(f"scenes/{video_id}") if key.endswith(".layers.json")]
    records = {key: record for key in keys if (record := _read(job.store, key)) is not None}
    known = {f"{folder}/{record[name]['file']}" for record in records.values() for name in ("wings", "map")}
    index = f"{folder}/index.json"
    if records or job.config.output.layers:
        entries = [_entry(shot, records, video_id, job.store) for shot in shots]
        files.write(index, _index(_head(info, str(shots[0]["video"]), output), entries).encode())
        known.add(index)
    for key in files.names(folder):
        if key not in known:
            files.remove(key)


def _index(head: Mapping[str, Any], shots: Sequence[Mapping[str, Any]]) -> str:
    """The index as JSON with one shot a line."""
    lines = ",\n  ".join(map(json.dumps, shots))
    return f'{json.dumps(head, indent=1)[:-2]},\n "shots": [\n  {lines}\n ]\n}}\n'


def _head(info: VideoInfo, video: str, output: str) -> dict[str, Any]:
    return {
        "version": VERSION,
        "video": video,
        "output": output,
        "time_base": str(info.time_base),
        "fps": str(info.fps),
        "sar": str(info.sar),
        "rotation": info.rotation,
        "source_filter": None if info.treatment is None else info.treatment.name,
        "legend": [
            {"value": value, "name": name, "color": f"#{MAP_COLORS[value]:06x}", "meaning": meaning}
            for value, (name, meaning) in LEGEND.items()
        ],
    }


def _entry(
    shot: Mapping[str, Any], records: Mapping[str, Mapping[str, Any]], video_id: str, store: Store
) -> dict[str, Any]:
    """One shot of the index; without layers of this very shot only what its row says."""
    record = records.get(store.layer_record(video_id, str(shot["scene_id"]), int(shot["shot"])), {})
    if record.get("fingerprint") != shot["fingerprint"]:
        record = {}
    return {
        "frames": [shot["start_frame"], shot["end_frame"]],
        "start_pts": shot["start_pts"],
        "end_pts": shot["end_pts"],
        "scene": shot["scene_id"],
        "method": shot["method"],
        "status": shot["status"],
        "set": shot["set_id"],
        **{name: record.get(name) for name in ("size", "place", "crop", "pts", "wings", "map")},
    }


def _coloured(origins: Origins) -> tuple[Plane, ...]:
    """A map in the colours of ``MAP_COLORS``, as planes G, B, R."""
    return tuple(np.array([color >> shift & 255 for color in MAP_COLORS], np.uint8)[origins] for shift in (8, 0, 16))


def _read(store: Store, key: str) -> dict[str, Any] | None:
    """A record; None where there is none, or none that can be read."""
    data = store.files.read(key)
    try:
        return None if data is None else dict(json.loads(data))
    except ValueError:  # a power cut: it is made again
        return None
