"""Wings of a propagated shot: pixels of frames near in time, over generated pictures, over the soft fill.

In come a ``Propagation`` and a reader of frames; out go the patches. The motion of each frame's wings is traced to the
frames that show them (``remaster.propagation``); elsewhere the generated picture of the segment is warped.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import cv2
import numpy as np
import numpy.typing as npt

from remaster.arrays import Affine, Float32, Mask, Plane
from remaster.imaging.geometry import Window
from remaster.media.types import ColorSpec, Rect
from remaster.propagation.grid import Grid, Upright
from remaster.propagation.outward_motion import Motion
from remaster.propagation.sources import (
    Chosen,
    Sources,
    View,
    carried_fill,
    chosen,
    future_sources,
    gathered,
    past_sources,
)
from remaster.records import Background, Key, Propagation
from remaster.resample.background_wings import plane_grid, planes_of
from remaster.resample.layout import FrameFormat, Patch, on_plane, plane_steps
from remaster.resample.origins import GENERATED, PROPAGATED, SOFT, Origins, WingShares, uniform_origins
from remaster.resample.tuning import TUNING

FrameReader = Callable[[int], Sequence[Plane]]
"""The planes of the active picture of a shot's frame, at most ``TracingTuning.max_age`` before or after the one that is
drawn."""

Places = tuple[Float32, Float32]


class BaseFill(Protocol):
    """The lowest layer."""

    def predict(self, index: int, planes: Sequence[Plane]) -> list[list[npt.NDArray[Any]]]:
        """Return ``[patch][plane]`` over the patches' rectangles."""
        ...


@dataclass(frozen=True)
class _Layer:
    """A key's picture as one frame shows it: its planes, the grid cells' ``places`` on it, its ``weight`` 0-1."""

    planes: Sequence[Plane]
    places: Places
    weight: float


class PropagatedWings:
    """Draws a propagated shot's wings, in any order of its frames.

    ``read`` returns frames near the one that is drawn; ``soft`` fills what no other source has, and the strips inside
    the joins.
    """

    def __init__(
        self,
        propagation: Propagation,
        form: FrameFormat,
        gate: Mask | None,
        placed: Sequence[Patch],
        read: FrameReader,
        soft: BaseFill,
    ):
        window = form.window
        self._grid, self._turned = Grid.of(window, gate), Upright.of(window).turned
        self._read, self._soft, self._placed = read, soft, placed
        self._sources = _ShotSources(self._grid, propagation)
        self._visible = _visible_columns(self._grid, window)
        self._sums = np.zeros(3)
        self._kinds = np.zeros(self._grid.shape, np.uint8)
        self._pictures = _KeyPictures(self._grid, propagation, self._sources, lambda p: planes_of(p, form))
        steps = plane_steps(form.pixels)
        self._interpolation = [cv2.INTER_CUBIC if step == (1, 1) else cv2.INTER_LINEAR for step in steps]
        sides = ("top", "bottom") if self._turned else ("left", "right")
        self._sides = [
            [_Side.of(patch, window, self._grid, step, form.color) for step in steps] if patch.side in sides else None
            for patch in placed
        ]

    def predict(self, index: int, planes: Sequence[Plane]) -> list[list[npt.NDArray[Any]]]:
        """Return ``[patch][plane]`` of frame ``index``, float32 over the patches' rectangles."""
        soft = self._soft.predict(index, planes)
        best, layers = self._sources.at(index), self._pictures.at(index)
        propagated = _shown_share(best, self._visible)
        picture = sum(layer.weight for layer in layers)
        self._kinds = np.where(best.shown >= 0.5, PROPAGATED, GENERATED if picture >= 0.5 else SOFT).astype(np.uint8)
        generated = (1 - propagated) * picture
        self._sums += propagated, generated, 1 - propagated - generated
        return [
            fill if sides is None else [self._draw(s, p, fill[p], best, layers) for p, s in enumerate(sides)]
            for sides, fill in zip(self._sides, soft, strict=True)
        ]

    def origins(self, index: int) -> list[Origins]:
        """Return the origins ``[patch]`` of frame ``index``, which must be the one that was drawn last."""
        found = uniform_origins(SOFT, self._placed)
        for kinds, sides in zip(found, self._sides, strict=True):
            if sides is not None and sides[0].outside:
                kinds[...] = sides[0].with_outside(kinds, sides[0].view.of_cells(self._kinds), self._turned)
        return found

    @property
    def shares(self) -> WingShares:
        """The shares of the wings drawn so far."""
        propagated, generated, soft = (self._sums / max(float(self._sums.sum()), 1e-9)).tolist()
        return WingShares(0.0, propagated, generated, soft)

    def _draw(
        self, side: _Side, plane: int, fill: npt.NDArray[Any], best: Chosen, layers: Sequence[_Layer]
    ) -> npt.NDArray[Any]:
        """Draw one plane of one patch over the soft ``fill``."""
        if not side.outside:
            return fill
        out = side.outside_columns(fill, self._turned) * np.float32(1 - sum(layer.weight for layer in layers))
        interpolation = self._interpolation[plane]
        for layer in layers:
            out += np.float32(layer.weight) * self._warped(layer, plane, side.view, interpolation)
        span, turned = self._grid.span, self._turned
        pixels = gathered(side.view, best.sources, span, lambda i: self._read(i)[plane], interpolation, turned)
        if pixels is not None:
            known = side.view.of_cells(best.sources.frame) >= 0
            out += side.view.smooth(self._grid, best.shown) * known * (pixels - out)
        return side.with_outside(fill, out, self._turned)

    def _warped(self, layer: _Layer, plane: int, view: View, interpolation: int) -> npt.NDArray[Any]:
        """Warp a layer to a view's samples, (h, w)."""
        x, y = view.places(layer.places[0] - self._grid.span_x[0], layer.places[1], 0, self._grid.height - 1)
        maps = (y, x) if self._turned else (x, y)
        return np.asarray(cv2.remap(layer.planes[plane], *maps, interpolation, borderMode=cv2.BORDER_REFLECT_101))


def propagated_shares(propagation: Propagation, window: Window, gate: Mask | None, frames: Sequence[int]) -> WingShares:
    """Return the shares of some frames' wings, numbered from the shot's first, without drawing them."""
    grid = Grid.of(window, gate)
    sources, visible, sums = _ShotSources(grid, propagation), _visible_columns(grid, window), np.zeros(3)
    for index in frames:
        propagated = _shown_share(sources.at(index, 1), visible)
        key = next((key for key in propagation.keys if key.start <= index < key.end), None)
        generated = 0.0 if key is None or key.picture is None else 1 - propagated
        sums += propagated, generated, 1 - propagated - generated
    return WingShares(0.0, *(sums / max(float(sums.sum()), 1e-9)).tolist())


def _visible_columns(grid: Grid, window: Window) -> Mask:
    """Return which of the grid's columns the window's wings show, bool (w,)."""
    wings = Upright.of(window).wings
    visible = (grid.x > -wings[0]) & (grid.x < grid.width - 1 + wings[1])
    return np.asarray(visible & ((grid.x < 0) | (grid.x > grid.width - 1)), np.bool_)


def _shown_share(best: Chosen, visible: Mask) -> float:
    """Return the share (0-1) of the wings that frames near in time show."""
    return float(best.shown[:, visible].mean()) if visible.any() else 0.0


class _ShotSources:
    """Finds the sources of a shot's frames, several frames at once."""

    def __init__(self, grid: Grid, propagation: Propagation):
        self._grid, self._lives = grid, propagation.lives
        self.before, self.after = (
            [Motion(camera, own) for camera, own in zip(cameras, owns, strict=True)]
            for cameras, owns in zip(propagation.cameras, propagation.own, strict=True)
        )

        self._first, self._chunk = 0, list[tuple[Sources, Sources]]()

    def at(self, index: int, ahead: int | None = None) -> Chosen:
        """Return the sources of a frame; they are found for so many frames ``ahead`` at once."""
        ahead = TUNING.propagated.chunk_frames if ahead is None else ahead
        if not self._first <= index < self._first + len(self._chunk):
            self._first, last = index, min(index + ahead, len(self.before))
            searches = (past_sources, self.before), (future_sources, self.after)
            self._chunk = list(
                zip(*(find(self._grid, motions, index, last) for find, motions in searches), strict=True)
            )
        past, future = self._chunk[index - self._first]
        return chosen(self._grid, past, future, self._lives[:, index])


class _KeyPictures:
    """The generated pictures under the propagated pixels, each near its own segment."""

    def __init__(
        self,
        grid: Grid,
        propagation: Propagation,
        sources: _ShotSources,
        planes_of: Callable[[Background], Sequence[Plane]],
    ):
        self._grid, self._keys, self._sources, self._planes_of = grid, propagation.keys, sources, planes_of
        self._open: dict[int, tuple[Sequence[Plane], int, list[Places]]] = {}

    def at(self, index: int) -> list[_Layer]:
        """Return the layers of a frame; weights sum to 1 at most, and the rest is the soft fill's."""
        weights = {k: w for k, key in enumerate(self._keys) if (w := self._weight(k, key, index)) > 0}
        self._open = {k: v for k, v in self._open.items() if k in weights}
        total, layers = sum(weights.values()), []
        for k, weight in weights.items():
            picture = self._keys[k].picture
            if picture is not None:
                planes, first, places = self._open.get(k) or self._opened(k, picture)
                layers.append(_Layer(planes, places[index - first], weight / total))
        return layers

    def _weight(self, k: int, key: Key, index: int) -> float:
        """Return a key's weight in a frame before normalization: a smooth step over the crossfade."""
        crossfade = TUNING.propagated.crossfade_frames
        half = crossfade / 2
        rising = 1.0 if k == 0 else (index + 0.5 - key.start) / crossfade + 0.5
        falling = 1.0 if k == len(self._keys) - 1 else (key.end - index - 0.5) / crossfade + 0.5
        if index < key.start - half or index >= key.end + half:
            return 0.0
        share = min(max(min(rising, falling), 0.0), 1.0)
        return share * share * (3 - 2 * share)

    def _opened(self, k: int, picture: Background) -> tuple[Sequence[Plane], int, list[Places]]:
        """Return a key's planes, the first frame that shows it, and the cells' places on it from that frame on."""
        key, half = self._keys[k], TUNING.propagated.crossfade_frames // 2 + 1
        first, last = max(key.start - half, 0), min(key.end + half, len(self._sources.before))
        x, y = np.meshgrid(self._grid.x, self._grid.y)
        places = middle = (np.asarray(x, np.float32), np.asarray(y, np.float32))
        before: list[Places] = []
        for i in range(key.frame - 1, first - 1, -1):
            places = carried_fill(self._grid, places, self._sources.after[i])
            before.append(places)
        places, after = middle, []
        for i in range(key.frame + 1, last):
            places = carried_fill(self._grid, places, self._sources.before[i])
            after.append(places)
        self._open[k] = self._planes_of(picture), first, [*before[::-1], middle, *after]
        return self._open[k]


@dataclass(frozen=True)
class _Side:
    """One plane of one patch, turned so that its join is upright.

    ``view`` are its samples outside the strip, ``outside`` columns of them; ``inside`` is the number of columns from
    the strip on. ``right`` is True where the wing lies at the right (or bottom).
    """

    view: View
    outside: int
    inside: int
    right: bool

    @classmethod
    def of(cls, patch: Patch, window: Window, grid: Grid, step: tuple[int, int], color: ColorSpec) -> _Side:
        """Lay out a patch's samples on one plane."""
        rect = on_plane(patch.rect, step)
        strip = on_plane(patch.strip, step)
        active = on_plane(Rect(window.x, window.y, window.active.width, window.active.height), step)
        plane = plane_grid(step, color)
        right = patch.side in ("right", "bottom")
        x, y = (rect.x - active.x, rect.width), (rect.y - active.y, rect.height)
        edge = strip.x - rect.x, strip.x + strip.width - rect.x
        if not patch.upright:
            x, y, plane = y, x, _swapped(plane)
            edge = strip.y - rect.y, strip.y + strip.height - rect.y
        outside = x[1] - edge[1] if right else edge[0]
        first = x[0] + (edge[1] if right else 0)
        view = View.of(grid, plane, first + np.arange(outside), y[0] + np.arange(y[1]))
        return cls(view, outside, x[1] - outside, right)

    def outside_columns(self, drawn: npt.NDArray[Any], turned: bool) -> npt.NDArray[np.float32]:
        """Return the columns outside the strip of a patch's plane, float32, upright."""
        upright = drawn.T if turned else drawn
        return np.asarray(upright[:, self.inside :] if self.right else upright[:, : self.outside], np.float32)

    def with_outside(self, drawn: npt.NDArray[Any], outside: npt.NDArray[Any], turned: bool) -> npt.NDArray[np.float32]:
        """Return a patch's plane ``drawn``, its columns outside the strip replaced by ``outside`` (upright)."""
        upright = np.array(drawn.T if turned else drawn, np.float32)
        columns = slice(self.inside, None) if self.right else slice(0, self.outside)
        upright[:, columns] = outside
        return np.ascontiguousarray(upright.T if turned else upright)


def _swapped(plane: Affine) -> Affine:
    """Return a plane's grid with its axes exchanged."""
    (sx, _, ox), (_, sy, oy) = plane.tolist()
    return np.array([[sy, 0.0, oy], [0.0, sx, ox]])
