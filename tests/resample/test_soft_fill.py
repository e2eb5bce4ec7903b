"""The soft fill extends the border's colours without dimming, coarse ones farther than fine ones, and is steady."""

from __future__ import annotations

import numpy as np
import pytest
from resample_scene import (
    COLOR,
    GBRP,
    GRAY,
    YUV420P,
    YUV444P10,
    Planes,
    picture_of,
    shot_of,
    whole_window,
    window_of,
)

from remaster.imaging import camera as cam
from remaster.imaging.geometry import Window
from remaster.media.types import PixelFormat
from remaster.resample.layout import FrameFormat
from remaster.resample.rendering import FilmTraces, WingRenderer
from remaster.resample.tuning import Grain, ResampleSettings

SHOWN = window_of(160, 120, YUV420P)
LOOK = cam.translation(60.0, 22.0)
CLEAN = ResampleSettings(grain=Grain.none)


def picture(shown: Window = SHOWN) -> Planes:
    return picture_of(whole_window(shown, LOOK, YUV420P), shown, YUV420P)


def plain(luma: np.ndarray, pixel_format: PixelFormat = YUV420P) -> Planes:
    """A picture of 8-bit ``luma`` levels; its chroma neutral, its colours gray."""
    deep = (luma * (1 << (pixel_format.depth - 8))).astype(np.uint8 if pixel_format.depth == 8 else np.uint16)
    height, width = luma.shape
    shapes = pixel_format.plane_shapes(width, height)
    neutral = 128 << (pixel_format.depth - 8)
    others = [deep if pixel_format.kind == "rgb" else np.full(s, neutral, deep.dtype) for s in shapes[1:]]
    return (deep, *others)


def rendered(frames: list[Planes], shown: Window = SHOWN, pixel_format: PixelFormat = YUV420P) -> list[Planes]:
    shot = shot_of([LOOK] * len(frames), None, "ambient")
    renderer = WingRenderer(shot, FrameFormat(shown, pixel_format, COLOR), FilmTraces(), CLEAN, 1)
    return [renderer.render(i, frame, False) for i, frame in enumerate(frames)]


def left(out: Planes) -> np.ndarray:
    return out[0][:, : SHOWN.x].astype(float)


@pytest.mark.parametrize("pixel_format", [YUV420P, YUV444P10, GBRP, GRAY], ids=lambda f: f.name)
@pytest.mark.parametrize(("width", "height"), [(160, 120), (161, 121)])
def test_a_sky_is_extended_without_dimming(width: int, height: int, pixel_format: PixelFormat) -> None:
    shown, unit = window_of(width, height, pixel_format), 1 << (pixel_format.depth - 8)
    sky = np.repeat(np.linspace(100, 160, height)[:, None], width, axis=1)
    planes = plain(sky, pixel_format)
    for plane, source in zip(rendered([planes], shown, pixel_format)[0], planes, strict=True):
        rows = source[:, :1] / unit
        outer = plane[: len(rows), [0, -1]] / unit
        assert np.abs(outer - rows)[12:-12].max() < 5
        assert abs(outer.mean() - rows.mean()) < 0.5


def test_wings_above_and_below_continue_columns() -> None:
    shown = window_of(160, 120, YUV420P, aspect="1/1")
    across = np.repeat(np.linspace(80, 160, 160)[None], 120, axis=0)
    out = rendered([plain(across)], shown)[0][0].astype(float)
    assert out.shape[0] > 120
    assert np.abs(out - out[shown.y + 60])[:, 12:-12].max() < 5


def test_there_is_no_edge_at_the_join() -> None:
    out = rendered([picture()])[0][0].astype(float)
    for join in (SHOWN.x, SHOWN.x + 160):
        step = np.abs(out[:, join] - out[:, join - 1]).mean()
        assert step < 1.2 * np.abs(np.diff(out[:, join - 4 : join + 4], axis=1)).mean()


def test_coarse_colours_extend_farther_than_fine_ones() -> None:
    row = np.arange(120)
    coarse, fine = 40 * np.cos(np.pi * row / 60), 40 * np.cos(np.pi * row / 6)
    wing = left(rendered([plain(np.repeat((120 + coarse + fine)[:, None], 160, axis=1))])[0])
    kept = [[(wing[:, x] - 120) @ wave / (wave @ wave) for wave in (coarse, fine)] for x in (SHOWN.x - 1, 0)]
    assert min(kept[0]) > 0.8
    assert kept[1][0] > 0.6
    assert abs(kept[1][1]) < 0.15


def test_it_is_steady_under_noise_and_movement() -> None:
    rng = np.random.default_rng(0)
    frames = []
    for i in range(12):
        planes = [np.clip(np.rint(p + rng.normal(0, 3, p.shape)), 0, 255).astype(np.uint8) for p in picture()]
        planes[0][40:80, 60 + 3 * i : 90 + 3 * i] = 60
        frames.append(tuple(planes))
    outer = np.stack([left(out)[:, : SHOWN.x // 2] for out in rendered(frames)])
    assert np.abs(np.diff(outer, axis=0)).mean() < 0.4
    assert np.abs(np.diff(outer.mean(axis=(1, 2)))).max() < 0.4


def test_a_passing_figure_colours_only_the_near_wing() -> None:
    frames = [picture() for _ in range(8)]
    for frame in frames[4:6]:
        frame[0][30:80, :30] = 20
    before, passing = (left(rendered(frames)[i]) for i in (3, 5))
    beside = np.abs(passing - before)[35:75]
    assert beside[:, -2:].mean() > 50
    assert beside[:, :4].mean() < 0.25 * beside[:, -2:].mean()


@pytest.mark.parametrize("steps", [5, 240])
def test_fades_are_not_delayed(steps: int) -> None:
    whole = picture()
    gains = np.linspace(1, 0, steps + 1)
    frames = [
        tuple(
            np.rint(b + g * (p.astype(float) - b)).astype(np.uint8) for p, b in zip(whole, (16, 128, 128), strict=True)
        )
        for g in gains
    ]
    first, *rest = [left(out).mean() - 16 for out in rendered(frames)]
    for gain, level in zip(gains[1:], rest, strict=True):
        assert abs(level / first - gain) < 0.05


def test_a_cut_within_the_shot_restarts_the_mean() -> None:
    other = tuple(255 - p[::-1] for p in picture())
    old, new = left(rendered([picture()])[0]), left(rendered([other])[0])
    after = left(rendered([picture()] * 4 + [other])[-1])
    assert np.abs(old - new).mean() > 15
    assert np.abs(after - new).mean() < 0.25 * np.abs(old - new).mean()


def test_wings_may_be_wider_than_the_picture() -> None:
    shown = window_of(54, 96, YUV420P)
    halves = np.where(np.arange(96) < 48, 60, 180)[:, None].repeat(54, axis=1)
    wing = rendered([plain(halves)], shown)[0][0][:, : shown.x].astype(float)
    assert shown.x > 54
    assert abs(wing.mean() - 120) < 3
    assert wing[60:, 0].mean() - wing[:36, 0].mean() > 40
