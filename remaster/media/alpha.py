"""Adds an alpha channel to planes without changing any sample that stays visible.

In come the planes of a picture and a mask of its opaque pixels; out go planes of a format with alpha that FFV1 holds:
the source's own samples where the mask is set, black elsewhere, and the alpha plane.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from remaster.arrays import Mask, Plane
from remaster.media.types import ColorSpec, PixelFormat

# FFmpeg's formats with alpha that its FFV1 encoder takes: depths by chroma subsampling (log2 of width and height).
_YUV_DEPTHS = {(0, 0): (8, 9, 10, 12, 16), (1, 0): (8, 9, 10, 12, 16), (1, 1): (8, 9, 10, 16)}
_RGB_DEPTHS = (8, 10, 12, 14, 16)
_FINER = {(0, 1): (0, 0), (2, 0): (1, 0), (2, 2): (1, 1)}
"""Subsampling without a format with alpha -> the next finer one that has one; its samples are repeated."""
_NAMES = {(0, 0): "444", (1, 0): "422", (1, 1): "420"}


@dataclass(frozen=True)
class AlphaFormat(PixelFormat):
    """A planar pixel layout whose last plane is alpha, of the picture's own size."""

    def plane_shapes(self, width: int, height: int) -> tuple[tuple[int, int], ...]:
        """(rows, columns) of each plane of a ``width x height`` picture."""
        return (*super().plane_shapes(width, height), (height, width))


def alpha_format(source: PixelFormat, width: int, height: int) -> AlphaFormat:
    """The format with alpha that holds all samples of a ``width x height`` picture of ``source``.

    It is the source's own with one more plane, where there is one. Otherwise it is deeper (samples are multiplied by a
    power of two) or has finer chroma (samples are repeated); grey gets neutral chroma. FFV1 refuses many sizes that end
    inside a chroma sample: such pictures get chroma of full size.
    """
    if source.kind == "rgb":
        depth = _depth(source, _RGB_DEPTHS)
        return AlphaFormat("gbrap" + _suffix(depth), "rgb", depth)
    grid = (source.log2_chroma_w, source.log2_chroma_h) if source.kind == "yuv" else (1, 1)
    grid = _FINER.get(grid, grid)
    if width % (1 << grid[0]) or height % (1 << grid[1]):
        grid = (0, 0)
    depth = _depth(source, _YUV_DEPTHS[grid])
    return AlphaFormat(f"yuva{_NAMES[grid]}p{_suffix(depth)}", "yuv", depth, *grid)


def _depth(source: PixelFormat, depths: Sequence[int]) -> int:
    return next(depth for depth in depths if depth >= source.depth)


def _suffix(depth: int) -> str:
    return "" if depth == 8 else f"{depth}le"


class Cutout:
    """Cuts pictures of one format and size by one mask; ``opaque`` bool (height, width)."""

    def __init__(self, opaque: Mask, source: PixelFormat, color: ColorSpec) -> None:
        height, width = opaque.shape
        self.format = alpha_format(source, width, height)
        self._source, self._shapes = source, self.format.plane_shapes(width, height)
        self._alpha = self._sampled(np.where(opaque, (1 << self.format.depth) - 1, 0))
        self._shown = [_any_opaque(opaque, *_step(source, number)) for number in range(1 if self._grey else 3)]
        black = 0 if color.full_range else 16 << (self.format.depth - 8)
        neutral = 1 << (self.format.depth - 1)
        self._hidden = (0, 0, 0) if source.kind == "rgb" else (black, neutral, neutral)

    @property
    def _grey(self) -> bool:
        return self._source.kind == "gray"

    def planes(self, picture: Sequence[Plane]) -> tuple[Plane, ...]:
        """Cut a picture's planes. A subsampled sample stays where any of its pixels is opaque."""
        shift = self.format.depth - self._source.depth
        cut = [
            self._sampled(np.where(shown, plane.astype(np.uint16) << shift, hidden))
            for plane, shown, hidden in zip(picture, self._shown, self._hidden, strict=False)
        ]
        if self._grey:
            cut += [self._sampled(np.full(self._shapes[1], self._hidden[1]))] * 2
        return (*(self._finer(plane, number) for number, plane in enumerate(cut)), self._alpha)

    def _sampled(self, values: npt.NDArray[Any]) -> Plane:
        return values.astype(np.uint8) if self.format.depth == 8 else values.astype(np.uint16)

    def _finer(self, plane: Plane, number: int) -> Plane:
        """Repeat a plane's samples where the format has more of them."""
        rows, columns = self._shapes[number]
        if plane.shape == (rows, columns):
            return plane
        (across, down), (to_across, to_down) = _step(self._source, number), _step(self.format, number)
        finer = plane.repeat(down // to_down, axis=0).repeat(across // to_across, axis=1)
        return self._sampled(finer[:rows, :columns])


def _step(pixel_format: PixelFormat, number: int) -> tuple[int, int]:
    """Pixels for each sample of a plane, across and down."""
    if number == 0 or pixel_format.kind != "yuv":
        return 1, 1
    return 1 << pixel_format.log2_chroma_w, 1 << pixel_format.log2_chroma_h


def _any_opaque(opaque: Mask, across: int, down: int) -> Mask:
    """Mark the samples of a plane that cover an opaque pixel."""
    height, width = opaque.shape
    padded = np.pad(opaque, ((0, -height % down), (0, -width % across)))
    blocks = padded.reshape(padded.shape[0] // down, down, padded.shape[1] // across, across)
    return np.asarray(blocks.any(axis=(1, 3)), bool)
