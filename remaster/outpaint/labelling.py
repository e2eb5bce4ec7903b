"""From a picture with holes to a label for each of their pixels: candidates, cut at low resolution, finer borders."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from remaster.arrays import Float32, Int64, Mask
from remaster.outpaint.exemplar_settings import Settings
from remaster.outpaint.graphcut import Problem, edges, expand
from remaster.outpaint.label_costs import FLAT, unary
from remaster.outpaint.labels import Labels, Level, Masks, append, grow, join, shifts, shrink
from remaster.outpaint.offsets import across, align, continuing, dominant, mirrors
from remaster.outpaint.refine import refine


def label(
    picture: Float32, masks: Masks, scale: int, settings: Settings, rng: np.random.Generator
) -> tuple[Level, Labels, Int64]:
    """Label the holes of a picture (float32 (h, w, 3), 0-255), which join what is settled.

    The labels are found in a picture ``scale`` times smaller. Returns the full level, the labels, and int64 (h, w):
    each hole's label, -1 outside the holes.
    """
    holes = masks.holes
    low = shrink(picture, masks, scale)
    full = grow(low, picture, masks)
    candidates, distinct = _candidates(low, full, settings, rng)
    priced = _chosen(_priced(low, full, candidates, distinct, settings), settings.labels, settings.opening)
    nodes = expand(_problem(low, priced, settings), np.full(priced.cost.shape[1], FLAT), range(1, len(priced.labels)))
    for _ in range(settings.alignments):
        used = np.unique(np.append(nodes, FLAT))
        priced, nodes = priced.take(used), np.searchsorted(used, nodes)
        moved = align(full, priced.labels, _grown(low, nodes, holes), scale + 1)
        more = _priced(low, full, append(priced.labels.take(np.array([FLAT])), moved), distinct, settings)
        alphas = range(len(used), len(used) + len(moved))
        priced = priced.with_more(more.take(np.arange(1, len(more.labels))))
        nodes = expand(_problem(low, priced, settings), nodes, alphas)
    return full, priced.labels, refine(full, priced.labels, _grown(low, nodes, holes), scale, settings.seam)


@dataclass(frozen=True)
class _Priced:
    """L labels with what each costs at each of the low level's holes, float32 (L, n), and what it shows there,
    float32 (L, n, channels)."""

    labels: Labels
    cost: Float32
    shown: Float32

    def take(self, index: Int64) -> _Priced:
        return _Priced(self.labels.take(index), self.cost[index], self.shown[index])

    def with_more(self, other: _Priced) -> _Priced:
        return _Priced(
            append(self.labels, other.labels),
            np.concatenate([self.cost, other.cost]),
            np.concatenate([self.shown, other.shown]),
        )


def _candidates(low: Level, full: Level, settings: Settings, rng: np.random.Generator) -> tuple[Labels, Float32]:
    """The labels to choose from, the flat one first, and how distinct each pixel is, float32 (h, w)."""
    nearest = settings.nearest * max(full.holes.shape)
    statistical, distinct = dominant(low, nearest, settings.statistical, rng)
    parts = [
        shifts(np.zeros((1, 2), np.int64)),
        statistical,
        continuing(low, full, nearest, settings.places, settings.matches),
        mirrors(full),
        across(full, nearest),
    ]
    return join(parts), distinct


def _priced(low: Level, full: Level, candidates: Labels, distinct: Float32, settings: Settings) -> _Priced:
    y, x = np.nonzero(low.holes)
    n, count = len(y), len(candidates)
    nodes = np.tile(np.arange(n), count)
    shown = low.sample(candidates, np.repeat(np.arange(count), n), x[nodes], y[nodes]).reshape(count, n, -1)
    return _Priced(candidates, unary(low, full, candidates, distinct, settings), shown)


def _chosen(priced: _Priced, most: int, opening: float) -> _Priced:
    """The flat label and up to ``most`` others, each lowering what the holes cost together by more than ``opening``.

    The greedy rule for facility location (Cornuejols, Fisher and Nemhauser 1977), the best label first.
    """
    paid = priced.cost[FLAT].copy()
    order = [FLAT]
    for _ in range(most):
        gain = np.maximum(paid - priced.cost, 0).sum(axis=1)
        best = int(gain.argmax())
        if gain[best] <= opening:
            break
        order.append(best)
        paid = np.minimum(paid, priced.cost[best])
    return priced.take(np.array(order))


def _problem(low: Level, priced: _Priced, settings: Settings) -> Problem:
    return Problem(priced.cost, edges(low.holes), lambda labels, at: priced.shown[labels, at], settings.seam)


def _grown(low: Level, nodes: Int64, holes: Mask) -> Int64:
    """The labels of the low level's holes for the holes of the full picture, -1 elsewhere."""
    chosen = np.full(low.holes.shape, -1, np.int64)
    chosen[low.holes] = nodes
    grown = np.repeat(np.repeat(chosen, low.scale, axis=0), low.scale, axis=1)[: holes.shape[0], : holes.shape[1]]
    return np.where(holes, grown, -1)
