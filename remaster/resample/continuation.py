"""Characters cut by the join, continued from frames of the shot that show them whole.

Who walks through the picture's side is whole in other drawings, often in the very same pose: one step of the walk
earlier or later. Where such a drawing agrees with what is seen at the join (``matching``), the wing shows the rest of
it; where none does, he ends at the join.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import islice

import numpy as np
import numpy.typing as npt

from remaster.arrays import Mask
from remaster.imaging import camera as cam
from remaster.imaging.footage import Footage
from remaster.imaging.gate import proxy_valid
from remaster.imaging.geometry import Window
from remaster.media.types import PixelFormat, Rect
from remaster.records import Background, Shot
from remaster.resample.drawings import LINES, Drawing, drawings
from remaster.resample.framing import joined_sides
from remaster.resample.layers import NOBODY, Continuation, Layer, Placement, cut_out, figure_rect
from remaster.resample.periodic_motion import Found
from remaster.resample.tracking import follow

MOST_LAYERS = 24
"""Layers of one shot, which are kept at full size."""
MOST_DRAWINGS = 240
"""Drawings that are looked at together; a longer shot is taken in parts."""


def continued(
    shot: Shot,
    window: Window,
    holds: npt.NDArray[np.bool_],
    gate: Mask | None,
    noise: float,
    pixel_format: PixelFormat,
    footage: Footage,
) -> Continuation | None:
    """How a shot's cut characters go on beyond the joins; None where none does.

    ``holds`` bool tells which frames of the shot repeat the one before, ``gate`` bool is the active picture's, and
    ``noise`` the grain in 8-bit levels; ``footage`` reads the scene's frames. Figures are told from the one background
    that a shot has, so that one with several speeds, or none, continues nobody.
    """
    if shot.background is None or shot.method not in ("mosaic", "still"):
        return None
    active = window.active
    height = min(LINES, active.height)
    width = round(active.width * height / active.height)
    small = footage.small(shot.start, shot.end, width, height)
    valid = proxy_valid(gate, width, height)
    joins = joined_sides(window)
    seen = drawings(shot, small, holds, joins, active, valid, noise)
    found: list[Found] = []
    while part := list(islice(seen, MOST_DRAWINGS)):
        for side in joins:
            found += follow(part, side, len(holds) - 1)
        found = _most_used(found)
    if not found:
        return None
    donors = {f.layer: f.donor for f in sorted(found, key=lambda f: f.layer)}
    layers = _layers(donors, shot, shot.background, active, pixel_format, footage)
    return Continuation(layers, _placements(found, list(donors), holds, active))


def _most_used(found: Sequence[Found]) -> list[Found]:
    """What the layers show that are used most, as many as may be kept."""
    counts = Counter(f.layer for f in found)
    kept = sorted(counts, key=lambda layer: (-counts[layer], layer))[:MOST_LAYERS]
    return [f for f in found if f.layer in kept]


def _layers(
    donors: Mapping[tuple[int, int], Drawing],
    shot: Shot,
    background: Background,
    active: Rect,
    pixel_format: PixelFormat,
    footage: Footage,
) -> tuple[Layer, ...]:
    """The figures at full size, in the donors' order, which is that of time."""
    masks = [donor.figures[figure].mask(donor.picture.shape) for (_, figure), donor in donors.items()]
    rects = [figure_rect(mask, active, pixel_format) for mask in masks]
    wanted: dict[int, list[Rect]] = {}
    for (frame, _), rect in zip(donors, rects, strict=True):
        wanted.setdefault(shot.start + frame, []).append(rect)
    seen = [picture for pictures in footage.strips(wanted) for picture in pictures]
    return tuple(
        cut_out(donor, mask, rect, picture, background, active)
        for donor, mask, rect, picture in zip(donors.values(), masks, rects, seen, strict=True)
    )


def _placements(
    found: Sequence[Found], layers: Sequence[tuple[int, int]], holds: npt.NDArray[np.bool_], active: Rect
) -> tuple[tuple[Placement, ...], ...]:
    """What continues in each frame: in a held one what continues in the one it holds."""
    here: dict[int, tuple[Placement, ...]] = {}
    for f in found:
        rows, columns = f.donor.picture.shape[:2]
        place = cam.rescale(f.match.place, active.width / columns, active.height / rows)
        placement = Placement(layers.index(f.layer), f.side, place, f.strength)
        here[f.frame] = (*here.get(f.frame, NOBODY), placement)
    placements: list[tuple[Placement, ...]] = []
    for frame, held in enumerate(holds):
        placements.append(placements[-1] if held and frame else here.get(frame, NOBODY))
    return tuple(placements)
