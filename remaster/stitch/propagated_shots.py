"""Shots without a background: mixed from those beside them in a dissolve, else propagated along the motion."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

import cv2
import numpy as np
import numpy.typing as npt

from remaster.arrays import Mask, Rgb
from remaster.imaging.camera import chain, rescale
from remaster.imaging.channels import outline_colors
from remaster.propagation.shot_plan import propagate
from remaster.records import Analysis, Footage, Shot
from remaster.stitch.background_plan import Scene
from remaster.stitch.tuning import TUNING
from remaster.stitch.wing_confidence import border_error, confidence


def with_propagated_wings(
    scene: Scene, masks: npt.NDArray[np.bool_], shots: Sequence[Shot], footage: Footage, cuts: Collection[int]
) -> list[Shot]:
    """Give wings to the ``shots`` of a scene that have no background; the others stay as they are.

    ``masks`` bool (k, h, w) are the characters on the keyframes' proxies. ``cuts`` are the frames that do not continue
    the frame before in time.
    """
    mixed = [_as_transition(scene, shots, i, footage) for i in range(len(shots))]
    return [_propagated(scene, masks, shot, footage, cuts) for shot in mixed]


def _as_transition(scene: Scene, shots: Sequence[Shot], number: int, footage: Footage) -> Shot:
    """A shot as it is, or mixed, if it is a transition between two shots that have a background."""
    shot = shots[number]
    inner = shot.method == "ambient" and 0 < number < len(shots) - 1
    if not inner or "ambient" in (shots[number - 1].method, shots[number + 1].method):
        return shot
    if scene.analysis.turning[shot.start : shot.end].mean() < TUNING.propagated.min_turning:
        return shot
    later = mixture(footage.small(shot.start - 1, shot.end + 1, *TUNING.propagated.outline_size))
    return shot if later is None else replace(shot, method="propagated", mix=np.stack([1 - later, later]))


def mixture(pictures: Iterable[Rgb]) -> npt.NDArray[np.float32] | None:
    """Measure how far (0-1) each frame of a dissolve shows the shot after it, float32 (n,), never falling.

    ``pictures`` uint8 (h, w, 3) are the last one before the transition, its n frames, and the first one after it. None
    where the frames are no mixtures of both ends, as in a morph or a wipe. Measured on the picture's outline, where
    figures are rare.
    """
    outer = np.stack([outline_colors(picture, *TUNING.propagated.outline_cells).ravel() for picture in pictures])
    change = outer[-1] - outer[0]
    shares = (outer[1:-1] - outer[0]) @ change / max(float(change @ change), 1e-6)
    shares = np.clip(np.maximum.accumulate(shares), 0.0, 1.0)
    residual = outer[1:-1] - outer[0] - shares[:, None] * change
    if float((residual**2).sum(axis=1).max()) > TUNING.propagated.max_residual**2 * float(change @ change):
        return None
    return np.asarray(shares, np.float32)


def _propagated(
    scene: Scene, masks: npt.NDArray[np.bool_], shot: Shot, footage: Footage, cuts: Collection[int]
) -> Shot:
    """A shot without a background with wings propagated from the frames near in time.

    A shot of a few frames takes the wings of the shots on both sides instead, where time ``continues``.
    """
    count, frames = shot.end - shot.start, len(scene.analysis.motion)
    if shot.method != "ambient":
        return shot
    continues = shot.start > 0 and shot.start not in cuts, shot.end < frames and shot.end not in cuts
    if count < TUNING.propagated.min_frames:
        later = ((np.arange(count) + 0.5) / count) if all(continues) else np.full(count, float(continues[1]))
        return replace(shot, mix=np.stack([1 - later, later]).astype(np.float32)) if any(continues) else shot
    settings, window, analysis = scene.settings, scene.window, scene.analysis
    size = window.active.width, window.active.height

    def figures(frame: int) -> Mask:
        nearest = int(np.abs(analysis.keyframes - frame).argmin())
        return np.asarray(cv2.resize(masks[nearest].astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0)

    holds = analysis.holds[shot.start : shot.end]
    cameras = rescale(chain(analysis.motion[shot.start : shot.end]), *scene.ratio)
    result = propagate(
        shot.start, shot.end, footage, holds, cameras, window, scene.gate, figures, settings.max_canvas_pixels
    )
    sure = confidence(result.seen, result.error, border_error(scene, shot.start, shot.end))
    mix = _fade_mix(analysis, shot, settings.broken_share, continues)
    return replace(shot, method="propagated", propagation=result.propagation, confidence=sure, mix=mix)


def _fade_mix(
    analysis: Analysis, shot: Shot, broken_share: float, continues: tuple[bool, bool]
) -> npt.NDArray[np.float32] | None:
    """How much of the wings of the shots before and after each frame of a shot shows, float32 (2, n).

    They fade where time ``continues`` and the motion explains enough of the picture; None where neither border is such.
    """
    count, explained = shot.end - shot.start, analysis.explained
    length = min(TUNING.propagated.fade_frames, count // 2)
    mix = np.zeros((2, count), np.float32)
    ramp = (np.arange(length, 0, -1) - 0.5) / max(length, 1)
    if continues[0] and explained[shot.start] >= broken_share:
        mix[0, :length] = ramp
    if continues[1] and explained[shot.end] >= broken_share:
        mix[1, count - length :] = ramp[::-1]
    return mix if mix.any() else None
