"""Direct alignment of keyframes: exact where it accepts a pair, None where features are needed."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from remaster.arrays import Affine, Gray
from remaster.imaging.alignment import detail
from remaster.imaging.camera import IDENTITY, corner_error, translation
from remaster.stitch.keyframe_pairs import match_direct

SIZE = (320, 240)


def painted(seed: int) -> Gray:
    """A large textured picture."""
    rough = np.random.default_rng(seed).uniform(0, 255, (90, 120)).astype(np.float32)
    return np.asarray(np.clip(cv2.resize(rough, (480, 360), interpolation=cv2.INTER_CUBIC), 0, 255), np.uint8)


def seen(world: Gray, camera: Affine) -> Gray:
    """What a camera (picture to world) shows of it."""
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(world, camera, SIZE, flags=flags, borderMode=cv2.BORDER_REFLECT), np.uint8)


def matched(first: Gray, second: Gray, chained: Affine) -> tuple[Affine, object, object, float] | None:
    a, b = (detail(p, np.ones(p.shape, bool), 1.0, 240) for p in (first, second))
    return match_direct(a, b, chained)


@pytest.mark.parametrize("camera", [IDENTITY, translation(7.3, -2.6), np.array([[1.01, 0.0, 3.2], [0.0, 1.01, 1.1]])])
def test_a_camera_near_its_chained_motion_is_found(camera: Affine) -> None:
    world = painted(1)
    start = np.add(camera, [[0, 0, 0.8], [0, 0, -0.7]])
    found = matched(seen(world, IDENTITY), seen(world, camera), start)
    assert found is not None
    assert corner_error(found[0], camera, *SIZE) < 0.1


def test_two_speeds_are_left_to_features() -> None:
    far, near = painted(2), painted(3)
    first, second = seen(far, IDENTITY), seen(far, translation(4.0, 0.0))
    first[150:], second[150:] = seen(near, IDENTITY)[150:], seen(near, translation(9.0, 0.0))[150:]
    assert matched(first, second, translation(4.0, 0.0)) is None


def test_another_picture_is_left_to_features() -> None:
    assert matched(seen(painted(4), IDENTITY), seen(painted(5), IDENTITY), IDENTITY) is None
