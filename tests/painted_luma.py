"""Painted luma pictures with grain, and the sampler that tests of bars, gates and interlacing feed with them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import cv2
import numpy as np

from remaster.arrays import Gray
from remaster.detect.active_picture import FrameSampler, Sample
from remaster.media.types import Rect

WIDTH, HEIGHT = 320, 240
FULL = Rect(0, 0, WIDTH, HEIGHT)


def paint(seed: int, width: int = WIDTH, height: int = HEIGHT, low: int = 60, high: int = 200) -> Gray:
    """A painted luma picture: a soft wash and shapes with edges."""
    rng = np.random.default_rng(seed)
    wash = rng.uniform(low, high, (5, 6)).astype(np.float32)
    picture = cv2.resize(wash, (width, height), interpolation=cv2.INTER_CUBIC)
    for _ in range(25):
        x, y, a, b = (int(v) for v in rng.uniform((0, 0, 8, 8), (width, height, 40, 40)))
        cv2.rectangle(picture, (x, y), (x + a, y + b), float(rng.uniform(low, high)), -1)
    return np.clip(picture, 16, 235).astype(np.uint8)


def sample(frames: Sequence[Gray], limit: int = 32) -> list[Sample]:
    sampler = FrameSampler(limit)
    for frame in frames:
        sampler.push(partial(np.copy, frame))
    return sampler.samples()


def grain(frame: Gray, sigma: float, seed: int) -> Gray:
    noise = np.random.default_rng(seed).normal(0, sigma, frame.shape)
    return np.clip(frame + noise + 0.5, 0, 255).astype(np.uint8)
