"""Extrapolates periodic motion, such as walk cycles: figures whose next pose repeats an earlier or later one.

Near the join little of a figure is visible, or nothing, and matching fails. But where successive drawings were matched
with successive donors under one transform, the next drawing is continued by the next donor. In come the matches of a
side; out go predicted ones for the drawings after (or before) them. A donor may itself be cut by the join, and then the
donor that continues it is used.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from remaster.arrays import Affine
from remaster.imaging import camera as cam
from remaster.resample.drawings import Drawing, Figure
from remaster.resample.figure_matching import Match, prediction_error
from remaster.resample.layout import Side, from_side
from remaster.resample.tuning import TUNING


@dataclass(frozen=True)
class DonorFigure:
    """Figure number ``figure`` of drawing ``donor``, which continues a figure that ``side`` cuts in frame ``frame``.

    It extends ``outside`` the picture, as a share of the join's length, and is drawn with ``strength`` 0-1.
    """

    frame: int
    side: Side
    donor: Drawing
    figure: int
    match: Match
    outside: float
    strength: float = 1.0

    @property
    def layer(self) -> tuple[int, int]:
        """The donor's frame and the figure's number."""
        return self.donor.frame, self.figure


def donor_figure(drawing: Drawing, side: Side, donor: Drawing, n: int, match: Match) -> DonorFigure:
    """Return figure ``n`` of a donor as the continuation of a figure at one side of a drawing."""
    return DonorFigure(drawing.frame, side, donor, n, match, _outside(donor, donor.figures[n], match, side))


def _outside(donor: Drawing, figure: Figure, match: Match, side: Side) -> float:
    """Return how far a matched figure extends into the wing, as a share of the join's length."""
    height, width = donor.picture.shape[:2]
    box = figure.box
    corners = cam.apply(match.transform, cam.corners(box.width, box.height) + np.array([box.x, box.y]))
    low, high = corners.min(axis=0), corners.max(axis=0)
    length = int(height if side in ("left", "right") else width)
    extent = {"left": -low[0], "right": high[0] - width + 1, "top": -low[1], "bottom": high[1] - height + 1}[side]
    return max(float(extent), 0.0) / length


def extrapolated(
    run: Mapping[int, list[DonorFigure]], drawings: Sequence[Drawing], direction: int
) -> dict[int, list[DonorFigure]]:
    """Continue a periodic motion past the end of ``run``; both are keyed by the drawing's index, one donor a drawing.

    ``direction`` is 1 to predict later drawings, -1 for earlier ones. The motion's last clear part is extrapolated, so
    that the result may replace the last matches of the run. Empty where the run has no periodic motion.
    """
    tuning = TUNING.periodic
    index_of = {drawing.frame: i for i, drawing in enumerate(drawings)}

    def last_steps(i: int) -> list[list[DonorFigure]]:
        return [run.get(i - k * direction, []) for k in range(tuning.min_drawings)]

    ends = (i for i in reversed(sorted(run)[::direction]) if _is_periodic(last_steps(i), index_of, direction))
    last = next(ends, None)
    if last is None:
        return {}
    known, previous = dict(run), run[last][0]
    transform, lag = previous.match.transform, drawings[last].frame - previous.donor.frame
    found: dict[int, list[DonorFigure]] = {}
    for i in range(last + direction, last + (tuning.max_drawings + 1) * direction, direction):
        if not 0 <= i < len(drawings) or _at_rest(drawings, i):
            break
        donor_frame = drawings[i].frame - lag
        donor = min(range(len(drawings)), key=lambda d: abs(donor_frame - drawings[d].frame))
        if abs(donor_frame - drawings[donor].frame) > tuning.max_offset_frames:
            break
        pose = _next_pose(drawings[i], previous, drawings[donor], known.get(donor, []), transform)
        if pose is None:
            break
        previous, found[i], known[i] = pose, [pose], [pose]
    return found


def _at_rest(drawings: Sequence[Drawing], i: int) -> bool:
    """Tell whether a drawing is held for so long that a moving figure would appear to freeze."""
    return i + 1 < len(drawings) and drawings[i + 1].frame - drawings[i].frame > TUNING.periodic.max_held_frames


def _is_periodic(steps: Sequence[Sequence[DonorFigure]], index_of: Mapping[int, int], direction: int) -> bool:
    """Tell whether successive drawings have one donor each, the donors are successive too, and share one transform.

    ``steps`` are the matches of the drawings, the last one first; ``index_of`` takes a frame to its drawing's index.
    """
    if any(len(found) != 1 for found in steps):
        return False
    donors = [index_of[found[0].donor.frame] for found in steps]
    first = steps[0][0]
    size = first.donor.picture.shape[1::-1]
    errors = (float(cam.corner_error(f[0].match.transform, first.match.transform, *size)) for f in steps)
    same = all(error <= TUNING.periodic.same_transform for error in errors)
    return same and all(donors[0] - donor == k * direction for k, donor in enumerate(donors))


def _next_pose(
    drawing: Drawing, previous: DonorFigure, donor: Drawing, continued: Sequence[DonorFigure], transform: Affine
) -> DonorFigure | None:
    """Predict the figure at the join in ``drawing`` from ``donor``, or from the one donor that continues that one.

    None where there is no such figure, or where the picture contradicts the prediction: the visible part of a cut
    figure differs from it, or it would be visible in the picture where no figure is.
    """
    n = _same_figure(previous, donor)
    if n is None and len(continued) == 1:
        donor, n = continued[0].donor, continued[0].figure
        transform = cam.compose(transform, continued[0].match.transform)
    if n is None:
        return None
    figure = donor.figures[n]
    cut = [one for one in drawing.cut if one.side == previous.side]
    error = min((prediction_error(one, donor, figure, transform) for one in cut), default=0.0)
    if error > TUNING.tracking.max_tracked_error:
        return None
    if not cut and _visible_share(donor, figure, transform, previous.side) > TUNING.periodic.max_visible:
        return None
    return donor_figure(drawing, previous.side, donor, n, Match(transform, error))


def _same_figure(previous: DonorFigure, donor: Drawing) -> int | None:
    """Return the uncut figure of ``donor`` that overlaps the previous donor's most; None where none does."""
    shape = donor.picture.shape
    mask = previous.donor.figures[previous.figure].mask(shape)
    overlaps = [
        (int((f.mask(shape) & mask).sum()), n) for n, f in enumerate(donor.figures) if previous.side not in f.touched
    ]
    overlap, n = max(overlaps, default=(0, -1))
    return n if overlap else None


def _visible_share(donor: Drawing, figure: Figure, transform: Affine, side: Side) -> float:
    """Return the share of a transformed figure that lies in the picture, deep enough inside the join to be detected."""
    height, width = donor.picture.shape[:2]
    mask = figure.mask((height, width)).astype(np.uint8)
    inside = from_side(cv2.warpAffine(mask, transform, (width, height), flags=cv2.INTER_NEAREST), side)
    first = round(TUNING.figures.min_depth * len(inside))
    return float(inside[:, first:].sum()) / max(float(mask.sum()), 1.0)
