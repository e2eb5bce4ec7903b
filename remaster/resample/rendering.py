"""Renders every frame of a shot in its window: the picture untouched and the wings drawn around it.

In come a shot and the planes of its active picture, frame by frame; out go the window's planes. A wing source predicts
the patches, a ``JoinMatcher`` corrects them to match the frame, layers continue cut figures, ``Seams`` closes the
joins, and grain is added. ``SceneRenderers`` makes the renderers of a scene's shots: at dissolves, each gets the last
or first wings of the neighbouring shots.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from operator import itemgetter
from typing import Protocol

import cv2
import numpy as np
import numpy.typing as npt

from remaster.arrays import Float32, Mask, Plane
from remaster.media.types import PixelFormat
from remaster.records import Shot
from remaster.resample.background_wings import BackgroundWings
from remaster.resample.compose import Composer
from remaster.resample.exact_wings import DonorReader, ExactWings
from remaster.resample.figure_layers import NO_PLACEMENTS, Continuation, LayerPainter
from remaster.resample.gain_compensation import Tone
from remaster.resample.grain import GrainTile
from remaster.resample.join_correction import CutDetector, JoinMatcher, Strips
from remaster.resample.layout import FrameFormat, Patch, patches, plane_steps
from remaster.resample.origins import Origins, WingShares, compose_origins
from remaster.resample.propagated_wings import FrameReader, PropagatedWings
from remaster.resample.seam import Seams
from remaster.resample.soft_fill import SoftFill
from remaster.resample.tuning import TUNING, Grain, ResampleSettings

Prediction = Sequence[Sequence[npt.NDArray[np.generic]]]


class WingSource(Protocol):
    """What predicts a shot's wings."""

    def predict(self, index: int, planes: Sequence[Plane]) -> Prediction:
        """Return ``[patch][plane]`` over the patches' rectangles; the same object as before where nothing changed."""
        ...

    def origins(self, index: int) -> Sequence[Origins]:
        """Return the origins of these pixels, ``[patch]``; ``index`` must be the one that was predicted last."""
        ...


Wings = Sequence[Sequence[Float32]]
"""``[patch][plane]`` over the patches' rectangles, without grain."""


@dataclass(frozen=True)
class ShotWings:
    """The wings of one frame of a shot, and the ``origins`` of their pixels, ``[patch]``."""

    wings: Wings
    origins: Sequence[Origins]


@dataclass(frozen=True)
class FilmTraces:
    """What film and scanner left on the source's frames.

    ``noise`` is the standard deviation of the grain in 8-bit levels. ``gate`` bool over the active picture marks pixels
    of the projector's gate, which are not used for the wings and are replaced unless ``fill_gate`` is False.
    """

    noise: float = 0.0
    gate: Mask | None = None
    fill_gate: bool = True


@dataclass(frozen=True)
class ShotDonors:
    """What a shot's wings are made of besides its own background and the frame itself.

    ``continuation`` continues cut figures. ``read`` returns the planes of another frame of the shot, for propagated
    shots. ``before`` and ``after`` are the neighbouring shots' wings at dissolves. ``exact`` returns the same frame of
    another recording, which shows the wings themselves: then nothing else has a part in them, figures outside the
    picture move, and the grain is that recording's.
    """

    continuation: Continuation | None = None
    read: FrameReader | None = None
    before: ShotWings | None = None
    after: ShotWings | None = None
    exact: DonorReader | None = None


class MixedWings:
    """Mixes a shot's ``own`` wings with those of the shots ``before`` and ``after`` it; ``mix`` as `Shot.mix`."""

    def __init__(
        self, own: WingSource, before: ShotWings | None, after: ShotWings | None, mix: npt.NDArray[np.float32]
    ):
        self._own, self._mix = own, mix
        self._neighbours = before, after

    def predict(self, index: int, planes: Sequence[Plane]) -> Prediction:
        """Return ``[patch][plane]`` of frame ``index``."""
        drawn, shares = self._own.predict(index, planes), self._mix[:, index]
        if not shares.any():
            return drawn
        own = np.float32(1 - shares.sum())
        mixed = [[own * np.asarray(plane, np.float32) for plane in patch] for patch in drawn]
        for neighbour, share in zip(self._neighbours, shares, strict=True):
            for patch, other in zip(mixed, neighbour.wings if neighbour is not None else (), strict=False):
                for plane, theirs in zip(patch, other, strict=True):
                    plane += share * theirs
        return mixed

    def origins(self, index: int) -> Sequence[Origins]:
        """Return the origins ``[patch]`` of frame ``index``: those of the shot with the largest share."""
        before, after = self._mix[:, index].tolist()
        most = max(
            ((1 - before - after, None), (before, self._neighbours[0]), (after, self._neighbours[1])), key=itemgetter(0)
        )
        return most[1].origins if most[1] is not None else self._own.origins(index)


class WingRenderer:
    """Renders one shot's frames in order.

    ``seed`` makes the grain repeatable. Wings come from the shot's background, from frames near in time where it is
    propagated, or from the frame itself. The same frames give the same bytes.
    """

    def __init__(
        self,
        shot: Shot,
        form: FrameFormat,
        film: FilmTraces,
        settings: ResampleSettings,
        seed: int,
        donors: ShotDonors | None = None,
    ):
        window, pixel_format, gate, noise = form.window, form.pixels, film.gate, film.noise
        donors = donors or ShotDonors()
        self._format, self._window = pixel_format, window
        steps = plane_steps(pixel_format)
        has_background = shot.background is not None and shot.method not in ("ambient", "passthrough")
        self._placed = patches(window, gate, steps[-1])
        self._replacing = _replacing(self._placed, film.fill_gate)
        self._composer = Composer(window, self._replacing, pixel_format, settings.feather)
        self._strips = Strips(form, self._placed, gate)
        self._source = _source(shot, form, self._placed, self._strips, gate, settings, donors.read)
        self._propagated = self._source if isinstance(self._source, PropagatedWings) else None
        if shot.mix is not None and (donors.before or donors.after):
            self._source = MixedWings(self._source, donors.before, donors.after, shot.mix)
        self._exact = None if donors.exact is None else ExactWings(donors.exact, form, self._placed)
        self._shown = False  # whether the last frame's wings are a donor's
        self._painter: LayerPainter | None = None
        if donors.continuation is not None:
            self._painter = LayerPainter(donors.continuation, form, self._placed)
        self._placements = NO_PLACEMENTS
        shapes = zip(self._placed, self._strips.shapes, strict=True)
        grain = TUNING.join.grain_sigmas * noise
        detectors = [CutDetector(patch, shape, grain) for patch, shape in shapes] if has_background else []
        scale = TUNING.join.foreground + grain
        self._matcher = JoinMatcher(self._strips, scale, pixel_format.kind == "yuv", detectors)
        self._seams = Seams(self._placed, steps, gate, self._strips.unit, noise)
        self._grain = _grain(noise if settings.grain is Grain.match else 0.0, pixel_format, self._placed, seed)
        self._no_grain = _grain(0.0, pixel_format, self._placed, seed) if donors.exact is not None else self._grain
        self._covered = [np.zeros(count, np.float32) for count, _ in self._strips.shapes]  # by layers, for each bin
        self._total = np.zeros(2)  # lengths of the joins, over the frames: cut, and continued
        self._index, self._level = 0, np.zeros(len(steps))
        self._predicted: Prediction = []
        self._predicted_strips: Float32 = np.zeros((len(steps), 0), np.float32)
        self._tone: Tone | None = None
        self._clean: list[list[Float32]] = []
        self._drawn: list[list[Plane]] | None = None
        self._last: tuple[tuple[Plane, ...], tuple[Plane, ...]] | None = None

    def render(self, index: int, planes: Sequence[Plane], hold: bool) -> tuple[Plane, ...]:
        """Render the window's planes of frame ``index`` from the active picture's; format and depth are unchanged.

        The picture's samples are copied; only gate samples are replaced. A frame equal to the one before gets the
        same wings; with ``hold`` (equal but for noise and, in a fade, light) the same under new grain. The result may
        be the object returned before: do not write to it.
        """
        stride = TUNING.rendering.level_stride
        planes = tuple(planes)
        exact = self._exact.predict(index) if self._exact is not None and self._placed else None
        rests = exact is None and not self._shown
        if rests and self._last is not None and all(map(np.array_equal, planes, self._last[0])):
            return self._last[1]
        level = np.array([float(p[::stride, ::stride].mean()) for p in planes]) / self._strips.unit
        # In a fade, frames hold the same drawing in changing light.
        steady = float(np.abs(level - self._level).max()) < TUNING.rendering.same_level
        held = rests and hold and bool(self._clean) and steady
        if self._placed and not held:
            self._draw(index, planes, exact)
            self._index, self._level = index, level
        grain = self._grain if exact is None else self._no_grain
        if grain.present or self._drawn is None:
            self._drawn = [
                [self._sample(clean, grain.draw(index, i, p, clean.shape)) for p, clean in enumerate(patch)]
                for i, patch in enumerate(self._clean)
            ]
        out = self._composer.compose(planes, self._drawn)
        self._last = (planes, out)
        return out

    @property
    def wings(self) -> Wings:
        """The wings drawn last, ``[patch][plane]`` over the patches' rectangles, without grain; empty at first."""
        return self._clean

    @property
    def shares(self) -> WingShares | None:
        """The shares of the wings drawn so far where the shot is propagated; else None."""
        return None if self._propagated is None else self._propagated.shares

    def origins(self) -> Origins:
        """Return the origins of the frame rendered last, (window height, window width)."""
        return compose_origins(self._window, self._replacing, self._patch_origins())

    def last_wings(self) -> ShotWings:
        """Return the wings rendered last, for a neighbouring shot."""
        return ShotWings(self.wings, self._patch_origins())

    def _patch_origins(self) -> Sequence[Origins]:
        if self._shown and self._exact is not None:
            return self._exact.origins()
        return self._source.origins(self._index)

    @property
    def continued(self) -> float | None:
        """The share (0-1) of the cuts through figures, by length along the joins, that layers continue.

        Over the frames drawn so far; None where no figure was cut.
        """
        cut, continued = self._total.tolist()
        return continued / cut if cut else None

    def _draw(self, index: int, planes: tuple[Plane, ...], exact: Prediction | None) -> None:
        """Update the wings without grain; where nothing changed they stay the same objects.

        ``exact`` is what a donor shows of them.
        """
        predicted = self._source.predict(index, planes) if exact is None else exact
        self._shown = exact is not None
        resting = predicted is self._predicted
        if not resting:
            self._predicted = predicted
            self._predicted_strips = self._strips.of_prediction(predicted)
        correction = self._matcher.match(planes, self._predicted_strips, resting)
        placements = self._placements if self._painter is None else self._painter.placements[index]
        placements = placements if exact is None else NO_PLACEMENTS
        new = not (resting and correction.tone is self._tone and placements is self._placements)
        if new:
            self._tone, self._placements = correction.tone, placements
            self._clean = [self._patch(i, predicted[i], correction.tone) for i in range(len(self._placed))]
        for cut, covered in zip(() if self._shown else correction.cuts, self._covered, strict=False):
            self._total += cut.sum(), (cut * covered).sum()
        if self._seams.close(planes, self._clean, new, resting):
            self._drawn = None

    def _patch(self, i: int, predicted: Sequence[npt.NDArray[np.generic]], tone: Tone) -> list[Float32]:
        """Draw one patch's planes: the prediction and its layers, corrected to match the frame."""
        bins = len(self._covered[i])
        self._covered[i] = np.zeros(bins, np.float32)
        if self._painter is not None and self._placements:
            predicted, over = self._painter.over(predicted, i, self._placements)
            self._covered[i] = np.asarray(cv2.resize(over[:, None], (1, bins), interpolation=cv2.INTER_AREA)[:, 0])
        return [self._strips.toned(plane, tone, p) for p, plane in enumerate(predicted)]

    def _sample(self, clean: Float32, grain: Float32) -> Plane:
        """Convert one plane of one patch to the picture's own sample type, with this frame's grain."""
        # OpenCV adds, rounds and saturates in one pass.
        if self._format.depth == 8:
            return np.asarray(cv2.add(clean, grain, dtype=cv2.CV_8U), np.uint8)
        deep = np.asarray(cv2.add(clean, grain, dtype=cv2.CV_16U), np.uint16)
        return np.minimum(deep, np.uint16((1 << self._format.depth) - 1))


def _replacing(placed: Sequence[Patch], gate: bool) -> Sequence[Patch]:
    """Return the patches as they are composed: with their gate pixels, or without."""
    return placed if gate else [replace(patch, gate=None) for patch in placed]


def _grain(level: float, pixel_format: PixelFormat, placed: Sequence[Patch], seed: int) -> GrainTile:
    """Return a grain tile for the largest of the patches."""
    width = max((p.rect.width for p in placed), default=0)
    height = max((p.rect.height for p in placed), default=0)
    return GrainTile(level, pixel_format, width, height, seed)


def _source(
    shot: Shot,
    form: FrameFormat,
    placed: tuple[Patch, ...],
    strips: Strips,
    gate: Mask | None,
    settings: ResampleSettings,
    read: FrameReader | None,
) -> WingSource:
    """Choose the wing source of a shot by its method and by what it has."""
    if shot.background is not None and shot.method not in ("ambient", "passthrough"):
        return BackgroundWings(shot.background, shot.cameras, form, placed)
    soft = SoftFill(placed, form.window, form.pixels, strips.pivots, gate, settings.soft_memory)
    if shot.propagation is None or read is None:
        return soft
    return PropagatedWings(shot.propagation, form, gate, placed, read, soft)


class SceneRenderers:
    """Makes the renderers of a scene's shots when they are first needed; they must be used in the order of the shots.

    ``make(shot, before, after)`` makes one: where the shot dissolves, with the last wings of the shot before it and the
    first ones of the shot after it. ``read(frame)`` returns the planes of the active picture of a scene's frame. The
    shot before should have been rendered to its end; if it has not, its last frame is rendered here.
    """

    def __init__(
        self,
        shots: Sequence[Shot],
        make: Callable[[Shot, ShotWings | None, ShotWings | None], WingRenderer],
        read: Callable[[int], Sequence[Plane]],
    ):
        self._shots, self._make, self._read = shots, make, read
        self._made: dict[int, WingRenderer] = {}

    def renderer(self, shot: Shot) -> WingRenderer:
        """Return the renderer of a shot; those of shots earlier than the one before it are freed."""
        return self._renderer(self._number(shot))

    def alone(self, shot: Shot) -> WingRenderer:
        """Return a renderer of a shot that is none of the scene's."""
        return self._make(shot, None, None)

    def neighbours(self, shot: Shot) -> tuple[Shot, Shot]:
        """Return the shots before and after one; the shot itself where there is none."""
        number = self._number(shot)
        return self._shots[max(number - 1, 0)], self._shots[min(number + 1, len(self._shots) - 1)]

    def _number(self, shot: Shot) -> int:
        return next(i for i, one in enumerate(self._shots) if one is shot)

    def _renderer(self, number: int) -> WingRenderer:
        """Return the renderer of the shot at an index."""
        self._made = {i: renderer for i, renderer in self._made.items() if i >= number - 1}
        if number not in self._made:
            shot = self._shots[number]
            before, after = (False, False) if shot.mix is None else (bool(share.any()) for share in shot.mix)
            self._made[number] = self._make(
                shot, self._last(number - 1) if before else None, self._first(number + 1) if after else None
            )
        return self._made[number]

    def _last(self, number: int) -> ShotWings:
        """Return the wings of a shot's last frame."""
        renderer, shot = self._renderer(number), self._shots[number]
        if not renderer.wings:
            renderer.render(shot.end - 1 - shot.start, self._read(shot.end - 1), False)
        return renderer.last_wings()

    def _first(self, number: int) -> ShotWings:
        """Return the wings of a shot's first frame."""
        renderer = self._renderer(number)
        renderer.render(0, self._read(self._shots[number].start), False)
        return renderer.last_wings()
