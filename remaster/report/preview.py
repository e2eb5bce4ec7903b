"""Pictures of a run for people: a shot before and after, where its wings come from, many pictures on one sheet."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from fractions import Fraction

import cv2
import numpy as np
import numpy.typing as npt

from remaster.arrays import Rgb

GAP = 6  # pixels between before and after; the page's slider counts on it
MAP_COLORS = (0x000000, 0x2B8A84, 0x5B8FD0, 0xD9973A, 0xA9ADB3)
"""Of the original, and of what was recovered, propagated, generated and soft, as on the page."""
_JPEG_QUALITY = 82
_SHEET_GAP = 4  # pixels between a sheet's pictures
_SHEET_LEVEL = 128  # the grey around pictures


def before_after(frame_rgb: Rgb, window_rgb: Rgb, height: int = 270, sar: Fraction = Fraction(1)) -> bytes:
    """A JPEG of a shot before and after: ``2 * width + GAP`` by ``height`` pixels.

    ``frame_rgb`` uint8 (h, w, 3) is the active picture and ``window_rgb`` uint8 (H, W, 3) what was made of it, both in
    stored pixels of the sample aspect ratio ``sar``, at any scale. Before is the picture in the window's aspect between
    black bars, as a television shows it; both are drawn with square pixels. Raises ``ValueError`` for empty pictures.
    """
    if not (frame_rgb.size and window_rgb.size and height > 0):
        raise ValueError("a preview needs two pictures and a height")
    rows, columns = window_rgb.shape[:2]
    width = max(round(columns * float(sar) * height / rows), 1)
    scale = min(rows / frame_rgb.shape[0], columns / frame_rgb.shape[1])
    inner_width = min(max(round(frame_rgb.shape[1] * scale * width / columns), 1), width)
    inner_height = min(max(round(frame_rgb.shape[0] * scale * height / rows), 1), height)
    pair = np.full((height, 2 * width + GAP, 3), _SHEET_LEVEL, np.uint8)
    pair[:, :width] = 0
    x, y = (width - inner_width) // 2, (height - inner_height) // 2
    pair[y : y + inner_height, x : x + inner_width] = _resized(frame_rgb, inner_width, inner_height)
    pair[:, width + GAP :] = _resized(window_rgb, width, height)
    done, jpeg = cv2.imencode(".jpg", pair[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    if not done:
        raise ValueError(f"no JPEG can be made of a picture of {pair.shape[1]}x{pair.shape[0]}")
    return jpeg.tobytes()


def origin_map(origins: npt.NDArray[np.uint8]) -> bytes:
    """A PNG whose pixels are indices (h, w) into ``MAP_COLORS``, as ``resample.origins`` numbers them."""
    rows, columns = origins.shape
    chunks = {
        b"IHDR": struct.pack(">IIBBBBB", columns, rows, 8, 3, 0, 0, 0),
        b"PLTE": b"".join(color.to_bytes(3, "big") for color in MAP_COLORS),
        b"IDAT": zlib.compress(np.pad(origins, ((0, 0), (1, 0))).tobytes()),
        b"IEND": b"",
    }
    written = (struct.pack(">I", len(d)) + n + d + struct.pack(">I", zlib.crc32(n + d)) for n, d in chunks.items())
    return b"\x89PNG\r\n\x1a\n" + b"".join(written)


def contact_sheet(pictures: Sequence[Rgb], columns: int) -> Rgb:
    """All pictures, uint8 (h, w, 3) of any sizes, row by row on one grey sheet.

    Each lies unscaled in the middle of a cell that holds the largest of them. Raises ``ValueError`` without pictures or
    columns.
    """
    if not pictures or columns < 1:
        raise ValueError("a contact sheet needs at least one picture and one column")
    columns = min(columns, len(pictures))
    cell_height = max(p.shape[0] for p in pictures)
    cell_width = max(p.shape[1] for p in pictures)
    rows = -(-len(pictures) // columns)
    shape = (rows * (cell_height + _SHEET_GAP) - _SHEET_GAP, columns * (cell_width + _SHEET_GAP) - _SHEET_GAP, 3)
    sheet = np.full(shape, _SHEET_LEVEL, np.uint8)
    for i, picture in enumerate(pictures):
        height, width = picture.shape[:2]
        y = i // columns * (cell_height + _SHEET_GAP) + (cell_height - height) // 2
        x = i % columns * (cell_width + _SHEET_GAP) + (cell_width - width) // 2
        sheet[y : y + height, x : x + width] = picture
    return sheet


def _resized(picture: Rgb, width: int, height: int) -> Rgb:
    """The picture at another size: averaged where it shrinks, interpolated where it grows."""
    shrinks = width < picture.shape[1] or height < picture.shape[0]
    resized = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
    return np.asarray(resized, np.uint8)
