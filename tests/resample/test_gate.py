"""Gate pixels are replaced by the background, and no others."""

from __future__ import annotations

import numpy as np
import pytest
from resample_scene import COLOR, YUV420P, YUV444P10, canvas, picture_of, shot_of, whole_window, window_of

from remaster.arrays import Mask, Plane
from remaster.imaging import camera as cam
from remaster.media.types import PixelFormat
from remaster.records import Method
from remaster.resample.layout import FrameFormat, gate_samples
from remaster.resample.rendering import FilmTraces, WingRenderer
from remaster.resample.tuning import ResampleSettings

LOOK = cam.translation(60.0, 22.0)


def gate_of(width: int, height: int) -> Mask:
    """A dark edge of five pixels, six at the right, with round corners."""
    y, x = np.indices((height, width))
    gate = (x < 5) | (y < 5) | (x >= width - 6) | (y >= height - 5)
    for cx, cy in ((0, 0), (width - 1, 0), (0, height - 1), (width - 1, height - 1)):
        gate |= np.abs(x - cx) + np.abs(y - cy) < 25
    return gate


def gated(
    width: int, height: int, pixel_format: PixelFormat, method: Method, feather: int = 1, framing: float = 0.5
) -> tuple[tuple[Plane, ...], tuple[Plane, ...], tuple[Plane, ...], Mask]:
    """(truth of the active picture, what was filmed through the gate, what was rendered there, the gate)."""
    shown, gate = window_of(width, height, pixel_format, framing=framing), gate_of(width, height)
    truth = picture_of(whole_window(shown, LOOK, pixel_format), shown, pixel_format)
    filmed = through(gate, truth, pixel_format)
    shot = shot_of([LOOK], canvas() if method == "mosaic" else None, method)
    form, settings = FrameFormat(shown, pixel_format, COLOR), ResampleSettings(feather=feather)
    renderer = WingRenderer(shot, form, FilmTraces(gate=gate), settings, 1)
    return truth, filmed, picture_of(renderer.render(0, filmed, False), shown, pixel_format), gate


def through(gate: Mask, truth: tuple[Plane, ...], pixel_format: PixelFormat) -> tuple[Plane, ...]:
    """A picture as it is filmed through the gate."""
    filmed = tuple(p.copy() for p in truth)
    unit = 1 << (pixel_format.depth - 8)
    for plane, level, step in zip(filmed, (18, 128, 128), steps(pixel_format), strict=True):
        dark = gate[::step, ::step]
        plane[dark] = level * unit
    return filmed


def steps(pixel_format: PixelFormat) -> tuple[int, int, int]:
    return (1, 1 << pixel_format.log2_chroma_w, 1 << pixel_format.log2_chroma_w)


@pytest.mark.parametrize("method", ["mosaic", "ambient"])
@pytest.mark.parametrize("pixel_format", [YUV420P, YUV444P10], ids=lambda f: f.name)
@pytest.mark.parametrize(("width", "height"), [(160, 120), (161, 121)])
def test_only_gate_pixels_change(width: int, height: int, pixel_format: PixelFormat, method: Method) -> None:
    _, filmed, out, gate = gated(width, height, pixel_format, method)
    for plane, before, step in zip(out, filmed, steps(pixel_format), strict=True):
        padded = np.pad(gate, ((0, height % step), (0, width % step)), mode="edge")
        whole = padded.reshape(plane.shape[0], step, plane.shape[1], step).all(axis=(1, 3))
        np.testing.assert_array_equal(plane[~whole], before[~whole])
        assert (plane[whole] != before[whole]).mean() > 0.6


@pytest.mark.parametrize("framing", [0.0, 0.5])
@pytest.mark.parametrize(("width", "height"), [(160, 120), (161, 121)])
def test_the_background_replaces_the_gate(width: int, height: int, framing: float) -> None:
    truth, filmed, out, gate = gated(width, height, YUV420P, "mosaic", feather=0, framing=framing)
    assert np.abs(filmed[0][gate].astype(float) - truth[0][gate]).mean() > 60
    assert np.abs(out[0][gate].astype(float) - truth[0][gate]).mean() < 1.0


def test_the_soft_fill_is_as_bright_as_the_picture_beside_the_gate() -> None:
    truth, filmed, out, gate = gated(160, 120, YUV420P, "ambient", feather=0)
    assert abs(out[0][gate].mean() - truth[0][gate].mean()) < 0.1 * (truth[0][gate].mean() - filmed[0][gate].mean())


def test_feathering_stays_within_the_gate() -> None:
    _, filmed, hard, gate = gated(160, 120, YUV420P, "mosaic", feather=0)
    soft = gated(160, 120, YUV420P, "mosaic", feather=3)[2]
    np.testing.assert_array_equal(soft[0][~gate], filmed[0][~gate])
    row = slice(40, 80)
    darker = hard[0][row, :5].astype(float) - soft[0][row, :5]
    assert abs(darker[:, 0].mean()) < 2 < darker[:, 3].mean() < darker[:, 4].mean()


@pytest.mark.parametrize(("method", "off"), [("mosaic", 1.0), ("ambient", 30.0)])
def test_an_unfilled_gate_does_not_enter_the_wings(method: Method, off: float) -> None:
    shown, gate = window_of(160, 120, YUV420P), gate_of(160, 120)
    truth = whole_window(shown, LOOK, YUV420P)
    filmed = through(gate, picture_of(truth, shown, YUV420P), YUV420P)
    shot = shot_of([LOOK], canvas() if method == "mosaic" else None, method)
    form, film = FrameFormat(shown, YUV420P, COLOR), FilmTraces(gate=gate, fill_gate=False)
    renderer = WingRenderer(shot, form, film, ResampleSettings(), 1)
    out = renderer.render(0, filmed, False)
    assert all(np.array_equal(a, b) for a, b in zip(picture_of(out, shown, YUV420P), filmed, strict=True))
    for wing in (np.s_[:, : shown.x], np.s_[:, shown.x + 160 :]):
        assert np.abs(out[0][wing].astype(float) - truth[0][wing]).mean() < off


def test_without_a_gate_the_dark_edge_stays() -> None:
    shown = window_of(160, 120, YUV420P)
    dark = tuple(np.full(shape, 20, np.uint8) for shape in YUV420P.plane_shapes(160, 120))
    form = FrameFormat(shown, YUV420P, COLOR)
    renderer = WingRenderer(shot_of([LOOK], canvas()), form, FilmTraces(), ResampleSettings(), 1)
    out = picture_of(renderer.render(0, dark, False), shown, YUV420P)
    assert all(np.array_equal(a, b) for a, b in zip(out, dark, strict=True))


def test_a_chroma_sample_shared_with_the_picture_is_untouched() -> None:
    gate = np.zeros((5, 6), bool)
    gate[:, :3] = True
    assert gate_samples(gate, (2, 2)).tolist() == [[True, False, False]] * 3
    gate[4] = True
    assert gate_samples(gate, (2, 2))[2].tolist() == [True, True, True]
