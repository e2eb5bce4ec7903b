"""Colours of what a network generated, matched to the picture around it: an autoencoder shifts them."""

from __future__ import annotations

import cv2
import numpy as np

from remaster.arrays import Mask, Rgb
from remaster.imaging.estimation import normalized_convolution

LEAST = 64
"""Known pixels that tell a colour."""
GAIN = (0.8, 1.25)
"""Bounds of a gain: what a network made stays its own picture."""
REACH = 1 / 16
"""How far, as a share of the tile's side, a local difference is carried from the known pixels into the generated."""


def match_colours(generated: Rgb, original: Rgb, known: Mask) -> Rgb:
    """The generated picture as it should look for its known pixels to equal the original's.

    All uint8 (h, w, 3) and bool (h, w). First a gain and an offset a channel, by least squares over the known pixels;
    then what is left near the join, low-pass filtered and fading with the distance from the known pixels.
    """
    if int(known.sum()) < LEAST:
        return generated
    picture = generated.astype(np.float32)
    for channel in range(3):
        gain, offset = _line(picture[..., channel][known], original[..., channel][known].astype(np.float32))
        picture[..., channel] = gain * picture[..., channel] + offset
    picture += _local_difference(picture, original, known)
    return np.clip(np.rint(picture), 0, 255).astype(np.uint8)


def _line(found: np.ndarray, wanted: np.ndarray) -> tuple[float, float]:
    """(gain, offset) with the smallest squared error, the gain kept within reason."""
    mean, target = float(found.mean()), float(wanted.mean())
    variance = float(found.var())
    covariance = float(((found - mean) * (wanted - target)).mean())
    gain = float(np.clip(covariance / variance, *GAIN)) if variance > 4.0 else 1.0
    return gain, target - gain * mean


def _local_difference(picture: np.ndarray, original: Rgb, known: Mask) -> np.ndarray:
    """Normalized convolution of the known pixels' differences, float32 (h, w, 3)."""
    sigma = REACH * max(known.shape)
    weight = known.astype(np.float32)
    mean = normalized_convolution(original - picture, weight, sigma)
    distance = cv2.distanceTransform((~known).astype(np.uint8), cv2.DIST_L2, 5)
    fading = np.exp(-0.5 * (distance / (2 * sigma)) ** 2)
    return np.asarray(mean * fading[..., None], np.float32)
