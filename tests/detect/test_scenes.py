from __future__ import annotations

import dataclasses
import weakref
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from remaster.detect.scenes import detect
from remaster.detect.tuning import DetectSettings
from remaster.errors import MediaError
from remaster.media.planes import from_rgb
from remaster.media.types import ColorSpec, Frame, PixelFormat, Rect, VideoInfo
from remaster.records import Detection

WIDTH, HEIGHT = 320, 240
YUV420P = PixelFormat("yuv420p", "yuv", 8, 1, 1)
COLOR = ColorSpec(matrix=6)
Picture = npt.NDArray[np.float32]


def video_info(pixel_format: PixelFormat = YUV420P) -> VideoInfo:
    return VideoInfo(
        "drawn.mkv", "matroska", "ffv1", WIDTH, HEIGHT, Fraction(1), pixel_format, COLOR, Fraction(24),
        Fraction(1, 1000), 0, None, None, 0, 0, 0, 0,
    )  # fmt: skip


def find(pictures: Sequence[Picture], noise: float = 2, pixel_format: PixelFormat = YUV420P) -> Detection:
    rng = np.random.default_rng(0)

    def frames() -> Iterator[Frame]:
        for index, picture in enumerate(pictures):
            grainy = picture + rng.normal(0, noise, picture.shape[:2])[..., None]
            rgb = np.clip(grainy + 0.5, 0, 255).astype(np.uint8)
            yield Frame(index * 42, from_rgb(rgb, pixel_format, COLOR))

    return detect(frames(), video_info(pixel_format), DetectSettings())


def paint(seed: int, width: int = 3 * WIDTH, height: int = HEIGHT) -> Picture:
    """A painted background: washes of colour, and shapes that have edges."""
    rng = np.random.default_rng(seed)
    picture = cv2.resize(rng.uniform(40, 200, (5, 14, 3)).astype(np.float32), (width, height))
    for _ in range(60):
        x, y, a, b = (int(v) for v in rng.uniform((0, 0, 4, 4), (width, height, 40, 40)))
        colour = tuple(float(v) for v in rng.uniform(20, 230, 3))
        cv2.ellipse(picture, (x, y), (a, b), 0, 0, 360, colour, -1)
    return np.asarray(picture, np.float32)


def enlarge(part: Picture) -> Picture:
    return np.asarray(cv2.resize(part, (WIDTH, HEIGHT)), np.float32)


def zoomed(picture: Picture, count: int) -> list[Picture]:
    return [enlarge(picture[i : -1 - i, i : -1 - i]) for i in range(count)]


def scene(seed: int, count: int, speed: float = 0, size: int = 90, step: int = 3, hold: int = 2) -> list[Picture]:
    """A painted scene seen by a camera that pans, with a figure that walks and talks on every ``hold``-th frame."""
    ground = paint(seed)
    pictures = []
    for index in range(count):
        x = 100 + speed * index
        view = cv2.warpAffine(ground, np.array([[1, 0, -x], [0, 1, 0.0]]), (WIDTH, HEIGHT))
        drawn = index // hold * hold
        place = (80 + (seed * 37) % 90 + step * drawn, 170)
        for centre, axes in ((place, (size // 3, size // 2)), ((place[0], place[1] - size * 2 // 3), (size // 4,) * 2)):
            cv2.ellipse(view, centre, axes, 0, 0, 360, (200.0, 40.0 + 30 * (seed % 5), 60.0), -1)
            cv2.ellipse(view, centre, axes, 0, 0, 360, (10.0, 10.0, 10.0), 3)
        cv2.ellipse(view, place, (size // 8, 1 + drawn % 5 * size // 40), 0, 0, 360, (30.0, 10.0, 20.0), -1)
        pictures.append(np.asarray(view, np.float32))
    return pictures


@pytest.mark.parametrize("noise", [0, 4])
def test_hard_cuts_are_found_exactly(noise: float) -> None:
    lengths = (20, 9, 30, 14)
    pictures = [picture for seed, n in enumerate(lengths) for picture in scene(seed, n)]
    assert find(pictures, noise).cuts == (0, 20, 29, 59)


def test_hard_cuts_are_found_in_the_dark_and_between_pans() -> None:
    pictures = [*scene(1, 24, speed=4), *scene(2, 24, speed=-3), *scene(3, 24, speed=8)]
    assert find(pictures, 1).cuts == (0, 24, 48)
    assert find([picture * np.float32(0.25) for picture in pictures], 1).cuts == (0, 24, 48)


def test_a_cut_to_a_closer_view_of_the_same_painting_is_found() -> None:
    far = scene(4, 24)
    near = [enlarge(picture[60:180, 20:180]) for picture in scene(4, 24)]
    assert find([*far, *near]).cuts == (0, 24)


@pytest.mark.parametrize(
    "drawn",
    [
        pytest.param(lambda: scene(5, 40, speed=7), id="pan"),
        pytest.param(lambda: [p for p in scene(5, 40, speed=5)[::3] for _ in range(3)][:40], id="pan on threes"),
        pytest.param(lambda: scene(6, 40, size=230, step=6, hold=3), id="large figure on threes"),
        pytest.param(lambda: zoomed(paint(7, WIDTH), 40), id="zoom"),
        pytest.param(lambda: [p * np.float32(1 - 0.02 * i) for i, p in enumerate(scene(8, 40))], id="light going down"),
    ],
)
def test_motion_and_light_are_no_cuts(drawn: Callable[[], list[Picture]]) -> None:
    assert find(drawn()).cuts == (0,)


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("level", [255, 0])
@pytest.mark.parametrize("strength", [0.7, 1.0])
def test_flashes_are_no_cuts(count: int, level: float, strength: float) -> None:
    pictures = scene(9, 40)
    for i in range(20, 20 + count):
        pictures[i] = pictures[i] * np.float32(1 - strength) + np.float32(level * strength)
    assert find(pictures).cuts == (0,)


@pytest.mark.parametrize("count", [1, 2, 5])
def test_a_short_insert_is_a_scene_of_its_own(count: int) -> None:
    pictures = scene(10, 40)
    pictures[20:20] = scene(11, count)
    assert find(pictures).cuts == (0, 20, 20 + count)


def test_a_short_black_between_two_scenes_does_not_join_them() -> None:
    black = [np.zeros((HEIGHT, WIDTH, 3), np.float32)] * 2
    cuts = find([*scene(12, 20), *black, *scene(13, 20)]).cuts
    assert cuts[0] == 0
    assert 1 <= len(cuts[1:]) <= 2
    assert set(cuts[1:]) <= {20, 22}


def test_a_blended_frame_between_two_scenes_belongs_to_one_of_them() -> None:
    first, second = scene(12, 20), scene(13, 20)
    blended = 0.5 * first[-1] + 0.5 * second[0]
    assert find([*first, blended, *second]).cuts in ((0, 20), (0, 21))


def test_a_fade_through_black_has_one_boundary_in_the_black() -> None:
    first, second = scene(14, 36), scene(15, 36)
    for i in range(12):
        first[-1 - i] = first[-1 - i] * np.float32(i / 12)
        second[i] = second[i] * np.float32(i / 12)
    black = [np.zeros_like(first[0])] * 6
    (start, cut) = find([*first, *black, *second], 1).cuts
    assert start == 0
    assert 34 <= cut <= 44


def test_black_at_the_start_and_the_end_is_no_scene() -> None:
    pictures = scene(16, 48)
    for i in range(16):
        pictures[i] = pictures[i] * np.float32(max(i - 4, 0) / 12)
        pictures[-1 - i] = pictures[-1 - i] * np.float32(max(i - 4, 0) / 12)
    assert find(pictures, 1).cuts == (0,)


def test_a_dissolve_has_one_boundary_within() -> None:
    first, second = scene(17, 48), scene(18, 48)
    shares = [np.float32((i + 1) / 17) for i in range(16)]
    mixed = [a * (1 - s) + b * s for a, b, s in zip(first[-16:], second[:16], shares, strict=True)]
    (start, cut) = find([*first[:-16], *mixed, *second[16:]]).cuts
    assert start == 0
    assert 34 <= cut <= 46


def test_cuts_next_to_the_ends_are_found() -> None:
    assert find([*scene(19, 1), *scene(20, 30), *scene(21, 1)]).cuts == (0, 1, 31)
    assert find([*scene(19, 1), *scene(20, 1)]).cuts == (0, 1)


def test_any_shortest_scene_can_be_asked_for() -> None:
    rng = np.random.default_rng(0)
    pictures = [p for seed in range(4) for p in scene(seed, 25)]
    frames = [
        Frame(i, from_rgb(np.clip(p + rng.normal(0, 1, p.shape), 0, 255).astype(np.uint8), YUV420P, COLOR))
        for i, p in enumerate(pictures)
    ]
    assert detect(frames, video_info(), DetectSettings(min_scene_frames=70)).cuts == (0, 25, 50, 75)


def test_one_frame_is_a_video_and_none_is_an_error() -> None:
    found = find(scene(22, 1))
    assert found.cuts == (0,)
    assert found.active == Rect(0, 0, WIDTH, HEIGHT)
    assert found.gate is None
    assert found.fields.frames == 0
    with pytest.raises(MediaError, match=r"drawn\.mkv"):
        find([])


@pytest.mark.parametrize(("width", "height"), [(2, 2), (12, 10), (16, 400)])
def test_tiny_pictures_are_read(width: int, height: int) -> None:
    pictures = [np.full((height, width, 3), level, np.uint8) for level in [40] * 12 + [200] * 12]
    frames = [Frame(i, from_rgb(picture, YUV420P, COLOR)) for i, picture in enumerate(pictures)]
    info = dataclasses.replace(video_info(), width=width, height=height)
    found = detect(iter(frames), info, DetectSettings())
    assert found.active == Rect(0, 0, width, height)
    assert found.cuts == (0, 12)


def test_times_are_those_of_the_frames() -> None:
    times = [0, 40, 90, 91, 300, 1000]
    frames = [Frame(t, from_rgb(p.astype(np.uint8), YUV420P, COLOR)) for t, p in zip(times, scene(23, 6), strict=True)]
    found = detect(iter(frames), video_info(), DetectSettings())
    assert found.pts.dtype == np.int64
    assert found.pts.tolist() == times


@pytest.mark.parametrize(
    "pixel_format",
    [
        PixelFormat("yuv422p10le", "yuv", 10, 1, 0),
        PixelFormat("yuv444p", "yuv"),
        PixelFormat("gray", "gray"),
        PixelFormat("gbrp", "rgb"),
    ],
    ids=lambda pixel_format: str(pixel_format.name),
)
def test_every_pixel_layout_is_read(pixel_format: PixelFormat) -> None:
    found = find([*scene(24, 16), *scene(25, 16)], 3, pixel_format)
    assert found.cuts == (0, 16)
    # Limited range is 219 of 255 levels.
    assert found.noise == pytest.approx(3 if pixel_format.kind == "rgb" else 3 * 219 / 255, rel=0.25)


def test_bars_are_found_and_the_result_repeats() -> None:
    pictures = [p for seed in range(3) for p in scene(seed, 12)]
    for picture in pictures:
        picture[:, :40] = picture[:, -40:] = 0
    found = find(pictures)
    assert found.active == Rect(40, 0, 240, 240)
    again = find(pictures)
    assert (found.cuts, found.active, found.noise, found.fields) == (
        again.cuts,
        again.active,
        again.noise,
        again.fields,
    )


def test_frames_are_let_go() -> None:
    planes = from_rgb(paint(26, WIDTH).astype(np.uint8), YUV420P, COLOR)
    alive: list[int] = []
    most = 0

    def frames() -> Iterator[Frame]:
        nonlocal most
        for index in range(150):
            copies = tuple(plane.copy() for plane in planes)
            weakref.finalize(copies[0], alive.pop)
            alive.append(index)
            yield Frame(index, copies)
            most = max(most, len(alive))

    detect(frames(), video_info(), DetectSettings())
    assert 0 < most <= 4


def test_runs_of_one_camera_set_up_are_linked() -> None:
    pictures = [p for seed in (1, 2, 1, 2, 3) for p in scene(seed, 20)]
    found = find(pictures)
    assert found.cuts == (0, 20, 40, 60, 80)
    assert found.setups == (0, 1, 0, 1, 4)
