"""Follows the figures that a shot's joins cut, drawing by drawing, and finds for each one that shows more of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, islice

import numpy as np

from remaster import camera as cam
from remaster.media.types import Mask
from remaster.resample.drawings import Drawing
from remaster.resample.layout import Side
from remaster.resample.matching import Match, Zone, match, zone

GOOD, FAIR = 0.3, 0.4
"""Errors up to which a match is believed, and is believed if it follows a good one, or goes before."""
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


@dataclass(frozen=True)
class Found:
    """The drawing at ``frame`` cuts a figure at ``side`` of which figure number ``figure`` of ``donor`` shows more.

    It reaches ``beyond`` the join, by that share of the join's length, and shows with ``strength`` 0-1.
    """

    frame: int
    side: Side
    donor: Drawing
    figure: int
    match: Match
    beyond: float
    strength: float = 1.0

    @property
    def layer(self) -> tuple[int, int]:
        """The donor's frame and the figure's number."""
        return self.donor.frame, self.figure


def follow(drawings: Sequence[Drawing], side: Side, scale: float, last: int) -> Iterator[Found]:
    """Who is cut at ``side`` and continues, in the order of time.

    ``scale`` is the drawings' size over the picture's; ``last`` is the shot's last frame.
    """
    best = _best(drawings, side, scale)
    errors = [max((f.match.error for f in found), default=1.0) for found in best]
    start = 0
    for fair, group in groupby(errors, key=lambda error: error <= FAIR):
        count = len(list(group))
        run = best[start : start + count]
        if fair and min(errors[start : start + count]) <= GOOD:
            following = drawings[start + count].frame if start + count < len(drawings) else last + 1
            yield from _ramped(run, following, last)
        start += count


def _best(drawings: Sequence[Drawing], side: Side, scale: float) -> list[list[Found]]:
    """For each drawing: what was found for each of the figures cut at the side."""
    whole = [(d, n) for d in drawings for n, f in enumerate(d.figures) if side not in f.touched]
    shown: Drawing | None = None
    best = []
    for drawing in drawings:
        zones = [z for f in drawing.figures if side in f.touched and (z := zone(drawing, f, side)) is not None]
        near = [item for item in whole if abs(item[0].frame - drawing.frame) <= NEAR] if zones else []
        near.sort(key=lambda item: abs(item[0].frame - drawing.frame))
        found = [f for z in zones if (f := _found(z, drawing, near, shown, scale)) is not None]
        shown = found[0].donor if found else shown
        best.append(found)
    return best


def _found(
    cut: Zone, drawing: Drawing, near: Sequence[tuple[Drawing, int]], shown: Drawing | None, scale: float
) -> Found | None:
    """The best donor of those near by; the one shown before where it is nearly as good."""
    tried = islice(((d, n) for d, n in near if _as_large(d.figures[n].mask, cut)), CANDIDATES)
    found: list[Found] = []
    for donor, n in tried:
        figure = donor.figures[n]
        there = match(cut, drawing.camera, donor, figure, scale)
        if there is not None:
            beyond = _beyond(figure.mask, there, cut.side)
            found.append(Found(drawing.frame, cut.side, donor, n, there, beyond))
    return min(found, key=lambda f: f.match.error - LOYAL * (f.donor is shown), default=None)


def _as_large(mask: Mask, cut: Zone) -> bool:
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    extents = (np.ptp(rows) + 1, np.ptp(columns) + 1)
    wanted = cut.mask.shape if cut.side in ("left", "right") else cut.mask.shape[::-1]
    return bool(extents[0] >= AS_LARGE * wanted[0] and extents[1] >= AS_LARGE * wanted[1])


def _beyond(mask: Mask, found: Match, side: Side) -> float:
    """How far a matched figure reaches into the wing, as a share of the join's length."""
    height, width = mask.shape
    y, x = np.nonzero(mask)
    places = cam.apply(found.place, np.stack([x, y], axis=1))
    low, high = places.min(axis=0), places.max(axis=0)
    length = int(height if side in ("left", "right") else width)
    outermost = {"left": -low[0], "right": high[0] - width + 1, "top": -low[1], "bottom": high[1] - height + 1}[side]
    return max(float(outermost), 0.0) / length


def _ramped(run: Sequence[Sequence[Found]], following: int, last: int) -> Iterator[Found]:
    """A run of drawings, which ends before frame ``following``, with the strengths of what is shown in each."""
    begin = run[0][0].frame
    appears = begin > 0 and max(f.beyond for f in run[0]) > OWN_WAY
    goes = following <= last and max(f.beyond for f in run[-1]) > OWN_WAY
    for found in run:
        strength = 1.0
        if appears:
            strength = min(strength, (found[0].frame - begin + 1) / RAMP)
        if goes:
            strength = min(strength, (following - found[0].frame) / RAMP)
        yield from (replace(f, strength=strength) for f in found)
