"""Distances in masks: the nearest pixel, for every pixel of a picture, and how wide a mask is."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from remaster.arrays import Mask


def nearest(mask: Mask) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """(distance to the nearest pixel of ``mask``, float32 (h, w); that pixel's flat index, int64 (h, w)).

    By the chamfer distance over 5 x 5 pixels (Borgefors, "Distance Transformations in Digital Images", CVGIP 1986). The
    mask (h, w) must not be empty.
    """
    distance, region = cv2.distanceTransformWithLabels(
        (~mask).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    place = np.zeros(int(region.max()) + 1, np.int64)
    place[region[mask]] = np.flatnonzero(mask)
    return np.asarray(distance, np.float32), place[region]


def thickness(mask: Mask) -> int:
    """Pixels across the mask (h, w) where it is widest."""
    return round(2 * float(cv2.distanceTransform(np.pad(mask, 1).astype(np.uint8), cv2.DIST_L2, 5).max()))
