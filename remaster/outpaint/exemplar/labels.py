"""Labels: where a filled pixel is copied from. A label shifts the picture, or mirrors and shifts it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from remaster.arrays import Int64


@dataclass(frozen=True)
class Labels:
    """L labels as int64 arrays (L,): pixel (x, y) is copied from (``sx * x + tx``, ``sy * y + ty``), in full pixels.

    ``sx`` and ``sy`` are 1, or -1 for a mirrored label. ``cx`` and ``cy`` are the pixel around which a label may be
    used, -1 for everywhere.
    """

    sx: Int64
    sy: Int64
    tx: Int64
    ty: Int64
    cx: Int64
    cy: Int64

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
        return np.stack([self.sx, self.sy, self.tx, self.ty, self.cx, self.cy], axis=1)

    def usable_at(self, index: Int64, x: Int64, y: Int64, radius: float) -> npt.NDArray[np.bool_]:
        """True (n,) where the pixels (x, y) are within ``radius`` of these labels' centers, in both directions."""
        distance = np.maximum(np.abs(x - self.cx[index]), np.abs(y - self.cy[index]))
        near: npt.NDArray[np.bool_] = (distance <= radius) | (self.cx[index] < 0)
        return near


def from_rows(rows: Int64) -> Labels:
    """Labels from rows (L, 6) of sx, sy, tx, ty, cx, cy."""
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
    """The labels and, numbered after them, more labels."""
    return from_rows(np.concatenate([labels.rows(), more.rows()]))
