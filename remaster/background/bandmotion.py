"""Tracks of the bands beside the wings: one motion of the camera, and how fast each band passes in its proportion.

Planes of a multiplane camera, and the rows of a set in perspective, pass at speeds that keep their proportion while the
camera changes its own. So the motion is nearly a product: what one band does not tell, the others and other times do,
and a character at the border, which keeps no proportion to the camera, cannot win.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from remaster.background.bands import FARTHEST

Float = npt.NDArray[np.float64]

RATIOS = np.arange(-5, 41) / 10.0
"""Speeds that a band may have, in units of the camera's."""
STEP = 0.5
"""Pixels between the motions of the camera that are tried."""
REST_BONUS = 0.02
"""Grey levels that rest may explain less than a motion and still be believed."""
INERTIA = 1.0
"""Grey levels that a change of the camera's speed by one pixel must explain."""
RATIO_CHANGE, RATIO_JUMP = 0.05, 0.6
"""Grey levels that a tenth more ratio from band to band must explain, and at most: planes have sharp edges."""
ROUNDS = 3
"""Turns of solving ratios and the camera's motion."""
WINDOW = 60.0
"""Pixels of travel over which a band's ratio may be measured."""
KNOTS = 15.0
"""Pixels of travel between measurements."""
FULL_SPEED = 4.0
"""Pixels a frame from which a frame says all it can about ratios."""


@dataclass(frozen=True)
class BandMotion:
    """``camera`` float64 (n,): pixels that the camera moves a frame. ``ratios`` float64 (2, n, bands) by side."""

    camera: Float
    ratios: Float

    @property
    def speed(self) -> Float:
        """How far back, along the row, each band's pixels were in the frame before: (2, n, bands)."""
        return np.asarray(self.ratios * self.camera[None, :, None])


def solve_motion(costs: npt.NDArray[np.float32]) -> Float:
    """The camera's motion (n,) from ``costs`` (2, n, bands, displacements), where each band keeps one ratio."""
    ratios = np.ones((2, 1, costs.shape[2]))
    camera = _camera(costs, ratios)
    for _ in range(ROUNDS):
        weight = np.minimum(np.abs(camera), FULL_SPEED)
        if not weight.any():
            break
        ratios = np.stack([_cheapest(_ratio_costs(side, camera, weight[None])) for side in costs])
        camera = _camera(costs, ratios)
    return camera


def solve_ratios(costs: npt.NDArray[np.float32], camera: Float) -> Float:
    """Each band's ratio (2, n, bands) as it changes with what passes, from ``costs`` (2, n, bands, displacements)."""
    travel = np.cumsum(np.abs(camera))
    knots = np.linspace(0.0, travel[-1], max(round(travel[-1] / KNOTS), 1) + 1)
    near = np.exp(-0.5 * ((knots[:, None] - travel[None]) / WINDOW) ** 2) * np.abs(camera)
    found = []
    for side in costs:
        at_knots = _cheapest(_ratio_costs(side, camera, near))
        found.append(np.stack([np.interp(travel, knots, band) for band in at_knots.T], axis=-1))
    return np.stack(found)


def _camera(costs: npt.NDArray[np.float32], ratios: Float) -> Float:
    """The camera's motion (n,) that explains most bands, without needless changes of speed; ``ratios`` (2, 1, b)."""
    tried = np.arange(-FARTHEST, FARTHEST + STEP / 2, STEP)
    cost = np.stack(
        [sum(_at(c, r * motion).mean(axis=1) for c, r in zip(costs, ratios, strict=True)) for motion in tried], axis=-1
    )
    rest = len(tried) // 2
    cost[:, rest] -= REST_BONUS
    change = INERTIA * np.abs(tried[:, None] - tried[None, :])
    label = _viterbi(cost[None], change)[0]
    frames, inner = np.arange(len(cost)), np.clip(label, 1, len(tried) - 2)
    below, here, above = (cost[frames, inner + k] for k in (-1, 0, 1))
    # The lowest point of the parabola through three costs.
    part = np.clip(0.5 * (below - above) / np.maximum(below - 2 * here + above, 1e-6), -0.5, 0.5)
    return np.where(label == rest, 0.0, tried[label] + STEP * part)


def _ratio_costs(costs: npt.NDArray[np.float32], camera: Float, weight: Float) -> Float:
    """Mean costs (k, bands, ratios) of one side over its frames, by ``weight`` (k, n)."""
    total = np.maximum(weight.sum(axis=1, keepdims=True), 1e-9)
    moving = np.flatnonzero(camera)
    share, moved = (weight / total)[:, moving], camera[moving, None]
    mean = np.stack([share @ _at(costs[moving], ratio * moved) for ratio in RATIOS], axis=-1)
    return np.stack([cv2.GaussianBlur(m, (1, 7), sigmaX=1.0, sigmaY=1.0) for m in mean])


def _cheapest(costs: Float) -> Float:
    """The ratios (k, bands) of least cost (k, bands, ratios) that change from band to band where they must."""
    change = np.minimum(RATIO_CHANGE * 10 * np.abs(RATIOS[:, None] - RATIOS[None, :]), RATIO_JUMP)
    return np.asarray(RATIOS[_viterbi(costs, change)])


def _viterbi(costs: Float, change: Float) -> npt.NDArray[np.intp]:
    """Labels (k, m) along m of least cost (k, m, labels) with ``change`` (labels, labels) between neighbours."""
    count, steps, _ = costs.shape
    best, back = costs[:, 0].copy(), np.empty(costs.shape, np.int32)
    for i in range(1, steps):
        path = best[:, None, :] + change[None]
        back[:, i] = path.argmin(axis=2)
        best = np.take_along_axis(path, back[:, i, :, None], axis=2)[..., 0] + costs[:, i]
    label = np.empty((count, steps), np.intp)
    label[:, -1] = best.argmin(axis=1)
    for i in range(steps - 1, 0, -1):
        label[:, i - 1] = back[np.arange(count), i, label[:, i]]
    return label


def _at(costs: npt.NDArray[np.float32], displacement: Float) -> Float:
    """Costs (n, bands) at displacements (n or 1, bands or 1) between the measured ones, of (n, bands, k)."""
    frames, bands, _ = costs.shape
    place = np.broadcast_to(np.clip(displacement + FARTHEST, 0, 2 * FARTHEST - 1e-3), (frames, bands))
    low = place.astype(np.intp)
    part = place - low
    first = np.take_along_axis(costs, low[..., None], axis=2)[..., 0]
    second = np.take_along_axis(costs, low[..., None] + 1, axis=2)[..., 0]
    return np.asarray(first * (1 - part) + second * part)
