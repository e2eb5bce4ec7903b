"""The layout of a window: its wings, the gate and the strips beside the joins, in pixels and on each plane's grid.

In come a window and a gate mask; out go patches, one for each side of the active picture that has a wing or gate
pixels. A patch is drawn as one rectangle: the wing, the gate's band, and the strip of known picture inside the join by
which the wing is matched to the frame.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeVar

import cv2
import numpy as np
import numpy.typing as npt

from remaster.arrays import Mask
from remaster.imaging.geometry import Window
from remaster.media.types import ColorSpec, PixelFormat, Rect
from remaster.resample.tuning import TUNING

Kind = TypeVar("Kind", bound=np.generic)
Side = Literal["left", "right", "top", "bottom"]
SIDES: tuple[Side, ...] = ("left", "right", "top", "bottom")


@dataclass(frozen=True)
class FrameFormat:
    """The form of a shot's frames: the window that places the active picture, the samples and their colours.

    ``stored_rows`` is the height of the whole stored picture with its bars, which decides the colour matrix of streams
    that do not name one; None: bars above and below are equally high.
    """

    window: Window
    pixels: PixelFormat
    color: ColorSpec
    stored_rows: int | None = None

    @property
    def rows(self) -> int:
        """The height of the whole stored picture."""
        return self.stored_rows or self.window.active.height + 2 * self.window.active.y


@dataclass(frozen=True)
class Patch:
    """One side's area, in window coordinates of full-resolution pixels.

    ``rect`` is all that is drawn; ``wing`` the part outside the active picture (empty where the side has a gate only);
    ``strip`` the known picture beside the join; ``gate`` bool (active height, active width), or None: pixels of the
    active picture that this patch replaces, all of them inside ``rect``.
    """

    side: Side
    rect: Rect
    wing: Rect
    strip: Rect
    gate: Mask | None

    @property
    def upright(self) -> bool:
        """True where the join runs from top to bottom."""
        return self.side in ("left", "right")


def plane_steps(pixel_format: PixelFormat) -> tuple[tuple[int, int], ...]:
    """Return the full-resolution pixels (across, down) per sample of each plane."""
    chroma = (1 << pixel_format.log2_chroma_w, 1 << pixel_format.log2_chroma_h)
    return {"gray": ((1, 1),), "rgb": ((1, 1),) * 3, "yuv": ((1, 1), chroma, chroma)}[pixel_format.kind]


def on_plane(rect: Rect, step: tuple[int, int]) -> Rect:
    """Return the samples of a plane that belong to ``rect``; adjacent rectangles stay adjacent, odd sizes included."""
    x, y = -(-rect.x // step[0]), -(-rect.y // step[1])
    right, bottom = -(-(rect.x + rect.width) // step[0]), -(-(rect.y + rect.height) // step[1])
    return Rect(x, y, right - x, bottom - y)


def samples_outside(patch: Patch, step: tuple[int, int]) -> npt.NDArray[np.float64]:
    """Return the distance in samples from each line of a plane's patch to the known picture's edge, 0 inside."""
    rect, strip = on_plane(patch.rect, step), on_plane(patch.strip, step)
    x, y = rect.x + np.arange(rect.width), rect.y + np.arange(rect.height)
    distance = {
        "left": strip.x - x,
        "right": x - (strip.x + strip.width - 1),
        "top": strip.y - y,
        "bottom": y - (strip.y + strip.height - 1),
    }[patch.side]
    result: npt.NDArray[np.float64] = np.maximum(distance, 0).astype(float)
    return result


def part(array: npt.NDArray[np.generic], rect: Rect, origin: Rect | None = None) -> npt.NDArray[np.generic]:
    """Return the view of ``array`` under ``rect``; with ``origin``, ``array`` itself lies under that rectangle."""
    x, y = (rect.x, rect.y) if origin is None else (rect.x - origin.x, rect.y - origin.y)
    return array[y : y + rect.height, x : x + rect.width]


def local(rect: Rect, origin: Rect) -> Rect:
    """Return ``rect`` relative to ``origin``, moved and cropped to at least one sample inside it."""
    x = min(max(rect.x - origin.x, 0), origin.width - 1)
    y = min(max(rect.y - origin.y, 0), origin.height - 1)
    return Rect(x, y, min(max(rect.width, 1), origin.width - x), min(max(rect.height, 1), origin.height - y))


def patches(window: Window, gate: Mask | None, step: tuple[int, int]) -> tuple[Patch, ...]:
    """Lay out the patches of a window; sides without wing and gate have none.

    ``gate`` bool (active height, active width). ``step`` is the chroma grid: patches begin and end on it within the
    picture, so that no sample of a gate lies between two.
    """
    nearest = None if gate is None or not gate.any() else _nearest_side(gate)
    found = (_patch(window, side, gate, nearest, step) for side in SIDES)
    return tuple(patch for patch in found if patch is not None)


def _nearest_side(gate: Mask) -> npt.NDArray[np.intp]:
    """Return for each pixel the index in ``SIDES`` of the nearest edge of the picture, (h, w)."""
    height, width = gate.shape
    x, y = np.arange(width)[None, :], np.arange(height)[:, None]
    distance = np.broadcast_arrays(x, width - 1 - x, y, height - 1 - y)
    return np.asarray(np.argmin(np.stack(distance), axis=0))


def _patch(
    window: Window,
    side: Side,
    gate: Mask | None,
    nearest: npt.NDArray[np.intp] | None,
    step: tuple[int, int],
) -> Patch | None:
    """Lay out one side's patch; ``nearest`` as ``_nearest_side``. None without wing and gate."""
    wing = _wing(window, side)
    own = None if gate is None or nearest is None else gate & (nearest == SIDES.index(side))
    if own is not None and not own.any():
        own = None
    if own is None and (wing.width <= 0 or wing.height <= 0):
        return None
    upright = side in ("left", "right")
    along, across = (
        (window.active.height, window.active.width) if upright else (window.active.width, window.active.height)
    )
    bands = gate_depths(gate, side) if gate is not None else np.zeros(1, int)
    start = min(int(np.median(bands)), across // 2)
    width = int(np.clip(round(along * TUNING.layout.strip_width), *TUNING.layout.strip_pixels))
    width = min(width, max(across - start, 1))
    depth = start + width if own is None else max(start + width, _gate_extent(own, side))
    grid = step[0] if upright else step[1]
    depth = min(-(-depth // grid) * grid + grid, across)
    rect = _joined(wing, _inside(window, side, 0, depth), side)
    return Patch(side, rect, wing, _inside(window, side, start, start + width), own)


def _wing(window: Window, side: Side) -> Rect:
    """Return the wing on one side, possibly empty; left and right wings include the corners."""
    a = window.active
    right, bottom = window.x + a.width, window.y + a.height
    return {
        "left": Rect(0, 0, window.x, window.height),
        "right": Rect(right, 0, window.width - right, window.height),
        "top": Rect(window.x, 0, a.width, window.y),
        "bottom": Rect(window.x, bottom, a.width, window.height - bottom),
    }[side]


def _inside(window: Window, side: Side, start: int, stop: int) -> Rect:
    """Return the band of the active picture from ``start`` to ``stop`` pixels inside its edge on one side."""
    a = window.active
    return {
        "left": Rect(window.x + start, window.y, stop - start, a.height),
        "right": Rect(window.x + a.width - stop, window.y, stop - start, a.height),
        "top": Rect(window.x, window.y + start, a.width, stop - start),
        "bottom": Rect(window.x, window.y + a.height - stop, a.width, stop - start),
    }[side]


def _joined(wing: Rect, band: Rect, side: Side) -> Rect:
    """Return the rectangle of a wing and the band beside it."""
    if wing.width <= 0 or wing.height <= 0:
        return band
    x, y = min(wing.x, band.x), min(wing.y, band.y)
    if side in ("left", "right"):
        return Rect(x, wing.y, wing.width + band.width, wing.height)
    return Rect(wing.x, y, wing.width, wing.height + band.height)


def from_side(picture: npt.NDArray[Kind], side: Side) -> npt.NDArray[Kind]:
    """Return a view of (h, w[, channels]) whose rows run along the side's edge and whose columns go inwards from it."""
    upright = picture[:, ::-1] if side == "right" else picture[::-1] if side == "bottom" else picture
    return upright if side in ("left", "right") else upright.swapaxes(0, 1)


def gate_depths(gate: Mask, side: Side) -> npt.NDArray[np.intp]:
    """Return for each line across the edge how many pixels, counted from the edge, are gate without a break."""
    return np.asarray(np.argmin(np.pad(from_side(gate, side), ((0, 0), (0, 1))), axis=1))


def _gate_extent(own: Mask, side: Side) -> int:
    """Return how far from the edge the patch's gate pixels extend."""
    return int(np.flatnonzero(from_side(own, side).any(axis=0))[-1]) + 1


def gate_samples(gate: Mask, step: tuple[int, int]) -> Mask:
    """Mask the samples of a plane whose pixels are all gate; a sample that shares a pixel with the picture is not."""
    height, width = gate.shape
    rows, columns = -(-height // step[1]), -(-width // step[0])
    padded = cv2.copyMakeBorder(
        gate.astype(np.uint8), 0, rows * step[1] - height, 0, columns * step[0] - width, cv2.BORDER_REPLICATE
    )
    return np.asarray(padded.reshape(rows, step[1], columns, step[0]).all(axis=(1, 3)))
