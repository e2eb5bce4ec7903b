"""Whether a camera that seems to drift rests: what stands beside the wings decides, not how far it seems to go.

A large figure that leans or turns takes the camera along where the set behind it is dull. A drift that is the camera's
explains the picture next to its border better than rest does; a figure's explains the figure.
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
from remaster.stitch.cameras import NEAR
from remaster.stitch.holdout import strip_of
from remaster.stitch.registration import Registration

DRIFT = 0.1
"""Share of the picture's smaller side beyond which a move is no figure's leaning."""
APART = 1.0
"""Working pixels by which the two explanations of a keyframe must differ to be told from each other."""
EVIDENCE = 4.0
"""Cells with texture beside the wings, in all keyframes together, under which nothing is told."""
PROVED = 1.25
"""Times what rest explains that a drift must explain: grain and coding move either by less."""


def drifts(analysis: Analysis, usable: npt.NDArray[np.bool_], registration: Registration, sides: Axis) -> bool:
    """Whether the move explains the strips beside the wings better than rest; True where they have no texture.

    ``usable`` bool (k, h, w) of all the scene's keyframes: what may be background. Keyframes are compared with the
    first, the last and the reference; a cell counts that has texture either way and lies within half a pixel.
    """
    cameras = registration.cameras[registration.at]
    details = [
        detail(gray_of(analysis.proxies[k]), usable[k], analysis.noise, IMAGING.camera_motion.work_height)
        for k in registration.keyframes
    ]
    reference = int(np.flatnonzero(registration.keyframes == registration.reference)[0])
    sums = np.sum([_told(details, cameras, a, sides) for a in {0, reference, len(details) - 1}], axis=0)
    evidence, moved, rested = sums.tolist()
    return bool(evidence < EVIDENCE or moved > PROVED * rested)


def slides(analysis: Analysis, keyframes: npt.NDArray[np.int64], sides: Axis) -> bool:
    """Whether the set beside the wings moves behind figures that hold the camera, as followed riders do.

    Told by the outer quarters without masks, which name a set that moves; both must have texture, for a figure may lean
    into one. ``keyframes`` are indices into the scene's; each is compared with the one before. What moves without one
    motion (water, a crowd, rain) is explained by none.
    """
    grays = [gray_of(analysis.proxies[k]) for k in keyframes]
    parts = _quarters(analysis.valid.shape, sides)
    shares = np.array([_explained([Picture(g[p], analysis.valid[p], analysis.noise) for g in grays]) for p in parts])
    moved, rested = shares.sum(axis=0).tolist()
    return bool(shares[:, 0].all() and moved > PROVED * rested)


def _explained(pictures: Sequence[Picture]) -> tuple[float, float]:
    """(what motions between neighbours explain, what rest does), summed; nothing where most is flat."""
    moved = rested = 0.0
    for before, after in itertools.pairwise(pictures):
        rest, motion = compare(before.fine, after.fine, IDENTITY), motion_between(before, after)
        if rest.area >= IMAGING.camera_motion.max_plain_texture and not motion.shaded:
            moved += max(motion.explained, rest.share)
            rested += rest.share
    return moved, rested


def _quarters(shape: tuple[int, ...], sides: Axis) -> list[tuple[slice, slice]]:
    """The outer quarters of a picture of ``shape`` (h, w) on the wings' ``sides``."""
    deep = (shape[1] if sides == "x" else shape[0]) // 4
    outer, whole = (slice(deep), slice(-deep, None)), slice(None)
    return [(whole, part) if sides == "x" else (part, whole) for part in outer]


def resting(registration: Registration) -> Registration:
    """The same keyframes, all in one place."""
    cameras = np.repeat(IDENTITY[None], len(registration.cameras), axis=0)
    apart = [np.linalg.norm(p.points_first - p.points_second, axis=-1) for p in registration.pairs]
    inliers = sum(int((a < NEAR).sum()) for a in apart)
    return replace(registration, cameras=cameras, model="hold", inliers=inliers)


def _told(details: Sequence[Detail], cameras: Affine, anchor: int, sides: Axis) -> Float64:
    """(cells with texture beside the wings, those that the move explains, those that rest does) beside one keyframe."""
    total = np.zeros(3)
    size, scale = details[anchor].size, details[anchor].scale
    for other, camera in zip(details, cameras, strict=True):
        step = rescale(compose(invert(cameras[anchor]), camera), *scale)
        if float(corner_error(step, IDENTITY, *size)) < APART:
            continue
        moved, rested = compare(details[anchor], other, step), compare(details[anchor], other, IDENTITY)
        rows, columns = moved.evidence.shape
        told = np.minimum(moved.evidence, rested.evidence) * strip_of(columns, rows, sides)
        total += told.sum(), (told * moved.in_place).sum(), (told * rested.in_place).sum()
    return total
