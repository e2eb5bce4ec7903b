"""Which labels are worth trying: the offsets at which the picture repeats itself, and those that continue its border.

Statistics: He and Sun, "Statistics of Patch Offsets for Image Completion" (ECCV 2012), section 3.
"""

from __future__ import annotations

import cv2
import numpy as np
from scipy.spatial import cKDTree

from remaster.arrays import Float32, Int64, Mask
from remaster.imaging.estimation import normalized
from remaster.outpaint.labels import Labels, Level, from_rows, shifts
from remaster.outpaint.poisson import neighbours

_PATCH = 7
"""Side of the patches whose likes are sought, in pixels of the level."""
_TERMS = ((0, 1), (1, 0), (1, 1), (0, 2), (2, 0))
"""Horizontal and vertical order of the cosine coefficients of luma that describe a patch."""
_QUERIES = 2500
"""Patches that are asked for their likes."""
_NEIGHBOURS = 24
"""Likes that each is given, of which the nearest far enough away tells an offset."""
_AXES = (0.15, 0.5, 0.85)
"""Quantiles of where the join lies at which it is mirrored."""
_TEMPLATE = 5
"""Half the side of the patch that is sought for a point of the join, in pixels of the level."""


def dominant(level: Level, nearest: float, count: int, rng: np.random.Generator) -> tuple[Labels, Float32]:
    """Up to ``count`` shifts at which most patches of the source find their like, at least ``nearest`` pixels away.

    Patches are compared by their main coefficients, sampled ones with all; offsets are in full pixels. Also returns how
    distinct each pixel of the level is, float32 (h, w): how unlike, in grey levels, the likest far patch around is.
    """
    whole = cv2.erode(level.source.astype(np.uint8), np.ones((_PATCH, _PATCH)), borderValue=0) > 0
    y, x = np.nonzero(whole)
    distinct: Float32 = np.zeros(level.holes.shape, np.float32)
    if len(y) < 4 * _NEIGHBOURS:
        return shifts(np.zeros((0, 2), np.int64)), distinct
    described = _describe(level.picture, y, x)
    asked = np.sort(rng.choice(len(y), min(_QUERIES, len(y)), replace=False))
    distance, found = cKDTree(described).query(described[asked], k=_NEIGHBOURS, eps=0.3)
    dx, dy = x[found] - x[asked, None], y[found] - y[asked, None]
    far = np.maximum(np.abs(dx), np.abs(dy)) * level.scale > nearest
    first, rows = far.argmax(axis=1), np.arange(len(asked))
    unlike = np.where(far.any(axis=1), distance[rows, first], distance[:, -1]) / _PATCH
    amount, weight = distinct.copy(), distinct.copy()
    amount[y[asked], x[asked]], weight[y[asked], x[asked]] = unlike, 1
    size = (2 * _PATCH - 1, 2 * _PATCH - 1)
    distinct = normalized(amount, weight, lambda plane: cv2.blur(plane, size), 1e-6)
    rows = np.flatnonzero(far.any(axis=1))
    offsets = _peaks(dx[rows, first[rows]], dy[rows, first[rows]], level.source.shape, count) * level.scale
    return shifts(offsets), distinct


def _describe(picture: Float32, y: Int64, x: Int64) -> Float32:
    """The patches around pixels (y, x) by their lowest cosine coefficients, float32 (n, 8): 3 of colour, 5 of luma.

    Distances between them are about those of the patches. (A fixed basis, unlike principal components, does not depend
    on how a linear algebra library splits its sums.)
    """
    waves = [np.cos(np.pi * k * (2 * np.arange(_PATCH) + 1) / (2 * _PATCH)) for k in range(3)]
    waves = [wave / np.linalg.norm(wave) for wave in waves]
    luma = picture.mean(axis=2) * np.float32(np.sqrt(3))
    planes = [cv2.sepFilter2D(plane, cv2.CV_32F, waves[0], waves[0]) for plane in cv2.split(picture)]
    planes += [cv2.sepFilter2D(luma, cv2.CV_32F, waves[i], waves[j]) for i, j in _TERMS]
    return np.asarray(np.dstack(planes)[y, x], np.float32)


def _peaks(dx: Int64, dy: Int64, shape: tuple[int, ...], count: int) -> Int64:
    """The highest maxima of the smoothed histogram of offsets and their opposites, int64 (m, 2) as (dx, dy)."""
    h, w = shape
    histogram: Float32 = np.zeros((2 * h + 1, 2 * w + 1), np.float32)
    np.add.at(histogram, (dy + h, dx + w), 1)
    np.add.at(histogram, (h - dy, w - dx), 1)
    histogram = np.asarray(cv2.GaussianBlur(histogram, (0, 0), 1.4), np.float32)
    top = (histogram == cv2.dilate(histogram, np.ones((7, 7)))) & (histogram > 1e-3)
    py, px = np.nonzero(top)
    best = np.argsort(-histogram[py, px], kind="stable")[:count]
    return np.stack([px[best] - w, py[best] - h], axis=1).astype(np.int64)


def continuing(level: Level, full: Level, nearest: float, points: int, each: int) -> Labels:
    """Labels under which the source looks like the settled pixels along the join, exact to one full pixel.

    For up to ``points`` places on the join, which are their homes, the ``each`` best are given. Shifts shorter than
    ``nearest`` full pixels are left out.
    """
    found: list[tuple[int, ...]] = []
    for y, x, out_y, out_x in _places(level, points):
        box = _template_box(level, y, x, out_y, out_x)
        cost = _match(level, box, (y, x), (out_y, out_x))
        _forbid_near(cost, box, nearest / level.scale)
        for top, left in _minima(cost, each, max(nearest / level.scale / 2, 2)):
            found.append((1, 1, *_exact(level, full, box, (top, left)), x * level.scale, y * level.scale))
    return from_rows(np.array(found, np.int64).reshape(-1, 6))


def _places(level: Level, points: int) -> list[tuple[int, int, int, int]]:
    """Evenly spread pixels of the join, as (y, x, outward y, outward x): settled, with a hole next to them outward."""
    places: list[tuple[int, int, int, int]] = []
    for out_y, out_x in ((0, -1), (0, 1), (-1, 0), (1, 0)):
        hole_beyond = np.zeros_like(level.holes)
        h, w = hole_beyond.shape
        inner = hole_beyond[max(-out_y, 0) : h - max(out_y, 0), max(-out_x, 0) : w - max(out_x, 0)]
        inner[:] = level.holes[max(out_y, 0) : h - max(-out_y, 0), max(out_x, 0) : w - max(-out_x, 0)]
        y, x = np.nonzero(hole_beyond & level.context)
        places += [(int(b), int(a), out_y, out_x) for b, a in zip(y, x, strict=True)]
    step = max(len(places) / points, 1.0)
    return [places[int(i * step)] for i in range(int(len(places) / step))]


def _template_box(level: Level, y: int, x: int, out_y: int, out_x: int) -> tuple[int, int, int, int]:
    """(top, left, bottom, right) of the patch that ends at the join and reaches inward, cut at the picture's edges."""
    h, w = level.holes.shape
    cy, cx = y - out_y * (_TEMPLATE - 1), x - out_x * (_TEMPLATE - 1)
    return max(cy - _TEMPLATE, 0), max(cx - _TEMPLATE, 0), min(cy + _TEMPLATE + 1, h), min(cx + _TEMPLATE + 1, w)


def _match(level: Level, box: tuple[int, int, int, int], place: tuple[int, int], out: tuple[int, int]) -> Float32:
    """How ill the patch fits at each place of the source: root mean square, infinite where it may not lie.

    What cannot serve the hole all the way outward costs more.
    """
    top, left, bottom, right = box
    weight = level.context[top:bottom, left:right].astype(np.float32)
    patch = np.ascontiguousarray(level.picture[top:bottom, left:right])
    cost = cv2.matchTemplate(level.picture, patch, cv2.TM_SQDIFF, mask=np.dstack([weight] * 3))
    barred = (~level.source).astype(np.float32)
    hits = cv2.matchTemplate(barred, weight, cv2.TM_CCORR)
    cost = np.sqrt(np.maximum(cost, 0) / (3 * max(float(weight.sum()), 1.0)))
    run = _run(barred < 0.5, out)
    wanted = _run(level.holes, out)[place[0] + out[0], place[1] + out[1]]
    y, x = place[0] + out[0] - top, place[1] + out[1] - left
    reach = np.zeros(cost.shape, np.float32)
    ys, xs = np.arange(cost.shape[0]) + y, np.arange(cost.shape[1]) + x
    in_y, in_x = (ys >= 0) & (ys < run.shape[0]), (xs >= 0) & (xs < run.shape[1])
    reach[np.ix_(in_y, in_x)] = np.minimum(run[np.ix_(ys[in_y], xs[in_x])] / max(wanted, 1), 1)
    cost = cost + 10 * (1 - reach)
    cost[(hits > 0.5) | (reach < 0.25)] = np.inf
    return np.asarray(cost, np.float32)


def _run(mask: Mask, out: tuple[int, int]) -> Float32:
    """For each pixel, how many pixels of the mask follow one another from it in direction ``out``."""
    turned = mask.T if out[0] else mask
    backwards = turned[:, ::-1] if out[0] + out[1] > 0 else turned
    position = np.arange(backwards.shape[1])[None]
    last_gap = np.maximum.accumulate(np.where(backwards, -1, position), axis=1)
    run = np.where(backwards, position - last_gap, 0).astype(np.float32)
    run = run[:, ::-1] if out[0] + out[1] > 0 else run
    return run.T if out[0] else run


def _forbid_near(cost: Float32, box: tuple[int, int, int, int], nearest: float) -> None:
    """Rule out short shifts, in place."""
    rows, columns = np.arange(cost.shape[0])[:, None], np.arange(cost.shape[1])[None]
    cost[np.maximum(abs(rows - box[0]), abs(columns - box[1])) < nearest] = np.inf


def mirrors(full: Level) -> Labels:
    """The labels that mirror the picture at the join, for each side of it that is at least 8 pixels long.

    A join that wavers (a gate's edge, a mosaic's) is mirrored at three of its places.
    """
    w = full.holes.shape[1]
    p, q = neighbours(full.holes, full.context)
    found: list[tuple[int, ...]] = []
    for step, mirror in ((1, (-1, 1)), (-1, (-1, 1)), (w, (1, -1)), (-w, (1, -1))):
        at = p[q - p == step]
        if len(at) < 8:
            continue
        sums = 2 * (at % w) + step if mirror[0] < 0 else 2 * (at // w) + step // w
        for total in np.unique(np.quantile(sums, _AXES, method="nearest")).tolist():
            found.append((*mirror, total if mirror[0] < 0 else 0, total if mirror[1] < 0 else 0, -1, -1))
    return from_rows(np.array(found, np.int64).reshape(-1, 6))


def across(full: Level, nearest: float) -> Labels:
    """Straight shifts both ways along the axis that crosses the join, for where there is nothing to continue."""
    h, w = full.holes.shape
    p, q = neighbours(full.holes, full.context)
    sideways = 2 * np.count_nonzero(np.abs(q - p) == 1) >= len(p)
    steps = np.linspace(nearest, 0.8 * (w if sideways else h), 6 if sideways else 16).astype(np.int64)
    steps = np.concatenate([steps, -steps])
    none = np.zeros_like(steps)
    return shifts(np.stack([steps, none] if sideways else [none, steps], axis=1))


def align(full: Level, candidates: Labels, chosen: Int64, radius: int) -> Labels:
    """For pieces of the join, the labels there moved by up to ``radius`` pixels to fit the settled pixels best.

    ``chosen`` int64 (h, w) are the labels of the holes. Only moved labels are given, at home where they fit.
    """
    p, q = neighbours(full.holes, full.context)
    w = full.holes.shape[1]
    labels, wanted = chosen.ravel()[p], full.features.reshape(full.holes.size, -1)
    length = max(3 * radius, 12)
    piece = np.stack([labels, q // w // length, q % w // length], axis=1)
    _, which = np.unique(piece, axis=0, return_inverse=True)
    which = which.reshape(-1)
    moves = np.stack(np.meshgrid(np.arange(-radius, radius + 1), np.arange(-radius, radius + 1)), axis=-1).reshape(
        -1, 2
    )
    moves = moves[np.argsort(np.abs(moves).sum(axis=1), kind="stable")]
    found: list[Int64] = []
    rows = candidates.rows()
    for i in range(int(which.max(initial=-1)) + 1):
        at = np.flatnonzero(which == i)
        row = rows[labels[at[0]]]
        # A mirrored label cannot be copied beyond its axis: what it shows in the holes is compared.
        seen = p[at] if (row[:2] < 0).any() else q[at]
        y, x = seen // w, seen % w
        moved = np.repeat(row[None], len(moves), axis=0)
        moved[:, 2:4] += moves
        cost = _fit(full, from_rows(moved), x, y, wanted[q[at]])
        best = int(cost.argmin())
        if labels[at[0]] > 0 and cost[best] < 0.9 * cost[0]:
            found.append(np.concatenate([moved[best, :4], [int(x.mean()), int(y.mean())]]))
    return from_rows(np.array(found, np.int64).reshape(-1, 6))


def _fit(full: Level, labels: Labels, x: Int64, y: Int64, wanted: Float32) -> Float32:
    """The mean difference (L,) between what each label shows at the pixels (x, y) and the features ``wanted`` there."""
    index, node = np.repeat(np.arange(len(labels)), len(x)), np.tile(np.arange(len(x)), len(labels))
    differ = np.abs(full.sample(labels, index, x[node], y[node]) - wanted[node]).sum(1)
    differ[~full.allowed(labels, index, x[node], y[node])] = 100
    return np.asarray(differ.reshape(len(labels), -1).mean(axis=1))


def _minima(cost: Float32, count: int, apart: float) -> list[tuple[int, int]]:
    """The ``count`` best places (row, column), none within ``apart`` of a better one."""
    cost = cost.copy()
    best: list[tuple[int, int]] = []
    reach = int(np.ceil(apart))
    for _ in range(count):
        y, x = (int(i) for i in np.unravel_index(int(cost.argmin()), cost.shape))
        if not np.isfinite(cost[y, x]):
            break
        best.append((y, x))
        cost[max(y - reach, 0) : y + reach + 1, max(x - reach, 0) : x + reach + 1] = np.inf
    return best


def _exact(level: Level, full: Level, box: tuple[int, int, int, int], found: tuple[int, int]) -> tuple[int, int]:
    """The offset (tx, ty) of a match, sought anew among the full pixels around."""
    scale, (h, w) = level.scale, full.holes.shape
    top, left = box[0] * scale, box[1] * scale
    bottom, right = min(box[2] * scale, h), min(box[3] * scale, w)
    y0, x0 = found[0] * scale, found[1] * scale
    low_y, low_x = max(y0 - scale, 0), max(x0 - scale, 0)
    area = full.picture[low_y : y0 + scale + bottom - top, low_x : x0 + scale + right - left]
    weight = full.context[top:bottom, left:right].astype(np.float32)
    if area.shape[0] >= bottom - top and area.shape[1] >= right - left:
        patch = np.ascontiguousarray(full.picture[top:bottom, left:right])
        cost = cv2.matchTemplate(np.ascontiguousarray(area), patch, cv2.TM_SQDIFF, mask=np.dstack([weight] * 3))
        dy, dx = np.unravel_index(int(cost.argmin()), cost.shape)
        y0, x0 = low_y + int(dy), low_x + int(dx)
    return x0 - left, y0 - top
