"""Smeared and far views weigh less; grain and what stands before a sharp one do not count as sharpness."""

from __future__ import annotations

import cv2
import numpy as np
from clips import painting

from remaster.imaging.camera import IDENTITY, translation
from remaster.stitch.keyframe_alignment import align
from remaster.stitch.sharpness import sharpness

WIDTH, HEIGHT = 320, 240


def shares(pictures: list[np.ndarray], cameras: np.ndarray) -> np.ndarray:
    """The sharpness of keyframes without masks, placed by their cameras to the first one."""
    everywhere = np.ones((len(pictures), HEIGHT, WIDTH), bool)
    preview, _ = align(np.stack(pictures), everywhere, cameras, 0)
    return sharpness(preview, cameras)


def test_a_smeared_view_is_told_from_sharp_ones_even_by_a_character() -> None:
    world, rng = painting(3, 500, 300), np.random.default_rng(2)
    sharp = [world[:HEIGHT, x : x + WIDTH] for x in (0, 40, 80)]
    grainy = np.clip(sharp[1] + rng.normal(0, 2.0, (HEIGHT, WIDTH, 1)), 0, 255).astype(np.uint8)
    crossed = sharp[2].copy()
    cv2.circle(crossed, (160, 120), 40, (255, 255, 255), 3)
    smeared = np.asarray(cv2.blur(sharp[1], (15, 1)), np.uint8)
    cameras = np.stack([translation(float(x), 0.0) for x in (0, 40, 80, 40)])
    found = shares([sharp[0], grainy, crossed, smeared], cameras)
    assert found[:3].min() > 0.85
    assert found[3] < 0.75


def test_a_farther_view_has_fewer_pixels_for_the_same_place() -> None:
    world = painting(5, 2 * WIDTH, 2 * HEIGHT)
    far = np.asarray(cv2.resize(world, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA), np.uint8)
    twice = np.array([[2.0, 0.0, 0.5], [0.0, 2.0, 0.5]])
    near, wide = shares([world[:HEIGHT, :WIDTH], far], np.stack([IDENTITY, twice]))
    assert near > 0.95
    assert wide < 0.3
