"""Renders and encodes a scene's frames: one segment for the frames that a shot and a run have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import numpy as np

from remaster.arrays import Plane
from remaster.config import OutputConfig
from remaster.imaging.camera import IDENTITY
from remaster.imaging.geometry import Window
from remaster.media.encode import SegmentWriter
from remaster.media.encoders import EncoderSettings
from remaster.media.planes import resize_rgb
from remaster.media.types import VideoInfo
from remaster.pipeline.donor_frames import donor_reader, exact_in, is_exact
from remaster.pipeline.frames import Lookahead, active_planes, footage_of, scene_frames
from remaster.pipeline.job import Job
from remaster.pipeline.layers import ShotLayers
from remaster.propagation.tuning import TUNING as PROPAGATION
from remaster.records import Method, Shot
from remaster.report.preview import before_after, origin_map
from remaster.resample.continuation import continue_figures
from remaster.resample.figure_layers import Continuation
from remaster.resample.layout import FrameFormat
from remaster.resample.origins import WingShares, borrowed_share, planned_shares
from remaster.resample.plain_wings import PlainRenderer
from remaster.resample.rendering import FilmTraces, SceneRenderers, ShotDonors, ShotWings, WingRenderer
from remaster.rows import ExactFrames, Found, Run, Scene
from remaster.steering.checking import DRAWN_METHODS
from remaster.storage import checksum

PREVIEW_HEIGHT = 270
"""Pixels of a shot's before/after picture."""
COUNT_EVERY_FRAMES = 12
"""Frames between two messages to the progress display."""
Renderer = WingRenderer | PlainRenderer


@dataclass(frozen=True)
class Piece:
    """Frames ``[start, end)`` of a scene, counted through its runs; in the video they begin at ``start_frame``.

    All are of ``shot``. ``start_pts`` and ``end_pts`` are where the first begins and the last ends. ``decided``: a
    person decided how its wings are drawn, and ``shot`` is its own.
    """

    shot: Shot
    start: int
    end: int
    start_frame: int
    start_pts: int
    end_pts: int
    decided: bool = False

    @property
    def frames(self) -> int:
        """The number of frames."""
        return self.end - self.start


@dataclass(frozen=True)
class DrawnPiece:
    """What is known of a piece that was drawn. ``continued``: see ``WingRenderer.continued``.

    ``borrowed`` is the share of its wing pixels that other scenes saw; None where its background shows no set. Those of
    a donor that shows ``exact``-ly these frames count, too. ``files`` are the columns of its row that name what was
    written of it.
    """

    piece: Piece
    shares: WingShares
    continued: float | None = None
    borrowed: float | None = None
    exact: ExactFrames | None = None
    files: Mapping[str, Any] = field(default_factory=dict)


def pieces(shots: Sequence[Shot], runs: Sequence[Run]) -> list[Piece]:
    """A scene's pieces in the order of time; shots and runs both tile the scene's frames."""
    found, first = [], 0
    for run in runs:
        for shot in shots:
            start, end = max(shot.start, first), min(shot.end, first + run.frames)
            if start < end:
                times = int(run.pts[start - first]), int(run.pts[end - first])
                found.append(Piece(shot, start, end, run.start_frame + start - first, *times))
        first += run.frames
    return found


def decided_pieces(shots: Sequence[Shot], scene: Scene) -> list[Piece]:
    """A scene's pieces as ``pieces`` has them, those with the methods that a person decided for."""
    return [_decided(piece, scene) for piece in pieces(shots, scene.runs)]


def _decided(piece: Piece, scene: Scene) -> Piece:
    method = scene.steering.method(piece.start_frame, piece.start_frame + piece.frames)
    if method not in DRAWN_METHODS or piece.shot.method == "passthrough":
        return piece
    cameras = np.broadcast_to(IDENTITY, (piece.frames, 2, 3))
    shot = Shot(piece.start, piece.end, cast(Method, method), cameras, None, 0.0)
    return replace(piece, shot=shot, decided=True)


def encoder_settings(output: OutputConfig) -> EncoderSettings:
    """The encoder settings of a run's output settings."""
    return EncoderSettings(
        output.codec, output.crf, output.preset, output.encoder_threads, output.encoder, output.pixel_format
    )


def encode_scene(scene: Scene, shots: Sequence[Shot], found: Found, job: Job) -> list[DrawnPiece]:
    """Render and encode all frames of a scene."""
    frames = Lookahead(scene_frames(scene))
    renderers = renderers_of(scene, shots, found, job, frames)
    encoded = [
        _encode_piece(scene, n, piece, found, renderers, frames, job)
        for n, piece in enumerate(decided_pieces(shots, scene))
    ]
    frames.finish()
    return encoded


def renderers_of(scene: Scene, shots: Sequence[Shot], found: Found, job: Job, frames: Lookahead) -> SceneRenderers:
    """The renderers of a scene's shots; ``frames`` are the scene's."""
    form, settings = _form(scene, job), job.config.resample
    # Figures are searched before any frame is rendered, since that reads the scene.
    outside = {id(s): None if is_exact(scene, s) else _continuation(scene, s, found, form.window) for s in shots}

    def read(frame: int) -> tuple[Plane, ...]:
        return active_planes(frames[frame], scene)

    def make(shot: Shot, before: ShotWings | None, after: ShotWings | None) -> WingRenderer:
        film = FilmTraces(grain_of(scene, found, shot), scene.gate, job.fills_gate(scene))
        exact = donor_reader(scene, shot, job) if id(shot) in outside else None
        donors = ShotDonors(outside.get(id(shot)), lambda index: read(shot.start + index), before, after, exact)
        return WingRenderer(shot, form, film, settings, scene.seed, donors)

    return SceneRenderers(shots, make, read)


def _form(scene: Scene, job: Job) -> FrameFormat:
    info = scene.info
    return FrameFormat(job.window(scene), info.format, info.color, info.height)


def renderer_of(scene: Scene, piece: Piece, renderers: SceneRenderers, job: Job) -> Renderer | None:
    """What renders a piece; None where it has no wings."""
    method = piece.shot.method
    if method == "passthrough":
        return None
    if method == "leave" or method == "blur":
        gate = scene.gate if job.fills_gate(scene) else None
        return PlainRenderer(method, _form(scene, job), gate, job.config.resample.feather)
    return renderers.alone(piece.shot) if piece.decided else renderers.renderer(piece.shot)


def _continuation(scene: Scene, shot: Shot, found: Found, window: Window) -> Continuation | None:
    """Continue the shot's cut figures outside the joins; None where none is continued, or no mask is cut."""
    if found.frames is None or found.segment is None or not found.segment.cut_foreground:
        return None
    holds = found.frames.holds[shot.start : shot.end]
    return continue_figures(shot, window, holds, scene.gate, scene.noise, scene.info.format, footage_of(scene))


def grain_of(scene: Scene, found: Found, shot: Shot) -> float:
    """The standard deviation of a shot's grain in 8-bit levels; the video's where its frames were not analyzed."""
    return scene.noise if found.frames is None else float(np.median(found.frames.grain[shot.start : shot.end]))


def piece_shares(piece: Piece, window: Window, renderers: SceneRenderers, renderer: Renderer | None) -> WingShares:
    """The shares of the sources of a piece's wings, which its ``renderer`` (None: it has no wings) has rendered."""
    shot, first = piece.shot, piece.start - piece.shot.start
    shares = renderer.shares if renderer is not None else None
    if shares is None:
        shares = planned_shares(replace(shot, cameras=shot.cameras[first : first + piece.frames]), window)
    if shot.mix is None:
        return shares
    before, after = (planned_shares(other, window) for other in renderers.neighbours(shot))
    return shares.mixed(before, after, shot.mix)


def _encode_piece(
    scene: Scene, number: int, piece: Piece, found: Found, renderers: SceneRenderers, frames: Lookahead, job: Job
) -> DrawnPiece:
    store, window = job.store, job.window(scene)
    segment, preview, map_key, record = (
        key(scene.video_id, scene.scene_id, number)
        for key in (store.segment, store.preview, store.map, store.layer_record)
    )
    holds = np.zeros(scene.frames, bool) if found.frames is None else found.frames.holds
    with store.files.view() as folder:
        path = folder / segment
        path.parent.mkdir(parents=True, exist_ok=True)
        renderer = renderer_of(scene, piece, renderers, job)
        layers = None
        if renderer is not None and job.config.output.layers:
            layers = ShotLayers(folder, scene, number, piece.start_frame, job)
        else:  # older ones show other wings
            store.files.remove(record)
        picture, origins = _write_piece(path, scene, piece, renderer, holds, frames, job, layers)
        store.files.put(path, segment)
        if layers is not None:
            layers.store()
        store.files.write(preview, picture, durable=False)
        if origins:
            store.files.write(map_key, origins, durable=False)
        else:  # an older map shows other wings
            store.files.remove(map_key)
        size, crc = path.stat().st_size, checksum(path)
    files = {"segment": segment, "segment_bytes": size, "segment_crc32": crc, "preview": preview}
    return replace(drawn_piece(scene, piece, renderers, renderer, window), files=files)


def drawn_piece(
    scene: Scene, piece: Piece, renderers: SceneRenderers, renderer: Renderer | None, window: Window
) -> DrawnPiece:
    """What is known of a piece that its ``renderer`` (None: it has no wings) has drawn; no file is named yet."""
    continued = renderer.continued if renderer else None
    exact = None if piece.decided else exact_in(scene, piece.start, piece.end)
    if exact is not None and renderer is not None:
        return replace(exact_piece(piece, exact), continued=continued)
    return DrawnPiece(piece, piece_shares(piece, window, renderers, renderer), continued, borrowed_part(piece, window))


def exact_piece(piece: Piece, exact: ExactFrames) -> DrawnPiece:
    """What is known of a piece whose wings a donor shows."""
    shares = WingShares(recovered=exact.share, soft=1.0 - exact.share)
    return DrawnPiece(piece, shares, borrowed=exact.share, exact=exact)


def borrowed_part(piece: Piece, window: Window) -> float | None:
    """The share of a piece's wing pixels that other scenes of its set saw; None where its background shows no set."""
    shot, first = piece.shot, piece.start - piece.shot.start
    if shot.background is None or shot.background.borrowed is None:
        return None
    own = 1.0 if shot.mix is None else 1.0 - float(shot.mix.mean(axis=1).sum())
    return own * borrowed_share(replace(shot, cameras=shot.cameras[first : first + piece.frames]), window)


def _write_piece(
    path: Path,
    scene: Scene,
    piece: Piece,
    renderer: Renderer | None,
    holds: np.ndarray[Any, np.dtype[np.bool_]],
    frames: Lookahead,
    job: Job,
    layers: ShotLayers | None,
) -> tuple[bytes, bytes]:
    """Encode a piece; returns pictures of its middle frame: before and after, and where its wings come from."""
    info, window, shot, picture, origins = scene.info, job.window(scene), piece.shot, b"", b""
    with SegmentWriter(
        path, window.width, window.height, info.sar, info.format, info.color, info.fps, info.time_base,
        encoder_settings(job.config.output),
    ) as writer, layers or nullcontext():  # fmt: skip
        for index in range(piece.frames):
            at = piece.start + index
            frame = frames[at]
            frames.release(at - (PROPAGATION.tracing.max_age if shot.propagation is not None else 0))
            planes = active_planes(frame, scene)
            composed = renderer.render(at - shot.start, planes, bool(holds[at])) if renderer else planes
            writer.write(composed, frame.pts - piece.start_pts)
            if layers is not None and renderer is not None:
                layers.write(composed, renderer.origins(), frame.pts)
            if index == piece.frames // 2:
                picture = _preview(info, window, planes, composed)
                origins = origin_map(renderer.origins()) if renderer is not None and job.config.output.map else b""
            if (index + 1) % COUNT_EVERY_FRAMES == 0:
                job.count(COUNT_EVERY_FRAMES)
    return picture, origins


def _preview(info: VideoInfo, window: Window, planes: Any, composed: Any) -> bytes:
    def small(picture: Any, width: int, height: int) -> Any:
        size = max(round(width * info.sar * PREVIEW_HEIGHT / height), 2), PREVIEW_HEIGHT
        return resize_rgb(picture, info.format, info.color, *size, info.height)

    before = small(planes, window.active.width, window.active.height)
    return before_after(before, small(composed, window.width, window.height))
