"""Differences between a picture and its background, with the light compensated, and the regions they form."""

from __future__ import annotations

import cv2
import numpy as np

from remaster.arrays import Float32, Mask, Rgb
from remaster.imaging.channels import largest, smallest, with_levels
from remaster.imaging.tuning import TUNING


def gain(picture: Rgb, like: Rgb, where: Mask) -> Float32 | None:
    """One robust gain per channel, float32 (3,), that makes ``picture`` as bright as ``like``.

    The median of the ratios of levels, ``where`` bool (h, w) holds and neither is clipped. None where too few are left.
    """
    tuning = TUNING.difference
    every = np.s_[:: tuning.stride, :: tuning.stride]
    given, wanted = (np.ascontiguousarray(p[every]) for p in (picture, like))
    low, high = tuning.usable
    usable = where[every] & (smallest(given) >= low) & (largest(given) <= high)
    usable &= (smallest(wanted) >= low) & (largest(wanted) <= high)
    if usable.sum() < tuning.min_area * usable.size:
        return None
    ratio = np.median(wanted[usable].astype(np.float32) / given[usable], axis=0)
    return np.asarray(np.clip(ratio, *tuning.gain))


def lit(picture: Rgb, by: Float32 | None) -> Rgb:
    """``picture`` times one gain per channel, uint8; unchanged for None."""
    if by is None:
        return picture
    return with_levels(picture, np.arange(256, dtype=np.uint8)[:, None] * by)


def evened(picture: Rgb, like: Rgb, where: Mask) -> Rgb:
    """``picture`` as bright as ``like``, by ``gain``."""
    return lit(picture, gain(picture, like, where))


def tolerant_difference(picture: Rgb, background: Rgb) -> Float32:
    """The largest difference of any channel from what the background shows within one pixel, float32 (h, w)."""
    kernel = np.ones((3, 3), np.uint8)
    above = cv2.subtract(picture, np.asarray(cv2.dilate(background, kernel), np.uint8))
    below = cv2.subtract(np.asarray(cv2.erode(background, kernel), np.uint8), picture)
    return largest(np.asarray(cv2.max(above, below), np.uint8)).astype(np.float32)


def hysteresis(difference: Float32, high: float, low: float, speck: float) -> Mask:
    """Connected regions over ``low`` that have at least ``speck`` pixels over ``high`` (hysteresis thresholding)."""
    _, labels = cv2.connectedComponents((difference > low).astype(np.uint8), connectivity=8)
    strong = np.bincount(labels[difference > high], minlength=int(labels.max()) + 1)
    keep = strong >= max(speck, 1.0)
    keep[0] = False
    return np.asarray(keep[labels], np.bool_)


def cleaned(mask: Mask, margin: float) -> Mask:
    """The mask with gaps closed and holes filled, dilated by ``margin`` pixels."""
    radius = max(round(margin), 1)
    disc, wide = (cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * r + 1, 2 * r + 1)) for r in (radius, 2 * radius))
    closed = cv2.morphologyEx(np.pad(mask.astype(np.uint8), 4 * radius), cv2.MORPH_CLOSE, wide)
    contours, _ = cv2.findContours(closed, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    filled = cv2.drawContours(np.zeros_like(closed), contours, -1, 1, cv2.FILLED)
    grown = cv2.dilate(filled, disc)[4 * radius : -4 * radius, 4 * radius : -4 * radius]
    return np.asarray(grown > 0, np.bool_)
