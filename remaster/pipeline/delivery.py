"""The last stage: every frame of a scene gets its wings and is encoded, whatever happened before.

Where a step failed, or rendering itself does, the scene is delivered by the lowest step of the ladder (``ambient``) and
its rows say so.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow as pa

from remaster.arrays import Plane
from remaster.config import OutputConfig
from remaster.imaging.camera import IDENTITY
from remaster.imaging.geometry import Window
from remaster.media.encode import EncoderSettings, SegmentWriter
from remaster.media.planes import resize_rgb
from remaster.media.types import VideoInfo
from remaster.pipeline import store as files
from remaster.pipeline.attempts import attempt
from remaster.pipeline.finished import is_finished
from remaster.pipeline.frames import active_planes, forget_frames, scene_frames
from remaster.pipeline.job import Job
from remaster.pipeline.lock import working
from remaster.pipeline.lookahead import Lookahead
from remaster.pipeline.pieces import Piece, pieces
from remaster.pipeline.scene_cache import forget
from remaster.pipeline.scene_footage import continuation_of
from remaster.pipeline.space import refuse_out_of_space
from remaster.propagation.tuning import TUNING as PROPAGATION
from remaster.records import Shot
from remaster.report.preview import before_after, origin_map
from remaster.resample.origins import WingShares, planned_shares
from remaster.resample.rendering import ShotWings, WingRenderer
from remaster.resample.scene_renderers import SceneRenderers
from remaster.rows import SceneRow, from_table, stage_seconds, to_table
from remaster.storage import checksum

PREVIEW_LINES = 270  # of a shot's pictures before and after
COUNT_EVERY = 12  # frames from one message to the progress to the next


@dataclass(frozen=True)
class Delivered:
    """What was written of one piece."""

    piece: Piece
    segment: str
    size: int
    crc32: int
    preview: str
    shares: WingShares
    continued: float | None


def resample_stage(table: pa.Table, job: Job) -> pa.Table:
    """Deliver every scene of the table and write its rows to ``metadata/scenes``."""
    cv2.setNumThreads(1)
    with working(job.store):
        done = to_table([row if row.scene_id is None else _deliver(row, job) for row in from_table(table)])
    forget_frames()
    return done


def deliver_nothing(row: SceneRow, job: Job) -> list[dict[str, Any]]:
    """The rows of a scene that never reached the last stage, ``failed`` with the row's error; written and returned."""
    results = _results(row, job.window(row), [], "failed", job)
    files.write_shots(job.store, row.scene_id or "", results)
    return results


def encoder_settings(output: OutputConfig) -> EncoderSettings:
    """The run's output settings as the encoder takes them."""
    return EncoderSettings(
        output.codec, output.crf, output.preset, output.encoder_threads, output.encoder, output.pixel_format
    )


def _deliver(row: SceneRow, job: Job) -> SceneRow:
    there = is_finished(row, job)
    if there:
        return _delivered(row, there)
    started, window = time.perf_counter(), job.window(row)
    if window.passthrough:
        forget(row, job)
    if row.copied:
        return _delivered(row, _copied(row, window, job))
    status = "ok" if row.error is None else "fallback"
    try:
        with attempt(job.store, row.video_id, f"{row.scene_id}-resample"):
            done = _encode(row, _shots(row, window), window, job)
    except Exception as error:
        refuse_out_of_space(error)
        row = row if row.error else row.failed("resample", error)
        status, done = _deliver_ambient(row, window, job)
    row = replace(row, seconds={**row.seconds, "resample": time.perf_counter() - started})
    results = _results(row, window, done, status, job)
    files.write_shots(job.store, row.scene_id or "", results)
    _remove_others(row, len(done), job)
    return _delivered(row, results)


def _copied(row: SceneRow, window: Window, job: Job) -> list[dict[str, Any]]:
    """The rows of a scene that needs no segment; written and returned."""
    results = _results(row, window, [], "ok", job)
    files.write_shots(job.store, row.scene_id or "", results)
    _remove_others(row, 0, job)
    if job.counter is not None:
        job.counter.add.remote(row.frames)
    return results


def _delivered(row: SceneRow, results: Sequence[dict[str, Any]]) -> SceneRow:
    return replace(row, results=tuple(results), analysis=None, grain=None, masks=None, shots=())


def _remove_others(row: SceneRow, shots: int, job: Job) -> None:
    """Remove segments and pictures that are left from when the scene had more shots."""
    number = shots
    while job.store.files.size(job.store.segment(row.video_id, row.scene_id or "", number)) is not None:
        for place in (job.store.segment, job.store.preview, job.store.map):
            job.store.files.remove(place(row.video_id, row.scene_id or "", number))
        number += 1


def _deliver_ambient(row: SceneRow, window: Window, job: Job) -> tuple[str, list[Delivered]]:
    """The last resort: (status, what was written); nothing is written where even that fails, and the row says so."""
    try:
        with attempt(job.store, row.video_id, f"{row.scene_id}-ambient"):
            return "fallback", _encode(row, [_whole_scene(row, window)], window, job)
    except Exception as error:  # the first failure is the one to report: this one follows from it or its cause
        refuse_out_of_space(error)
        return "failed", []


def _shots(row: SceneRow, window: Window) -> list[Shot]:
    """The shots as they can be rendered: all as they are, or, where a step failed, the whole scene as one."""
    if row.error is not None or not row.shots:
        return [_whole_scene(row, window)]
    return list(row.shots)


def _whole_scene(row: SceneRow, window: Window) -> Shot:
    cameras = np.broadcast_to(IDENTITY, (row.frames, 2, 3))
    return Shot(0, row.frames, "passthrough" if window.passthrough else "ambient", cameras, None, 0.0)


def _encode(row: SceneRow, shots: list[Shot], window: Window, job: Job) -> list[Delivered]:
    frames = Lookahead(scene_frames(row))
    renderers = renderers_of(row, shots, window, job, frames)
    done = [
        _encode_piece(row, n, piece, renderers, frames, window, job) for n, piece in enumerate(pieces(shots, row.runs))
    ]
    frames.finish()
    return done


def _encode_piece(
    row: SceneRow,
    number: int,
    piece: Piece,
    renderers: SceneRenderers,
    frames: Lookahead,
    window: Window,
    job: Job,
) -> Delivered:
    store, scene = job.store, row.scene_id or ""
    segment, preview = store.segment(row.video_id, scene, number), store.preview(row.video_id, scene, number)
    with store.files.view() as folder:
        path = folder / segment
        path.parent.mkdir(parents=True, exist_ok=True)
        renderer = renderers.renderer(piece.shot) if piece.shot.method != "passthrough" else None
        preview_jpeg, map_png = _write_piece(path, row, piece, renderer, frames, window, job)
        store.files.put(path, segment)
        store.files.write(preview, preview_jpeg, durable=False)
        _write_map(store.map(row.video_id, scene, number), map_png, job)
        size, crc = path.stat().st_size, checksum(path)
    shares = piece_shares(piece, window, renderers, renderer)
    return Delivered(piece, segment, size, crc, preview, shares, renderer.continued if renderer else None)


def _write_piece(
    path: Path,
    row: SceneRow,
    piece: Piece,
    renderer: WingRenderer | None,
    frames: Lookahead,
    window: Window,
    job: Job,
) -> tuple[bytes, bytes]:
    """Encode a piece; returns pictures of its middle frame: before and after, and where its wings come from."""
    info, shot, picture, origins = _info(row), piece.shot, b"", b""
    holds = row.analysis.holds if row.analysis else np.zeros(row.frames, bool)
    with SegmentWriter(
        path, window.width, window.height, info.sar, info.format, info.color, info.fps, info.time_base,
        encoder_settings(job.config.output),
    ) as writer:  # fmt: skip
        for index in range(piece.frames):
            at = piece.start + index
            frame = frames[at]
            frames.release(at - (PROPAGATION.tracing.max_age if shot.propagation is not None else 0))
            planes = active_planes(frame, row)
            composed = renderer.render(at - shot.start, planes, bool(holds[at])) if renderer else planes
            writer.write(composed, frame.pts - piece.start_pts)
            if index == piece.frames // 2:
                picture = _preview(info, window, planes, composed)
                origins = origin_map(renderer.origins()) if renderer is not None and job.config.output.map else b""
            if job.counter is not None and (index + 1) % COUNT_EVERY == 0:
                job.counter.add.remote(COUNT_EVERY)
    return picture, origins


def _write_map(key: str, picture: bytes, job: Job) -> None:
    """Replace a shot's map; an empty ``picture``: an older one tells of other wings."""
    if picture:
        job.store.files.write(key, picture, durable=False)
    else:
        job.store.files.remove(key)


def piece_shares(piece: Piece, window: Window, renderers: SceneRenderers, renderer: WingRenderer | None) -> WingShares:
    """What the wings of a piece are made of, which its ``renderer`` (None: it has no wings) has drawn."""
    shot, first = piece.shot, piece.start - piece.shot.start
    shares = renderer.shares if renderer is not None else None
    if shares is None:
        shares = planned_shares(replace(shot, cameras=shot.cameras[first : first + piece.frames]), window)
    if shot.mix is None:
        return shares
    before, after = (planned_shares(other, window) for other in renderers.neighbours(shot))
    return shares.mixed(before, after, shot.mix)


def renderers_of(row: SceneRow, shots: Sequence[Shot], window: Window, job: Job, frames: Lookahead) -> SceneRenderers:
    """What draws the wings of a scene's shots; ``frames`` are the scene's."""
    info, settings = _info(row), job.config.resample
    # Characters are looked for before any frame is drawn, since that reads the scene.
    beyond = {shot.start: continuation_of(row, shot, window) for shot in shots}

    def read(frame: int) -> tuple[Plane, ...]:
        return active_planes(frames[frame], row)

    def make(shot: Shot, before: ShotWings | None, after: ShotWings | None) -> WingRenderer:
        return WingRenderer(
            shot, window, info.format, info.color, row.gate, grain_of(row, shot), settings, row.seed, info.height,
            beyond[shot.start], job.fills_gate, lambda index: read(shot.start + index), before, after,
        )  # fmt: skip

    return SceneRenderers(shots, make, read)


def grain_of(row: SceneRow, shot: Shot) -> float:
    """The standard deviation of a shot's grain in 8-bit levels; the video's where its frames were not analyzed."""
    return row.noise if row.grain is None else float(np.median(row.grain[shot.start : shot.end]))


def _preview(info: VideoInfo, window: Window, planes: Any, composed: Any) -> bytes:
    def small(picture: Any, width: int, height: int) -> Any:
        size = max(round(width * info.sar * PREVIEW_LINES / height), 2), PREVIEW_LINES
        return resize_rgb(picture, info.format, info.color, *size, info.height)

    before = small(planes, window.active.width, window.active.height)
    return before_after(before, small(composed, window.width, window.height))


def _results(row: SceneRow, window: Window, done: list[Delivered], status: str, job: Job) -> list[dict[str, Any]]:
    shots = done or [
        Delivered(piece, "", 0, 0, "", WingShares(), None) for piece in pieces([_whole_scene(row, window)], row.runs)
    ]
    shared = _scene_columns(row, window, status, job) | stage_seconds(row)
    return [shared | _shot_columns(row, number, item) for number, item in enumerate(shots)]


def continued_share(drawn: float | None, cut: float | None) -> float | None:
    """Of the cuts through characters, the share that was drawn on; None where nobody is cut.

    ``cut`` is the share of the joins at which a character stands in some keyframe. What else differs from the
    background at a join is no character.
    """
    return drawn if drawn or cut else None


def _scene_columns(row: SceneRow, window: Window, status: str, job: Job) -> dict[str, Any]:
    info = _info(row)
    return {
        "segmenter": job.segmenter.name,
        "labels": None if row.labels is None else list(row.labels.items()),
        "inpainter": job.inpainter.name,
        "video": row.video,
        "scene_id": row.scene_id,
        "time_base": str(info.time_base),
        "fps": float(info.fps),
        "width": window.active.width,
        "height": window.active.height,
        "out_width": window.width,
        "out_height": window.height,
        "keyframes": row.keyframes,
        "hole_pixels": row.hole_pixels,
        "generated_pixels": row.generated_pixels,
        "inpaint_calls": row.inpaint_calls,
        "cut_foreground": row.cut_foreground,
        "framing": row.framing,
        "gate_pixels": _gate_pixels(row, window, job),
        "seed": row.seed,
        "status": status,
        "error_stage": row.error_stage,
        "error": row.error,
        "attempts": row.attempts,
        "fingerprint": row.fingerprint,
    }


def _gate_pixels(row: SceneRow, window: Window, job: Job) -> int:
    """How many pixels of each frame's original are replaced."""
    return 0 if row.gate is None or window.passthrough or not job.fills_gate else int(row.gate.sum())


def _shot_columns(row: SceneRow, number: int, item: Delivered) -> dict[str, Any]:
    piece, shot = item.piece, item.piece.shot
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
        "continued": continued_share(item.continued, row.cut_foreground),
        "confidence": shot.confidence,
        "grain": grain_of(row, shot),
        "segment": item.segment or None,
        "segment_bytes": item.size if item.segment else None,
        "segment_crc32": item.crc32 if item.segment else None,
        "preview": item.preview or None,
    }


def _info(row: SceneRow) -> VideoInfo:
    if row.info is None:
        raise ValueError(f"{row.video} has not been probed")
    return row.info
