"""Step 3, segment: masks of what moves by itself (characters) on a scene's keyframes. One module per engine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from remaster.media.types import Mask
from remaster.records import Analysis


class Segmenter(Protocol):
    """An engine that masks characters."""

    def segment(self, scenes: Sequence[Analysis]) -> list[Mask]:
        """For each scene, bool (k, h, w) over its keyframes' proxies: True is foreground, never to be stitched."""
        ...
