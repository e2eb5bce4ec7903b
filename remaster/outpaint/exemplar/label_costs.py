"""The cost of each label at each hole pixel: of the label itself, and of disagreeing with the context at the join."""

from __future__ import annotations

import cv2
import numpy as np

from remaster.arrays import Float32, Int64
from remaster.imaging.estimation import nearest, normalized
from remaster.outpaint.exemplar.graphcut import FORBIDDEN
from remaster.outpaint.exemplar.labels import Labels
from remaster.outpaint.exemplar.poisson import neighbors
from remaster.outpaint.exemplar.pyramid_level import Level
from remaster.outpaint.tuning import TUNING, ExemplarSettings

FLAT = 0
"""The label of the shift by (0, 0): it shows the membrane, for pixels where no copy is possible."""


def unary(low: Level, full: Level, candidates: Labels, distinct: Float32, settings: ExemplarSettings) -> Float32:
    """The cost of each label at each hole, float32 (L, n); ``FORBIDDEN`` and more where it cannot be.

    ``distinct`` float32 (h, w) is that of `dominant`.
    """
    tuning = TUNING.costs
    y, x = np.nonzero(low.holes)
    count, n = len(candidates), len(y)
    every, nodes = np.repeat(np.arange(count), n), np.tile(np.arange(n), count)
    full_x, full_y = low.full(x[nodes], y[nodes])
    radius = settings.match_radius * max(low.holes.shape) * low.scale
    allowed = low.allowed(candidates, every, x[nodes], y[nodes])
    allowed &= candidates.usable_at(every, full_x, full_y, radius)
    allowed[every == FLAT] = True
    cost = np.where(allowed.reshape(count, n), _drift_cost(candidates, low, settings)[:, None], np.float32(FORBIDDEN))
    sx, sy = candidates.source(every, full_x, full_y)
    cost += settings.distinctness_cost * np.minimum(low.lookup(distinct, sx, sy), tuning.max_distinct).reshape(count, n)
    smooth = np.asarray(cv2.blur(np.abs(low.features), (tuning.window, tuning.window)), np.float32)
    around = low.lookup(smooth, sx, sy).reshape(count, n, -1)
    if not _sideways(low):
        depth = cv2.distanceTransform((~low.holes).astype(np.uint8), cv2.DIST_L2, 5) / max(low.holes.shape)
        excess = np.clip(low.lookup(depth, sx, sy) - tuning.shallow, 0, tuning.max_drift)
        cost += settings.depth_cost * excess.reshape(count, n)
    mirrored = settings.mirror_cost * candidates.mirrored.astype(np.float32)
    cost += mirrored[:, None] * (1 + tuning.mirrored_texture / tuning.texture * around[..., 3:].sum(axis=2))
    color = np.abs(around[..., :3] - smooth[y, x, :3]).sum(axis=2)
    cost += settings.color_cost * (np.clip(color, *tuning.color_difference) - tuning.color_difference[0])
    texture = around[..., 3:].sum(axis=2) - tuning.texture_ratio * _texture_at_join(low) - tuning.texture_margin
    cost += settings.texture_cost * np.clip(texture, 0, tuning.max_texture_excess)
    return np.asarray(cost + settings.join_cost * _disagreement(low, full, candidates), np.float32)


def _drift_cost(candidates: Labels, level: Level, settings: ExemplarSettings) -> Float32:
    """What each label costs wherever it is used: for drifting along the join, and most of all for being flat; (L,)."""
    along = candidates.ty * (candidates.sy > 0) if _sideways(level) else candidates.tx * (candidates.sx > 0)
    drift = np.abs(along) / (max(level.holes.shape) * level.scale)
    price = settings.drift_cost * np.minimum(drift, TUNING.costs.max_drift)
    price[FLAT] = TUNING.costs.flat
    return np.asarray(price, np.float32)


def _sideways(level: Level) -> bool:
    """Whether the holes lie beside the context rather than above or below it."""
    p, q = neighbors(level.holes, level.context)
    return bool(2 * np.count_nonzero(np.abs(q - p) == 1) >= len(p))


def _disagreement(level: Level, full: Level, candidates: Labels) -> Float32:
    """How far each label is from the context at the part of the join nearest to each hole pixel, float32 (L, n).

    That is the mean difference over the context pixels within ``band`` at which the label may be copied. Where there
    are none, it is the step from the context to what the label shows in the hole. A mirrored label is judged by that
    step in the full picture, where a true mirror has none, and by the slant of the lines that it reflects. All fades
    with the distance from the join: at the join alone it could be avoided there by a sliver of another label.
    """
    tuning = TUNING.costs
    side = 2 * tuning.band + 1
    by, bx = np.nonzero(level.context & (cv2.dilate(level.holes.astype(np.uint8), np.ones((side, side))) > 0))
    y, x, which, fading = _holes_at_join(level)
    context, ones = level.features[by, bx], np.ones(len(by), np.float32)
    strength = np.abs(level.features[..., 3:]).sum(axis=2)[by, bx, None]
    shape = level.holes.shape
    texture = _near_mean(shape, by, bx, strength, ones, y, x, 2 * tuning.window + 1)[0][:, 0]
    gradient_weight = np.clip(tuning.texture / np.maximum(texture, 1e-3), *tuning.texture_gain)
    beside = _near_mean(shape, by, bx, context, ones, y, x, 3)[0]
    mirrored = np.flatnonzero(candidates.mirrored)
    slant = tuning.unseen + tuning.mirrored_slant * _slant(level)[y, x]
    steps = dict(zip(mirrored.tolist(), _steps(level, full, candidates.take(mirrored), y, x), strict=True))
    cost = np.zeros((len(candidates), len(fading)), np.float32)
    for i in range(len(candidates) if len(y) else 0):
        if i in steps:
            cost[i] = (slant + steps[i])[which] * fading
            continue
        index = np.full(len(by), i)
        usable = level.allowed(candidates, index, bx, by).astype(np.float32)
        differ = np.abs(level.sample(candidates, index, bx, by) - context)
        mean, weight = _near_mean(shape, by, bx, differ, usable, y, x, side)
        step = np.abs(level.sample(candidates, np.full(len(y), i), x, y) - beside)
        mean = np.where(weight[:, None] > 1e-3, mean, step + tuning.unseen / mean.shape[1])
        cost[i] = (mean[:, :3].sum(axis=1) + mean[:, 3:].sum(axis=1) * gradient_weight)[which] * fading
    return cost


def _steps(level: Level, full: Level, candidates: Labels, y: Int64, x: Int64) -> Float32:
    """The mean step in color across the full picture's join near the low-level pixels (y, x), float32 (L, n)."""
    w = full.holes.shape[1]
    p, q = neighbors(full.holes, full.context)
    context = full.features.reshape(full.holes.size, -1)[q, :3]
    block = (p // w // level.scale, p % w // level.scale)
    steps = np.zeros((len(candidates), len(y)), np.float32)
    for i in range(len(candidates)):
        index = np.full(len(p), i)
        allowed = full.allowed(candidates, index, p % w, p // w)
        differ = np.abs(full.sample(candidates, index, p % w, p // w)[:, :3] - context).sum(axis=1)
        total = np.zeros((*level.holes.shape, 2), np.float32)
        np.add.at(total, block, np.stack([differ * allowed, allowed], axis=1))
        near: Float32 = np.asarray(cv2.blur(total, (3, 3), borderType=cv2.BORDER_CONSTANT), np.float32)[y, x]
        steps[i] = np.where(near[:, 1] > 0, near[:, 0] / np.maximum(near[:, 1], 1e-3), TUNING.costs.forbidden_step)
    return steps


def _slant(level: Level) -> Float32:
    """The strength of slanting lines in each pixel's neighborhood, float32 (h, w), in feature units.

    A mirror gives them a kink. It is the mixed term of the structure tensor (Bigun and Granlund, ICCV 1987) over the
    root of its trace, times the coherence: 0 for lines across the join or along it, and for texture without direction.
    """
    size = (TUNING.costs.window, TUNING.costs.window)
    known = level.context.astype(np.float32)
    gx, gy = level.features[..., 3] * known, level.features[..., 4] * known
    products = cv2.merge([gx * gx, gy * gy, gx * gy, known])
    xx, yy, xy, weight = np.moveaxis(np.asarray(cv2.blur(products, size), np.float32), 2, 0)
    total = np.maximum(xx + yy, 1e-3)
    coherence = ((xx - yy) ** 2 + 4 * xy**2) / total**2
    return np.asarray(coherence * np.abs(xy) / np.sqrt(total * np.maximum(weight, 1e-3)), np.float32)


def _texture_at_join(level: Level) -> Float32:
    """The largest texture of the outermost context pixels nearest to each hole, float32 (n,).

    Where a character stands at the join, the context behind it counts: a hole without a join could otherwise show
    anything, for instance lettering.
    """
    tuning = TUNING.costs
    side = 2 * tuning.edge + 1
    edge = level.context & (cv2.dilate((~level.context).astype(np.uint8), np.ones((side, side))) > 0)
    if not edge.any():
        return np.full(int(level.holes.sum()), np.inf, np.float32)
    size = (tuning.window, tuning.window)
    strength = np.where(edge, np.abs(level.features[..., 3:]).sum(axis=2), 0).astype(np.float32)
    mean = normalized(strength, edge.astype(np.float32), lambda plane: cv2.blur(plane, size))
    around = np.asarray(cv2.dilate(mean, np.ones(size)), np.float32)
    _, place = nearest(edge)
    return np.asarray(around.ravel()[place[level.holes]], np.float32)


def _holes_at_join(level: Level) -> tuple[Int64, Int64, Int64, Float32]:
    """The hole pixels (y, x) at the join; for each hole pixel the index of the nearest of them, and a weight 1..0."""
    at_join = level.holes & (cv2.dilate(level.context.astype(np.uint8), np.ones((3, 3))) > 0)
    y, x = np.nonzero(at_join)
    if len(y) == 0:
        return y, x, np.zeros(int(level.holes.sum()), np.int64), np.zeros(int(level.holes.sum()), np.float32)
    distance, place = nearest(at_join)
    fading: Float32 = np.exp(-distance[level.holes] / np.float32(TUNING.costs.join_fade))
    return y, x, np.searchsorted(np.flatnonzero(at_join), place[level.holes]), fading


def _near_mean(
    shape: tuple[int, ...], by: Int64, bx: Int64, values: Float32, weights: Float32, y: Int64, x: Int64, side: int
) -> tuple[Float32, Float32]:
    """The weighted mean of the values (m, c) at (by, bx) in the square around each (y, x), and the weight there."""
    picture = np.zeros((*shape, values.shape[1] + 1), np.float32)
    picture[by, bx] = np.column_stack([values * weights[:, None], weights])
    near: Float32 = np.asarray(cv2.blur(picture, (side, side), borderType=cv2.BORDER_CONSTANT), np.float32)[y, x]
    mean: Float32 = np.asarray(near[:, :-1] / np.maximum(near[:, -1:], 1e-6), np.float32)
    return mean, near[:, -1]
