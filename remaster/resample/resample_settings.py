"""What a person can choose about the wings."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Grain(StrEnum):
    """Whether wings get grain like the source's."""

    match = "match"
    none = "none"


@dataclass(frozen=True)
class ResampleSettings:
    """Settings of the resample step.

    ``grain``: ``match`` gives the wings the source's measured grain, ``none`` leaves them clean. ``feather``:
    pixels within the gate over which the fill fades in, 0 for a hard edge. ``soft_memory``: the share (0-1) of the
    soft fill that stays from one frame to the next while the picture rests. ``framing_penalty``: with
    ``target.framing=auto``, how much smaller (as a share of the join) the cuts through characters must be before
    the picture leaves the centre; ``framing_invention``: what a wing that no frame ever shows counts beside a join
    that cuts characters all along.
    """

    grain: Grain = Grain.match
    feather: int = 1
    soft_memory: float = 0.95
    framing_penalty: float = 0.1
    framing_invention: float = 0.5
