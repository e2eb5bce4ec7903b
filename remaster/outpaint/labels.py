"""Labels: where a filled pixel is copied from. A label shifts the picture, or mirrors and shifts it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
import numpy.typing as npt

from remaster.arrays import Float32, Int64, Mask
from remaster.imaging.distances import nearest
from remaster.outpaint.poisson import correction, neighbours

_COLOUR, _GRADIENT = 0.8, 3.0
"""Weights of colour (of its three channels together) and of each gradient among the features."""
_DEVIATION = 40.0
"""The mean deviation from its mean colour, in grey levels, of a picture of ordinary contrast."""
_SPREAD = 0.6
"""The deviation of the blur that guesses a hole's colours, as a share of the distance from what is seen."""


@dataclass(frozen=True)
class Labels:
    """L labels as int64 arrays (L,): pixel (x, y) is copied from (``sx * x + tx``, ``sy * y + ty``), in whole pixels.

    ``sx`` and ``sy`` are 1, or -1 for a mirrored label. A label with a home (``hx``, ``hy``) is meant for the pixels
    around it; ``hx`` and ``hy`` -1 mean everywhere.
    """

    sx: Int64
    sy: Int64
    tx: Int64
    ty: Int64
    hx: Int64
    hy: Int64

    def __len__(self) -> int:
        return len(self.tx)

    @property
    def mirrored(self) -> npt.NDArray[np.bool_]:
        """True (L,) where the label mirrors."""
        return (self.sx < 0) | (self.sy < 0)

    def source(self, labels: Int64, x: Int64, y: Int64) -> tuple[Int64, Int64]:
        """Where the pixels (x, y) with these labels are copied from."""
        return self.sx[labels] * x + self.tx[labels], self.sy[labels] * y + self.ty[labels]

    def take(self, index: npt.NDArray[np.bool_] | Int64) -> Labels:
        """Some of the labels."""
        return from_rows(self.rows()[index])

    def rows(self) -> Int64:
        """The labels as rows of int64 (L, 6), for `from_rows`."""
        return np.stack([self.sx, self.sy, self.tx, self.ty, self.hx, self.hy], axis=1)

    def at_home(self, index: Int64, x: Int64, y: Int64, radius: float) -> npt.NDArray[np.bool_]:
        """True (n,) where the pixels (x, y) are within ``radius`` of these labels' homes, in both directions."""
        away = np.maximum(np.abs(x - self.hx[index]), np.abs(y - self.hy[index]))
        near: npt.NDArray[np.bool_] = (away <= radius) | (self.hx[index] < 0)
        return near


def from_rows(rows: Int64) -> Labels:
    """Labels from rows (L, 6) of sx, sy, tx, ty, hx, hy."""
    return Labels(*np.ascontiguousarray(rows.T))


def shifts(offsets: Int64) -> Labels:
    """The labels that only shift, by (dx, dy) offsets (L, 2), everywhere."""
    one = np.ones((len(offsets), 2), np.int64)
    return from_rows(np.hstack([one, offsets, -one]))


def join(parts: list[Labels]) -> Labels:
    """All labels of several lists, each once, in order of first appearance."""
    rows = np.concatenate([part.rows() for part in parts])
    _, first = np.unique(rows, axis=0, return_index=True)
    return from_rows(rows[np.sort(first)])


def append(labels: Labels, more: Labels) -> Labels:
    """The labels and, numbered after them, some more."""
    return from_rows(np.concatenate([labels.rows(), more.rows()]))


def features(picture: Float32, gain: float) -> Float32:
    """What is compared at seams, float32 (h, w, 5): weighted colour and the luma's x and y gradient, times ``gain``."""
    luma = picture.mean(axis=2)
    gx = cv2.Sobel(luma, cv2.CV_32F, 1, 0, ksize=1, scale=0.5)
    gy = cv2.Sobel(luma, cv2.CV_32F, 0, 1, ksize=1, scale=0.5)
    return (np.dstack([picture * (_COLOUR / 3), gx * _GRADIENT, gy * _GRADIENT]) * gain).astype(np.float32)


def contrast(picture: Float32, where: Mask) -> float:
    """The gain that brings a picture's differences to a common size, so that costs mean the same in dark scenes."""
    if not where.any():
        return 1.0
    deviation = float(np.abs(picture[where] - picture[where].mean(axis=0)).mean())
    return float(np.clip(_DEVIATION / max(deviation, 1e-3), 0.7, 4.0))


@dataclass(frozen=True)
class Masks:
    """Of a picture, bool (h, w) each: ``source`` may be copied from; ``mirrored``, which holds it, by mirroring it.

    ``context`` is settled, so that a fill must join it; ``holes`` are to be filled.
    """

    source: Mask
    mirrored: Mask
    context: Mask
    holes: Mask


@dataclass(frozen=True)
class Level(Masks):
    """A part of a picture at one scale: its pixels are blocks of ``scale`` x ``scale`` of the full picture's.

    ``picture`` float32 (h, w, 3), with a smooth guess where ``context`` is False; ``features`` of it, (h, w, 5);
    ``expected`` as ``picture``, with what its surroundings alone lead one to expect there.
    """

    scale: int
    picture: Float32
    features: Float32
    expected: Float32

    def sample(self, labels: Labels, index: Int64, x: Int64, y: Int64) -> Float32:
        """Features (n, 5) that labels ``index`` (n,) show at the pixels (x, y) of this level.

        Offsets are in full pixels, so that here they fall between pixels: bilinear, clamped at the picture's edge.
        """
        sx, sy = labels.source(index, *self.full(x, y))
        shown = self.lookup(self.features, sx, sy)
        shown[:, 3] *= labels.sx[index]
        shown[:, 4] *= labels.sy[index]
        return shown

    def allowed(self, labels: Labels, index: Int64, x: Int64, y: Int64) -> npt.NDArray[np.bool_]:
        """True (n,) where these labels copy only from where they may, mirrored ones up to two blocks beyond it."""
        sx, sy = labels.source(index, *self.full(x, y))
        h, w = self.source.shape
        near = (self.scale - 1) // 2
        inside = (sx >= near) & (sy >= near) & (sx < w * self.scale - near) & (sy < h * self.scale - near)
        known: npt.NDArray[np.bool_] = self.lookup(self._given, sx, sy) > 0.999
        known |= labels.mirrored[index] & (self.lookup(self._reached, sx, sy) > 0.999)
        both: npt.NDArray[np.bool_] = inside & known
        return both

    @cached_property
    def _given(self) -> Float32:
        """``source`` as numbers."""
        return self.source.astype(np.float32)

    @cached_property
    def _reached(self) -> Float32:
        """``mirrored`` with the blocks on a mirror's axis, holes in part, which are their own source.

        Full resolution tells them apart.
        """
        if self.scale == 1:
            return self.mirrored.astype(np.float32)
        beside = cv2.dilate(self.mirrored.astype(np.uint8), np.ones((5, 5))) > 0
        return (self.mirrored | self.holes & beside).astype(np.float32)

    def full(self, x: Int64, y: Int64) -> tuple[Int64, Int64]:
        """The full picture's pixel at (left above) the middle of a pixel of this level."""
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
        shown = cv2.remap(picture, at_x, at_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(shown, np.float32).reshape(-1, *picture.shape[2:])[: len(x)]


def shrink(picture: Float32, masks: Masks, scale: int) -> Level:
    """A level ``scale`` times smaller. A small pixel is a hole if any of it is, and source or context if all of it is.

    What is neither and thinner than a small pixel does not count: along a mosaic's jagged upper and lower edge nothing
    could be copied else. The picture's sides need not be multiples of ``scale``: what is over at the right and below is
    repeated.
    """
    source, context, holes = masks.source, masks.context, masks.holes
    h, w = holes.shape
    below, right = -h % scale, -w % scale
    size = ((w + right) // scale, (h + below) // scale)

    def small(values: npt.NDArray[np.float32]) -> Float32:
        grown = cv2.copyMakeBorder(values, 0, below, 0, right, cv2.BORDER_REPLICATE)
        return np.asarray(cv2.resize(grown, size, interpolation=cv2.INTER_AREA), np.float32)

    seen = small((context | source).astype(np.float32))
    total = small(picture * (context | source)[..., None])
    given = np.asarray(total / np.maximum(seen, 1e-6)[..., None], np.float32)
    mean, expected = _guess(given, seen > 1e-3), _expected(given, seen > 1e-3)
    part = small(holes.astype(np.float32)) > 1e-3
    thin = _thinner(~(source | context | holes), scale)
    all_source, mirrored, all_context = (
        (small((mask | thin).astype(np.float32)) > 0.999) & (seen > 0.5) & ~part
        for mask in (source, masks.mirrored, context)
    )
    gain = contrast(mean, all_context)
    return Level(all_source, mirrored, all_context, part, scale, mean, features(mean, gain), expected)


def _thinner(mask: Mask, side: int) -> Mask:
    """The parts of a mask into which no square of ``side`` pixels fits; beyond the picture it does not go on."""
    inside = np.pad(mask.astype(np.uint8), side)
    opened = cv2.morphologyEx(inside, cv2.MORPH_OPEN, np.ones((side, side), np.uint8))
    return np.asarray(mask & (opened[side:-side, side:-side] == 0), np.bool_)


def grow(low: Level, picture: Float32, masks: Masks) -> Level:
    """The full picture as a level, with the small level's guess, enlarged, where nothing is settled."""
    h, w = masks.holes.shape
    size = (low.holes.shape[1] * low.scale, low.holes.shape[0] * low.scale)
    guess, expected = (
        cv2.resize(p, size, interpolation=cv2.INTER_LINEAR)[:h, :w].astype(np.float32)
        for p in (low.picture, low.expected)
    )
    seen = (masks.source | masks.context)[..., None]
    filled = np.where(seen, picture, guess).astype(np.float32)
    gain = contrast(low.picture, low.context)
    shown = features(filled, gain)
    return Level(masks.source, masks.mirrored, masks.context, masks.holes, 1, filled, shown, expected)


def _guess(picture: Float32, seen: Mask) -> Float32:
    """The picture with a membrane over what is not ``seen``: harmonic, nothing but smooth."""
    if seen.all() or not seen.any():
        return picture
    inner = neighbours(~seen, ~seen)
    p, q = neighbours(~seen, seen)
    values = picture.reshape(-1, 3)[q].astype(np.float64)
    flat = np.zeros((len(inner[0]), 3))
    filled = picture.copy()
    filled[~seen] = correction(~seen, (*inner, flat), (p, values), 1e3)
    return filled


def _expected(picture: Float32, seen: Mask) -> Float32:
    """The picture with what is not ``seen`` smooth: the nearest colours, the more blurred the farther they are."""
    if not seen.any():
        return picture
    distance, place = nearest(seen)
    continued: Float32 = picture.reshape(-1, 3)[place]
    octave = np.log2(np.maximum(_SPREAD * distance, 0.5))
    smooth = np.zeros_like(continued)
    for level in range(-1, int(np.ceil(octave.max())) + 1):
        blurred = cv2.GaussianBlur(continued, (0, 0), 2.0**level, borderType=cv2.BORDER_REPLICATE)
        smooth += np.clip(1 - np.abs(octave - level), 0, 1)[..., None] * blurred
    return np.where(seen[..., None], picture, smooth).astype(np.float32)
