"""Lending: what a background never saw, filled with what others of its set saw there.

The donors are warped to the borrower's canvas and brought to its light at the join. Where three or more saw a pixel,
those far from their median are left out; the rest are averaged, the strongest most, and each gives way to the others
before it ends, so that no step shows. What the borrower saw itself never changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import cv2
import numpy as np
import numpy.typing as npt

from remaster.arrays import Affine, Float32, Float64, Mask, Rgb
from remaster.imaging.camera import compose
from remaster.imaging.channels import gray_of
from remaster.sets.light import colour_matrix, plausible_light, relit
from remaster.sets.overlap import MaskedPicture, overlap_of, refine, resizing, same_resolution, scale_of
from remaster.sets.proof import Side
from remaster.sets.tuning import TUNING

LUMA = np.array([0.299, 0.587, 0.114], np.float32)


@dataclass(frozen=True)
class Donor:
    """Another background of the set, and what its proof says.

    ``image`` uint8 (h, w, 3), ``coverage`` bool (h, w) without figures. ``camera`` (2, 3) takes the borrower's canvas
    pixels to the donor's, ``colour`` (3, 4) the donor's colours to the borrower's light (``Link.camera`` and
    ``Link.colour`` of the link seen from the borrower). ``sides`` of the borrower may be filled: those proved.
    """

    image: Rgb
    coverage: Mask
    camera: Affine
    colour: Float64
    sides: tuple[Side, ...]


@dataclass(frozen=True)
class Lent:
    """The borrower's ``image`` uint8 (h, w, 3) and ``coverage`` bool (h, w), with what was lent.

    ``seen_by`` uint32 (h, w): bit i is set where donor i has part in a lent pixel, bit 31 where none agreed and
    all have a little; nought elsewhere.
    """

    image: Rgb
    coverage: Mask
    seen_by: npt.NDArray[np.uint32]


@dataclass(frozen=True)
class _Offer:
    """What donor ``number`` shows of the holes' box: ``colours`` uint8 (h, w, 3), ``weight`` float32 (h, w), 0-1."""

    number: int
    colours: Rgb
    weight: Float32


def lend(image: Rgb, coverage: Mask, holes: Mask, donors: Iterable[Donor], figures: Mask | None = None) -> Lent:
    """Fill ``holes`` (h, w) of a background known where ``coverage`` (h, w) is, from ``donors``, the best first.

    The borrower's ``figures`` (h, w) say nothing about donors: where these differ beside the join, they are refused.

    At most ``TUNING.lending.max_donors`` are looked at, one at a time: an iterator that loads them holds one picture.
    Memory is a few float pictures, and 7 bytes for each donor and pixel of the holes' box.
    """
    seen_by = np.zeros(coverage.shape, np.uint32)
    if not holes.any() or not coverage.any():
        return Lent(image, coverage, seen_by)
    box = _box(holes, margin=round(TUNING.lending.feather * coverage.shape[0]))
    used = enumerate(islice(donors, TUNING.lending.max_donors))
    plain = coverage if figures is None else coverage & ~figures
    offers = [offer for i, donor in used if (offer := _offer(image, coverage, plain, holes, donor, i, box)) is not None]
    if not offers:
        return Lent(image, coverage, seen_by)
    lent, bits = _agreed(offers, holes[box])
    out, covered = image.copy(), coverage.copy()
    taken = bits > 0
    out[box][taken] = lent[taken]
    covered[box] |= taken
    seen_by[box] = bits
    return Lent(out, covered, seen_by)


def refined_donor(image: Rgb, plain: Mask, donor: Donor) -> Donor:
    """A donor with its camera and its light refined on all that both show, at full size.

    ``plain`` bool (h, w): where the borrower's ``image`` shows its set and no figure. The proof's light comes from
    small pictures, figures included; what it is off by shows as a step at the join.
    """
    donor = replace(donor, camera=refined_camera(image, plain, donor))
    warped, known = warped_to(donor, (plain.shape[1], plain.shape[0]))
    both = plain & known
    if both.sum() < TUNING.proof.min_pixels:
        return donor
    colour = colour_matrix(warped, image, both, offsets=True)
    return replace(donor, colour=colour) if plausible_light(colour) else donor


def refined_camera(image: Rgb, coverage: Mask, donor: Donor) -> Affine:
    """The donor's camera refined on larger pictures than a proof sees; as it was where that correlates no better."""
    sizes = [(m.shape[1], m.shape[0]) for m in (coverage, donor.coverage)]
    ratio = min(1.0, TUNING.lending.refine_height / coverage.shape[0])
    size = max(round(sizes[0][0] * ratio), 1), max(round(sizes[0][1] * ratio), 1)
    rgb = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    known = cv2.resize(coverage.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0.9
    first, second = MaskedPicture(rgb, known, known), MaskedPicture(donor.image, donor.coverage, donor.coverage)
    start = compose(donor.camera, resizing(size, sizes[0]))
    first, second, start = same_resolution(first, second, start)
    found = refine(first, second, start)
    if found is None:
        return donor.camera
    before, after = (overlap_of(first, second, camera) for camera in (start, found))
    if before is None or after is None:
        return donor.camera
    if after.correlation <= before.correlation:
        return donor.camera
    small = [(p.covered.shape[1], p.covered.shape[0]) for p in (first, second)]
    return compose(compose(resizing(small[1], sizes[1]), found), resizing(sizes[0], small[0]))


def _offer(
    image: Rgb, coverage: Mask, plain: Mask, holes: Mask, donor: Donor, number: int, box: tuple[slice, slice]
) -> _Offer | None:
    """What one donor shows in the box, in the borrower's light; None where it shows nothing of the holes.

    ``plain`` bool (h, w) is covered by no figure.
    """
    tuning, (height, width) = TUNING.lending, coverage.shape
    warped, known = warped_to(donor, (width, height))
    wanted = known & holes & _allowed(coverage, donor.sides)
    if not wanted.any():
        return None
    lit = np.clip(relit(warped, donor.colour), 0, 255).astype(np.float32)
    both = known & plain
    away = cv2.distanceTransform((~holes).astype(np.uint8), cv2.DIST_L2, 5)
    beside = np.asarray(both * np.exp(-np.asarray(away) / (tuning.feather * height)), np.float32)
    lit = _met_at_join(image, lit, beside)
    lit += _light_at_join(image, lit, both, beside)
    feather = max(tuning.feather * height, 1.0)
    # Counted from the donor's own end, not from where the borrower's canvas ends.
    inside = cv2.distanceTransform(np.pad(known, 1, mode="edge").astype(np.uint8), cv2.DIST_L2, 5)[1:-1, 1:-1]
    weight = np.clip((np.asarray(inside) - 1.5) / feather, 0, 1) * _trust(image, lit, beside)
    weight = np.where(wanted, weight, 0).astype(np.float32)
    return _Offer(number, np.clip(np.rint(lit[box]), 0, 255).astype(np.uint8), weight[box])


def warped_to(donor: Donor, size: tuple[int, int]) -> tuple[Rgb, Mask]:
    """The donor on the borrower's canvas, and where it is known there; reduced first where it is much finer."""
    camera, image, known = donor.camera, donor.image, donor.coverage
    scale = scale_of(camera)
    if scale > 1.25:
        full = known.shape[1], known.shape[0]
        small = max(round(full[0] / scale), 1), max(round(full[1] / scale), 1)
        image = np.asarray(cv2.resize(image, small, interpolation=cv2.INTER_AREA), np.uint8)
        known = np.asarray(cv2.resize(known.astype(np.float32), small, interpolation=cv2.INTER_AREA) > 0.99, np.bool_)
        camera = compose(resizing(full, small), camera)
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    warped = cv2.warpAffine(image, camera, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    plane = cv2.warpAffine(known.astype(np.uint8) * 255, camera, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    return np.asarray(warped, np.uint8), np.asarray(np.asarray(plane) > 250, np.bool_)


def _met_at_join(image: Rgb, lit: Float32, beside: Float32) -> Float32:
    """A donor warped a few pixels at most so that its outlines meet the borrower's at the join, float32 (h, w, 3).

    Block matching on a reduced picture, near the holes alone; the shifts are spread smoothly outward. One camera
    cannot do it where a set was drawn anew, and shifts pixel by pixel would smear.
    """
    tuning, (height, width) = TUNING.lending, beside.shape
    ratio = min(1.0, tuning.match_height / height)
    size = max(round(width * ratio), 1), max(round(height * ratio), 1)
    one, two, weight = (cv2.resize(p, size, interpolation=cv2.INTER_AREA) for p in (gray_of(image), lit, beside))
    shift, sure = _block_shifts(np.asarray(one, np.float32), np.asarray(two, np.float32) @ LUMA, np.asarray(weight))
    field = cv2.resize(_spread(shift, sure, tuning.match_scales), (width, height)) * (width / size[0])
    down, across = np.indices((height, width), np.float32)
    return np.asarray(
        cv2.remap(lit, across + field[..., 0], down + field[..., 1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE),
        np.float32,
    ).clip(0, 255)


def _block_shifts(one: Float32, two: Float32, weight: Float32) -> tuple[Float32, Float32]:
    """(the shift (h, w, 2) in pixels at which ``two`` is most like ``one`` around each pixel, how sure that is)."""
    tuning, reach = TUNING.lending, TUNING.lending.match_radius
    side = 2 * round(tuning.match_block * one.shape[0] / 2) + 1
    total = cv2.blur(weight, (side, side)) + 1e-3
    padded = np.pad(two, reach, mode="edge")
    shifts = [(x, y) for y in range(-reach, reach + 1) for x in range(-reach, reach + 1)]
    best, unmoved = np.full(one.shape, np.inf, np.float32), np.zeros_like(one)
    shift = np.zeros((*one.shape, 2), np.float32)
    for x, y in shifts:
        moved = padded[reach + y : reach + y + one.shape[0], reach + x : reach + x + one.shape[1]]
        off = np.clip(one - moved, -tuning.max_step, tuning.max_step)
        mean, square = (cv2.blur(v * weight, (side, side)) / total for v in (off, off * off))
        cost = square - mean**2 + tuning.match_cost * float(np.hypot(x, y))
        if (x, y) == (0, 0):
            unmoved = cost
        better = cost < best
        best = np.where(better, cost, best)
        shift[better] = x, y
    gain = np.clip((unmoved - best) / (unmoved + 1.0), 0, 1)
    # Where nothing is won by a shift, that is known as well where there is detail; elsewhere its neighbours say.
    detail = cv2.blur(cv2.Laplacian(one, cv2.CV_32F) ** 2, (side, side))
    sure = weight * np.clip(detail / (detail + 16.0), 0, 1) * np.maximum(gain, 0.25)
    return shift, np.asarray(sure, np.float32)


def _light_at_join(image: Rgb, lit: Float32, both: Mask, beside: Float32) -> Float32:
    """What has to be added to a donor so that it meets the borrower at the join, fading outward, float32 (h, w, 3).

    ``both`` bool (h, w): seen by both; ``beside`` float32 (h, w): how near to the holes that is, 0-1.
    """
    tuning, height = TUNING.lending, both.shape[0]
    estimate = light_offset(image, lit, beside, tuning.light_scales)
    outside = cv2.distanceTransform((~both).astype(np.uint8), cv2.DIST_L2, 5) if both.any() else np.zeros(both.shape)
    return np.asarray(estimate * np.exp(-outside / (tuning.light_reach * height))[..., None], np.float32)


def light_offset(image: Rgb, lit: Float32, evidence: Float32, scales: Sequence[float]) -> Float32:
    """What has to be added to ``lit`` to be like ``image``, float32 (h, w, 3), by ``evidence`` (h, w), 0-1.

    A membrane, as in gradient-domain blending, without its linear system. Large differences are objects.
    """
    difference = image.astype(np.float32) - lit
    weight = np.clip(1 - (np.abs(difference).max(axis=2) / TUNING.lending.max_step) ** 2, 0, None) ** 2
    return _spread(difference, np.asarray(weight * evidence, np.float32), scales)


def _trust(image: Rgb, lit: Float32, beside: Float32) -> Float32:
    """How far a donor may be believed, float32 (h, w), 0-1: less where it differs from the borrower beside the holes.

    ``lit`` is in the borrower's light at the join: what differs still is another object, or a camera that is wrong.
    """
    tuning = TUNING.lending
    sigma = tuning.misplaced * image.shape[0]
    off = np.abs(cv2.GaussianBlur(image - lit, (0, 0), sigma)).max(axis=2, keepdims=True)
    error = _spread(np.asarray(np.minimum(off, tuning.max_step), np.float32), beside, tuning.trust_scales)[..., 0]
    low, high = tuning.trusted
    return np.asarray(np.clip((high - error) / (high - low), 0, 1), np.float32)


def _spread(values: Float32, weight: Float32, scales: Sequence[float]) -> Float32:
    """``values`` (h, w, n) where they have ``weight`` (h, w), spread over the picture, nought where none is near.

    Normalized convolution (Knutsson and Westin, CVPR 1993) from coarse to fine ``scales``, shares of the height.
    """
    height, estimate = values.shape[0], np.zeros_like(values)
    weighted = np.dstack([values * weight[..., None], weight]).astype(np.float32)
    for share in scales:
        side = 2 * max(round(share * height), 1) + 1
        sums = cv2.blur(cv2.blur(weighted, (side, side)), (side, side))
        prior = TUNING.lending.light_prior
        estimate = (sums[..., :-1] + prior * estimate) / (sums[..., -1:] + prior)
    return estimate


def _allowed(coverage: Mask, sides: tuple[Side, ...]) -> Mask:
    """Pixels that may be lent to: inside the covered extent, or outside it on a side that was proved.

    A pixel outside its row's extent lies left or right, whatever its column; else it may lie above or below.
    """
    begin, end = _extent(coverage)
    top, bottom = _extent(coverage.T)
    down, across = np.indices(coverage.shape)
    left, right = across < begin[:, None], across > end[:, None]
    above, below = (outside & ~left & ~right for outside in (down < top[None], down > bottom[None]))
    outside = {"left": left, "right": right, "top": above, "bottom": below}
    refused = [mask for side, mask in outside.items() if side not in sides]
    return ~np.logical_or.reduce(refused) if refused else np.ones_like(coverage)


def _extent(coverage: Mask) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """(first, last) covered column of each row, of the whole mask for rows without any; the mask is not empty."""
    first = coverage.argmax(axis=1)
    last = coverage.shape[1] - 1 - coverage[:, ::-1].argmax(axis=1)
    some = coverage.any(axis=1)
    return np.where(some, first, first[some].min()), np.where(some, last, last[some].max())


def _agreed(offers: Sequence[_Offer], holes: Mask) -> tuple[Rgb, npt.NDArray[np.uint32]]:
    """(the colours that the donors agree on, which of them have part in each pixel) over the holes' box."""
    tuning, (height, width) = TUNING.lending, holes.shape
    median, count = median_of([o.colours for o in offers], [o.weight > 0 for o in offers])
    total, share = np.zeros((height, width, 3), np.float32), np.zeros((height, width, 1), np.float32)
    bits, settled = np.zeros((height, width), np.uint32), np.zeros((height, width), bool)
    for rank, offer in enumerate(offers):
        seen = offer.weight > 0
        off = _smoothed(np.abs(offer.colours - median).max(axis=2), seen)
        # Two that disagree cannot outvote each other: the first, which is proved better, holds.
        doubted = np.where(count >= tuning.min_voters, _doubt(off), np.where(settled, _doubt(2 * off), 0))
        weight = offer.weight * (1 - doubted) * tuning.rank_share**rank
        weight += seen * np.float32(tuning.min_weight) / (1 + off)
        total += weight[..., None] * offer.colours
        share += weight[..., None]
        bits[seen & (doubted < 1)] |= np.uint32(1 << offer.number)
        settled |= seen
    taken = holes & settled
    # Where all were doubted, the least doubted were taken all the same.
    bits[taken & (bits == 0)] = np.uint32(1 << 31)
    lent = np.clip(np.rint(total / np.maximum(share, 1e-9)), 0, 255).astype(np.uint8)
    return lent, np.where(taken, bits, 0).astype(np.uint32)


def _doubt(off: Float32) -> Float32:
    """How much a donor is left out that is ``off`` by so many levels: 0 well below the limit, 1 well over it."""
    limit = TUNING.lending.agreement
    return np.asarray(np.clip((off - 0.75 * limit) / (0.5 * limit), 0, 1), np.float32)


def _smoothed(off: Float32, seen: Mask) -> Float32:
    sigma = TUNING.lending.smoothing
    weight = seen.astype(np.float32)
    return np.asarray(
        cv2.GaussianBlur(off * weight, (0, 0), sigma) / np.maximum(cv2.GaussianBlur(weight, (0, 0), sigma), 1e-3),
        np.float32,
    )


def median_of(colours: Sequence[Rgb], seen: Sequence[Mask]) -> tuple[Float32, npt.NDArray[np.uint8]]:
    """(the median of those that saw a pixel, float32 (h, w, 3), how many they are, uint8 (h, w))."""
    height, width = seen[0].shape
    median, count = np.zeros((height, width, 3), np.float32), np.zeros((height, width), np.uint8)
    rows = max(TUNING.lending.block_pixels // width, 1)
    for first in range(0, height, rows):
        block = np.s_[first : first + rows]
        median[block], count[block] = _median([c[block] for c in colours], [s[block] for s in seen])
    return median, count


def _median(colours: Sequence[Rgb], seen: Sequence[Mask]) -> tuple[Float32, npt.NDArray[np.uint8]]:
    """The same of some rows."""
    unseen = np.int16(1000)
    stack = np.stack([np.where(s[..., None], c, unseen) for c, s in zip(colours, seen, strict=True)]).astype(np.int16)
    stack.sort(axis=0)
    count = np.sum(seen, axis=0)
    low, high = (np.maximum(v, 0)[None, ..., None] for v in ((count - 1) // 2, count // 2))
    high = np.minimum(high, np.maximum(count - 1, 0)[None, ..., None])
    middle = [np.take_along_axis(stack, np.broadcast_to(at, (1, *stack.shape[1:])), axis=0)[0] for at in (low, high)]
    return np.asarray(np.add(*middle, dtype=np.float32) / 2, np.float32), count.astype(np.uint8)


def _box(mask: Mask, margin: int) -> tuple[slice, slice]:
    """The mask's bounding box, grown by a margin within the picture."""
    found = []
    for axis in (1, 0):
        at = np.flatnonzero(mask.any(axis=axis))
        found.append(slice(max(int(at[0]) - margin, 0), int(at[-1]) + 1 + margin))
    return found[0], found[1]
