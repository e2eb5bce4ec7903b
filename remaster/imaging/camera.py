"""Affine cameras as plain arrays.

A camera is a (2, 3) float64 matrix that takes pixel coordinates (x, y) of one picture to another's; pixel centres have
integer coordinates, as in OpenCV. Functions take one camera or a stack ``(..., 2, 3)``.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from remaster.arrays import Affine

IDENTITY: Affine = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
IDENTITY.setflags(write=False)


def translation(dx: float, dy: float) -> Affine:
    """The camera that adds (dx, dy)."""
    return np.array([[1.0, 0.0, dx], [0.0, 1.0, dy]])


def compose(outer: Affine, inner: Affine) -> Affine:
    """The camera that applies ``inner`` first, then ``outer``; stacks broadcast."""
    outer, inner = np.asarray(outer, float), np.asarray(inner, float)
    linear = outer[..., :2] @ inner[..., :2]
    shift = outer[..., :2] @ inner[..., 2:] + outer[..., 2:]
    return np.concatenate([linear, shift], axis=-1)


def invert(camera: Affine) -> Affine:
    """The inverse camera. Raises ``numpy.linalg.LinAlgError`` where it has none."""
    linear = np.linalg.inv(np.asarray(camera, float)[..., :2])
    return np.concatenate([linear, -linear @ np.asarray(camera, float)[..., 2:]], axis=-1)


def chain(motion: Affine) -> Affine:
    """Cameras (n, 2, 3) of all frames to the first one's, from the motion (n, 2, 3) of each to the one before it."""
    cameras = np.empty_like(motion)
    cameras[0] = IDENTITY
    for i in range(1, len(motion)):
        cameras[i] = compose(cameras[i - 1], motion[i])
    return cameras


def apply(camera: Affine, points: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Map points ``(..., 2)`` by one camera, or ``(n, m, 2)`` points by ``n`` cameras."""
    camera = np.asarray(camera, float)
    points = np.asarray(points, float)
    return points @ np.swapaxes(camera[..., :2], -1, -2) + np.swapaxes(camera[..., 2:], -1, -2)


def rescale(camera: Affine, sx: float, sy: float) -> Affine:
    """The same camera between pictures that are both resized by (sx, sy), kept aligned at their outer edges.

    Resizing maps x to ``(x + 0.5) * sx - 0.5``, as ``cv2.resize`` does. From proxy to full size, s is full / proxy.
    """
    grow = np.array([[sx, 0.0, sx / 2 - 0.5], [0.0, sy, sy / 2 - 0.5]])
    return compose(compose(grow, camera), invert(grow))


def corners(width: int, height: int) -> npt.NDArray[np.float64]:
    """The centres of the four corner pixels, (4, 2), clockwise from the top left."""
    return np.array([[0, 0], [width - 1, 0], [width - 1, height - 1], [0, height - 1]], float)


def corner_error(a: Affine, b: Affine, width: int, height: int) -> npt.NDArray[np.float64]:
    """Largest distance, in pixels, between where two cameras put the corners of a picture; stacks give one each."""
    points = corners(width, height)
    distance: npt.NDArray[np.float64] = np.linalg.norm(apply(a, points) - apply(b, points), axis=-1)
    return np.asarray(distance.max(axis=-1))
