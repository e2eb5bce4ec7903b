"""The projector's gate: dark or soft edges and rounded corners that are on the film, not in the picture."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from remaster.arrays import Float32, Gray, Mask
from remaster.media.types import Rect

GATE_LINES = 540  # gate masks are measured at this height
GATE_REFERENCE = 0.06  # of the side: how far in the light is measured that a pixel at the border is compared with
GATE_SIDE, GATE_CORNER = 0.04, 0.08  # of the side: how far in a gate may reach
GATE_TRANSMISSION = 0.7
"""Share of the light further in under which most scenes show a pixel of a gate."""
GATE_RIM, GATE_RIM_TRANSMISSION = 0.008, 0.96  # of the side: how wide the soft rim inside the mask may be
GATE_SCENES = 4
"""Different scenes that must agree."""
BLACK = 16
"""The level of black, of limited range."""
DIM = 24
"""Levels above black under which it is too dark to tell what a gate takes away."""
SIDE_REACH = 0.025
"""Of the picture's width or height: how far a strip may reach, and how wide what it is compared with."""
SIDE_DARK, SIDE_DIM = 0.8, 0.9
"""Share of the light further in that a side's outermost lines have at most: half of them, and ``SIDE_ROWS``."""
SIDE_ROWS, SIDE_TOLD = 0.7, 0.4
"""Share of a side along which it must be dim, of the share, at least, that is lit well enough to tell."""
SIDE_LIT, SIDE_COLOR = 0.97, 0.9
"""Share of the light, and of the saturation, further in at which a strip ends."""


def gate_mask(lumas: Sequence[Gray], active: Rect) -> Mask | None:
    """Pixels of the active picture that a projector's gate darkens, bool (active.height, active.width), or None.

    ``lumas`` uint8 (h, w) are whole frames from all over the video. A pixel is the gate's where most scenes show it
    darker than the light further in, which no single scene can tell: without ``GATE_SCENES`` different ones there is no
    mask. It is a thin band along whole sides, and corners.
    """
    lumas = [luma[active.y : active.y + active.height, active.x : active.x + active.width] for luma in lumas]
    scale = min(GATE_LINES / active.height, 1.0)
    size = (max(round(active.width * scale), 1), max(round(active.height * scale), 1))
    small = [np.asarray(cv2.resize(luma, size, interpolation=cv2.INTER_AREA), np.float32) for luma in lumas]
    scenes = _different(small)
    if len(scenes) < GATE_SCENES:
        return None
    transmission = np.quantile(np.stack([_relative_light(scene) for scene in scenes]), 0.75, axis=0)
    smooth = cv2.GaussianBlur(transmission.astype(np.float32), (0, 0), 1.0)
    light = np.asarray(cv2.resize(smooth, (active.width, active.height)), np.float32)
    mask = _plausible_gate(light < GATE_TRANSMISSION)
    return _with_rim(mask, light) if mask.any() else None


def with_scene_sides(gate: Mask, proxies: npt.NDArray[np.uint8], vertical: bool) -> Mask:
    """The gate of a video, bool (height, width), as one of its scenes shows it.

    Film weaves in the gate: in some scenes a side is dark that is clean in others. ``proxies`` uint8 (k, h, w, 3) are
    RGB pictures of the scene. A side counts that will be joined to a wing (left and right, or top and bottom if
    ``vertical``) and that is dark along most of its length in most of them. Only for videos that have a gate at all: a
    single scene cannot tell it from painting.
    """
    yuv = np.stack([cv2.cvtColor(p, cv2.COLOR_RGB2YUV) for p in proxies]).astype(np.float32)
    light, color = yuv[..., 0] * np.float32(219 / 255), np.hypot(yuv[..., 1] - 128, yuv[..., 2] - 128)
    mask = gate.copy()
    lines = mask
    if not vertical:
        light, color, lines = light.transpose(0, 2, 1), color.transpose(0, 2, 1), mask.T
    lines[: round(_strip(light, color) * len(lines))] = True
    lines[len(lines) - round(_strip(light[:, ::-1], color[:, ::-1]) * len(lines)) :] = True
    return mask


def proxy_valid(gate: Mask | None, width: int, height: int) -> Mask:
    """bool (height, width): where a small picture shows no gate at all."""
    if gate is None:
        return np.ones((height, width), bool)
    share = cv2.resize(gate.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(share == 0.0)


def _strip(light: Float32, color: Float32) -> float:
    """Share of the first lines of pictures (k, lines, samples), from the edge inwards, that are a dark strip.

    ``light`` is above black, ``color`` the saturation: codecs spread the strip's greyness further than its darkness.
    """
    lines = light.shape[1]
    reach = max(round(SIDE_REACH * lines), 1)
    inside = light[:, reach : 2 * reach].mean(axis=1)
    told = (inside > DIM).any(axis=0)
    if told.mean() < SIDE_TOLD:
        return 0.0
    inside = np.where(inside > DIM, inside, np.nan)[:, None, told]
    relative = np.nanquantile(light[:, : reach + 1, told] / inside, 0.75, axis=0)
    if (relative[0] < SIDE_DIM).mean() < SIDE_ROWS or np.median(relative[0]) > SIDE_DARK:
        return 0.0
    saturation = color.mean(axis=(0, 2))
    ends = np.median(relative, axis=1) >= SIDE_LIT
    ends &= saturation[: reach + 1] >= SIDE_COLOR * saturation[reach : 2 * reach].mean()
    return float(ends.argmax()) / lines if ends.any() else 0.0


def _different(pictures: Sequence[Float32]) -> list[Float32]:
    """Lit pictures whose border regions show different things."""
    chosen: list[Float32] = []
    rings: list[Float32] = []
    for picture in pictures:
        ring = _ring(picture)
        if ring.mean() < BLACK + DIM or ring.std() < 2:
            continue
        if all(float(np.corrcoef(ring, other)[0, 1]) < 0.8 for other in rings):
            chosen.append(picture)
            rings.append(ring)
    return chosen


def _ring(picture: Float32) -> Float32:
    """A coarse look at what lies between 5 % and 20 % of the side inwards, where no gate reaches."""
    small = cv2.resize(picture, (40, 40), interpolation=cv2.INTER_AREA)
    ring = np.ones((40, 40), bool)
    ring[8:-8, 8:-8] = False
    ring[:3] = ring[-3:] = ring[:, :3] = ring[:, -3:] = False
    return np.asarray(small[ring], np.float32)


def _relative_light(picture: Float32) -> Float32:
    """Each pixel's light over that at the nearest place ``GATE_REFERENCE`` inside; 1 where it is too dark to tell."""
    height, width = picture.shape
    dx, dy = round(GATE_REFERENCE * width), round(GATE_REFERENCE * height)
    smooth = cv2.blur(picture, (dx | 1, dy | 1))
    rows = np.clip(np.arange(height), dy, height - 1 - dy)
    columns = np.clip(np.arange(width), dx, width - 1 - dx)
    inside = smooth[np.ix_(rows, columns)] - BLACK
    relative = (picture - BLACK) / np.maximum(inside, 1)
    return np.asarray(np.where(inside > DIM, relative, 1.0), np.float32)


def _plausible_gate(dark: Mask) -> Mask:
    """What of ``dark`` is connected to the border, in reach, and along a whole side or in at least two corners."""
    height, width = dark.shape
    x = np.minimum(np.arange(width), np.arange(width)[::-1])[None, :] / width
    y = np.minimum(np.arange(height), np.arange(height)[::-1])[:, None] / height
    corner = (x < GATE_CORNER) & (y < GATE_CORNER)
    reach = corner | (x < GATE_SIDE) | (y < GATE_SIDE)
    dark = cv2.medianBlur((dark & reach).astype(np.uint8), 5).astype(bool)
    _, labels = cv2.connectedComponents(dark.astype(np.uint8), connectivity=4)
    border = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    dark &= np.isin(labels, np.setdiff1d(border, [0]))
    mask = np.zeros_like(dark)
    corners = [dark & corner & _half(dark.shape, top, left) for top in (True, False) for left in (True, False)]
    if sum(bool(part.any()) for part in corners) >= 2:
        mask |= np.logical_or.reduce(corners)
    for part, lines in ((y < GATE_SIDE, 1), (x < GATE_SIDE, 0)):
        for half in (True, False):
            side = dark & part & (_half(dark.shape, half, None) if lines else _half(dark.shape, None, half))
            if side.any(axis=1 - lines).mean() > 0.6:
                mask |= side
    return mask


def _with_rim(mask: Mask, light: Float32) -> Mask:
    """The gate with its soft inner rim, which would show as a line at the join."""
    reach = max(round(GATE_RIM * min(mask.shape)), 1)
    near, sure = (
        cv2.dilate(mask.astype(np.uint8), cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * r + 1, 2 * r + 1)))
        for r in (reach, -(-reach // 2))
    )
    return np.asarray(sure.astype(bool) | (near.astype(bool) & (light < GATE_RIM_TRANSMISSION)))


def _half(shape: tuple[int, ...], top: bool | None, left: bool | None) -> Mask:
    half = np.ones(shape, bool)
    if top is not None:
        half[shape[0] // 2 :] = not top
        half[: shape[0] // 2] = top
    if left is not None:
        columns = np.arange(shape[1]) < shape[1] // 2
        half &= columns if left else ~columns
    return half
