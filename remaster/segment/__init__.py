"""Step 3, segment: masks what moves by itself (characters) on a scene's keyframes.

In comes each scene's ``Analysis``; out go masks of its keyframes' proxies, which stitching leaves out. This file has
the interface of engines, and the one that masks nothing. ``motion_segmenter``, the embedded engine, compares keyframes
with their aligned median, and adds what is fixed on the screen; ``maskrcnn`` finds instances by a network. Any engine's
masks are grown to whole characters by ``imaging.whole_figures``. ``tuning`` holds the numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from remaster.arrays import Mask
from remaster.records import Analysis


@dataclass(frozen=True)
class Foreground:
    """The part of one scene that is never stitched.

    ``masks`` bool (k, h, w) over its keyframes' proxies. ``labels``: how many instances of each class are masked, over
    all keyframes; None where the engine knows no classes.
    """

    masks: Mask
    labels: Mapping[str, int] | None = None


class Segmenter(Protocol):
    """An engine that masks characters."""

    def segment(self, scenes: Sequence[Analysis]) -> list[Foreground]:
        """The foreground of each scene."""
        ...


@dataclass(frozen=True)
class NoneSegmenter:
    """Masks nothing: for scenes without characters, or to measure what masks are worth."""

    def segment(self, scenes: Sequence[Analysis]) -> list[Foreground]:
        """For each scene, masks that are all False."""
        return [Foreground(np.zeros(scene.proxies.shape[:3], np.bool_)) for scene in scenes]
