"""Shots that no one background holds: mixed from those beside them in a dissolve, else propagated along the motion."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

import cv2
import numpy as np
import numpy.typing as npt

from remaster.arrays import Mask, Rgb
from remaster.imaging.camera import chain, rescale
from remaster.imaging.channels import outline_colors
from remaster.imaging.footage import Footage
from remaster.propagation.shot_plan import propagate
from remaster.records import Analysis, Shot
from remaster.stitch.spans import Scene
from remaster.stitch.wing_error import border_error, confidence

FEWEST = 4
"""Frames of a shot, at least, from which anything can be carried."""
TURNING = 0.5
"""Share of the frames between two shots that must be found to turn from one to the other, for these to be mixed."""
OUTLINE = 32, 24
"""Size of the pictures by which the mixture is measured."""
OUTLINE_CELLS = 8, 6
"""Columns and rows of cells of those pictures, of which the outermost are compared."""
MAX_UNMIXED = 0.25
"""Difference of a frame from a mixture of both ends (root mean square), as a share of what lies between these."""
FADE = 12
"""Frames over which a shot's wings pass into those of the shots beside it, where no cut lies between."""


def without_background(
    scene: Scene, masks: npt.NDArray[np.bool_], shots: Sequence[Shot], footage: Footage, cuts: Collection[int]
) -> list[Shot]:
    """A scene's ``shots`` with wings for those that have no background; the others stay as they are.

    ``masks`` bool (k, h, w) are the characters on the keyframes' proxies. At ``cuts`` begin frames that do not follow
    those before in time.
    """
    mixed = [_mixed(scene, shots, i, footage) for i in range(len(shots))]
    return [_propagated(scene, masks, shot, footage, cuts) for shot in mixed]


def _mixed(scene: Scene, shots: Sequence[Shot], number: int, footage: Footage) -> Shot:
    """A shot as it is, or as a transition where the frames of one lie between two shots that have a background."""
    shot = shots[number]
    inner = shot.method == "ambient" and 0 < number < len(shots) - 1
    if not inner or "ambient" in (shots[number - 1].method, shots[number + 1].method):
        return shot
    if scene.analysis.turning[shot.start : shot.end].mean() < TURNING:
        return shot
    later = mixture(footage.small(shot.start - 1, shot.end + 1, *OUTLINE))
    return shot if later is None else replace(shot, method="propagated", mix=np.stack([1 - later, later]))


def mixture(pictures: Iterable[Rgb]) -> npt.NDArray[np.float32] | None:
    """How far (0-1) each frame of a transition shows what follows it, float32 (n,), never falling.

    ``pictures`` uint8 (h, w, 3) are the last one before the transition, its n frames, and the first one after it. None
    where the frames are no mixtures of both ends, as in a morph or a wipe. Measured on the picture's outline, where
    figures are rare.
    """
    outer = np.stack([outline_colors(picture, *OUTLINE_CELLS).ravel() for picture in pictures])
    change = outer[-1] - outer[0]
    shares = (outer[1:-1] - outer[0]) @ change / max(float(change @ change), 1e-6)
    shares = np.clip(np.maximum.accumulate(shares), 0.0, 1.0)
    residual = outer[1:-1] - outer[0] - shares[:, None] * change
    if float((residual**2).sum(axis=1).max()) > MAX_UNMIXED**2 * float(change @ change):
        return None
    return np.asarray(shares, np.float32)


def _propagated(
    scene: Scene, masks: npt.NDArray[np.bool_], shot: Shot, footage: Footage, cuts: Collection[int]
) -> Shot:
    """A shot without a background with wings that are carried from the frames nearby; of a few frames with those of the
    shots on both sides.
    """
    count, frames = shot.end - shot.start, len(scene.analysis.motion)
    if shot.method != "ambient":
        return shot
    goes_on = shot.start > 0 and shot.start not in cuts, shot.end < frames and shot.end not in cuts
    if count < FEWEST:
        later = ((np.arange(count) + 0.5) / count) if all(goes_on) else np.full(count, float(goes_on[1]))
        return replace(shot, mix=np.stack([1 - later, later]).astype(np.float32)) if any(goes_on) else shot
    settings, window, analysis = scene.settings, scene.window, scene.analysis
    size = window.active.width, window.active.height

    def figures(frame: int) -> Mask:
        nearest = int(np.abs(analysis.keyframes - frame).argmin())
        return np.asarray(cv2.resize(masks[nearest].astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0)

    holds = analysis.holds[shot.start : shot.end]
    cameras = rescale(chain(analysis.motion[shot.start : shot.end]), *scene.ratio)
    made = propagate(
        shot.start, shot.end, footage, holds, cameras, window, scene.gate, figures, settings.max_canvas_pixels
    )
    sure = confidence(made.seen, made.error, border_error(scene, shot.start, shot.end))
    mix = _faded(analysis, shot, settings.broken_share, goes_on)
    return replace(shot, method="propagated", propagation=made.propagation, confidence=sure, mix=mix)


def _faded(
    analysis: Analysis, shot: Shot, broken_share: float, goes_on: tuple[bool, bool]
) -> npt.NDArray[np.float32] | None:
    """How much of the wings of the shots before and after each frame of a shot shows, (2, n): they fade over `FADE`
    frames where time ``goes_on`` and the picture does; None where it does at neither border.
    """
    count, explained = shot.end - shot.start, analysis.explained
    length = min(FADE, count // 2)
    mix = np.zeros((2, count), np.float32)
    ramp = (np.arange(length, 0, -1) - 0.5) / max(length, 1)
    if goes_on[0] and explained[shot.start] >= broken_share:
        mix[0, :length] = ramp
    if goes_on[1] and explained[shot.end] >= broken_share:
        mix[1, count - length :] = ramp[::-1]
    return mix if mix.any() else None
