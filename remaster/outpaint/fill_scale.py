"""At which size holes are filled: as finely as the picture beside them was seen.

A zoom's canvas is as fine as its nearest view, but what lies beside its holes was seen in the farthest views alone, and
is as soft as those. What is generated finer costs time and stands out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
import numpy.typing as npt

from remaster.arrays import Affine, Mask, Rgb
from remaster.imaging.camera import apply, corners
from remaster.imaging.geometry import Window
from remaster.outpaint import FillTask
from remaster.records import Background, Shot

LEAST = 1.2
"""A canvas so many times finer than the frames, along each side, is worth two resizes."""
FINER = 0.2
"""Share of what lies beside the holes that may have been seen finer than they are filled."""
_COARSE = 8
"""Which frames show what is told on a canvas so many times smaller."""


def seen_scale(shots: Sequence[Shot], background: Background, window: Window) -> float:
    """How many pixels of the background those frames' pixels are wide that show what lies beside its holes; at least 1.

    ``shots`` have this background. The nearest views that show `FINER` of what is covered there decide.
    """
    cameras = np.concatenate([shot.cameras for shot in shots])
    scales = np.sqrt(np.abs(np.linalg.det(cameras[:, :, :2])))
    if scales.max() < LEAST:
        return 1.0
    size = (-(-background.holes.shape[1] // _COARSE), -(-background.holes.shape[0] // _COARSE))
    near = cv2.dilate((_share(background.holes, size) > 0).astype(np.uint8), np.ones((5, 5), np.uint8))
    beside = near * _share(background.coverage, size)
    drawn = np.zeros_like(near)
    for frame in np.argsort(scales, kind="stable"):
        cv2.fillConvexPoly(drawn, _outline(cameras[frame], window), 1)
        if beside[drawn > 0].sum() > FINER * beside.sum():
            return max(float(scales[frame]), 1.0)
    return 1.0


def reduced(task: FillTask, scale: float) -> FillTask:
    """The task on a picture ``scale`` times smaller: known is what is known wholly, a hole what is one in any part."""
    height, width = task.holes.shape
    size = (max(round(width / scale), 1), max(round(height / scale), 1))
    holes = _share(task.holes, size) > 1e-3
    known = (_share(task.known, size) > 1 - 1e-3) & ~holes
    figures = None if task.figures is None else _share(task.figures, size) > 1e-3
    image = cv2.resize(task.image, size, interpolation=cv2.INTER_AREA).astype(np.uint8)
    return replace(task, image=image, holes=holes, known=known, figures=figures)


def enlarged(filled: Rgb, task: FillTask) -> Rgb:
    """The task's picture, its holes filled with what was made of them at a smaller size."""
    height, width = task.holes.shape
    grown = cv2.resize(filled, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.where(task.holes[..., None], grown, task.image).astype(np.uint8)


def _outline(camera: Affine, window: Window) -> npt.NDArray[np.int32]:
    """The corners of a frame's active picture on the coarse canvas."""
    points = apply(camera, corners(window.active.width, window.active.height))
    return np.rint((points + 0.5) / _COARSE - 0.5).astype(np.int32)


def _share(mask: Mask, size: tuple[int, int]) -> npt.NDArray[np.float32]:
    return np.asarray(cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA))
