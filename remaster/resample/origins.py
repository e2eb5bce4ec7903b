"""Which pixels of a window come from where."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from remaster.arrays import Affine, Mask
from remaster.imaging.geometry import Window
from remaster.media.types import Rect
from remaster.resample.layout import Patch, part
from remaster.resample.recovered import covered

ORIGINAL, RECOVERED, PROPAGATED, GENERATED, SOFT = range(5)
"""The picture itself; the shot's background, as frames saw it; frames near in time; the inpainter; the soft fill."""

Origins = npt.NDArray[np.uint8]


def all_of(kind: int, placed: Sequence[Patch]) -> list[Origins]:
    """One kind everywhere: ``[patch]`` over the patches' rectangles."""
    return [np.full((p.rect.height, p.rect.width), kind, np.uint8) for p in placed]


def of_background(coverage: Mask, camera: Affine, rect: Rect) -> Origins:
    """What ``camera`` sees in ``rect``, counted from the picture's first pixel, of a background with that coverage."""
    seen = covered(coverage, camera, rect.x + np.arange(rect.width), rect.y + np.arange(rect.height))
    return np.where(seen, RECOVERED, GENERATED).astype(np.uint8)


def composed(window: Window, placed: Sequence[Patch], drawn: Sequence[Origins]) -> Origins:
    """The whole window from the patches' rectangles: the wings, and the gate where it is replaced; else the picture."""
    out = np.full((window.height, window.width), ORIGINAL, np.uint8)
    for patch, kinds in zip(placed, drawn, strict=True):
        part(out, patch.wing)[...] = part(kinds, patch.wing, patch.rect)
        if patch.gate is not None:
            y, x = np.nonzero(patch.gate)
            y, x = y + window.y, x + window.x
            out[y, x] = kinds[y - patch.rect.y, x - patch.rect.x]
    return out
