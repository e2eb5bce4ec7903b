"""The light of one visit to a set made that of another: a 3x4 colour matrix, fitted robustly."""

from __future__ import annotations

import numpy as np

from remaster.arrays import Float32, Float64, Mask, Rgb
from remaster.sets.tuning import TUNING

SAME_LIGHT: Float64 = np.concatenate([np.eye(3), np.zeros((3, 1))], axis=1)
"""The colour matrix that changes nothing."""
SAME_LIGHT.setflags(write=False)
LARGE = 32.0
"""Levels beyond which a residual is another object; how large it is says nothing about the light."""


def colour_matrix(picture: Rgb, like: Rgb, where: Mask, offsets: bool = False) -> Float64:
    """The matrix (3, 4) that takes ``picture``'s colours to ``like``'s, of pixels that both show ``where`` (h, w).

    Iteratively reweighted least squares (Tukey's biweight), drawn towards one gain and offset a channel, which a nearly
    gray picture could not tell from mixtures of its channels. With ``offsets``, towards offsets alone where these fit
    better: where a channel hardly varies, its quartiles make gains of up to 2 of figures that came and went.
    """
    tuning = TUNING.proof
    at = np.flatnonzero(where)
    at = at[:: max(len(at) // tuning.colour_samples, 1)]
    if len(at) < 16:
        return SAME_LIGHT.copy()
    x, y = picture.reshape(-1, 3)[at].astype(np.float64), like.reshape(-1, 3)[at].astype(np.float64)
    plain, weight = _channel_gains(x, y), np.ones(len(at))
    if offsets:
        shifted = np.column_stack([np.eye(3), np.median(y - x, axis=0)])
        plain = min((shifted, plain), key=lambda m: float(np.minimum(_residual(x, y, m), LARGE).mean()))
        weight = _biweight(_residual(x, y, plain))
    design = np.column_stack([x, np.full(len(at), 128.0)])
    ridge = tuning.colour_ridge * (design**2).sum(axis=0).mean() * np.eye(4)
    matrix = plain
    for _ in range(tuning.colour_rounds):
        weighted = design * weight[:, None]
        target = weighted.T @ (y - design @ _scaled(plain).T)
        step = np.linalg.solve(weighted.T @ design + ridge, target).T
        matrix = plain + np.column_stack([step[:, :3], step[:, 3] * 128.0])
        weight = _biweight(_residual(x, y, matrix))
    return np.asarray(matrix, np.float64)


def _residual(x: Float64, y: Float64, matrix: Float64) -> Float64:
    """Levels (n,) by which colours miss others, in the worst channel."""
    return np.asarray(np.abs(relit(x, matrix) - y).max(axis=1), np.float64)


def _biweight(error: Float64) -> Float64:
    cutoff = 4.0 * max(float(np.median(error)), 2.0)
    return np.asarray(np.clip(1 - (error / cutoff) ** 2, 0, None) ** 2, np.float64)


def relit(colours: Float64 | Float32 | Rgb, matrix: Float64) -> Float64:
    """Colours (..., 3) by a colour matrix, float64, not clipped."""
    return np.asarray(colours @ matrix[:, :3].T + matrix[:, 3], np.float64)


def inverse_light(matrix: Float64) -> Float64:
    """The matrix that takes colours back; raises ``numpy.linalg.LinAlgError`` where there is none."""
    linear = np.linalg.inv(matrix[:, :3])
    return np.column_stack([linear, -linear @ matrix[:, 3]])


def plausible_light(matrix: Float64) -> bool:
    """Whether the gain of gray lies within the bounds, and the matrix can be inverted safely."""
    low, high = TUNING.proof.gain
    gains = matrix[:, :3].sum(axis=1)
    spread = np.linalg.svd(matrix[:, :3], compute_uv=False)
    return bool((gains >= low).all() and (gains <= high).all() and spread[-1] > 0.05 * spread[0])


def _channel_gains(x: Float64, y: Float64) -> Float64:
    """Gain and offset of each channel as a colour matrix, from medians and quartile distances."""
    (x25, x50, x75), (y25, y50, y75) = (np.quantile(v, (0.25, 0.5, 0.75), axis=0) for v in (x, y))
    gain = np.clip((y75 - y25 + 4.0) / (x75 - x25 + 4.0), *TUNING.proof.gain)
    return np.column_stack([np.diag(gain), y50 - gain * x50])


def _scaled(matrix: Float64) -> Float64:
    """The matrix for designs whose constant column is 128."""
    return np.column_stack([matrix[:, :3], matrix[:, 3] / 128.0])
