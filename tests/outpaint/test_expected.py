"""Large tones of copied pieces on drawn pictures: drawn towards the settled picture's where texture hides it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from remaster.media.types import Mask
from remaster.outpaint.expected import towards_expected

HEIGHT, WIDTH, WING = 96, 160, 64
Floats = npt.NDArray[np.float32]


def wing() -> Mask:
    holes = np.zeros((HEIGHT, WIDTH), bool)
    holes[:, WIDTH - WING :] = True
    return holes


def drawn(copied: float, texture: float) -> tuple[Floats, Floats]:
    """A picture of 120 with a wing of ``copied``, textured all over, and one whose wing goes on smoothly."""
    rng = np.random.default_rng(4)
    grain = rng.normal(0, texture, (HEIGHT, WIDTH, 1)).astype(np.float32)
    filled = np.where(wing()[..., None], np.float32(copied), np.float32(120)) + grain + np.zeros(3, np.float32)
    expected = np.where(wing()[..., None], np.float32(120), filled)
    return filled.astype(np.float32), expected.astype(np.float32)


def added(filled: Floats, expected: Floats) -> Floats:
    holes = wing()
    out = np.zeros((HEIGHT, WIDTH, 3), np.float32)
    out[holes] = towards_expected(filled, expected, holes, ~holes)
    return out


def test_a_textured_piece_of_another_tone_comes_nearer_and_keeps_its_texture() -> None:
    filled, expected = drawn(80, 12)
    change = added(filled, expected)
    far = change[:, -WING // 2 :]
    assert 20 < far.mean() < 38
    assert far.std() < 3
    assert (change[:, :-WING] == 0).all()


def test_at_the_join_nothing_changes() -> None:
    change = added(*drawn(80, 12))
    assert np.abs(change[:, WIDTH - WING : WIDTH - WING + 2]).mean() < 0.2 * change[:, -WING // 2 :].mean()


def test_a_flat_area_keeps_its_colour() -> None:
    assert np.abs(added(*drawn(80, 0))).max() < 0.01


def test_a_flat_area_beside_texture_keeps_its_colour_too() -> None:
    filled, expected = drawn(80, 12)
    filled[: HEIGHT // 2, -WING:] = 80
    change = added(filled, expected)
    assert np.abs(change[: HEIGHT // 2 - 12]).max() < 0.5
    assert change[HEIGHT // 2 + 12 :, -WING // 2 :].mean() > 15


def test_a_piece_of_the_expected_tone_stays() -> None:
    assert np.abs(added(*drawn(120, 12))).mean() < 1.5
