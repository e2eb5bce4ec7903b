"""Tests of the small numerical methods that several steps use."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from remaster.arrays import Float32
from remaster.imaging.estimation import wide_blur


def _cloud(height: int, width: int) -> Float32:
    """Smooth random colors with a spread of 30 levels, float32 (height, width, 3), dark except at the left."""
    noise = np.random.default_rng(0).normal(0.0, 1.0, (height, width, 3)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 4)
    smooth *= 30.0 / smooth.std()
    smooth[:, width // 4 :] = 0.0
    return np.asarray(smooth, np.float32)


@pytest.mark.parametrize("size", [(240, 426), (239, 425), (60, 400)])
@pytest.mark.parametrize("sigma", [3.0, 17.0, 40.0])
def test_a_wide_blur_is_the_gaussian_up_to_the_borders(size: tuple[int, int], sigma: float) -> None:
    values = _cloud(*size)
    exact = cv2.GaussianBlur(values, (0, 0), sigma, borderType=cv2.BORDER_REFLECT)
    assert np.sqrt(np.mean((wide_blur(values, sigma) - exact) ** 2)) < 0.02 * exact.std()
    assert np.abs(wide_blur(values, sigma) - exact).max() < 0.2 * exact.std()


def test_a_wide_blur_keeps_what_is_even_and_the_shape_of_a_plane() -> None:
    even = np.full((90, 160), 100.0, np.float32)
    assert np.allclose(wide_blur(even, 20.0), even, atol=1e-3)
    assert wide_blur(even, 20.0).shape == even.shape
