"""From a picture with holes to a label for each hole pixel.

Candidates are found and priced on the low level, a reduced picture, and chosen there by graph cut; those that were
chosen are aligned with the join.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from remaster.arrays import Float32, Int64
from remaster.outpaint.exemplar.candidates import across, align, continuing, dominant, mirrors
from remaster.outpaint.exemplar.graphcut import Problem, edges, expand
from remaster.outpaint.exemplar.label_costs import FLAT, unary
from remaster.outpaint.exemplar.labels import Labels, append, join, shifts
from remaster.outpaint.exemplar.pyramid_level import Level, Masks, grow, shrink
from remaster.outpaint.tuning import ExemplarSettings


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
    return full, priced.labels, permitted(full, priced.labels, _enlarged(low, full, chosen))


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


def permitted(full: Level, candidates: Labels, chosen: Int64) -> Int64:
    """The labels ``chosen``, int64 (h, w), flat where they copy what they may not at full resolution."""
    y, x = np.nonzero(full.holes)
    index = chosen[y, x]
    found = chosen.copy()
    found[y, x] = np.where(full.allowed(candidates, index, x, y), index, FLAT)
    return found
