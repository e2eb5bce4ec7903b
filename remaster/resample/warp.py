"""The background's planes, and what a camera sees of them within a rectangle of the frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import cv2
import numpy as np
import numpy.typing as npt

from remaster.arrays import Affine, Plane
from remaster.imaging import camera as cam
from remaster.imaging.geometry import Window
from remaster.media.types import ColorSpec, PixelFormat, Rect
from remaster.records import Background
from remaster.resample.depth import planes_of
from remaster.resample.layout import Patch, on_plane, plane_steps
from remaster.resample.origins import Origins, of_background

LEVELS = 4
"""Sizes of a background that are kept, each half the one before."""
MARGIN = 4
"""Samples beyond what a camera sees that interpolation may ask for."""
SAME_CAMERA = 0.01
"""Corner shift in pixels under which nothing is drawn anew."""
WHOLE = 1e-6
"""What a camera may be off whole samples and still copies."""
# H.273 chroma locations (FFmpeg's numbering): 1 left, 2 centre, 3 top left, 4 top, 5 bottom left, 6 bottom.
LEFT_SITED, TOP_SITED, BOTTOM_SITED = (0, 1, 3, 5), (3, 4), (5, 6)


class BackgroundPlanes:
    """A background in the source's own planes, each with smaller versions for cameras that see it from afar."""

    def __init__(self, picture: Background, pixel_format: PixelFormat, color: ColorSpec, lines: int):
        self._grids = [plane_grid(step, color) for step in plane_steps(pixel_format)]
        self._to_plane = [cam.invert(grid) for grid in self._grids]
        self._subsampled = [step != (1, 1) for step in plane_steps(pixel_format)]
        self._pyramids = [_pyramid(plane) for plane in planes_of(picture, pixel_format, color, lines)]

    def see(self, plane: int, camera: Affine, rect: Rect) -> Plane:
        """What ``camera`` (picture to background, in full-resolution pixels) shows in ``rect`` of a plane.

        ``rect`` is in samples of the plane, its origin at the active picture's first sample; it may lie outside.
        Beyond the canvas the background's edge repeats. Where the camera looks from afar, two levels of a pyramid are
        mixed (trilinear filtering: Williams, "Pyramidal Parametrics", SIGGRAPH 1983), so that nothing aliases.
        """
        grid = self._grids[plane]
        here = cam.compose(self._to_plane[plane], cam.compose(camera, grid))
        here[:, 2] += here[:, :2] @ (rect.x, rect.y)
        pyramid = self._pyramids[plane]
        area = abs(here[0, 0] * here[1, 1] - here[0, 1] * here[1, 0])
        level = 0.5 * float(np.log2(max(area, 1.0)))
        level = min(level if level > 0.15 else 0.0, len(pyramid) - 1.0)
        low, mix = int(level), level - int(level)
        how = cv2.INTER_LINEAR if self._subsampled[plane] else cv2.INTER_CUBIC
        sharp = _warp(pyramid[low], _at_level(here, low), rect, how)
        if mix < 0.05:
            return sharp
        soft = _warp(pyramid[low + 1], _at_level(here, low + 1), rect, how)
        return cast(Plane, cv2.addWeighted(sharp, 1 - mix, soft, mix, 0))


class WarpedBackground:
    """The wings of a shot as its cameras see them in its background."""

    def __init__(
        self,
        background: Background,
        cameras: Affine,
        window: Window,
        placed: Sequence[Patch],
        pixel_format: PixelFormat,
        color: ColorSpec,
        lines: int,
    ):
        self._cameras, self._size, self._coverage = cameras, (window.width, window.height), background.coverage
        self._planes = BackgroundPlanes(background, pixel_format, color, lines)
        steps = plane_steps(pixel_format)
        self._placed = [Rect(p.rect.x - window.x, p.rect.y - window.y, p.rect.width, p.rect.height) for p in placed]
        self._rects = [[on_plane(rect, step) for step in steps] for rect in self._placed]
        self._camera: Affine | None = None
        self._seen: list[list[Plane]] = []

    def predict(self, index: int, planes: Sequence[Plane]) -> list[list[Plane]]:
        """``[patch][plane]`` for frame ``index``; the very same lists while the camera rests. ``planes`` are unused."""
        camera = self._cameras[index]
        if self._camera is None or cam.corner_error(camera, self._camera, *self._size) >= SAME_CAMERA:
            self._camera = camera
            self._seen = [[self._planes.see(p, camera, rect) for p, rect in enumerate(row)] for row in self._rects]
        return self._seen

    def origins(self, index: int) -> list[Origins]:
        """``[patch]`` of frame ``index``."""
        return [of_background(self._coverage, self._cameras[index], rect) for rect in self._placed]


def plane_grid(step: tuple[int, int], color: ColorSpec) -> Affine:
    """The camera from samples of a plane to full-resolution pixels, by the chroma siting (ITU-T H.273, figure 1).

    Unspecified siting is read as left, as FFmpeg does for MPEG-2 and H.264.
    """
    across, down = step
    site = color.chroma_location
    x = 0.0 if site in LEFT_SITED else (across - 1) / 2
    y = 0.0 if site in TOP_SITED else (down - 1.0 if site in BOTTOM_SITED else (down - 1) / 2)
    return np.array([[across, 0.0, x], [0.0, down, y]])


def _at_level(camera: Affine, level: int) -> Affine:
    """The camera onto a level of the pyramid instead of the plane itself."""
    if level == 0:
        return camera
    shrink = 0.5**level
    return cam.compose(np.array([[shrink, 0.0, shrink / 2 - 0.5], [0.0, shrink, shrink / 2 - 0.5]]), camera)


def _pyramid(plane: Plane) -> list[Plane]:
    """The plane and its halves; odd edges are repeated first, so that each level has exactly half the samples."""
    levels = [plane]
    while len(levels) < LEVELS and min(levels[-1].shape) >= 16:
        last = levels[-1]
        even = np.pad(last, ((0, last.shape[0] % 2), (0, last.shape[1] % 2)), mode="edge")
        half = (even.shape[1] // 2, even.shape[0] // 2)
        levels.append(cast(Plane, cv2.resize(np.asarray(even, last.dtype), half, interpolation=cv2.INTER_AREA)))
    return levels


def _warp(plane: Plane, camera: Affine, rect: Rect, how: int) -> Plane:
    """``camera`` takes samples of the result to the plane's. Only what it sees is handed to OpenCV (limit 2^15)."""
    seen = cam.apply(camera, cam.corners(rect.width, rect.height))
    rows, columns = plane.shape
    x0, x1 = _span(seen[:, 0], columns)
    y0, y1 = _span(seen[:, 1], rows)
    local = camera - [[0, 0, x0], [0, 0, y0]]
    (a, b, x), (c, d, y) = local.tolist()
    if max(abs(a - 1), abs(b), abs(c), abs(d - 1), abs(x - round(x)), abs(y - round(y))) < WHOLE:
        how = cv2.INTER_NEAREST
    flags = how | cv2.WARP_INVERSE_MAP
    size = (rect.width, rect.height)
    return cast(Plane, cv2.warpAffine(plane[y0:y1, x0:x1], local, size, flags=flags, borderMode=cv2.BORDER_REPLICATE))


def _span(values: npt.NDArray[np.float64], size: int) -> tuple[int, int]:
    """The range of existing samples around ``values``, with what interpolation needs; never empty."""
    low = min(max(int(np.floor(values.min())) - MARGIN, 0), size - 1)
    return low, min(max(int(np.ceil(values.max())) + MARGIN + 1, low + 1), size)
