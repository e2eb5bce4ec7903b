"""Finds a part of the picture beside the wings that moves at a speed of its own (motion parallax).

A third of the strips that one camera does not put in its place, but a shift along the camera's path does, is nearer or
farther than the plane that the camera follows. A mosaic would show it torn.
"""

from __future__ import annotations

import numpy as np

from remaster.arrays import Affine, Float64
from remaster.imaging.aligned_keyframes import Preview
from remaster.imaging.alignment import Detail, compare, detail
from remaster.imaging.camera import IDENTITY, apply, compose, corner_error, invert, translation
from remaster.imaging.channels import gray_of
from remaster.stitch.background_canvas import Axis
from remaster.stitch.holdout import as_keyframe, distant_keyframes, held_out, strip_of, thirds_of
from remaster.stitch.tuning import TUNING


def has_parallax(preview: Preview, sides: Axis, noise: float) -> bool:
    """Whether a third of the strips on the wings' ``sides`` lies on another plane than the best of them.

    Each held-out keyframe is compared with the nearest distant one, cell by cell of texture; ``noise`` is the grain's
    standard deviation in the keyframes.
    """
    parts = [_third_evidence(preview, int(i), sides, noise) for i in held_out(len(preview.pictures))]
    evidence, placed, shifted = np.sum(parts, axis=0) if parts else np.zeros((3, 3))
    measured = evidence >= TUNING.parallax.min_evidence
    placed, shifted = placed[measured] / evidence[measured], shifted[measured] / evidence[measured]
    if not measured.any() or placed.max() < TUNING.parallax.reference:
        return False
    return bool(((placed <= TUNING.parallax.max_in_place) & (shifted >= TUNING.parallax.min_shifted)).any())


def _third_evidence(preview: Preview, index: int, sides: Axis, noise: float) -> Float64:
    """Cells of one keyframe's strips, (3, 3 thirds): with texture, in place, in place under the best shift."""
    others = distant_keyframes(preview, index, sides)
    if not len(others):
        return np.zeros((3, 3))
    distances = corner_error(preview.cameras[others], preview.cameras[index], preview.width, preview.height)
    other = int(others[int(distances.argmin())])
    reference, moved = (_seen_as(preview, i, index, noise) for i in (other, index))
    evidence, placed = _in_place(reference, moved, IDENTITY, sides)
    shifted = placed.copy()
    if ((evidence >= TUNING.parallax.min_evidence) & (placed < TUNING.parallax.sure * evidence)).any():
        for shift in _shifts(preview, index, other):
            found, agreeing = _in_place(reference, moved, shift, sides)
            shifted = np.maximum(shifted, evidence * agreeing / np.maximum(found, TUNING.parallax.min_evidence))
    return np.stack([evidence, placed, shifted])


def _seen_as(preview: Preview, index: int, keyframe: int, noise: float) -> Detail:
    """The detail of one keyframe's picture, warped to another one."""
    visible = as_keyframe(preview.seen[index] | preview.foreground[index], preview, keyframe)
    gray = gray_of(np.asarray(as_keyframe(preview.pictures[index], preview, keyframe), np.uint8))
    return detail(gray, np.asarray(visible > TUNING.holdout.visible), noise * preview.scale, preview.height)


def _in_place(reference: Detail, moved: Detail, camera: Affine, sides: Axis) -> tuple[Float64, Float64]:
    """(cells with texture, those of them in place) in each third of the strips, (3,) each."""
    cells = compare(reference, moved, camera)
    rows, columns = cells.evidence.shape
    strip = strip_of(columns, rows, sides)
    parts = [third & strip for third in thirds_of(columns, rows, sides)]
    placed = cells.evidence * cells.in_place
    return np.array([cells.evidence[p].sum() for p in parts]), np.array([placed[p].sum() for p in parts])


def _shifts(preview: Preview, index: int, other: int) -> list[Affine]:
    """Shifts by whole pixels, to and fro, along the camera's path between two keyframes, in the first one's pixels."""
    middle = np.array([[preview.width - 1, preview.height - 1]]) / 2
    step = compose(invert(preview.cameras[index]), preview.cameras[other])
    (path,) = apply(step, middle) - middle
    x, y = path / max(float(np.linalg.norm(path)), 1e-6)
    return [translation(d * x, d * y) for d in range(-TUNING.parallax.max_shift, TUNING.parallax.max_shift + 1) if d]
