"""Tracks the figures that a side of the picture cuts, drawing by drawing, and finds a donor for each.

In come a shot's drawings; out go ``DonorFigure``s in the order of time. First, the part of a figure that is visible
beside a join is matched with a whole figure of another drawing, the donor: the part away from the join is registered;
the part at the join is held out and predicted, as the wing that continues it will be. The error of that prediction
decides whether the donor is used.

Matches are accepted in runs of successive drawings, which periodic motion, such as a walk cycle, extends at both ends.
Near the join little of a figure is visible, or nothing, and matching fails. But where successive drawings were matched
with successive donors under one transform, the next drawing is continued by the next donor. A donor may itself be cut
by the join, and then the donor that continues it is used. Donors appear and disappear gradually.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, islice

import cv2
import numpy as np
import numpy.typing as npt

from remaster.arrays import Affine, Gray, Rgb
from remaster.imaging import camera as cam
from remaster.imaging.channels import gray_of
from remaster.imaging.difference import tolerant_difference
from remaster.imaging.estimation import parabola_vertex
from remaster.resample.drawings import CutFigure, Drawing, Figure
from remaster.resample.layout import Side, from_side
from remaster.resample.tuning import TUNING


@dataclass(frozen=True)
class Match:
    """A donor registered with a drawing.

    ``transform`` (2, 3) takes the donor's proxy pixels to the drawing's. ``error`` is the residual that the donor
    leaves, over that which the background alone leaves (0 is a perfect match, 1 one as bad as the background): the
    worse of the held-out part and of the whole compared part.
    """

    transform: Affine
    error: float


def match(cut: CutFigure, camera: Affine, donor: Drawing, figure: Figure) -> Match | None:
    """Register a donor's ``figure`` with a cut figure seen under ``camera``; None where it cannot be searched.

    The cameras give scale and rotation; template matching gives the translation.
    """
    picture = donor.picture
    linear = _linear_change(camera, donor.camera, picture.shape)
    if linear is not cam.IDENTITY:
        size = picture.shape[1], picture.shape[0]
        picture = np.asarray(cv2.warpAffine(picture, linear, size, borderMode=cv2.BORDER_REPLICATE), np.uint8)
    slack = round(TUNING.matching.slack * len(from_side(picture, cut.side)))
    found = _search(cut, _padded_rows(from_side(picture, cut.side), slack))
    if found is None:
        return None
    column, row = found
    first = cut.rect.y if cut.side in ("left", "right") else cut.rect.x
    across, along = -column, first + slack - row
    shift = {"left": (across, along), "right": (-across, along), "top": (along, across), "bottom": (along, -across)}
    transform = cam.compose(cam.translation(*shift[cut.side]), linear)
    return Match(transform, prediction_error(cut, donor, figure, transform))


def prediction_error(cut: CutFigure, donor: Drawing, figure: Figure, transform: Affine) -> float:
    """Return the error (``Match.error``) of a cut figure as a donor's figure under ``transform`` predicts it."""
    to_donor = cam.compose(cam.invert(transform), cam.translation(cut.rect.x, cut.rect.y))
    size, flags = (cut.rect.width, cut.rect.height), cv2.WARP_INVERSE_MAP | cv2.INTER_LINEAR
    mask = figure.mask(donor.picture.shape).astype(np.uint8) * 255
    moved, visible = (
        from_side(cv2.warpAffine(p, to_donor, size, flags=flags, borderMode=cv2.BORDER_REPLICATE), cut.side)
        for p in (donor.picture, mask)
    )
    predicted = np.asarray(np.where(visible[..., None] > 127, moved, cut.background), np.uint8)
    residual, baseline = (
        np.minimum(tolerant_difference(cut.picture, p), TUNING.matching.max_residual) * cut.known
        for p in (predicted, cut.background)
    )
    depth = cut.mask.shape[1]
    held_out = max(round(TUNING.matching.hold_out * depth), 1)
    return max(float(residual[:, :n].sum() / max(float(baseline[:, :n].sum()), 1.0)) for n in (held_out, depth))


def _padded_rows(picture: npt.NDArray[np.uint8], count: int) -> npt.NDArray[np.uint8]:
    """Repeat a picture's first and last rows ``count`` times."""
    whole = np.ascontiguousarray(picture)
    return np.asarray(cv2.copyMakeBorder(whole, count, count, 0, 0, cv2.BORDER_REPLICATE), np.uint8)


def _linear_change(camera: Affine, other: Affine, shape: tuple[int, ...]) -> Affine:
    """Return the change of scale and rotation from the other camera's picture to this one's, about the middle."""
    height, width = shape[:2]
    change = cam.compose(cam.invert(camera), other)
    middle = np.array([(width - 1) / 2, (height - 1) / 2])
    about = np.concatenate([change[:, :2], (middle - change[:, :2] @ middle)[:, None]], axis=1)
    same = float(cam.corner_error(about, cam.IDENTITY, width, height)) < TUNING.matching.same_shape
    return cam.IDENTITY if same else about


def _search(cut: CutFigure, picture: Rgb) -> tuple[float, float] | None:
    """Find the cut figure's part away from the join in a picture: at half the size, then refined.

    Returns (column, row) of the whole compared part's corner; None where it does not fit into the picture.
    """
    held_out = round(TUNING.matching.hold_out * cut.mask.shape[1])
    template, gray = gray_of(cut.picture[:, held_out:]), gray_of(picture)
    mask = cut.mask[:, held_out:].astype(np.uint8)
    small_template, small, small_mask = (_halved(p) for p in (template, gray, mask * 255))
    small_mask //= 255
    if not small_mask.any() or any(a > b for a, b in zip(small_template.shape, small.shape, strict=True)):
        return None
    coarse = _squared_differences(small, small_template, small_mask)
    row, column = (2 * int(i) for i in np.unravel_index(int(coarse.argmin()), coarse.shape))
    radius = TUNING.matching.search_radius
    top, left = max(row - radius, 0), max(column - radius, 0)
    part = gray[top : row + len(template) + radius, left : column + template.shape[1] + radius]
    fine = _squared_differences(part, template, mask)
    y, x = (int(i) for i in np.unravel_index(int(fine.argmin()), fine.shape))
    return left + x + parabola_vertex(fine[y], x) - held_out, top + y + parabola_vertex(fine[:, x], y)


def _halved(picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    return np.asarray(cv2.resize(picture, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), np.uint8)


def _squared_differences(picture: Gray, template: Gray, mask: Gray) -> npt.NDArray[np.float32]:
    """Return the sum of squared differences of the masked template at every position."""
    return np.asarray(cv2.matchTemplate(picture, template, cv2.TM_SQDIFF, mask=mask), np.float32)


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
