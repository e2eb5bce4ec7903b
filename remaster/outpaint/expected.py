"""Copied pieces drawn towards the tones that the settled picture alone leads one to expect.

What a hole holds is a guess. Its texture and lines are worth copying, but whether a piece is on the whole lighter or
darker than its surroundings says little about what was there: measured on film whose sides were hidden, a smooth
continuation of the picture tells a hole's large tones better than any copy. So these are shrunk towards it (after James
and Stein, "Estimation with Quadratic Loss", 1961), only where texture hides the shading.
"""

from __future__ import annotations

import cv2
import numpy as np

from remaster.media.types import Mask
from remaster.outpaint.labels import Floats
from remaster.outpaint.nearest import thickness
from remaster.outpaint.poisson import Values, correction, neighbours

_SHARE = 0.9
"""How much of the difference in tone is taken away where texture hides it well."""
_HIDING = 2.0
"""Texture of this deviation, in grey levels, lets half of that be taken away; a flat area keeps its colour."""
_COLOUR = 0.5
"""Colour's share in what is taken away of light: a tint is seen sooner than a shadow."""
_LARGE = 1 / 8
"""Tones are large from this share of the way across the holes."""
_BLOCKS = 2
"""Blocks for that length, in which the tones are compared."""


def towards_expected(filled: Floats, expected: Floats, holes: Mask, settled: Mask) -> Values:
    """What to add to the holes' pixels, float64 (n, 3) in raster order; it is nought where they join what is settled.

    ``filled`` and ``expected`` float32 (h, w, 3), 0-255: the picture with copied pieces in its holes, and with a smooth
    continuation there.
    """
    side = max(round(_LARGE * thickness(holes) / _BLOCKS), 1)
    share = _means(holes[..., None].astype(np.float32), side)
    difference, hiding = _compared(filled, expected, holes, share, side)
    free = share.max(axis=2) > 0
    at, _ = neighbours(free, ~free & (_means(settled[..., None].astype(np.float32), side).max(axis=2) > 0))
    p, q = neighbours(free, free)
    border = at, np.zeros((len(at), 3))
    added = np.zeros(difference.shape, np.float32)
    added[free] = correction(free, (p, q, np.zeros((len(p), 3))), border, _BLOCKS, _SHARE * difference[free])
    added *= hiding
    h, w = holes.shape
    grown = cv2.resize(added, (free.shape[1] * side, free.shape[0] * side), interpolation=cv2.INTER_LINEAR)
    distance = np.asarray(cv2.distanceTransform((~settled).astype(np.uint8), cv2.DIST_L2, 3), np.float32)
    rising = np.minimum((distance - 1) / (_BLOCKS * side), 1)[..., None]
    change: Floats = np.asarray(grown, np.float32)[:h, :w] * rising
    return change[holes].astype(np.float64)


def _compared(filled: Floats, expected: Floats, holes: Mask, share: Floats, side: int) -> tuple[Values, Floats]:
    """Of each block's holes: what is expected less what is there, float64 (h, w, 3); how far texture hides it, 0-1."""
    grey = filled.mean(axis=2, keepdims=True)
    values = np.dstack([expected - filled, grey, grey * grey]) * holes[..., None]
    means = _means(values.astype(np.float32), side) / np.maximum(share, 1e-3)
    deviation = np.sqrt(np.maximum(means[..., 4] - means[..., 3] ** 2, 0)).astype(np.float32)
    deviation = np.asarray(cv2.medianBlur(deviation, 3), np.float32)[..., None]
    wanted = means[..., :3].astype(np.float64)
    light = wanted.mean(axis=2, keepdims=True)
    return light + _COLOUR * (wanted - light), deviation**2 / (deviation**2 + _HIDING**2)


def _means(values: Floats, side: int) -> Floats:
    """The means over blocks of ``side`` x ``side`` pixels, float32 (h, w, channels), beyond the picture noughts."""
    h, w = values.shape[:2]
    grown = cv2.copyMakeBorder(values, 0, -h % side, 0, -w % side, cv2.BORDER_CONSTANT)
    size = (grown.shape[1] // side, grown.shape[0] // side)
    small: Floats = np.asarray(cv2.resize(grown, size, interpolation=cv2.INTER_AREA), np.float32)
    return small.reshape(size[1], size[0], -1)
