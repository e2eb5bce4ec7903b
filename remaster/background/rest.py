"""Whether a camera that seems to drift rests: what stands beside the wings decides, not how far it seems to go.

A large figure that leans or turns takes the camera along where the set behind it is dull. A drift that is the camera's
explains the picture next to its border better than rest does; a figure's explains the figure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from remaster.alignment import Detail, compare, detail
from remaster.background.cameras import NEAR
from remaster.background.canvas import Axis
from remaster.background.features import gray_of
from remaster.background.holdout import strip_of
from remaster.background.register import Registration
from remaster.camera import IDENTITY, Affine, compose, corner_error, invert, rescale
from remaster.motion import WORK_HEIGHT
from remaster.records import Analysis

DRIFT = 0.1
"""Share of the picture's smaller side beyond which a move is no figure's leaning."""
APART = 1.0
"""Working pixels by which the two explanations of a keyframe must differ to be told from each other."""
EVIDENCE = 4.0
"""Cells with texture beside the wings, in all keyframes together, under which nothing is told."""
PROVED = 1.25
"""Times what rest explains that a drift must explain: grain and coding move either by less."""

Float = npt.NDArray[np.float64]


def drifts(analysis: Analysis, usable: npt.NDArray[np.bool_], registration: Registration, sides: Axis) -> bool:
    """Whether the move explains the strips beside the wings better than rest; True where they have no texture.

    ``usable`` bool (k, h, w) of all the scene's keyframes: what may be background. Keyframes are compared with the
    first, the last and the reference; a cell counts that has texture either way and lies within half a pixel.
    """
    cameras = registration.cameras[registration.at]
    details = [
        detail(gray_of(analysis.proxies[k]), usable[k], analysis.noise, WORK_HEIGHT) for k in registration.keyframes
    ]
    reference = int(np.flatnonzero(registration.keyframes == registration.reference)[0])
    sums = np.sum([_told(details, cameras, a, sides) for a in {0, reference, len(details) - 1}], axis=0)
    evidence, moved, rested = sums.tolist()
    return bool(evidence < EVIDENCE or moved > PROVED * rested)


def resting(registration: Registration) -> Registration:
    """The same keyframes, all in one place."""
    cameras = np.repeat(IDENTITY[None], len(registration.cameras), axis=0)
    apart = [np.linalg.norm(p.points_first - p.points_second, axis=-1) for p in registration.pairs]
    inliers = sum(int((a < NEAR).sum()) for a in apart)
    nowhere = np.zeros(len(cameras), bool)
    return replace(registration, cameras=cameras, model="hold", inliers=inliers, astray=nowhere)


def _told(details: Sequence[Detail], cameras: Affine, anchor: int, sides: Axis) -> Float:
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
