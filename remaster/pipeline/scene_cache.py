"""What stages leave of a scene for those after it, so that other settings redo only what follows from them.

``stitch`` leaves the scene's backgrounds and cameras, ``outpaint`` what was generated. Each file carries the
fingerprint of all that it was made of, and is replaced by the next one of its stage.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from remaster.pipeline import store as files
from remaster.pipeline.job import Job
from remaster.records import Background, Shot
from remaster.rows import SceneRow, from_table, to_table

KEPT = ("stitch", "outpaint")
_KEY = b"remaster.kept.lines"
_OF_STITCH = ("gate", "framing", "analysis", "grain", "shots", "keyframes", "cut_foreground", "seconds")
_OF_OUTPAINT = ("hole_pixels", "generated_pixels", "inpaint_calls", "seconds")


def keep(row: SceneRow, stage: str, job: Job) -> None:
    """Write down what ``stage`` made of a scene."""
    fields = _OF_STITCH if stage == "stitch" else _OF_OUTPAINT
    kept = replace(_bare(row), **{name: getattr(row, name) for name in fields})
    if stage == "outpaint":
        kept = replace(kept, shots=tuple(_only_generated(shot) for shot in row.shots))
    fingerprint = getattr(job.fingerprints(row), stage).encode()
    table = to_table([kept], compact=True).replace_schema_metadata({_KEY: fingerprint})
    files.write_table(job.store, _key(row, stage, job), table)


def restored(row: SceneRow, job: Job) -> SceneRow:
    """A planned scene as its furthest kept stage left it; as it is where nothing that still holds was kept."""
    stitched = _read(row, "stitch", job)
    if stitched is None:
        return row
    row = replace(row, **_values(stitched, _OF_STITCH))
    filled = _read(row, "outpaint", job)
    if filled is None or len(filled.shots) != len(row.shots):
        return row
    shots = tuple(_with_generated(a, b) for a, b in zip(row.shots, filled.shots, strict=True))
    return replace(row, **(_values(filled, _OF_OUTPAINT) | {"shots": shots}))


def forget(row: SceneRow, job: Job) -> None:
    """Remove what was kept of a scene that has no use for it under this run's settings."""
    for stage in KEPT:
        job.store.files.remove(_key(row, stage, job))


def _read(row: SceneRow, stage: str, job: Job) -> SceneRow | None:
    fingerprint = getattr(job.fingerprints(row), stage)
    table = files.read_scenes(job.store, _key(row, stage, job), _KEY, fingerprint)
    return None if table is None else from_table(table)[0]


def _key(row: SceneRow, stage: str, job: Job) -> str:
    return job.store.kept(row.video_id, row.scene_id or "", stage)


def _values(row: SceneRow, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: getattr(row, name) for name in names}


def _bare(row: SceneRow) -> SceneRow:
    return SceneRow(row.video, row.video_id, row.scene_id)


def _only_generated(shot: Shot) -> Shot:
    """The shot with all but the holes of its pictures blank: the rest is kept already."""

    def blank(picture: Background) -> Background:
        return replace(picture, image=np.where(picture.holes[..., None], picture.image, np.uint8(0)), fine=None)

    return shot.repainted(blank)


def _with_generated(shot: Shot, filled: Shot) -> Shot:
    """The shot with its pictures' holes as they were ``filled``."""
    if len(shot.pictures) != len(filled.pictures):
        return shot
    generated = {id(own): made.image for own, made in zip(shot.pictures, filled.pictures, strict=True)}

    def fill(picture: Background) -> Background:
        return replace(picture, image=np.where(picture.holes[..., None], generated[id(picture)], picture.image))

    return shot.repainted(fill)
