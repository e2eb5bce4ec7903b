"""Sources of more than 8 bits: what is recovered is as fine as they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from background_scenes import FRAMES, HEIGHT, SETTINGS, WIDTH, painting, pan, shoot, to_world

from remaster.arrays import FINE, FineRgb
from remaster.media.planes import from_rgb, rounded, to_fine_rgb, to_rgb
from remaster.media.types import ColorSpec, PixelFormat
from remaster.resample.background_wings import fine_levels, without_steps
from remaster.stitch.composite import robust_mean
from remaster.stitch.exposure import balance
from remaster.stitch.stitching import stitch

FORMATS = [
    PixelFormat("yuv444p10le", "yuv", 10),
    PixelFormat("gbrp12le", "rgb", 12),
    PixelFormat("gray10le", "gray", 10),
]
COLOR = ColorSpec(matrix=6, primaries=6, transfer=6)
SKY = 130
"""Rows of the world in which there is nothing but a sky."""


def world() -> npt.NDArray[np.float32]:
    """A sky whose clouds differ by less than a level of 8 bits, over a painted set."""
    picture = painting(640, 340, 4).astype(np.float32)
    y, x = np.mgrid[:SKY, :640].astype(np.float32)
    clouds = 0.45 * np.sin(x / 5) * np.cos(y / 7)
    picture[:SKY] = np.dstack([70 + x / 31 + y / 40 + clouds, 100 + x / 57 + clouds, 150 + y / 23 - x / 90 + clouds])
    return picture


def test_a_pan_of_ten_bits_recovers_what_eight_bits_cannot_hold() -> None:
    deep, painted, cameras = FORMATS[0], world(), pan(FRAMES, 150)
    drawn = shoot(np.rint(painted).astype(np.uint8), cameras)

    def read(numbers: Sequence[int]) -> Iterator[FineRgb]:
        for number in numbers:
            flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
            picture = cv2.warpAffine(painted, cameras[number], (WIDTH, HEIGHT), flags=flags)
            yield to_fine_rgb(from_rgb(picture, deep, COLOR), deep, COLOR)

    (shot,) = stitch(drawn.analysis, drawn.masks, read, drawn.window, None, SETTINGS, seed=5)
    background = shot.background
    assert background is not None and background.fine is not None
    rows, columns = background.coverage.shape
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    truth = cv2.warpAffine(painted, to_world(drawn, shot), (columns, rows), flags=flags)
    inside = np.zeros((340, 640), np.uint8)
    inside[: SKY - 12] = 1
    sky = cv2.warpAffine(inside, to_world(drawn, shot), (columns, rows), flags=cv2.WARP_INVERSE_MAP) > 0
    here = sky & background.coverage
    assert here.sum() > 10_000

    def off(picture: npt.NDArray[np.float32]) -> float:
        """The root mean square error of luma, in levels of 8 bits."""
        return float(np.sqrt(((picture - truth)[here] @ (0.299, 0.587, 0.114)).var()))

    fine, eight = off(fine_levels(background)), off(background.image.astype(np.float32))
    assert fine < 0.5 * eight
    assert fine < 0.6 * off(without_steps(background.image))
    assert fine < 0.3 / np.sqrt(12), f"{fine}: a third of what rounding luma to 8 bits leaves"


@pytest.mark.parametrize("deep", FORMATS, ids=lambda deep: deep.name)
def test_fine_pictures_are_those_of_eight_bits_before_rounding(deep: PixelFormat) -> None:
    rng = np.random.default_rng(2)
    values = cv2.GaussianBlur(rng.uniform(-40, 295, (40, 60, 3)).astype(np.float32), (0, 0), 2).clip(0, 255)
    planes = from_rgb(values, deep, COLOR)
    fine, plain = to_fine_rgb(planes, deep, COLOR), to_rgb(planes, deep, COLOR)
    assert np.abs(fine / FINE - plain).max() <= 0.5 + 1 / FINE
    assert (rounded(fine) != plain).mean() < 0.01
    if deep.kind != "gray":
        assert np.abs(fine / FINE - values).max() < 0.5
    gain, offset = np.array([1.1, 0.9, 1.0]), np.array([2.0, -3.0, 0.5])
    assert np.abs(rounded(balance(fine, gain, offset)).astype(int) - balance(plain, gain, offset)).max() <= 1


def test_the_mean_of_fine_samples_chooses_as_that_of_eight_bits() -> None:
    rng = np.random.default_rng(3)
    levels = rng.integers(0, 256, (5, 20, 30, 3), np.uint8)
    levels[1:4] = np.clip(levels[:1].astype(int) + rng.integers(-4, 5, (3, 20, 30, 3)), 0, 255)
    weights = rng.integers(0, 256, (5, 20, 30)).astype(np.uint8) * (rng.random((5, 20, 30)) > 0.2).astype(np.uint8)
    plain, seen = robust_mean(levels, weights, 8.0)
    fine, also = robust_mean(levels.astype(np.uint16) * FINE, weights, 8.0)
    assert fine.dtype == np.uint16 and (seen == also).all()
    assert np.abs(fine / FINE - plain).max() <= 0.5
    assert all(a.shape == b.shape for a, b in pairwise([plain, fine]))
