"""Motion inside the picture and beyond its joins, against pictures moved by a known one."""

from __future__ import annotations

from fractions import Fraction

import cv2
import numpy as np
import pytest
from moving_scenes import YUV, texture, to_8bit, two_planes, viewed

from remaster.arrays import Float32
from remaster.imaging.channels import gray_of
from remaster.imaging.geometry import window
from remaster.media.types import Rect
from remaster.propagation.grid import Grid
from remaster.propagation.outward_motion import REST, FlowMeter, Motion
from remaster.propagation.tuning import TUNING

FADE = TUNING.flow.fade


def gray(picture: Float32) -> np.ndarray:
    return gray_of(to_8bit(picture))


def measured(width: int, height: int, zoom: float, shift: tuple[float, float]) -> tuple[Motion, np.ndarray]:
    """(the motion found between two views of a texture, the true one) of pictures of one size."""
    world = texture(height + 80, width + 80, 5)
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    true = np.array([[zoom, 0, shift[0]], [0, zoom, shift[1]]])
    first = viewed(world, zoom * columns + shift[0] + 40, zoom * rows + shift[1] + 40)
    second = viewed(world, columns + 40, rows + 40)
    return FlowMeter(width, height, (1.0, 1.0)).measure(gray(first), gray(second)), true


def corners_off(found: np.ndarray, true: np.ndarray, width: int, height: int) -> float:
    """Pixels by which two cameras differ, at most, in the corners of a picture."""
    corners = np.array([[0, 0, 1], [width, 0, 1], [0, height, 1], [width, height, 1]], float)
    return float(np.abs(corners @ (found - true).T).max())


@pytest.mark.parametrize(
    ("zoom", "shift"), [(1.0, (3.0, 0.0)), (1.0, (-2.5, 1.5)), (1.02, (-2.0, -1.0)), (0.98, (2.0, 1.0))]
)
def test_a_camera_is_found_to_a_fraction_of_a_pixel(zoom: float, shift: tuple[float, float]) -> None:
    found, true = measured(160, 120, zoom, shift)
    assert corners_off(found.camera, true, 160, 120) < 0.25
    assert np.abs(found.own).max() < 0.35, "the sides add nothing to what the camera explains"
    assert not found.at_rest


@pytest.mark.parametrize(("width", "height"), [(48, 32), (33, 27), (27, 33), (16, 12)])
def test_tiny_and_odd_pictures_have_a_motion_too(width: int, height: int) -> None:
    found, true = measured(width, height, 1.0, (1.0, 0.0))
    assert corners_off(found.camera, true, width, height) < 0.5


def test_what_is_measured_small_is_told_in_pixels_of_the_full_picture() -> None:
    world = texture(320, 480, 6, detail=8.0)
    rows, columns = np.mgrid[0:240, 0:320].astype(np.float32)
    true = np.array([[1.01, 0.0, 4.0], [0.0, 1.01, -3.0]])
    first = viewed(world, 1.01 * columns + 4.0 + 60, 1.01 * rows - 3.0 + 40)
    second = viewed(world, columns + 60, rows + 40)
    small = [cv2.resize(gray(p), (160, 120), interpolation=cv2.INTER_AREA) for p in (first, second)]
    found = FlowMeter(160, 120, (2.0, 2.0)).measure(*small)
    # Centres of pixels: half a pixel more or less of the large picture would show.
    assert corners_off(found.camera, true, 320, 240) < 0.35


def test_rows_at_the_sides_keep_a_speed_of_their_own_that_fades_outward() -> None:
    shown = window(Rect(0, 0, 160, 120), Fraction(1), YUV, Fraction(16, 9))
    before, now = (gray_of(picture[:, 26:186]) for picture in two_planes(shown, 2, (1.0, 4.0)))
    found, grid = FlowMeter(160, 120, (1.0, 1.0)).measure(now, before), Grid.of(shown, None)
    x, y = grid.flow(found)
    speed = x - grid.x
    for beside in (grid.left - 1, grid.left):
        far, near = speed[10:50, beside], speed[80:110, beside]
        assert np.abs(far - 1).max() < 0.4 and np.abs(near - 4).max() < 0.6
    own = speed - (found.camera[0, 0] * grid.x + found.camera[0, 1] * grid.y[:, None] + found.camera[0, 2] - grid.x)
    near, far = own[:, grid.left - 1], own[:, 0]
    clear = np.abs(near) > 0.2
    assert clear.any()
    np.testing.assert_allclose(
        far[clear] / near[clear], np.exp((grid.x[0] - min(grid.x[grid.left - 1], 0)) / (FADE * 120)), rtol=0.05
    )
    assert np.abs(y - grid.y[:, None]).max() < 0.4


def test_equal_pictures_do_not_move() -> None:
    picture = gray(texture(60, 80, 7))
    found = FlowMeter(80, 60, (1.0, 1.0)).measure(picture, picture)
    assert corners_off(found.camera, REST.camera, 80, 60) < 1e-3
    assert REST.at_rest
    assert not Motion(REST.camera, REST.own + np.float32(0.1)).at_rest


def test_a_flat_picture_has_a_motion_of_nothing() -> None:
    flat = np.full((60, 80), 90, np.uint8)
    found = FlowMeter(80, 60, (1.0, 1.0)).measure(flat, flat)
    assert np.isfinite(found.camera).all() and np.isfinite(found.own).all()
    assert corners_off(found.camera, REST.camera, 80, 60) < 1e-3
