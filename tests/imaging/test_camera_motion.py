"""Motion between drawn pictures against the camera that drew them."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from drawn_scenes import FINE, Drawn, background, draw, other_background, painted, panning, walker, zooming

from remaster.arrays import Affine, Gray, Mask
from remaster.imaging.camera import IDENTITY, compose, corner_error, invert, translation
from remaster.imaging.camera_motion import Motion, Picture, explained_share, motion_between

SIZE = (240, 180)
VALID = np.ones((180, 240), np.bool_)


def estimate_motion(previous: Gray, current: Gray, valid: Mask, noise: float = 1.0, prior: Affine = IDENTITY) -> Motion:
    """The motion between two pictures that are met once."""
    return motion_between(Picture(previous, valid, noise), Picture(current, valid, noise), prior)


def grays(drawn: Drawn) -> list[np.ndarray]:
    return [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in drawn.frames]


def measured(drawn: Drawn, prior: Affine = IDENTITY) -> tuple[Motion, float]:
    """The motion between the first two frames, and its corner error."""
    previous, current = grays(drawn)[:2]
    motion = estimate_motion(previous, current, VALID, 2.0, prior)
    truth = compose(invert(drawn.cameras[0]), drawn.cameras[1])
    return motion, float(corner_error(motion.matrix, truth, *SIZE))


@pytest.mark.parametrize(
    ("cameras", "tolerance"),
    [
        pytest.param(panning(2, 2.3), 0.05, id="pan"),
        pytest.param(panning(2, 0.0, -1.4), 0.05, id="tilt"),
        pytest.param(panning(2, 0.3), 0.1, id="slow pan"),
        pytest.param(panning(2, 30.0), 0.1, id="whip pan"),
        pytest.param(zooming(2, 0.97, 0.0, SIZE, (300, 200)), 0.25, id="zoom"),
        pytest.param(zooming(2, 1.0, 0.01, SIZE, (300, 200)), 0.25, id="rotation"),
    ],
)
def test_camera_is_found_behind_an_outlined_character(cameras: Affine, tolerance: float) -> None:
    motion, error = measured(draw(background(), cameras, SIZE, walker(110, 95, 3.0), noise=2.0))
    assert error < tolerance
    assert motion.explained > 0.6
    assert not motion.hold


def test_a_followed_character_over_a_third_of_the_frame_does_not_drag_the_camera() -> None:
    drawn = draw(background(), panning(2, 2.5), SIZE, walker(120, 90, 0.0, 175), noise=2.0)
    assert drawn.masks.mean() > 0.25
    assert measured(drawn)[1] < 0.1


def test_a_resting_camera_is_exactly_the_identity_while_a_character_moves() -> None:
    motion, _ = measured(draw(background(), panning(2, 0.0), SIZE, walker(110, 95, 4.0), noise=2.0))
    assert (motion.matrix == IDENTITY).all()
    assert not motion.hold


def test_a_frame_that_differs_by_grain_is_a_hold() -> None:
    motion, _ = measured(draw(background(), panning(2, 0.0), SIZE, noise=2.0))
    assert motion.hold
    assert (motion.matrix == IDENTITY).all()


def test_a_character_before_a_flat_sky_is_not_taken_for_the_camera() -> None:
    sky = np.full((FINE * 400, FINE * 700, 3), (120, 160, 230), np.uint8)
    motion, _ = measured(draw(sky, panning(2, 0.0), SIZE, walker(110, 95, 3.0), noise=2.0))
    assert (motion.matrix == IDENTITY).all()
    assert motion.explained > 0.5


def test_flat_pictures_contradict_nothing() -> None:
    flat = np.full((180, 240), 90, np.uint8)
    assert estimate_motion(flat, flat, VALID, 2.0).explained == 1.0


def test_a_repeated_texture_keeps_the_motion_before() -> None:
    fence = painted(FINE * 700, FINE * 400, seed=3) // 4 + 90
    for x in range(0, FINE * 700, FINE * 20):
        fence[FINE * 60 : FINE * 340, x : x + FINE * 8] = (220, 200, 170)
    _, error = measured(draw(fence, panning(2, 12.0), SIZE, noise=2.0), prior=translation(11.0, 0.0))
    assert error < 0.1


def test_brightness_does_not_matter() -> None:
    drawn = draw(background(), panning(2, 3.0), SIZE, noise=1.0)
    previous, current = grays(drawn)
    flashed = np.clip(current * 0.5 + 90.0, 0, 255).astype(np.uint8)
    motion = estimate_motion(previous, flashed, VALID, 2.0)
    assert float(corner_error(motion.matrix, translation(3.0, 0.0), *SIZE)) < 0.1
    assert motion.explained > 0.9


def test_the_gate_does_not_hold_the_camera() -> None:
    drawn = draw(background(), panning(2, 2.0), SIZE, noise=1.0)
    valid = np.zeros_like(VALID)
    valid[16:-16, 16:-16] = True
    previous, current = (np.where(valid, gray, np.uint8(8)) for gray in grays(drawn))
    motion = estimate_motion(previous, current, valid, 1.0)
    assert float(corner_error(motion.matrix, translation(2.0, 0.0), *SIZE)) < 0.15


def test_another_picture_is_not_explained() -> None:
    here = grays(draw(background(), panning(1, 0.0), SIZE, noise=2.0))[0]
    there = grays(draw(other_background(), panning(1, 0.0), SIZE, noise=2.0))[0]
    assert estimate_motion(here, there, VALID, 2.0).explained < 0.3


def test_explained_share_tells_right_from_wrong_and_is_zero_without_evidence() -> None:
    drawn = draw(background(), panning(2, 9.0), SIZE, noise=2.0)
    a, b = grays(drawn)
    assert explained_share(a, b, translation(9.0, 0.0), VALID, 2.0) > 0.95
    assert explained_share(a, (b * 0.4).astype(np.uint8), translation(9.0, 0.0), VALID, 2.0) > 0.9
    assert explained_share(a, b, IDENTITY, VALID, 2.0) < 0.2
    flat = np.full_like(a, 128)
    assert explained_share(flat, flat, IDENTITY, VALID, 2.0) == 0.0
    assert explained_share(a, b, translation(400.0, 0.0), VALID, 2.0) == 0.0


def test_explained_share_is_the_area_without_the_character() -> None:
    drawn = draw(background(), panning(2, 8.0), SIZE, walker(120, 90, 0.0, 150), noise=2.0)
    a, b = grays(drawn)
    share = explained_share(a, b, translation(8.0, 0.0), VALID, 2.0)
    assert share == pytest.approx(1.0 - (drawn.masks[0] | drawn.masks[1]).mean(), abs=0.15)


def test_the_same_pictures_give_the_same_motion() -> None:
    a, b = grays(draw(background(), zooming(2, 0.96, 0.02, SIZE, (300, 200)), SIZE, walker(110, 95, 3.0), noise=2.0))
    first, second = (estimate_motion(a, b, VALID, 2.0) for _ in range(2))
    assert first.matrix.tobytes() == second.matrix.tobytes()


def sky(shift: float, light: float = 1.0, noise: float = 2.0, seed: int = 0) -> np.ndarray:
    """A gray sky without any line: a gradient and faint clouds, panned by ``shift`` pixels."""
    clouds = cv2.GaussianBlur(np.random.default_rng(5).normal(0, 1, (180, 500)).astype(np.float32), (0, 0), 18)
    wide = 150 + np.linspace(0, 40, 180)[:, None] + 12 * clouds / clouds.std()
    moved = cv2.warpAffine(wide, translation(-100 - shift, 0.0), SIZE, flags=cv2.INTER_CUBIC)
    grain = np.random.default_rng([seed, round(10 * shift)]).normal(0, noise, moved.shape)
    return np.clip(np.rint(moved * light + grain), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("shift", [3.0, 9.5])
def test_a_pan_over_a_sky_is_found_by_its_shading(shift: float) -> None:
    motion = estimate_motion(sky(0), sky(shift), VALID, 2.0)
    assert motion.shaded
    assert float(corner_error(motion.matrix, translation(shift, 0.0), *SIZE)) < 1.0


def test_a_pan_over_a_sky_is_found_behind_a_figure_that_stays_on_the_screen() -> None:
    pictures = [sky(0), sky(6.0)]
    for picture in pictures:
        cv2.rectangle(picture, (150, 90), (185, 179), 40, -1)
        cv2.circle(picture, (167, 75), 18, 230, -1)
        cv2.circle(picture, (167, 75), 18, 10, 2)
    motion = estimate_motion(pictures[0], pictures[1], VALID, 2.0)
    assert float(corner_error(motion.matrix, translation(6.0, 0.0), *SIZE)) < 1.0


@pytest.mark.parametrize("light", [1.0, 0.9])
def test_a_sky_that_rests_does_not_move_in_a_fade(light: float) -> None:
    motion = estimate_motion(sky(0), sky(0, light, seed=1), VALID, 2.0)
    assert (motion.matrix == IDENTITY).all()
