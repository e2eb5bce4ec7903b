"""Tracks the figures that a side of the picture cuts, drawing by drawing, and finds a donor for each.

In come a shot's drawings; out go ``DonorFigure``s in the order of time. Matches are accepted in runs of successive
drawings, which periodic motion extends at both ends; donors appear and disappear gradually.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby, islice

from remaster.resample.drawings import CutFigure, Drawing, Figure
from remaster.resample.figure_matching import match
from remaster.resample.layout import Side
from remaster.resample.periodic_motion import DonorFigure, donor_figure, extrapolated
from remaster.resample.tuning import TUNING


def track_figures(drawings: Sequence[Drawing], side: Side, last_frame: int) -> Iterator[DonorFigure]:
    """Yield a donor for each figure cut at ``side`` that has one, in the order of time.

    ``last_frame`` is the shot's. A run of successive matches is accepted by hysteresis: one of them must have an error
    of at most ``max_error``, all of at most ``max_tracked_error``.
    """
    best = _best_donors(drawings, side)
    errors = [max((f.match.error for f in found), default=1.0) for found in best]
    start = 0
    for fair, group in groupby(errors, key=lambda error: error <= TUNING.tracking.max_tracked_error):
        end = start + len(list(group))
        if fair and min(errors[start:end]) <= TUNING.tracking.max_error:
            run = dict(zip(range(start, end), best[start:end], strict=True))
            for direction in (1, -1):
                run |= extrapolated(run, drawings, direction)
            following = max(run) + 1
            end_frame = drawings[following].frame if following < len(drawings) else last_frame + 1
            yield from _faded([run[i] for i in sorted(run)], end_frame, last_frame)
        start = end


def _best_donors(drawings: Sequence[Drawing], side: Side) -> list[list[DonorFigure]]:
    """For each drawing: the best donor of each of the figures cut at the side."""
    whole = [(d, n) for d in drawings for n, f in enumerate(d.figures) if side not in f.touched]
    previous: Drawing | None = None
    best = []
    for drawing in drawings:
        cut = [one for one in drawing.cut if one.side == side]
        radius = TUNING.tracking.max_distance_frames
        near = [item for item in whole if abs(item[0].frame - drawing.frame) <= radius] if cut else []
        near.sort(key=lambda item: abs(item[0].frame - drawing.frame))
        found = [f for one in cut if (f := _best_donor(one, drawing, near, previous)) is not None]
        previous = found[0].donor if found else previous
        best.append(found)
    return best


def _best_donor(
    cut: CutFigure, drawing: Drawing, near: Sequence[tuple[Drawing, int]], previous: Drawing | None
) -> DonorFigure | None:
    """Return the nearby donor with the smallest error; the previous donor where it is nearly as good."""
    tuning = TUNING.tracking
    tried = islice(((d, n) for d, n in near if _large_enough(d.figures[n], cut)), tuning.max_candidates)
    found = [(m, d, n) for d, n in tried if (m := match(cut, drawing.camera, d, d.figures[n])) is not None]
    if not found:
        return None
    best, donor, n = min(found, key=lambda item: item[0].error - tuning.switching_cost * (item[1] is previous))
    return donor_figure(drawing, cut.side, donor, n, best)


def _large_enough(figure: Figure, cut: CutFigure) -> bool:
    along, across = cut.mask.shape if cut.side in ("left", "right") else cut.mask.shape[::-1]
    share = TUNING.tracking.min_extent
    return bool(figure.box.height >= share * along and figure.box.width >= share * across)


def _faded(run: Sequence[Sequence[DonorFigure]], end_frame: int, last_frame: int) -> Iterator[DonorFigure]:
    """Give a run of drawings that ends before ``end_frame`` its strengths: fade in and out where it appears suddenly.

    A run that is shorter than the fade is dropped: it would flash.
    """
    tuning = TUNING.tracking
    begin, ramp = run[0][0].frame, tuning.ramp_frames
    fades_in = begin > 0 and max(f.outside for f in run[0]) > tuning.entering
    fades_out = end_frame <= last_frame and max(f.outside for f in run[-1]) > tuning.entering
    if end_frame - begin < ramp:
        return
    for found in run:
        strength = 1.0
        if fades_in:
            strength = min(strength, (found[0].frame - begin + 1) / ramp)
        if fades_out:
            strength = min(strength, (end_frame - found[0].frame) / ramp)
        yield from (replace(f, strength=strength) for f in found)
