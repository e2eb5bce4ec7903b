"""Crops planes, converts them to and from R'G'B', and shrinks them to proxies, with NumPy and OpenCV only.

Colour follows ITU-T H.273 (8.3, matrix coefficients). R'G'B' is never linearised, so that a round trip with one matrix
returns to the source. Swscale is not used, since its rounding depends on the machine's instruction set.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from remaster.arrays import FINE, FineRgb, Float32, Plane, Rgb
from remaster.media.types import ColorSpec, PixelFormat, Rect

Planes = tuple[Plane, ...]

# H.273 table 4: matrix code point -> (Kr, Kb). Code points 0 and 3 do not describe YUV and count as unspecified.
COEFFICIENTS: dict[int, tuple[float, float]] = {
    1: (0.2126, 0.0722),
    4: (0.30, 0.11),
    5: (0.299, 0.114),
    6: (0.299, 0.114),
    7: (0.212, 0.087),
    9: (0.2627, 0.0593),
    10: (0.2627, 0.0593),
}
UNSPECIFIED_MATRICES = (0, 2, 3)
SD_ROWS = 576  # rows of the largest picture that has BT.601's matrix where none is specified

PROXY_ROWS = 480
"""Height of a proxy: enough for matching features, and the size for which the steps' lengths in pixels are tuned."""
MAX_LINEAR_SHRINK = 1.25
"""Factor up to which shrinking by linear interpolation, which is faster than over areas, does not alias visibly."""
# AVChromaLocation -> (x, y) of the chroma sample among its luma samples: 0 at the first, 1/2 in the middle, 1 last.
_SITING = {0: (0.0, 0.5), 1: (0.0, 0.5), 2: (0.5, 0.5), 3: (0.0, 0.0), 4: (0.5, 0.0), 5: (0.0, 1.0), 6: (0.5, 1.0)}


def crop(planes: Planes, pixel_format: PixelFormat, rect: Rect) -> Planes:
    """Crop planes to ``rect``; the result are views.

    Where ``rect`` ends inside a chroma sample, that sample stays, as at the edge of a picture of odd size. Raises
    ``ValueError`` where ``rect`` does not begin on the chroma grid.
    """
    step_x, step_y = 1 << pixel_format.log2_chroma_w, 1 << pixel_format.log2_chroma_h
    if rect.x % step_x or rect.y % step_y:
        raise ValueError(f"{rect} does not begin on the {step_x}x{step_y} chroma grid of {pixel_format.name}")
    shapes = pixel_format.plane_shapes(rect.width, rect.height)
    corners = ((rect.y, rect.x), *(((rect.y // step_y, rect.x // step_x),) * 2))
    return tuple(
        plane[y : y + rows, x : x + columns]
        for plane, (y, x), (rows, columns) in zip(planes, corners, shapes, strict=False)
    )


def coefficients(color: ColorSpec, rows: int) -> tuple[float, float]:
    """(Kr, Kb) of the matrix; where it is unspecified, BT.601's up to ``SD_ROWS`` rows, else BT.709's.

    ``rows`` is the height of the whole picture. Raises ``ValueError`` for matrices without Kr and Kb (YCgCo,
    ICtCp).
    """
    matrix = color.matrix
    if matrix in UNSPECIFIED_MATRICES:
        matrix = 6 if rows <= SD_ROWS else 1
    if matrix not in COEFFICIENTS:
        raise ValueError(f"matrix {matrix} of ITU-T H.273 has no luma coefficients")
    return COEFFICIENTS[matrix]


def to_rgb(planes: Planes, pixel_format: PixelFormat, color: ColorSpec, height: int | None = None) -> Rgb:
    """Convert planes to R'G'B', uint8 (h, w, 3), with chroma interpolated linearly from its own location.

    ``height`` is the height of the whole picture where ``planes`` are a part of it: it decides the matrix of streams
    that do not specify one.
    """
    rgb = _levels(planes, pixel_format, color, height)
    if pixel_format.kind in ("rgb", "gray"):
        return _as_rgb(_quantize(rgb, 8))
    # OpenCV rounds and saturates in one pass.
    return _as_rgb(cv2.addWeighted(rgb, 1.0, rgb, 0.0, 0.0, dtype=cv2.CV_8U))


def to_fine_rgb(planes: Planes, pixel_format: PixelFormat, color: ColorSpec, height: int | None = None) -> FineRgb:
    """As ``to_rgb``, but uint16 (h, w, 3) in 1/256 of its levels, for sources of more than 8 bits."""
    rgb = _levels(planes, pixel_format, color, height)
    fine = cv2.addWeighted(rgb, float(FINE), rgb, 0.0, 0.0, dtype=cv2.CV_16U)
    return np.asarray(np.minimum(fine, np.uint16(255 * FINE)), np.uint16)


def rounded(picture: Rgb | FineRgb) -> Rgb:
    """Round a picture to 8-bit levels; an 8-bit picture is returned as it is."""
    if picture.dtype == np.uint8:
        return np.asarray(picture, np.uint8)
    flat = cv2.convertScaleAbs(picture.reshape(len(picture), -1), alpha=1 / FINE)
    return np.asarray(flat, np.uint8).reshape(picture.shape)


def _levels(planes: Planes, pixel_format: PixelFormat, color: ColorSpec, height: int | None) -> Float32:
    """Convert planes to R'G'B', float32 (h, w, 3) in 8-bit levels, not rounded; values may lie outside 0..255."""
    rows, columns = planes[0].shape
    if pixel_format.kind == "rgb":
        green, blue, red = (_luma_to_unit(plane, pixel_format, color) for plane in planes)
        return np.asarray(np.dstack([red, green, blue]) * 255, np.float32)
    if pixel_format.kind == "gray":
        return np.asarray(np.dstack([_luma_to_unit(planes[0], pixel_format, color)] * 3) * 255, np.float32)
    chroma = (_upsample(plane, pixel_format, color, columns, rows) for plane in planes[1:])
    yuv = cv2.merge([planes[0].astype(np.float32), *chroma])
    # One matrix from code values to 0..255.
    (y_scale, y_offset), (c_scale, c_offset) = _luma_scale(pixel_format, color), _chroma_scale(pixel_format, color)
    matrix = _yuv_to_rgb(coefficients(color, height or rows)) * 255 / np.array([y_scale, c_scale, c_scale])
    offset = -matrix @ np.array([y_offset, c_offset, c_offset])
    return np.asarray(cv2.transform(yuv, np.column_stack([matrix, offset])), np.float32)


def from_rgb(rgb: Rgb | Float32, pixel_format: PixelFormat, color: ColorSpec, height: int | None = None) -> Planes:
    """Convert an R'G'B' picture (h, w, 3), uint8 or float32 in 0..255, to planes: uint8 for depth 8, uint16 above.

    ``height`` is as in ``to_rgb``. Chroma is averaged over the luma samples around its own location. The round trip
    ``to_rgb(from_rgb(rgb))`` is within 2 levels of ``rgb`` in every channel for 8-bit 4:4:4 (within 1 for 10 bits and
    more, exact for ``"rgb"``), and for pictures of one colour in subsampled formats.
    """
    unit = rgb.astype(np.float32) / np.float32(255)
    if pixel_format.kind == "rgb":
        return tuple(_luma_from_unit(unit[..., channel], pixel_format, color) for channel in (1, 2, 0))
    forward = np.linalg.inv(_yuv_to_rgb(coefficients(color, height or rgb.shape[0])))
    yuv = np.asarray(cv2.transform(unit, forward), np.float32)
    luma = _luma_from_unit(yuv[..., 0], pixel_format, color)
    if pixel_format.kind == "gray":
        return (luma,)
    scale, offset = _chroma_scale(pixel_format, color)
    chroma = (_downsample(yuv[..., channel], pixel_format, color) for channel in (1, 2))
    return (luma, *(_quantize(plane * scale + offset, pixel_format.depth) for plane in chroma))


def resize_rgb(
    planes: Planes, pixel_format: PixelFormat, color: ColorSpec, width: int, height: int, rows: int | None = None
) -> Rgb:
    """Resize planes, then convert them to R'G'B', uint8 (height, width, 3): a fast way to proxies.

    Within 2 levels of ``to_rgb`` of the same size on flat areas; the chroma location (half a luma sample at most) is
    ignored. ``rows`` is the height of the whole picture, as ``height`` in ``to_rgb``.
    """
    whole = rows or planes[0].shape[0]
    small = [_to_8_bits(_resize(plane, width, height), pixel_format.depth) for plane in planes]
    if pixel_format.kind == "yuv":
        matrix = _yuv_to_rgb(coefficients(color, whole))
        y_scale, y_offset = (1.0, 0.0) if color.full_range else (255 / 219, 16.0)
        c_scale = 1.0 if color.full_range else 255 / 224
        matrix = matrix * np.array([y_scale, c_scale, c_scale])
        offset = -matrix @ np.array([y_offset, 128.0, 128.0])
        return _as_rgb(cv2.transform(cv2.merge(small), np.column_stack([matrix, offset])))
    ordered = small * 3 if pixel_format.kind == "gray" else [small[2], small[0], small[1]]
    picture = cv2.merge(ordered)
    if color.full_range:
        return _as_rgb(picture)
    return _as_rgb(cv2.addWeighted(picture, 255 / 219, picture, 0, -16 * 255 / 219))


def luma8(planes: Planes, pixel_format: PixelFormat) -> npt.NDArray[np.uint8]:
    """Luma, uint8 (h, w): stored code values rounded to 8 bits; of ``"rgb"`` pictures, BT.601's luma."""
    if pixel_format.kind != "rgb":
        return _to_8_bits(planes[0], pixel_format.depth)
    green, blue, red = (_to_8_bits(plane, pixel_format.depth) for plane in planes)
    return np.asarray(cv2.cvtColor(cv2.merge([red, green, blue]), cv2.COLOR_RGB2GRAY), np.uint8)


def proxy_size(width: int, height: int, sar: Fraction, rows: int = PROXY_ROWS) -> tuple[int, int]:
    """(width, height), both even, of a square-pixel proxy of at most ``rows`` rows, and no more than the frame's.

    A 720x480 frame of SAR 8:9 gives 640x480, a 1440x1080 frame 640x480, a 320x240 frame 320x240.
    """
    high = min(height, rows)
    wide = Fraction(width) * sar * Fraction(high, height)
    return max(round(wide / 2) * 2, 2), max(high - high % 2, 2)


def _as_rgb(array: npt.NDArray[Any]) -> Rgb:
    return np.asarray(array, np.uint8)


def _quantize(values: npt.NDArray[Any], depth: int) -> Plane:
    """Round and clip to ``depth`` bits."""
    rounded: npt.NDArray[Any] = np.clip(np.rint(values), 0, (1 << depth) - 1)
    return rounded.astype(np.uint8) if depth == 8 else rounded.astype(np.uint16)


def _luma_scale(pixel_format: PixelFormat, color: ColorSpec) -> tuple[float, float]:
    """(scale, offset) that take luma, or R'G'B', from 0..1 to code values (H.273, 8.3)."""
    if color.full_range:
        return float((1 << pixel_format.depth) - 1), 0.0
    step = float(1 << (pixel_format.depth - 8))
    return 219 * step, 16 * step


def _chroma_scale(pixel_format: PixelFormat, color: ColorSpec) -> tuple[float, float]:
    """(scale, offset) that take chroma from -0.5..0.5 to code values (H.273, 8.3)."""
    middle = float(1 << (pixel_format.depth - 1))
    if color.full_range:
        return float((1 << pixel_format.depth) - 1), middle
    return 224.0 * (1 << (pixel_format.depth - 8)), middle


def _luma_to_unit(plane: Plane, pixel_format: PixelFormat, color: ColorSpec) -> Float32:
    scale, offset = _luma_scale(pixel_format, color)
    return ((plane.astype(np.float32) - np.float32(offset)) / np.float32(scale)).astype(np.float32)


def _luma_from_unit(values: Float32, pixel_format: PixelFormat, color: ColorSpec) -> Plane:
    scale, offset = _luma_scale(pixel_format, color)
    return _quantize(values * scale + offset, pixel_format.depth)


def _yuv_to_rgb(kr_kb: tuple[float, float]) -> npt.NDArray[np.float64]:
    """The matrix from (Y, Cb, Cr), chroma in -0.5..0.5, to (R, G, B) (H.273, equations 38 to 40)."""
    kr, kb = kr_kb
    kg = 1 - kr - kb
    red, blue = 2 * (1 - kr), 2 * (1 - kb)
    return np.array([[1, 0, red], [1, -kb * blue / kg, -kr * red / kg], [1, blue, 0]])


def _upsample(plane: Plane, pixel_format: PixelFormat, color: ColorSpec, width: int, height: int) -> Float32:
    """Interpolate chroma linearly at every luma sample, float32 (height, width)."""
    step_x, step_y = 1 << pixel_format.log2_chroma_w, 1 << pixel_format.log2_chroma_h
    values = plane.astype(np.float32)
    if step_x == step_y == 1:
        return values
    x, y = _SITING[color.chroma_location]
    grid = np.array([[1 / step_x, 0, -x * (step_x - 1) / step_x], [0, 1 / step_y, -y * (step_y - 1) / step_y]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(values, grid, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE))


def _downsample(values: Float32, pixel_format: PixelFormat, color: ColorSpec) -> Float32:
    """Average chroma at every luma sample around each chroma sample's location."""
    step_x, step_y = 1 << pixel_format.log2_chroma_w, 1 << pixel_format.log2_chroma_h
    if step_x == step_y == 1:
        return values
    x, y = _SITING[color.chroma_location]
    (kernel_x, first_x), (kernel_y, first_y) = _chroma_kernel(step_x, x), _chroma_kernel(step_y, y)
    anchor = (len(kernel_x) // 2 if x != 0.5 else 0, len(kernel_y) // 2 if y != 0.5 else 0)
    padded = cv2.copyMakeBorder(values, 0, step_y, 0, step_x, cv2.BORDER_REPLICATE)
    mean = cv2.sepFilter2D(padded, -1, kernel_x, kernel_y, anchor=anchor, borderType=cv2.BORDER_REPLICATE)
    rows, columns = pixel_format.plane_shapes(values.shape[1], values.shape[0])[1]
    return np.asarray(mean[first_y::step_y, first_x::step_x][:rows, :columns])


def _chroma_kernel(step: int, place: float) -> tuple[Float32, int]:
    """(weights, first sample): a box over ``step`` samples for chroma in their middle, else a triangle around it."""
    if place == 0.5:
        return np.full(step, 1 / step, np.float32), 0
    rising = np.arange(1, step + 1, dtype=np.float32)
    weights = np.concatenate([rising, rising[-2::-1]]) / step**2
    return weights.astype(np.float32), round(place * (step - 1))


def _resize(plane: npt.NDArray[Any], width: int, height: int) -> npt.NDArray[Any]:
    """Resize by a whole factor over areas, which OpenCV does fast; a small rest linearly, else over areas."""
    rows, columns = plane.shape
    if (rows, columns) == (height, width):
        return plane
    shrink_y, shrink_x = rows / height, columns / width
    factor = int(min(shrink_x, shrink_y))
    if factor > 1 and rows % factor == 0 and columns % factor == 0:
        size = (columns // factor, rows // factor)
        return _resize(np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_AREA)), width, height)
    short = min(shrink_x, shrink_y) < 1 or max(shrink_x, shrink_y) <= MAX_LINEAR_SHRINK
    return np.asarray(cv2.resize(plane, (width, height), interpolation=cv2.INTER_LINEAR if short else cv2.INTER_AREA))


def _to_8_bits(plane: npt.NDArray[Any], depth: int) -> npt.NDArray[np.uint8]:
    if depth == 8:
        return np.asarray(plane, np.uint8)
    return np.asarray(cv2.convertScaleAbs(plane, alpha=1 / (1 << (depth - 8))), np.uint8)
