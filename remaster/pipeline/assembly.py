"""Assembles finished scenes into the finished video: one task per video, as soon as its last scene is ready."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from remaster.config import Subtitles, digest
from remaster.errors import MediaError
from remaster.imaging.tuning import TUNING as IMAGING
from remaster.media.centre import CentreSample, check_centre, psnr_floor, without_border
from remaster.media.encoders import converted, lost_hdr
from remaster.media.remux import Assembled, assemble
from remaster.media.subtitles.places import Places, Stay
from remaster.media.subtitles.placing import place_of
from remaster.media.types import VideoInfo
from remaster.media.verify import verify
from remaster.notes import Note, losses, status_of, texts
from remaster.pipeline import store as files
from remaster.pipeline.encoding import encoder_settings
from remaster.pipeline.failures import raise_if_disk_full
from remaster.pipeline.finished import segment_whole
from remaster.pipeline.job import Job
from remaster.pipeline.lock import working
from remaster.pipeline.video_plan import limited, stored_plan
from remaster.report.wing_use import WING_KINDS, wing_use
from remaster.rows import PlannedVideo, Scene
from remaster.steering.checking import STEP_METHODS
from remaster.tables import SHOTS, VIDEOS

CENTRE_SAMPLES = 8
"""Scenes of a video, at most, in which the centre of one frame is compared with the source."""
MAX_CENTRE_DEPTH_FRAMES = 8
"""Frames before the compared one in its scene, at most: the scene is decoded up to it."""


@dataclass(frozen=True)
class VideoTask:
    """A video that is ready: its own ``row`` and its ``output`` name."""

    row: PlannedVideo
    output: str
    job: Job

    @property
    def partial(self) -> bool:
        """Whether only the first scenes were asked for, and the video has more."""
        limit = self.job.config.scenes.limit
        return limit is not None and len(self.row.planned) >= limit

    @property
    def key(self) -> str:
        """The finished video's path in the output folder."""
        return self.job.store.output(self.output)


def assemble_video(task: VideoTask) -> dict[str, Any]:
    """Join a video's segments, check the result, compact its rows, and return its row of ``metadata/videos``.

    A result that already exists and is still valid is kept. A failure becomes a row with status ``failed``; only
    ``OutOfSpace`` and ``Superseded``, which no video causes, are raised.
    """
    with working(task.job.store):
        return _assemble(task)


def _assemble(task: VideoTask) -> dict[str, Any]:
    started = time.perf_counter()
    store, video_id = task.job.store, task.row.video_id
    try:
        shots = _shots(task)
        made_of = [[shot[name] for name in ("fingerprint", "status", "segment", "segment_bytes")] for shot in shots]
        code, subtitles = task.job.code["assemble"], task.job.config.subtitles
        misfits = [note.text for note in task.row.notes if note.decision]
        fingerprint = digest(code, task.output, task.partial, made_of, subtitles, *misfits)
        kept = _still_good(task, fingerprint)
        if kept is not None:
            return kept
        made = _make(task, shots)
        rows = files.compact(store, video_id, list(task.row.planned))
        row = _video_row(task, rows, made) | {"fingerprint": fingerprint, "output_bytes": made.bytes}
    except Exception as error:
        raise_if_disk_full(error)
        row = failed_video(task.row.video, task.row.info, f"{type(error).__name__}: {error}")
    row["seconds_assemble"] = time.perf_counter() - started
    files.write_video(store, video_id, row)
    return row


def failed_video(name: str, info: VideoInfo | None, error: str) -> dict[str, Any]:
    """The row of a video that could not be delivered."""
    empty: dict[str, Any] = dict.fromkeys(VIDEOS.names)
    facts = {} if info is None else _source_columns(info)
    return (
        empty | facts | {"video": name, "status": "failed", "error": error, "partial": False, "notes": [], "losses": []}
    )


def _shots(task: VideoTask) -> list[dict[str, Any]]:
    """All rows of the video in the order of time; raises ``MediaError`` where a scene is missing or failed."""
    by_scene = files.read_shots(task.job.store, task.row.video_id)
    rows = [row for scene in task.row.planned for row in by_scene.get(scene, ())]
    rows.sort(key=lambda row: row["start_frame"])
    failed = [row for row in rows if row["status"] == "failed"]
    if failed:
        first = failed[0]
        where = f"frames {first['start_frame']}-{first['end_frame']}"
        raise MediaError(
            f"{len(failed)} scene(s) failed, the first ({where}) in {first['error_stage']}: {first['error']}"
        )
    start = int(rows[0]["start_frame"]) if rows else 0
    for row in rows:
        if row["start_frame"] != start:
            raise MediaError(f"no scene covers frame {start}")
        start = row["end_frame"]
    if start != task.row.frames:
        raise MediaError(f"the scenes end at frame {start} of {task.row.frames}")
    return rows


def _still_good(task: VideoTask, fingerprint: str) -> dict[str, Any] | None:
    """The video's row of an earlier run, where it was made of the same scenes and the file exists."""
    rows = files.read_video(task.job.store, task.row.video_id)
    folder = task.job.store.files
    if not rows or folder.size(task.job.store.compacted(task.row.video_id)) is None:
        return None
    row = rows[0]
    same = row["fingerprint"] == fingerprint and folder.size(task.key) == row["output_bytes"]
    return row if same else None


def _make(task: VideoTask, shots: Sequence[Mapping[str, Any]]) -> Assembled:
    info = task.row.info
    copied = _is_copied(shots)
    damaged = [shot for shot in shots if not copied and not segment_whole(task.job, shot, check=True)]
    for shot in damaged:
        task.job.store.files.remove(str(shot["segment"]))  # so that the next run makes it again
    if damaged:
        raise MediaError(f"{len(damaged)} segment(s) are damaged, the first {damaged[0]['segment']}; start again")
    keys = [] if copied else [str(shot["segment"]) for shot in shots]
    pts, folder = task.row.pts[:-1], task.job.store.files
    with folder.view(keys) as local:
        path = local / task.key
        path.parent.mkdir(parents=True, exist_ok=True)
        sources = [local / key for key in keys] or [info.path]
        made = assemble(info, sources, pts, path, task.partial, None if copied else _places(task, shots))
        try:
            verify(info, path, pts, task.partial, made.departures)
            _check_centre(task, shots, path, _floor(task, copied))
        except MediaError:
            path.unlink()  # a result that fails the check is not delivered
            raise
        folder.put(path, task.key)
    return made


def _places(task: VideoTask, shots: Sequence[Mapping[str, Any]]) -> Places | None:
    """Where the source's picture lies in each shot; None where subtitles stay."""
    if task.job.config.subtitles is Subtitles.keep:
        return None
    scenes = _planned(task)
    stays = []
    for shot in shots:
        scene = replace(scenes[str(shot["scene_id"])], framing=float(shot["framing"]))
        info = scene.info
        place = place_of(task.job.window(scene), info)
        stays.append(Stay(shot["start_pts"] * info.time_base, shot["end_pts"] * info.time_base, place))
    return Places(stays)


def _planned(task: VideoTask) -> dict[str, Scene]:
    """The video's scenes by id; raises ``MediaError`` where its plan is missing."""
    scenes = limited(stored_plan(task.row, task.job), task.job)
    if not scenes:
        raise MediaError(f"the plan of {task.row.video} is gone: what its frames show cannot be told")
    return {scene.scene_id: scene for scene in scenes}


def _is_copied(shots: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the source's packets are copied; segments of a run with ``scenes.limit`` are then not used."""
    return any(shot["segment"] is None for shot in shots)


def _floor(task: VideoTask, copied: bool) -> float:
    """The minimum PSNR of the centre in dB."""
    return float("inf") if copied else psnr_floor(encoder_settings(task.job.config.output))


def _check_centre(task: VideoTask, shots: Sequence[Mapping[str, Any]], path: Path, floor: float) -> None:
    """Compare the centre of some frames, spread over the video, with the source; raises ``MediaError``."""
    framings = {shot["scene_id"]: float(shot["framing"]) for shot in shots}
    scenes = list(_planned(task).values())
    for scene in scenes[:: -(-len(scenes) // CENTRE_SAMPLES)]:
        window = task.job.window(replace(scene, framing=framings[scene.scene_id]))
        run = scene.runs[0]
        until = min(run.frames // 2, MAX_CENTRE_DEPTH_FRAMES) + 1
        number = run.start_frame + until - 1
        hidden = scene.gate if task.job.fills_gate(scene) else None
        trusted = None if hidden is None else without_border(~hidden, IMAGING.gate.strip)
        sample = CentreSample(number, run.entry, run.pts[:until], window.active, window.x, window.y)
        check_centre(scene.info, path, [sample], trusted, floor)


def _video_row(task: VideoTask, shots: Sequence[Mapping[str, Any]], made: Assembled) -> dict[str, Any]:
    info, first = task.row.info, shots[0]
    scenes = {shot["scene_id"]: shot for shot in shots}
    wings = wing_use(pa.Table.from_pylist(list(shots), schema=SHOTS))
    settings = encoder_settings(task.job.config.output)
    notes = [note for note in task.row.notes if not (note.encoded and _is_copied(shots))]
    if not _is_copied(shots):
        other = converted(settings, info.format)
        notes += [*lost_hdr(settings, info.color), *([] if other is None else [other])]
    notes += [*made.notes, *_unmet(task, shots)]
    return _source_columns(info) | {
        "video": task.row.video,
        "output": task.key,
        "status": status_of(any(shot["status"] != "ok" for shot in shots), notes),
        "error": None,
        "partial": task.partial,
        "frames": made.frames,
        "duration": made.duration,
        "source_filter": _filters(task),
        **{name: first[name] for name in ("width", "height", "out_width", "out_height")},
        "scenes": len(scenes),
        "shots": len(shots),
        "wing_pixels": wings.pixels,
        **{f"{kind}_share": wings.share(kind) for kind in WING_KINDS},
        "generated_pixels": sum(shot["generated_pixels"] or 0 for shot in scenes.values()),
        "inpaint_calls": sum(shot["inpaint_calls"] or 0 for shot in scenes.values()),
        "notes": texts(notes),
        "losses": losses(notes),
    }


def _unmet(task: VideoTask, shots: Sequence[Mapping[str, Any]]) -> list[Note]:
    """Notes on shots for which a person decided a method that could not be made."""
    scenes, notes = _planned(task), []
    for shot in shots:
        frames = int(shot["start_frame"]), int(shot["end_frame"])
        wanted = scenes[str(shot["scene_id"])].steering.method(*frames)
        if wanted in STEP_METHODS and wanted != shot["method"]:
            made = f"frames {frames[0]}-{frames[1]} are {shot['method']}: {wanted} cannot be made"
            notes.append(Note(f"{task.job.store.overrides}: {made}", decision=True))
    return notes


def _filters(task: VideoTask) -> str | None:
    """The source filters that ran before the first step, in any part of the video."""
    treatments = [scene.info.treatment for scene in _planned(task).values()]
    names = {treatment.name: None for treatment in treatments if treatment is not None}
    return ", ".join(filter(None, names)) or None


def _source_columns(info: VideoInfo) -> dict[str, Any]:
    stored = info if info.treatment is None else info.treatment.stored
    return {
        "fps": float(info.fps),
        "source_width": stored.width,
        "source_height": stored.height,
        "sar": str(info.sar),
        "source_filter": None if info.treatment is None else info.treatment.name,
    }
