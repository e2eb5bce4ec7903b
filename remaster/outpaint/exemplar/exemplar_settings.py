"""Settings of the embedded engine."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ExemplarSettings:
    """What the embedded engine weighs. Costs are for one hole pixel of the low level, in feature units.

    Sizes: the low level has about ``nodes`` hole pixels. Holes within ``max_hole_gap`` pixels of each other are solved
    together; holes deeper than ``max_strip_depth`` of the known picture's shorter side are filled strip by strip.

    Candidates: ``dominant_offsets`` shifts at which the picture repeats itself; at each of ``join_samples`` points of
    the join, ``matches`` that continue it, usable within ``match_radius`` (a share of the picture's longer side) of
    that point. No shift is shorter than ``min_shift`` (such a share). At most ``max_labels`` candidates enter the graph
    cut, each of which must lower the total cost by ``label_cost``.

    Costs: ``seam_cost`` of a border between two labels; ``join_cost`` per unit of disagreement with the picture at the
    join; ``distinctness_cost`` of copying what is one of a kind; ``mirror_cost`` of mirroring; ``drift_cost`` of a
    shift along the join by the longer side; ``depth_cost`` of copying from far inside where holes are above or below
    (a set shows other things at other heights); ``color_cost`` of colors unlike those of the join nearby;
    ``texture_cost`` of much more texture than there (lettering).

    Last, labels are moved ``alignments`` times to fit the join, and a difference in tone at the join fades within
    ``blend_radius``, a share of the picture's shorter side.
    """

    nodes: int = 1400
    dominant_offsets: int = 40
    join_samples: int = 30
    matches: int = 3
    match_radius: float = 0.25
    min_shift: float = 0.07
    seam_cost: float = 1.0
    join_cost: float = 4.0
    distinctness_cost: float = 0.25
    mirror_cost: float = 1.0
    drift_cost: float = 100.0
    depth_cost: float = 200.0
    color_cost: float = 0.06
    texture_cost: float = 2.0
    max_labels: int = 24
    label_cost: float = 20.0
    alignments: int = 1
    blend_radius: float = 0.3
    max_strip_depth: float = 0.8
    max_hole_gap: int = 24
