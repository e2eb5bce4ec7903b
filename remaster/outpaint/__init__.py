"""Step 5, outpaint: fills what no frame of a scene shows, once for each background.

In come a scene's shots, whose backgrounds have holes; out come the same shots with the holes filled. In reading order:
this file has the interface of engines; ``filling`` is the step, which asks an engine for each background at the size at
which the picture beside its holes was seen. ``exemplar/`` is the embedded engine, without weights. ``lama`` and
``stable_diffusion`` are neural engines; both see one tile at a time, which ``tiled_fill`` cuts out and puts together.
``tuning`` holds the numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from remaster.arrays import Mask, Rgb


@dataclass(frozen=True)
class Prompts:
    """What the generated picture should show and should not; None: the engine's own setting."""

    positive: str | None = None
    negative: str | None = None


@dataclass(frozen=True)
class FillTask:
    """A picture with holes.

    ``image`` uint8 (H, W, 3) RGB. ``holes`` bool (H, W) are to be filled. ``known`` bool (H, W), disjoint from
    ``holes``: the only pixels that an engine may use, as source and as context. ``figures`` bool (H, W), None for
    none: known pixels of characters, which are context but no source; only the part of a figure that a hole cuts off is
    continued, beside the cut. The same ``seed`` gives the same result. ``prompts`` are for engines that read some.
    """

    image: Rgb
    holes: Mask
    known: Mask
    seed: int
    figures: Mask | None = None
    prompts: Prompts = field(default_factory=Prompts)


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
