"""Where the wings' pixels come from: maps of single frames, and shares of whole shots.

In come coverage and cameras of a shot; out go maps uint8 (h, w) of the six origins below, and ``WingShares``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from remaster.arrays import Affine, Mask
from remaster.imaging import camera as cam
from remaster.imaging.geometry import Window
from remaster.media.types import Rect
from remaster.records import Background, Shot
from remaster.resample.layout import Patch, part
from remaster.resample.tuning import TUNING

ORIGINAL, RECOVERED, PROPAGATED, GENERATED, SOFT, LENT = range(6)
"""The picture itself; the shot's background, as frames of its scene saw it; frames near in time; the inpainter; the
soft fill; what only other scenes of the set, or another recording of the same frames, saw (``WingShares`` count it as
recovered).
"""

Origins = npt.NDArray[np.uint8]


def uniform_origins(kind: int, placed: Sequence[Patch]) -> list[Origins]:
    """Return maps of one origin: ``[patch]`` over the patches' rectangles."""
    return [np.full((p.rect.height, p.rect.width), kind, np.uint8) for p in placed]


def background_origins(background: Background, camera: Affine, rect: Rect) -> Origins:
    """Map what ``camera`` sees of a background to ``RECOVERED``, ``LENT`` or ``GENERATED``.

    ``rect`` is counted from the picture's first pixel.
    """
    x, y = rect.x + np.arange(rect.width), rect.y + np.arange(rect.height)
    found = np.where(covered(background.coverage, camera, x, y), RECOVERED, GENERATED).astype(np.uint8)
    if background.borrowed is not None:
        found[covered(background.borrowed.mask, camera, x, y)] = LENT
    return found


def compose_origins(window: Window, placed: Sequence[Patch], drawn: Sequence[Origins]) -> Origins:
    """Compose the window's map from the patches': their wings, their gate pixels, else the original."""
    out = np.full((window.height, window.width), ORIGINAL, np.uint8)
    for patch, kinds in zip(placed, drawn, strict=True):
        part(out, patch.wing)[...] = part(kinds, patch.wing, patch.rect)
        if patch.gate is not None:
            y, x = np.nonzero(patch.gate)
            y, x = y + window.y, x + window.x
            out[y, x] = kinds[y - patch.rect.y, x - patch.rect.x]
    return out


@dataclass(frozen=True)
class WingShares:
    """Shares 0-1 of a shot's wing pixels, over its frames, that sum to 1; all 0 where there are no wings.

    ``recovered`` show the shot's background where frames saw it, ``propagated`` pixels of the frames near in time,
    ``generated`` what an inpainter made, ``soft`` the soft fill.
    """

    recovered: float = 0.0
    propagated: float = 0.0
    generated: float = 0.0
    soft: float = 0.0

    def mixed(self, before: WingShares, after: WingShares, mix: npt.NDArray[np.float32]) -> WingShares:
        """Return the shares of a shot that dissolves from ``before`` and to ``after``; ``mix`` (2, n) as `Shot.mix`."""
        first, last = mix.mean(axis=1).tolist()
        parts = zip(astuple(self), astuple(before), astuple(after), strict=True)
        return WingShares(*((1 - first - last) * own + first * a + last * b for own, a, b in parts))

    @property
    def coverage(self) -> float:
        """The share that some frame of the video shows."""
        return self.recovered + self.propagated


def planned_shares(shot: Shot, window: Window) -> WingShares:
    """Return the shares of a shot with one background or none; a propagated shot's are measured while it is drawn."""
    if not window.wings:
        return WingShares()
    if shot.background is None:
        return WingShares(soft=1.0)
    recovered = recovered_share(shot, window)
    return WingShares(recovered=recovered, generated=1.0 - recovered)


def recovered_share(shot: Shot, window: Window) -> float:
    """Return the share (0-1) of the wings' pixels, over all frames of the shot, that its background's coverage shows.

    Sampled at a grid of points of each wing. 0.0 without a background or without wings.
    """
    return 0.0 if shot.background is None else _visible_share(shot.background.coverage, shot, window)


def borrowed_share(shot: Shot, window: Window) -> float:
    """Return the part of ``recovered_share`` that other scenes of the set saw, and none of the shot's own frames."""
    borrowed = None if shot.background is None else shot.background.borrowed
    return 0.0 if borrowed is None else _visible_share(borrowed.mask, shot, window)


def _visible_share(coverage: Mask, shot: Shot, window: Window) -> float:
    if not window.wings or not len(shot.cameras):
        return 0.0
    cameras, counts = np.unique(np.round(shot.cameras, 3).reshape(-1, 6), axis=0, return_counts=True)
    recovered = total = 0.0
    for camera, count in zip(cameras.reshape(-1, 2, 3), counts, strict=True):
        for wing in window.wings:
            area = float(count) * wing.width * wing.height
            recovered += area * _covered_share(coverage, camera, wing, window)
            total += area
    return recovered / total


def covered(coverage: Mask, camera: Affine, x: npt.NDArray[Any], y: npt.NDArray[Any]) -> Mask:
    """Look up ``coverage`` at what ``camera`` sees in columns ``x`` (w,) and rows ``y`` (h,): bool (h, w).

    False outside the canvas.
    """
    points = np.stack(np.meshgrid(x, y), axis=-1)
    columns, rows = np.rint(np.moveaxis(cam.apply(camera, points.reshape(-1, 2)), -1, 0)).astype(int)
    inside = (columns >= 0) & (columns < coverage.shape[1]) & (rows >= 0) & (rows < coverage.shape[0])
    found = np.zeros(len(columns), bool)
    found[inside] = coverage[rows[inside], columns[inside]]
    return found.reshape(points.shape[:2])


def _covered_share(coverage: Mask, camera: Affine, wing: Rect, window: Window) -> float:
    """Return the covered share of one wing as one camera sees it."""
    columns, rows = (min(side, TUNING.origins.samples) for side in (wing.width, wing.height))
    across, down = wing.width / columns, wing.height / rows
    x, y = wing.x - window.x + (across - 1) / 2, wing.y - window.y + (down - 1) / 2
    return float(covered(coverage, camera, np.arange(columns) * across + x, np.arange(rows) * down + y).mean())
