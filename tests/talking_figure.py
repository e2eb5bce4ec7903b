"""Aligned keyframes of a drawn figure that stays where it is and talks: its mouth and one arm move."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from remaster.imaging.aligned_keyframes import Preview
from remaster.imaging.camera import IDENTITY

WIDTH, HEIGHT, KEYFRAMES = 320, 240, 8


def picture(talking: int, present: bool = True) -> npt.NDArray[np.uint8]:
    """The set, with the figure in its pose number ``talking`` where it is ``present``; uint8 (HEIGHT, WIDTH, 3)."""
    rng = np.random.default_rng(3)
    coarse = rng.integers(90, 200, (HEIGHT // 12, WIDTH // 12, 3), np.uint8)
    ground = cv2.resize(coarse, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC) // 2 + np.array([40, 90, 60], np.uint8)
    if present:
        cv2.rectangle(ground, (135, 130), (185, 239), (40, 60, 190), -1)
        cv2.circle(ground, (160, 100), 34, (245, 200, 170), -1)
        cv2.circle(ground, (160, 100), 34, (20, 20, 20), 3)
        cv2.ellipse(ground, (160, 118), (14, 3 + 8 * (talking % 2)), 0, 0, 360, (150, 20, 20), -1)
        cv2.line(ground, (140, 150), (100, 190 - 40 * (talking % 2)), (40, 60, 190), 14)
    return ground


def preview(present: bool = True) -> Preview:
    """The keyframes under a resting camera, where all that moves is masked."""
    pictures = np.stack([picture(i, present) for i in range(KEYFRAMES)])
    median = np.median(pictures, axis=0)
    moving = np.abs(pictures - median).max(axis=-1) > 30
    seen = ~np.stack([cv2.dilate(m.astype(np.uint8), np.ones((5, 5))) > 0 for m in moving])
    cameras = np.repeat(IDENTITY[None], KEYFRAMES, axis=0)
    return Preview(pictures, seen, np.zeros_like(seen), cameras, WIDTH, HEIGHT, 1.0)
