"""What is stored of a background so that it is recognized elsewhere: features, a signature, a small picture."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from remaster.arrays import Float32, Gray, Int64, Mask, Points, Rgb
from remaster.imaging.channels import gray_of
from remaster.imaging.estimation import nearest
from remaster.sets.overlap import MaskedPicture
from remaster.sets.tuning import TUNING
from remaster.sets.visual_words import root_sift, signature


@dataclass(frozen=True)
class SetDescriptor:
    """One background, under a name of its own that orders the scenes (``key``); 70 to 110 kB.

    ``size`` is the canvas's (width, height) in pixels, whose width is ``sar`` times their height. ``points``
    float32 (m, 2) are features in canvas pixels and ``features`` uint8 (m, 128) their RootSIFT, strongest first;
    ``scale`` is working / canvas height of the picture they were found on. That and the small picture have square
    pixels, so that a set is one set whatever the videos' sample aspect ratios. ``words`` float32 (512,) and
    ``colours`` float32 (64,) are what candidates are found by, of unit length. ``picture`` is a small JPEG of the
    canvas, ``small`` its (width, height); ``masks`` are two packed masks of that size: covered, and covered by
    background.
    """

    key: str
    size: tuple[int, int]
    points: Float32
    features: npt.NDArray[np.uint8]
    scale: float
    words: Float32
    colours: Float32
    picture: bytes
    small: tuple[int, int]
    masks: bytes
    sar: float = 1.0

    @property
    def nbytes(self) -> int:
        """Bytes of its arrays."""
        arrays = self.points, self.features, self.words, self.colours
        return sum(a.nbytes for a in arrays) + len(self.picture) + len(self.masks)

    @property
    def ratio(self) -> tuple[float, float]:
        """(x, y): small picture / canvas."""
        return self.small[0] / self.size[0], self.small[1] / self.size[1]


def describe(key: str, image: Rgb, coverage: Mask, figures: Mask, sar: float = 1.0) -> SetDescriptor:
    """The descriptor of a background ``image`` (h, w, 3), known where ``coverage`` (h, w) is, without its ``figures``.

    ``key`` must be unique, and should sort by episode and scene. ``sar`` is the width of a pixel over its height. A
    background that shows nothing has no features.
    """
    height, width = coverage.shape
    background = coverage & ~figures
    filled = _filled(image, coverage)
    points, features, scale = _features(filled, background, sar)
    small = _fitted((width * sar, height), TUNING.descriptor.picture_area)
    shrunk = np.asarray(cv2.resize(filled, small, interpolation=cv2.INTER_AREA), np.uint8)
    planes = [_shrunk_mask(mask, small) for mask in (coverage, background)]
    quality = [cv2.IMWRITE_JPEG_QUALITY, TUNING.descriptor.picture_quality]
    _, encoded = cv2.imencode(".jpg", cv2.cvtColor(shrunk, cv2.COLOR_RGB2BGR), quality)
    return SetDescriptor(
        key=key,
        size=(width, height),
        points=points.astype(np.float32),
        features=np.clip(np.rint(features * TUNING.descriptor.quantization), 0, 255).astype(np.uint8),
        scale=scale,
        words=signature(features),
        colours=_colours(shrunk, planes[1]),
        picture=encoded.tobytes(),
        small=small,
        masks=np.packbits(np.stack(planes)).tobytes(),
        sar=sar,
    )


def small_picture(descriptor: SetDescriptor) -> MaskedPicture:
    """The small picture with its masks, decoded."""
    width, height = descriptor.small
    decoded = cv2.imdecode(np.frombuffer(descriptor.picture, np.uint8), cv2.IMREAD_COLOR)
    if decoded is None:
        raise ValueError(f"the small picture of {descriptor.key} cannot be decoded")
    bits = np.unpackbits(np.frombuffer(descriptor.masks, np.uint8), count=2 * width * height)
    covered, background = bits.astype(bool).reshape(2, height, width)
    return MaskedPicture(np.asarray(cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB), np.uint8), covered, background)


def _fitted(size: tuple[float, int], area: float, shorter: float = np.inf) -> tuple[int, int]:
    """``size`` (width, height), reduced in its proportions to ``area`` pixels and a shorter side of ``shorter``."""
    ratio = min(1.0, shorter / min(size), float(np.sqrt(area / (size[0] * size[1]))))
    return max(round(size[0] * ratio), 1), max(round(size[1] * ratio), 1)


def _filled(image: Rgb, known: Mask) -> Rgb:
    """The image with unknown pixels replaced by the nearest known ones, so that reducing it leaves no dark seam."""
    if known.all() or not known.any():
        return image
    _, place = nearest(known)
    return np.asarray(image.reshape(-1, 3)[place], np.uint8)


def _shrunk_mask(mask: Mask, size: tuple[int, int]) -> Mask:
    """Pixels of the small picture that lie wholly, but for a tenth, in the mask."""
    return np.asarray(cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0.9, np.bool_)


def _features(image: Rgb, background: Mask, sar: float) -> tuple[Points, Float32, float]:
    """(points (m, 2) in canvas pixels, RootSIFT (m, 128), working / canvas height), spread over the background."""
    tuning, (height, width) = TUNING.descriptor, background.shape
    size = _fitted((width * sar, height), tuning.feature_area, tuning.feature_height)
    gray: Gray = np.asarray(cv2.resize(gray_of(image), size, interpolation=cv2.INTER_AREA), np.uint8)
    mask = np.pad(_shrunk_mask(background, size).astype(np.uint8), 1)
    inside = cv2.distanceTransform(mask, cv2.DIST_L2, 5)[1:-1, 1:-1]
    sift = cv2.SIFT.create(contrastThreshold=tuning.contrast)
    found = [k for k in sift.detect(gray, mask[1:-1, 1:-1]) if _clear(k, inside)]
    scale = size[1] / height
    if not found:
        return np.empty((0, 2)), np.empty((0, 128), np.float32), scale
    at = np.array([k.pt for k in found], float)
    response = np.array([k.response for k in found])
    chosen, descriptors = sift.compute(gray, [found[i] for i in _spread(at, response, size)])
    points = np.array([k.pt for k in chosen], float)
    ratio = np.array([width / size[0], height / size[1]])
    return (points + 0.5) * ratio - 0.5, root_sift(np.asarray(descriptors, np.float32)), scale


def _clear(feature: cv2.KeyPoint, inside: npt.NDArray[np.float32] | cv2.typing.MatLike) -> bool:
    """Whether a feature lies far enough from what is unknown; so is all outside the canvas."""
    x, y = (round(v) for v in feature.pt)
    row, column = min(max(y, 0), inside.shape[0] - 1), min(max(x, 0), inside.shape[1] - 1)
    return bool(inside[row, column] >= TUNING.descriptor.border_share * feature.size)


def _spread(points: Points, response: npt.NDArray[np.float64], size: tuple[int, int]) -> Int64:
    """Indices of the strongest features of each grid cell, the cells taking turns, strongest first."""
    tuning = TUNING.descriptor
    cells = np.minimum(points * tuning.grid / np.array(size), tuning.grid - 1).astype(int)
    cell = cells[:, 1] * tuning.grid + cells[:, 0]
    order = np.lexsort((points[:, 0], points[:, 1], -response, cell))
    first = np.searchsorted(cell[order], np.arange(tuning.grid**2))
    turn = np.empty(len(points), int)
    turn[order] = np.arange(len(points)) - first[cell[order]]
    ranked = np.lexsort((points[:, 0], points[:, 1], -response, turn))
    return np.asarray(ranked[: tuning.max_features], np.int64)


def _colours(picture: Rgb, background: Mask) -> Float32:
    """The square root of the colour histogram of the background (Hellinger's kernel), unit length."""
    bins = TUNING.descriptor.colour_bins
    mask = background.astype(np.uint8)
    counts = cv2.calcHist([picture], [0, 1, 2], mask, [bins] * 3, [0, 256] * 3).ravel()
    return np.asarray(np.sqrt(counts / max(counts.sum(), 1.0)), np.float32)
