"""Step 3, segment: masks of what moves by itself (characters) on a scene's keyframes. One module per engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from remaster.arrays import Mask
from remaster.records import Analysis


@dataclass(frozen=True)
class Foreground:
    """What of one scene is never to be stitched.

    ``masks`` bool (k, h, w) over its keyframes' proxies. ``labels``: how many instances of each class are masked, all
    keyframes together; None where the engine knows no classes.
    """

    masks: Mask
    labels: Mapping[str, int] | None = None


class Segmenter(Protocol):
    """An engine that masks characters."""

    def segment(self, scenes: Sequence[Analysis]) -> list[Foreground]:
        """The foreground of each scene."""
        ...
