"""What two pictures show in common: the finer one reduced, a camera refined, light matched, detail compared."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from remaster.arrays import Affine, Float32, Float64, Mask, Rgb
from remaster.imaging.camera import compose, corner_error
from remaster.imaging.channels import gray_of
from remaster.sets.light import colour_matrix, plausible_light, relit
from remaster.sets.tuning import TUNING


@dataclass(frozen=True)
class MaskedPicture:
    """``rgb`` uint8 (h, w, 3), where it is ``covered`` and where that is ``background``, bool (h, w)."""

    rgb: Rgb
    covered: Mask
    background: Mask


@dataclass(frozen=True)
class Overlap:
    """What two pictures show in common, on the grid of the first.

    ``first`` and ``second`` float32 (h, w, 3), the second in the first's light by ``colour`` (3, 4); ``both`` bool
    (h, w) is background in both; ``detail`` float32 (2, h, w) is their luma without its large tones, ``even`` the same
    with its contrast evened out, so that every area has one vote: ink lines of a figure do not outvote a painted wall.
    """

    first: Float32
    second: Float32
    both: Mask
    colour: Float64
    detail: Float32
    even: Float32

    @property
    def correlation(self) -> float:
        """How far the two agree, by area, up to 1."""
        return correlation(self.even, self.both)

    @property
    def error(self) -> float:
        """Root mean square difference in levels, of all but the worst quarter of the pixels: figures come and go."""
        squared = ((self.first - self.second)[self.both] ** 2).mean(axis=1)
        most = max(round(TUNING.proof.error_share * len(squared)), 1)
        return float(np.sqrt(np.partition(squared, most - 1)[:most].mean()))


def same_resolution(
    first: MaskedPicture, second: MaskedPicture, camera: Affine
) -> tuple[MaskedPicture, MaskedPicture, Affine]:
    """Two pictures, the finer reduced to the other's resolution, with the ``camera`` (first -> second) between them."""
    scale = scale_of(camera)
    if scale > 1:
        reduced = _reduced(second, 1 / scale)
        return first, reduced, compose(resizing(size_of(second), size_of(reduced)), camera)
    reduced = _reduced(first, scale)
    return reduced, second, compose(camera, resizing(size_of(reduced), size_of(first)))


def refine(first: MaskedPicture, second: MaskedPicture, start: Affine) -> Affine | None:
    """The affine camera first -> second that correlates best near ``start``; None where it strays or diverges.

    Evangelidis and Psarakis, "Parametric Image Alignment Using Enhanced Correlation Coefficient Maximization" (PAMI
    2008), with the masks of both pictures.
    """
    tuning = TUNING.proof
    criteria = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, tuning.ecc_steps, tuning.ecc_epsilon)
    one, two = (gray_of(p.rgb) for p in (first, second))
    known, other = (p.background.astype(np.uint8) * 255 for p in (first, second))
    begin = start.astype(np.float32)
    try:
        _, found = cv2.findTransformECCWithMask(one, two, known, other, begin, cv2.MOTION_AFFINE, criteria, 5)
    except cv2.error:
        # No convergence, or no overlap left: the camera stays as it was.
        return None
    height, width = one.shape
    moved = float(corner_error(np.asarray(found, float), start, width, height))
    limit = tuning.max_correction * float(np.hypot(width, height)) * scale_of(start)
    near = np.isfinite(found).all() and moved <= limit
    return np.asarray(found, np.float64) if near else None


def overlap_of(first: MaskedPicture, second: MaskedPicture, camera: Affine) -> Overlap | None:
    """What two pictures of one resolution share under ``camera`` (first -> second); None where it is too little."""
    tuning = TUNING.proof
    height, width = first.background.shape
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    warped = np.asarray(cv2.warpAffine(second.rgb, camera, (width, height), flags=flags), np.uint8)
    known = cv2.warpAffine(second.background.astype(np.uint8) * 255, camera, (width, height), flags=flags)
    both = first.background & (np.asarray(known) > 250)
    smaller = min(first.background.sum(), second.background.sum() / scale_of(camera) ** 2)
    if both.sum() < max(tuning.min_overlap * smaller, tuning.min_pixels):
        return None
    colour = colour_matrix(warped, first.rgb, both)
    if not plausible_light(colour):
        return None
    lit = np.clip(relit(warped, colour), 0, 255).astype(np.float32)
    one = first.rgb.astype(np.float32)
    detail = np.stack([_detail(p, both) for p in (one, lit)])
    return Overlap(one, lit, both, colour, detail, np.stack([_evened(plane, both) for plane in detail]))


def correlation(detail: Float32, where: Mask) -> float:
    """Normalized cross-correlation of two pictures' detail (2, h, w) over a mask; 0.0 where there is none."""
    one, two = (plane[where] for plane in detail)
    energy = float(np.sqrt((one.astype(np.float64) ** 2).sum() * (two.astype(np.float64) ** 2).sum()))
    return float((one * two).sum(dtype=np.float64)) / energy if energy > 0.0 else 0.0


def _detail(picture: Float32, where: Mask) -> Float32:
    """Luma without what a Gaussian keeps, float32 (h, w), nought outside ``where``; unknown pixels do not leak in."""
    luma = picture @ np.array([0.299, 0.587, 0.114], np.float32)
    weight = where.astype(np.float32)
    sigma = TUNING.proof.detail_sigma
    low = cv2.GaussianBlur(luma * weight, (0, 0), sigma) / np.maximum(cv2.GaussianBlur(weight, (0, 0), sigma), 1e-3)
    return np.asarray(cv2.GaussianBlur((luma - low) * weight, (0, 0), 0.8) * weight, np.float32)


def _evened(detail: Float32, where: Mask) -> Float32:
    """Detail over its local deviation; below ``detail_levels`` it fades, as grain must not count."""
    box, weight = (TUNING.proof.cell + 1,) * 2, where.astype(np.float32)
    energy = cv2.blur(detail**2 * weight, box) / np.maximum(cv2.blur(weight, box), 1e-3)
    return np.asarray(detail / np.sqrt(energy + TUNING.proof.detail_levels**2), np.float32)


def _reduced(picture: MaskedPicture, ratio: float) -> MaskedPicture:
    width, height = size_of(picture)
    size = max(round(width * ratio), 1), max(round(height * ratio), 1)
    rgb = np.asarray(cv2.resize(picture.rgb, size, interpolation=cv2.INTER_AREA), np.uint8)
    masks = [
        cv2.resize(m.astype(np.float32), size, interpolation=cv2.INTER_AREA)
        for m in (picture.covered, picture.background)
    ]
    return MaskedPicture(rgb, *(np.asarray(m > 0.9, np.bool_) for m in masks))


def size_of(picture: MaskedPicture) -> tuple[int, int]:
    """(width, height) in pixels."""
    return picture.covered.shape[1], picture.covered.shape[0]


def scale_of(camera: Affine) -> float:
    """How many pixels of its target one pixel is wide, in the mean."""
    return float(np.sqrt(abs(np.linalg.det(camera[:, :2]))))


def resizing(from_size: tuple[int, int], to_size: tuple[int, int]) -> Affine:
    """The camera of ``cv2.resize``."""
    x, y = to_size[0] / from_size[0], to_size[1] / from_size[1]
    return np.array([[x, 0.0, x / 2 - 0.5], [0.0, y, y / 2 - 0.5]])
