"""Decides which scenes of a video are finished already, and which ones a run has to work on.

A scene is finished when its rows are of this very scene under these very settings, and its segments are whole. Ray may
run the first stage again when a node is lost: the scenes that a run works on are written down, so that the second try
gives the same.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from remaster.pipeline import store as files
from remaster.pipeline.job import Job
from remaster.pipeline.layers import drop_index, has_layers
from remaster.pipeline.scene_cache import filled_before
from remaster.rows import Scene, VideoRow

Rows = list[dict[str, Any]]


def clear_if_not_resumed(video: VideoRow, job: Job) -> None:
    """With ``resume=false``, remove all results of a video, once in a run."""
    if job.config.resume:
        return
    key, run = job.store.cleared(video.video_id), job.store.run.encode()
    if not run or job.store.files.read(key) != run:
        files.clear(job.store, video.video_id)
        job.store.files.write(key, run)


def finished_and_todo(
    video: VideoRow, scenes: Sequence[Scene], wanted: Sequence[Scene], job: Job
) -> tuple[dict[str, Rows], list[Scene]]:
    """(the rows of the scenes that need no more work, by scene id; the scenes to work on).

    ``scenes`` is the whole plan, ``wanted`` what ``scenes.limit`` leaves of it, in part only of its runs. The folder is
    prepared for the work: rows and files of other scenes and settings are removed, those of finished scenes outside the
    limit are set aside for a run without it.
    """
    _update_names(video, scenes, job)
    stored = (files.read_shots(job.store, video.video_id), files.read_set_aside(job.store, video.video_id))
    check = not _is_delivered(video, job)
    whole = {scene.scene_id: rows for scene in scenes if (rows := _finished_rows(scene, stored, job, check))}
    finished, outside = {}, dict(whole)
    for scene in wanted:
        name = scene.scene_id
        rows = [row for row in whole.get(name, ()) if _within(row, scene)] or _finished_rows(scene, stored, job, check)
        if rows:
            finished[name] = rows
        if len(rows) == len(whole.get(name, ())):
            outside.pop(name, None)
    todo = _todo(video, wanted, finished, stored[0], job)
    again = {scene.scene_id for scene in todo}
    if todo and not job.config.preview:
        drop_index(job, video.video, video.video_id)
    if todo or not files.holds_exactly(job.store, video.video_id, finished):
        files.uncompact(job.store, video.video_id, finished, outside)
        files.remove_unplanned(job.store, video.video_id, [scene.scene_id for scene in scenes])
    return {name: rows for name, rows in finished.items() if name not in again}, todo


def finished_rows(scene: Scene, job: Job) -> Rows:
    """The rows of a scene that another try of this run delivered before its worker was lost; else none."""
    rows = files.read_scene(job.store, scene.video_id, scene.scene_id)
    return rows if _is_finished(scene, rows, job, False) else []


def changed_by_sets(video: VideoRow, scenes: Sequence[Scene], job: Job) -> int:
    """How many scenes were finished under these settings, and look different by what other scenes lend them now."""
    stored = files.read_shots(job.store, video.video_id)
    others = [(scene, rows) for scene in scenes if (rows := stored.get(scene.scene_id)) and _is_other(scene, rows)]
    return sum(_is_finished(_as_filled(scene, job), rows, job, False) for scene, rows in others)


def segment_whole(job: Job, row: Mapping[str, Any], check: bool) -> bool:
    """True where a shot's segment has its recorded size and, with ``check``, its recorded content."""
    segment, folder = row["segment"], job.store.files
    if segment is None or folder.size(segment) != row["segment_bytes"]:
        return False
    return not check or folder.checksum(segment) == row["segment_crc32"]


def _is_other(scene: Scene, rows: Rows) -> bool:
    return any(row["fingerprint"] != scene.fingerprint for row in rows)


def _as_filled(scene: Scene, job: Job) -> Scene:
    """The scene with what others showed of it when it was filled last; itself where it never was."""
    filled = filled_before(scene, job)
    if filled is None:
        return scene
    before = replace(scene, lent=filled.lent, exact=filled.exact)
    return replace(before, fingerprint=job.fingerprints(before).resample)


def _update_names(video: VideoRow, scenes: Sequence[Scene], job: Job) -> None:
    """Bring sets' names and sizes and decisions in rows of finished scenes up to date: they may change no picture."""
    known = {scene.scene_id: scene for scene in scenes}

    def named(row: dict[str, Any]) -> dict[str, Any]:
        scene = known.get(row["scene_id"])
        if scene is None or row["fingerprint"] != scene.fingerprint:
            return row
        row = row | {"overrides": scene.steering.keys(row["start_frame"], row["end_frame"])}
        if row["method"] not in ("mosaic", "still"):
            return row
        sets = {(one.set_id, one.scenes) for one in scene.lent}
        if len(sets) > 1:  # which shot shows which does not stand in the rows
            return row
        set_id, linked = next(iter(sets), (None, None))
        share = row["recovered_from_other_scenes"]
        if not scene.exact:
            share = None if set_id is None else share or 0.0
        return row | {"set_id": set_id, "linked": linked, "recovered_from_other_scenes": share}

    files.update_shots(job.store, video.video_id, named)


def _todo(
    video: VideoRow, scenes: Sequence[Scene], finished: Mapping[str, Rows], stored: Mapping[str, Rows], job: Job
) -> list[Scene]:
    """The scenes that are not finished, with the number of the attempt; in a second try of the stage, the same ones."""
    attempts = _todo_of_this_run(video, job)
    if attempts is None:
        attempts = {s.scene_id: _attempts(s, stored) + 1 for s in scenes if s.scene_id not in finished}
        if attempts and job.store.run:
            note = json.dumps({"run": job.store.run, "todo": attempts})
            job.store.files.write(job.store.todo(video.video_id), note.encode())
    return [replace(s, attempts=attempts[s.scene_id]) for s in scenes if s.scene_id in attempts]


def _todo_of_this_run(video: VideoRow, job: Job) -> dict[str, int] | None:
    """The ids and attempts of the scenes that this run works on; None where it has not planned the video yet."""
    data = job.store.files.read(job.store.todo(video.video_id)) if job.store.run else None
    note = json.loads(data) if data else {}
    return dict(note["todo"]) if note.get("run") == job.store.run and note else None


def _is_delivered(video: VideoRow, job: Job) -> bool:
    """True where the video itself is there: then its segments are not read again to check their content."""
    rows = files.read_video(job.store, video.video_id)
    return bool(rows) and rows[0]["output"] is not None and (
        job.store.files.size(rows[0]["output"]) == rows[0]["output_bytes"]
    )  # fmt: skip


def _finished_rows(scene: Scene, stored: Sequence[Mapping[str, Rows]], job: Job, check: bool) -> Rows:
    """The scene's rows where one of the places has them whole; else none."""
    for place in stored:
        rows = sorted(place.get(scene.scene_id, ()), key=lambda row: row["shot"])
        if _is_finished(scene, rows, job, check):
            return rows
    return []


def _is_finished(scene: Scene, rows: Rows, job: Job, check: bool) -> bool:
    good = "ok" if job.store.delivers else job.store.tables.removeprefix("metadata/")
    if not rows or any(row["status"] != good or row["fingerprint"] != scene.fingerprint for row in rows):
        return False
    covered = sorted(frame for row in rows for frame in range(row["start_frame"], row["end_frame"]))
    tiles = covered == [frame for run in scene.runs for frame in range(run.start_frame, run.end_frame)]
    return tiles and all(_has_files(scene, row, job, check) for row in rows)


def _has_files(scene: Scene, row: Mapping[str, Any], job: Job, check: bool) -> bool:
    """Whether the files that a shot's row names are there, and are those that this run would make."""
    if not job.store.delivers:
        keys = [*(row["stills"] or ()), *([row["loop"]] if row["loop"] else [])]
        return all(job.store.files.size(key) is not None for key in keys)
    if scene.copied and row["segment"] is None:
        return True
    return segment_whole(job, row, check) and _has_pictures(scene, row, job) and has_layers(scene, row, job)


def _has_pictures(scene: Scene, row: Mapping[str, Any], job: Job) -> bool:
    """Whether a shot has its map and its background's picture, where the configuration asks for them."""
    output, place = job.config.output, (scene.video_id, scene.scene_id, row["shot"])
    wanted = [job.store.map(*place)] if output.map and row["method"] != "passthrough" else []
    wanted += [job.store.background(*place)] if output.backgrounds and row["method"] in ("mosaic", "still") else []
    return all(job.store.files.size(key) is not None for key in wanted)


def _within(row: Mapping[str, Any], scene: Scene) -> bool:
    return any(run.start_frame <= row["start_frame"] < run.end_frame for run in scene.runs)


def _attempts(scene: Scene, stored: Mapping[str, Rows]) -> int:
    """How often the scene was tried under the same settings."""
    rows = stored.get(scene.scene_id, ())
    return max((row["attempts"] for row in rows if row["fingerprint"] == scene.fingerprint), default=0)
