"""The window: aspects, framings, chroma grids and odd sizes."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from remaster.errors import UserError
from remaster.imaging.geometry import Window, parse_aspect, parse_framing, window
from remaster.media.types import PixelFormat, Rect

YUV420P = PixelFormat("yuv420p", "yuv", 8, 1, 1)
YUV411P = PixelFormat("yuv411p", "yuv", 8, 2, 0)
YUV444P = PixelFormat("yuv444p", "yuv")
GRAY = PixelFormat("gray", "gray")
WIDE, TALL = Fraction(16, 9), Fraction(9, 16)


def make(
    width: int,
    height: int,
    aspect: Fraction = WIDE,
    pixel_format: PixelFormat = YUV420P,
    sar: Fraction = Fraction(1),
    framing: float = 0.5,
) -> Window:
    return window(Rect(0, 0, width, height), sar, pixel_format, aspect, framing)


@pytest.mark.parametrize(
    ("text", "aspect"),
    [
        ("16:9", WIDE),
        (" 16 : 9 ", WIDE),
        ("16/9", WIDE),
        ("1.85", Fraction(37, 20)),
        ("2.39:1", Fraction(239, 100)),
        ("9:16", TALL),
        ("1", Fraction(1)),
    ],
)
def test_aspects_are_read(text: str, aspect: Fraction) -> None:
    assert parse_aspect(text) == aspect


@pytest.mark.parametrize("text", ["", "wide", "16:", ":9", "0:9", "16:0", "0", "-16:9", "969", "9:1", "1:9", "16:9:4"])
def test_what_is_no_aspect_is_refused_by_name(text: str) -> None:
    with pytest.raises(UserError, match=r"target\.aspect"):
        parse_aspect(text)


@pytest.mark.parametrize(
    ("value", "share"),
    [("auto", None), ("center", 0.5), ("left", 0.0), ("right", 1.0), ("0.25", 0.25), (0.3, 0.3), (1, 1.0), ("0", 0.0)],
)
def test_framings_are_read(value: str | float, share: float | None) -> None:
    assert parse_framing(value) == share


@pytest.mark.parametrize("value", ["middle", "", "1.5", -0.1, "nan", "inf"])
def test_what_is_no_framing_is_refused_by_name(value: str | float) -> None:
    with pytest.raises(UserError, match=r"target\.framing"):
        parse_framing(value)


@pytest.mark.parametrize(
    ("width", "height", "sar", "aspect", "size", "at"),
    [
        (640, 480, "1", WIDE, (852, 480), (106, 0)),
        (720, 480, "8/9", WIDE, (960, 480), (120, 0)),
        (720, 576, "16/15", WIDE, (960, 576), (120, 0)),
        (1440, 1080, "1", WIDE, (1920, 1080), (240, 0)),
        (640, 480, "1", TALL, (640, 1136), (0, 328)),
        (1080, 1920, "1", WIDE, (3412, 1920), (1166, 0)),
        (960, 720, "1", WIDE, (1280, 720), (160, 0)),
        (1920, 1080, "1", Fraction(21, 9), (2520, 1080), (300, 0)),
    ],
)
def test_the_short_axis_is_extended(
    width: int, height: int, sar: str, aspect: Fraction, size: tuple[int, int], at: tuple[int, int]
) -> None:
    shown = make(width, height, aspect, sar=Fraction(sar))
    assert (shown.width, shown.height) == size
    assert (shown.x, shown.y) == at


@pytest.mark.parametrize("size", [(854, 480), (1920, 1080), (1908, 1080), (1916, 1074)])
def test_within_one_percent_the_picture_is_passed_through(size: tuple[int, int]) -> None:
    shown = make(*size)
    assert shown.passthrough
    assert (shown.width, shown.height, shown.x, shown.y) == (*size, 0, 0)
    assert shown.wings == ()
    assert shown.wing_pixels == 0


def test_beyond_one_percent_it_is_extended() -> None:
    assert not make(1900, 1100).passthrough
    assert not make(1920, 1056).passthrough


@pytest.mark.parametrize("pixel_format", [YUV420P, YUV411P, YUV444P, GRAY], ids=lambda f: f.name)
@pytest.mark.parametrize("framing", [0.0, 0.31, 0.5, 1.0])
def test_offsets_keep_to_the_chroma_grid_and_sizes_are_even(pixel_format: PixelFormat, framing: float) -> None:
    step_x, step_y = 1 << pixel_format.log2_chroma_w, 1 << pixel_format.log2_chroma_h
    for width in range(320, 332):
        for height in range(236, 244):
            for aspect in (WIDE, TALL, Fraction(4, 3), Fraction(37, 20)):
                shown = make(width, height, aspect, pixel_format, framing=framing)
                if shown.passthrough:
                    continue
                assert shown.width % 2 == 0
                assert shown.height % 2 == 0
                assert shown.x % step_x == 0
                assert shown.y % step_y == 0
                assert 0 <= shown.x <= shown.width - width
                assert 0 <= shown.y <= shown.height - height
                assert abs(shown.width / shown.height / float(aspect) - 1) < 0.03


@pytest.mark.parametrize("pixel_format", [YUV420P, YUV411P, YUV444P], ids=lambda f: f.name)
def test_centred_wings_are_equal_to_a_chroma_sample(pixel_format: PixelFormat) -> None:
    for width in range(600, 640, 3):
        shown = make(width, 480, WIDE, pixel_format)
        left, right = shown.x, shown.width - shown.x - width
        assert abs(left - right) <= 1 << pixel_format.log2_chroma_w


def test_framing_moves_the_original() -> None:
    for framing in (0.0, 0.2, 1.0):
        assert make(640, 480, framing=framing).width == make(640, 480).width
    assert make(640, 480, framing=0.0).x == 0
    assert make(640, 480, framing=1.0).x == make(640, 480).width - 640
    assert make(640, 480, TALL, framing=0.0).y == 0
    assert make(640, 480, framing=0.25).x in range(48, 58)


@pytest.mark.parametrize(
    ("width", "height", "aspect"), [(97, 71, WIDE), (97, 71, TALL), (640, 480, WIDE), (54, 96, WIDE)]
)
@pytest.mark.parametrize("framing", [0.0, 0.5, 1.0])
def test_wings_and_picture_tile_the_window(width: int, height: int, aspect: Fraction, framing: float) -> None:
    shown = make(width, height, aspect, framing=framing)
    count = np.zeros((shown.height, shown.width), int)
    count[shown.y : shown.y + height, shown.x : shown.x + width] += 1
    for wing in shown.wings:
        count[wing.y : wing.y + wing.height, wing.x : wing.x + wing.width] += 1
    assert (count == 1).all()
    assert shown.wing_pixels == sum(wing.width * wing.height for wing in shown.wings)


def test_the_axis_of_extension_is_known_even_for_odd_sizes() -> None:
    assert [make(97, 71).vertical, make(97, 71, TALL).vertical, make(1920, 1080).vertical] == [False, True, False]


def test_the_active_picture_is_kept_with_its_place() -> None:
    active = Rect(8, 60, 704, 360)
    assert window(active, Fraction(1), YUV420P, Fraction(4, 3)).active == active
