"""Compares a recovered background with the truth of a drawn scene: its cameras, its wings, and all of its coverage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from benchmarks.registration_scenes import Scene
from remaster.arrays import Affine, Mask, Rgb
from remaster.imaging.camera import apply, compose, corners, translation
from remaster.records import Background, Shot

SAMPLED = 5
TOLD = 0.02
"""Share of the wings that must be recovered for their error to tell anything; else that inside the picture does."""
VIEW = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
FIGURE_MARGIN = 5
SAME_LIGHT = 20.0
"""Levels off within which pixels take part in matching the light, as wings are matched at the join."""


@dataclass(frozen=True)
class Area:
    """Summed squared error (the channels' mean), pixels compared, pixels there are."""

    squares: float = 0.0
    compared: int = 0
    pixels: int = 0

    def __add__(self, other: Area) -> Area:
        return Area(self.squares + other.squares, self.compared + other.compared, self.pixels + other.pixels)

    @property
    def share(self) -> float:
        """How much of the area could be compared."""
        return self.compared / max(self.pixels, 1)

    @property
    def mean_square(self) -> float:
        """Squared levels; NaN where nothing was compared."""
        return self.squares / self.compared if self.compared else float("nan")


def psnr(mean_square: float) -> float:
    """In dB."""
    return float(10 * np.log10(255**2 / max(mean_square, 1e-6)))


def true_error(wings: Area, inside: Area, ceiling: float) -> float:
    """Root mean square levels beyond the ``ceiling`` (mean square) that coding and grain set.

    Of the recovered wing pixels; where hardly any was recovered, of what the background claims to know inside.
    """
    told = wings if wings.share >= TOLD else inside
    return float(np.sqrt(max(told.mean_square - ceiling, 0.0)))


def measure(scene: Scene, shots: Sequence[Shot]) -> tuple[Area, Area]:
    """(recovered wing pixels, background pixels inside the picture) of some frames of each shot against the truth."""
    wings, inside = Area(), Area()
    for shot in shots:
        for i in np.unique(np.linspace(shot.start, shot.end - 1, SAMPLED).round().astype(int)):
            if shot.background is None:
                wings += Area(pixels=int((~_inside(scene)).sum()))
                continue
            camera = shot.cameras[i - shot.start]
            there = compared(scene, int(i), shot.background, camera)
            wings, inside = wings + there[0], inside + there[1]
    return wings, inside


def compared(scene: Scene, index: int, background: Background, camera: Affine) -> tuple[Area, Area]:
    """(wings, inside) of one frame's window; ``camera`` takes its pixels to the background's.

    The picture is continued where it is not covered, as holes are filled before anything is drawn from it, and a pixel
    counts where all that its interpolation reads is covered. Light is matched. Figures count nowhere, and inside the
    picture neither do those that the background tells of: no wing shows them, and nothing is copied from them.
    """
    picture, coverage = background.image, background.coverage
    shown, inside = scene.window, _inside(scene)
    size, view = (shown.width, shown.height), compose(camera, translation(-shown.x, -shown.y))
    sure = cv2.erode(coverage.astype(np.uint8) * 255, np.ones((3, 3), np.uint8))
    seen = np.asarray(cv2.warpAffine(sure, view, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)) > 250
    drawn = np.asarray(cv2.warpAffine(continued(picture, coverage), view, size, flags=VIEW), float)
    standing = background.figures.astype(np.uint8) * 255
    figures = np.asarray(cv2.warpAffine(standing, view, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)) > 0
    figures &= inside
    wide = cv2.dilate(scene.masks[index].astype(np.uint8), np.ones((FIGURE_MARGIN, FIGURE_MARGIN), np.uint8)) > 0
    figures[shown.y : shown.y + shown.active.height, shown.x : shown.x + shown.active.width] |= wide
    truth = scene.wide(index).astype(float)
    squares = ((_relit(drawn, truth, seen & inside & ~figures) - truth) ** 2).mean(axis=-1)
    parts = (seen & ~inside, ~inside), (seen & inside & ~figures, inside)
    wings, within = (Area(float(squares[m].sum()), int(m.sum()), int(there.sum())) for m, there in parts)
    return wings, within


def continued(picture: Rgb, coverage: Mask) -> Rgb:
    """The picture with the nearest covered pixel wherever it is not covered."""
    if coverage.all() or not coverage.any():
        return picture
    away = (~coverage).astype(np.uint8)
    _, labels = cv2.distanceTransformWithLabels(away, cv2.DIST_L2, 3, labelType=cv2.DIST_LABEL_PIXEL)
    rows, columns = np.nonzero(coverage)
    nearest = np.zeros(int(labels.max()) + 1, np.int64)
    nearest[labels[rows, columns]] = np.arange(len(rows))
    chosen = nearest[labels]
    return np.asarray(picture[rows[chosen], columns[chosen]])


def ceiling_of(scene: Scene, shown: Sequence[Rgb]) -> float:
    """Mean squared error of the filmed frames themselves, off the figures, against what was drawn."""
    picks = range(0, len(shown), max(len(shown) // SAMPLED, 1))
    parts = [((shown[i].astype(float) - scene.frames[i]) ** 2).mean(axis=-1)[~scene.masks[i]] for i in picks]
    return float(np.concatenate(parts).mean())


def corner_errors(scene: Scene, shots: Sequence[Shot]) -> tuple[float, float]:
    """(median, maximum) over the frames that have a background, in the frame's own pixels."""
    height, width = scene.frames[0].shape[:2]
    found: list[float] = []
    for shot in (s for s in shots if s.background is not None):
        outline = np.broadcast_to(corners(width, height), (shot.end - shot.start, 4, 2))
        off = apply(_to_world(scene, shot), apply(shot.cameras, outline))
        off = off - apply(scene.cameras[shot.start : shot.end], outline)
        scale = np.sqrt(np.abs(np.linalg.det(scene.cameras[shot.start : shot.end, :, :2])))
        found += (np.linalg.norm(off, axis=-1).max(axis=-1) / scale).tolist()
    return (float(np.median(found)), float(np.max(found))) if found else (float("nan"), float("nan"))


def _to_world(scene: Scene, shot: Shot) -> Affine:
    """The affine camera from the shot's canvas to the world that fits its frames' corners best."""
    height, width = scene.frames[0].shape[:2]
    outline = np.broadcast_to(corners(width, height), (shot.end - shot.start, 4, 2))
    here = apply(shot.cameras, outline).reshape(-1, 2)
    there = apply(scene.cameras[shot.start : shot.end], outline).reshape(-1, 2)
    return np.asarray(np.linalg.lstsq(np.column_stack([here, np.ones(len(here))]), there, rcond=None)[0].T)


def _inside(scene: Scene) -> Mask:
    shown = scene.window
    inside = np.zeros((shown.height, shown.width), bool)
    inside[shown.y : shown.y + shown.active.height, shown.x : shown.x + shown.active.width] = True
    return inside


def _relit(drawn: npt.NDArray[np.float64], truth: npt.NDArray[np.float64], here: Mask) -> npt.NDArray[np.float64]:
    """Each channel under the gain and offset that take it to the truth ``here``, by reweighted least squares."""
    if not here.any():
        return drawn
    out = drawn.copy()
    for channel in range(3):
        x, y = drawn[..., channel][here], truth[..., channel][here]
        weight, gain, offset = np.ones_like(x), 1.0, 0.0
        for _ in range(3):
            rows = np.stack([x, np.ones_like(x)], axis=-1) * weight[:, None]
            gain, offset = np.linalg.lstsq(rows, y * weight, rcond=None)[0]
            weight = (np.abs(gain * x + offset - y) < SAME_LIGHT) + 1e-3
        out[..., channel] = drawn[..., channel] * gain + offset
    return out
