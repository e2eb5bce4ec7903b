"""Donor keyframes: what keyframes of a scene's other shots show of a shot's wings, proved by a hold-out.

A camera that rests after a pan, or a pan that was cut in two, knows little of its sides by itself. Keyframes next to
it in time may have seen them. They are used for a side where they predict that side's strip of the shot's own keyframes
well, and only where the shot's own keyframes show nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from remaster.arrays import Affine, Float64, Int64
from remaster.imaging.aligned_keyframes import Preview
from remaster.imaging.camera import apply, compose, corners, invert
from remaster.stitch.background_canvas import Axis
from remaster.stitch.background_plan import BackgroundInputs, Scene, inner_area
from remaster.stitch.background_trust import Trust, error_without_grain, relative_error
from remaster.stitch.composite import Source
from remaster.stitch.exposure import Exposure
from remaster.stitch.holdout import (
    absolute_error,
    cheap_fills,
    distant_keyframes,
    held_out,
    predict,
    squared_error,
    strip_of,
    thirds_of,
)
from remaster.stitch.keyframe_alignment import align, disagreeing
from remaster.stitch.keyframe_pairs import overlap
from remaster.stitch.registration import register
from remaster.stitch.shot_split import Span
from remaster.stitch.tuning import TUNING


@dataclass(frozen=True)
class Donors:
    """Keyframes of other shots (indices into the scene's, (m,)) that show more of a side than the shot's own.

    ``cameras`` (m, 2, 3) take their proxy pixels to those of the shot's reference. ``sides`` (left or upper, right or
    lower) are those they may fill; ``error`` is the root mean square error of their predictions there, in levels
    without the grain. ``preview`` and ``exposure`` are of these keyframes alone, in the light of the reference.
    """

    keyframes: Int64
    cameras: Affine
    sides: tuple[bool, bool]
    error: float
    preview: Preview
    exposure: Exposure

    def confined(self, source: Source, middle: Float64, sides: Axis) -> Source:
        """A source with weight 0 on a side of ``middle`` (x, y), on the canvas, that these donors may not fill."""
        axis = 0 if sides == "x" else 1
        a, b, c = source.camera[axis]
        rows, columns = np.indices(source.weight.shape)
        second = a * columns + b * rows + c >= middle[axis]
        allowed = np.where(second, self.sides[1], self.sides[0])
        return replace(source, weight=np.where(allowed, source.weight, 0).astype(np.uint8))


def find_donors(scene: Scene, inputs: BackgroundInputs) -> list[Donors]:
    """Find the donor keyframes before and after a shot; of each direction the farthest ones that pass the hold-out."""
    found = []
    for direction in (-1, 1):
        candidates = _linked_keyframes(scene, inputs.registration.keyframes, direction)
        while len(candidates):
            donors = _proved_donors(scene, inputs, candidates)
            if donors is not None:
                found.append(donors)
                break
            candidates = candidates[: len(candidates) // 2]
    return found


def with_donors(trust: Trust, donors: Sequence[Donors], share: float) -> Trust:
    """What a background is worth if donors show a ``share`` (0-1) of its wings' coverage: both errors, by area."""
    worst = max((group.error for group in donors), default=0.0)
    return replace(trust, error=float(np.sqrt((1 - share) * trust.error**2 + share * worst**2)))


def _linked_keyframes(scene: Scene, own: Int64, direction: int) -> Int64:
    """Keyframes outward from the shot's ``own``, nearest first, that pairs link to the shot, directly or in a chain."""
    linked, found = set(own.tolist()), []
    believed = [p for p in scene.pairs if p.share >= scene.settings.pair_share]
    outward = range(int(own[0]) - 1, -1, -1) if direction < 0 else range(int(own[-1]) + 1, len(scene.usable))
    for at in outward:
        if any((p.first == at and p.second in linked) or (p.second == at and p.first in linked) for p in believed):
            linked.add(at)
            found.append(at)
    return np.array(found, np.int64)


def _proved_donors(scene: Scene, inputs: BackgroundInputs, candidates: Int64) -> Donors | None:
    """Those of the candidates that see farther than the shot, if a hold-out proves them for a side; else None."""
    registration = inputs.registration
    own, cameras = registration.cameras[registration.at], _donor_cameras(scene, inputs, candidates)
    farther = _sees_farther(scene, own, cameras)
    useful = farther.any(axis=1)
    if not useful.any():
        return None
    keyframes, cameras = candidates[useful], cameras[useful]
    every = np.concatenate([registration.keyframes, keyframes])
    usable = scene.usable[every] & inner_area(scene, scene.analysis.valid.shape, scene.settings.border)
    reference = int(np.flatnonzero(registration.keyframes == registration.reference)[0])
    preview, exposure = align(scene.analysis.proxies[every], usable, np.concatenate([own, cameras]), reference)
    errors = _side_errors(preview, len(own), scene)
    sides = farther.any(axis=0) & np.isfinite(errors)
    if not sides.any():
        return None
    error = float(np.hypot(errors[sides].max(), TUNING.trust.picture_error / np.sqrt(len(keyframes))))
    part = np.s_[len(own) :]
    foreground = disagreeing(preview, scene.analysis.noise)
    seen = replace(preview, seen=preview.seen & ~foreground, foreground=foreground).chosen(part)
    light = Exposure(exposure.gain[part], exposure.offset[part])
    return Donors(keyframes, cameras, (bool(sides[0]), bool(sides[1])), error, seen, light)


def _sees_farther(scene: Scene, own: Affine, cameras: Affine) -> npt.NDArray[np.bool_]:
    """Which of ``cameras`` (m, 2, 3) see farther to which side, (m, 2), than all of ``own``, and overlap with one."""
    height, width = scene.analysis.valid.shape
    axis, size = (0, width) if scene.sides == "x" else (1, height)
    margin = TUNING.holdout.min_distance * size
    extents = [apply(c, np.broadcast_to(corners(width, height), (len(c), 4, 2)))[..., axis] for c in (own, cameras)]
    before = extents[1].min(axis=1) < extents[0].min() - margin
    after = extents[1].max(axis=1) > extents[0].max() + margin
    shared = [max(overlap(compose(invert(o), c), width, height) for o in own) for c in cameras]
    return np.stack([before, after], axis=1) & (np.array(shared) >= scene.settings.min_overlap)[:, None]


def _donor_cameras(scene: Scene, inputs: BackgroundInputs, candidates: Int64) -> Affine:
    """Cameras (m, 2, 3) of keyframes outside the shot to its reference.

    They are solved together with the shot's keyframes; the nearest of these keeps its own camera.
    """
    registration, at = inputs.registration, scene.analysis.keyframes
    every = np.sort(np.concatenate([registration.keyframes, candidates]))
    wide = register(scene.analysis, scene.pairs, Span(int(at[every[0]]), int(at[every[-1]]) + 1, True))
    solved = wide.cameras[wide.at]
    nearest = 0 if candidates[0] < registration.keyframes[0] else -1
    own = registration.cameras[registration.at[nearest]]
    first = int(wide.keyframes[0])
    to_reference = compose(own, invert(solved[registration.keyframes[nearest] - first]))
    return compose(to_reference, solved[candidates - first])


def _side_errors(preview: Preview, own: int, scene: Scene) -> Float64:
    """How well donors predict the shot's strips: root mean square errors of both sides (2,), levels without the grain.

    The first ``own`` keyframes of the preview are the shot's, the others are donors. Infinite for a side that is not
    predicted well. No pixel is left out for disagreeing: without the donors' own no donor would ever look wrong.
    """
    sums = np.zeros((2, 3, 5))
    for index in held_out(own):
        others = distant_keyframes(preview, int(index), scene.sides)
        sums += _strip_errors(preview, int(index), others[others >= own], scene)
    errors = np.full(2, np.inf)
    for side, thirds in enumerate(sums):
        compared, total = thirds[:, 3], thirds[:, 4]
        measured = thirds[compared >= np.maximum(TUNING.holdout.min_evidence * total, 1)]
        if not len(measured):
            continue
        error, mirrored = (measured[:, :2] / measured[:, 3:4]).T
        whole = measured.sum(axis=0) / measured[:, 3].sum()
        good_thirds = relative_error(error, mirrored).max() <= TUNING.donors.max_third_error
        if good_thirds and relative_error(whole[0], whole[1]) <= TUNING.donors.max_side_error:
            errors[side] = error_without_grain(float(whole[2]), scene.analysis.noise * preview.scale)
    return errors


def _strip_errors(preview: Preview, index: int, others: npt.NDArray[np.intp], scene: Scene) -> Float64:
    """Sums over a keyframe's strips, predicted from ``others``, (2 sides, 3 thirds, 5).

    The five: absolute error of the prediction, of a mirrored fill, squared error of the prediction, compared pixels,
    all pixels.
    """
    width, height = preview.width, preview.height
    axis, size = (1, width) if scene.sides == "x" else (0, height)
    strip, second = strip_of(width, height, scene.sides), np.indices((height, width))[axis] * 2 >= size
    parts = [[strip & third & half for third in thirds_of(width, height, scene.sides)] for half in (~second, second)]
    sums = np.zeros((2, 3, 5))
    sums[..., 4] = [[part.sum() for part in side] for side in parts]
    if not len(others):
        return sums
    prediction = predict(preview, index, others, scene.sides)
    values = (
        absolute_error(prediction.relit, prediction.actual),
        absolute_error(cheap_fills(prediction.actual, scene.sides)[0], prediction.actual),
        squared_error(prediction.relit, prediction.actual, prediction.known),
        prediction.known,
    )
    for side, thirds in zip(sums, parts, strict=True):
        for row, part in zip(side, thirds, strict=True):
            row[:4] = [value[part & prediction.known].sum() for value in values]
    return sums
