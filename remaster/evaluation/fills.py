"""Fills that cost nothing, to be measured beside the restored wings: what a player or an editor can do at once."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from remaster.arrays import Gray
from remaster.imaging.geometry import Window

Fill = Callable[[Gray, Window], Gray]

TELEA_RADIUS = 3  # pixels, as OpenCV's examples have it
BLUR = 1 / 24
"""Standard deviation of the bars' blur, as a share of the picture's height."""


def replicate(picture: Gray, window: Window) -> Gray:
    """The outermost columns repeated; ``picture`` uint8 (h, w) is the active picture, the result fills the window."""
    return _padded(picture, window, cv2.BORDER_REPLICATE)


def mirror(picture: Gray, window: Window) -> Gray:
    """The picture mirrored at its sides."""
    return _padded(picture, window, cv2.BORDER_REFLECT)


def bars(picture: Gray, window: Window) -> Gray:
    """The picture enlarged and blurred behind itself, as broadcasters do."""
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
    right = window.width - window.x - window.active.width
    return np.asarray(cv2.copyMakeBorder(picture, 0, 0, window.x, right, border), np.uint8)
