"""Wings from the same frames of another recording, which shows more: warped to the picture, in its colours.

In come a donor's frames in their own format, with cameras and colour matrices; out go the planes of the patches'
rectangles, in the source's format. Frames that no donor shows are left to the shot's own source.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np
import numpy.typing as npt

from remaster.arrays import FINE, Affine, Float32, Float64, Plane
from remaster.imaging import camera as cam
from remaster.media.planes import Planes, crop, from_rgb, to_fine_rgb, to_rgb
from remaster.media.types import ColorSpec, PixelFormat, Rect
from remaster.resample.layout import FrameFormat, Patch, on_plane, part, plane_steps
from remaster.resample.origins import LENT, Origins, uniform_origins
from remaster.resample.tuning import TUNING


@dataclass(frozen=True)
class DonorFrame:
    """A donor's frame, its active picture's ``planes``; ``lines`` is the height of its whole picture.

    ``camera`` (2, 3) takes pixels of the source's active picture to the donor's, ``colour`` (3, 4) the donor's colours,
    R'G'B' in 0-255, to the source's.
    """

    planes: Planes
    format: PixelFormat
    color: ColorSpec
    lines: int
    camera: Affine
    colour: Float64


DonorReader = Callable[[int], DonorFrame | None]
"""Gives the donor's frame of a shot's frame; None where no donor shows it. Frames are asked for in order."""


class ExactWings:
    """Draws a shot's wings as a donor shows them."""

    def __init__(self, read: DonorReader, form: FrameFormat, placed: Sequence[Patch]):
        self._read, self._form, window = read, form, form.window
        self._placed, self._steps = placed, plane_steps(form.pixels)
        self._rects = [Rect(p.rect.x - window.x, p.rect.y - window.y, p.rect.width, p.rect.height) for p in placed]

    def predict(self, index: int) -> list[list[Plane]] | None:
        """Return ``[patch][plane]`` of frame ``index``; None where no donor shows it."""
        frame = self._read(index)
        if frame is None:
            return None
        return [self._planes(frame, rect) for rect in self._rects]

    def _planes(self, frame: DonorFrame, rect: Rect) -> list[Plane]:
        """Draw ``rect`` in the source's planes; where it begins inside a chroma sample, from there on."""
        x, y = rect.x % self._steps[-1][0], rect.y % self._steps[-1][1]
        whole = Rect(rect.x - x, rect.y - y, rect.width + x, rect.height + y)
        planes = from_rgb(_seen(frame, whole), self._form.pixels, self._form.color, self._form.rows)
        pairs = zip(planes, self._steps, strict=True)
        return [cast(Plane, part(plane, on_plane(rect, step), on_plane(whole, step))) for plane, step in pairs]

    def origins(self) -> list[Origins]:
        """Return the origins of a frame that a donor shows, ``[patch]``."""
        return uniform_origins(LENT, self._placed)


def _seen(frame: DonorFrame, rect: Rect) -> Float32:
    """What a donor's frame shows of ``rect``, float32 (h, w, 3) in the source's colours; its edge repeats outside."""
    camera = frame.camera.copy()
    camera[:, 2] += camera[:, :2] @ (rect.x, rect.y)
    around = _around(cam.apply(camera, cam.corners(rect.width, rect.height)), frame)
    near = crop(frame.planes, frame.format, around)
    if frame.format.depth == 8:
        levels = to_rgb(near, frame.format, frame.color, frame.lines).astype(np.float32)
    else:
        levels = to_fine_rgb(near, frame.format, frame.color, frame.lines).astype(np.float32) / np.float32(FINE)
    lit = np.asarray(cv2.transform(levels, frame.colour), np.float32)
    camera[:, 2] -= around.x, around.y
    scale = float(np.sqrt(abs(np.linalg.det(camera[:, :2]))))
    if scale > TUNING.exact.same_scale:
        width, height = max(round(around.width / scale), 1), max(round(around.height / scale), 1)
        lit = np.asarray(cv2.resize(lit, (width, height), interpolation=cv2.INTER_AREA), np.float32)
        x, y = width / around.width, height / around.height
        camera = cam.compose(np.array([[x, 0.0, x / 2 - 0.5], [0.0, y, y / 2 - 0.5]]), camera)
    flags, size = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP, (rect.width, rect.height)
    warped = cv2.warpAffine(lit, camera, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(np.clip(warped, 0, 255), np.float32)


def _around(points: npt.NDArray[np.float64], frame: DonorFrame) -> Rect:
    """The part of a donor's picture around some points, on its chroma grid; never empty."""
    rows, columns = frame.planes[0].shape
    scale = max(float(np.sqrt(abs(np.linalg.det(frame.camera[:, :2])))), 1.0)
    margin = round(TUNING.background.margin * scale)
    (x0, x1), (y0, y1) = (
        _span(points[:, axis], size, margin, 1 << log2)
        for axis, size, log2 in ((0, columns, frame.format.log2_chroma_w), (1, rows, frame.format.log2_chroma_h))
    )
    return Rect(x0, y0, x1 - x0, y1 - y0)


def _span(values: npt.NDArray[np.float64], size: int, margin: int, step: int) -> tuple[int, int]:
    low = min(max(int(np.floor(values.min())) - margin, 0), size - 1) // step * step
    return low, min(max(int(np.ceil(values.max())) + margin + 1, low + 1), size)
