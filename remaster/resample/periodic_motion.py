"""Walks: figures whose next pose is known, because it repeats what the shot shows elsewhere.

Near the join little of a figure is seen, or nothing at all, and no search tells its pose. But where one drawing after
the other was found in drawings that follow each other too, all at one place, the next drawing shows the next step. It
may be one that the join cuts itself, and that another continues.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from remaster.arrays import Affine
from remaster.imaging import camera as cam
from remaster.resample.drawings import LEAST, Drawing, Figure
from remaster.resample.layout import Side, from_side
from remaster.resample.matching import Match, unexplained

FAIR = 0.4
"""Error up to which one is believed of whom more is known than this one drawing."""
STEPS, FARTHEST = 3, 24
"""Drawings that tell a walk, and for how many it goes on."""
SAME_WALK = 1.0
"""Pixels of the small drawings by which the donors' places may differ in a walk."""
LATE, LONGEST = 1, 4
"""Frames by which a step may come too early or too late, and for which it may be held."""
STAYED = 0.02
"""Share of a figure, past what may be overlooked beside the join, that the picture would show if it were there."""


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


def found_at(drawing: Drawing, side: Side, donor: Drawing, n: int, there: Match) -> Found:
    """Figure ``n`` of a donor where it continues a figure at a side of a drawing."""
    return Found(drawing.frame, side, donor, n, there, _beyond(donor, donor.figures[n], there, side))


def _beyond(donor: Drawing, figure: Figure, there: Match, side: Side) -> float:
    """How far a matched figure reaches into the wing, as a share of the join's length."""
    height, width = donor.picture.shape[:2]
    box = figure.box
    places = cam.apply(there.place, cam.corners(box.width, box.height) + np.array([box.x, box.y]))
    low, high = places.min(axis=0), places.max(axis=0)
    length = int(height if side in ("left", "right") else width)
    outermost = {"left": -low[0], "right": high[0] - width + 1, "top": -low[1], "bottom": high[1] - height + 1}[side]
    return max(float(outermost), 0.0) / length


def walked_on(run: Mapping[int, list[Found]], drawings: Sequence[Drawing], way: int) -> dict[int, list[Found]]:
    """How a walk in ``run``, by the number of the drawing, goes on after it: one found a drawing.

    ``way`` is -1 where all goes backwards in time. It may say better what the run says of its last drawings.
    """
    order = sorted(run)[::way]
    number = {drawing.frame: i for i, drawing in enumerate(drawings)}
    ends = (i for i in reversed(order) if _is_walk([run.get(i - k * way, []) for k in range(STEPS)], number, way))
    last = next(ends, None)
    if last is None:
        return {}
    known, shown = dict(run), run[last][0]
    place, behind = shown.match.place, drawings[last].frame - shown.donor.frame
    found: dict[int, list[Found]] = {}
    for i in range(last + way, last + (FARTHEST + 1) * way, way):
        if not 0 <= i < len(drawings) or _rests(drawings, i):
            break
        donor = min(range(len(drawings)), key=lambda d: abs(drawings[i].frame - behind - drawings[d].frame))
        if abs(drawings[i].frame - behind - drawings[donor].frame) > LATE:
            break
        here = _step(drawings[i], shown, drawings[donor], known.get(donor, []), place)
        if here is None:
            break
        shown, found[i], known[i] = here, [here], [here]
    return found


def _rests(drawings: Sequence[Drawing], i: int) -> bool:
    """Whether a drawing is held so long that somebody who walks would be seen to freeze."""
    return i + 1 < len(drawings) and drawings[i + 1].frame - drawings[i].frame > LONGEST


def _is_walk(steps: Sequence[Sequence[Found]], number: Mapping[int, int], way: int) -> bool:
    """Whether the last drawings, from the last one on, show donors that follow each other at one place."""
    if any(len(found) != 1 for found in steps):
        return False
    donors = [number[found[0].donor.frame] for found in steps]
    first = steps[0][0]
    size = first.donor.picture.shape[1::-1]
    near = all(float(cam.corner_error(f[0].match.place, first.match.place, *size)) <= SAME_WALK for f in steps)
    return near and all(donors[0] - donor == k * way for k, donor in enumerate(donors))


def _step(drawing: Drawing, shown: Found, donor: Drawing, continued: Sequence[Found], place: Affine) -> Found | None:
    """The next step of a walk in ``drawing``; None where it is not to be had, or the drawing tells another story."""
    n = _same(shown, donor)
    if n is None and len(continued) == 1:
        donor, n, place = continued[0].donor, continued[0].figure, cam.compose(place, continued[0].match.place)
    if n is None:
        return None
    figure = donor.figures[n]
    zones = [zone for zone in drawing.cut if zone.side == shown.side]
    error = min((unexplained(zone, donor, figure, place) for zone in zones), default=0.0)
    if error > FAIR or (not zones and _inside(donor, figure, place, shown.side) > STAYED):
        return None
    return found_at(drawing, shown.side, donor, n, Match(place, error))


def _same(shown: Found, donor: Drawing) -> int | None:
    """Which figure of a donor is the one shown before: it overlaps it most and is not cut; None where none is."""
    shape = donor.picture.shape
    mask = shown.donor.figures[shown.figure].mask(shape)
    whole = [(int((f.mask(shape) & mask).sum()), n) for n, f in enumerate(donor.figures) if shown.side not in f.touched]
    overlap, n = max(whole, default=(0, -1))
    return n if overlap else None


def _inside(donor: Drawing, figure: Figure, place: Affine, side: Side) -> float:
    """The share of a placed figure that lies in the picture, farther from the join than what may be overlooked."""
    height, width = donor.picture.shape[:2]
    mask = figure.mask((height, width)).astype(np.uint8)
    seen = from_side(cv2.warpAffine(mask, place, (width, height), flags=cv2.INTER_NEAREST), side)
    return float(seen[:, round(LEAST * len(seen)) :].sum()) / max(float(mask.sum()), 1.0)
