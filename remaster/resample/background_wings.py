"""Wings from a shot's background, warped by each frame's camera and sampled in the source's own planes.

In come a background (8-bit RGB, and of deeper sources what rounding removed) and cameras; out go the planes of the
patches' rectangles, in the source's format. Where nothing finer is known, gradients are freed of their 8-bit steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import cv2
import numpy as np
import numpy.typing as npt

from remaster.arrays import FINE, Affine, Float32, Plane, Rgb
from remaster.imaging import camera as cam
from remaster.media.planes import Planes, from_rgb
from remaster.media.types import ColorSpec, Rect
from remaster.records import Background
from remaster.resample.layout import FrameFormat, Patch, on_plane, plane_steps
from remaster.resample.origins import Origins, background_origins
from remaster.resample.tuning import TUNING

# H.273 chroma locations (FFmpeg's numbering): 1 left, 2 centre, 3 top left, 4 top, 5 bottom left, 6 bottom.
LEFT_SITED, TOP_SITED, BOTTOM_SITED = (0, 1, 3, 5), (3, 4), (5, 6)


class BackgroundPlanes:
    """A background in the source's own planes, each with a pyramid for cameras that see it smaller."""

    def __init__(self, background: Background, form: FrameFormat):
        steps = plane_steps(form.pixels)
        self._grids = [plane_grid(step, form.color) for step in steps]
        self._to_plane = [cam.invert(grid) for grid in self._grids]
        self._subsampled = [step != (1, 1) for step in steps]
        self._pyramids = [_pyramid(plane) for plane in planes_of(background, form)]

    def view(self, plane: int, camera: Affine, rect: Rect) -> Plane:
        """Warp one plane by ``camera`` (picture to background, in full-resolution pixels) to ``rect``.

        ``rect`` is in samples of the plane, its origin at the active picture's first sample; it may lie outside.
        Outside the canvas the background's edge repeats. Where the background is shrunk, two levels of the pyramid are
        mixed (trilinear filtering: Williams, "Pyramidal Parametrics", SIGGRAPH 1983) against aliasing.
        """
        tuning = TUNING.background
        grid = self._grids[plane]
        local = cam.compose(self._to_plane[plane], cam.compose(camera, grid))
        local[:, 2] += local[:, :2] @ (rect.x, rect.y)
        pyramid = self._pyramids[plane]
        area = abs(local[0, 0] * local[1, 1] - local[0, 1] * local[1, 0])
        level = 0.5 * float(np.log2(max(area, 1.0)))
        level = min(level if level > tuning.full_size else 0.0, len(pyramid) - 1.0)
        low, mix = int(level), level - int(level)
        interpolation = cv2.INTER_LINEAR if self._subsampled[plane] else cv2.INTER_CUBIC
        sharp = _warp(pyramid[low], _at_level(local, low), rect, interpolation)
        if mix < tuning.min_mix:
            return sharp
        soft = _warp(pyramid[low + 1], _at_level(local, low + 1), rect, interpolation)
        return cast(Plane, cv2.addWeighted(sharp, 1 - mix, soft, mix, 0))


class BackgroundWings:
    """Draws a shot's wings as its cameras see them in its background."""

    def __init__(self, background: Background, cameras: Affine, form: FrameFormat, placed: Sequence[Patch]):
        window, steps = form.window, plane_steps(form.pixels)
        self._cameras, self._size, self._background = cameras, (window.width, window.height), background
        self._planes = BackgroundPlanes(background, form)
        self._placed = [Rect(p.rect.x - window.x, p.rect.y - window.y, p.rect.width, p.rect.height) for p in placed]
        self._rects = [[on_plane(rect, step) for step in steps] for rect in self._placed]
        self._camera: Affine | None = None
        self._views: list[list[Plane]] = []
        self._mapped: tuple[Affine, list[Origins]] | None = None

    def predict(self, index: int, planes: Sequence[Plane]) -> list[list[Plane]]:
        """Return ``[patch][plane]`` of frame ``index``, the same object while the camera rests."""
        camera = self._cameras[index]
        if self._camera is None or cam.corner_error(camera, self._camera, *self._size) >= TUNING.background.same_camera:
            self._camera = camera
            self._views = [[self._planes.view(p, camera, rect) for p, rect in enumerate(row)] for row in self._rects]
        return self._views

    def origins(self, index: int) -> list[Origins]:
        """Return the origins of frame ``index``, ``[patch]``, the same object while the camera rests."""
        camera = self._cameras[index]
        if self._mapped is None or not np.array_equal(camera, self._mapped[0]):
            self._mapped = camera, [background_origins(self._background, camera, rect) for rect in self._placed]
        return self._mapped[1]


def planes_of(background: Background, form: FrameFormat) -> Planes:
    """Convert a background to planes in the source's format.

    If that is deeper than 8 bits, what was stitched is as fine as the keyframes; what was generated, or carried from
    elsewhere, has no 8-bit steps.
    """
    if form.pixels.depth == 8:
        return from_rgb(background.image, form.pixels, form.color, form.rows)
    return from_rgb(fine_levels(background), form.pixels, form.color, form.rows)


def image_planes(image: Rgb, form: FrameFormat) -> Planes:
    """Convert a picture uint8 (h, w, 3) to planes in the source's format; if that is deeper, without 8-bit steps."""
    levels = image if form.pixels.depth == 8 else without_steps(image)
    return from_rgb(levels, form.pixels, form.color, form.rows)


def fine_levels(background: Background) -> Float32:
    """The background's picture, float32 (h, w, 3) in levels of 8 bits, as exactly as it is known."""
    smooth = without_steps(background.image)
    if background.fine is None:
        return smooth
    exact = background.image + background.fine.astype(np.float32) / FINE
    return np.asarray(np.where(background.coverage[..., None], exact, smooth), np.float32)


def without_steps(image: Rgb) -> Float32:
    """Smooth the gradients of a picture uint8 (h, w, 3); returns float32 in the same levels.

    Rounding to 8 bits leaves half a level open to either side. Within that, a sample gets the mean of the largest
    window around it that holds nothing but a gradient's steps. No sample leaves the interval it was rounded from.
    """
    tuning, exact = TUNING.background, image.astype(np.float32)
    smooth, centred = exact, exact - 128  # for the precision of the squares
    for radius in tuning.dither_radii:
        side = (2 * radius + 1, 2 * radius + 1)
        mean = cv2.blur(centred, side, borderType=cv2.BORDER_REPLICATE)
        variance = cv2.sqrBoxFilter(centred, cv2.CV_32F, side, borderType=cv2.BORDER_REPLICATE) - mean * mean
        gradient = variance <= tuning.gradient_variance
        smooth = np.where(gradient, np.clip(mean + 128, exact - 0.5, exact + 0.5), smooth)
    return np.asarray(smooth, np.float32)


def plane_grid(step: tuple[int, int], color: ColorSpec) -> Affine:
    """Return the camera from samples of a plane to full-resolution pixels, by chroma siting (ITU-T H.273, figure 1).

    Unspecified siting is read as left, as FFmpeg does for MPEG-2 and H.264.
    """
    across, down = step
    site = color.chroma_location
    x = 0.0 if site in LEFT_SITED else (across - 1) / 2
    y = 0.0 if site in TOP_SITED else (down - 1.0 if site in BOTTOM_SITED else (down - 1) / 2)
    return np.array([[across, 0.0, x], [0.0, down, y]])


def _at_level(camera: Affine, level: int) -> Affine:
    """Return the camera onto a level of the pyramid instead of the plane itself."""
    if level == 0:
        return camera
    shrink = 0.5**level
    return cam.compose(np.array([[shrink, 0.0, shrink / 2 - 0.5], [0.0, shrink, shrink / 2 - 0.5]]), camera)


def _pyramid(plane: Plane) -> list[Plane]:
    """Halve a plane repeatedly; odd edges are repeated first, so that each level has exactly half the samples."""
    tuning, levels = TUNING.background, [plane]
    while len(levels) < tuning.pyramid_levels and min(levels[-1].shape) >= tuning.min_pyramid_side:
        last = levels[-1]
        even = np.pad(last, ((0, last.shape[0] % 2), (0, last.shape[1] % 2)), mode="edge")
        half = (even.shape[1] // 2, even.shape[0] // 2)
        levels.append(cast(Plane, cv2.resize(np.asarray(even, last.dtype), half, interpolation=cv2.INTER_AREA)))
    return levels


def _warp(plane: Plane, camera: Affine, rect: Rect, interpolation: int) -> Plane:
    """Warp a plane by the ``camera`` from samples of the result to its own; whole shifts are copied.

    Only the part that the camera sees is handed to OpenCV, which takes at most 2^15 samples a side.
    """
    corners = cam.apply(camera, cam.corners(rect.width, rect.height))
    rows, columns = plane.shape
    x0, x1 = _span(corners[:, 0], columns)
    y0, y1 = _span(corners[:, 1], rows)
    local = camera - [[0, 0, x0], [0, 0, y0]]
    (a, b, x), (c, d, y) = local.tolist()
    if (
        max(abs(a - 1), abs(b), abs(c), abs(d - 1), abs(x - round(x)), abs(y - round(y)))
        < TUNING.background.whole_samples
    ):
        interpolation = cv2.INTER_NEAREST
    flags = interpolation | cv2.WARP_INVERSE_MAP
    size = (rect.width, rect.height)
    return cast(Plane, cv2.warpAffine(plane[y0:y1, x0:x1], local, size, flags=flags, borderMode=cv2.BORDER_REPLICATE))


def _span(values: npt.NDArray[np.float64], size: int) -> tuple[int, int]:
    """Return the range of existing samples around ``values``, with the interpolation's margin; never empty."""
    margin = TUNING.background.margin
    low = min(max(int(np.floor(values.min())) - margin, 0), size - 1)
    return low, min(max(int(np.ceil(values.max())) + margin + 1, low + 1), size)
