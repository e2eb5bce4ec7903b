"""Grows masks of moving parts to whole characters where the camera rests, so that their still parts are masked too."""

from __future__ import annotations

import cv2
import numpy as np

from remaster.arrays import Mask
from remaster.imaging.aligned_keyframes import Preview
from remaster.imaging.camera import IDENTITY, chain
from remaster.imaging.tuning import TUNING
from remaster.imaging.whole_figures import at_rest, find_figures, placed
from remaster.records import Analysis


def with_whole_figures(analysis: Analysis, masks: Mask) -> Mask:
    """The keyframes' masks, bool (k, h, w), grown to whole characters where only a part of one moves (eyes, a mouth).

    Under a moving camera the masks stay as they are.
    """
    k, height, width = masks.shape
    if not k or not masks.any():
        return masks
    cameras = chain(analysis.motion)[analysis.keyframes]
    if not at_rest(cameras, width, height):
        return masks
    scale = min(TUNING.preview.height / height, 1.0)
    w, h = round(width * scale), round(height * scale)
    pictures = np.stack([cv2.resize(p, (w, h), interpolation=cv2.INTER_AREA) for p in analysis.proxies])
    seen = np.stack([cv2.resize(m.astype(np.uint8), (w, h), interpolation=cv2.INTER_NEAREST) == 0 for m in masks])
    valid = cv2.resize(analysis.valid.astype(np.uint8), (w, h), interpolation=cv2.INTER_NEAREST) > 0
    still = np.repeat(IDENTITY[None], k, axis=0)
    preview = Preview(np.asarray(pictures, np.uint8), seen, np.zeros_like(seen), still, w, h, scale)
    grow = 1 / scale
    to_full = np.array([[grow, 0.0, grow / 2 - 0.5], [0.0, grow, grow / 2 - 0.5]])
    return masks | placed(find_figures(preview, np.asarray(valid)), to_full, (width, height))
