"""Colours of pictures: operations on the three channels of each pixel, by OpenCV, which is many times faster than numpy
along a last axis of three.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from remaster.arrays import Float32, Gray, Rgb


def largest(picture: Rgb) -> Gray:
    """The largest channel of each pixel, uint8 (h, w)."""
    red, green, blue = cv2.split(picture)
    return np.asarray(cv2.max(cv2.max(red, green), blue), np.uint8)


def smallest(picture: Rgb) -> Gray:
    """The smallest channel of each pixel, uint8 (h, w)."""
    red, green, blue = cv2.split(picture)
    return np.asarray(cv2.min(cv2.min(red, green), blue), np.uint8)


def thrice(plane: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The plane in every channel, (h, w, 3), in its own type."""
    return np.asarray(cv2.merge([plane] * 3))


def gray_of(picture: Rgb) -> Gray:
    """The luma of a picture, uint8 (h, w)."""
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), np.uint8)


def with_levels(picture: Rgb, levels: npt.NDArray[np.floating[Any]]) -> Rgb:
    """The picture with new levels by channel: ``levels`` float (256, 3), rounded and clipped to uint8."""
    table = np.clip(np.rint(levels), 0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(picture, table[:, None]), np.uint8)


def outline_colors(picture: Rgb, columns: int, rows: int) -> Float32:
    """The mean colours, float32 (n, 3), of the outermost of ``columns x rows`` cells of a picture, row by row."""
    cells = cv2.resize(picture, (columns, rows), interpolation=cv2.INTER_AREA).astype(np.float32)
    outer = np.ones((rows, columns), bool)
    outer[1:-1, 1:-1] = False
    return np.asarray(cells[outer])
