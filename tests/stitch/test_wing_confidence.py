"""The predicted error of wings, from the picture beside them."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from remaster.stitch.tuning import TUNING
from remaster.stitch.wing_confidence import confidence, fill_error

HEIGHT, WIDTH = 120, 160
EVERYWHERE = np.ones((HEIGHT, WIDTH), bool)


def sky(rows: np.ndarray) -> np.ndarray:
    """A set whose rows go on for ever, uint8 (1, h, w, 3)."""
    return np.repeat(np.repeat(rows[:, None, None], WIDTH, axis=1), 3, axis=2)[None].astype(np.uint8)


def busy(levels: float) -> np.ndarray:
    """Blobs about gray, of a standard deviation in levels."""
    noise = cv2.GaussianBlur(np.random.default_rng(3).normal(0, 1, (HEIGHT, WIDTH)), (0, 0), 4)
    blobs = 128 + levels * noise / noise.std()
    return np.repeat(blobs.clip(0, 255)[..., None], 3, axis=2)[None].astype(np.uint8)


def test_a_sky_is_predicted_and_a_busy_set_is_not() -> None:
    calm = fill_error(sky(np.linspace(60, 200, HEIGHT)), EVERYWHERE, "x")
    errors = [fill_error(busy(levels), EVERYWHERE, "x") for levels in (10, 30)]
    assert calm < 3 < errors[0] < errors[1]
    assert errors[1] == pytest.approx(30, rel=0.5)


def test_wings_above_and_below_are_predicted_from_rows() -> None:
    layers = sky(np.where(np.arange(HEIGHT) % 16 < 8, 40, 200))
    turned = np.ascontiguousarray(layers.swapaxes(1, 2))
    assert fill_error(layers, EVERYWHERE, "x") < 0.5 * fill_error(layers, EVERYWHERE, "y")
    assert fill_error(turned, EVERYWHERE.T, "y") == pytest.approx(fill_error(layers, EVERYWHERE, "x"), rel=1e-3)


def test_the_gate_does_not_count() -> None:
    picture, gate = sky(np.linspace(60, 200, HEIGHT)), np.zeros((HEIGHT, WIDTH), bool)
    gate[:, :8] = True
    clear = fill_error(picture, EVERYWHERE, "x")
    picture[:, :, :8] = 0
    assert fill_error(picture, ~gate, "x") == pytest.approx(clear, abs=1.0)


def test_confidence_falls_with_the_unseen_share_and_with_either_error() -> None:
    assert confidence(1.0, 0.0, 50.0) == 1.0
    assert confidence(0.0, 0.0, TUNING.wings.half_confidence) == pytest.approx(0.5)
    assert confidence(0.5, 4.0, 30.0) > confidence(0.2, 4.0, 30.0) > confidence(0.2, 4.0, 60.0)
    assert confidence(0.5, 2.0, 30.0) > confidence(0.5, 8.0, 30.0)
