"""Predicted errors of backgrounds against errors that are known; a third of the picture at another speed is found."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from background_scenes import draw_character, painting

from remaster.imaging.aligned_keyframes import Preview
from remaster.imaging.camera import translation
from remaster.stitch.background_trust import Trust, has_parallax, judge_moving, judge_still, relative_error
from remaster.stitch.keyframe_alignment import align, disagreeing

WIDTH, HEIGHT, KEYFRAMES, STEP = 320, 240, 7, 30
NOISE = 2.0


def judged(wrong: float, still: bool = False) -> Trust:
    """Keyframes of a pan (or of a camera at rest) whose cameras are off by ``wrong`` pixels at random, with grain."""
    rng = np.random.default_rng(4)
    world, everywhere = painting(900, 300, 3), np.ones((KEYFRAMES, HEIGHT, WIDTH), bool)
    places = np.full(KEYFRAMES, 100) if still else np.arange(KEYFRAMES) * 40
    off = np.rint(wrong * rng.choice([-1, 1], (KEYFRAMES, 2)) * rng.uniform(0.6, 1.4, (KEYFRAMES, 2))).astype(int)
    pictures = []
    for x, (dx, dy) in zip(places, off, strict=True):
        part = world[30 + dy : 30 + dy + HEIGHT, 50 + x + dx : 50 + x + dx + WIDTH]
        pictures.append(np.clip(part + rng.normal(0, NOISE, (HEIGHT, WIDTH, 1)), 0, 255).astype(np.uint8))
    cameras = np.stack([translation(float(x), 0.0) for x in places])
    preview, _ = align(np.stack(pictures), everywhere, cameras, KEYFRAMES // 2)
    found = disagreeing(preview, NOISE)
    preview.foreground[:], preview.seen[:] = found, preview.seen & ~found
    no_figures = np.zeros_like(found[0])
    return judge_still(preview, no_figures, NOISE) if still else judge_moving(preview, no_figures, "x", 1 / 6, NOISE)


@pytest.mark.parametrize("still", [False, True])
def test_worse_cameras_mean_a_larger_error(still: bool) -> None:
    exact, off, far = (judged(wrong, still) for wrong in (0.0, 2.0, 12.0))
    assert exact.error < 1.5
    assert exact.error + 2 < off.error < far.error - 2


def test_predicted_errors_are_in_grey_levels() -> None:
    world = painting(900, 300, 3).astype(float)
    shifted = np.sqrt(((world[:, 4:] - world[:, :-4]) ** 2).mean())
    assert judged(4.0).error == pytest.approx(shifted, rel=0.5)


def test_resting_characters_do_not_count_as_error_and_one_picture_proves_little() -> None:
    pictures = np.stack([painting(900, 300, 3)[:HEIGHT, :WIDTH]] * KEYFRAMES)
    pictures[::2, 60:160, 100:180] = (200, 40, 30)
    everywhere, cameras = np.ones(pictures.shape[:3], bool), np.stack([translation(0.0, 0.0)] * KEYFRAMES)
    shown = Preview(pictures, everywhere, np.zeros_like(everywhere), cameras, WIDTH, HEIGHT, 1.0)
    figures = np.zeros((HEIGHT, WIDTH), bool)
    talked_over = judge_still(shown, figures, NOISE)
    figures[55:165, 95:185] = True
    assert judge_still(shown, figures, NOISE).error < 1.0 < 5.0 < talked_over.error
    lone = replace(shown, pictures=pictures[:1], seen=everywhere[:1], foreground=~everywhere[:1], cameras=cameras[:1])
    assert 0.0 < judge_still(lone, figures, NOISE).error < 3.3


def test_wings_that_few_pictures_show_are_trusted_less() -> None:
    world = painting(900, 300, 3)
    errors = []
    for places in (np.arange(20) * 10, np.array([0, 190])):
        pictures = np.stack([world[30 : 30 + HEIGHT, x : x + WIDTH] for x in places])
        seen = np.ones(pictures.shape[:3], bool)
        preview, _ = align(pictures, seen, np.stack([translation(float(x), 0.0) for x in places]), 0)
        errors.append(judge_moving(preview, np.zeros(preview.median.shape[:2], bool), "x", 1 / 6, NOISE).error)
    many, few = errors
    assert many < 1.2 < 1.6 < few < 2.5


def test_a_few_levels_of_error_on_a_flat_set_are_no_large_relative_error() -> None:
    flat, lively = relative_error(np.array([5.2, 20.8]), np.array([5.8, 23.2]))
    assert flat < 0.75 < 0.85 < lively


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
