"""Affine cameras: algebra, resizing and error."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from remaster.imaging import camera as cam

TILTED = np.array([[1.1, -0.2, 7.0], [0.15, 0.9, -3.0]])
ZOOMED = np.array([[1.5, 0.0, -20.0], [0.0, 1.5, 4.0]])
POINTS = np.array([[0.0, 0.0], [10.0, 3.0], [-4.0, 8.5]])


def test_a_translation_moves_points() -> None:
    np.testing.assert_allclose(cam.apply(cam.translation(2, -3), POINTS), POINTS + np.array([2, -3]))


def test_compose_applies_the_inner_camera_first() -> None:
    both = cam.compose(ZOOMED, TILTED)
    np.testing.assert_allclose(cam.apply(both, POINTS), cam.apply(ZOOMED, cam.apply(TILTED, POINTS)))


def test_compose_and_apply_take_stacks() -> None:
    stack = np.stack([TILTED, ZOOMED, cam.IDENTITY])
    both = cam.compose(ZOOMED, stack)
    assert both.shape == (3, 2, 3)
    for one, inner in zip(both, stack, strict=True):
        np.testing.assert_allclose(one, cam.compose(ZOOMED, inner))
    mapped = cam.apply(stack, np.stack([POINTS] * 3))
    for points, camera in zip(mapped, stack, strict=True):
        np.testing.assert_allclose(points, cam.apply(camera, POINTS))
    np.testing.assert_allclose(cam.apply(stack, POINTS), mapped)


def test_invert_takes_points_back() -> None:
    np.testing.assert_allclose(cam.apply(cam.invert(TILTED), cam.apply(TILTED, POINTS)), POINTS, atol=1e-12)
    stack = np.stack([TILTED, ZOOMED])
    np.testing.assert_allclose(cam.compose(cam.invert(stack), stack), np.stack([cam.IDENTITY] * 2), atol=1e-12)


def test_a_flat_camera_has_no_inverse() -> None:
    with pytest.raises(np.linalg.LinAlgError):
        cam.invert(np.array([[1.0, 2.0, 0.0], [2.0, 4.0, 0.0]]))


def test_the_identity_cannot_be_written() -> None:
    with pytest.raises(ValueError, match="read-only"):
        cam.IDENTITY[0, 2] = 1.0


@pytest.mark.parametrize("scale", [(2.0, 2.0), (3.0, 2.0), (0.5, 0.25)])
def test_rescale_keeps_the_pictures_edges_in_place(scale: tuple[float, float]) -> None:
    """A pixel's centre c of the small picture is c * s + (s - 1) / 2 in the resized one, on both sides."""
    larger = cam.rescale(TILTED, *scale)

    def resized(points: np.ndarray) -> np.ndarray:
        return (points + 0.5) * scale - 0.5

    np.testing.assert_allclose(cam.apply(larger, resized(POINTS)), resized(cam.apply(TILTED, POINTS)))
    np.testing.assert_allclose(cam.rescale(larger, 1 / scale[0], 1 / scale[1]), TILTED, atol=1e-12)


def test_rescale_agrees_with_how_pictures_are_resized() -> None:
    """Warping the small picture and resizing, or resizing both and warping, gives the same picture."""
    rng = np.random.default_rng(0)
    picture = cv2.GaussianBlur(rng.uniform(0, 255, (60, 80)).astype(np.float32), (0, 0), 4)
    camera, size = np.array([[1.02, 0.01, 2.3], [-0.01, 1.02, 1.4]]), (80, 60)
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    small = cv2.warpAffine(picture, camera, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    large = cv2.resize(picture, (160, 120), interpolation=cv2.INTER_CUBIC)
    warped = cv2.warpAffine(large, cam.rescale(camera, 2, 2), (160, 120), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    expected = cv2.resize(small, (160, 120), interpolation=cv2.INTER_CUBIC)
    assert np.abs(warped - expected)[12:-12, 12:-12].mean() < 0.25


def test_corners_go_clockwise_from_the_top_left() -> None:
    assert cam.corners(4, 3).tolist() == [[0, 0], [3, 0], [3, 2], [0, 2]]


def test_corner_error_is_the_largest_distance() -> None:
    assert cam.corner_error(cam.translation(3, 4), cam.IDENTITY, 100, 50) == pytest.approx(5.0)
    zoom = np.array([[1.01, 0, 0], [0, 1.0, 0]])
    assert cam.corner_error(zoom, cam.IDENTITY, 101, 50) == pytest.approx(1.0)
    stack = np.stack([cam.IDENTITY, cam.translation(0, 2)])
    np.testing.assert_allclose(cam.corner_error(stack, cam.IDENTITY, 10, 10), [0, 2])
