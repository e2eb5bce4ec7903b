"""Rows of a picture, each read from a place of its own."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

Float = npt.NDArray[np.float64]


def along_rows(track: npt.NDArray[Any], rows: int) -> Float:
    """A track over equal bands (b,) at every row, float64 (rows,): linear between the bands' middles."""
    middles = (np.arange(len(track)) + 0.5) * rows / len(track) - 0.5
    return np.asarray(np.interp(np.arange(rows), middles, track), np.float64)


def gathered(plane: npt.NDArray[Any], start: Float, width: int, how: int) -> npt.NDArray[Any]:
    """``width`` columns of each row of ``plane`` (h, w[, c]), from its own column ``start`` (h,) on; edges repeat.

    ``how`` is OpenCV's interpolation. Only what is seen is handed to OpenCV, which takes no picture over 2^15 wide.
    """
    rows = len(plane)
    first = np.floor(start).astype(np.intp) - 1
    columns = np.clip(first[:, None] + np.arange(width + 4), 0, plane.shape[1] - 1)
    near = np.ascontiguousarray(plane[np.arange(rows)[:, None], columns])
    part = start - first
    if np.abs(part - np.rint(part)).max() < 1e-6:
        how = cv2.INTER_NEAREST
    x = (part[:, None] + np.arange(width)).astype(np.float32)
    y = np.broadcast_to(np.arange(rows, dtype=np.float32)[:, None], x.shape)
    return np.asarray(cv2.remap(near, x, y, how, borderMode=cv2.BORDER_REPLICATE)).reshape(
        rows, width, *plane.shape[2:]
    )
