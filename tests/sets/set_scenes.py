"""Drawn rooms, seen from several places, with and without figures and in other light."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from drawn_scenes import FINE, Point, draw, painted

from remaster.arrays import Affine, Mask, Rgb
from remaster.sets.descriptor import SetDescriptor, describe

SIZE = 320, 240
Figure = tuple[Point, float]
"""Where a figure stands on the screen, and its height in pixels."""


@lru_cache(maxsize=32)
def room(seed: int) -> Rgb:
    """A painted set, FINE times as large as 700 x 500 pixels."""
    small = painted(700, 500, seed)
    return np.asarray(cv2.resize(small, None, fx=FINE, fy=FINE, interpolation=cv2.INTER_CUBIC), np.uint8)


def at(x: float, y: float, scale: float = 1.0) -> Affine:
    """The camera of a view whose top left shows (x, y) of the room; ``scale`` 2 shows twice as much."""
    return np.array([[scale, 0.0, x], [0.0, scale, y]])


def view(seed: int, camera: Affine, *figures: Figure) -> Rgb:
    """What a camera sees of a room."""
    picture: Rgb = draw(room(seed), camera[None], SIZE).frames[0]
    for place, height in figures:
        # Drawn on two plain grounds, a figure is what is the same on both.
        one, two = (
            draw(np.full((9, 9, 3), level, np.uint8), at(0, 0)[None], SIZE, lambda _, p=place, h=height: (p, h, 0.3))
            for level in (0, 255)
        )
        mask = (np.abs(one.frames[0].astype(int) - two.frames[0]).max(axis=2) < 40)[..., None]
        picture = np.where(mask, one.frames[0], picture)
    return picture


def described(key: str, picture: Rgb, figures: Mask | None = None, sar: float = 1.0) -> SetDescriptor:
    """The descriptor of a picture that is known everywhere."""
    known = np.ones(picture.shape[:2], bool)
    return describe(key, picture, known, ~known if figures is None else figures, sar)


def by_night(picture: Rgb, gain: float = 0.55) -> Rgb:
    """The picture in dim, blue light."""
    return np.clip(np.rint(picture * gain * np.array([0.8, 0.9, 1.1]) + (2, 4, 14)), 0, 255).astype(np.uint8)
