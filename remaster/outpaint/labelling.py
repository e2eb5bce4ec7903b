"""From a picture with holes to a label for each of their pixels: candidates, cut at low resolution, finer borders."""

from __future__ import annotations

import numpy as np

from remaster.media.types import Mask
from remaster.outpaint.costs import FLAT, unary
from remaster.outpaint.graphcut import Problem, edges, expand
from remaster.outpaint.labels import Floats, Ints, Labels, Level, append, grow, join, shifts, shrink
from remaster.outpaint.offsets import across, align, continuing, dominant, mirrors
from remaster.outpaint.refine import refine
from remaster.outpaint.settings import Settings


def label(
    picture: Floats,
    source: Mask,
    settled: Mask,
    holes: Mask,
    scale: int,
    settings: Settings,
    rng: np.random.Generator,
) -> tuple[Level, Labels, Ints]:
    """Label the holes of a picture (float32 (h, w, 3), 0-255), to be copied from ``source`` and to join ``settled``.

    The labels are found in a picture ``scale`` times smaller. Returns the full level, the labels, and int64 (h, w):
    each hole's label, -1 outside the holes.
    """
    low = shrink(picture, source, settled, holes, scale)
    full = grow(low, picture, source, settled, holes)
    candidates, distinct = _candidates(low, full, settings, rng)
    chosen = _cut(low, candidates, distinct, np.where(low.holes, FLAT, -1), settings)
    for _ in range(settings.alignments):
        used = np.unique(np.append(chosen[low.holes], FLAT))
        candidates = candidates.take(used)
        chosen = np.where(low.holes, np.searchsorted(used, chosen), -1)
        candidates = append(candidates, align(full, candidates, _grown(chosen, holes, scale), scale + 1))
        chosen = _cut(low, candidates, distinct, chosen, settings)
    return full, candidates, refine(full, candidates, _grown(chosen, holes, scale), scale, settings.seam)


def _candidates(low: Level, full: Level, settings: Settings, rng: np.random.Generator) -> tuple[Labels, Floats]:
    """The labels to choose from, the flat one first, and how distinct each pixel is, float32 (h, w)."""
    nearest = settings.nearest * max(full.holes.shape)
    statistical, distinct = dominant(low, nearest, settings.statistical, rng)
    parts = [
        shifts(np.zeros((1, 2), np.int64)),
        statistical,
        continuing(low, full, nearest, settings.places, settings.matches, mirror=False),
        continuing(low, full, nearest, settings.places // 3, 1, mirror=True),
        mirrors(full),
        across(full, nearest),
    ]
    return join(parts), distinct


def _cut(low: Level, candidates: Labels, distinct: Floats, start: Ints, settings: Settings) -> Ints:
    """Labels of the low level's holes by alpha expansion from ``start``, int64 (h, w), -1 elsewhere."""
    y, x = np.nonzero(low.holes)
    n, count = len(y), len(candidates)
    nodes = np.tile(np.arange(n), count)
    shown = low.sample(candidates, np.repeat(np.arange(count), n), x[nodes], y[nodes]).reshape(count, n, -1)
    cost = unary(low, candidates, distinct, settings)
    problem = Problem(cost, edges(low.holes), lambda labels, at: shown[labels, at], settings.seam)
    chosen = np.full(low.holes.shape, -1, np.int64)
    chosen[y, x] = expand(problem, start[y, x], settings.sweeps)
    return chosen


def _grown(chosen: Ints, holes: Mask, scale: int) -> Ints:
    """The low level's labels for the holes of the full picture, -1 elsewhere."""
    grown = np.repeat(np.repeat(chosen, scale, axis=0), scale, axis=1)[: holes.shape[0], : holes.shape[1]]
    return np.where(holes, grown, -1)
