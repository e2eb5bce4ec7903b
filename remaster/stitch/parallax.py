"""Whether a part of the picture beside the wings passes at a speed of its own, though the rest is one plane.

A third of the strips that one camera does not put in its place, and that comes into place when it is shifted along the
camera's way, stands nearer or farther than what the camera follows (motion parallax). The mosaic would show it torn.
"""

from __future__ import annotations

import numpy as np

from remaster.arrays import Affine, Float64
from remaster.imaging.aligned_keyframes import Preview
from remaster.imaging.alignment import Detail, compare, detail
from remaster.imaging.camera import IDENTITY, apply, compose, corner_error, invert, translation
from remaster.imaging.channels import gray_of
from remaster.stitch.background_canvas import Axis
from remaster.stitch.holdout import as_keyframe, held_out, strip_of, thirds_of, witnesses

FARTHEST = 12
"""Preview pixels to which a third is shifted, against cameras that stand a little more than that apart."""
PLAIN = 3.0
"""Cells with texture under which a third says nothing: of one keyframe, or of all together."""
SURE = 0.5
"""Share of a third's cells in their place above which it is not sought elsewhere."""
EXACT = 0.8
"""Share of the best third's cells that must be in their place: else nothing is told from mere disagreement."""
ASTRAY, FOUND = 0.3, 0.4
"""Shares of a third's cells in their place: at most by the camera alone, and at least when it is shifted."""


def passes_apart(preview: Preview, sides: Axis, noise: float) -> bool:
    """Whether a third of the strips on the wings' ``sides`` is of another plane than the best of them.

    Each held-out keyframe is compared with the nearest that stands apart, cell by cell of texture; ``noise`` is the
    grain's standard deviation in the keyframes.
    """
    parts = [_told(preview, int(i), sides, noise) for i in held_out(len(preview.pictures))]
    evidence, placed, shifted = np.sum(parts, axis=0) if parts else np.zeros((3, 3))
    told = evidence >= PLAIN
    placed, shifted = placed[told] / evidence[told], shifted[told] / evidence[told]
    if not told.any() or placed.max() < EXACT:
        return False
    return bool(((placed <= ASTRAY) & (shifted >= FOUND)).any())


def _told(preview: Preview, index: int, sides: Axis, noise: float) -> Float64:
    """Of one keyframe's strips, (3, 3 thirds): cells with texture, those in place, those that a shift puts there."""
    by = witnesses(preview, index, sides)
    if not len(by):
        return np.zeros((3, 3))
    gaps = corner_error(preview.cameras[by], preview.cameras[index], preview.width, preview.height)
    other = int(by[int(gaps.argmin())])
    reference, moved = (_seen_as(preview, i, index, noise) for i in (other, index))
    evidence, placed = _in_place(reference, moved, IDENTITY, sides)
    shifted = placed.copy()
    if ((evidence >= PLAIN) & (placed < SURE * evidence)).any():
        for shift in _shifts(preview, index, other):
            found, agreeing = _in_place(reference, moved, shift, sides)
            shifted = np.maximum(shifted, evidence * agreeing / np.maximum(found, PLAIN))
    return np.stack([evidence, placed, shifted])


def _seen_as(preview: Preview, index: int, keyframe: int, noise: float) -> Detail:
    """The detail of one keyframe's picture where another one lies."""
    shown = as_keyframe(preview.seen[index] | preview.foreground[index], preview, keyframe)
    gray = gray_of(np.asarray(as_keyframe(preview.pictures[index], preview, keyframe), np.uint8))
    return detail(gray, np.asarray(shown > 250), noise * preview.scale, preview.height)


def _in_place(reference: Detail, moved: Detail, camera: Affine, sides: Axis) -> tuple[Float64, Float64]:
    """(cells with texture, those of them that are in their place) in each third of the strips, (3,) each."""
    cells = compare(reference, moved, camera)
    rows, columns = cells.evidence.shape
    strip = strip_of(columns, rows, sides)
    parts = [third & strip for third in thirds_of(columns, rows, sides)]
    placed = cells.evidence * cells.in_place
    return np.array([cells.evidence[p].sum() for p in parts]), np.array([placed[p].sum() for p in parts])


def _shifts(preview: Preview, index: int, other: int) -> list[Affine]:
    """Whole pixels to and fro along the camera's way between two keyframes, as one of them sees it."""
    middle = np.array([[preview.width - 1, preview.height - 1]]) / 2
    step = compose(invert(preview.cameras[index]), preview.cameras[other])
    (way,) = apply(step, middle) - middle
    x, y = way / max(float(np.linalg.norm(way)), 1e-6)
    return [translation(d * x, d * y) for d in range(-FARTHEST, FARTHEST + 1) if d]
