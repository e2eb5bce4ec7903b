"""Characters that the old frame's edge cuts: beside them the wing is a soft glow of their own colours, not a wrong set.

What the wing shows there is the background behind the character, or a guess at it; that the character ends at a ruled
line is what a viewer sees first. So does anything that a fill does not continue (a trunk of which only a part was
known). The glow begins with the frame's own colours at the join and gives way to the
background as it gets farther from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from remaster import camera as cam
from remaster.camera import Affine
from remaster.geometry import Window
from remaster.records import Background
from remaster.resample.layout import Kind, Patch, on_plane, samples_beyond
from remaster.resample.samples import Floats, Strips

OFF = (16.0, 30.0)
"""Levels off the background, beyond the grain, at which a bin of the join begins to be a character's, and is one."""
SHORTEST = 1 / 24
"""Share of the join that a character takes up at least; less is texture that is a little off."""
SIGMAS = (1.0, 4.0, 12.0)
"""The glow is smoothed along the join by so many bins, the more the farther from the join."""
SPREAD, FARTHEST = 0.35, 0.8
"""How far the glow reaches, as a share of the character's extent along the join; at most this share of the wing."""
KEEP = 0.4
"""Share of the last frame's glow that stays, so that it does not flicker where a character is hard to tell."""
BREAK = (-5, -1, 2, 6)
"""Pixels beyond the join, four in a row, between which something breaks off that the fill does not continue."""
INSIDE, OUTSIDE = (0.2, 0.6), 4
"""A character that stands is cut where it is seen so near the join (shares of the strip's width), and where the
background so many pixels beyond the join is generated."""


@dataclass(frozen=True)
class Cut:
    """One join: ``share`` float32 (n,), 0-1, how much each bin is a character's, and its ``colour`` (planes, n)."""

    share: Floats
    colour: Floats

    def less(self, covered: Floats) -> Cut:
        """The cut without what is ``covered``, float32 (m,), 0-1, at m places along the join."""
        rows = cv2.resize(covered[:, None], (1, len(self.share)), interpolation=cv2.INTER_AREA)[:, 0]
        return Cut(self.share * (1 - rows), self.colour)

    def near(self, other: Cut, levels: float) -> bool:
        """True where two cuts look the same but for ``levels``."""
        change = self.share * self.colour - other.share * other.colour
        return float(np.abs(self.share - other.share).max()) < levels / 100 and float(np.abs(change).max()) < levels


class CutFinder:
    """Finds, frame by frame, where characters are cut at one patch's join."""

    def __init__(self, patch: Patch, shape: tuple[int, int], noise: float):
        self._shape = shape
        self._inwards = slice(None) if patch.side in ("left", "top") else slice(None, None, -1)
        self._noise = noise
        self._cut: Cut | None = None

    def find(self, error: Floats, seen: Floats, valid: npt.NDArray[np.bool_], standing: Floats) -> Cut:
        """The cut of a frame, from its strip (planes, n * k) and how far that is off the background there.

        ``valid`` bool (n * k,); ``standing`` (n,) is how far (0-1) each bin shows an end of the background.
        """
        known = valid.reshape(self._shape)[:, self._inwards]
        # The gate's edge wavers: the outermost bin that shows the picture tells.
        row, column = np.arange(len(known)), known.argmax(axis=1)
        off = np.abs(error).max(axis=0).reshape(self._shape)[:, self._inwards][row, column] - self._noise
        moving = np.clip((off - OFF[0]) / (OFF[1] - OFF[0]), 0, 1)
        share = np.maximum(moving, standing) * known[row, column]
        share = _opened(np.asarray(share, np.float32), round(SHORTEST * len(share)))
        colour = np.ascontiguousarray(seen.reshape(-1, *self._shape)[:, :, self._inwards][:, row, column])
        if self._cut is not None:
            share = np.float32(KEEP) * self._cut.share + np.float32(1 - KEEP) * share
        self._cut = Cut(share * (share > 0.02), colour)
        return self._cut


def _opened(share: Floats, length: int) -> Floats:
    """Without what is shorter than ``length`` bins."""
    kernel = np.ones((max(length, 1), 1), np.uint8)
    return np.asarray(cv2.morphologyEx(share[:, None], cv2.MORPH_OPEN, kernel)[:, 0], np.float32)


class Glow:
    """Draws cuts over one plane of one patch."""

    def __init__(self, patch: Patch, bins: int, step: tuple[int, int], pivot: float, unit: float):
        rect, strip = on_plane(patch.rect, step), on_plane(patch.strip, step)
        self._upright, self._pivot, self._unit = patch.upright, np.float32(pivot), np.float32(unit)
        start, first, length = (rect.y, strip.y, strip.height) if patch.upright else (rect.x, strip.x, strip.width)
        count = rect.height if patch.upright else rect.width
        position = (np.arange(count) + start - first + 0.5) * bins / max(length, 1) - 0.5
        self._position, self._bin = np.clip(position, 0, bins - 1), length / bins
        self._away = samples_beyond(patch, step)
        self._kernels = _kernels(bins)

    def __call__(self, clean: Floats, cut: Cut, plane: int) -> Floats:
        """The plane, float32 in its own levels, with the glow over it; ``clean`` itself where there is none."""
        if not cut.share.any():
            return clean
        extent = float(cut.share.sum()) * self._bin
        reach = max(min(SPREAD * extent, FARTHEST * float(self._away.max())), 1.0)
        near = np.clip(1 - self._away / reach, 0, 1)
        falling = (near * near * (3 - 2 * near)).astype(np.float32)
        across = _mix(self._away / self._bin) * falling
        column = np.arange(len(cut.share))
        layers = [np.interp(self._position, column, k @ cut.share) for k in self._kernels]
        alpha = np.stack(layers, axis=1).astype(np.float32) @ across
        layers = [np.interp(self._position, column, k @ (cut.share * cut.colour[plane])) for k in self._kernels]
        glow = np.stack(layers, axis=1).astype(np.float32) @ across
        if not self._upright:
            alpha, glow = alpha.T, glow.T
        # Premultiplied: levels count from the pivot.
        return np.asarray(clean * (1 - alpha) + (glow + self._pivot * alpha) * self._unit, np.float32)


def _kernels(bins: int) -> list[Floats]:
    """Smoothing along a join of so many bins, float32 (bins, bins) each, that keeps what is constant."""
    apart = np.arange(bins)[:, None] - np.arange(bins)[None, :]
    kernels = [np.exp(-0.5 * (apart / sigma) ** 2) for sigma in SIGMAS]
    return [(k / k.sum(axis=1, keepdims=True)).astype(np.float32) for k in kernels]


def _mix(away: npt.NDArray[np.float64]) -> Floats:
    """How much each of ``SIGMAS`` counts at ``away`` bins from the join, (len(SIGMAS), m): about half the distance."""
    wanted = np.log(np.clip(away / 2, SIGMAS[0], SIGMAS[-1]))
    knots = np.log(SIGMAS)
    return np.stack([np.interp(wanted, knots, np.eye(len(SIGMAS))[i]) for i in range(len(SIGMAS))]).astype(np.float32)


class Ends:
    """Where a background ends at the joins with nothing recovered beyond.

    There stand characters of its own, which never left; or something breaks off that the fill does not continue.
    """

    def __init__(
        self, background: Background, cameras: Affine, window: Window, strips: Strips, placed: Sequence[Patch]
    ):
        self._background, self._cameras = background, cameras
        self._points = [
            [_join_points(patch, n, window, outside) for outside in (*_depths(patch), *BREAK, OUTSIDE)]
            for patch, (n, _) in zip(placed, strips.shapes, strict=True)
        ]
        self._present = not bool(background.coverage.all())
        self._none = [np.zeros(n, np.float32) for n, _ in strips.shapes]

    def at(self, index: int) -> list[Floats]:
        """For each patch: how far (0-1) each of its bins, (n,), shows such an end in frame ``index``."""
        if not self._present:
            return self._none
        camera = self._cameras[index]
        found = []
        for first, second, *across, beyond in self._points:
            stands = [_looked_up(self._background.figures, camera, p) for p in (first, second)]
            generated = ~_looked_up(self._background.coverage, camera, beyond)
            ends = np.maximum(np.logical_or(*stands), self._broken_off(camera, across))
            found.append((ends * generated).astype(np.float32))
        return found

    def _broken_off(self, camera: Affine, across: Sequence[npt.NDArray[np.float64]]) -> Floats:
        """How sure it is that the picture breaks off: it steps at the join, and neither before nor after."""
        inner, inside, outside, outer = (
            _looked_up(self._background.image, camera, p).astype(np.float32) for p in across
        )
        step, before, after = (
            np.abs(a - b).max(axis=1) for a, b in ((inside, outside), (inner, inside), (outside, outer))
        )
        return np.asarray(np.clip((step - np.maximum(before, after) - OFF[0]) / (OFF[1] - OFF[0]), 0, 1), np.float32)


def _depths(patch: Patch) -> list[int]:
    """How far inside the join a character that stands is looked for, negative, in pixels."""
    across = patch.strip.width if patch.upright else patch.strip.height
    return [-max(round(share * across), 1) for share in INSIDE]


def _join_points(patch: Patch, bins: int, window: Window, outside: int) -> npt.NDArray[np.float64]:
    """The middle of each bin in pixels of the active picture, (n, 2), ``outside`` pixels beyond the strip."""
    s = patch.strip
    along = (np.arange(bins) + 0.5) / bins
    x, y = s.x + along * s.width, s.y + along * s.height
    edge = {
        "left": s.x - 1 - outside,
        "right": s.x + s.width + outside,
        "top": s.y - 1 - outside,
        "bottom": s.y + s.height + outside,
    }[patch.side]
    points = np.stack([np.full(bins, float(edge)), y] if patch.upright else [x, np.full(bins, float(edge))], axis=1)
    return np.asarray(points - (window.x, window.y), float)


def _looked_up(picture: npt.NDArray[Kind], camera: Affine, points: npt.NDArray[np.float64]) -> npt.NDArray[Kind]:
    """A mask's or picture's values where the camera sees the points, its edge's for those beyond the canvas."""
    x, y = np.rint(cam.apply(camera, points)).astype(int).T
    h, w = picture.shape[:2]
    return np.asarray(picture[np.clip(y, 0, h - 1), np.clip(x, 0, w - 1)])
