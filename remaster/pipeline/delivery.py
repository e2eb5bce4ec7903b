"""The last stage: renders and encodes every scene, even where an earlier step failed, and writes its table rows.

Where a step or the rendering fails, the scene is delivered by the lowest step of the ladder (``ambient``), and its rows
of ``metadata/scenes`` say so.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from typing import Any

import cv2
import numpy as np
import pyarrow as pa

from remaster.arrow import MixedTable
from remaster.imaging.camera import IDENTITY
from remaster.pipeline import store as files
from remaster.pipeline.encoding import DrawnPiece, decided_pieces, encode_scene, grain_of
from remaster.pipeline.failures import attempt, raise_if_disk_full
from remaster.pipeline.finished import finished_rows
from remaster.pipeline.frames import forget_frames
from remaster.pipeline.job import Job
from remaster.pipeline.lock import working
from remaster.pipeline.painted import with_painted_backgrounds, write_backgrounds
from remaster.pipeline.scene_cache import drop
from remaster.records import Method, Shot
from remaster.resample.origins import WingShares
from remaster.rows import (
    DELIVERED,
    FILLED,
    DeliveredScene,
    ExactFrames,
    FailedScene,
    FilledScene,
    Found,
    PassthroughScene,
    Scene,
    SceneRow,
    failed,
)
from remaster.stitch.wing_confidence import confidence
from remaster.tables import STAGES

Rows = list[dict[str, Any]]
Deliverable = FilledScene | PassthroughScene | FailedScene
NO_FILES = dict.fromkeys(("segment", "segment_bytes", "segment_crc32", "preview", "loop")) | {"stills": []}
"""The columns that name what was written of a shot, where nothing was: of a result, and of a preview."""
Make = Callable[[Scene, Sequence[Shot], Found, Job], Sequence[DrawnPiece]]
"""Draws a scene's shots, and writes what shows them."""


def resample_stage(table: pa.Table, job: Job) -> pa.Table:
    """Step 6: deliver every scene of the table and write its rows to ``metadata/scenes``."""
    return delivering(table, FILLED, _deliver, job)


def delivering(
    table: pa.Table, kind: MixedTable, deliver: Callable[[Any, Job], tuple[Scene, Rows]], job: Job
) -> pa.Table:
    """The frame of every last stage: each scene of a table of one ``kind`` that is not finished goes to ``deliver``.

    That makes what the run is to leave of the scene, and gives the scene and its rows, which it has written.
    """
    cv2.setNumThreads(1)
    found: list[Any] = []
    with working(job.store):
        for row in kind.read(table):
            if isinstance(row, SceneRow):
                scene, results = row.scene, finished_rows(row.scene, job)
                if not results:
                    scene, results = deliver(row, job)
                row = _delivered(scene, results)
            found.append(row)
    forget_frames()
    return DELIVERED.write(found)


def deliver_nothing(row: FailedScene, job: Job) -> Rows:
    """Write and return the rows of a scene that never reached the last stage, ``failed`` with the row's error."""
    return written(row, [], "failed", job)


def _deliver(row: Deliverable, job: Job) -> tuple[Scene, Rows]:
    scene = row.scene
    if isinstance(row, PassthroughScene):
        drop(scene, job)
    if scene.copied:
        _remove_others(scene, 0, job)
        job.count(scene.frames)
        return scene, written(row, [], "ok", job)
    row, status, encoded = made(row, encode_scene, "resample", "ok", job)
    results = written(row, encoded, status, job)
    _remove_others(scene, len(encoded), job)
    return row.scene, results


def made(
    row: Deliverable, make: Make, stage: str, good: str, job: Job
) -> tuple[Deliverable, str, Sequence[DrawnPiece]]:
    """(the row, a failed one where ``make`` failed; its status, ``good`` where nothing failed; the scene's pieces).

    What fails is made again with the lowest method; none of the pieces is there if that fails, too.
    """
    scene, started = row.scene, time.perf_counter()
    try:
        with (
            job.at_work("resample", [scene], last=True),
            attempt(job.store, scene.video_id, f"{scene.scene_id}-{stage}"),
        ):
            shots = shots_of(row, job)
            if job.store.delivers:
                write_backgrounds(scene, shots, job)
            encoded = make(scene, with_painted_backgrounds(scene, shots, job), row.found, job)
        # What a person decided needs nothing of what failed.
        needed = not all(item.piece.decided for item in encoded)
        status = "fallback" if isinstance(row, FailedScene) and needed else good
    except Exception as error:
        raise_if_disk_full(error)
        row = row if isinstance(row, FailedScene) else failed(row, stage, error)
        status, encoded = _made_ambient(row, make, job)
    seconds = {**scene.seconds, "resample": time.perf_counter() - started}
    return replace(row, scene=replace(scene, seconds=seconds)), status, encoded


def _delivered(scene: Scene, results: Rows) -> DeliveredScene:
    """The row of a scene whose rows are ``results``."""
    return DeliveredScene(scene.video, scene.video_id, scene.scene_id, scene.frames, scene.seconds, tuple(results))


def _made_ambient(row: FailedScene, make: Make, job: Job) -> tuple[str, Sequence[DrawnPiece]]:
    """Make a scene by the lowest method: (status, pieces); none, and the error in the rows, if that fails."""
    row = replace(row, scene=replace(row.scene, steering=replace(row.scene.steering, methods=(), backgrounds=())))
    try:
        with attempt(job.store, row.scene.video_id, f"{row.scene.scene_id}-ambient"):
            return "fallback", make(row.scene, shots_of(row, job), row.found, job)
    except Exception as error:  # report the first failure: this one follows from it or from its cause
        raise_if_disk_full(error)
        return "failed", []


def shots_of(row: Deliverable, job: Job) -> Sequence[Shot]:
    """The shots to render: the stitched ones or, where there are none, the whole scene as one."""
    if isinstance(row, FilledScene):
        return row.shots
    cameras = np.broadcast_to(IDENTITY, (row.scene.frames, 2, 3))
    method: Method = "passthrough" if job.window(row.scene).passthrough else "ambient"
    return [Shot(0, row.scene.frames, method, cameras, None, 0.0)]


def written(row: Deliverable, encoded: Sequence[DrawnPiece], status: str, job: Job) -> Rows:
    """Write and return the scene's rows."""
    rows = _rows_of(row, encoded, status, job)
    files.write_shots(job.store, row.scene.scene_id, rows)
    return rows


def _rows_of(row: Deliverable, encoded: Sequence[DrawnPiece], status: str, job: Job) -> Rows:
    """The scene's rows; without segments, one shot for each run of the scene."""
    scene = row.scene
    shots = encoded or [DrawnPiece(piece, WingShares()) for piece in decided_pieces(shots_of(row, job), scene)]
    shared = _scene_columns(row, status, job)
    return [shared | _shot_columns(scene, row.found, number, item) for number, item in enumerate(shots)]


def _remove_others(scene: Scene, shots: int, job: Job) -> None:
    """Remove segments and pictures of shots that the scene had in an earlier run."""
    number, store = shots, job.store
    while store.files.size(store.segment(scene.video_id, scene.scene_id, number)) is not None:
        for place in (store.segment, store.preview, store.map, store.background, store.layer_record):
            store.files.remove(place(scene.video_id, scene.scene_id, number))
        number += 1


def _scene_columns(row: Deliverable, status: str, job: Job) -> dict[str, Any]:
    """The columns that all shots of a scene share."""
    scene, window = row.scene, job.window(row.scene)
    failure = row.failure if isinstance(row, FailedScene) and status != "ok" else None
    fills = scene.gate is not None and not window.passthrough and job.fills_gate(scene)
    gate_pixels = int(scene.gate.sum()) if fills and scene.gate is not None else 0
    return row.found.columns | {
        "video": scene.video,
        "scene_id": scene.scene_id,
        "time_base": str(scene.info.time_base),
        "fps": float(scene.info.fps),
        "width": window.active.width,
        "height": window.active.height,
        "out_width": window.width,
        "out_height": window.height,
        "framing": scene.framing,
        "gate_pixels": gate_pixels,
        "segmenter": job.segmenter.name,
        "inpainter": job.engine_of(scene.steering).name,
        "seed": scene.fill_seed,
        "status": status,
        "error_stage": failure and failure.stage,
        "error": failure and failure.error,
        "attempts": scene.attempts,
        "fingerprint": scene.fingerprint,
        **{f"seconds_{stage}": scene.seconds.get(stage) for stage in STAGES},
    }


def _shot_columns(scene: Scene, found: Found, number: int, item: DrawnPiece) -> dict[str, Any]:
    """The columns of one shot."""
    piece, shot, exact = item.piece, item.piece.shot, item.exact
    cut = None if found.segment is None else found.segment.cut_foreground
    borrowed = None if shot.background is None else shot.background.borrowed
    return {
        "shot": number,
        "start_frame": piece.start_frame,
        "end_frame": piece.start_frame + piece.frames,
        "start_pts": piece.start_pts,
        "end_pts": piece.end_pts,
        "method": shot.method,
        "registered": shot.registered,
        "inliers": shot.inliers,
        "coverage": item.shares.coverage,
        **asdict(item.shares),
        "continued": continued_share(item.continued, cut),
        "confidence": None if piece.decided else _sure(shot, exact),
        "grain": grain_of(scene, found, shot),
        **NO_FILES,
        **item.files,
        "set_id": borrowed and borrowed.set_id,
        "linked": borrowed and borrowed.scenes,
        "recovered_from_other_scenes": item.borrowed,
        "donor": exact and exact.donor.video,
        "overrides": scene.steering.keys(piece.start_frame, piece.start_frame + piece.frames),
        **({"gate_pixels": 0} if shot.method == "leave" else {}),
    }


def _sure(shot: Shot, exact: ExactFrames | None) -> float:
    return shot.confidence if exact is None else confidence(1.0, exact.error, 0.0)


def continued_share(drawn: float | None, cut: float | None) -> float | None:
    """The share of the cuts through characters that was continued; None where no character is cut.

    ``cut`` is the share of the joins at which some keyframe has a character. Other differences from the background at a
    join are no characters.
    """
    return drawn if drawn or cut else None
