"""What the embedded inpainter weighs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """Costs are for one pixel of the low resolution, in grey levels of a picture of ordinary contrast.

    Candidates: ``statistical`` dominant offsets; at each of ``places`` on the join, ``matches`` that continue it, used
    within ``home`` (a share of the picture's longer side) of that place; no shift is shorter than ``nearest`` (a share
    of the same). Of all candidates at most ``labels`` are cut, each of which lowers the cost by ``opening`` or more.
    Costs: ``seam`` for a border between labels, ``join`` for disagreeing with the picture at the join, ``distinct`` for
    copying what is one of a kind, ``mirrored`` for mirroring, ``drift`` for a shift along the join by the longer side,
    ``deep`` for what lies far inside where holes are above or below (there a set has other things at other heights),
    ``strange`` for colours unlike those of the join nearby, ``salient`` for what is far livelier than it (lettering).
    ``nodes``: about how many hole pixels the low resolution has; ``alignments``: how often labels are moved to fit the
    join. ``reach``: how far a difference in tone at the join is felt, as a share of the picture's shorter side.
    ``depth``: holes deeper than this share of the known picture are filled strip by strip. ``apart``: holes within so
    many pixels of each other are solved together.
    """

    nodes: int = 1400
    statistical: int = 40
    places: int = 30
    matches: int = 3
    home: float = 0.25
    nearest: float = 0.07
    seam: float = 1.0
    join: float = 4.0
    distinct: float = 0.25
    mirrored: float = 1.0
    drift: float = 100.0
    deep: float = 200.0
    strange: float = 0.06
    salient: float = 2.0
    labels: int = 24
    opening: float = 20.0
    alignments: int = 1
    reach: float = 0.3
    depth: float = 0.8
    apart: int = 24
