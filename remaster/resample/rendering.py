"""Step 6, resample: every frame of a shot in its window, the picture untouched and the wings drawn around it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from operator import itemgetter
from typing import Protocol

import cv2
import numpy as np
import numpy.typing as npt

from remaster.arrays import Float32, Mask, Plane
from remaster.imaging.geometry import Window
from remaster.media.types import ColorSpec, PixelFormat
from remaster.records import Shot
from remaster.resample.compose import Composer
from remaster.resample.cut_figures import CutFinder
from remaster.resample.grain import GrainTile
from remaster.resample.join_tone import Correction, Field, JoinMatcher
from remaster.resample.layers import NOBODY, Continuation, LayerPainter
from remaster.resample.layout import Patch, patches, plane_steps
from remaster.resample.origins import Origins, composed
from remaster.resample.propagated_wings import FrameReader, PropagatedWings
from remaster.resample.resample_settings import Grain, ResampleSettings
from remaster.resample.seam import Seams
from remaster.resample.shares import WingShares
from remaster.resample.soft_fill import SoftFill
from remaster.resample.strip_samples import Strips
from remaster.resample.warp import WarpedBackground

FOREGROUND = 10.0
"""Levels off the prediction at which a bin loses weight."""
LEVEL_STEP, SAME_LEVEL = 4, 0.6
"""Every so many rows and columns tell a plane's level, and by how many levels a hold may differ in it: more is a
fade."""

Prediction = Sequence[Sequence[npt.NDArray[np.generic]]]


class WingSource(Protocol):
    """Where a shot's wings come from."""

    def predict(self, index: int, planes: Sequence[Plane]) -> Prediction:
        """``[patch][plane]`` over the patches' rectangles; the object returned before where it is the same."""
        ...

    def origins(self, index: int) -> Sequence[Origins]:
        """``[patch]``: which of these pixels come from where; ``index`` was asked for last."""
        ...


Wings = Sequence[Sequence[Float32]]
"""``[patch][plane]`` over the patches' rectangles, without grain."""


@dataclass(frozen=True)
class Beside:
    """The wings of one frame of a shot, and ``origins`` ``[patch]``: where their pixels come from."""

    wings: Wings
    origins: Sequence[Origins]


class MixedWings:
    """A shot's ``own`` wings, mixed with those ``before`` and ``after`` it by ``mix``, as `Shot.mix`."""

    def __init__(self, own: WingSource, before: Beside | None, after: Beside | None, mix: npt.NDArray[np.float32]):
        self._own, self._mix = own, mix
        self._beside = before, after

    def predict(self, index: int, planes: Sequence[Plane]) -> Prediction:
        """``[patch][plane]`` of frame ``index``."""
        drawn, shares = self._own.predict(index, planes), self._mix[:, index]
        if not shares.any():
            return drawn
        rest = np.float32(1 - shares.sum())
        mixed = [[rest * np.asarray(plane, np.float32) for plane in patch] for patch in drawn]
        for beside, share in zip(self._beside, shares, strict=True):
            for patch, other in zip(mixed, beside.wings if beside is not None else (), strict=False):
                for plane, theirs in zip(patch, other, strict=True):
                    plane += share * theirs
        return mixed

    def origins(self, index: int) -> Sequence[Origins]:
        """``[patch]`` of frame ``index``: those of the side that it shows most of."""
        before, after = self._mix[:, index].tolist()
        most = max(((1 - before - after, None), (before, self._beside[0]), (after, self._beside[1])), key=itemgetter(0))
        return most[1].origins if most[1] is not None else self._own.origins(index)


class WingRenderer:
    """Renders one shot's frames in order.

    ``window`` says where the active picture lies; ``gate`` bool over the active picture marks pixels of which nothing
    enters the wings, and which are replaced too unless ``fill_gate`` is False; ``noise`` is the source's grain in 8-bit
    levels; ``seed`` makes the grain repeatable. Wings come from the shot's background, or from the frame itself where
    it has none. ``lines`` is the height of the whole stored picture, which decides the matrix of streams that do not
    say; by default bars count as equal above and below. Who is cut by the joins goes on as ``continuation`` says. The
    same frames give the same bytes.
    """

    def __init__(
        self,
        shot: Shot,
        window: Window,
        pixel_format: PixelFormat,
        color: ColorSpec,
        gate: Mask | None,
        noise: float,
        settings: ResampleSettings,
        seed: int,
        lines: int | None = None,
        continuation: Continuation | None = None,
        fill_gate: bool = True,
        read: FrameReader | None = None,
        before: Beside | None = None,
        after: Beside | None = None,
    ):
        self._format, self._window = pixel_format, window
        steps = plane_steps(pixel_format)
        backed = shot.background is not None and shot.method not in ("ambient", "passthrough")
        self._placed = patches(window, gate, steps[-1])
        self._replacing = _replacing(self._placed, fill_gate)
        self._composer = Composer(window, self._replacing, pixel_format, settings.feather)
        self._strips = Strips(window, self._placed, pixel_format, color, gate)
        self._fields = self._each_plane(steps)
        lines = lines or window.active.height + 2 * window.active.y
        self._source = _source(
            shot, window, self._placed, self._strips, pixel_format, color, lines, gate, settings, read
        )
        self._shares_of = self._source if isinstance(self._source, PropagatedWings) else None
        if shot.mix is not None and (before or after):
            self._source = MixedWings(self._source, before, after, shot.mix)
        self._painter: LayerPainter | None = None
        if continuation is not None:
            self._painter = LayerPainter(continuation, window, self._placed, pixel_format, color, lines)
        self._placements = NOBODY
        shapes = zip(self._placed, self._strips.shapes, strict=True)
        finders = [CutFinder(patch, shape, 2 * noise) for patch, shape in shapes] if backed else []
        self._matcher = JoinMatcher(self._strips, FOREGROUND + 2 * noise, pixel_format.kind == "yuv", finders)
        self._seams = Seams(self._placed, steps, gate, self._strips.unit, noise)
        self._grain = _grain(noise if settings.grain is Grain.match else 0.0, pixel_format, self._placed, seed)
        self._cuts = np.zeros((len(self._placed), 2))  # of each patch's last drawing: all, and those continued
        self._total = np.zeros(2)
        self._index, self._level = 0, np.zeros(len(steps))
        self._predicted: Prediction = []
        self._predicted_strips: Float32 = np.zeros((len(steps), 0), np.float32)
        self._correction: Correction | None = None
        self._clean: list[list[Float32]] = []
        self._drawn: list[list[Plane]] | None = None
        self._last: tuple[tuple[Plane, ...], tuple[Plane, ...]] | None = None

    def _each_plane(self, steps: Sequence[tuple[int, int]]) -> list[list[Field]]:
        """``[patch][plane]``."""
        strips = self._strips
        return [
            [Field(patch, count, step, pivot, strips.unit) for step, pivot in zip(steps, strips.pivots, strict=True)]
            for patch, (count, _) in zip(self._placed, strips.shapes, strict=True)
        ]

    def render(self, index: int, planes: Sequence[Plane], hold: bool) -> tuple[Plane, ...]:
        """The window's planes for frame ``index`` of the shot, from the active picture's, format and depth unchanged.

        The picture's samples are copied; only gate samples are replaced. A frame equal to the one before gets the
        very same wings; with ``hold`` (equal but for noise and, in a fade, light) the same under fresh grain. The
        result may be the object returned before: do not write to it.
        """
        planes = tuple(planes)
        if self._last is not None and all(map(np.array_equal, planes, self._last[0])):
            return self._last[1]
        level = np.array([float(p[::LEVEL_STEP, ::LEVEL_STEP].mean()) for p in planes]) / self._strips.unit
        # Frames of a fade hold the same drawing in another light.
        held = hold and bool(self._clean) and float(np.abs(level - self._level).max()) < SAME_LEVEL
        if self._placed and not held:
            self._draw(index, planes)
            self._index, self._level = index, level
        if self._grain.present or self._drawn is None:
            self._drawn = [
                [self._sample(clean, index, i, p) for p, clean in enumerate(patch)]
                for i, patch in enumerate(self._clean)
            ]
        out = self._composer.compose(planes, self._drawn)
        self._last = (planes, out)
        return out

    @property
    def wings(self) -> Wings:
        """The wings drawn last, ``[patch][plane]`` over the patches' rectangles, without grain; empty before any."""
        return self._clean

    @property
    def shares(self) -> WingShares | None:
        """What the wings drawn so far are made of, where the shot is propagated; else None."""
        return None if self._shares_of is None else self._shares_of.shares

    def origins(self) -> Origins:
        """Where each pixel of the frame rendered last comes from (see ``origins``), (window height, window width)."""
        return composed(self._window, self._replacing, self._source.origins(self._index))

    def beside(self) -> Beside:
        """The wings rendered last, for a shot beside this one."""
        return Beside(self.wings, self._source.origins(self._index))

    @property
    def continued(self) -> float | None:
        """Of the joins' lengths at which characters were cut in the frames drawn so far, the share (0-1) at which they
        go on as other frames show them; None where nobody was cut.
        """
        cut, continued = self._total.tolist()
        return continued / cut if cut else None

    def _draw(self, index: int, planes: tuple[Plane, ...]) -> None:
        """Brings the clean wings up to date; where nothing changed they stay what they are."""
        predicted = self._source.predict(index, planes)
        rest = predicted is self._predicted
        if not rest:
            self._predicted = predicted
            self._predicted_strips = self._strips.of_prediction(predicted)
        correction = self._matcher.match(planes, self._predicted_strips, rest)
        placements = self._painter.placements[index] if self._painter is not None else self._placements
        new = not (rest and correction is self._correction and placements is self._placements)
        if new:
            self._correction, self._placements = correction, placements
            self._clean = [self._patch(i, predicted[i], correction) for i in range(len(self._placed))]
        self._total += self._cuts.sum(axis=0)
        if self._seams.close(planes, self._clean, new, rest):
            self._drawn = None

    def _patch(self, i: int, predicted: Sequence[npt.NDArray[np.generic]], correction: Correction) -> list[Float32]:
        """One patch's planes: what is predicted and who goes on there, in the frame's light."""
        cut = correction.cuts[i] if correction.cuts else np.zeros(1, np.float32)
        covered = np.zeros_like(cut)
        if self._painter is not None and self._placements:
            predicted, over = self._painter.over(predicted, i, self._placements)
            covered = np.asarray(cv2.resize(over[:, None], (1, len(cut)), interpolation=cv2.INTER_AREA)[:, 0])
        self._cuts[i] = cut.sum(), (cut * covered).sum()
        return [field(predicted[p], correction.tone, p, correction.bands[i]) for p, field in enumerate(self._fields[i])]

    def _sample(self, clean: Float32, index: int, patch: int, plane: int) -> Plane:
        """One plane of one patch in the picture's own sample type, with this frame's grain."""
        grain = self._grain.draw(index, patch, plane, clean.shape)
        # OpenCV adds, rounds and saturates in one pass.
        if self._format.depth == 8:
            return np.asarray(cv2.add(clean, grain, dtype=cv2.CV_8U), np.uint8)
        deep = np.asarray(cv2.add(clean, grain, dtype=cv2.CV_16U), np.uint16)
        return np.minimum(deep, np.uint16((1 << self._format.depth) - 1))


def _replacing(placed: Sequence[Patch], gate: bool) -> Sequence[Patch]:
    """The patches as they replace the picture's ``gate``, or leave it."""
    return placed if gate else [replace(patch, gate=None) for patch in placed]


def _grain(level: float, pixel_format: PixelFormat, placed: Sequence[Patch], seed: int) -> GrainTile:
    """Grain for the largest of the patches."""
    width = max((p.rect.width for p in placed), default=0)
    height = max((p.rect.height for p in placed), default=0)
    return GrainTile(level, pixel_format, width, height, seed)


def _source(
    shot: Shot,
    window: Window,
    placed: tuple[Patch, ...],
    strips: Strips,
    pixel_format: PixelFormat,
    color: ColorSpec,
    lines: int,
    gate: Mask | None,
    settings: ResampleSettings,
    read: FrameReader | None,
) -> WingSource:
    if shot.background is not None and shot.method not in ("ambient", "passthrough"):
        return WarpedBackground(shot.background, shot.cameras, window, placed, pixel_format, color, lines)
    soft = SoftFill(placed, window, pixel_format, strips.pivots, gate, settings.soft_memory)
    if shot.propagation is None or read is None:
        return soft
    return PropagatedWings(shot.propagation, window, gate, placed, pixel_format, color, lines, read, soft)
