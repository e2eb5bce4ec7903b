"""Continues figures that a join cuts with donor frames of the shot that show them whole.

A figure that walks through the picture's side is whole in other drawings, often in the same pose: a step earlier or
later. Where such a donor predicts what is visible at the join (``figure_tracking``), the wing shows the rest of it;
elsewhere the figure ends at the join. In come a shot, its holds and its footage; out goes a ``Continuation``: layers
cut out of the donors, and where each frame places them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import islice

import numpy as np
import numpy.typing as npt

from remaster.arrays import Mask
from remaster.imaging import camera as cam
from remaster.imaging.gate import proxy_valid
from remaster.imaging.geometry import Window
from remaster.media.types import PixelFormat, Rect
from remaster.records import Background, Footage, Shot
from remaster.resample.drawings import Drawing, drawings
from remaster.resample.figure_layers import NO_PLACEMENTS, Continuation, Layer, Placement, cut_out, figure_rect
from remaster.resample.figure_tracking import DonorFigure, track_figures
from remaster.resample.framing import joined_sides
from remaster.resample.tuning import TUNING


def continue_figures(
    shot: Shot,
    window: Window,
    holds: npt.NDArray[np.bool_],
    gate: Mask | None,
    noise: float,
    pixel_format: PixelFormat,
    footage: Footage,
) -> Continuation | None:
    """Find how a shot's cut figures continue outside the joins; None where none does.

    ``holds`` bool (n,) is True for a frame that repeats the one before, ``gate`` bool is over the active picture, and
    ``noise`` is the grain in 8-bit levels; ``footage`` reads the scene's frames. Figures are what differs from the one
    background of a shot, so shots without one, or with several speeds, have no continuation.
    """
    if shot.background is None or shot.method not in ("mosaic", "still"):
        return None
    active = window.active
    height = min(TUNING.figures.proxy_height, active.height)
    width = round(active.width * height / active.height)
    proxies = footage.small(shot.start, shot.end, width, height)
    joins = joined_sides(window)
    remaining = drawings(shot, proxies, holds, joins, active, proxy_valid(gate, width, height), noise)
    found: list[DonorFigure] = []
    while part := list(islice(remaining, TUNING.tracking.max_drawings)):
        for side in joins:
            found += track_figures(part, side, len(holds) - 1)
        found = _most_used(found)
    if not found:
        return None
    donors = {f.layer: f.donor for f in sorted(found, key=lambda f: f.layer)}
    layers = _layers(donors, shot, shot.background, active, pixel_format, footage)
    return Continuation(layers, _placements(found, list(donors), holds, active))


def _most_used(found: Sequence[DonorFigure]) -> list[DonorFigure]:
    """Restrict the donors to the layers that are used most, as many as fit in memory."""
    counts = Counter(f.layer for f in found)
    layers = sorted(counts, key=lambda layer: (-counts[layer], layer))[: TUNING.tracking.max_layers]
    return [f for f in found if f.layer in layers]


def _layers(
    donors: Mapping[tuple[int, int], Drawing],
    shot: Shot,
    background: Background,
    active: Rect,
    pixel_format: PixelFormat,
    footage: Footage,
) -> tuple[Layer, ...]:
    """Cut the donors' figures out at full size; ``donors`` are in the order of time, by (frame, figure)."""
    masks = [donor.figures[figure].mask(donor.picture.shape) for (_, figure), donor in donors.items()]
    rects = [figure_rect(mask, active, pixel_format) for mask in masks]
    wanted: dict[int, list[Rect]] = {}
    for (frame, _), rect in zip(donors, rects, strict=True):
        wanted.setdefault(shot.start + frame, []).append(rect)
    pictures = [picture for strips in footage.strips(wanted) for picture in strips]
    return tuple(
        cut_out(donor, mask, rect, picture, background, active)
        for donor, mask, rect, picture in zip(donors.values(), masks, rects, pictures, strict=True)
    )


def _placements(
    found: Sequence[DonorFigure], layers: Sequence[tuple[int, int]], holds: npt.NDArray[np.bool_], active: Rect
) -> tuple[tuple[Placement, ...], ...]:
    """Return each frame's placements; a held frame has those of the frame that it repeats."""
    by_frame: dict[int, tuple[Placement, ...]] = {}
    for f in found:
        rows, columns = f.donor.picture.shape[:2]
        transform = cam.rescale(f.match.transform, active.width / columns, active.height / rows)
        placement = Placement(layers.index(f.layer), f.side, transform, f.strength)
        by_frame[f.frame] = (*by_frame.get(f.frame, NO_PLACEMENTS), placement)
    placements: list[tuple[Placement, ...]] = []
    for frame, held in enumerate(holds):
        placements.append(placements[-1] if held and frame else by_frame.get(frame, NO_PLACEMENTS))
    return tuple(placements)
