"""A picture with its masks at one size: the full one, or the low level, reduced, in which labels are chosen.

In come a picture and its masks; ``shrink`` gives the low level, ``grow`` the full one. A level knows the features that
are compared at seams, and samples them where labels copy from. It also holds two different guesses for the hole pixels:

- ``picture``: a membrane (Laplace's equation) between the visible pixels. It is what a flat pixel shows where no copy
  is possible, so it must join the picture everywhere.
- ``expected``: the nearest colors, more blurred the farther they are. It does not drift to the mean of all borders as a
  membrane does, and the tones of copies are drawn towards it when they are blended.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
import numpy.typing as npt

from remaster.arrays import Float32, Int64, Mask
from remaster.imaging.estimation import nearest
from remaster.outpaint.exemplar.labels import Labels
from remaster.outpaint.exemplar.poisson import correction, neighbors
from remaster.outpaint.tuning import TUNING


def features(picture: Float32, gain: float) -> Float32:
    """What is compared at seams, float32 (h, w, 5): weighted color and the luma's x and y gradient, times ``gain``."""
    tuning = TUNING.features
    luma = picture.mean(axis=2)
    gx = cv2.Sobel(luma, cv2.CV_32F, 1, 0, ksize=1, scale=0.5)
    gy = cv2.Sobel(luma, cv2.CV_32F, 0, 1, ksize=1, scale=0.5)
    weighted = np.dstack([picture * (tuning.color / 3), gx * tuning.gradient, gy * tuning.gradient])
    return (weighted * gain).astype(np.float32)


def contrast(picture: Float32, where: Mask) -> float:
    """The gain that brings a picture's differences to a common size, so that costs mean the same in dark scenes."""
    tuning = TUNING.features
    if not where.any():
        return 1.0
    deviation = float(np.abs(picture[where] - picture[where].mean(axis=0)).mean())
    return float(np.clip(tuning.deviation / max(deviation, 1e-3), *tuning.gain))


@dataclass(frozen=True)
class Masks:
    """Masks of a picture, bool (h, w) each.

    ``source`` may be copied by any label; ``mirrored``, which contains it, by labels that mirror. ``context`` is known
    or filled already, and a fill must join it. ``holes`` are to be filled.
    """

    source: Mask
    mirrored: Mask
    context: Mask
    holes: Mask


@dataclass(frozen=True)
class Level(Masks):
    """A picture at one size: its pixels are blocks of ``scale`` x ``scale`` full pixels.

    ``picture`` float32 (h, w, 3), 0-255, with a membrane in place of what is not visible; ``features`` of it,
    (h, w, 5); ``expected`` as ``picture``, with what the surroundings predict there.
    """

    scale: int
    picture: Float32
    features: Float32
    expected: Float32

    def sample(self, labels: Labels, index: Int64, x: Int64, y: Int64) -> Float32:
        """Features (n, 5) that labels ``index`` (n,) show at the pixels (x, y) of this level.

        Offsets are in full pixels, so here they fall between pixels: bilinear, clamped at the picture's edge.
        """
        sx, sy = labels.source(index, *self.full(x, y))
        sampled = self.lookup(self.features, sx, sy)
        sampled[:, 3] *= labels.sx[index]
        sampled[:, 4] *= labels.sy[index]
        return sampled

    def allowed(self, labels: Labels, index: Int64, x: Int64, y: Int64) -> npt.NDArray[np.bool_]:
        """True (n,) where these labels copy only permitted pixels; mirrored ones may use blocks on the axis."""
        sx, sy = labels.source(index, *self.full(x, y))
        h, w = self.source.shape
        near = (self.scale - 1) // 2
        inside = (sx >= near) & (sy >= near) & (sx < w * self.scale - near) & (sy < h * self.scale - near)
        permitted: npt.NDArray[np.bool_] = self.lookup(self._source_weight, sx, sy) > 0.999
        permitted |= labels.mirrored[index] & (self.lookup(self._mirrored_weight, sx, sy) > 0.999)
        both: npt.NDArray[np.bool_] = inside & permitted
        return both

    @cached_property
    def _source_weight(self) -> Float32:
        """``source`` as numbers."""
        return self.source.astype(np.float32)

    @cached_property
    def _mirrored_weight(self) -> Float32:
        """``mirrored`` as numbers, with the holes up to two blocks beside it.

        Blocks on a mirror's axis are holes in part and their own source; only full resolution separates the two.
        """
        if self.scale == 1:
            return self.mirrored.astype(np.float32)
        beside = cv2.dilate(self.mirrored.astype(np.uint8), np.ones((5, 5))) > 0
        return (self.mirrored | self.holes & beside).astype(np.float32)

    def full(self, x: Int64, y: Int64) -> tuple[Int64, Int64]:
        """The full pixel at (or left of and above) the middle of a pixel of this level."""
        return x * self.scale + (self.scale - 1) // 2, y * self.scale + (self.scale - 1) // 2

    def lookup(self, picture: Float32, x: Int64, y: Int64) -> Float32:
        """Values of a picture of this level at full pixels (x, y)."""
        h, w = picture.shape[:2]
        if self.scale == 1:
            value: Float32 = picture[np.clip(y, 0, h - 1), np.clip(x, 0, w - 1)]
            return value
        middle = (self.scale - 1) // 2
        columns = min(max(len(x), 1), 8192)  # cv2.remap takes no side over 32767
        at = np.zeros((2, -(-len(x) // columns) * columns), np.float32)
        at[0, : len(x)] = (x - middle) / self.scale
        at[1, : len(x)] = (y - middle) / self.scale
        at_x, at_y = at.reshape(2, -1, columns)
        values = cv2.remap(picture, at_x, at_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(values, np.float32).reshape(-1, *picture.shape[2:])[: len(x)]


def shrink(picture: Float32, masks: Masks, scale: int) -> Level:
    """Reduce a picture ``scale`` times. A low-level pixel is a hole if any of it is, and source or context if all is.

    Pixels that are neither, in parts thinner than a low-level pixel, do not count: along a mosaic's jagged upper and
    lower edge nothing could be copied otherwise. The sides need not be multiples of ``scale``: the last row and column
    are repeated.
    """
    source, context, holes = masks.source, masks.context, masks.holes
    h, w = holes.shape
    below, right = -h % scale, -w % scale
    size = ((w + right) // scale, (h + below) // scale)

    def reduced(values: npt.NDArray[np.float32]) -> Float32:
        padded = cv2.copyMakeBorder(values, 0, below, 0, right, cv2.BORDER_REPLICATE)
        return np.asarray(cv2.resize(padded, size, interpolation=cv2.INTER_AREA), np.float32)

    weight = reduced((context | source).astype(np.float32))
    total = reduced(picture * (context | source)[..., None])
    mean = np.asarray(total / np.maximum(weight, 1e-6)[..., None], np.float32)
    guess, expected = _membrane(mean, weight > 1e-3), _expected(mean, weight > 1e-3)
    low_holes = reduced(holes.astype(np.float32)) > 1e-3
    thin = _thinner(~(source | context | holes), scale)
    low_source, low_mirrored, low_context = (
        (reduced((mask | thin).astype(np.float32)) > 0.999) & (weight > 0.5) & ~low_holes
        for mask in (source, masks.mirrored, context)
    )
    compared = features(guess, contrast(guess, low_context))
    return Level(low_source, low_mirrored, low_context, low_holes, scale, guess, compared, expected)


def _thinner(mask: Mask, side: int) -> Mask:
    """The parts of a mask into which no square of ``side`` pixels fits; outside the picture the mask is False."""
    padded = np.pad(mask.astype(np.uint8), side)
    opened = cv2.morphologyEx(padded, cv2.MORPH_OPEN, np.ones((side, side), np.uint8))
    return np.asarray(mask & (opened[side:-side, side:-side] == 0), np.bool_)


def grow(low: Level, picture: Float32, masks: Masks) -> Level:
    """The full picture as a level, with the low level's guesses, enlarged, where nothing is visible."""
    h, w = masks.holes.shape
    size = (low.holes.shape[1] * low.scale, low.holes.shape[0] * low.scale)
    guess, expected = (
        cv2.resize(p, size, interpolation=cv2.INTER_LINEAR)[:h, :w].astype(np.float32)
        for p in (low.picture, low.expected)
    )
    visible = (masks.source | masks.context)[..., None]
    filled = np.where(visible, picture, guess).astype(np.float32)
    compared = features(filled, contrast(low.picture, low.context))
    return Level(masks.source, masks.mirrored, masks.context, masks.holes, 1, filled, compared, expected)


def _membrane(picture: Float32, visible: Mask) -> Float32:
    """The picture (h, w, 3) with a membrane, harmonic, in place of what is not ``visible`` (h, w)."""
    if visible.all() or not visible.any():
        return picture
    inner = neighbors(~visible, ~visible)
    p, q = neighbors(~visible, visible)
    values = picture.reshape(-1, 3)[q].astype(np.float64)
    flat = np.zeros((len(inner[0]), 3))
    filled = picture.copy()
    filled[~visible] = correction(~visible, (*inner, flat), (p, values), TUNING.features.membrane_radius)
    return filled


def _expected(picture: Float32, visible: Mask) -> Float32:
    """The picture with the nearest colors in place of what is not ``visible``, more blurred the farther they are."""
    if not visible.any():
        return picture
    distance, place = nearest(visible)
    continued: Float32 = picture.reshape(-1, 3)[place]
    octave = np.log2(np.maximum(TUNING.features.spread * distance, 0.5))
    smooth = np.zeros_like(continued)
    for level in range(-1, int(np.ceil(octave.max())) + 1):
        blurred = cv2.GaussianBlur(continued, (0, 0), 2.0**level, borderType=cv2.BORDER_REPLICATE)
        smooth += np.clip(1 - np.abs(octave - level), 0, 1)[..., None] * blurred
    return np.where(visible[..., None], picture, smooth).astype(np.float32)
