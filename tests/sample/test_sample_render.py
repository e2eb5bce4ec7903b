"""Frames and their truth: where the frame lies in the window, what the camera says, what the mask hides."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from remaster.imaging import camera
from remaster_sample import backgrounds, characters, render
from remaster_sample.backgrounds import background
from remaster_sample.characters import CAST, Design, Pose
from remaster_sample.episodes import EPISODES
from remaster_sample.render import GRAIN_SIGMA, Truth, add_grain, gate
from remaster_sample.script import Episode, Shot

MORNING, LAMP, LANE, _ = EPISODES


def shot_of(episode: Episode, kind: str) -> Shot:
    return next(shot for shot in episode.shots if shot.kind == kind)


def middle(shot: Shot) -> int:
    return (shot.start + shot.end) // 2


def repainted(truth: Truth) -> np.ndarray:
    """The frame's background, predicted from the painted set and the camera alone, bilinearly."""
    h, w = truth.frame.shape[:2]
    grid = np.stack(np.meshgrid(np.arange(w), np.arange(h)), axis=-1).astype(float)
    spots = camera.apply(truth.camera, grid).astype(np.float32)
    return cv2.remap(background(truth.shot.background), spots[..., 0], spots[..., 1], cv2.INTER_LINEAR)


def seen(episode: Episode, truth: Truth) -> np.ndarray:
    """Where the frame shows the background."""
    window = episode.window
    return ~truth.foreground[window.y : window.y + episode.height, window.x : window.x + episode.width]


@pytest.mark.parametrize("episode", [MORNING, LAMP], ids=["square", "dvd"])
def test_the_frame_is_the_centre_of_the_window(episode: Episode) -> None:
    truth = render.render(episode, middle(shot_of(episode, "dialogue")))
    window = episode.window
    assert truth.wide.shape == (480, window.width, 3)
    assert truth.foreground.shape == (480, window.width)
    assert window.width - window.x - episode.width == window.x, "both wings are equal"
    np.testing.assert_array_equal(truth.frame, truth.wide[:, window.x : window.x + episode.width])
    assert abs(window.width * episode.sar / window.height - 16 / 9) < 0.01


@pytest.mark.parametrize(
    ("episode", "kind"),
    [
        (MORNING, "dialogue"),
        (MORNING, "pan"),
        (MORNING, "follow"),
        (LAMP, "tilt"),
        (LAMP, "multiplane"),
        (LAMP, "zoom"),
    ],
)
def test_the_camera_finds_the_frame_on_the_painted_set(episode: Episode, kind: str) -> None:
    truth = render.render(episode, middle(shot_of(episode, kind)))
    visible = seen(episode, truth)
    assert visible.mean() > 0.2
    error = np.abs(repainted(truth).astype(int) - truth.frame)[visible].mean()
    moved = Truth(**{**vars(truth), "camera": camera.compose(truth.camera, camera.translation(2, 0))})
    wrong = np.abs(repainted(moved).astype(int) - truth.frame)[visible].mean()
    assert error < 3.0
    assert wrong > 1.7 * error, "and a camera that is two pixels off does not"


def test_the_mask_covers_all_that_is_not_background() -> None:
    truth = render.render(MORNING, middle(shot_of(MORNING, "dialogue")))
    visible = seen(MORNING, truth)
    difference = np.abs(repainted(truth).astype(int) - truth.frame).max(axis=-1)
    assert 0.1 < 1 - visible.mean() < 0.5
    assert difference[~visible].mean() > 40
    assert (difference[visible] > 60).mean() < 0.002


def test_the_same_frame_is_the_same_bytes_when_all_is_drawn_anew() -> None:
    index = middle(shot_of(MORNING, "dialogue"))
    first = render.render(MORNING, index)
    for cache in (backgrounds.background, characters.cel):
        cache.cache_clear()
    pan = shot_of(MORNING, "follow")
    for other in range(pan.start, pan.start + 64, 8):  # more pictures than are cached
        render.render(MORNING, other)
    second = render.render(MORNING, index)
    assert first.wide is not second.wide
    np.testing.assert_array_equal(first.wide, second.wide)
    np.testing.assert_array_equal(first.foreground, second.foreground)


def test_characters_are_held_on_twos_while_the_camera_moves_on_ones() -> None:
    shot = shot_of(MORNING, "dialogue")
    even = shot.start + 4
    np.testing.assert_array_equal(render.render(MORNING, even).wide, render.render(MORNING, even + 1).wide)
    pan = shot_of(MORNING, "follow")
    a, b = (render.render(MORNING, pan.start + 40 + k).camera for k in (0, 1))
    assert camera.corner_error(a, b, 640, 480) > 1


def test_a_fade_ends_in_black_and_says_how_much_light_is_left() -> None:
    last = MORNING.shots[-1]
    dark = render.render(MORNING, last.end - 1)
    assert dark.opacity == 0
    assert not dark.wide.any()
    half = render.render(MORNING, last.end - 1 - last.fade_out // 2)
    assert half.opacity == pytest.approx(0.5, abs=0.05)


def test_a_dissolve_mixes_two_shots_half_and_half_at_its_middle() -> None:
    before = next(shot for shot in LAMP.shots if shot.dissolve)
    shares = [
        render.render(LAMP, before.end + k).opacity for k in range(-before.dissolve // 2 - 1, before.dissolve // 2 + 1)
    ]
    assert shares[0] == shares[-1] == 1
    assert min(shares) == pytest.approx(0.5, abs=0.05)
    assert len([share for share in shares if share < 1]) == before.dissolve
    mixed = render.render(LAMP, before.end).wide.astype(int)
    own = render.render(LAMP, before.end + before.dissolve).wide.astype(int)
    assert np.abs(mixed - own).mean() > 10


def test_only_the_whip_is_blurred() -> None:
    whip = shot_of(LAMP, "whip")
    assert max(render.render(LAMP, f).blur for f in range(whip.start, whip.end, 3)) > 20
    assert render.render(LAMP, middle(shot_of(LAMP, "tilt"))).blur == 1


def test_the_gate_darkens_the_frame_and_not_the_truth() -> None:
    shot = shot_of(LANE, "still")
    truth = render.render(LANE, middle(shot))
    window = LANE.window
    centre = truth.wide[:, window.x : window.x + LANE.width]
    light = gate(LANE.width, LANE.height, LANE.seed)
    assert light[:3].max() < 0.3
    assert light[:14, :14].max() < 0.1, "corners are round"
    assert light[60:-60, 60:-60].min() == 1
    np.testing.assert_array_equal(truth.frame[60:-60, 60:-60], centre[60:-60, 60:-60])
    assert truth.frame[:3].mean() < 0.3 * centre[:3].mean()


def test_grain_has_its_strength_and_is_drawn_from_its_generator() -> None:
    flat = np.full((200, 300, 3), 120, np.uint8)
    grain = add_grain(flat, np.random.default_rng(1)).astype(int) - 120
    assert grain.std() == pytest.approx(GRAIN_SIGMA, rel=0.05)
    assert abs(grain.mean()) < 0.1
    np.testing.assert_array_equal(grain[..., 0], grain[..., 2])
    np.testing.assert_array_equal(grain, add_grain(flat, np.random.default_rng(1)).astype(int) - 120)
    assert (add_grain(flat, np.random.default_rng(2)).astype(int) - 120 != grain).any()


@pytest.mark.parametrize("design", CAST, ids=lambda design: design.name)
def test_a_cel_is_cut_out_stands_on_its_feet_and_mirrors(design: Design) -> None:
    standing = characters.cel(design, Pose(), 120)
    x, y = (round(v) for v in characters.feet(120))
    opaque = standing[..., 3] == 255
    assert opaque[y - 30 : y + 6, x - 20 : x + 20].any()
    assert not opaque[0].any() and not opaque[:, 0].any() and not opaque[:, -1].any()
    assert (standing[..., :3].max(axis=-1) <= standing[..., 3]).all(), "colours are premultiplied"
    assert np.ptp(np.flatnonzero(opaque.any(axis=1))) == pytest.approx(120, abs=8)
    np.testing.assert_array_equal(characters.cel(design, Pose(left=True), 120), standing[:, ::-1])
    talking = characters.cel(design, Pose(mouth="wide"), 120)
    assert (talking != standing).any()
