"""The wings' grain is the source's: its strength, fresh for each frame, repeatable."""

from __future__ import annotations

import numpy as np
import pytest
from resample_scene import COLOR, FULL, GBRP, YUV420P, YUV444P10, canvas, picture_of, shot_of, whole_window, window_of

from remaster.arrays import Plane
from remaster.imaging import camera as cam
from remaster.media.types import ColorSpec, PixelFormat
from remaster.resample.layout import FrameFormat
from remaster.resample.rendering import FilmTraces, WingRenderer
from remaster.resample.tuning import Grain, ResampleSettings

LOOK = cam.translation(60.0, 22.0)
SHOWN = window_of(160, 120, YUV420P)


def wings(
    noise: float,
    grain: Grain = Grain.match,
    pixel_format: PixelFormat = YUV420P,
    color: ColorSpec = COLOR,
    order: tuple[int, ...] = (0, 1, 2, 3),
) -> dict[int, tuple[Plane, ...]]:
    """Left wings by frame, of clean frames that differ in one sample only, so that none repeats."""
    form = FrameFormat(SHOWN, pixel_format, color)
    renderer = WingRenderer(shot_of([LOOK] * 4, canvas()), form, FilmTraces(noise), ResampleSettings(grain=grain), 3)
    picture = picture_of(whole_window(SHOWN, LOOK, pixel_format, color), SHOWN, pixel_format)
    drawn = {}
    for i in order:
        frame = tuple(p.copy() for p in picture)
        frame[0][60, 80] = i
        out = renderer.render(i, frame, False)
        step = SHOWN.width // out[-1].shape[1]
        drawn[i] = (out[0][:, : SHOWN.x], *(p[:, : SHOWN.x // step] for p in out[1:]))
    return drawn


def clean(pixel_format: PixelFormat = YUV420P, color: ColorSpec = COLOR) -> tuple[Plane, ...]:
    return wings(0.0, Grain.none, pixel_format, color)[0]


@pytest.mark.parametrize(("pixel_format", "color"), [(YUV420P, COLOR), (YUV444P10, COLOR), (GBRP, FULL)])
@pytest.mark.parametrize("noise", [1.5, 4.0])
def test_its_strength_is_the_one_asked_for(noise: float, pixel_format: PixelFormat, color: ColorSpec) -> None:
    drawn, base = wings(noise, pixel_format=pixel_format, color=color), clean(pixel_format, color)
    unit = 1 << (pixel_format.depth - 8)
    luma = np.stack([drawn[i][0].astype(float) - base[0] for i in drawn]) / unit
    assert luma.std() == pytest.approx(noise, rel=0.15)
    assert abs(luma.mean()) < 0.15
    if pixel_format.kind == "yuv":
        chroma = np.stack([drawn[i][1].astype(float) - base[1] for i in drawn]) / unit
        assert 0.2 * noise < chroma.std() < 0.6 * noise
    else:
        assert np.corrcoef(luma[0].ravel(), (drawn[0][1].astype(float) - base[1]).ravel())[0, 1] > 0.9


def test_it_is_fresh_for_each_frame_and_the_same_in_any_order() -> None:
    forward, backward = wings(3.0), wings(3.0, order=(3, 1, 2, 0))
    base = clean()[0].astype(float)
    first, second = forward[0][0] - base, forward[1][0] - base
    assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 0.1
    for i in range(4):
        assert all(np.array_equal(a, b) for a, b in zip(forward[i], backward[i], strict=True))


@pytest.mark.parametrize(("noise", "grain"), [(4.0, Grain.none), (0.5, Grain.match)])
def test_there_is_none_where_none_is_wanted_or_none_to_match(noise: float, grain: Grain) -> None:
    drawn, base = wings(noise, grain), clean()
    assert all(np.array_equal(a, b) for i in drawn for a, b in zip(drawn[i], base, strict=True))


def test_neighbouring_samples_are_slightly_correlated() -> None:
    grain = wings(5.0)[0][0].astype(float) - clean()[0]
    beside = np.corrcoef(grain[:, :-1].ravel(), grain[:, 1:].ravel())[0, 1]
    assert 0.2 < beside < 0.6
