"""What stages leave of a scene for those after it, so that other settings redo only what follows from them.

``stitch`` leaves the scene's backgrounds and cameras, ``outpaint`` what was generated. Each file carries the
fingerprint of all that it was made of, and is replaced by the next one of its stage.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from remaster.arrays import Mask
from remaster.arrow import RowTable
from remaster.pipeline import store as files
from remaster.pipeline.job import Job
from remaster.records import Background, Shot
from remaster.rows import FilledScene, PlannedScene, Scene, StitchedScene

STITCH = RowTable(StitchedScene)
OUTPAINT = RowTable(FilledScene)


def cache_scene(row: StitchedScene | FilledScene, job: Job) -> None:
    """Write down what a stage made of a scene."""
    fingerprints, scene = job.fingerprints(row.scene), row.scene
    if isinstance(row, StitchedScene):
        files.write_rows(
            job.store, stitch_key(job.store, scene.video_id, scene.scene_id), STITCH, [row], fingerprints.stitch
        )
    else:
        generated = replace(row, shots=tuple(_only_added(shot) for shot in row.shots))
        files.write_rows(job.store, _key(row.scene, "outpaint", job), OUTPAINT, [generated], fingerprints.outpaint)


def restored(row: PlannedScene, job: Job) -> PlannedScene | StitchedScene | FilledScene:
    """A planned scene as its furthest kept stage left it; as it is where nothing that still holds was kept."""
    scene, fingerprints = row.scene, job.fingerprints(row.scene)
    stitched = files.read_rows(job.store, _key(scene, "stitch", job), STITCH, fingerprints.stitch)
    if not stitched:
        return row
    shots = stitched[0].shots
    filled = files.read_rows(job.store, _key(scene, "outpaint", job), OUTPAINT, fingerprints.outpaint)
    if not filled or len(filled[0].shots) != len(shots):
        return replace(stitched[0], scene=_continued(scene, stitched[0].scene))
    shots = tuple(_with_added(a, b) for a, b in zip(shots, filled[0].shots, strict=True))
    return replace(filled[0], scene=_continued(scene, filled[0].scene), shots=shots)


def stitched_before(scene: Scene, job: Job) -> tuple[Shot, ...]:
    """The shots of a scene as ``stitch`` left them, where that still holds; else none."""
    stitched = files.read_rows(job.store, _key(scene, "stitch", job), STITCH, job.fingerprints(scene).stitch)
    return stitched[0].shots if stitched else ()


def filled_before(scene: Scene, job: Job) -> Scene | None:
    """The scene as it was when it was last filled, whatever the settings; None where it never was."""
    table = files.read_table(job.store, _key(scene, "outpaint", job))
    if table is None or not table.schema.equals(OUTPAINT.schema):
        return None
    return OUTPAINT.read(table)[0].scene


def stitch_key(store: files.Store, video_id: str, scene_id: str) -> str:
    """Where ``stitch`` leaves what it made of a scene."""
    return store.cached(video_id, scene_id, "stitch")


def drop(scene: Scene, job: Job) -> None:
    """Remove what was kept of a scene that has no use for it under this run's settings."""
    for stage in ("stitch", "outpaint"):
        job.store.files.remove(_key(scene, stage, job))


def _continued(scene: Scene, kept: Scene) -> Scene:
    """The scene of this run with what the stages changed of the ``kept`` one."""
    return replace(scene, gate=kept.gate, framing=kept.framing, seconds=kept.seconds)


def _key(scene: Scene, stage: str, job: Job) -> str:
    return job.store.cached(scene.video_id, scene.scene_id, stage)


def _added(picture: Background) -> Mask:
    """What was not in the picture when it was stitched, bool (H, W): generated, or lent by other scenes."""
    return picture.holes if picture.borrowed is None else picture.holes | picture.borrowed.mask


def _only_added(shot: Shot) -> Shot:
    """The shot with all of its pictures blank but what was added to them: the rest is kept already."""

    def blank(picture: Background) -> Background:
        return replace(picture, image=np.where(_added(picture)[..., None], picture.image, np.uint8(0)), fine=None)

    return shot.repainted(blank)


def _with_added(shot: Shot, filled: Shot) -> Shot:
    """The shot with what was added to its pictures when they were ``filled``."""
    if len(shot.pictures) != len(filled.pictures):
        return shot
    later = {id(own): made for own, made in zip(shot.pictures, filled.pictures, strict=True)}

    def fill(picture: Background) -> Background:
        made = later[id(picture)]
        added = _added(made)[..., None]
        fine = None if picture.fine is None else np.where(added & made.coverage[..., None], np.int8(0), picture.fine)
        return replace(made, image=np.where(added, made.image, picture.image), fine=fine)

    return shot.repainted(fill)
