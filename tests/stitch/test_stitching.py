"""Whole scenes through the step's entry: cameras, recovered wings, coverage and holes against the drawn truth."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import cv2
import numpy as np
import pytest
from background_scenes import (
    FRAMES,
    HEIGHT,
    KEYFRAMES,
    SETTINGS,
    WIDTH,
    Drawn,
    camera_errors,
    make_window,
    painting,
    pan,
    resting,
    run,
    shoot,
    wing_psnr,
)

from remaster.imaging.camera import IDENTITY, compose, translation
from remaster.records import Shot


@pytest.fixture(scope="module")
def world() -> np.ndarray:
    return painting(900, 420, 3)


@pytest.fixture(scope="module")
def other_world() -> np.ndarray:
    return painting(900, 420, 9)


def walking(i: int) -> list[tuple[float, float, float]]:
    return [(60 + 200 * i / FRAMES, 150, 38)]


def moving(kind: str) -> np.ndarray:
    cameras = []
    for t in np.linspace(0, 1, FRAMES):
        angle, scale, x, y = 0.0, 1.0, 400.0, 200.0
        if kind == "zoom":
            scale = 1.0 - 0.35 * t
        elif kind == "rotation":
            angle, x = np.deg2rad(8 * t), 300 + 120 * t
        else:
            y = 150 + 110 * t
        c, s = scale * np.cos(angle), scale * np.sin(angle)
        turn = np.array([[c, -s, 0.0], [s, c, 0.0]])
        cameras.append(compose(translation(x, y), compose(turn, translation(-WIDTH / 2, -HEIGHT / 2))))
    return np.array(cameras)


def assert_cameras(drawn: Drawn, shot: Shot) -> None:
    errors = camera_errors(drawn, shot)
    assert np.median(errors) <= 0.35
    assert errors.max() <= 1.5


def test_pan_recovers_the_wings_behind_a_walking_character(world: np.ndarray) -> None:
    drawn = shoot(world, pan(FRAMES, 300), keyframes=KEYFRAMES, characters=walking)
    (shot,) = run(drawn)
    assert shot.method == "mosaic" and shot.confidence > 0.75
    assert shot.registered == KEYFRAMES and shot.inliers > 100
    assert_cameras(drawn, shot)
    psnr, covered = wing_psnr(drawn, shot)
    assert psnr > 34
    assert covered > 0.7


@pytest.mark.parametrize("kind", ["tilt", "zoom", "rotation"])
def test_other_moves_are_followed(world: np.ndarray, kind: str) -> None:
    drawn = shoot(world, moving(kind), keyframes=KEYFRAMES, characters=walking)
    (shot,) = run(drawn)
    assert shot.method == "mosaic" and shot.confidence > 0.3
    assert_cameras(drawn, shot)
    if kind != "tilt":
        assert wing_psnr(drawn, shot)[0] > 34


def test_a_slow_zoom_about_the_middle_is_no_rest(world: np.ndarray) -> None:
    middle = np.array([WIDTH - 1, HEIGHT - 1]) / 2
    cameras = np.array([[[s, 0.0, 0.0], [0.0, s, 0.0]] for s in 0.99 ** np.arange(FRAMES)])
    cameras[:, :, 2] = (300.0, 200.0) - cameras[:, :, :2] @ middle
    drawn = shoot(world, cameras, keyframes=2 * KEYFRAMES)
    (shot,) = run(drawn)
    assert shot.method == "mosaic" and shot.confidence > 0.45
    assert_cameras(drawn, shot)
    assert wing_psnr(drawn, shot)[0] > 33


def test_follow_shot_is_not_dragged_along_by_its_unmasked_character(world: np.ndarray) -> None:
    def followed(i: int) -> list[tuple[float, float, float]]:
        return [(160 + 6 * np.sin(i), 140, 50)]

    drawn = shoot(world, pan(FRAMES, 300), keyframes=KEYFRAMES, characters=followed, masked=False)
    (shot,) = run(drawn)
    assert shot.method == "mosaic"
    assert_cameras(drawn, shot)
    assert wing_psnr(drawn, shot)[0] > 30


def test_hold_copies_the_frame_and_asks_for_the_wings_alone(world: np.ndarray) -> None:
    drawn = shoot(world, resting(), keyframes=KEYFRAMES, characters=walking)
    (shot,) = run(drawn)
    background, window = shot.background, drawn.window
    assert shot.method == "still" and shot.confidence > 0.3 and background is not None
    assert background.image.shape == (window.height, window.width, 3)
    assert (shot.cameras == translation(window.x, window.y)).all()
    wings = np.ones((window.height, window.width), bool)
    wings[:, window.x : window.x + WIDTH] = False
    assert (background.holes == wings).all()
    clean = world[80 : 80 + HEIGHT, 200 : 200 + WIDTH].astype(float)
    shown = background.image[:, window.x : window.x + WIDTH]
    known = background.coverage[:, window.x : window.x + WIDTH]
    assert known.mean() > 0.98
    assert np.abs(shown - clean)[known].mean() < 1.2


def test_large_dancing_figure_does_not_move_a_still_set(world: np.ndarray) -> None:
    def dancing(i: int) -> list[tuple[float, float, float]]:
        return [(160 + 60 * np.sin(i / 3), 140 + 20 * np.cos(i / 2), 85)]

    drawn = shoot(world, resting(), keyframes=KEYFRAMES, characters=dancing, masked=False)
    (shot,) = run(drawn)
    assert shot.method == "still"
    assert (shot.cameras == shot.cameras[0]).all()


def test_fade_in_a_pan_leaves_no_bands(world: np.ndarray) -> None:
    def fade(i: int) -> float:
        return 0.3 + 0.7 * min(i / (0.6 * FRAMES), 1.0)

    drawn = shoot(world, pan(FRAMES, 300), keyframes=KEYFRAMES, light=fade)
    (shot,) = run(drawn)
    assert shot.method == "mosaic"
    assert_cameras(drawn, shot)
    assert wing_psnr(drawn, shot)[0] > 33


def test_black_frames_of_a_fade_in_are_no_shot_of_their_own(world: np.ndarray) -> None:
    drawn = shoot(world, pan(FRAMES, 300), keyframes=KEYFRAMES, light=lambda i: min(0.01 + i / 12, 1.0))
    drawn.analysis.explained[1:3] = 0.05
    drawn.analysis.motion[1:3] = IDENTITY
    shots = run(drawn)
    assert [(s.start, s.end, s.method) for s in shots] == [(0, FRAMES, "mosaic")]


def test_motion_that_follows_a_character_between_keyframes_is_not_believed(world: np.ndarray) -> None:
    drawn = shoot(world, pan(FRAMES, 300), keyframes=KEYFRAMES)
    drawn.analysis.motion[2] = compose(translation(4.5, 0.0), drawn.analysis.motion[2])
    drawn.analysis.motion[17] = IDENTITY
    drawn.analysis.motion[-2] = compose(translation(1.2, 0.0), drawn.analysis.motion[-2])
    drawn.analysis.explained[[2, 17, -1]] = 0.6
    (shot,) = run(drawn)
    assert camera_errors(drawn, shot).max() <= 1.2


@pytest.mark.parametrize("speed", [1.3, 2.2])
def test_two_speeds_are_never_a_confident_mosaic(world: np.ndarray, other_world: np.ndarray, speed: float) -> None:
    path = pan(FRAMES, 300)

    def with_foreground(i: int, picture: np.ndarray) -> np.ndarray:
        near = translation(100 + speed * (path[i, 0, 2] - 120), 40)
        flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
        picture[130:] = cv2.warpAffine(other_world, near, (WIDTH, HEIGHT), flags=flags, borderMode=cv2.BORDER_REFLECT)[
            130:
        ]
        return picture

    one = run(shoot(world, path, keyframes=KEYFRAMES))
    two = run(shoot(world, path, keyframes=KEYFRAMES, paint=with_foreground))
    assert max(s.confidence for s in two) < min(s.confidence for s in one) - 0.3
    assert all(s.method == "ambient" for s in two)
    assert all(s.background is None for s in two)


def test_a_plane_that_is_but_the_picture_s_edges_is_no_background(world: np.ndarray, other_world: np.ndarray) -> None:
    path = pan(FRAMES, 90)
    path[:, 1, 2] += np.linspace(0, 40, FRAMES)

    def with_a_set_between(i: int, picture: np.ndarray) -> np.ndarray:
        near = translation(path[i, 0, 2] + 1.2 * i, path[i, 1, 2] - 0.6 * i)
        flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
        nearer = cv2.warpAffine(other_world, near, (WIDTH, HEIGHT), flags=flags, borderMode=cv2.BORDER_REFLECT)
        picture[60:200] = nearer[60:200]
        return picture

    drawn = shoot(world, path, keyframes=KEYFRAMES, paint=with_a_set_between)
    drawn = replace(drawn, window=replace(drawn.window, width=WIDTH, height=HEIGHT + 120, x=0, y=60))
    drawn.masks[:, 60:200] = True
    assert all(shot.background is None for shot in run(drawn))


def test_a_set_of_which_masks_name_most_of_one_plane_is_no_mosaic(world: np.ndarray, other_world: np.ndarray) -> None:
    path, bank = pan(FRAMES, 300), 192

    def with_foreground(i: int, picture: np.ndarray) -> np.ndarray:
        near = translation(100 + 1.5 * (path[i, 0, 2] - 120), 40)
        flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
        picture[bank:] = cv2.warpAffine(other_world, near, (WIDTH, HEIGHT), flags=flags)[bank:]
        return picture

    drawn = shoot(world, path, keyframes=KEYFRAMES, paint=with_foreground)
    drawn.masks[:, bank:] = True
    assert all(s.method == "ambient" for s in run(drawn))


def test_hidden_cut_makes_two_shots(world: np.ndarray, other_world: np.ndarray) -> None:
    both = np.concatenate([world, other_world], axis=0)
    cameras = np.concatenate([pan(16, 150), pan(16, -100, x=500, y=500)])
    drawn = shoot(both, cameras, keyframes=10)
    drawn.analysis.explained[16] = 0.1
    drawn.analysis.motion[16] = IDENTITY
    shots = run(drawn)
    assert [(s.start, s.end, s.method) for s in shots] == [(0, 16, "mosaic"), (16, 32, "mosaic")]
    for shot in shots:
        assert_cameras(drawn, shot)


def test_whip_between_two_sets_is_ambient(world: np.ndarray, other_world: np.ndarray) -> None:
    both = np.concatenate([world, other_world], axis=0)
    whip = np.array([translation(120 + 120 * i, 40 + 115 * i) for i in range(1, 4)])
    cameras = np.concatenate([np.repeat(translation(120, 40)[None], 14, axis=0), whip, pan(15, -100, x=500, y=500)])
    drawn = shoot(both, cameras, keyframes=12)
    drawn.analysis.explained[14:18] = 0.1
    assert [(s.start, s.end, s.method) for s in run(drawn)] == [
        (0, 14, "still"),
        (14, 17, "ambient"),
        (17, 32, "mosaic"),
    ]


def test_dissolve_between_still_sets_is_not_one_still(world: np.ndarray, other_world: np.ndarray) -> None:
    def dissolve(i: int, picture: np.ndarray) -> np.ndarray:
        share = np.clip((i - 10) / 10, 0, 1)
        return (picture * (1 - share) + other_world[:HEIGHT, :WIDTH] * share).astype(np.uint8)

    shots = run(shoot(world, resting(30), keyframes=10, paint=dissolve))
    assert len(shots) > 1
    assert shots[-1].method == "still" and shots[-1].start >= 10
    background, window = shots[-1].background, make_window()
    assert background is not None
    shown = background.image[:, window.x : window.x + WIDTH].astype(float)
    assert np.abs(shown - other_world[:HEIGHT, :WIDTH]).mean() < 4


def test_a_dissolve_at_a_still_set_s_end_leaves_no_figures(world: np.ndarray, other_world: np.ndarray) -> None:
    def dissolving(i: int, picture: np.ndarray) -> np.ndarray:
        share = np.clip((i - FRAMES + 10) / 16, 0, 1)
        return cv2.addWeighted(picture, 1 - share, other_world[:HEIGHT, :WIDTH] // 2, share, 0)

    drawn = shoot(world, resting(), keyframes=KEYFRAMES, paint=dissolving)
    drawn.masks[drawn.analysis.keyframes > FRAMES - 9, 60:200, :90] = True
    (shot, *_) = run(drawn)
    assert shot.method == "still" and shot.background is not None
    assert not shot.background.figures.any()


def test_one_bad_motion_neither_explodes_the_canvas_nor_moves_a_frame(world: np.ndarray) -> None:
    drawn = shoot(world, pan(FRAMES, 300), keyframes=KEYFRAMES)
    drawn.analysis.motion[17] = translation(4000.0, -900.0)
    drawn.analysis.explained[17] = 0.2
    (shot,) = run(drawn)
    assert shot.background is not None
    assert shot.background.image.shape[1] <= 300 + drawn.window.width + 8
    assert_cameras(drawn, shot)


def test_canvas_is_bounded(world: np.ndarray) -> None:
    drawn = shoot(world, pan(FRAMES, 300), keyframes=KEYFRAMES)
    limit = 140_000
    shots = run(drawn, settings=replace(SETTINGS, max_canvas_pixels=limit))
    assert all(s.background is None or s.background.coverage.size <= limit for s in shots)


def test_non_square_pixels(world: np.ndarray) -> None:
    drawn = shoot(
        world,
        pan(FRAMES, 300),
        keyframes=KEYFRAMES,
        size=(360, 240),
        proxy=(320, 240),
        sar=Fraction(8, 9),
        characters=walking,
    )
    assert drawn.window.width == 480
    (shot,) = run(drawn)
    assert shot.method == "mosaic"
    assert_cameras(drawn, shot)
    assert wing_psnr(drawn, shot)[0] > 34


def test_gate_is_seen_through_in_a_pan(world: np.ndarray) -> None:
    gate = np.ones((HEIGHT, WIDTH), bool)
    gate[8:-8, 8:-8] = False

    def framed(i: int, picture: np.ndarray) -> np.ndarray:
        picture[gate] = 4
        return picture

    drawn = shoot(np.maximum(world, 60), pan(FRAMES, 300), keyframes=KEYFRAMES, paint=framed)
    drawn = replace(drawn, analysis=replace(drawn.analysis, valid=~gate))
    (shot,) = run(drawn, gate)
    background = shot.background
    assert background is not None
    assert background.image[background.coverage].min() > 40
    assert wing_psnr(drawn, shot)[0] > 33
    # What the gate hid above and below was never seen, and is shown once the gate is filled.
    assert background.holes[4:9, 120:-120].all()
    assert not background.holes[20:-20, 120:-120].any()


def test_holds_share_one_camera(world: np.ndarray) -> None:
    path = pan(FRAMES // 2, 300)
    drawn = shoot(world, np.repeat(path, 2, axis=0), keyframes=KEYFRAMES)
    drawn.analysis.holds[1::2] = True
    (shot,) = run(drawn)
    assert (shot.cameras[0::2] == shot.cameras[1::2]).all()
    assert_cameras(drawn, shot)


def test_wings_above_and_below(world: np.ndarray) -> None:
    drawn = shoot(world, moving("tilt"), keyframes=KEYFRAMES)
    tall = replace(drawn.window, width=WIDTH, height=HEIGHT + 120, x=0, y=60)
    drawn = replace(drawn, window=tall)
    (shot,) = run(drawn)
    assert shot.method == "mosaic"
    psnr, covered = wing_psnr(drawn, shot)
    assert psnr > 34 and covered > 0.5


def test_same_seed_same_bytes(world: np.ndarray) -> None:
    drawn = shoot(world, pan(20, 200), keyframes=6, characters=walking)
    (first,), (second,) = run(drawn), run(drawn)
    assert first.background is not None and second.background is not None
    assert first.cameras.tobytes() == second.cameras.tobytes()
    assert first.background.image.tobytes() == second.background.image.tobytes()
    assert first.confidence == second.confidence


def test_single_frame_is_a_still(world: np.ndarray) -> None:
    (shot,) = run(shoot(world, resting(1), keyframes=1))
    assert shot.method == "still" and shot.background is not None


def test_a_picture_without_wings_has_a_background_to_lend_from_and_no_holes(world: np.ndarray) -> None:
    drawn = shoot(world, resting(4), keyframes=2)
    whole = replace(drawn.window, width=WIDTH, height=HEIGHT, x=0, y=0)
    (shot,) = run(replace(drawn, window=whole))
    assert shot.background is not None and shot.background.coverage.mean() > 0.9
    assert not shot.background.holes.any()


def test_what_all_masks_of_a_resting_camera_cover_is_a_figure_of_the_background() -> None:
    drawn = shoot(painting(1000, 560, 3), resting())
    masks = drawn.masks.copy()
    rows, columns = masks.shape[1:]
    masks[:, rows // 3 : rows // 2, : columns // 6] = True
    background = run(replace(drawn, masks=masks))[0].background
    assert background is not None
    left = int(np.flatnonzero(background.coverage.any(axis=0))[0])
    middle = round(HEIGHT * 5 / 12) + int(np.flatnonzero(background.coverage.any(axis=1))[0])
    there = np.s_[middle - 4 : middle + 4, left + 2 : left + 12]
    assert background.coverage[there].all()
    assert background.figures[there].all()
    assert np.abs(background.image[there].astype(float) - drawn.frames[0][middle - 4 : middle + 4, 2:12]).mean() < 4
