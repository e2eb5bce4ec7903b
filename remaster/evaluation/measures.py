"""Measures of a wing against the truth: fidelity, texture, and how visible the join is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from remaster.arrays import Float32, Mask
from remaster.imaging.geometry import Window

COARSE = 8
"""Side in pixels of the blocks whose means the coarse PSNR compares: it ignores where texture lies."""
MIN_ERROR = 255.0**2 / 10**6
"""Mean squared error that counts as none, at 60 dB: otherwise black frames would outweigh all others."""
C1, C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2  # the constants of SSIM, as its authors chose them


@dataclass(frozen=True)
class Measures:
    """Over the wings of one or more frames; luma in 8-bit levels.

    ``psnr`` in dB at full size and ``psnr_coarse`` of means over 8x8 blocks; ``ssim`` (Wang et al., IEEE TIP 2004);
    ``energy``: mean gradient as a share of the truth's (1 is right, less is blur); ``join``: the mean step across the
    join over the step one column further inside, which is the source's own (1 is invisible); both NaN over zero.
    """

    psnr: float
    psnr_coarse: float
    ssim: float
    energy: float
    join: float


@dataclass(frozen=True)
class FrameMeasures:
    """One frame's part: two PSNRs, SSIM, and (drawn, truth) gradients and (join, inside) steps in levels."""

    psnr: float
    psnr_coarse: float
    ssim: float
    gradients: tuple[float, float]
    steps: tuple[float, float]


def compare(drawn: Float32, truth: Float32, window: Window, known: Mask) -> FrameMeasures:
    """Compare one frame's wings; ``drawn`` and ``truth`` float32 (h, w) luma, ``known`` bool (h, w): where truth is
    given."""
    wings = known.copy()
    wings[:, window.x : window.x + window.active.width] = False
    error = np.square(drawn - truth)
    shares = cv2.resize(wings.astype(np.float32), None, fx=1 / COARSE, fy=1 / COARSE, interpolation=cv2.INTER_AREA)
    blocks = shares > 0.9
    coarse = np.asarray(cv2.resize(drawn - truth, blocks.shape[::-1], interpolation=cv2.INTER_AREA), np.float32) ** 2
    return FrameMeasures(
        _decibels(error[wings]),
        _decibels(coarse[blocks]),
        float(structural_similarity(drawn, truth)[wings].mean()),
        (_gradient(drawn, wings), _gradient(truth, wings)),
        _steps(drawn, window, known),
    )


def summarize(samples: Sequence[FrameMeasures], weights: Sequence[float] | None = None) -> Measures:
    """The mean over frames (``weights``: how many frames each stands for); ratios are of the means."""
    w = np.ones(len(samples)) if weights is None else np.asarray(weights, float)

    def mean(values: Sequence[float]) -> float:
        return float(np.average(values, weights=w))

    gradients = [mean([s.gradients[i] for s in samples]) for i in (0, 1)]
    steps = [mean([s.steps[i] for s in samples]) for i in (0, 1)]
    return Measures(
        mean([s.psnr for s in samples]),
        mean([s.psnr_coarse for s in samples]),
        mean([s.ssim for s in samples]),
        _ratio(*gradients),
        _ratio(*steps),
    )


def structural_similarity(a: Float32, b: Float32) -> Float32:
    """The map of structural similarity with its Gaussian window of sigma 1.5, float32 (h, w)."""

    def blur(x: Float32) -> Float32:
        return np.asarray(cv2.GaussianBlur(x, (11, 11), 1.5), np.float32)

    mean_a, mean_b = blur(a), blur(b)
    var_a, var_b, both = blur(a * a) - mean_a**2, blur(b * b) - mean_b**2, blur(a * b) - mean_a * mean_b
    similar = (2 * mean_a * mean_b + C1) * (2 * both + C2) / ((mean_a**2 + mean_b**2 + C1) * (var_a + var_b + C2))
    return np.asarray(similar, np.float32)


def _decibels(squares: Float32) -> float:
    """The PSNR of squared errors."""
    return float(10 * np.log10(255.0**2 / max(float(squares.mean()) if squares.size else 0.0, MIN_ERROR)))


def _gradient(picture: Float32, wings: Mask) -> float:
    """Mean absolute difference of neighbours that both lie in the wings, in either direction."""
    down = np.abs(np.diff(picture, axis=0))[wings[1:] & wings[:-1]]
    across = np.abs(np.diff(picture, axis=1))[wings[:, 1:] & wings[:, :-1]]
    return float((down.mean() + across.mean()) / 2)


def _steps(picture: Float32, window: Window, known: Mask) -> tuple[float, float]:
    """Mean absolute step (across the joins, between the picture's own outermost two columns inside them)."""
    left, right = window.x, window.x + window.active.width - 1
    across, inside = [], []
    for wing, outer, inner in ((left - 1, left, left + 1), (right + 1, right, right - 1)):
        rows = known[:, wing] & known[:, outer] & known[:, inner]
        across.append(np.abs(picture[rows, wing] - picture[rows, outer]))
        inside.append(np.abs(picture[rows, outer] - picture[rows, inner]))
    joined, within = np.concatenate(across), np.concatenate(inside)
    return (float(joined.mean()), float(within.mean())) if joined.size else (0.0, 0.0)


def _ratio(value: float, by: float) -> float:
    """A quotient, NaN for a divisor of zero."""
    return value / by if by > 0 else float("nan")
