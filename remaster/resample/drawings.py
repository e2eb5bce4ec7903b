"""A shot's drawings as proxies, and the figures in them: what differs from the background that the camera sees.

In come a shot, its frames as proxies and its holds; out goes one ``Drawing`` for each frame that is not held, with its
figures and those of them that a join cuts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from remaster.arrays import Affine, Mask, Rgb
from remaster.imaging import camera as cam
from remaster.imaging.difference import cleaned, gain, hysteresis, lit, tolerant_difference
from remaster.media.types import Rect
from remaster.records import Background, Shot
from remaster.resample.layout import SIDES, Side, from_side
from remaster.resample.tuning import TUNING


@dataclass(frozen=True)
class Figure:
    """One connected figure within ``box``: its mask there, bool (box.height, box.width), and the sides it touches."""

    box: Rect
    inside: Mask
    touched: frozenset[Side]

    def mask(self, shape: tuple[int, ...]) -> Mask:
        """Return the mask over a whole drawing of ``shape``, bool (h, w)."""
        whole = np.zeros(shape[:2], bool)
        whole[self.box.y : self.box.y + self.box.height, self.box.x : self.box.x + self.box.width] = self.inside
        return whole


@dataclass(frozen=True)
class CutFigure:
    """The compared part of a figure that is cut at ``side``: the picture there and the background behind it.

    ``rect`` is the part's place in the drawing. The arrays are turned: rows run along the join, columns go inwards from
    it. ``known`` bool is False where the picture or the background is unknown; ``mask`` bool is True on the figure.
    """

    side: Side
    rect: Rect
    picture: Rgb
    background: Rgb
    known: Mask
    mask: Mask


@dataclass(frozen=True)
class Drawing:
    """Frame ``frame`` of a shot as a proxy: ``picture`` uint8 RGB (h, w, 3), its light matched to the background's.

    ``camera`` takes pixels of the frame at full size to the background's. ``light`` (3,) is the gain of each channel
    that was compensated, None where it could not be measured. ``cut`` are the parts of its figures at the joins, as far
    as they are large enough to be compared. Held frames have no drawing of their own.
    """

    frame: int
    camera: Affine
    light: npt.NDArray[np.float32] | None
    picture: Rgb
    figures: tuple[Figure, ...]
    cut: tuple[CutFigure, ...]


class ProxyBackground:
    """A background as cameras see it at the proxies' size."""

    def __init__(self, background: Background, active: tuple[int, int], size: tuple[int, int]):
        """``active`` and ``size`` are (width, height) of the picture and of its proxies."""
        self._size = size
        self._scale = size[0] / active[0], size[1] / active[1]
        rows, columns = background.coverage.shape
        small = max(round(columns * self._scale[0]), 1), max(round(rows * self._scale[1]), 1)
        known = (background.coverage & ~background.figures).astype(np.uint8)
        self._image = cv2.resize(background.image, small, interpolation=cv2.INTER_AREA)
        self._known = cv2.resize(known * 255, small, interpolation=cv2.INTER_AREA)
        self._background_scale = small[0] / columns, small[1] / rows

    def view(self, camera: Affine) -> tuple[Rgb, Mask]:
        """Return the background uint8 (h, w, 3) under a camera of full-size pixels, and where it is known (h, w)."""
        scaled = _scaled(camera, self._scale, self._background_scale)
        flags = cv2.WARP_INVERSE_MAP | cv2.INTER_LINEAR
        image = cv2.warpAffine(self._image, scaled, self._size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
        known = cv2.warpAffine(self._known, scaled, self._size, flags=flags)
        return np.asarray(image, np.uint8), np.asarray(known > TUNING.figures.known)


def drawings(
    shot: Shot,
    proxies: Iterable[Rgb],
    holds: npt.NDArray[np.bool_],
    joins: Sequence[Side],
    active: Rect,
    valid: Mask,
    noise: float,
) -> Iterator[Drawing]:
    """Yield the shot's drawings in the order of time.

    ``proxies`` are all its frames, uint8 (h, w, 3); ``holds`` bool (n,) is True for a frame that repeats the one
    before; ``joins`` are the sides that get a wing; ``valid`` bool (h, w) is False on the gate; ``noise`` is the grain
    of the frames at full size, in 8-bit levels. Raises ``ValueError`` for a shot without a background.
    """
    if shot.background is None:
        raise ValueError("a shot without a background has no figures")
    height, width = valid.shape
    backgrounds = ProxyBackground(shot.background, (active.width, active.height), (width, height))
    edges = {side: _edge(valid, side) for side in SIDES}
    noise *= height / active.height
    for frame, (proxy, held) in enumerate(zip(proxies, holds, strict=True)):
        if held and frame:
            continue
        background, known = backgrounds.view(shot.cameras[frame])
        known &= valid
        light = gain(proxy, background, known)
        picture = lit(proxy, light)
        figures = _figures(_foreground(picture, background, known, noise), edges)
        cut = (_cut_figure(f, s, picture, background, known) for f in figures for s in joins if s in f.touched)
        yield Drawing(frame, shot.cameras[frame], light, picture, figures, tuple(c for c in cut if c is not None))


def _foreground(picture: Rgb, background: Rgb, known: Mask, noise: float) -> Mask:
    """Mask where a picture differs clearly from its background, bool (h, w)."""
    tuning = TUNING.figures
    difference = tolerant_difference(picture, background)
    difference[~known] = 0.0
    smooth = np.asarray(cv2.GaussianBlur(difference, (0, 0), tuning.smoothing_sigma), np.float32)
    high = max(tuning.levels, tuning.noise_sigmas * noise)
    mask = hysteresis(smooth, high, high / 2, tuning.min_area * known.size)
    return cleaned(mask, tuning.margin * known.shape[0])


def _figures(mask: Mask, edges: dict[Side, Mask]) -> tuple[Figure, ...]:
    """Split a mask into its connected figures."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    found = []
    for label in range(1, count):
        x, y, width, height, area = (int(n) for n in stats[label])
        if area >= TUNING.figures.min_area * mask.size:
            box = np.s_[y : y + height, x : x + width]
            inside = labels[box] == label
            touched = frozenset(side for side, edge in edges.items() if bool((inside & edge[box]).any()))
            found.append(Figure(Rect(x, y, width, height), np.asarray(inside), touched))
    return tuple(found)


def _cut_figure(figure: Figure, side: Side, picture: Rgb, background: Rgb, known: Mask) -> CutFigure | None:
    """Return the part of a figure beside the join that is compared; None where it is too shallow."""
    mask = from_side(figure.mask(known.shape), side)
    length = len(mask)
    depth = min(int(np.flatnonzero(mask.any(axis=0)).max()) + 1, round(TUNING.figures.max_depth * length))
    if depth < TUNING.figures.min_depth * length:
        return None
    rows = np.flatnonzero(mask[:, :depth].any(axis=1))
    start, stop = int(rows[0]), int(rows[-1]) + 1
    part = np.s_[start:stop, :depth]
    across = mask.shape[1] - depth if side in ("right", "bottom") else 0
    upright = side in ("left", "right")
    rect = Rect(across, start, depth, stop - start) if upright else Rect(start, across, stop - start, depth)
    visible, hidden = (np.ascontiguousarray(from_side(p, side)[part]) for p in (picture, background))
    return CutFigure(side, rect, visible, hidden, from_side(known, side)[part].copy(), mask[part].copy())


def _edge(valid: Mask, side: Side) -> Mask:
    """Mask the outermost valid pixels as seen from one side, bool (h, w)."""
    turned = from_side(valid, side)
    depth = np.cumsum(turned, axis=1)
    mask = np.zeros_like(valid)
    from_side(mask, side)[...] = turned & (depth <= TUNING.figures.edge)
    return mask


def _scaled(camera: Affine, source: tuple[float, float], target: tuple[float, float]) -> Affine:
    """Return a camera between two pictures that are resized by (x, y) scales each."""
    grow, shrink = (np.array([[x, 0.0, x / 2 - 0.5], [0.0, y, y / 2 - 0.5]]) for x, y in (source, target))
    return cam.compose(cam.compose(shrink, camera), cam.invert(grow))
