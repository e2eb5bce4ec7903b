"""Pictures of a shot for the report: before and after as a JPEG, the origin of each pixel as a PNG."""

from __future__ import annotations

import struct
import zlib
from fractions import Fraction

import cv2
import numpy as np
import numpy.typing as npt

from remaster.arrays import Rgb

GAP = 6  # pixels between before and after; the page's slider needs it
MAP_COLORS = (0x000000, 0x2B8A84, 0x5B8FD0, 0xD9973A, 0xA9ADB3, 0xF0E05A)
"""0xRRGGBB of original, recovered, propagated, generated, soft and lent pixels; the page uses the same colours."""
_JPEG_QUALITY = 82
_GAP_LEVEL = 128  # grey


def before_after(frame_rgb: Rgb, window_rgb: Rgb, height: int = 270, sar: Fraction = Fraction(1)) -> bytes:
    """Encode a shot before and after as one JPEG of ``2 * width + GAP`` by ``height`` pixels.

    ``frame_rgb`` uint8 (h, w, 3) is the active picture and ``window_rgb`` uint8 (H, W, 3) the result, both in stored
    pixels of the sample aspect ratio ``sar``, at any scale. Before is the picture between black bars that bring it to
    the window's aspect; both are drawn with square pixels. Raises ``ValueError`` for empty pictures.
    """
    if not (frame_rgb.size and window_rgb.size and height > 0):
        raise ValueError("a preview needs two pictures and a height")
    rows, columns = window_rgb.shape[:2]
    width = max(round(columns * float(sar) * height / rows), 1)
    scale = min(rows / frame_rgb.shape[0], columns / frame_rgb.shape[1])
    inner_width = min(max(round(frame_rgb.shape[1] * scale * width / columns), 1), width)
    inner_height = min(max(round(frame_rgb.shape[0] * scale * height / rows), 1), height)
    pair = np.full((height, 2 * width + GAP, 3), _GAP_LEVEL, np.uint8)
    pair[:, :width] = 0
    x, y = (width - inner_width) // 2, (height - inner_height) // 2
    pair[y : y + inner_height, x : x + inner_width] = _resized(frame_rgb, inner_width, inner_height)
    pair[:, width + GAP :] = _resized(window_rgb, width, height)
    return jpeg_of(pair)


def jpeg_of(picture: Rgb) -> bytes:
    """Encode a picture, uint8 (h, w, 3), as a JPEG; raises ``ValueError`` where none can be made."""
    encoded, jpeg = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    if not encoded:
        raise ValueError(f"no JPEG can be made of a picture of {picture.shape[1]}x{picture.shape[0]}")
    return jpeg.tobytes()


def origin_map(origins: npt.NDArray[np.uint8]) -> bytes:
    """Encode pixel origins, uint8 (h, w) indices into ``MAP_COLORS``, as a palette PNG (OpenCV writes none).

    The indices are those of ``resample.origins``.
    """
    rows, columns = origins.shape
    chunks = {
        b"IHDR": struct.pack(">IIBBBBB", columns, rows, 8, 3, 0, 0, 0),
        b"PLTE": b"".join(color.to_bytes(3, "big") for color in MAP_COLORS),
        b"IDAT": zlib.compress(np.pad(origins, ((0, 0), (1, 0))).tobytes()),
        b"IEND": b"",
    }
    encoded = (struct.pack(">I", len(d)) + n + d + struct.pack(">I", zlib.crc32(n + d)) for n, d in chunks.items())
    return b"\x89PNG\r\n\x1a\n" + b"".join(encoded)


def _resized(picture: Rgb, width: int, height: int) -> Rgb:
    """Resize a picture: area average where it shrinks, bicubic where it grows."""
    shrinks = width < picture.shape[1] or height < picture.shape[0]
    resized = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
    return np.asarray(resized, np.uint8)
