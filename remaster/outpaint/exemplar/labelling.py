"""From a picture with holes to a label for each hole pixel.

Candidates are found and priced on the low level, a reduced picture, and chosen there by graph cut; those that were
chosen are aligned with the join; last, the borders between labels are refined at full resolution.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from remaster.arrays import Float32, Int64, Mask
from remaster.outpaint.exemplar.candidates import across, align, continuing, dominant, mirrors
from remaster.outpaint.exemplar.graphcut import FORBIDDEN, Problem, edges, expand
from remaster.outpaint.exemplar.label_costs import FLAT, unary
from remaster.outpaint.exemplar.labels import Labels, append, join, shifts
from remaster.outpaint.exemplar.pyramid_level import Level, Masks, grow, shrink
from remaster.outpaint.tuning import TUNING, ExemplarSettings


def label(
    picture: Float32, masks: Masks, scale: int, settings: ExemplarSettings, rng: np.random.Generator
) -> tuple[Level, Labels, Int64]:
    """Label the holes of a picture (float32 (h, w, 3), 0-255), in a low level ``scale`` times smaller.

    Returns the full level, the labels, and int64 (h, w): each hole pixel's label, -1 outside the holes.
    """
    low = shrink(picture, masks, scale)
    full = grow(low, picture, masks)
    candidates, distinct = _candidates(low, full, settings, rng)
    priced = _best(_priced(low, full, candidates, distinct, settings), settings.max_labels, settings.label_cost)
    chosen = np.full(priced.cost.shape[1], FLAT)
    chosen = expand(_problem(low, priced, settings), chosen, range(1, len(priced.labels)))
    for _ in range(settings.alignments):
        priced, chosen = _aligned(low, full, priced, chosen, distinct, settings)
    return full, priced.labels, refine(full, priced.labels, _enlarged(low, full, chosen), scale, settings.seam_cost)


@dataclass(frozen=True)
class _Priced:
    """L labels with what each costs at each of the low level's n holes, float32 (L, n), and its features there,
    float32 (L, n, channels)."""

    labels: Labels
    cost: Float32
    sampled: Float32

    def take(self, index: Int64) -> _Priced:
        return _Priced(self.labels.take(index), self.cost[index], self.sampled[index])

    def with_more(self, other: _Priced) -> _Priced:
        return _Priced(
            append(self.labels, other.labels),
            np.concatenate([self.cost, other.cost]),
            np.concatenate([self.sampled, other.sampled]),
        )


def _candidates(
    low: Level, full: Level, settings: ExemplarSettings, rng: np.random.Generator
) -> tuple[Labels, Float32]:
    """The labels to choose from, the flat one first, and how distinct each pixel is, float32 (h, w)."""
    min_shift = settings.min_shift * max(full.holes.shape)
    repeating, distinct = dominant(low, min_shift, settings.dominant_offsets, rng)
    parts = [
        shifts(np.zeros((1, 2), np.int64)),
        repeating,
        continuing(low, full, min_shift, settings.join_samples, settings.matches),
        mirrors(full),
        across(full, min_shift),
    ]
    return join(parts), distinct


def _priced(low: Level, full: Level, candidates: Labels, distinct: Float32, settings: ExemplarSettings) -> _Priced:
    """The candidates with their costs and features."""
    y, x = np.nonzero(low.holes)
    n, count = len(y), len(candidates)
    nodes = np.tile(np.arange(n), count)
    sampled = low.sample(candidates, np.repeat(np.arange(count), n), x[nodes], y[nodes]).reshape(count, n, -1)
    return _Priced(candidates, unary(low, full, candidates, distinct, settings), sampled)


def _best(priced: _Priced, max_labels: int, label_cost: float) -> _Priced:
    """The flat label and up to ``max_labels`` others, each of which lowers the total cost by more than ``label_cost``.

    The greedy rule for facility location (Cornuejols, Fisher and Nemhauser 1977), the best label first.
    """
    paid = priced.cost[FLAT].copy()
    order = [FLAT]
    for _ in range(max_labels):
        gain = np.maximum(paid - priced.cost, 0).sum(axis=1)
        best = int(gain.argmax())
        if gain[best] <= label_cost:
            break
        order.append(best)
        paid = np.minimum(paid, priced.cost[best])
    return priced.take(np.array(order))


def _aligned(
    low: Level, full: Level, priced: _Priced, chosen: Int64, distinct: Float32, settings: ExemplarSettings
) -> tuple[_Priced, Int64]:
    """The chosen labels and copies of them that are aligned with the join, and the choice among both (n,)."""
    used = np.unique(np.append(chosen, FLAT))
    priced, chosen = priced.take(used), np.searchsorted(used, chosen)
    moved = align(full, priced.labels, _enlarged(low, full, chosen), low.scale + 1)
    more = _priced(low, full, append(priced.labels.take(np.array([FLAT])), moved), distinct, settings)
    priced = priced.with_more(more.take(np.arange(1, len(more.labels))))
    return priced, expand(_problem(low, priced, settings), chosen, range(len(used), len(used) + len(moved)))


def _problem(low: Level, priced: _Priced, settings: ExemplarSettings) -> Problem:
    """The graph cut problem on the low level's holes."""
    return Problem(priced.cost, edges(low.holes), lambda labels, at: priced.sampled[labels, at], settings.seam_cost)


def _enlarged(low: Level, full: Level, chosen: Int64) -> Int64:
    """The labels (n,) of the low level's holes for those of the full picture, int64 (h, w), -1 elsewhere."""
    small = np.full(low.holes.shape, -1, np.int64)
    small[low.holes] = chosen
    h, w = full.holes.shape
    enlarged = np.repeat(np.repeat(small, low.scale, axis=0), low.scale, axis=1)[:h, :w]
    return np.where(full.holes, enlarged, -1)


def refine(full: Level, candidates: Labels, enlarged: Int64, scale: int, seam_cost: float) -> Int64:
    """Move the borders between labels by up to about ``scale`` pixels to where they are least visible.

    ``enlarged`` int64 (h, w) are the labels from the low level; the result is alike. Pixels are relabelled only near a
    border, near the join and where ``enlarged`` copies what it may not.
    """
    band = _band(full, candidates, enlarged, scale)
    if not band.any():
        return enlarged
    ring = (cv2.dilate(band.astype(np.uint8), _square(1)) > 0) & full.holes
    y, x = np.nonzero(ring)
    used = np.unique(np.append(enlarged[full.holes], FLAT))
    labels = candidates.take(used)
    start = np.searchsorted(used, enlarged[y, x])
    cost = np.full((len(used), len(y)), FORBIDDEN, np.float32)
    movable = band[y, x]
    for i in range(1, len(used)):
        near = cv2.dilate((enlarged == used[i]).astype(np.uint8), _square(2 * scale))[y, x] > 0
        index = np.full(len(y), i)
        possible = near & movable & full.allowed(labels, index, x, y)
        cost[i] = np.where(possible, _join_cost(full, labels, index, x, y), FORBIDDEN)
    cost[0] = np.where(movable, TUNING.costs.flat, FORBIDDEN)
    fixed = np.flatnonzero(~movable)
    cost[start[fixed], fixed] = 0
    problem = Problem(cost, edges(ring), lambda index, at: full.sample(labels, index, x[at], y[at]), seam_cost)
    refined = enlarged.copy()
    refined[y, x] = used[expand(problem, start, range(len(used)))]
    return refined


def _band(full: Level, candidates: Labels, enlarged: Int64, scale: int) -> Mask:
    """The hole pixels that may be relabelled."""
    holes = full.holes
    y, x = np.nonzero(holes)
    border = cv2.dilate(full.context.astype(np.uint8), _square(1)) > 0
    border[:, 1:] |= (enlarged[:, 1:] != enlarged[:, :-1]) & holes[:, 1:] & holes[:, :-1]
    border[1:] |= (enlarged[1:] != enlarged[:-1]) & holes[1:] & holes[:-1]
    border[y, x] |= ~full.allowed(candidates, enlarged[y, x], x, y) & (enlarged[y, x] != FLAT)
    near: Mask = cv2.dilate((border & holes).astype(np.uint8), _square(scale)) > 0
    return near & holes


def _join_cost(full: Level, candidates: Labels, index: Int64, x: Int64, y: Int64) -> Float32:
    """How far the labels are from the 4-neighbors of the pixels (x, y) in the context, summed."""
    cost = np.zeros(len(x), np.float32)
    h, w = full.context.shape
    for dy, dx in ((0, 1), (0, -1), (1, 0), (-1, 0)):
        qy, qx = np.clip(y + dy, 0, h - 1), np.clip(x + dx, 0, w - 1)
        at = np.flatnonzero(full.context[qy, qx])
        differ = np.abs(full.sample(candidates, index[at], qx[at], qy[at]) - full.features[qy[at], qx[at]]).sum(1)
        step = np.abs(full.sample(candidates, index[at], x[at], y[at]) - full.features[qy[at], qx[at]]).sum(1)
        allowed = full.allowed(candidates, index[at], qx[at], qy[at])
        cost[at] += np.where(allowed, differ, step + TUNING.costs.unseen)
    return cost


def _square(radius: int) -> npt.NDArray[np.uint8]:
    """A structuring element of 2 ``radius`` + 1 pixels a side."""
    return np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)
