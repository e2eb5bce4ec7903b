"""Distinguishes a drifting camera from a resting one by the picture beside the wings, not by how far it seems to move.

Where the set has little texture, the measured camera follows a large figure that leans or turns. The camera's own drift
explains the picture next to its border better than rest does; a figure's explains only the figure.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from remaster.arrays import Affine, Float64
from remaster.imaging.alignment import Detail, compare, detail
from remaster.imaging.camera import IDENTITY, compose, corner_error, invert, rescale
from remaster.imaging.camera_motion import Picture, motion_between
from remaster.imaging.channels import gray_of
from remaster.imaging.tuning import TUNING as IMAGING
from remaster.records import Analysis
from remaster.stitch.background_canvas import Axis
from remaster.stitch.holdout import strip_of
from remaster.stitch.registration import Registration
from remaster.stitch.tuning import TUNING


def is_drifting(analysis: Analysis, usable: npt.NDArray[np.bool_], registration: Registration, sides: Axis) -> bool:
    """Whether the move explains the strips beside the wings better than rest; True where they have no texture.

    ``usable`` bool (k, h, w) of all the scene's keyframes: what may be background. Keyframes are compared with the
    first, the last and the reference. A cell counts if it has texture under both explanations.
    """
    cameras = registration.cameras[registration.at]
    details = [
        detail(gray_of(analysis.proxies[k]), usable[k], analysis.noise, IMAGING.camera_motion.work_height)
        for k in registration.keyframes
    ]
    reference = int(np.flatnonzero(registration.keyframes == registration.reference)[0])
    sums = np.sum([_explained_cells(details, cameras, a, sides) for a in {0, reference, len(details) - 1}], axis=0)
    evidence, moved, rested = sums.tolist()
    return bool(evidence < TUNING.resting.min_evidence or moved > TUNING.resting.min_ratio * rested)


def set_slides(analysis: Analysis, keyframes: npt.NDArray[np.int64], sides: Axis) -> bool:
    """Whether the set beside the wings moves behind figures that hold the camera, as behind tracked riders.

    The outer parts of the picture decide, without masks, which would cover a set that moves. Both must have texture,
    for a figure may lean into one. ``keyframes`` are indices into the scene's; each is compared with the one before.
    What moves without one motion (water, a crowd, rain) is explained by none.
    """
    grays = [gray_of(analysis.proxies[k]) for k in keyframes]
    parts = _outer_parts(analysis.valid.shape, sides)
    pictures = [[Picture(gray[part], analysis.valid[part], analysis.noise) for gray in grays] for part in parts]
    areas = np.array([_explained_areas(part) for part in pictures])
    moved, rested = areas.sum(axis=0).tolist()
    return bool(areas[:, 0].all() and moved > TUNING.resting.min_ratio * rested)


def _explained_areas(pictures: Sequence[Picture]) -> tuple[float, float]:
    """(area that motions between neighbours explain, area that rest explains), summed; 0 where most is flat."""
    moved = rested = 0.0
    for before, after in itertools.pairwise(pictures):
        rest, motion = compare(before.fine, after.fine, IDENTITY), motion_between(before, after)
        if rest.area >= IMAGING.camera_motion.max_plain_texture and not motion.shaded:
            moved += max(motion.explained, rest.share)
            rested += rest.share
    return moved, rested


def _outer_parts(shape: tuple[int, ...], sides: Axis) -> list[tuple[slice, slice]]:
    """The slices of the outer parts of a picture of ``shape`` (h, w) on the wings' ``sides``."""
    depth = (shape[1] if sides == "x" else shape[0]) // TUNING.resting.outer_part
    outer, whole = (slice(depth), slice(-depth, None)), slice(None)
    return [(whole, part) if sides == "x" else (part, whole) for part in outer]


def at_rest_registration(registration: Registration) -> Registration:
    """The same registration with all cameras at the identity."""
    cameras = np.repeat(IDENTITY[None], len(registration.cameras), axis=0)
    distances = [np.linalg.norm(p.points_first - p.points_second, axis=-1) for p in registration.pairs]
    inliers = sum(int((a < TUNING.bundle.inlier_error).sum()) for a in distances)
    return replace(registration, cameras=cameras, model="hold", inliers=inliers)


def _explained_cells(details: Sequence[Detail], cameras: Affine, anchor: int, sides: Axis) -> Float64:
    """Sums (3,) over cells beside the wings: with texture, explained by the move, explained by rest.

    Each keyframe is compared with keyframe ``anchor``.
    """
    total = np.zeros(3)
    size, scale = details[anchor].size, details[anchor].scale
    for other, camera in zip(details, cameras, strict=True):
        step = rescale(compose(invert(cameras[anchor]), camera), *scale)
        if float(corner_error(step, IDENTITY, *size)) < TUNING.resting.min_difference:
            continue
        moved, rested = compare(details[anchor], other, step), compare(details[anchor], other, IDENTITY)
        rows, columns = moved.evidence.shape
        evidence = np.minimum(moved.evidence, rested.evidence) * strip_of(columns, rows, sides)
        total += evidence.sum(), (evidence * moved.in_place).sum(), (evidence * rested.in_place).sum()
    return total
