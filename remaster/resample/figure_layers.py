"""Cuts figures out of donor frames that show them whole, and draws them into the wings of frames that cut them.

In come drawings with their masks at proxy size, and full-size pictures; out go ``Layer``s, and wings with the layers
alpha-blended over them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from remaster.arrays import Affine, Float32, Mask, Plane, Rgb
from remaster.imaging import camera as cam
from remaster.imaging.difference import lit, tolerant_difference
from remaster.media.types import PixelFormat, Rect
from remaster.records import Background
from remaster.resample.background_wings import image_planes, plane_grid
from remaster.resample.drawings import Drawing
from remaster.resample.layout import FrameFormat, Patch, Side, on_plane, plane_steps
from remaster.resample.tuning import TUNING


@dataclass(frozen=True)
class Layer:
    """A figure cut out of a donor frame: ``image`` uint8 RGB (h, w, 3), ``alpha`` uint8 (h, w), and its place.

    ``rect`` is in pixels of the active picture, and begins on the chroma grid. The light is the background's.
    """

    rect: Rect
    image: Rgb
    alpha: npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Placement:
    """Layer number ``layer`` continues a figure at ``side`` of a frame.

    ``transform`` (2, 3) takes pixels of the layer's frame to this frame's; ``strength`` (0-1) scales its alpha.
    """

    layer: int
    side: Side
    transform: Affine
    strength: float


NO_PLACEMENTS: tuple[Placement, ...] = ()


@dataclass(frozen=True)
class Continuation:
    """A shot's layers, and the placements of each of its frames; frames that hold a drawing share one object."""

    layers: tuple[Layer, ...]
    placements: tuple[tuple[Placement, ...], ...]


def figure_rect(mask: Mask, active: Rect, pixel_format: PixelFormat) -> Rect:
    """Return the rectangle of the active picture around the figure of a proxy mask, with a margin."""
    x, y, width, height = cv2.boundingRect(mask.astype(np.uint8))
    across, down = active.width / mask.shape[1], active.height / mask.shape[0]
    step_x, step_y = plane_steps(pixel_format)[-1]
    margin = TUNING.layers.margin
    left = max(int(x * across) - margin, 0) // step_x * step_x
    top = max(int(y * down) - margin, 0) // step_y * step_y
    right = min(int((x + width) * across) + margin, active.width)
    bottom = min(int((y + height) * down) + margin, active.height)
    return Rect(left, top, right - left, bottom - top)


def cut_out(drawing: Drawing, mask: Mask, rect: Rect, picture: Rgb, background: Background, active: Rect) -> Layer:
    """Cut the figure of ``mask`` (proxy size) out of ``picture``, the part under ``rect`` of the drawing's frame.

    Alpha is 1 well inside the mask, and near its outline as large as the difference from the background; shadows on the
    background are left out.
    """
    image = lit(picture, drawing.light)
    camera = drawing.camera.copy()
    camera[:, 2] += camera[:, :2] @ (rect.x, rect.y)
    size = rect.width, rect.height
    flags = cv2.WARP_INVERSE_MAP | cv2.INTER_LINEAR
    warped = cv2.warpAffine(background.image, camera, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    background_image = np.asarray(warped, np.uint8)
    low, high = TUNING.layers.edge_levels
    differing = np.clip((tolerant_difference(image, background_image) - low) / (high - low), 0, 1)
    side = 2 * TUNING.layers.opaque_depth + 1
    # Replicated borders keep a figure opaque up to an edge of the frame that cuts it.
    core = cv2.erode(mask.astype(np.uint8), np.ones((side, side), np.uint8), borderType=cv2.BORDER_REPLICATE)
    inside, opaque = (_enlarged(np.asarray(m, np.float32), rect, active) for m in (mask, core))
    alpha = np.maximum(inside * differing, opaque) * ~_shadow(image, background_image, inside > 0)
    sigma = TUNING.layers.feather_sigma
    soft = cv2.GaussianBlur(alpha.astype(np.float32), (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)
    return Layer(rect, image, np.rint(255 * soft).astype(np.uint8))


def _shadow(image: Rgb, background_image: Rgb, inside: Mask) -> Mask:
    """Mask the figure's shadow on the background within ``inside``, bool (h, w).

    A shadow is the background times one factor, and connected with the surroundings: clothes of a similar colour are
    enclosed by outlines.
    """
    tuning = TUNING.layers
    brightness, unshaded = (p.astype(np.float32).sum(axis=2) for p in (image, background_image))
    factor = cv2.medianBlur(brightness / np.maximum(unshaded, 1), tuning.shadow_aperture)
    residual = np.abs(image - factor[..., None] * background_image).max(axis=2)
    window = (tuning.shadow_residual_window, tuning.shadow_residual_window)
    explained = cv2.blur(residual, window) < tuning.edge_levels[1] / 2
    dark = inside & (factor > tuning.min_shadow_factor) & (factor < 1) & explained
    kernel = np.ones((tuning.shadow_aperture, tuning.shadow_aperture), np.uint8)
    shadow = np.asarray(cv2.morphologyEx(dark.astype(np.uint8), cv2.MORPH_OPEN, kernel) > 0)
    around = np.asarray(cv2.dilate((~inside).astype(np.uint8), kernel) > 0)
    _, labels = cv2.connectedComponents((shadow | around).astype(np.uint8), connectivity=4)
    return np.asarray(shadow & np.isin(labels, np.unique(labels[around])))


def _enlarged(mask: Float32, rect: Rect, active: Rect) -> Float32:
    """Enlarge the part under ``rect`` of a proxy mask to full size, float32 0-1 (rect.height, rect.width)."""
    across, down = mask.shape[1] / active.width, mask.shape[0] / active.height
    camera = np.array([[across, 0, (rect.x + 0.5) * across - 0.5], [0, down, (rect.y + 0.5) * down - 0.5]])
    flags = cv2.WARP_INVERSE_MAP | cv2.INTER_LINEAR
    size = rect.width, rect.height
    return np.asarray(cv2.warpAffine(mask, camera, size, flags=flags, borderMode=cv2.BORDER_REPLICATE), np.float32)


class LayerPainter:
    """Draws a shot's layers over the predicted patches of its frames.

    ``placements`` are the continuation's.
    """

    def __init__(self, continuation: Continuation, form: FrameFormat, placed: Sequence[Patch]):
        window = form.window
        self.placements = continuation.placements
        self._placed, self._window = placed, cam.translation(-window.x, -window.y)
        self._steps = plane_steps(form.pixels)
        self._grids = [plane_grid(step, form.color) for step in self._steps]
        self._corners = [cam.translation(-layer.rect.x, -layer.rect.y) for layer in continuation.layers]
        self._planes = [image_planes(layer.image, form) for layer in continuation.layers]
        pairs = zip(continuation.layers, self._planes, strict=True)
        self._alphas = [[_plane_alpha(layer.alpha, plane) for plane in planes] for layer, planes in pairs]

    def over(
        self, predicted: Sequence[npt.NDArray[np.generic]], patch: int, placements: Sequence[Placement]
    ) -> tuple[list[npt.NDArray[np.generic]], Float32]:
        """Blend a frame's layers over a patch's planes; return the planes and the layers' alpha at the join.

        The alpha is float32 (n,), 0-1, of the first plane's samples along the join that lie nearest to the picture.
        """
        placed = self._placed[patch]
        planes = list(predicted)
        first = on_plane(placed.rect, self._steps[0])
        covered = np.zeros(first.height if placed.upright else first.width, np.float32)
        for placement in placements:
            if placement.side != placed.side:
                continue
            for p in range(len(planes)):
                rect = on_plane(placed.rect, self._steps[p])
                image, alpha = self._warped(placement, p, rect)
                planes[p] = planes[p].astype(np.float32) * (1 - alpha) + image * alpha
                if p == 0:
                    covered = np.maximum(covered, _at_join(alpha, placed))
        return planes, covered

    def _warped(self, placement: Placement, plane: int, rect: Rect) -> tuple[Float32, Float32]:
        """Warp a placed layer to ``rect`` of the window's plane: its levels, and its alpha 0-1."""
        n, grid = placement.layer, self._grids[plane]
        camera = cam.compose(self._window, cam.compose(grid, cam.translation(rect.x, rect.y)))
        camera = cam.compose(cam.compose(self._corners[n], cam.invert(placement.transform)), camera)
        camera = cam.compose(cam.invert(grid), camera)
        size, flags = (rect.width, rect.height), cv2.WARP_INVERSE_MAP | cv2.INTER_LINEAR
        image = cv2.warpAffine(
            self._planes[n][plane].astype(np.float32), camera, size, flags=flags, borderMode=cv2.BORDER_REPLICATE
        )
        alpha = cv2.warpAffine(self._alphas[n][plane], camera, size, flags=flags)
        return np.asarray(image, np.float32), np.asarray(alpha * np.float32(placement.strength), np.float32)


def _plane_alpha(alpha: npt.NDArray[np.uint8], plane: Plane) -> Float32:
    """Resample a layer's alpha to the size of one of its planes, float32 0-1."""
    size = plane.shape[1], plane.shape[0]
    return np.asarray(cv2.resize(alpha.astype(np.float32) / 255, size, interpolation=cv2.INTER_AREA), np.float32)


def _at_join(alpha: Float32, patch: Patch) -> Float32:
    """Return the row or column of a patch's plane that is the wing's nearest to the picture."""
    r, wing = patch.rect, patch.wing
    at = {
        "left": wing.x + wing.width - 1 - r.x,
        "right": wing.x - r.x,
        "top": wing.y + wing.height - 1 - r.y,
        "bottom": wing.y - r.y,
    }[patch.side]
    return alpha[:, at] if patch.upright else alpha[at]
