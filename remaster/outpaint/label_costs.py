"""What a label costs at a hole's pixel: by itself, and for disagreeing with the settled picture at the join."""

from __future__ import annotations

import cv2
import numpy as np

from remaster.arrays import Float32, Int64
from remaster.imaging.distances import nearest
from remaster.imaging.estimation import normalized
from remaster.outpaint.exemplar_settings import Settings
from remaster.outpaint.graphcut import FORBIDDEN
from remaster.outpaint.labels import Labels, Level
from remaster.outpaint.poisson import neighbours

FLAT = 0
"""The label of the shift by nothing: it shows the smooth guess, where no copy can serve."""
FLAT_PRICE = 1000.0
"""What a flat pixel costs: more than any copy."""
UNSEEN = 4.0
"""Added to the disagreement where a label can be compared with the settled pixels only from the hole beside them."""

_MOST_DISTINCT = 20.0
"""Grey levels: a source pixel that is more distinct costs no more."""
_STRANGE = (20.0, 80.0)
"""Colours that differ by the first or less are not strange; by the second or more, as strange as can be."""
_TEXTURE = 12.0
"""Texture this strong (weighted gradient) hides a disagreement as well as texture of ordinary strength."""
_BUSY = 2.0
"""How many times the price of mirroring is added where the mirrored picture has ordinary texture."""
_KINK = 4.0
"""Price of mirroring, at the join, what runs across it aslant: each grey level of its gradient is bent by so much."""
_AROUND = 13
"""The side, in pixels of the low level, of the square over which texture and strangeness are judged."""
_LIVELIER = 1.0
"""Texture so many times that of the join nearby, and by `_CALM` more, is still no object of its own."""
_CALM = 6.0
_MOST_SALIENT = 100.0
"""Excess of texture beyond which a source pixel costs no more."""
_FADING = 4.0
"""After so many pixels of the low level a disagreement at the join counts 1/e."""
_FAR_DRIFT = 0.4
"""A drift of this share of the longer side costs the most."""
_EDGE = 2
"""How deep, in pixels of the low level, the settled pixels are that tell how textured the join is."""
_MOST_STEP = 100.0
"""What a mirrored label counts at the join where it cannot be copied."""
_SHALLOW = 0.1
"""So near the holes, as a share of the longer side, what lies beside them above or below is not yet deep inside."""
_BAND = 4
"""How deep, in pixels of the low level, the settled pixels beside a hole are compared."""


def unary(low: Level, full: Level, candidates: Labels, distinct: Float32, settings: Settings) -> Float32:
    """The cost of each label at each hole, float32 (L, n); ``FORBIDDEN`` and more where it cannot be.

    ``distinct`` float32 (h, w) is that of `dominant`.
    """
    y, x = np.nonzero(low.holes)
    count, n = len(candidates), len(y)
    every, nodes = np.repeat(np.arange(count), n), np.tile(np.arange(n), count)
    full_x, full_y = low.full(x[nodes], y[nodes])
    home = settings.home * max(low.holes.shape) * low.scale
    allowed = low.allowed(candidates, every, x[nodes], y[nodes]) & candidates.at_home(every, full_x, full_y, home)
    allowed[every == FLAT] = True
    cost = np.where(allowed.reshape(count, n), _price(candidates, low, settings)[:, None], np.float32(FORBIDDEN))
    sx, sy = candidates.source(every, full_x, full_y)
    cost += settings.distinct * np.minimum(low.lookup(distinct, sx, sy), _MOST_DISTINCT).reshape(count, n)
    smooth = np.asarray(cv2.blur(np.abs(low.features), (_AROUND, _AROUND)), np.float32)
    around = low.lookup(smooth, sx, sy).reshape(count, n, -1)
    if not _sideways(low):
        inside = cv2.distanceTransform((~low.holes).astype(np.uint8), cv2.DIST_L2, 5) / max(low.holes.shape)
        cost += settings.deep * np.clip(low.lookup(inside, sx, sy) - _SHALLOW, 0, _FAR_DRIFT).reshape(count, n)
    mirrored = settings.mirrored * candidates.mirrored.astype(np.float32)
    cost += mirrored[:, None] * (1 + _BUSY / _TEXTURE * around[..., 3:].sum(axis=2))
    strange = np.abs(around[..., :3] - smooth[y, x, :3]).sum(axis=2)
    cost += settings.strange * (np.clip(strange, *_STRANGE) - _STRANGE[0])
    excess = around[..., 3:].sum(axis=2) - _LIVELIER * _joined_texture(low) - _CALM
    cost += settings.salient * np.clip(excess, 0, _MOST_SALIENT)
    return np.asarray(cost + settings.join * _disagreement(low, full, candidates), np.float32)


def _price(candidates: Labels, level: Level, settings: Settings) -> Float32:
    """What a pixel of each label costs for itself: mirroring, drifting along the join, and most of all being flat."""
    along = candidates.ty * (candidates.sy > 0) if _sideways(level) else candidates.tx * (candidates.sx > 0)
    drift = np.abs(along) / (max(level.holes.shape) * level.scale)
    price = settings.drift * np.minimum(drift, _FAR_DRIFT)
    price[FLAT] = FLAT_PRICE
    return np.asarray(price, np.float32)


def _sideways(level: Level) -> bool:
    """Whether the holes lie rather beside the settled picture than above or below it."""
    p, q = neighbours(level.holes, level.context)
    return bool(2 * np.count_nonzero(np.abs(q - p) == 1) >= len(p))


def _disagreement(level: Level, full: Level, candidates: Labels) -> Float32:
    """For each label and hole, how far it is from the settled pixels at the nearest piece of the join.

    Float32 (L, n): the mean difference over the settled pixels within `_BAND` of those where the label may copy from;
    where there are none, the step from the settled pixels to what the label shows in the hole. A mirrored label is
    judged by that step in the full picture, where it is none on the mirror's axis, and by what it bends. All fades with
    the distance from the join: felt at the join alone, it would be bought off there with a sliver of another label.
    """
    side = 2 * _BAND + 1
    by, bx = np.nonzero(level.context & (cv2.dilate(level.holes.astype(np.uint8), np.ones((side, side))) > 0))
    y, x, nearest, fading = _joined(level)
    settled, ones = level.features[by, bx], np.ones(len(by), np.float32)
    strength = np.abs(level.features[..., 3:]).sum(axis=2)[by, bx, None]
    shape = level.holes.shape
    texture = _near_mean(shape, by, bx, strength, ones, y, x, 2 * _AROUND + 1)[0][:, 0]
    tells = np.clip(_TEXTURE / np.maximum(texture, 1e-3), 0.5, 3.0)
    beside = _near_mean(shape, by, bx, settled, ones, y, x, 3)[0]
    mirrored = np.flatnonzero(candidates.mirrored)
    bent = UNSEEN + _KINK * _aslant(level)[y, x]
    steps = dict(zip(mirrored.tolist(), _steps(level, full, candidates.take(mirrored), y, x), strict=True))
    cost = np.zeros((len(candidates), len(fading)), np.float32)
    for i in range(len(candidates) if len(y) else 0):
        if i in steps:
            cost[i] = (bent + steps[i])[nearest] * fading
            continue
        index = np.full(len(by), i)
        usable = level.allowed(candidates, index, bx, by).astype(np.float32)
        differ = np.abs(level.sample(candidates, index, bx, by) - settled)
        mean, weight = _near_mean(shape, by, bx, differ, usable, y, x, side)
        step = np.abs(level.sample(candidates, np.full(len(y), i), x, y) - beside)
        mean = np.where(weight[:, None] > 1e-3, mean, step + UNSEEN / mean.shape[1])
        cost[i] = (mean[:, :3].sum(axis=1) + mean[:, 3:].sum(axis=1) * tells)[nearest] * fading
    return cost


def _steps(level: Level, full: Level, candidates: Labels, y: Int64, x: Int64) -> Float32:
    """The mean step in colour across the full picture's join near the low level's pixels (y, x), float32 (L, n)."""
    w = full.holes.shape[1]
    p, q = neighbours(full.holes, full.context)
    settled = full.features.reshape(full.holes.size, -1)[q, :3]
    block = (p // w // level.scale, p % w // level.scale)
    steps = np.zeros((len(candidates), len(y)), np.float32)
    for i in range(len(candidates)):
        index = np.full(len(p), i)
        may = full.allowed(candidates, index, p % w, p // w)
        differ = np.abs(full.sample(candidates, index, p % w, p // w)[:, :3] - settled).sum(axis=1)
        total = np.zeros((*level.holes.shape, 2), np.float32)
        np.add.at(total, block, np.stack([differ * may, may], axis=1))
        near: Float32 = np.asarray(cv2.blur(total, (3, 3), borderType=cv2.BORDER_CONSTANT), np.float32)[y, x]
        steps[i] = np.where(near[:, 1] > 0, near[:, 0] / np.maximum(near[:, 1], 1e-3), _MOST_STEP)
    return steps


def _aslant(level: Level) -> Float32:
    """How strongly lines run aslant through each pixel's neighbourhood, float32 (h, w), in weighted grey levels.

    What a mirror bends: the mixed term of the structure tensor (Bigun and Granlund, ICCV 1987) over its trace's root,
    times the coherence. It is nought for lines across the join or along it, and for texture without a direction.
    """
    known = level.context.astype(np.float32)
    gx, gy = level.features[..., 3] * known, level.features[..., 4] * known
    products = cv2.merge([gx * gx, gy * gy, gx * gy, known])
    xx, yy, xy, seen = np.moveaxis(np.asarray(cv2.blur(products, (_AROUND, _AROUND)), np.float32), 2, 0)
    total = np.maximum(xx + yy, 1e-3)
    coherence = ((xx - yy) ** 2 + 4 * xy**2) / total**2
    return np.asarray(coherence * np.abs(xy) / np.sqrt(total * np.maximum(seen, 1e-3)), np.float32)


def _joined_texture(level: Level) -> Float32:
    """How textured the outermost settled pixels nearest to each hole are at most, float32 (n,).

    Where something unsettled lies between (a character at the join), those beyond it tell: what a hole has no join with
    would else be free to show anything, lettering first of all.
    """
    side = 2 * _EDGE + 1
    edge = level.context & (cv2.dilate((~level.context).astype(np.uint8), np.ones((side, side))) > 0)
    if not edge.any():
        return np.full(int(level.holes.sum()), np.inf, np.float32)
    size = (_AROUND, _AROUND)
    strength = np.where(edge, np.abs(level.features[..., 3:]).sum(axis=2), 0).astype(np.float32)
    mean = normalized(strength, edge.astype(np.float32), lambda plane: cv2.blur(plane, size))
    around = np.asarray(cv2.dilate(mean, np.ones(size)), np.float32)
    _, place = nearest(edge)
    return np.asarray(around.ravel()[place[level.holes]], np.float32)


def _joined(level: Level) -> tuple[Int64, Int64, Int64, Float32]:
    """The holes (y, x) beside settled pixels; for each hole the number of the nearest of them, and a weight 1..0."""
    at_join = level.holes & (cv2.dilate(level.context.astype(np.uint8), np.ones((3, 3))) > 0)
    y, x = np.nonzero(at_join)
    if len(y) == 0:
        return y, x, np.zeros(int(level.holes.sum()), np.int64), np.zeros(int(level.holes.sum()), np.float32)
    distance, place = nearest(at_join)
    fading: Float32 = np.exp(-distance[level.holes] / np.float32(_FADING))
    return y, x, np.searchsorted(np.flatnonzero(at_join), place[level.holes]), fading


def _near_mean(
    shape: tuple[int, ...], by: Int64, bx: Int64, values: Float32, weights: Float32, y: Int64, x: Int64, side: int
) -> tuple[Float32, Float32]:
    """The weighted mean of values (m, c) given at (by, bx) in the square around each (y, x), and the weight there."""
    picture = np.zeros((*shape, values.shape[1] + 1), np.float32)
    picture[by, bx] = np.column_stack([values * weights[:, None], weights])
    near: Float32 = np.asarray(cv2.blur(picture, (side, side), borderType=cv2.BORDER_CONSTANT), np.float32)[y, x]
    mean: Float32 = np.asarray(near[:, :-1] / np.maximum(near[:, -1:], 1e-6), np.float32)
    return mean, near[:, -1]
