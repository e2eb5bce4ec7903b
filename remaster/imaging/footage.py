"""How the steps read a scene's frames again, whoever decodes them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from remaster.arrays import Rgb
from remaster.media.types import Rect


@dataclass(frozen=True)
class Footage:
    """How a scene's frames are read again, each in one pass, in the order of time.

    ``small(start, end, width, height)`` yields frames ``[start, end)`` at that size, uint8 RGB; ``strips(wanted)``
    yields, for each frame asked, full-size uint8 RGB of the rectangles of its active picture.
    """

    small: Callable[[int, int, int, int], Iterator[Rgb]]
    strips: Callable[[Mapping[int, Sequence[Rect]]], Iterator[Sequence[Rgb]]]
