"""The projector's gate: dark or soft edges and rounded corners that are on the film, not in the picture.

``gate_mask`` finds what a whole video has in common, ``with_scene_sides`` adds the dark strips of one scene, and
``proxy_valid`` brings the mask to a proxy's size.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from remaster.arrays import Float32, Gray, Mask
from remaster.imaging.tuning import TUNING
from remaster.media.types import Rect

BLACK = 16
"""The level of black in limited range."""


def gate_mask(lumas: Sequence[Gray], active: Rect) -> Mask | None:
    """Pixels of the active picture that a projector's gate darkens, bool (active.height, active.width), or None.

    ``lumas`` uint8 (h, w) are whole frames from all over the video. A pixel is the gate's where most scenes show it
    darker than the light further inside. A single scene proves nothing: without enough different ones there is no mask.
    The mask is a thin band along whole sides, and corners.
    """
    tuning = TUNING.gate
    lumas = [luma[active.y : active.y + active.height, active.x : active.x + active.width] for luma in lumas]
    scale = min(tuning.height / active.height, 1.0)
    size = (max(round(active.width * scale), 1), max(round(active.height * scale), 1))
    small = [np.asarray(cv2.resize(luma, size, interpolation=cv2.INTER_AREA), np.float32) for luma in lumas]
    scenes = _different(small)
    if len(scenes) < tuning.min_scenes:
        return None
    transmission = np.quantile(np.stack([_relative_light(scene) for scene in scenes]), tuning.quantile, axis=0)
    smooth = cv2.GaussianBlur(transmission.astype(np.float32), (0, 0), 1.0)
    light = np.asarray(cv2.resize(smooth, (active.width, active.height)), np.float32)
    mask = _plausible_gate(light < tuning.transmission)
    return _with_rim(mask, light) if mask.any() else None


def with_scene_sides(gate: Mask, proxies: npt.NDArray[np.uint8], vertical: bool) -> Mask:
    """The gate of a video, bool (height, width), as one of its scenes shows it.

    Film weaves in the gate, so a side that is clean in some scenes is dark in others. ``proxies`` uint8 (k, h, w, 3)
    are RGB pictures of the scene. A side is added if it meets a wing (left and right, or top and bottom if
    ``vertical``) and is dark along most of its length in most of them. Only for videos that have a gate: in a single
    scene it cannot be distinguished from painting.
    """
    yuv = np.stack([cv2.cvtColor(p, cv2.COLOR_RGB2YUV) for p in proxies]).astype(np.float32)
    light, color = yuv[..., 0] * np.float32(219 / 255), np.hypot(yuv[..., 1] - 128, yuv[..., 2] - 128)
    mask = gate.copy()
    rows = mask
    if not vertical:
        light, color, rows = light.transpose(0, 2, 1), color.transpose(0, 2, 1), mask.T
    rows[: round(_strip(light, color) * len(rows))] = True
    rows[len(rows) - round(_strip(light[:, ::-1], color[:, ::-1]) * len(rows)) :] = True
    return mask


def proxy_valid(gate: Mask | None, width: int, height: int) -> Mask:
    """Where a picture resized to ``width x height`` shows no gate at all, bool (height, width)."""
    if gate is None:
        return np.ones((height, width), bool)
    share = cv2.resize(gate.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(share == 0.0)


def _strip(light: Float32, color: Float32) -> float:
    """The depth of a dark strip along the first row of pictures (k, rows, samples), as a share of the rows; 0 for none.

    ``light`` is in levels above black, ``color`` is the saturation.
    """
    tuning, rows = TUNING.gate, light.shape[1]
    depth = max(round(tuning.strip * rows), 1)
    inside = light[:, depth : 2 * depth].mean(axis=1)
    lit = (inside > tuning.dim).any(axis=0)
    if lit.mean() < tuning.strip_lit:
        return 0.0
    inside = np.where(inside > tuning.dim, inside, np.nan)[:, None, lit]
    relative = _quantile_of_known(light[:, : depth + 1, lit] / inside, tuning.quantile)
    dim = (relative[0] < tuning.strip_dim).mean() >= tuning.strip_length
    if not dim or np.median(relative[0]) > tuning.strip_dark:
        return 0.0
    saturation = color.mean(axis=(0, 2))
    ends = np.median(relative, axis=1) >= tuning.strip_end_light
    ends &= saturation[: depth + 1] >= tuning.strip_end_color * saturation[depth : 2 * depth].mean()
    return float(ends.argmax()) / rows if ends.any() else 0.0


def _quantile_of_known(values: npt.NDArray[np.floating], quantile: float) -> Float32:
    """``numpy.nanquantile`` over the first axis of (k, ...), without its Python call for each of the other places.

    NaN sorts behind all numbers, so that the known values of a place are its first ones. Each place needs one.
    """
    ordered = np.sort(values, axis=0)
    place = quantile * (np.isfinite(ordered).sum(axis=0, keepdims=True) - 1)
    below = np.floor(place).astype(np.int64)
    low, high = (np.take_along_axis(ordered, at, axis=0)[0] for at in (below, np.ceil(place).astype(np.int64)))
    return np.asarray(low + (high - low) * (place - below)[0], np.float32)


def _different(pictures: Sequence[Float32]) -> list[Float32]:
    """Lit pictures whose border regions show different things."""
    tuning = TUNING.gate
    chosen: list[Float32] = []
    rings: list[Float32] = []
    for picture in pictures:
        ring = _ring(picture)
        if ring.mean() < BLACK + tuning.dim or ring.std() < tuning.min_contrast:
            continue
        if all(float(np.corrcoef(ring, other)[0, 1]) < tuning.same_scene for other in rings):
            chosen.append(picture)
            rings.append(ring)
    return chosen


def _ring(picture: Float32) -> Float32:
    """The picture between 5 % and 20 % of the sides inwards, coarsely: no gate extends so far."""
    small = cv2.resize(picture, (40, 40), interpolation=cv2.INTER_AREA)
    ring = np.ones((40, 40), bool)
    ring[8:-8, 8:-8] = False
    ring[:3] = ring[-3:] = ring[:, :3] = ring[:, -3:] = False
    return np.asarray(small[ring], np.float32)


def _relative_light(picture: Float32) -> Float32:
    """Each pixel's light over that at the nearest place well inside the picture; 1 where that is too dark to judge."""
    height, width = picture.shape
    dx, dy = (round(TUNING.gate.reference * side) for side in (width, height))
    smooth = cv2.blur(picture, (dx | 1, dy | 1))
    rows = np.clip(np.arange(height), dy, height - 1 - dy)
    columns = np.clip(np.arange(width), dx, width - 1 - dx)
    inside = smooth[np.ix_(rows, columns)] - BLACK
    relative = (picture - BLACK) / np.maximum(inside, 1)
    return np.asarray(np.where(inside > TUNING.gate.dim, relative, 1.0), np.float32)


def _plausible_gate(dark: Mask) -> Mask:
    """The part of ``dark`` that is connected to the border, near it, and along a whole side or in several corners."""
    tuning = TUNING.gate
    height, width = dark.shape
    x = np.minimum(np.arange(width), np.arange(width)[::-1])[None, :] / width
    y = np.minimum(np.arange(height), np.arange(height)[::-1])[:, None] / height
    corner = (x < tuning.max_corner) & (y < tuning.max_corner)
    near = corner | (x < tuning.max_side) | (y < tuning.max_side)
    dark = cv2.medianBlur((dark & near).astype(np.uint8), 5).astype(bool)
    _, labels = cv2.connectedComponents(dark.astype(np.uint8), connectivity=4)
    border = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    dark &= np.isin(labels, np.setdiff1d(border, [0]))
    mask = np.zeros_like(dark)
    corners = [dark & corner & _half(dark.shape, top, left) for top in (True, False) for left in (True, False)]
    if sum(bool(part.any()) for part in corners) >= tuning.min_corners:
        mask |= np.logical_or.reduce(corners)
    for first in (True, False):
        for axis, near, half in (
            (0, y < tuning.max_side, _half(dark.shape, first, None)),
            (1, x < tuning.max_side, _half(dark.shape, None, first)),
        ):
            side = dark & near & half
            if side.any(axis=axis).mean() > tuning.whole_side:
                mask |= side
    return mask


def _with_rim(mask: Mask, light: Float32) -> Mask:
    """The gate with its soft inner rim, which would be visible as a line at the join."""
    radius = max(round(TUNING.gate.rim * min(mask.shape)), 1)
    near, sure = (
        cv2.dilate(mask.astype(np.uint8), cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * r + 1, 2 * r + 1)))
        for r in (radius, -(-radius // 2))
    )
    return np.asarray(sure.astype(bool) | (near.astype(bool) & (light < TUNING.gate.rim_transmission)))


def _half(shape: tuple[int, ...], top: bool | None, left: bool | None) -> Mask:
    """The upper or lower, and left or right, half of a picture; None takes both."""
    half = np.ones(shape, bool)
    if top is not None:
        half[shape[0] // 2 :] = not top
        half[: shape[0] // 2] = top
    if left is not None:
        columns = np.arange(shape[1]) < shape[1] // 2
        half &= columns if left else ~columns
    return half
