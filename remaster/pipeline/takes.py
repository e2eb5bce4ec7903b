"""Other fills of one scene for a person to choose from: the real step under other decisions, beside the run.

The step works in a temporary folder on copies of what the run kept of the scene, so that nothing of the run changes.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from omegaconf import OmegaConf

from remaster.arrays import Mask, Rgb
from remaster.config import BatchConfig, from_run
from remaster.errors import UserError
from remaster.imaging.geometry import parse_aspect, parse_framing
from remaster.pipeline import store as files
from remaster.pipeline.engines import Engine, choose
from remaster.pipeline.inpainters import decided_inpainters
from remaster.pipeline.job import Job
from remaster.pipeline.lock import working
from remaster.pipeline.scene_cache import OUTPAINT, STITCH
from remaster.pipeline.stages import OutpaintStage
from remaster.pipeline.store import Store
from remaster.records import Background, Shot
from remaster.rows import FILLED, STITCHED, FailedScene, FilledScene, StitchedScene
from remaster.steering.decisions import Decisions
from remaster.steering.overrides import Override, Overrides, read
from remaster.storage import folder as local_folder

MAX_SIDE = 1280
"""Pixels of the longer side of a take's picture."""


def write_takes(root: str, scene_id: str, frame: int, folder: Path, takes: Sequence[Mapping[str, Any]]) -> list[Path]:
    """Fill a scene once for each of ``takes``: decisions (seed, inpainter) as they may stand in ``overrides.yaml``.

    Writes the picture under frame ``frame`` of the video as JPEGs into ``folder``, named
    ``<scene>-<frame>-<number of the take>.jpg``. Raises ``UserError`` where nothing was kept of the scene, where it has
    no holes, or where an engine cannot run.
    """
    store, video_id = Store(root), scene_id.rpartition("-")[0]
    kept = _kept(store, video_id, scene_id)
    run = (store.files.read("run.yaml") or b"").decode()
    config = from_run(run)
    engine = _engine(config, str(OmegaConf.select(OmegaConf.create(run), "chosen.inpainter.name")))
    written = []
    folder.mkdir(parents=True, exist_ok=True)
    for number, filled in enumerate(_fills(store, kept, takes, config, engine)):
        picture = _picture_at(filled, frame)
        if picture is None or not picture.holes.any():
            raise UserError("nothing of this shot is generated; there is nothing to try")
        path = folder / f"{scene_id}-{frame}-{number}.jpg"
        jpeg = _jpeg(picture.image, picture.holes | picture.coverage)
        local_folder(str(folder)).write(path.name, jpeg, durable=False)
        written.append(path)
    return written


def _kept(store: Store, video_id: str, scene_id: str) -> StitchedScene:
    """The scene as it was stitched, with what it was lent when it was filled."""
    table = files.read_table(store, store.cached(video_id, scene_id, "stitch"))
    if table is None or not table.schema.equals(STITCH.schema):
        raise UserError("nothing was kept of this scene's background, or another version of the program kept it")
    stitched = STITCH.read(table)[0]
    filled = files.read_table(store, store.cached(video_id, scene_id, "outpaint"))
    if filled is None or not filled.schema.equals(OUTPAINT.schema):
        return stitched
    return replace(stitched, scene=OUTPAINT.read(filled)[0].scene)


def _engine(config: BatchConfig, name: str) -> Engine:
    """The inpainter that the run chose, by its name."""
    settings = config.inpainter
    if settings["name"] == "auto":
        settings = next(one for one in settings.values() if isinstance(one, Mapping) and one["name"] == name)
    return choose("inpainter", settings, 0.0)


def _fills(
    store: Store, kept: StitchedScene, takes: Sequence[Mapping[str, Any]], config: BatchConfig, engine: Engine
) -> Iterator[FilledScene]:
    """The scene filled under each take's decisions, besides those that hold for it at present."""
    scene = kept.scene
    known = read((store.files.read(store.overrides) or b"").decode(), store.overrides)
    decided = Decisions(known).of(scene.video, scene.ranges, {one.set_id for one in scene.lent})
    aspect, framing = parse_aspect(config.target.aspect), parse_framing(config.target.framing)
    with tempfile.TemporaryDirectory(prefix="remaster-takes-") as folder:
        aside = Store(folder)
        for key in store.files.names(f"scenes/{scene.video_id}"):
            if Path(key).name.startswith(f"{scene.scene_id}.lent-"):
                aside.files.write(key, store.files.read(key) or b"", durable=False)
        tried = [Override(scene.video, decided=take) for take in takes]
        named = decided_inpainters(Decisions(Overrides((*known.entries, *tried))), engine, 0.0, store.overrides)
        job = Job(config, aside, aspect, framing, engine, engine, inpainters=named)
        stage = OutpaintStage(engine, job)  # one for all: it loads an engine's weights once
        for take in takes:
            own = Decisions(Overrides().with_decision(video=scene.video, **take)).of(scene.video, scene.ranges)
            changed = {key: getattr(own, key) for key in take}
            steered = replace(kept, scene=replace(scene, steering=replace(decided, **changed)))
            with working(aside):
                made = FILLED.read(stage(STITCHED.write([steered])))[0]
            if isinstance(made, FailedScene):
                raise UserError(made.failure.error)
            yield made


def _picture_at(scene: FilledScene, frame: int) -> Background | None:
    """The picture under a frame of the video; None where its shot has none."""
    before = 0
    for run in scene.scene.runs:
        if run.start_frame <= frame < run.end_frame:
            within = before + frame - run.start_frame
            return next((_picture(shot, within) for shot in scene.shots if shot.start <= within < shot.end), None)
        before += run.frames
    return None


def _picture(shot: Shot, frame: int) -> Background | None:
    if shot.propagation is None:
        return shot.background
    keys = [key for key in shot.propagation.keys if key.picture is not None]
    near = [key for key in keys if key.start <= frame - shot.start < key.end]
    return (near or keys)[0].picture if keys else None


def _jpeg(image: Rgb, shown: Mask) -> bytes:
    """The picture where anything shows it, at most ``MAX_SIDE`` pixels wide and high."""
    rows, columns = (np.flatnonzero(shown.any(axis=axis)) for axis in (1, 0))
    part = image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    scale = min(MAX_SIDE / max(part.shape[:2]), 1.0)
    size = max(round(part.shape[1] * scale), 1), max(round(part.shape[0] * scale), 1)
    small = cv2.resize(part, size, interpolation=cv2.INTER_AREA) if scale < 1 else part
    _, encoded = cv2.imencode(".jpg", np.ascontiguousarray(small[..., ::-1]), [cv2.IMWRITE_JPEG_QUALITY, 90])
    return encoded.tobytes()
