"""The last step of blending: large tones of copies are drawn towards the expected ones."""

from __future__ import annotations

import numpy as np

from remaster.arrays import Float32, Mask
from remaster.outpaint.exemplar.blending import towards_expected
from remaster.outpaint.exemplar.pyramid_level import Level

HEIGHT, WIDTH, WING = 96, 256, 96


def wing() -> Mask:
    holes = np.zeros((HEIGHT, WIDTH), bool)
    holes[:, WIDTH - WING :] = True
    return holes


def changed(copied: Float32) -> Float32:
    """What is added to a picture of 120 with a wing of ``copied``, where 120 is expected to go on."""
    holes = wing()
    picture = np.where(holes[..., None], copied, np.float32(120)).astype(np.float32)
    expected = np.full_like(picture, 120)
    level = Level(~holes, ~holes, ~holes, holes, 1, picture, np.zeros((HEIGHT, WIDTH, 5), np.float32), expected)
    return towards_expected(picture, level) - picture


def flat(value: float) -> Float32:
    return np.full((HEIGHT, WIDTH, 3), value, np.float32)


def test_the_tone_of_a_whole_wing_comes_nearer_and_nothing_else_changes() -> None:
    change = changed(flat(80))
    assert 10 < change[:, -WING // 2 :].mean() < 20
    assert (change[:, :-WING] == 0).all()
    assert np.abs(change[:, WIDTH - WING]).max() < 0.2 * change[:, -WING // 2 :].mean(), "it joins as it did"


def test_things_and_texture_keep_their_contrast() -> None:
    """A veil over each thing, by its own difference, would look like haze."""
    texture = np.random.default_rng(4).normal(120, 12, (HEIGHT, WIDTH, 1)).astype(np.float32) + np.zeros(3, np.float32)
    thing = flat(120)
    thing[40:50, -60:-50] = 20
    for copied in (texture, thing):
        after = copied + changed(copied)
        assert after[:, -WING + 8 :].std() > 0.85 * copied[:, -WING + 8 :].std()


def test_a_piece_of_the_expected_tone_stays() -> None:
    assert np.abs(changed(flat(120))).max() < 1e-3
