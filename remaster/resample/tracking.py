"""Follows the figures that a shot's joins cut, drawing by drawing, and finds for each one that shows more of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby, islice

from remaster.resample.drawings import Drawing, Figure, Zone
from remaster.resample.layout import Side
from remaster.resample.matching import match
from remaster.resample.periodic_motion import FAIR, Found, found_at, walked_on

GOOD = 0.3
"""Error up to which a match is believed; one up to ``FAIR`` is if it follows a good one, or goes before."""
LOYAL = 0.05
"""How much better another donor must be than the one shown before."""
CANDIDATES, NEAR = 24, 120
"""Figures that are tried at most, and how many frames away they may be."""
AS_LARGE = 0.8
"""Share of a cut figure's extents that another must have, to be tried."""
RAMP = 6
"""Frames in which a figure appears, or goes, where it is not its own way that brings it."""
OWN_WAY = 0.04
"""Share of the join's length up to which a figure that is in the wing at once is on its way there."""


def follow(drawings: Sequence[Drawing], side: Side, last: int) -> Iterator[Found]:
    """Who is cut at ``side`` and continues, in the order of time; ``last`` is the shot's last frame."""
    best = _best(drawings, side)
    errors = [max((f.match.error for f in found), default=1.0) for found in best]
    start = 0
    for fair, group in groupby(errors, key=lambda error: error <= FAIR):
        count = len(list(group))
        end = start + count
        if fair and min(errors[start:end]) <= GOOD:
            run = dict(zip(range(start, end), best[start:end], strict=True))
            for way in (1, -1):
                run |= walked_on(run, drawings, way)
            following = max(run) + 1
            end_frame = drawings[following].frame if following < len(drawings) else last + 1
            yield from _ramped([run[i] for i in sorted(run)], end_frame, last)
        start = end


def _best(drawings: Sequence[Drawing], side: Side) -> list[list[Found]]:
    """For each drawing: what was found for each of the figures cut at the side."""
    whole = [(d, n) for d in drawings for n, f in enumerate(d.figures) if side not in f.touched]
    shown: Drawing | None = None
    best = []
    for drawing in drawings:
        zones = [zone for zone in drawing.cut if zone.side == side]
        near = [item for item in whole if abs(item[0].frame - drawing.frame) <= NEAR] if zones else []
        near.sort(key=lambda item: abs(item[0].frame - drawing.frame))
        found = [f for zone in zones if (f := _found(zone, drawing, near, shown)) is not None]
        shown = found[0].donor if found else shown
        best.append(found)
    return best


def _found(cut: Zone, drawing: Drawing, near: Sequence[tuple[Drawing, int]], shown: Drawing | None) -> Found | None:
    """The best donor of those near by; the one shown before where it is nearly as good."""
    tried = islice(((d, n) for d, n in near if _as_large(d.figures[n], cut)), CANDIDATES)
    found = [(m, d, n) for d, n in tried if (m := match(cut, drawing.camera, d, d.figures[n])) is not None]
    if not found:
        return None
    there, donor, n = min(found, key=lambda item: item[0].error - LOYAL * (item[1] is shown))
    return found_at(drawing, cut.side, donor, n, there)


def _as_large(figure: Figure, cut: Zone) -> bool:
    along, across = cut.mask.shape if cut.side in ("left", "right") else cut.mask.shape[::-1]
    return bool(figure.box.height >= AS_LARGE * along and figure.box.width >= AS_LARGE * across)


def _ramped(run: Sequence[Sequence[Found]], following: int, last: int) -> Iterator[Found]:
    """A run of drawings, which ends before frame ``following``, with the strengths of what is shown in each.

    Nothing of one that is shorter than it takes to appear, which would flash up.
    """
    begin = run[0][0].frame
    appears = begin > 0 and max(f.beyond for f in run[0]) > OWN_WAY
    goes = following <= last and max(f.beyond for f in run[-1]) > OWN_WAY
    if following - begin < RAMP:
        return
    for found in run:
        strength = 1.0
        if appears:
            strength = min(strength, (found[0].frame - begin + 1) / RAMP)
        if goes:
            strength = min(strength, (following - found[0].frame) / RAMP)
        yield from (replace(f, strength=strength) for f in found)
