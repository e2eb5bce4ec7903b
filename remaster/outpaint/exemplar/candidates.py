"""Candidate labels: the ones worth trying.

``dominant``: the offsets at which the picture repeats itself (He and Sun, "Statistics of Patch Offsets for Image
Completion", ECCV 2012, section 3). ``continuing``: offsets under which the source looks like the picture at the join.
``mirrors`` and ``across``: mirroring at the join, and straight shifts across it. ``align`` moves chosen labels to fit
the join better.
"""

from __future__ import annotations

import cv2
import numpy as np
from scipy.spatial import cKDTree

from remaster.arrays import Float32, Int64, Mask
from remaster.imaging.estimation import normalized
from remaster.outpaint.exemplar.labels import Labels, from_rows, shifts
from remaster.outpaint.exemplar.poisson import neighbors
from remaster.outpaint.exemplar.pyramid_level import Level
from remaster.outpaint.tuning import TUNING

_LUMA_TERMS = ((0, 1), (1, 0), (1, 1), (0, 2), (2, 0))
"""Horizontal and vertical order of the cosine coefficients of luma that describe a patch."""


def dominant(low: Level, min_shift: float, count: int, rng: np.random.Generator) -> tuple[Labels, Float32]:
    """Up to ``count`` shifts at which most patches of the source repeat, and how distinct each pixel is.

    Sampled patches are compared with all others by their main cosine coefficients; shifts are in full pixels, at least
    ``min_shift``. A pixel's distinctness, float32 (h, w), is the root mean square difference in grey levels to the most
    similar patch at least that far away, averaged over the patches around.
    """
    tuning = TUNING.candidates
    patch = tuning.patch
    whole = cv2.erode(low.source.astype(np.uint8), np.ones((patch, patch)), borderValue=0) > 0
    y, x = np.nonzero(whole)
    distinct: Float32 = np.zeros(low.holes.shape, np.float32)
    if len(y) < 4 * tuning.neighbors:
        return shifts(np.zeros((0, 2), np.int64)), distinct
    descriptors = _describe(low.picture, y, x)
    queries = np.sort(rng.choice(len(y), min(tuning.queries, len(y)), replace=False))
    distance, found = cKDTree(descriptors).query(descriptors[queries], k=tuning.neighbors, eps=tuning.search_error)
    dx, dy = x[found] - x[queries, None], y[found] - y[queries, None]
    far = np.maximum(np.abs(dx), np.abs(dy)) * low.scale > min_shift
    first, rows = far.argmax(axis=1), np.arange(len(queries))
    difference = np.where(far.any(axis=1), distance[rows, first], distance[:, -1]) / patch
    amount, weight = distinct.copy(), distinct.copy()
    amount[y[queries], x[queries]], weight[y[queries], x[queries]] = difference, 1
    size = (2 * patch - 1, 2 * patch - 1)
    distinct = normalized(amount, weight, lambda plane: cv2.blur(plane, size), 1e-6)
    rows = np.flatnonzero(far.any(axis=1))
    offsets = _peaks(dx[rows, first[rows]], dy[rows, first[rows]], low.source.shape, count) * low.scale
    return shifts(offsets), distinct


def _describe(picture: Float32, y: Int64, x: Int64) -> Float32:
    """Describe the patches around pixels (y, x) by their lowest cosine coefficients, float32 (n, 8).

    Three are of color, five of luma. Distances between descriptors approximate those between patches. (A fixed basis,
    unlike principal components, does not depend on how a linear algebra library splits its sums.)
    """
    patch = TUNING.candidates.patch
    waves = [np.cos(np.pi * k * (2 * np.arange(patch) + 1) / (2 * patch)) for k in range(3)]
    waves = [wave / np.linalg.norm(wave) for wave in waves]
    luma = picture.mean(axis=2) * np.float32(np.sqrt(3))
    planes = [cv2.sepFilter2D(plane, cv2.CV_32F, waves[0], waves[0]) for plane in cv2.split(picture)]
    planes += [cv2.sepFilter2D(luma, cv2.CV_32F, waves[i], waves[j]) for i, j in _LUMA_TERMS]
    return np.asarray(np.dstack(planes)[y, x], np.float32)


def _peaks(dx: Int64, dy: Int64, shape: tuple[int, ...], count: int) -> Int64:
    """The highest maxima of the smoothed histogram of offsets and their opposites, int64 (m, 2) as (dx, dy)."""
    tuning = TUNING.candidates
    h, w = shape
    histogram: Float32 = np.zeros((2 * h + 1, 2 * w + 1), np.float32)
    np.add.at(histogram, (dy + h, dx + w), 1)
    np.add.at(histogram, (h - dy, w - dx), 1)
    histogram = np.asarray(cv2.GaussianBlur(histogram, (0, 0), tuning.peak_sigma), np.float32)
    top = (histogram == cv2.dilate(histogram, np.ones((tuning.peak_window, tuning.peak_window)))) & (histogram > 1e-3)
    py, px = np.nonzero(top)
    best = np.argsort(-histogram[py, px], kind="stable")[:count]
    return np.stack([px[best] - w, py[best] - h], axis=1).astype(np.int64)


def continuing(low: Level, full: Level, min_shift: float, points: int, each: int) -> Labels:
    """Labels under which the source looks like the context along the join, exact to one full pixel.

    For up to ``points`` places on the join, which become the labels' centers, the ``each`` best are returned. Shifts
    are at least ``min_shift`` full pixels long.
    """
    found: list[tuple[int, ...]] = []
    for y, x, out_y, out_x in _places(low, points):
        box = _template_box(low, y, x, out_y, out_x)
        cost = _match(low, box, (y, x), (out_y, out_x))
        _forbid_short(cost, box, min_shift / low.scale)
        for top, left in _minima(cost, each, max(min_shift / low.scale / 2, 2)):
            found.append((1, 1, *_exact(low, full, box, (top, left)), x * low.scale, y * low.scale))
    return from_rows(np.array(found, np.int64).reshape(-1, 6))


def _places(low: Level, points: int) -> list[tuple[int, int, int, int]]:
    """Evenly spread context pixels with a hole next to them, as (y, x, y, x of the step towards the hole)."""
    places: list[tuple[int, int, int, int]] = []
    for out_y, out_x in ((0, -1), (0, 1), (-1, 0), (1, 0)):
        hole_outward = np.zeros_like(low.holes)
        h, w = hole_outward.shape
        inner = hole_outward[max(-out_y, 0) : h - max(out_y, 0), max(-out_x, 0) : w - max(out_x, 0)]
        inner[:] = low.holes[max(out_y, 0) : h - max(-out_y, 0), max(out_x, 0) : w - max(-out_x, 0)]
        y, x = np.nonzero(hole_outward & low.context)
        places += [(int(b), int(a), out_y, out_x) for b, a in zip(y, x, strict=True)]
    step = max(len(places) / points, 1.0)
    return [places[int(i * step)] for i in range(int(len(places) / step))]


def _template_box(low: Level, y: int, x: int, out_y: int, out_x: int) -> tuple[int, int, int, int]:
    """(top, left, bottom, right) of the patch inside the join at a point, cut at the picture's edges."""
    h, w = low.holes.shape
    radius = TUNING.candidates.template_radius
    cy, cx = y - out_y * (radius - 1), x - out_x * (radius - 1)
    return max(cy - radius, 0), max(cx - radius, 0), min(cy + radius + 1, h), min(cx + radius + 1, w)


def _match(low: Level, box: tuple[int, int, int, int], place: tuple[int, int], out: tuple[int, int]) -> Float32:
    """The root mean square difference of the patch at each position, infinite where it touches what is no source.

    A position that cannot serve the hole all the way outward costs more.
    """
    tuning = TUNING.candidates
    top, left, bottom, right = box
    weight = low.context[top:bottom, left:right].astype(np.float32)
    patch = np.ascontiguousarray(low.picture[top:bottom, left:right])
    cost = cv2.matchTemplate(low.picture, patch, cv2.TM_SQDIFF, mask=np.dstack([weight] * 3))
    forbidden = (~low.source).astype(np.float32)
    hits = cv2.matchTemplate(forbidden, weight, cv2.TM_CCORR)
    cost = np.sqrt(np.maximum(cost, 0) / (3 * max(float(weight.sum()), 1.0)))
    run = _run(forbidden < 0.5, out)
    wanted = _run(low.holes, out)[place[0] + out[0], place[1] + out[1]]
    y, x = place[0] + out[0] - top, place[1] + out[1] - left
    served = np.zeros(cost.shape, np.float32)
    ys, xs = np.arange(cost.shape[0]) + y, np.arange(cost.shape[1]) + x
    in_y, in_x = (ys >= 0) & (ys < run.shape[0]), (xs >= 0) & (xs < run.shape[1])
    served[np.ix_(in_y, in_x)] = np.minimum(run[np.ix_(ys[in_y], xs[in_x])] / max(wanted, 1), 1)
    cost = cost + tuning.short_run * (1 - served)
    cost[(hits > 0.5) | (served < tuning.min_run)] = np.inf
    return np.asarray(cost, np.float32)


def _run(mask: Mask, out: tuple[int, int]) -> Float32:
    """The number of consecutive pixels of the mask from each pixel on in direction ``out``, float32 (h, w)."""
    turned = mask.T if out[0] else mask
    backwards = turned[:, ::-1] if out[0] + out[1] > 0 else turned
    position = np.arange(backwards.shape[1])[None]
    last_gap = np.maximum.accumulate(np.where(backwards, -1, position), axis=1)
    run = np.where(backwards, position - last_gap, 0).astype(np.float32)
    run = run[:, ::-1] if out[0] + out[1] > 0 else run
    return run.T if out[0] else run


def _forbid_short(cost: Float32, box: tuple[int, int, int, int], min_shift: float) -> None:
    """Make shifts under ``min_shift`` low-level pixels infinitely expensive, in place."""
    rows, columns = np.arange(cost.shape[0])[:, None], np.arange(cost.shape[1])[None]
    cost[np.maximum(abs(rows - box[0]), abs(columns - box[1])) < min_shift] = np.inf


def mirrors(full: Level) -> Labels:
    """The labels that mirror the picture at the join, for each side of it that is long enough.

    A join that is not straight (a gate's edge, a mosaic's) is mirrored at several of its positions.
    """
    tuning = TUNING.candidates
    w = full.holes.shape[1]
    p, q = neighbors(full.holes, full.context)
    found: list[tuple[int, ...]] = []
    for step, mirror in ((1, (-1, 1)), (-1, (-1, 1)), (w, (1, -1)), (-w, (1, -1))):
        at = p[q - p == step]
        if len(at) < tuning.min_mirrored:
            continue
        sums = 2 * (at % w) + step if mirror[0] < 0 else 2 * (at // w) + step // w
        for total in np.unique(np.quantile(sums, tuning.axis_quantiles, method="nearest")).tolist():
            found.append((*mirror, total if mirror[0] < 0 else 0, total if mirror[1] < 0 else 0, -1, -1))
    return from_rows(np.array(found, np.int64).reshape(-1, 6))


def across(full: Level, min_shift: float) -> Labels:
    """Straight shifts both ways along the axis that crosses the join, for places where nothing can be continued."""
    tuning = TUNING.candidates
    h, w = full.holes.shape
    p, q = neighbors(full.holes, full.context)
    sideways = 2 * np.count_nonzero(np.abs(q - p) == 1) >= len(p)
    count = tuning.sideways_shifts if sideways else tuning.upright_shifts
    steps = np.linspace(min_shift, tuning.max_shift * (w if sideways else h), count).astype(np.int64)
    steps = np.concatenate([steps, -steps])
    none = np.zeros_like(steps)
    return shifts(np.stack([steps, none] if sideways else [none, steps], axis=1))


def align(full: Level, candidates: Labels, chosen: Int64, radius: int) -> Labels:
    """For pieces of the join, the labels there moved by up to ``radius`` pixels to fit the context best.

    ``chosen`` int64 (h, w) are the labels of the holes. Only labels that fit clearly better are returned, each centered
    on its piece.
    """
    tuning = TUNING.candidates
    p, q = neighbors(full.holes, full.context)
    w = full.holes.shape[1]
    labels, wanted = chosen.ravel()[p], full.features.reshape(full.holes.size, -1)
    length = max(3 * radius, tuning.min_piece)
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
        # A mirrored label cannot be copied on the context's side of its axis, so it is compared in the holes.
        compared = p[at] if (row[:2] < 0).any() else q[at]
        y, x = compared // w, compared % w
        moved = np.repeat(row[None], len(moves), axis=0)
        moved[:, 2:4] += moves
        cost = _fit(full, from_rows(moved), x, y, wanted[q[at]])
        best = int(cost.argmin())
        if labels[at[0]] > 0 and cost[best] < (1 - tuning.min_improvement) * cost[0]:
            found.append(np.concatenate([moved[best, :4], [int(x.mean()), int(y.mean())]]))
    return from_rows(np.array(found, np.int64).reshape(-1, 6))


def _fit(full: Level, labels: Labels, x: Int64, y: Int64, wanted: Float32) -> Float32:
    """The mean difference (L,) between each label's features at the pixels (x, y) and those ``wanted`` there (n, 5)."""
    index, node = np.repeat(np.arange(len(labels)), len(x)), np.tile(np.arange(len(x)), len(labels))
    differ = np.abs(full.sample(labels, index, x[node], y[node]) - wanted[node]).sum(1)
    differ[~full.allowed(labels, index, x[node], y[node])] = TUNING.candidates.forbidden_step
    return np.asarray(differ.reshape(len(labels), -1).mean(axis=1))


def _minima(cost: Float32, count: int, distance: float) -> list[tuple[int, int]]:
    """The ``count`` lowest places (row, column), none within ``distance`` of a lower one."""
    cost = cost.copy()
    best: list[tuple[int, int]] = []
    radius = int(np.ceil(distance))
    for _ in range(count):
        y, x = (int(i) for i in np.unravel_index(int(cost.argmin()), cost.shape))
        if not np.isfinite(cost[y, x]):
            break
        best.append((y, x))
        cost[max(y - radius, 0) : y + radius + 1, max(x - radius, 0) : x + radius + 1] = np.inf
    return best


def _exact(low: Level, full: Level, box: tuple[int, int, int, int], found: tuple[int, int]) -> tuple[int, int]:
    """The offset (tx, ty) of a match, searched again among the full pixels around."""
    scale, (h, w) = low.scale, full.holes.shape
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
