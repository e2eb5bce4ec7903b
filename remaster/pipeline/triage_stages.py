"""The last stage of a triage: says what a run would make of every stitched scene, and draws nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa

from remaster.pipeline.delivery import Deliverable, Rows, delivering, made, written
from remaster.pipeline.donor_frames import exact_in
from remaster.pipeline.encoding import DrawnPiece, Piece, borrowed_part, decided_pieces, exact_piece
from remaster.pipeline.job import Job
from remaster.pipeline.set_cache import unfilled, with_lent
from remaster.records import Background, Shot
from remaster.resample.origins import planned_shares
from remaster.resample.propagated_wings import propagated_shares
from remaster.rows import STITCHED, FilledScene, Found, Scene, StitchedScene
from remaster.tables import OutpaintColumns

SAMPLED_FRAMES = 5
"""Frames of a propagated shot in which the shares of its wings are measured; those of other shots are exact."""


def triage_stage(table: pa.Table, job: Job) -> pa.Table:
    """After ``stitch``: write the rows of every scene of the table to ``metadata/triage/scenes``."""
    return delivering(table, STITCHED, _triage, job)


def predicted_pieces(scene: Scene, shots: Sequence[Shot], found: Found, job: Job) -> list[DrawnPiece]:
    """What the wings of a scene's pieces would be made of."""
    return [_piece(scene, piece, shots, job) for piece in decided_pieces(shots, scene)]


def _triage(row: Deliverable | StitchedScene, job: Job) -> tuple[Scene, Rows]:
    done = _opened(row, job) if isinstance(row, StitchedScene | FilledScene) else row
    done, status, told = made(done, predicted_pieces, "triage", "triage", job)
    seconds = {stage: value for stage, value in done.scene.seconds.items() if stage not in ("outpaint", "resample")}
    done = replace(done, scene=replace(done.scene, seconds=seconds))
    return done.scene, written(done, told, status, job)


def _opened(row: StitchedScene | FilledScene, job: Job) -> FilledScene:
    """The scene with what its sets lend it, and the number of pixels that are left to be generated."""
    given = with_lent(row.scene, row.shots, job)
    shots = tuple(shot for shot, _ in given)
    holes = hole_pixels(unfilled(given))
    columns = OutpaintColumns(holes, holes, 0)
    return FilledScene(row.scene, shots, row.frames, row.segment, row.stitch, columns)


def hole_pixels(shots: Sequence[Shot]) -> int:
    """The holes of all pictures of some shots; a picture that several shots share counts once."""
    pictures: dict[int, Background] = {id(picture): picture for shot in shots for picture in shot.pictures}
    return sum(int(picture.holes.sum()) for picture in pictures.values())


def _piece(scene: Scene, piece: Piece, shots: Sequence[Shot], job: Job) -> DrawnPiece:
    window, exact = job.window(scene), None if piece.decided else exact_in(scene, piece.start, piece.end)
    if exact is not None:
        return exact_piece(piece, exact)
    shot, first = piece.shot, piece.start - piece.shot.start
    if shot.propagation is not None:
        frames = np.unique(np.linspace(first, first + piece.frames - 1, SAMPLED_FRAMES).astype(int)).tolist()
        shares = propagated_shares(shot.propagation, window, scene.gate, frames)
    else:
        shares = planned_shares(replace(shot, cameras=shot.cameras[first : first + piece.frames]), window)
    if shot.mix is not None:
        number = next(i for i, one in enumerate(shots) if one is shot)
        around = shots[max(number - 1, 0)], shots[min(number + 1, len(shots) - 1)]
        before, after = (planned_shares(other, window) for other in around)
        shares = shares.mixed(before, after, shot.mix)
    return DrawnPiece(piece, shares, borrowed=borrowed_part(piece, window))
