"""From labels to pixels: copies the labelled pixels and blends them in the gradient domain.

Mirrored copies are warped first: such a copy joins by itself, but a line that crosses the join at a slant turns back
there in a spike. Warped, it goes on and turns back in a curve. Then a screened Poisson correction removes the steps in
color between labels and at the join. Last, large tones of the copies are drawn towards what the surroundings predict.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from remaster.arrays import Float32, Float64, Int64, Mask, Rgb
from remaster.imaging.estimation import wide_blur
from remaster.outpaint.exemplar.labels import Labels
from remaster.outpaint.exemplar.poisson import correction, neighbors
from remaster.outpaint.exemplar.pyramid_level import Level
from remaster.outpaint.tuning import TUNING


def compose(image: Rgb, full: Level, labels: Labels, chosen: Int64, blend_radius: float) -> Rgb:
    """The image with its holes copied by the labels ``chosen``, int64 (h, w), and blended.

    Within ``blend_radius``, a share of the picture's shorter side, a step at the join fades.
    """
    y, x = np.nonzero(full.holes)
    picture = full.picture.copy()
    warp = mirror_warp(full, labels, chosen)
    picture[y, x] = _copied(full, labels, chosen[y, x], x, y, warp)
    inner = _inner_steps(full, labels, chosen, picture)
    border = _join_steps(full, labels, chosen, warp)
    picture[y, x] += correction(full.holes, inner, border, blend_radius * min(image.shape[:2]))
    picture[y, x] = towards_expected(picture, full)[y, x]
    out = image.copy()
    out[y, x] = np.clip(np.rint(picture[y, x]), 0, 255).astype(np.uint8)
    return out


def towards_expected(picture: Float32, full: Level) -> Float32:
    """The picture, float32 (h, w, 3), with the large tones in its holes drawn towards the expected ones.

    Shrinkage after James and Stein, "Estimation with Quadratic Loss" (1961): a fill is a guess, and a smooth
    continuation of the picture predicts large tones better than any copy. At the join nothing changes.
    """
    tuning = TUNING.blend
    side = min(full.holes.shape)
    sigma = tuning.tone_sigma * side
    holes = full.holes[..., None].astype(np.float32)
    share = wide_blur(holes, sigma)[..., None]
    off = wide_blur(((picture - full.expected) * holes).astype(np.float32), sigma)
    ramp = cv2.distanceTransform((~full.context).astype(np.uint8), cv2.DIST_L2, 3) / (tuning.tone_ramp * side)
    taken = (1 - tuning.tone_share) * np.minimum(ramp, 1)[..., None].astype(np.float32)
    return np.where(full.holes[..., None], picture - taken * off / np.maximum(share, 1e-3), picture).astype(np.float32)


def _copied(full: Level, labels: Labels, index: Int64, x: Int64, y: Int64, warp: tuple[Float32, Float32]) -> Float32:
    """The colors (n, 3) that labels ``index`` show at the pixels (x, y), displaced by the warp (bilinear)."""
    tuning = TUNING.blend
    sx, sy = labels.source(index, x, y)
    colors = full.picture[sy, sx]
    across, down = warp[0][y, x], warp[1][y, x]
    moved = np.flatnonzero((np.abs(across) > tuning.min_warp) | (np.abs(down) > tuning.min_warp))
    total, covered = np.zeros((len(moved), 3), np.float32), np.zeros((len(moved), 1), np.float32)
    index, across, down = index[moved], across[moved], down[moved]
    left, above = np.floor(across).astype(np.int64), np.floor(down).astype(np.int64)
    for right, below in ((0, 0), (1, 0), (0, 1), (1, 1)):
        share = np.abs(1 - right - (across - left)) * np.abs(1 - below - (down - above))
        at_x, at_y = x[moved] + left + right, y[moved] + above + below
        weight = (share * full.allowed(labels, index, at_x, at_y))[:, None].astype(np.float32)
        sx, sy = labels.source(index, at_x, at_y)
        total += weight * full.lookup(full.picture, sx, sy)
        covered += weight
    colors[moved] = np.where(covered > tuning.min_coverage, total / np.maximum(covered, 1e-3), colors[moved])
    return np.asarray(colors, np.float32)


def _sampled(full: Level, labels: Labels, index: Int64, at: Int64, moved: Sequence[Int64] = ()) -> tuple[Float32, Mask]:
    """The colors that labels ``index`` show at flat pixels ``at``, ``moved`` by (x, y); True where they are allowed."""
    y, x = np.divmod(at, full.holes.shape[1])
    if moved:
        x, y = x + moved[0], y + moved[1]
    sx, sy = labels.source(index, x, y)
    return full.lookup(full.picture, sx, sy), full.allowed(labels, index, x, y)


def _inner_steps(full: Level, labels: Labels, chosen: Int64, copied: Float32) -> tuple[Int64, Int64, Float64]:
    """The correction wanted between hole pixels: where labels meet, the mean of both gradients in place of the step."""
    p, q = neighbors(full.holes, full.holes)
    wanted = np.zeros((len(p), 3))
    flat = chosen.ravel()
    meet = np.flatnonzero(flat[p] != flat[q])
    mp, mq = p[meet], q[meet]
    a, b = flat[mp], flat[mq]
    at_p, at_q = copied.reshape(-1, 3)[mp], copied.reshape(-1, 3)[mq]
    a_at_q, a_allowed = _sampled(full, labels, a, mq)
    b_at_p, b_allowed = _sampled(full, labels, b, mp)
    total = (a_at_q - at_p) * a_allowed[:, None] + (at_q - b_at_p) * b_allowed[:, None]
    wanted[meet] = total / np.maximum(a_allowed.astype(float) + b_allowed, 1)[:, None] - (at_q - at_p)
    return p, q, wanted


def _join_steps(full: Level, labels: Labels, chosen: Int64, warp: tuple[Float32, Float32]) -> tuple[Int64, Float64]:
    """The correction wanted at the join: hole pixels beside the context, and the step in tone from copy to context."""
    tuning = TUNING.blend
    p, q = neighbors(full.holes, full.context)
    index = chosen.ravel()[p]
    moved = [np.rint(displacement.ravel()[p]).astype(np.int64) for displacement in warp]
    at_q, allowed = _sampled(full, labels, index, q, moved)
    at_p, _ = _sampled(full, labels, index, p, moved)
    step = full.picture.reshape(-1, 3)[q] - np.where(allowed[:, None], at_q, at_p)
    step = step * np.exp(-((np.abs(step).max(axis=1, keepdims=True) / tuning.max_step) ** 2))
    # The last channel counts the steps, so that the blur is a weighted mean.
    steps = np.zeros((full.holes.size, 4), np.float32)
    np.add.at(steps, p, np.column_stack([step, np.ones(len(p), np.float32)]))
    mean = cv2.GaussianBlur(steps.reshape(*full.holes.shape, 4), (0, 0), tuning.step_sigma).reshape(-1, 4)[p]
    return p, (mean[:, :3] / np.maximum(mean[:, 3:], 1e-6)).astype(np.float64)


def mirror_warp(full: Level, labels: Labels, chosen: Int64) -> tuple[Float32, Float32]:
    """The displacement in x and in y by which each hole pixel is copied from beside its place, float32 (h, w) each.

    ``chosen`` int64 (h, w) are the hole pixels' labels. Only mirrored labels are warped.
    """
    tuning = TUNING.warp
    h, w = full.holes.shape
    across, down = np.zeros((h, w), np.float32), np.zeros((h, w), np.float32)
    p, q = neighbors(full.holes, full.context)
    for step in (1, -1, w, -w):
        at = p[q - p == step]
        row, place = (at // w, at % w) if abs(step) == 1 else (at % w, at // w)
        row, first = np.unique(row, return_index=True)
        if len(row) < tuning.min_rows:
            continue
        into, turned = (down, chosen) if abs(step) == 1 else (across.T, chosen.T)
        warp = _curve(full, row, place[first], step, round(tuning.radius * min(h, w)))
        into[row] += np.where(labels.mirrored[turned[row]], warp, 0)
    return across, down


def _curve(full: Level, row: Int64, place: Int64, step: int, radius: int) -> Float32:
    """The displacement along one side of the join that continues lines in their direction, float32 (rows, across).

    ``row`` and ``place`` are the hole pixels at the join, along it and across; ``step`` leads from them into the
    context, in flat pixels. A line's slope to the join's normal is measured on the gradients of the context within a
    quarter of ``radius``, by least squares (the structure tensor of Bigun and Granlund, ICCV 1987), and smoothed along
    the join. The displacement is the line's own at the join and ends at ``radius`` pixels from it.
    """
    tuning = TUNING.warp
    known = full.context.astype(np.float32)
    outward, along = (full.features[..., 3], full.features[..., 4])[:: 1 if abs(step) == 1 else -1]
    products = [np.asarray(p * known, np.float32) for p in (-np.sign(step) * outward * along, along * along)]
    mixed, square = (p if abs(step) == 1 else p.T for p in products)
    inside = place[:, None] + np.sign(step) * np.arange(1, max(radius // 4, 2) + 1)
    inside = np.clip(inside, 0, mixed.shape[1] - 1)
    sums = [p[row[:, None], inside].mean(axis=1)[:, None] for p in (mixed, square)]
    sums = [cv2.GaussianBlur(s, (1, 0), sigmaX=1, sigmaY=radius / 4, borderType=cv2.BORDER_REPLICATE) for s in sums]
    slope = np.clip(-sums[0] / (sums[1] + tuning.min_energy), -tuning.max_slope, tuning.max_slope).reshape(-1, 1)
    distance = (place[:, None] - np.arange(mixed.shape[1])[None]) * np.sign(step) + 0.5
    turning = np.where(distance > 0, distance * np.clip(1 - distance / radius, 0, 1) ** 2, 0)
    return np.asarray(-2 * slope * turning, np.float32)
