"""What other shots of a scene saw of a shot's wings: their keyframes, where they register and a hold-out proves them.

A camera that rests after a pan, or a pan that was cut in two, knows little of its sides by itself. Keyframes next to
it in time may have seen them. They are believed for one side where they foretell that side's strip of the shot's own
keyframes well, and they only fill what those left open.
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
from remaster.stitch.composite import Source
from remaster.stitch.confidence import LONE, Trust, beyond_grain, over_cheap
from remaster.stitch.exposure import Exposure
from remaster.stitch.features import overlap
from remaster.stitch.holdout import (
    APART,
    MIN_EVIDENCE,
    cheap_fills,
    error_of,
    foretell,
    held_out,
    squares_of,
    strip_of,
    thirds_of,
    witnesses,
)
from remaster.stitch.keyframe_alignment import align, disagreeing
from remaster.stitch.registration import register
from remaster.stitch.shot_split import Span
from remaster.stitch.spans import Scene, Stitchable, inner_area

WORST, WHOLE = 0.8, 0.6
"""Error over that of a mirrored fill, in each third of a side and in all of it, up to which a loan is taken.

Mirrored, because what a loan saves from being generated is sharp as well, and no nearer to the truth.
"""


@dataclass(frozen=True)
class Loan:
    """Keyframes of other shots (indices into the scene's, (m,)) that show what lies beyond a shot's own.

    ``cameras`` (m, 2, 3) take their proxy pixels to those of the shot's reference. ``sides`` (left or upper, right or
    lower) says which they may fill; ``error`` is what they were off there, in grey levels beyond the grain. ``preview``
    and ``exposure`` are of these keyframes alone, in the light of the reference.
    """

    keyframes: Int64
    cameras: Affine
    sides: tuple[bool, bool]
    error: float
    preview: Preview
    exposure: Exposure

    def confined(self, source: Source, middle: Float64, sides: Axis) -> Source:
        """A source on the canvas without what lies on a side of ``middle`` (x, y) that may not be filled."""
        a, b, c = source.camera[0 if sides == "x" else 1]
        rows, columns = np.indices(source.weight.shape)
        beyond = a * columns + b * rows + c >= middle[0 if sides == "x" else 1]
        return replace(source, weight=np.where(np.where(beyond, *self.sides[::-1]), source.weight, 0).astype(np.uint8))


def lend(scene: Scene, made: Stitchable) -> list[Loan]:
    """The loans from before and after a shot; of each direction the farthest reaching that is proved."""
    own = made.registration.keyframes
    found = []
    for direction in (-1, 1):
        reach = _linked(scene, own, direction)
        while len(reach):
            loan = _loan(scene, made, reach)
            if loan is not None:
                found.append(loan)
                break
            reach = reach[: len(reach) // 2]
    return found


def with_loans(trust: Trust, loans: Sequence[Loan], share: float) -> Trust:
    """What a background is worth if that ``share`` 0-1 of what its wings show is lent: both errors, by their areas."""
    worst = max((loan.error for loan in loans), default=0.0)
    return replace(trust, error=float(np.sqrt((1 - share) * trust.error**2 + share * worst**2)))


def _linked(scene: Scene, own: Int64, direction: int) -> Int64:
    """The keyframes outward from the shot, nearest first, that are paired with the shot or with such a one."""
    linked, found = set(own.tolist()), []
    believed = [p for p in scene.pairs if p.share >= scene.settings.pair_share]
    outward = range(int(own[0]) - 1, -1, -1) if direction < 0 else range(int(own[-1]) + 1, len(scene.usable))
    for at in outward:
        if any((p.first == at and p.second in linked) or (p.second == at and p.first in linked) for p in believed):
            linked.add(at)
            found.append(at)
    return np.array(found, np.int64)


def _loan(scene: Scene, made: Stitchable, reach: Int64) -> Loan | None:
    """The loan of those of the keyframes that see farther than the shot; None where no side is proved."""
    registration = made.registration
    own, cameras = registration.cameras[registration.at], _cameras(scene, made, reach)
    farther = _farther(scene, own, cameras)
    useful = farther.any(axis=1)
    if not useful.any():
        return None
    keyframes, cameras = reach[useful], cameras[useful]
    every = np.concatenate([registration.keyframes, keyframes])
    usable = scene.usable[every] & inner_area(scene, scene.analysis.valid.shape, scene.settings.border)
    reference = int(np.flatnonzero(registration.keyframes == registration.reference)[0])
    placed = np.concatenate([own, cameras])
    preview, exposure = align(scene.analysis.proxies[every], usable, placed, reference)
    off = _proved(preview, len(own), scene)
    sides = farther.any(axis=0) & np.isfinite(off)
    if not sides.any():
        return None
    error = float(np.hypot(off[sides].max(), LONE / np.sqrt(len(keyframes))))
    lent = np.s_[len(own) :]
    light = Exposure(exposure.gain[lent], exposure.offset[lent])
    return Loan(keyframes, cameras, (bool(sides[0]), bool(sides[1])), error, _part(preview, lent, scene), light)


def _part(preview: Preview, part: slice, scene: Scene) -> Preview:
    """Some of a preview's keyframes, without what disagrees with all of them."""
    foreground = disagreeing(preview, scene.analysis.noise)
    return replace(
        preview,
        pictures=preview.pictures[part],
        seen=(preview.seen & ~foreground)[part],
        foreground=foreground[part],
        cameras=preview.cameras[part],
    )


def _farther(scene: Scene, own: Affine, cameras: Affine) -> npt.NDArray[np.bool_]:
    """Which of ``cameras`` (m, 2, 3) see farther to which side, (m, 2), than all of ``own``, and overlap with one."""
    height, width = scene.analysis.valid.shape
    axis, apart = (0, APART * width) if scene.sides == "x" else (1, APART * height)
    places = [apply(c, np.broadcast_to(corners(width, height), (len(c), 4, 2)))[..., axis] for c in (own, cameras)]
    before = places[1].min(axis=1) < places[0].min() - apart
    after = places[1].max(axis=1) > places[0].max() + apart
    shared = [max(overlap(compose(invert(o), c), width, height) for o in own) for c in cameras]
    return np.stack([before, after], axis=1) & (np.array(shared) >= scene.settings.min_overlap)[:, None]


def _cameras(scene: Scene, made: Stitchable, reach: Int64) -> Affine:
    """Cameras of keyframes outside the shot to its reference: solved with the shot's, held by its nearest one."""
    registration, at = made.registration, scene.analysis.keyframes
    every = np.sort(np.concatenate([registration.keyframes, reach]))
    wide = register(scene.analysis, scene.pairs, Span(int(at[every[0]]), int(at[every[-1]]) + 1, True))
    solved = wide.cameras[wide.at]
    nearest = 0 if reach[0] < registration.keyframes[0] else -1
    own = registration.cameras[registration.at[nearest]]
    first = int(wide.keyframes[0])
    home = compose(own, invert(solved[registration.keyframes[nearest] - first]))
    return compose(home, solved[reach - first])


def _proved(preview: Preview, own: int, scene: Scene) -> Float64:
    """How far off, in levels beyond the grain (2,), the keyframes from number ``own`` on foretell each side's strips of
    those before; infinite for a side that they do not foretell well.

    No pixel is left out for disagreeing: were the lenders' left out, none would ever look wrong.
    """
    sums = np.zeros((2, 3, 5))
    for index in held_out(own):
        by = witnesses(preview, int(index), scene.sides)
        sums += _foretold(preview, int(index), by[by >= own], scene)
    off = np.full(2, np.inf)
    for side, thirds in enumerate(sums):
        told = thirds[thirds[:, 3] >= np.maximum(MIN_EVIDENCE * thirds[:, 4], 1)]
        if not len(told):
            continue
        error, mirrored = (told[:, :2] / told[:, 3:4]).T
        whole = told.sum(axis=0) / told[:, 3].sum()
        if over_cheap(error, mirrored).max() <= WORST and over_cheap(whole[0], whole[1]) <= WHOLE:
            off[side] = beyond_grain(float(whole[2]), scene.analysis.noise * preview.scale)
    return off


def _foretold(preview: Preview, index: int, by: npt.NDArray[np.intp], scene: Scene) -> Float64:
    """Of a keyframe's strips, (2 sides, 3 thirds, 5): error of the prediction and of a mirrored fill, squared error of
    the prediction, pixels of all those, pixels there are."""
    width, height = preview.width, preview.height
    strip = strip_of(width, height, scene.sides)
    second = np.indices((height, width))[1 if scene.sides == "x" else 0] * 2 >= (
        width if scene.sides == "x" else height
    )
    parts = [[strip & third & half for third in thirds_of(width, height, scene.sides)] for half in (~second, second)]
    sums = np.zeros((2, 3, 5))
    sums[..., 4] = [[part.sum() for part in side] for side in parts]
    if not len(by):
        return sums
    told = foretell(preview, index, by, scene.sides)
    values = (
        error_of(told.relit, told.shown),
        error_of(cheap_fills(told.shown, scene.sides)[0], told.shown),
        squares_of(told.relit, told.shown, told.known),
        told.known,
    )
    for side, thirds in zip(sums, parts, strict=True):
        for row, part in zip(side, thirds, strict=True):
            row[:4] = [value[part & told.known].sum() for value in values]
    return sums
