"""Draws outlined shapes of flat colour with one tone of shadow on a transparent cel."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from remaster.media.types import Rect
from remaster_sample.brush import SUBPIXEL_BITS, Color, Points, fixed, oval, smooth

INK: Color = (44, 30, 34)
SHADOW = 0.82
SUPERSAMPLING = 2


class Pen:
    """Draws in a figure's own units onto a premultiplied RGBA cel.

    The cel spans ``width x height`` units with the origin at (``left``, ``top``) units from its top left corner;
    ``scale`` is pixels per unit. Shapes are drawn at ``SUPERSAMPLING`` times that. ``place`` rotates and moves what is
    drawn after it.
    """

    def __init__(self, width: float, height: float, left: float, top: float, scale: float) -> None:
        self.size = (round(width * scale), round(height * scale))
        self.unit = scale * SUPERSAMPLING
        self.origin = np.array([left, top])
        self.cel = np.zeros((self.size[1] * SUPERSAMPLING, self.size[0] * SUPERSAMPLING, 4), np.uint8)
        self._linear = np.eye(2)
        self._shift = np.zeros(2)

    def place(
        self, turn: float = 0.0, pivot: tuple[float, float] = (0, 0), shift: tuple[float, float] = (0, 0)
    ) -> None:
        """Rotate what follows by ``turn`` degrees (clockwise) about ``pivot``, then move it by ``shift`` units."""
        a = np.radians(turn)
        self._linear = rotation(a)
        self._shift = np.array(pivot) - self._linear @ np.array(pivot) + np.array(shift)

    def _pixels(self, points: Points) -> npt.NDArray[np.float64]:
        p = np.asarray(points, float) @ self._linear.T + self._shift
        return np.asarray((p + self.origin) * self.unit - 0.5)

    def _thick(self, width: float) -> int:
        return max(round(width * self.unit), 1)

    def stroke(self, points: Points, width: float = 2.2, color: Color = INK, curved: bool = True) -> None:
        """Draw a round-ended line of ``width`` units; ``curved`` rounds its corners."""
        path = smooth(points, 3, closed=False) if curved and len(points) > 2 else points
        pixels = fixed(self._pixels(path))
        cv2.polylines(self.cel, [pixels], False, (*color, 255), self._thick(width), cv2.LINE_AA, SUBPIXEL_BITS)

    def shape(
        self,
        points: Points,
        color: Color,
        line: float = 2.2,
        shade: float = 0.0,
        rounds: int = 3,
        within: Points | None = None,
    ) -> None:
        """Draw a filled outline; ``shade`` units of its right and lower side lie in shadow; ``within`` clips it."""
        pixels = self._pixels(smooth(points, rounds) if rounds else points)
        box = self._box(pixels, 1)
        mask = _mask(pixels, box)
        if within is not None:
            mask &= _mask(self._pixels(smooth(within, 3)), box)
        self._paint(mask, box, color)
        if shade:
            step = shade * self.unit
            lit = _mask(pixels - (step, step * 0.55), box)
            shadow = (int(color[0] * SHADOW), int(color[1] * SHADOW), int(color[2] * (SHADOW + 0.05)))
            self._paint(mask & ~lit, box, shadow)
        if line and within is None:
            cv2.polylines(self.cel, [fixed(pixels)], True, (*INK, 255), self._thick(line), cv2.LINE_AA, SUBPIXEL_BITS)

    def oval(
        self, x: float, y: float, rx: float, ry: float, color: Color, line: float = 2.2, shade: float = 0.0
    ) -> None:
        """Draw an outlined ellipse about (x, y)."""
        self.shape(oval(x, y, rx, ry, 48), color, line, shade, rounds=0)

    def limb(self, joints: Sequence[tuple[float, float]], width: float, color: Color, line: float = 2.2) -> None:
        """Draw a tube through the joints with an outline on both sides."""
        path = self._pixels(smooth(joints, 3, closed=False))
        for w, paint in ((width + 2 * line, INK), (width, color)):
            cv2.polylines(self.cel, [fixed(path)], False, (*paint, 255), self._thick(w), cv2.LINE_AA, SUBPIXEL_BITS)

    def ground_shadow(self, x: float, y: float, rx: float, ry: float) -> None:
        """Draw a soft contact shadow: black of low opacity."""
        pixels = self._pixels(oval(x, y, rx, ry, 48))
        box = self._box(pixels, int(6 * self.unit))
        soft = cv2.GaussianBlur(_mask(pixels, box), (0, 0), self.unit * 1.6)
        alpha = self.cel[box.y : box.y + box.height, box.x : box.x + box.width, 3]
        alpha[:] = np.maximum(alpha, (soft * 0.32).astype(np.uint8))

    def _box(self, pixels: npt.NDArray[np.float64], pad: int) -> Rect:
        """The part of the cel that a shape touches."""
        x0, y0 = (max(int(v) - pad, 0) for v in pixels.min(axis=0))
        x1, y1 = pixels.max(axis=0).astype(int) + 2 + pad
        width, height = min(int(x1), self.cel.shape[1]) - x0, min(int(y1), self.cel.shape[0]) - y0
        return Rect(x0, y0, max(width, 1), max(height, 1))

    def _paint(self, mask: npt.NDArray[np.uint8], box: Rect, color: Color) -> None:
        part = self.cel[box.y : box.y + box.height, box.x : box.x + box.width]
        alpha = mask[..., None].astype(np.float32) * np.float32(1 / 255)
        part[:] = part + (np.array((*color, 255), np.float32) - part) * alpha + np.float32(0.5)

    def finished(self) -> npt.NDArray[np.uint8]:
        """The cel at its own size, premultiplied RGBA uint8 (h, w, 4), read-only."""
        cel = np.asarray(cv2.resize(self.cel, self.size, interpolation=cv2.INTER_AREA), np.uint8)
        cel.setflags(write=False)
        return cel


def rotation(radians: float) -> npt.NDArray[np.float64]:
    """The matrix (2, 2) of a clockwise rotation (y points down)."""
    return np.array([[np.cos(radians), -np.sin(radians)], [np.sin(radians), np.cos(radians)]])


def _mask(pixels: npt.NDArray[np.float64], box: Rect) -> npt.NDArray[np.uint8]:
    """A shape's coverage, 0-255, inside a box of the cel."""
    mask = np.zeros((box.height, box.width), np.uint8)
    cv2.fillPoly(mask, [fixed(pixels - (box.x, box.y))], 255, cv2.LINE_AA, SUBPIXEL_BITS)
    return mask
