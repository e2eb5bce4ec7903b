"""Chooses where in the window the original sits (``target.framing=auto``), so that the joins cut few characters.

In come foreground masks of keyframes and cameras; out goes the framing 0.0, 0.5 or 1.0.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from remaster.arrays import Affine, Mask
from remaster.imaging import camera as cam
from remaster.imaging.geometry import Window
from remaster.resample.layout import Side
from remaster.resample.tuning import TUNING, ResampleSettings


def joined_sides(window: Window) -> tuple[Side, ...]:
    """Return the sides of the active picture that get a wing; the line that makes an odd size even is no wing."""
    a = window.active
    before, whole, size = (window.y, window.height, a.height) if window.vertical else (window.x, window.width, a.width)
    wings = zip(_sides(window.vertical), (before, whole - before - size), strict=True)
    return tuple(side for side, extent in wings if extent > 0)


def cut_foreground(masks: Mask, sides: tuple[Side, ...]) -> float:
    """Return the share (0-1) of the joins, over all keyframes, at which the frame's edge cuts a character.

    ``masks`` bool (k, h, w): True is foreground. ``sides`` (see ``joined_sides``) are the edges that get a wing.
    """
    if not len(masks) or not sides:
        return 0.0
    touched = np.concatenate([_touches(masks, side).reshape(-1) for side in sides])
    return float(touched.mean())


def choose_framing(
    masks: Mask, cameras: Affine, settings: ResampleSettings, wings: float, vertical: bool = False
) -> float:
    """Choose a framing: 0.5, or 0.0 or 1.0 where fewer characters are cut and less is invented.

    0.0 puts the original at the left (or, with ``vertical``, at the top), where it then needs no wing; 1.0 at the
    other end. Leaving the centre must save more than ``settings.framing_penalty``. ``cameras`` (n, 2, 3) take the
    frames' pixels, of the masks' size, to a common plane; ``wings`` is how wide both wings are together, as a share of
    the picture.
    """
    near, far = _sides(vertical)
    costs = {
        0.5: cut_foreground(masks, (near, far)),
        0.0: cut_foreground(masks, (far,)) + settings.framing_penalty,
        1.0: cut_foreground(masks, (near,)) + settings.framing_penalty,
    }
    rows, columns = masks.shape[1:]
    for framing in costs:
        costs[framing] += settings.framing_invention * invented(cameras, (columns, rows), wings, framing, vertical)
    return min(costs, key=lambda framing: costs[framing])


def invented(cameras: Affine, size: tuple[int, int], wings: float, framing: float, vertical: bool) -> float:
    """Return the share (0-1) of the wings' area, over all frames, that lies outside of what any frame shows.

    ``size`` is (width, height) of the frames; ``cameras`` and ``wings`` as for ``choose_framing``.
    """
    middle, across = (np.array(size) - 1) / 2, 1 if vertical else 0
    length = size[across]
    ends = np.repeat(middle[None], 4, axis=0)
    ends[:, across] = np.array([-framing * wings, 0.0, 1.0, 1.0 + (1.0 - framing) * wings]) * length - 0.5
    points = np.broadcast_to(ends, (len(cameras), 4, 2))
    begin, first, last, end = np.sort(cam.apply(cameras, points)[..., across], axis=1).T
    outside = np.maximum(first.min() - begin, 0.0) + np.maximum(end - last.max(), 0.0)
    return float(outside.sum() / max(float((end - begin - last + first).sum()), 1e-9))


def _sides(vertical: bool) -> tuple[Side, Side]:
    return ("top", "bottom") if vertical else ("left", "right")


def _touches(masks: Mask, side: Side) -> npt.NDArray[np.bool_]:
    """Mask the places (k, n) along the edge at which foreground touches it; masks may end a little short of it."""
    size = masks.shape[2] if side in ("left", "right") else masks.shape[1]
    depth = max(round(size * TUNING.framing.edge), 1)
    band = {
        "left": masks[:, :, :depth],
        "right": masks[:, :, -depth:],
        "top": masks[:, :depth].transpose(0, 2, 1),
        "bottom": masks[:, -depth:].transpose(0, 2, 1),
    }[side]
    return np.asarray(band.any(axis=2))
