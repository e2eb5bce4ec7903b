"""Segmenter ``none``: masks nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from remaster.records import Analysis
from remaster.segment import Foreground


@dataclass(frozen=True)
class NoneSegmenter:
    """Masks nothing: for scenes without characters, or to measure what masks are worth."""

    def segment(self, scenes: Sequence[Analysis]) -> list[Foreground]:
        """For each scene, masks that are all False."""
        return [Foreground(np.zeros(scene.proxies.shape[:3], np.bool_)) for scene in scenes]
