"""What of a video is done already, and what a run has to do.

A scene is done when its rows are of this very scene under these very settings and its segments are whole. Ray may run
the first stage again when a node is lost: what a run set out to do is written down, so that it comes to the same.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from remaster.pipeline import store as files
from remaster.pipeline.job import Job
from remaster.rows import Scene, VideoRow

Rows = list[dict[str, Any]]


def begin(video: VideoRow, job: Job) -> None:
    """With ``resume=false``, forget a video, once a run."""
    if not job.config.resume and _set_out(video, job) is None:
        files.clear(job.store, video.video_id)


def divide(
    video: VideoRow, scenes: Sequence[Scene], wanted: Sequence[Scene], job: Job
) -> tuple[dict[str, Rows], list[Scene]]:
    """(the rows of the scenes that need no more work, by scene id; the scenes to work on).

    ``scenes`` is the whole plan, ``wanted`` what ``scenes.limit`` leaves of it, in part only of its runs. The folder is
    put in order for the work: what it holds of other scenes and settings goes, what is finished beyond the limit is
    kept for a run without it.
    """
    known = (files.read_shots(job.store, video.video_id), files.read_shelf(job.store, video.video_id))
    checked = not _delivered(video, job)
    whole = {s.scene_id: rows for s in scenes if (rows := _done_rows(s, known, job, checked))}
    done, later = {}, dict(whole)
    for scene in wanted:
        name = scene.scene_id
        rows = [row for row in whole.get(name, ()) if _within(row, scene)] or _done_rows(scene, known, job, checked)
        if rows:
            done[name] = rows
        if len(rows) == len(whole.get(name, ())):
            later.pop(name, None)
    todo = _todo(video, wanted, done, known[0], job)
    again = {scene.scene_id for scene in todo}
    if todo or not files.settled(job.store, video.video_id, done):
        files.scatter(job.store, video.video_id, done, later)
        files.remove_strangers(job.store, video.video_id, [scene.scene_id for scene in scenes])
    return {name: rows for name, rows in done.items() if name not in again}, todo


def is_finished(scene: Scene, job: Job) -> Rows:
    """The rows of a scene that another try of this run delivered before its worker was lost; else none."""
    rows = files.read_scene(job.store, scene.video_id, scene.scene_id)
    return rows if _is_done(scene, rows, job, False) else []


def segment_whole(job: Job, row: Mapping[str, Any], checked: bool) -> bool:
    """True where a shot's segment has its recorded size and, where ``checked``, its recorded content."""
    segment, folder = row["segment"], job.store.files
    if segment is None or folder.size(segment) != row["segment_bytes"]:
        return False
    return not checked or folder.checksum(segment) == row["segment_crc32"]


def _todo(
    video: VideoRow, scenes: Sequence[Scene], done: Mapping[str, Rows], known: Mapping[str, Rows], job: Job
) -> list[Scene]:
    """What is not done, with the number of the try; in a second run of the stage, what the first one found."""
    before = _set_out(video, job)
    if before is None:
        before = {s.scene_id: _attempts(s, known) + 1 for s in scenes if s.scene_id not in done}
        if before and job.store.run:
            told = json.dumps({"run": job.store.run, "todo": before})
            job.store.files.write(job.store.todo(video.video_id), told.encode())
    return [replace(s, attempts=before[s.scene_id]) for s in scenes if s.scene_id in before]


def _set_out(video: VideoRow, job: Job) -> dict[str, int] | None:
    """The scenes (and their tries) that this very run set out to do; None where it has not got so far."""
    data = job.store.files.read(job.store.todo(video.video_id)) if job.store.run else None
    told = json.loads(data) if data else {}
    return dict(told["todo"]) if told.get("run") == job.store.run and told else None


def _delivered(video: VideoRow, job: Job) -> bool:
    """True where the video itself is there: its segments are then not read once more to see whether they are whole."""
    rows = files.read_video(job.store, video.video_id)
    return bool(rows) and rows[0]["output"] is not None and (
        job.store.files.size(rows[0]["output"]) == rows[0]["output_bytes"]
    )  # fmt: skip


def _done_rows(scene: Scene, known: Sequence[Mapping[str, Rows]], job: Job, checked: bool) -> Rows:
    """The scene's rows where one of the places has them whole; else none."""
    for place in known:
        rows = sorted(place.get(scene.scene_id, ()), key=lambda row: row["shot"])
        if _is_done(scene, rows, job, checked):
            return rows
    return []


def _is_done(scene: Scene, rows: Rows, job: Job, checked: bool) -> bool:
    if not rows or any(row["status"] != "ok" or row["fingerprint"] != scene.fingerprint for row in rows):
        return False
    covered = sorted(frame for row in rows for frame in range(row["start_frame"], row["end_frame"]))
    tiles = covered == [frame for run in scene.runs for frame in range(run.start_frame, run.end_frame)]
    return tiles and all(
        (scene.copied and row["segment"] is None) or (segment_whole(job, row, checked) and _mapped(scene, row, job))
        for row in rows
    )


def _mapped(scene: Scene, row: Mapping[str, Any], job: Job) -> bool:
    """Whether a shot has the map that is asked for."""
    if not job.config.output.map or row["method"] == "passthrough":
        return True
    key = job.store.map(scene.video_id, scene.scene_id, row["shot"])
    return job.store.files.size(key) is not None


def _within(row: Mapping[str, Any], scene: Scene) -> bool:
    return any(run.start_frame <= row["start_frame"] < run.end_frame for run in scene.runs)


def _attempts(scene: Scene, known: Mapping[str, Rows]) -> int:
    """How often the scene was tried under the same settings."""
    rows = known.get(scene.scene_id, ())
    return max((row["attempts"] for row in rows if row["fingerprint"] == scene.fingerprint), default=0)
