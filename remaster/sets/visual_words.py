"""Pooled local features: RootSIFT, and its residuals from 64 visual words, sketched to a short signature.

RootSIFT: Arandjelović and Zisserman, "Three things everyone should know to improve object retrieval" (CVPR 2012). VLAD:
Jégou et al., "Aggregating local descriptors into a compact image representation" (CVPR 2010), with each word's
residuals normalized (Arandjelović and Zisserman, "All about VLAD", CVPR 2013). Sketch: Weinberger et al., "Feature
Hashing for Large Scale Multitask Learning" (ICML 2009).

The words are learnt from pictures drawn with a fixed seed. So a background's signature depends on that background
alone: not on which other scenes there are, nor on their order, and it stays good when a series gains an episode. No
weights are stored.
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

from remaster.arrays import Float32, Int64
from remaster.sets.tuning import TUNING


def root_sift(descriptors: Float32) -> Float32:
    """RootSIFT float32 (m, 128), unit length, of SIFT descriptors (m, 128)."""
    total = np.abs(descriptors).sum(axis=1, keepdims=True)
    return np.asarray(np.sqrt(descriptors / np.maximum(total, 1e-6)), np.float32)


def signature(features: Float32) -> Float32:
    """The pooled signature of RootSIFT features (m, 128): float32 (n,) of unit length, or zeros without features."""
    tuning = TUNING.descriptor
    if not len(features):
        return np.zeros(tuning.signature, np.float32)
    words = vocabulary()
    chosen = _nearest(features, words)
    pooled = np.zeros(words.shape, np.float64)
    np.add.at(pooled, chosen, features - words[chosen])
    pooled /= np.maximum(np.linalg.norm(pooled, axis=1, keepdims=True), 1e-9)
    bucket, sign = _sketch(pooled.size)
    short = np.bincount(bucket, pooled.ravel() * sign, tuning.signature)
    return np.asarray(short / max(float(np.linalg.norm(short)), 1e-9), np.float32)


@lru_cache(maxsize=1)
def vocabulary() -> Float32:
    """The visual words, float32 (words, 128): k-means over the features of drawn pictures."""
    tuning = TUNING.descriptor
    sift = cv2.SIFT.create(contrastThreshold=tuning.contrast)
    found = [sift.detectAndCompute(_drawn(seed), None)[1] for seed in range(tuning.word_pictures)]
    features = root_sift(np.concatenate([f for f in found if f is not None]))
    words = features[:: max(len(features) // tuning.words, 1)][: tuning.words].astype(np.float64)
    for _ in range(tuning.word_rounds):
        chosen = _nearest(features, words.astype(np.float32))
        order = np.argsort(chosen, kind="stable")
        used, first = np.unique(chosen[order], return_index=True)
        # Sums of runs: a tenth of the time of ``np.add.at``.
        total = np.add.reduceat(features[order].astype(np.float64), first, axis=0)
        words[used] = total / np.bincount(chosen)[used][:, None]
    return np.asarray(words, np.float32)


def _nearest(features: Float32, words: Float32) -> Int64:
    """The index of the nearest word of each feature, int64 (m,)."""
    return np.asarray((features @ words.T - 0.5 * (words**2).sum(axis=1)).argmax(axis=1), np.int64)


@lru_cache(maxsize=1)
def _sketch(size: int) -> tuple[Int64, npt.NDArray[np.float64]]:
    """(the bucket, the sign) of each of ``size`` values."""
    rng = np.random.default_rng(17)
    return rng.integers(0, TUNING.descriptor.signature, size), rng.choice([-1.0, 1.0], size)


def _drawn(seed: int) -> npt.NDArray[np.uint8]:
    """A gray picture of washes, brush strokes, outlined shapes and lines, uint8 (240, 320)."""
    rng = np.random.default_rng(seed)
    picture = np.full((240, 320), 128.0, np.float32)
    for sigma, strength in ((40, 30), (12, 14), (4, 8), (1.5, 4)):
        noise = cv2.GaussianBlur(rng.normal(0, 1, picture.shape).astype(np.float32), (0, 0), sigma)
        picture += noise / noise.std() * strength
    canvas = np.clip(picture, 0, 255).astype(np.uint8)
    for _ in range(24):
        a, b = ((int(rng.integers(0, 320)), int(rng.integers(0, 240))) for _ in range(2))
        axes, angle, level = (
            tuple(rng.integers(3, 45, 2).tolist()),
            float(rng.uniform(0, 180)),
            int(rng.integers(20, 235)),
        )
        kind = int(rng.integers(0, 3))
        if kind == 0:
            cv2.ellipse(canvas, a, axes, angle, 0, 360, level, -1, cv2.LINE_AA)
            cv2.ellipse(canvas, a, axes, angle, 0, 360, 30, 2, cv2.LINE_AA)
        elif kind == 1:
            corners = cv2.boxPoints((a, axes, angle)).astype(np.int32)
            cv2.fillPoly(canvas, [corners], level, cv2.LINE_AA)
        else:
            cv2.line(canvas, a, b, level, int(rng.integers(1, 4)), cv2.LINE_AA)
    return canvas
