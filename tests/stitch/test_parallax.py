"""A third of the picture at another speed is found; one plane, with or without a figure in front, has no parallax."""

from __future__ import annotations

import numpy as np
import pytest
from background_scenes import draw_character, painting

from remaster.imaging.aligned_keyframes import Preview
from remaster.imaging.camera import translation
from remaster.stitch.background_trust import judge_moving
from remaster.stitch.keyframe_alignment import align
from remaster.stitch.parallax import has_parallax

WIDTH, HEIGHT, KEYFRAMES, STEP = 320, 240, 7, 30
NOISE = 2.0


def panned(speed: float, near_contrast: float = 1.0, figure: float = 0.0) -> Preview:
    """Keyframes of a pan whose lower third passes at ``speed`` times the rest's.

    ``figure``: pixels that somebody near the edge walks over the set from one keyframe to the next, 0 for none.
    """
    rng = np.random.default_rng(4)
    far, near = painting(900, 300, 3), painting(900, 300, 9).astype(float)
    near = np.clip((near - near.mean()) * near_contrast + near.mean(), 0, 255)
    pictures = []
    for i in range(KEYFRAMES):
        picture = far[:HEIGHT, 100 + STEP * i : 100 + STEP * i + WIDTH].astype(float)
        x = 100 + round(speed * STEP * i)
        picture[160:] = near[160:HEIGHT, x : x + WIDTH]
        if figure:
            draw_character(picture, np.zeros((HEIGHT, WIDTH), np.uint8), 20 + (figure - STEP) * (i - 3), 190, 30, i)
        pictures.append(np.clip(picture + rng.normal(0, NOISE, (HEIGHT, WIDTH, 1)), 0, 255).astype(np.uint8))
    cameras = np.stack([translation(float(STEP * i), 0.0) for i in range(KEYFRAMES)])
    return align(np.stack(pictures), np.ones((KEYFRAMES, HEIGHT, WIDTH), bool), cameras, KEYFRAMES // 2)[0]


@pytest.mark.parametrize("speed", [0.8, 1.1, 1.3])
def test_a_third_at_another_speed_is_another_plane_and_no_mosaic(speed: float) -> None:
    preview = panned(speed)
    no_figures = np.zeros(preview.seen.shape[1:], bool)
    assert has_parallax(preview, "x", NOISE)
    assert judge_moving(preview, no_figures, "x", 1 / 6, NOISE).advantage == 0.0


@pytest.mark.parametrize(("contrast", "figure"), [(1.0, 0.0), (0.1, 0.0), (1.0, 24.0), (0.3, 36.0)])
def test_one_plane_is_one_whatever_it_shows(contrast: float, figure: float) -> None:
    preview = panned(1.0, contrast, figure)
    assert not has_parallax(preview, "x", NOISE)
