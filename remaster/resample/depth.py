"""Planes of backgrounds, for sources of more than 8 bits at their depth."""

from __future__ import annotations

import cv2
import numpy as np

from remaster.arrays import FINE, Float32, Rgb
from remaster.media.planes import Planes, from_rgb
from remaster.media.types import ColorSpec, PixelFormat
from remaster.records import Background

REACHES = 3, 8, 24, 64
"""Pixels around a sample over which its steps are smoothed: the farthest that holds nothing but a gradient."""
FLAT = 0.5
"""Variance in squared levels that a gradient's steps leave in a surrounding: what varies more has grain or drawing."""


def planes_of(picture: Background, pixel_format: PixelFormat, color: ColorSpec, lines: int) -> Planes:
    """The planes of a background in the source's format.

    Where that has more than 8 bits, what was stitched is as fine as the keyframes, and what was not (generated, or
    carried from elsewhere) is without steps of 8 bits.
    """
    if pixel_format.depth == 8:
        return from_rgb(picture.image, pixel_format, color, lines)
    return from_rgb(fine_levels(picture), pixel_format, color, lines)


def planes_of_image(image: Rgb, pixel_format: PixelFormat, color: ColorSpec, lines: int) -> Planes:
    """The planes of a picture of 8 bits in the source's format; where that has more, without steps of 8."""
    return from_rgb(image if pixel_format.depth == 8 else without_steps(image), pixel_format, color, lines)


def fine_levels(picture: Background) -> Float32:
    """A background's picture as float32 (h, w, 3) in levels of 8 bits, as exactly as it is known."""
    smooth = without_steps(picture.image)
    if picture.fine is None:
        return smooth
    exact = picture.image + picture.fine.astype(np.float32) / FINE
    return np.asarray(np.where(picture.coverage[..., None], exact, smooth), np.float32)


def without_steps(image: Rgb) -> Float32:
    """A picture uint8 (h, w, 3) as float32 in the same levels, its gradients smooth.

    Rounding to 8 bits leaves half a level open to either side: within that, a sample whose surroundings hold nothing
    but a gradient's steps gets their mean. No sample is moved out of what it was rounded from.
    """
    exact = image.astype(np.float32)
    smooth, centred = exact, exact - 128  # for the sake of the squares' precision
    for reach in REACHES:
        side = (2 * reach + 1, 2 * reach + 1)
        mean = cv2.blur(centred, side, borderType=cv2.BORDER_REPLICATE)
        varies = cv2.sqrBoxFilter(centred, cv2.CV_32F, side, borderType=cv2.BORDER_REPLICATE) - mean * mean
        smooth = np.where(varies <= FLAT, np.clip(mean + 128, exact - 0.5, exact + 0.5), smooth)
    return np.asarray(smooth, np.float32)
