"""The very same frames in another recording: open matte, a wider transfer, another scale, crop, light and beginning.

In come small luma pictures of two recordings under one geometry, frame by frame; out go offsets in time that are
proved, or not. A geometry is proposed by the cameras of linked backgrounds and refined on frames. What proves an offset
is that nearly all frames of a piece agree everywhere, once one gain and offset matched their light, and that the frames
before and after do not where the piece moves. What rests proves nothing: it is taken by an offset that moving pieces
beside it have proved.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce

import cv2
import numpy as np

from remaster.arrays import Affine, Float32, Float64, Gray, Mask, Rgb
from remaster.imaging.camera import apply, compose, corner_error, invert
from remaster.media.types import Rect
from remaster.sets.light import colour_matrix
from remaster.sets.overlap import MaskedPicture, overlap_of, refine, resizing, same_resolution, scale_of, size_of
from remaster.sets.tuning import TUNING


@dataclass(frozen=True)
class View:
    """A small picture of what lies in ``rect`` of a target's pictures, and where another recording shows it.

    ``size`` is its (width, height), ``target`` and ``donor`` (2, 3) take its pixels to those of both recordings'
    whole pictures, ``known`` bool (h, w) is what the other recording shows of it.
    """

    size: tuple[int, int]
    target: Affine
    donor: Affine
    known: Mask


def view_of(rect: Rect, geometry: Affine, shown: Rect) -> View | None:
    """The view of a target's active picture ``rect``, by a ``geometry`` (2, 3) from its pixels to a donor's.

    ``shown`` is the donor's active picture. None where it shows too little of the target's.
    """
    tuning = TUNING.same_footage
    margin = tuning.inset * rect.width, tuning.inset * rect.height
    wide, high = rect.width - 2 * margin[0], rect.height - 2 * margin[1]
    ratio = min(tuning.side / max(wide, high), 1.0)
    unit = tuning.search_reduction
    size = max(round(wide * ratio / unit), 2) * unit, max(round(high * ratio / unit), 2) * unit
    across, down = wide / size[0], high / size[1]
    target = np.array([[across, 0.0, 0.0], [0.0, down, 0.0]])
    target[:, 2] = rect.x + margin[0] + (across - 1) / 2, rect.y + margin[1] + (down - 1) / 2
    donor = compose(geometry, target)
    known = inside(donor, np.stack(np.meshgrid(np.arange(size[0]), np.arange(size[1])), axis=-1), shown)
    return View(size, target, donor, known) if known.mean() >= tuning.min_common else None


def inside(camera: Affine, points: Float64, rect: Rect) -> Mask:
    """Whether ``camera`` takes each of ``points`` (..., 2) into ``rect``."""
    x, y = np.moveaxis(apply(camera, points.reshape(-1, 2)), -1, 0)
    right, bottom = rect.x + rect.width - 0.5, rect.y + rect.height - 0.5
    within = (x >= rect.x - 0.5) & (x <= right) & (y >= rect.y - 0.5) & (y <= bottom)
    return np.asarray(within.reshape(points.shape[:-1]), np.bool_)


def sampled(picture: Gray | Rgb, camera: Affine, size: tuple[int, int]) -> Gray | Rgb:
    """A ``picture`` as a small one of ``size`` shows it, whose pixels ``camera`` takes to the picture's.

    Each pixel is the mean of about its own area and of the next ones: half a pixel of misregistration is no difference.
    """
    scale = scale_of(camera)
    if scale > 1:
        whole = picture.shape[1], picture.shape[0]
        small = max(round(whole[0] / scale), 1), max(round(whole[1] / scale), 1)
        picture = np.asarray(cv2.resize(picture, small, interpolation=cv2.INTER_AREA), np.uint8)
        camera = compose(resizing(whole, small), camera)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    warped = cv2.warpAffine(picture, camera, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(cv2.blur(warped, (3, 3)), np.uint8)


def for_search(picture: Gray) -> Gray:
    """A sampled picture as frames are searched for: smaller."""
    unit = TUNING.same_footage.search_reduction
    size = picture.shape[1] // unit, picture.shape[0] // unit
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


def distinct_geometries(proposals: Iterable[tuple[Affine, float]], width: int, height: int) -> list[Affine]:
    """The geometries that most of some proposals with weights agree on, the best first; for pictures of that size."""
    tuning, groups = TUNING.same_footage, list[tuple[Affine, list[float]]]()
    for camera, weight in sorted(proposals, key=lambda item: (-item[1], item[0].tolist())):
        limit = tuning.same_geometry * float(np.hypot(width, height)) * scale_of(camera)
        near = (g for g in groups if float(corner_error(g[0], camera, width, height)) <= limit)
        group = next(near, None)
        if group is None:
            groups.append((camera, [weight]))
        else:
            group[1].append(weight)
    groups.sort(key=lambda group: -sum(group[1]))
    return [camera for camera, _ in groups[: tuning.max_geometries]]


@dataclass(frozen=True)
class FramePair:
    """One frame in both recordings: their active pictures uint8 (h, w, 3), and the ``camera`` between them."""

    target: Rgb
    donor: Rgb
    camera: Affine


def refined_geometry(pairs: Sequence[FramePair]) -> Affine | None:
    """The camera from the target's to the donor's active picture that fits some frames best; None where none does.

    ``pairs`` all come with the proposed camera. It is refined on each (see ``overlap.refine``), and the one is taken
    under which the frames' median correlation is highest: in a panning shot, time may be a frame off.
    """
    trials = [pairs[0].camera, *(found for pair in pairs if (found := _refined(pair)) is not None)]
    scores = [float(np.median([_correlation(pair, trial) for pair in pairs])) for trial in trials]
    best = int(np.argmax(scores))
    return trials[best] if scores[best] > 0 else None


def _refined(pair: FramePair) -> Affine | None:
    first, second, start = _reduced(pair, pair.camera)
    found = refine(first, second, start)
    if found is None:
        return None
    sizes = [(p.shape[1], p.shape[0]) for p in (pair.target, pair.donor)]
    return compose(compose(resizing(size_of(second), sizes[1]), found), resizing(sizes[0], size_of(first)))


def _correlation(pair: FramePair, camera: Affine) -> float:
    overlap = overlap_of(*_reduced(pair, camera))
    return 0.0 if overlap is None else overlap.correlation


def _reduced(pair: FramePair, camera: Affine) -> tuple[MaskedPicture, MaskedPicture, Affine]:
    """Both pictures in one resolution, at most ``refined_height`` rows, with the camera between them."""
    height, width = pair.target.shape[:2]
    ratio = min(TUNING.same_footage.refined_height / height, 1.0)
    size = max(round(width * ratio), 1), max(round(height * ratio), 1)
    small = np.asarray(cv2.resize(pair.target, size, interpolation=cv2.INTER_AREA), np.uint8)
    first, second = (MaskedPicture(p, *(np.ones(p.shape[:2], bool),) * 2) for p in (small, pair.donor))
    return same_resolution(first, second, compose(camera, resizing(size, (width, height))))


def unit_vectors(pictures: Gray) -> Float32:
    """Pictures (n, h, w) as vectors (n, h * w) of mean nought and length 1; those without contrast are nought."""
    flat = pictures.reshape(len(pictures), -1).astype(np.float32)
    flat -= flat.mean(axis=1, keepdims=True)
    length = np.linalg.norm(flat, axis=1, keepdims=True)
    contrast = length > TUNING.same_footage.flat * np.sqrt(flat.shape[1])
    return np.asarray(np.where(contrast, flat / np.maximum(length, 1e-6), 0.0), np.float32)


def proposed_offsets(target: Gray, donor: Gray) -> list[int]:
    """Frames of ``donor`` (m, h, w) at which a piece ``target`` (n, h, w) may begin, the most likely first.

    Both are pictures ``for_search``. By normalized cross-correlation of a few frames of the piece with all others.
    """
    tuning, count = TUNING.same_footage, len(target)
    places = len(donor) - count + 1
    if places < 1:
        return []
    probes = np.unique(np.linspace(0, count - 1, tuning.probes).round().astype(int))
    wanted = unit_vectors(target[probes])
    scores = np.zeros(places, np.float32)
    for first in range(0, len(donor), 4096):
        part = wanted @ unit_vectors(donor[first : first + 4096]).T
        for row, probe in zip(part, probes.tolist(), strict=True):
            start, stop = max(first - probe, 0), min(first + len(row) - probe, places)
            if start < stop:
                scores[start:stop] += row[start + probe - first : stop + probe - first]
    scores /= len(probes)
    found: list[int] = []
    while len(found) < tuning.max_offsets and float(scores.max()) >= tuning.min_score:
        best = int(scores.argmax())
        found.append(best)
        scores[max(best - tuning.neighbours, 0) : best + tuning.neighbours + 1] = -1
    return found


@dataclass(frozen=True)
class Agreement:
    """How frames of a piece agree with a donor's at an offset.

    ``frames`` were compared, of which ``agreeing`` do; ``worst`` is the largest share of bad cells in any. ``changes``
    counts drawings after the first. ``square`` is the summed square error of all cells, over ``cells`` of them.
    ``shifted`` float64 (2 * neighbours + 1,) is the summed square error of the cells that move, where the donor is up
    to so many frames earlier or later; NaN where it has none.
    """

    frames: int
    agreeing: int
    worst: float
    changes: int
    square: float
    cells: int
    shifted: Float64

    @property
    def matches(self) -> bool:
        """Whether nearly all frames agree."""
        tuning = TUNING.same_footage
        return self.agreeing >= tuning.min_agreeing * self.frames and self.worst <= tuning.max_worst_share

    @property
    def best_shift(self) -> int:
        """By how many frames later the donor would agree best; nought where nothing moves."""
        if not np.nansum(self.shifted) > 0:
            return 0
        return int(np.nanargmin(self.shifted)) - TUNING.same_footage.neighbours

    @property
    def told_apart(self) -> bool:
        """Whether frames that move tell this offset apart from its neighbours; of those that there are."""
        tuning, reach = TUNING.same_footage, TUNING.same_footage.neighbours
        if self.changes < tuning.min_changes:
            return False
        own = self.shifted[reach]
        sides = [side[~np.isnan(side)] for side in (self.shifted[:reach][::-1], self.shifted[reach + 1 :])]
        if not any(len(side) for side in sides):
            return False
        return all(
            side[0] > tuning.told_apart * own and side.max() > tuning.told_far * own for side in sides if len(side)
        )

    @property
    def error(self) -> float:
        """Root mean square difference in levels, light matched."""
        return float(np.sqrt(self.square / max(self.cells, 1)))

    def __add__(self, other: Agreement) -> Agreement:
        """Both parts of a piece together."""
        return Agreement(
            self.frames + other.frames, self.agreeing + other.agreeing, max(self.worst, other.worst),
            self.changes + other.changes, self.square + other.square, self.cells + other.cells,
            self.shifted + other.shifted,
        )  # fmt: skip


def together(parts: Sequence[Agreement]) -> Agreement:
    """All parts of a piece together."""
    return reduce(lambda one, other: one + other, parts)


def compared(target: Gray, donor: Gray, first: int, known: Mask) -> Agreement | None:
    """Compare a part of a piece (n, h, w) with ``donor`` (m, h, w), whose frame ``first`` is to be the piece's first.

    ``known`` bool (h, w) are the cells that both show. None where no plausible light makes them alike.
    """
    tuning, count = TUNING.same_footage, len(target)
    light = _light(donor[first : first + count], target, known)
    if light is None:
        return None
    gain, offset = light
    moving = (target.max(axis=0).astype(int) - target.min(axis=0) > tuning.changed_levels) & known
    wanted = target[:, moving].astype(np.float32)
    shifted = np.full(2 * tuning.neighbours + 1, np.nan)
    for place in range(len(shifted)):
        start = first + place - tuning.neighbours
        if 0 <= start <= len(donor) - count:
            there = donor[start : start + count][:, moving].astype(np.float32)
            shifted[place] = float(((there * gain + offset - wanted) ** 2).sum(dtype=np.float64))
    shares, square = list[float](), 0.0
    for own, other in zip(target, donor[first : first + count], strict=True):
        lit = other.astype(np.float32) * gain + offset
        shares.append(_bad_share(own.astype(np.float32), lit, known))
        square += float(((lit - own)[known] ** 2).sum(dtype=np.float64))
    agreeing = sum(share <= tuning.max_bad_share for share in shares)
    changes, cells = _changes(target, known), count * int(known.sum())
    return Agreement(count, agreeing, max(shares), changes, square, cells, shifted)


def _bad_share(own: Float32, other: Float32, known: Mask) -> float:
    """The share of cells whose level the nine cells around them do not show in the other picture."""
    around = np.ones((3, 3), np.uint8)
    outside = np.maximum(own - cv2.dilate(other, around), cv2.erode(other, around) - own)
    return float((outside[known] > TUNING.same_footage.bad_levels).mean())


def _changes(pictures: Gray, known: Mask) -> int:
    """How many drawings follow the first one: each differs from the one counted before, however slowly it came."""
    tuning, changes = TUNING.same_footage, 0
    last = pictures[0][known].astype(np.int16)
    for picture in pictures[1:]:
        now = picture[known].astype(np.int16)
        if (np.abs(now - last) > tuning.changed_levels).mean() >= tuning.changed_share:
            changes, last = changes + 1, now
    return changes


def _light(donor: Gray, target: Gray, known: Mask) -> tuple[float, float] | None:
    """(gain, offset) that take a donor's luma to the target's, robustly over some frames; None where implausible."""
    tuning = TUNING.same_footage
    some = np.unique(np.linspace(0, len(target) - 1, tuning.light_frames).round().astype(int))
    x, y = (frames[some][:, known].ravel().astype(np.float64) for frames in (donor, target))
    if min(x.std(), y.std()) < tuning.flat:
        return 1.0, float(np.median(y - x))
    low, high = tuning.gain
    gain = float(np.clip(y.std() / x.std(), low, high))
    offset = float(np.median(y - gain * x))
    for _ in range(tuning.light_rounds):
        error = np.abs(gain * x + offset - y)
        weight = np.clip(1 - (error / (4.0 * max(float(np.median(error)), 1.0))) ** 2, 0, None) ** 2
        mean_x, mean_y = np.average(x, weights=weight), np.average(y, weights=weight)
        spread = float((weight * (x - mean_x) ** 2).sum())
        gain = float((weight * (x - mean_x) * (y - mean_y)).sum()) / max(spread, 1e-6)
        offset = float(mean_y - gain * mean_x)
    return (gain, offset) if low <= gain <= high else None


def matched_colours(target: Sequence[Rgb], donor: Sequence[Rgb], known: Mask) -> Float64:
    """The colour matrix (3, 4) that takes the donor's colours to the target's, of small pictures of the same frames."""
    both = [np.concatenate([picture.reshape(-1, 1, 3) for picture in pictures]) for pictures in (donor, target)]
    return colour_matrix(both[0], both[1], np.tile(known.reshape(-1, 1), (len(target), 1)))


def shown_share(wings: Sequence[Rect], camera: Affine, shown: Rect, hidden: Mask | None = None) -> float:
    """The share (0-1) of the ``wings`` that a donor shows; ``camera`` takes their pixels to its whole picture's.

    ``shown`` is its active picture, on which ``hidden`` bool (h, w) marks the projector's gate.
    """
    seen = total = 0
    for wing in wings:
        x, y = wing.x + np.arange(wing.width), wing.y + np.arange(wing.height)
        points = np.stack(np.meshgrid(x, y), axis=-1).astype(np.float64)
        within = inside(camera, points, shown)
        if hidden is not None and hidden.any():
            columns, rows = np.moveaxis(np.rint(apply(camera, points.reshape(-1, 2))).astype(int), -1, 0)
            columns, rows = columns - shown.x, rows - shown.y
            columns, rows = np.clip(columns, 0, shown.width - 1), np.clip(rows, 0, shown.height - 1)
            within &= ~hidden[rows, columns].reshape(within.shape)
        seen, total = seen + int(within.sum()), total + within.size
    return seen / total if total else 0.0


def between_frames(target: Affine, canvases: Affine, donor: Affine) -> Affine:
    """The geometry that two shots' cameras (frame to canvas) and the camera between their canvases propose."""
    return compose(invert(donor), compose(canvases, target))
