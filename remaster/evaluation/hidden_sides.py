"""A picture with its sides hidden, as if it had been shot narrower, and the cheap fills that restored wings are
compared with: what a player or an editor can do at once.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from remaster.arrays import Gray
from remaster.errors import MediaError
from remaster.imaging.geometry import Window
from remaster.media.types import PixelFormat, Rect

Fill = Callable[[Gray, Window], Gray]

HIDDEN = 8
"""An eighth of the picture's width is hidden on each side."""
MIN_WIDTH = 64
"""Pixels of width under which nothing can be hidden and restored."""
TELEA_RADIUS = 3
"""Pixels, as in OpenCV's examples."""
BLUR = 1 / 24
"""Standard deviation of the blur behind the picture, as a share of its height."""


def known_part(active: Rect) -> Rect:
    """The active picture without a last odd row or column, which no window of an even size can hold."""
    return Rect(active.x, active.y, active.width - active.width % 2, active.height - active.height % 2)


def narrowed(active: Rect, pixel_format: PixelFormat) -> Rect:
    """The picture without its outer eighths, on the chroma grid; raises ``MediaError`` for one that is too narrow."""
    step = 2 << pixel_format.log2_chroma_w
    inset = active.width // HIDDEN // step * step
    if active.width < MIN_WIDTH or not inset:
        raise MediaError(f"a picture {active.width} pixels wide is too narrow to hide its sides")
    return Rect(active.x + inset, active.y, active.width - 2 * inset, active.height)


def replicate(picture: Gray, window: Window) -> Gray:
    """The window filled by repeating the outermost columns of the active picture, uint8 (h, w)."""
    return _padded(picture, window, cv2.BORDER_REPLICATE)


def mirror(picture: Gray, window: Window) -> Gray:
    """The window filled by mirroring the picture at its sides."""
    return _padded(picture, window, cv2.BORDER_REFLECT)


def bars(picture: Gray, window: Window) -> Gray:
    """The picture over an enlarged and blurred copy of itself, as broadcasters do."""
    height = round(window.height * window.width / window.active.width)
    large = cv2.resize(picture, (window.width, height), interpolation=cv2.INTER_LINEAR)
    top = (height - window.height) // 2
    drawn = cv2.GaussianBlur(large[top : top + window.height], (0, 0), window.height * BLUR)
    drawn[:, window.x : window.x + window.active.width] = picture
    return np.asarray(drawn, np.uint8)


def telea(picture: Gray, window: Window) -> Gray:
    """Fast marching inpainting of each frame by itself (Telea, 2004)."""
    mask = np.full((window.height, window.width), 255, np.uint8)
    mask[:, window.x : window.x + window.active.width] = 0
    return np.asarray(cv2.inpaint(mirror(picture, window), mask, TELEA_RADIUS, cv2.INPAINT_TELEA), np.uint8)


FILLS: dict[str, Fill] = {"replicate": replicate, "mirror": mirror, "blurred bars": bars, "Telea": telea}


def _padded(picture: Gray, window: Window, border: int) -> Gray:
    """The picture extended to the window by one of OpenCV's border modes."""
    right = window.width - window.x - window.active.width
    return np.asarray(cv2.copyMakeBorder(picture, 0, 0, window.x, right, border), np.uint8)
