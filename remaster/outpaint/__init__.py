"""Step 5, outpaint: what no frame ever showed, once per scene. One module per engine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from remaster.arrays import Mask, Rgb


@dataclass(frozen=True)
class FillTask:
    """A picture with holes.

    ``image`` uint8 (H, W, 3) RGB. ``holes`` bool (H, W) are to be filled. ``known`` bool (H, W), disjoint from holes,
    is all that may serve as source and context; of ``figures`` bool (H, W), None for nothing, only the context and
    what a hole cuts off, which is continued beside the cut and copied nowhere else. ``seed`` makes it repeatable.
    """

    image: Rgb
    holes: Mask
    known: Mask
    seed: int
    figures: Mask | None = None


@dataclass(frozen=True)
class Filled:
    """``image`` equals the task's outside its holes; ``calls`` counts the crops given to a network or solver."""

    image: Rgb
    calls: int


class Inpainter(Protocol):
    """An engine that fills holes. A task's result never depends on what else is in the batch (but for rounding)."""

    def fill(self, tasks: Sequence[FillTask]) -> list[Filled]:
        """Fill each task's holes from its known pixels."""
        ...
