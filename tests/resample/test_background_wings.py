"""Sources of more than 8 bits: the wings have no steps of 8 bits."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from resample_scene import COLOR, picture_of, shot_of, window_of

from remaster.imaging import camera as cam
from remaster.media.planes import from_rgb
from remaster.media.types import PixelFormat
from remaster.records import Background
from remaster.resample.background_wings import without_steps
from remaster.resample.layout import FrameFormat
from remaster.resample.rendering import FilmTraces, WingRenderer
from remaster.resample.tuning import ResampleSettings

DEEP = PixelFormat("yuv420p10le", "yuv", 10, 1, 1)


def sky(width: int, height: int) -> npt.NDArray[np.float32]:
    """A gradient of which one level of 8 bits is some 20 pixels wide."""
    y, x = np.mgrid[:height, :width].astype(np.float32)
    return np.dstack([60 + x / 21 + y / 90, 90 + x / 47, 120 + y / 31 + x / 300]).astype(np.float32)


def test_gradients_are_smooth_and_stay_within_their_rounding() -> None:
    truth = sky(320, 180)
    image = np.rint(truth).astype(np.uint8)
    smooth = without_steps(image)
    assert np.abs(smooth - image).max() <= 0.5
    inner = np.s_[20:-20, 20:-20]
    assert (smooth - truth)[inner].std() < 0.4 * (image - truth)[inner].std()


def test_what_is_no_gradient_stays_as_it_is() -> None:
    rng = np.random.default_rng(0)
    grain = np.clip(120 + rng.normal(0, 2.5, (90, 160, 3)), 0, 255).astype(np.uint8)
    np.testing.assert_array_equal(without_steps(grain), grain)
    line = np.full((90, 160, 3), 100, np.uint8)
    line[:, 80] = 30
    assert np.abs(without_steps(line) - line).max() <= 0.5


def test_what_was_stitched_finer_is_shown_so() -> None:
    """A pattern of less than half a level of 8 bits, which no smoothing brings back."""
    window = window_of(160, 120, DEEP)
    y, x = np.mgrid[: window.height, : window.width]
    pattern = 0.4 * np.sin(x / 2) * np.cos(y / 3)
    truth = (sky(window.width, window.height) + pattern[..., None]).astype(np.float32)
    planes = from_rgb(truth, DEEP, COLOR)
    image, everywhere = np.rint(truth).astype(np.uint8), np.ones(truth.shape[:2], bool)
    fine = np.rint((truth - image) * 255).astype(np.int8)
    off = []
    for known in (fine, None):
        background = Background(image, everywhere, ~everywhere, ~everywhere, known)
        shot = shot_of([cam.translation(window.x, window.y)], background, "still")
        renderer = WingRenderer(shot, FrameFormat(window, DEEP, COLOR), FilmTraces(), ResampleSettings(), 1)
        shown = np.array(renderer.render(0, picture_of(planes, window, DEEP), False)[0], int)
        off.append((shown - planes[0].astype(int))[:, : window.x].std())
    assert off[0] < 0.6 < 0.9 < off[1], "in levels of ten bits"


@pytest.mark.parametrize("method", ["still"])
def test_wings_have_the_source_s_depth(method: str) -> None:
    window = window_of(160, 120, DEEP)
    truth = sky(window.width, window.height)
    planes = from_rgb(truth, DEEP, COLOR)
    image, everywhere = np.rint(truth).astype(np.uint8), np.ones(truth.shape[:2], bool)
    background = Background(image, everywhere, ~everywhere, ~everywhere)
    shot = shot_of([cam.translation(window.x, window.y)] * 2, background, "still")
    renderer = WingRenderer(shot, FrameFormat(window, DEEP, COLOR), FilmTraces(), ResampleSettings(), 1)
    shown = [np.array(renderer.render(n, picture_of(planes, window, DEEP), n > 0)[0], int) for n in range(2)]
    wing = np.s_[:, : window.x]
    off = shown[0][wing] - planes[0].astype(int)[wing]
    assert np.abs(off).max() <= 4 and off.std() < 1.1, "in levels of ten bits: eight bits are off by up to 2 and dither"
    assert len(set((shown[0][wing] % 4).ravel().tolist())) == 4
    np.testing.assert_array_equal(shown[0], shown[1])
