"""How a picture differs from its background, whatever its light, and the regions that makes."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from remaster.arrays import Float32, Mask, Rgb
from remaster.imaging.channels import largest, smallest

USABLE = (16, 240)
"""Gray levels that tell a gain."""
STRIDE = 2
"""Every so many rows and columns tell it: a median of a quarter of the pixels is no worse."""


def gain(picture: Rgb, like: Rgb, where: Mask) -> npt.NDArray[np.float32] | None:
    """One robust gain per channel, (3,), that makes ``picture`` as bright as ``like``; None where too little tells it.

    ``where`` bool (h, w) are the places that count.
    """
    every = np.s_[::STRIDE, ::STRIDE]
    seen, wanted = (np.ascontiguousarray(p[every]) for p in (picture, like))
    usable = where[every] & (smallest(seen) >= USABLE[0]) & (largest(seen) <= USABLE[1])
    usable &= (smallest(wanted) >= USABLE[0]) & (largest(wanted) <= USABLE[1])
    if usable.sum() < 0.02 * usable.size:
        return None
    return np.asarray(np.clip(np.median(wanted[usable].astype(np.float32) / seen[usable], axis=0), 0.25, 4.0))


def lit(picture: Rgb, by: npt.NDArray[np.float32] | None) -> Rgb:
    """``picture`` times one gain per channel; itself without any."""
    if by is None:
        return picture
    table = np.clip(np.rint(np.arange(256, dtype=np.uint8)[:, None] * by), 0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(picture, table[:, None]), np.uint8)


def evened(picture: Rgb, like: Rgb, where: Mask) -> Rgb:
    """``picture`` as bright as ``like``, by its ``gain``."""
    return lit(picture, gain(picture, like, where))


def tolerant_difference(picture: Rgb, background: Rgb) -> Float32:
    """Largest difference of any channel from all that the background shows within one pixel, float32 (h, w)."""
    kernel = np.ones((3, 3), np.uint8)
    above = cv2.subtract(picture, np.asarray(cv2.dilate(background, kernel), np.uint8))
    below = cv2.subtract(np.asarray(cv2.erode(background, kernel), np.uint8), picture)
    return largest(np.asarray(cv2.max(above, below), np.uint8)).astype(np.float32)


def hysteresis(difference: Float32, high: float, low: float, speck: float) -> Mask:
    """Connected regions over ``low`` with at least ``speck`` pixels over ``high``."""
    _, labels = cv2.connectedComponents((difference > low).astype(np.uint8), connectivity=8)
    strong = np.bincount(labels[difference > high], minlength=int(labels.max()) + 1)
    keep = strong >= max(speck, 1.0)
    keep[0] = False
    return np.asarray(keep[labels], np.bool_)


def cleaned(mask: Mask, margin: float) -> Mask:
    """Gaps closed, holes filled, grown by ``margin`` pixels."""
    reach = max(round(margin), 1)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    wide = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (4 * reach + 1, 4 * reach + 1))
    closed = cv2.morphologyEx(np.pad(mask.astype(np.uint8), 4 * reach), cv2.MORPH_CLOSE, wide)
    contours, _ = cv2.findContours(closed, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    filled = cv2.drawContours(np.zeros_like(closed), contours, -1, 1, cv2.FILLED)
    grown = cv2.dilate(filled, disc)[4 * reach : -4 * reach, 4 * reach : -4 * reach]
    return np.asarray(grown > 0, np.bool_)
