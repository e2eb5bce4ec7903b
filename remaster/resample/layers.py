"""Figures cut out of the frames that show them whole, and drawn into the wings beside frames that cut them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from remaster.arrays import Affine, Float32, Mask, Plane, Rgb
from remaster.imaging import camera as cam
from remaster.imaging.difference import lit, tolerant_difference
from remaster.imaging.geometry import Window
from remaster.media.types import ColorSpec, PixelFormat, Rect
from remaster.records import Background
from remaster.resample.depth import planes_of_image
from remaster.resample.drawings import Drawing
from remaster.resample.layout import Patch, Side, on_plane, plane_steps
from remaster.resample.warp import plane_grid

EDGE_LEVELS = 6.0, 20.0
"""Levels off the background between which a place at a figure's outline begins to be the figure's, and is."""
SURE = 3
"""Pixels of the small drawing within a mask's outline from which all is the figure's."""
DARKEST = 0.5
"""The least share of its light that a shadow leaves to what it falls on."""
ROOM = 8
"""Pixels around a figure that are kept with it."""


@dataclass(frozen=True)
class Layer:
    """A figure: uint8 RGB (h, w, 3), how much of each pixel is its own, uint8 (h, w), and where it lies in its frame.

    ``rect`` is in pixels of the active picture, and begins on the chroma grid; it is as bright as the background.
    """

    rect: Rect
    image: Rgb
    alpha: npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Placement:
    """Layer number ``layer`` continues a figure at ``side``; ``place`` takes its frame's pixels to this frame's.

    ``strength`` (0-1) is how strongly it shows.
    """

    layer: int
    side: Side
    place: Affine
    strength: float


NOBODY: tuple[Placement, ...] = ()


@dataclass(frozen=True)
class Continuation:
    """A shot's layers, and each of its frames' placements: the same object for a frame and those that hold it."""

    layers: tuple[Layer, ...]
    placements: tuple[tuple[Placement, ...], ...]


def figure_rect(mask: Mask, active: Rect, pixel_format: PixelFormat) -> Rect:
    """Where the figure of a small mask lies in the active picture, with some room around."""
    x, y, width, height = cv2.boundingRect(mask.astype(np.uint8))
    across, down = active.width / mask.shape[1], active.height / mask.shape[0]
    step_x, step_y = plane_steps(pixel_format)[-1]
    left = max(int(x * across) - ROOM, 0) // step_x * step_x
    top = max(int(y * down) - ROOM, 0) // step_y * step_y
    right = min(int((x + width) * across) + ROOM, active.width)
    bottom = min(int((y + height) * down) + ROOM, active.height)
    return Rect(left, top, right - left, bottom - top)


def cut_out(drawing: Drawing, mask: Mask, rect: Rect, seen: Rgb, background: Background, active: Rect) -> Layer:
    """The figure of ``mask`` in the frame of ``drawing``, of which ``seen`` is what lies under ``rect``."""
    image = lit(seen, drawing.light)
    camera = drawing.camera.copy()
    camera[:, 2] += camera[:, :2] @ (rect.x, rect.y)
    size = rect.width, rect.height
    how = cv2.WARP_INVERSE_MAP | cv2.INTER_LINEAR
    behind = cv2.warpAffine(background.image, camera, size, flags=how, borderMode=cv2.BORDER_REPLICATE)
    off = (tolerant_difference(image, np.asarray(behind, np.uint8)) - EDGE_LEVELS[0]) / (
        EDGE_LEVELS[1] - EDGE_LEVELS[0]
    )
    kernel = np.ones((2 * SURE + 1, 2 * SURE + 1), np.uint8)
    # Who is cut elsewhere is sure up to that edge.
    sure = cv2.erode(mask.astype(np.uint8), kernel, borderType=cv2.BORDER_REPLICATE)
    inside, middle = (_enlarged(np.asarray(m, np.float32), rect, active) for m in (mask, sure))
    alpha = np.maximum(inside * np.clip(off, 0, 1), middle) * ~_shadow(image, np.asarray(behind, np.uint8), inside > 0)
    soft = cv2.GaussianBlur(alpha.astype(np.float32), (0, 0), 0.8, borderType=cv2.BORDER_REPLICATE)
    return Layer(rect, image, np.rint(255 * soft).astype(np.uint8))


def _shadow(image: Rgb, behind: Rgb, inside: Mask) -> Mask:
    """What within a figure is the set itself in its shadow, bool (h, w).

    It is the background times one factor, and lies at the figure's edge: clothes of a like colour are within outlines.
    """
    seen, empty = (p.astype(np.float32).sum(axis=2) for p in (image, behind))
    factor = cv2.medianBlur(seen / np.maximum(empty, 1), 5)
    left = np.abs(image - factor[..., None] * behind).max(axis=2)
    dark = inside & (factor > DARKEST) & (factor < 1) & (cv2.blur(left, (3, 3)) < EDGE_LEVELS[1] / 2)
    shadow = np.asarray(cv2.morphologyEx(dark.astype(np.uint8), cv2.MORPH_OPEN, np.ones((5, 5), np.uint8)) > 0)
    around = np.asarray(cv2.dilate((~inside).astype(np.uint8), np.ones((5, 5), np.uint8)) > 0)
    _, labels = cv2.connectedComponents((shadow | around).astype(np.uint8), connectivity=4)
    return np.asarray(shadow & np.isin(labels, np.unique(labels[around])))


def _enlarged(mask: Float32, rect: Rect, active: Rect) -> Float32:
    """A small mask's part under ``rect`` at full size, 0-1."""
    across, down = mask.shape[1] / active.width, mask.shape[0] / active.height
    there = np.array([[across, 0, (rect.x + 0.5) * across - 0.5], [0, down, (rect.y + 0.5) * down - 0.5]])
    how = cv2.WARP_INVERSE_MAP | cv2.INTER_LINEAR
    size = rect.width, rect.height
    return np.asarray(cv2.warpAffine(mask, there, size, flags=how, borderMode=cv2.BORDER_REPLICATE), np.float32)


class LayerPainter:
    """Draws a shot's layers over the predicted patches of its frames."""

    def __init__(
        self,
        continuation: Continuation,
        window: Window,
        placed: Sequence[Patch],
        pixel_format: PixelFormat,
        color: ColorSpec,
        lines: int,
    ):
        self.placements = continuation.placements
        self._placed, self._window = placed, cam.translation(-window.x, -window.y)
        self._steps = plane_steps(pixel_format)
        self._grids = [plane_grid(step, color) for step in self._steps]
        self._corners = [cam.translation(-layer.rect.x, -layer.rect.y) for layer in continuation.layers]
        self._planes = [planes_of_image(layer.image, pixel_format, color, lines) for layer in continuation.layers]
        pairs = zip(continuation.layers, self._planes, strict=True)
        self._alphas = [[_shrunk(layer.alpha, plane) for plane in planes] for layer, planes in pairs]

    def over(
        self, predicted: Sequence[npt.NDArray[np.generic]], patch: int, placements: Sequence[Placement]
    ) -> tuple[list[npt.NDArray[np.generic]], Float32]:
        """A patch's planes with a frame's layers over them, and how much of the join is theirs.

        That is float32 (lines along the join of the first plane,), 0-1, in the wing's first samples.
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
                image, alpha = self._seen(placement, p, rect)
                planes[p] = planes[p].astype(np.float32) * (1 - alpha) + image * alpha
                if p == 0:
                    covered = np.maximum(covered, _at_join(alpha, placed))
        return planes, covered

    def _seen(self, placement: Placement, plane: int, rect: Rect) -> tuple[Float32, Float32]:
        """What a placed layer shows under ``rect`` of the window's plane, and how much, 0-1."""
        n, grid = placement.layer, self._grids[plane]
        there = cam.compose(self._window, cam.compose(grid, cam.translation(rect.x, rect.y)))
        there = cam.compose(cam.compose(self._corners[n], cam.invert(placement.place)), there)
        there = cam.compose(cam.invert(grid), there)
        size, how = (rect.width, rect.height), cv2.WARP_INVERSE_MAP | cv2.INTER_LINEAR
        image = cv2.warpAffine(
            self._planes[n][plane].astype(np.float32), there, size, flags=how, borderMode=cv2.BORDER_REPLICATE
        )
        alpha = cv2.warpAffine(self._alphas[n][plane], there, size, flags=how)
        return np.asarray(image, np.float32), np.asarray(alpha * np.float32(placement.strength), np.float32)


def _shrunk(alpha: npt.NDArray[np.uint8], plane: Plane) -> Float32:
    """A layer's alpha, 0-1, on the grid of one of its planes."""
    size = plane.shape[1], plane.shape[0]
    return np.asarray(cv2.resize(alpha.astype(np.float32) / 255, size, interpolation=cv2.INTER_AREA), np.float32)


def _at_join(alpha: Float32, patch: Patch) -> Float32:
    """The samples of the wing that lie at the join."""
    r, wing = patch.rect, patch.wing
    at = {
        "left": wing.x + wing.width - 1 - r.x,
        "right": wing.x - r.x,
        "top": wing.y + wing.height - 1 - r.y,
        "bottom": wing.y - r.y,
    }[patch.side]
    return alpha[:, at] if patch.upright else alpha[at]
