from __future__ import annotations

from fractions import Fraction
from typing import Any

import av
import numpy as np
import pytest
from media_files import YUV420, picture

from remaster.media import planes as pl
from remaster.media.encode import to_frame
from remaster.media.formats import planar_format
from remaster.media.types import ColorSpec, PixelFormat, Rect

GRID = np.stack(np.meshgrid(*[np.arange(0, 256, 5)] * 3, indexing="ij"), -1).reshape(52, -1, 3).astype(np.uint8)


@pytest.mark.parametrize("matrix", [1, 2, 5, 6, 9])
@pytest.mark.parametrize("full_range", [False, True])
@pytest.mark.parametrize(("name", "bound"), [("yuv444p", 2), ("yuv444p10le", 1), ("gbrp", 0), ("gbrp10le", 0)])
def test_colour_survives_the_way_there_and_back(matrix: int, full_range: bool, name: str, bound: int) -> None:
    form = planar_format(name)
    color = ColorSpec(matrix, full_range=full_range or form.kind == "rgb")
    back = pl.to_rgb(pl.from_rgb(GRID, form, color), form, color)
    assert np.abs(back.astype(int) - GRID).max() <= bound


@pytest.mark.parametrize("matrix", [1, 6, 9])
@pytest.mark.parametrize("full_range", [False, True])
def test_the_matrix_is_the_one_that_swscale_uses(matrix: int, full_range: bool) -> None:
    form = planar_format("yuv444p")
    planes = pl.from_rgb(GRID, form, ColorSpec(matrix, full_range=full_range))
    frame = to_frame(planes, form, GRID.shape[1], GRID.shape[0])
    level = 2 if full_range else 1
    theirs = frame.reformat(
        format="rgb24", src_colorspace=matrix, dst_colorspace=matrix, src_color_range=level, dst_color_range=2
    )
    assert np.abs(theirs.to_ndarray().astype(int) - GRID).max() <= 3


def test_limited_range_black_and_white_have_the_standard_code_values() -> None:
    ends = np.array([[[0, 0, 0], [255, 255, 255]]], np.uint8)
    for name, scale in (("yuv444p", 1), ("yuv444p10le", 4)):
        luma, blue, red = pl.from_rgb(ends, planar_format(name), ColorSpec(1))
        assert luma.tolist() == [[16 * scale, 235 * scale]]
        assert blue.tolist() == red.tolist() == [[128 * scale] * 2]


def test_an_unspecified_matrix_is_601_for_small_and_709_for_large_pictures() -> None:
    form = planar_format("yuv444p")
    small, large = (pl.from_rgb(GRID, form, ColorSpec(2), lines)[0] for lines in (576, 720))
    assert np.array_equal(small, pl.from_rgb(GRID, form, ColorSpec(6))[0])
    assert np.array_equal(large, pl.from_rgb(GRID, form, ColorSpec(1))[0])
    with pytest.raises(ValueError, match="matrix 8"):
        pl.from_rgb(GRID, form, ColorSpec(8))


@pytest.mark.parametrize("name", ["yuv420p", "yuv422p", "yuv411p", "yuv440p", "yuv410p", "yuv420p10le"])
@pytest.mark.parametrize("siting", [0, 2, 3, 5])
def test_chroma_stays_where_it_is(name: str, siting: int) -> None:
    # A ramp has a known value at every place; a siting mistaken by half a sample shifts it by that.
    form, color = planar_format(name), ColorSpec(6, full_range=True, chroma_location=siting)
    y, x = np.mgrid[:48, :64]
    ramp = np.stack([60 + x, 60 + y, 200 - x - y // 2], -1).astype(np.uint8)
    back = pl.to_rgb(pl.from_rgb(ramp, form, color), form, color).astype(int)
    inner = np.abs(back - ramp)[8:-8, 8:-8]
    assert inner.max() <= 2
    assert np.abs((back - ramp)[8:-8, 8:-8].mean((0, 1))).max() < 0.3


@pytest.mark.parametrize("size", [(64, 48), (63, 47)])
def test_shapes_and_types_follow_the_format(size: tuple[int, int]) -> None:
    rgb = np.full((size[1], size[0], 3), 90, np.uint8)
    for name in ("yuv420p", "yuv422p10le", "gray", "gray10le", "gbrp"):
        form = planar_format(name)
        planes = pl.from_rgb(rgb, form, ColorSpec(6))
        assert tuple(p.shape for p in planes) == form.plane_shapes(*size)
        assert {p.dtype for p in planes} == {np.dtype(np.uint8 if form.depth == 8 else np.uint16)}
        assert np.abs(pl.to_rgb(planes, form, ColorSpec(6)).astype(int) - 90).max() <= 1


def test_crop_gives_views_on_the_chroma_grid() -> None:
    planes = picture(0, YUV420, 64, 48)
    part = pl.crop(planes, YUV420, Rect(8, 4, 32, 20))
    assert [p.shape for p in part] == [(20, 32), (10, 16), (10, 16)]
    assert all(np.shares_memory(a, b) for a, b in zip(part, planes, strict=True))
    assert np.array_equal(part[1], planes[1][2:12, 4:20])
    with pytest.raises(ValueError, match="chroma grid"):
        pl.crop(planes, YUV420, Rect(3, 4, 32, 20))


@pytest.mark.parametrize("name", ["yuv420p", "yuv422p10le", "gray", "gbrp", "gbrp10le"])
@pytest.mark.parametrize("full_range", [False, True])
def test_small_pictures_look_like_the_large_one(name: str, full_range: bool) -> None:
    form, color = planar_format(name), ColorSpec(6, full_range=full_range)
    y, x = np.mgrid[:96, :128]
    smooth = np.stack([60 + x, 60 + y, 250 - x - y // 2], -1).astype(np.uint8)
    planes = pl.from_rgb(smooth, form, color)
    small = pl.resize_rgb(planes, form, color, 64, 48)
    wanted = pl.to_rgb(planes, form, color).reshape(48, 2, 64, 2, 3).mean((1, 3))
    assert small.shape == (48, 64, 3)
    assert np.abs(small[4:-4, 4:-4] - wanted[4:-4, 4:-4]).max() <= 4


def test_luma_is_the_stored_one_in_8_bits() -> None:
    form = planar_format("yuv420p10le")
    planes = picture(3, form, 64, 48)
    assert np.abs(pl.luma8(planes, form) - planes[0] / 4).max() <= 0.5
    rgb = planar_format("gbrp")
    luma = pl.luma8(pl.from_rgb(GRID, rgb, ColorSpec(0, full_range=True)), rgb)
    assert np.abs(luma - GRID @ [0.299, 0.587, 0.114]).max() <= 1


@pytest.mark.parametrize(
    ("size", "sar", "wanted"),
    [
        ((720, 480), Fraction(8, 9), (640, 480)),
        ((1440, 1080), Fraction(1), (640, 480)),
        ((320, 240), Fraction(1), (320, 240)),
        ((720, 576), Fraction(16, 15), (640, 480)),
        ((480, 854), Fraction(1), (270, 480)),
    ],
)
def test_proxies_have_square_pixels_and_are_never_taller(
    size: tuple[int, int], sar: Fraction, wanted: tuple[int, int]
) -> None:
    assert pl.proxy_size(*size, sar) == wanted


def test_every_format_of_decoders_maps_to_one_that_loses_nothing() -> None:
    rng = np.random.default_rng(0)
    for name in ("nv12", "nv21", "p010le", "yuyv422", "uyvy422", "rgb24", "bgr0", "gbrp10be", "yuv420p10be", "y210le"):
        form = planar_format(name)
        planes: tuple[Any, ...] = tuple(
            rng.integers(0, 1 << form.depth, shape).astype(np.uint8 if form.depth == 8 else np.uint16)
            for shape in form.plane_shapes(32, 16)
        )
        there = to_frame(planes, form, 32, 16).reformat(format=name)
        back = there.reformat(format=form.name)
        for plane, found in zip(planes, back.planes, strict=True):
            rows = np.frombuffer(memoryview(found), plane.dtype).reshape(plane.shape[0], -1)
            assert np.array_equal(rows[:, : plane.shape[1]], plane), name
    assert planar_format("pal8") == planar_format("bgr24") == PixelFormat("gbrp", "rgb")
    assert planar_format("yuvj422p") == PixelFormat("yuv422p", "yuv", 8, 1, 0)


@pytest.mark.parametrize("name", ["rgba", "yuva420p", "grayf32le", "bayer_bggr8", "cuda"])
def test_formats_that_would_lose_something_are_refused(name: str) -> None:
    assert name in av.video.format.names  # type: ignore[attr-defined]
    with pytest.raises(Exception, match=name):
        planar_format(name)
