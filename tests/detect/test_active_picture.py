from __future__ import annotations

from functools import partial

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from painted_luma import FULL, HEIGHT, WIDTH, grain, paint, sample

from remaster.arrays import Gray, Mask
from remaster.detect.active_picture import FrameSampler, Sample, active_picture, picture_and_gate
from remaster.detect.noise import grain_levels, noise_level
from remaster.imaging.gate import gate_mask, with_scene_sides
from remaster.media.types import PixelFormat, Rect

YUV420P = PixelFormat("yuv420p", "yuv", 8, 1, 1)


def framed(picture: Gray, rect: Rect, level: float = 16, sigma: float = 0, seed: int = 0) -> Gray:
    """``picture``, resized into ``rect`` of a frame whose bars are at ``level`` with noise."""
    bars = np.full((HEIGHT, WIDTH), level, np.uint8)
    bars[rect.y : rect.y + rect.height, rect.x : rect.x + rect.width] = cv2.resize(picture, (rect.width, rect.height))
    return grain(bars, sigma, seed)


def gate(radius: int, side: int = 0) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
    """A gate's transmission with rounded corners (and a dark left side), and the mask of what it darkens to half."""
    light = np.zeros((HEIGHT, WIDTH), np.float32)
    left, right, bottom = side, WIDTH - 1, HEIGHT - 1
    cv2.rectangle(light, (left + radius, 0), (right - radius, bottom), 1.0, -1)
    cv2.rectangle(light, (left, radius), (right, bottom - radius), 1.0, -1)
    for x in (left + radius, right - radius):
        for y in (radius, bottom - radius):
            cv2.circle(light, (x, y), radius, 1.0, -1)
    soft = np.asarray(cv2.GaussianBlur(light, (0, 0), 1.5, borderType=cv2.BORDER_REPLICATE), np.float32)
    return soft, soft < 0.5


def behind(light: npt.NDArray[np.float32], frame: Gray) -> Gray:
    dimmed: Gray = np.clip(16 + (frame.astype(np.float32) - 16) * (0.05 + 0.95 * light), 16, 235).astype(np.uint8)
    return dimmed


def test_the_sampler_spreads_a_bounded_number_of_frames_over_any_length() -> None:
    made: list[int] = []

    def luma(index: int) -> Gray:
        made.append(index)
        return np.full((32, 32), index % 251, np.uint8)

    sampler = FrameSampler(16)
    for index in range(1000):
        sampler.push(partial(luma, index))
    levels = [int(s.luma[0, 0]) for s in sampler.samples()]
    indices = list(range(0, 1000, 64))
    assert levels == [i % 251 for i in indices]
    assert len(made) < 400
    middle = sampler.samples()[5]
    assert (middle.after == (indices[5] + 1) % 251).all() and len(middle.after)


def test_one_frame_is_a_sample_without_a_frame_after() -> None:
    (only,) = sample([paint(0)])
    assert np.array_equal(only.luma, paint(0)) and not len(only.after)


def test_a_picture_without_bars_is_active_as_a_whole() -> None:
    assert active_picture(sample([paint(i) for i in range(4)]), YUV420P) == FULL


@pytest.mark.parametrize(
    ("rect", "level", "sigma"),
    [
        (Rect(40, 0, 240, 240), 16, 0),
        (Rect(0, 30, 320, 180), 16, 2),
        (Rect(36, 0, 248, 240), 20, 3),
        (Rect(42, 26, 236, 188), 24, 1),
        (Rect(8, 0, 300, 240), 16, 1),
        (Rect(0, 0, 314, 240), 16, 0),
    ],
)
def test_bars_are_found_to_the_pixel(rect: Rect, level: float, sigma: float) -> None:
    frames = [framed(paint(i), rect, level, sigma, i) for i in range(6)]
    frames.append(framed(np.full((8, 8), 16, np.uint8), rect, level, sigma, 9))
    assert active_picture(sample(frames), YUV420P) == rect


def test_the_soft_edge_of_bars_is_theirs() -> None:
    frames = [cv2.GaussianBlur(framed(paint(i), Rect(40, 0, 240, 240)), (0, 0), 1.6) for i in range(6)]
    assert active_picture(sample([grain(frame, 1, i) for i, frame in enumerate(frames)]), YUV420P) == Rect(
        44, 0, 232, 240
    )


def test_odd_bars_are_rounded_inwards_to_the_chroma_grid() -> None:
    frames = [framed(paint(i), Rect(41, 0, 237, 240)) for i in range(4)]
    assert active_picture(sample(frames), YUV420P) == Rect(42, 0, 236, 240)
    assert active_picture(sample(frames), PixelFormat("yuv444p", "yuv")) == Rect(41, 0, 237, 240)


def test_a_scene_lit_where_others_are_dark_leaves_no_bars() -> None:
    frames = [framed(paint(i), Rect(40, 0, 240, 240)) for i in range(4)]
    assert active_picture(sample([*frames, paint(7)]), YUV420P) == FULL


def test_black_pictures_titles_and_night_have_no_bars() -> None:
    black = np.full((HEIGHT, WIDTH), 16, np.uint8)
    title = black.copy()
    cv2.putText(title, "THE END", (60, 130), cv2.FONT_HERSHEY_DUPLEX, 1.5, 235, 3)
    night = grain(paint(3, low=16, high=22), 1, 0)
    cv2.circle(night, (80, 60), 18, 200, -1)
    night[180:] = np.maximum(night[180:], paint(4, low=20, high=90)[180:])
    for frame in (black, title, night):
        assert active_picture(sample([frame] * 3), YUV420P) == FULL


@pytest.mark.parametrize("side", [0, 6])
def test_the_gate_of_many_scenes_is_found(side: int) -> None:
    light, truth = gate(16, side)
    mask = gate_mask([grain(behind(light, paint(i)), 2, i) for i in range(12)], FULL)
    assert mask is not None
    assert (mask & truth).sum() > 0.9 * truth.sum()
    assert (mask & ~truth).sum() < 0.012 * mask.size  # the soft rim goes with it
    assert not mask[20:-20, 20:-20].any()


def test_black_lines_around_a_gate_are_its_own_and_the_picture_stays_whole() -> None:
    light, truth = gate(16, 6)
    light[:, :4] = light[:, -4:] = light[:4] = light[-4:] = 0
    samples = sample([grain(behind(light, paint(i)), 1, i) for i in range(12)])
    assert active_picture(samples, YUV420P) != FULL
    active, mask = picture_and_gate(samples, YUV420P)
    assert active == FULL
    assert mask is not None
    assert mask[light == 0].all()
    assert (mask & truth).sum() > 0.9 * truth.sum()
    assert not mask[20:-20, 20:-20].any()


def test_thin_bars_without_a_gate_stay_bars() -> None:
    frames = [framed(paint(i), Rect(8, 0, 304, 240)) for i in range(12)]
    active, mask = picture_and_gate(sample(frames), YUV420P)
    assert active == Rect(8, 0, 304, 240)
    assert mask is None


def in_color(picture: Gray) -> npt.NDArray[np.uint8]:
    """A brownish RGB picture."""
    return np.stack([picture, picture * 0.8, picture * 0.6], -1).astype(np.uint8)


@pytest.mark.parametrize("vertical", [False, True])
def test_a_scene_adds_the_side_that_is_dark_in_it_and_gets_a_wing(vertical: bool) -> None:
    pictures = np.stack([in_color(paint(1, low=60, high=220))] * 4)
    corners: Mask = np.zeros((2 * HEIGHT, 2 * WIDTH), bool)
    corners[:9, :9] = True
    np.testing.assert_array_equal(with_scene_sides(corners, pictures, vertical), corners)
    pictures[:, :, :4] //= 4
    mask = with_scene_sides(corners, pictures, vertical)
    if vertical:
        np.testing.assert_array_equal(mask, corners)
    else:
        assert mask[:, :8].all()
        assert mask.sum() < 2 * HEIGHT * 14 + 81


def test_a_soft_and_grey_side_is_covered_to_its_end_where_half_of_the_scene_is_night() -> None:
    corners: Mask = np.zeros((HEIGHT, WIDTH), bool)
    corners[:5, :5] = True
    light = np.ones(WIDTH, np.float32)
    light[:5] = 0.6, 0.6, 0.7, 0.8, 0.9
    pictures = []
    for i in range(4):
        scene = in_color(paint(i))
        scene[HEIGHT // 2 :] //= 10
        scene[:, :7] = scene[:, :7].mean(axis=2, keepdims=True)
        pictures.append((scene * light[:, None]).astype(np.uint8))
    mask = with_scene_sides(corners, np.stack(pictures), False)
    assert mask[:, :7].all()
    assert not mask[:, 9:].any()


def test_a_trunk_beside_the_edge_is_no_gate() -> None:
    corners: Mask = np.zeros((HEIGHT, WIDTH), bool)
    corners[:5, :5] = True
    pictures = np.stack([in_color(paint(i, low=90)) for i in range(4)])
    pictures[:, :, :24] //= 4
    np.testing.assert_array_equal(with_scene_sides(corners, pictures, False), corners)
    pictures = np.stack([in_color(paint(i, low=90)) for i in range(4)])
    pictures[:, : HEIGHT // 2, :4] //= 4
    np.testing.assert_array_equal(with_scene_sides(corners, pictures, False), corners)


def test_one_scene_cannot_tell_a_gate_from_its_own_dark_corners() -> None:
    light, _ = gate(16)
    assert gate_mask([grain(behind(light, paint(1)), 2, i) for i in range(12)], FULL) is None


def test_pictures_without_a_gate_have_no_mask() -> None:
    assert gate_mask([grain(paint(i), 2, i) for i in range(12)], FULL) is None
    assert gate_mask([paint(i, low=20, high=235) for i in range(20, 26)], FULL) is None


def test_the_gate_is_told_within_the_active_picture() -> None:
    light, _ = gate(16)
    active = Rect(40, 0, 240, 240)
    frames = [framed(behind(light, paint(i)), active) for i in range(10)]
    samples = sample(frames)
    assert active_picture(samples, YUV420P) == active
    mask = gate_mask(frames, active)
    assert mask is not None
    assert mask.shape == (240, 240)
    assert mask[0, 0] and mask[0, -1] and mask[-1, 0] and mask[-1, -1]


@pytest.mark.parametrize("sigma", [0, 1, 2, 4, 8])
@pytest.mark.parametrize("speed", [0, 3])
def test_noise_is_measured_on_still_and_on_moving_pictures(sigma: float, speed: int) -> None:
    wide = paint(2, width=2 * WIDTH)
    frames = [grain(wide[:, speed * i : speed * i + WIDTH], sigma, i) for i in range(12)]
    assert noise_level(sample(frames), FULL) == pytest.approx(sigma, rel=0.2, abs=0.1)


@pytest.mark.parametrize("sigma", [1, 3])
def test_texture_that_moves_is_no_noise(sigma: float) -> None:
    strokes = cv2.GaussianBlur(np.random.default_rng(3).normal(0, 1, (HEIGHT, 2 * WIDTH)), (0, 0), 2.0)
    wide = np.clip(paint(2, width=2 * WIDTH) + 25 * strokes / strokes.std(), 0, 255)
    frames = []
    for i in range(8):
        shift = np.array([[1.0, 0.0, -5.4 * i], [0.0, 1.0, 0.3 * i]])
        frames.append(grain(np.asarray(cv2.warpAffine(wide, shift, (WIDTH, HEIGHT), flags=cv2.INTER_CUBIC)), sigma, i))
    assert noise_level(sample(frames), FULL) == pytest.approx(sigma, rel=0.35)


@pytest.mark.parametrize("sigma", [0.0, 2.5])
def test_grain_shows_in_the_dark_too_and_letters_are_none(sigma: float) -> None:
    frames = []
    for i in range(6):
        card = np.full((HEIGHT, WIDTH), 20, np.uint8)
        for line in range(3):
            cv2.putText(card, "directed by", (100, 90 + 30 * line), cv2.FONT_HERSHEY_SIMPLEX, 0.5, 220, 1, cv2.LINE_AA)
        frames.append(grain(card, sigma, i))
    assert grain_levels(sample(frames), FULL) == pytest.approx([sigma] * 6, rel=0.2, abs=0.2)
    if not sigma:
        assert noise_level(sample(frames), FULL) > 1  # of what is lit, which is letters alone


def test_noise_is_measured_in_one_frame() -> None:
    assert noise_level(sample([grain(paint(2), 3, 1)]), FULL) == pytest.approx(3, rel=0.2)


@pytest.mark.parametrize("size", [(2, 2), (6, 40)])
def test_grain_of_pictures_smaller_than_a_block(size: tuple[int, int]) -> None:
    tiny = np.full(size, 90, np.uint8)
    assert noise_level([Sample(tiny, np.zeros((0, 32, 32), np.uint8))], Rect(0, 0, size[1], size[0])) == 0


def test_confetti_all_over_a_crowd_is_not_grain() -> None:
    """What moves everywhere alike, without one motion, looks like strong grain; the flat places between tell."""
    rng = np.random.default_rng(3)
    frames = []
    for _ in range(6):
        small = rng.uniform(30, 220, (HEIGHT // 12, WIDTH // 12)).astype(np.float32)
        frames.append(
            grain(cv2.resize(small, (WIDTH, HEIGHT), interpolation=cv2.INTER_NEAREST).astype(np.uint8), 0.5, 1)
        )
    assert noise_level(sample(frames), FULL) <= 2.0
    assert grain_levels(sample(frames), FULL).max() <= 2.0


def test_coarse_grain_is_measured_where_there_are_holds() -> None:
    frames = []
    for i in range(12):
        coarse = cv2.GaussianBlur(np.random.default_rng(i).normal(0, 1, (HEIGHT, WIDTH)), (0, 0), 1.2)
        frames.append(np.clip(paint(2) + 3 * coarse / coarse.std() + 0.5, 0, 255).astype(np.uint8))
    assert noise_level(sample(frames), FULL) == pytest.approx(3, rel=0.25)
