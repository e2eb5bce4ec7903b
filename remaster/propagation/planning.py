"""Plans a propagated shot: its motion, how long its sources live, and the pictures that are generated for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from remaster.background.features import gray_of
from remaster.footage import Footage
from remaster.geometry import Window
from remaster.media.types import Mask
from remaster.propagation import motion as outward
from remaster.propagation.age import AgeMeter
from remaster.propagation.canvas import KeyFrame, key_pictures, wanted_cells
from remaster.propagation.carry import future_sources, past_sources
from remaster.propagation.grid import Grid, Upright
from remaster.propagation.motion import REST, Float, FlowMeter, Motion
from remaster.propagation.segments import Segment, segments
from remaster.propagation.trust import Chosen, chosen
from remaster.records import Key, Propagation

ENOUGH = 0.6
"""Share of a segment's wings, at its key frame, that must be real for the rest to be generated where the camera moves.

What is generated there is carried along, and the fill has mostly figures to copy from: at 0.2 the wings of three moving
cartoons were 0.5 dB farther from the truth at 1/8 size than with the soft fill (SSIM 0.732, 0.766), and shards showed.
"""
NEAR = 0.2
"""Depth of the strips inside the joins, as a share of the width, that may be copied where the camera moves: it mostly
follows figures, who stand in the middle and whom masks made for a resting set do not know.
"""
AT_REST = 0.02
"""Way that a segment's outer columns go, as a share of the height, up to which its camera rests."""


@dataclass(frozen=True)
class Measured:
    """A shot's motion ``before`` (to the frame before) and ``after`` each frame, the ``lives`` of its sources, and by
    how many levels (root mean square) what is not stale is off.
    """

    before: list[Motion]
    after: list[Motion]
    lives: Float
    error: float


@dataclass(frozen=True)
class Planned:
    """How a shot's wings are drawn; the share of them, 0-1, that frames near in time show, by ``error`` levels off."""

    propagation: Propagation
    seen: float
    error: float


def measure(start: int, end: int, footage: Footage, holds: npt.NDArray[np.bool_], window: Window) -> Measured:
    """Read frames ``[start, end)`` of a scene once, small, in order. ``holds`` bool (end - start,): repeats."""
    upright = Upright.of(window)
    lines = min(outward.LINES, upright.height)
    width = max(round(upright.width * lines / upright.height), 16)
    size = (lines, width) if upright.turned else (width, lines)
    flow = FlowMeter(width, lines, (upright.width / width, upright.height / lines))
    ages = AgeMeter(upright.width, upright.height)
    before, after, last = [], [REST] * (end - start), None
    for i, stored in enumerate(footage.small(start, end, *size)):
        picture = np.asarray(upright.turn(stored), np.uint8)
        gray = gray_of(picture)
        moves = last is not None and not holds[i]
        before.append(flow.measure(gray, last) if moves and last is not None else REST)
        # Both ways: where the set comes in, nothing of the frame before shows what lies at the border.
        if moves and last is not None:
            after[i - 1] = flow.measure(last, gray)
        ages.push(picture, before[-1])
        last = gray
    return Measured(before, after, ages.lives(), ages.error)


def propagate(
    start: int,
    end: int,
    footage: Footage,
    holds: npt.NDArray[np.bool_],
    window: Window,
    gate: Mask | None,
    figures: Callable[[int], Mask],
    budget: int,
) -> Planned:
    """How the wings of frames ``[start, end)`` of a scene are drawn.

    ``gate`` bool (h, w) is the active picture's, or None. ``figures(frame)`` are the characters in a scene's frame,
    bool over the active picture. ``budget``: pixels, at most, of all pictures that are generated.
    """
    seen = measure(start, end, footage, holds, window)
    grid, upright = Grid.of(window, gate), Upright.of(window)
    parts = segments(seen.lives)
    judged = [_judged(grid, upright, seen, part) for part in parts]
    longest = sorted((one for one in judged if one.worth), key=lambda one: one.part.start - one.part.end)
    kept = {one.part for one in longest[: budget // max(grid.height * (grid.span_x[1] - grid.span_x[0]), 1)]}
    keys = [_key_frame(grid, upright, seen, one, start, figures) for one in judged if one.part in kept]
    turned = None if gate is None else np.asarray(upright.turn(gate), bool)
    pictures = iter(key_pictures(grid, upright, keys, turned, footage) if keys else [])
    made = tuple(Key(p.start, p.end, p.key, next(pictures) if p in kept else None) for p in parts)
    real = sum(one.real * (one.part.end - one.part.start) for one in judged) / (end - start)
    cameras = np.array([[m.camera for m in way] for way in (seen.before, seen.after)])
    own = np.array([[m.own for m in way] for way in (seen.before, seen.after)], np.float32)
    return Planned(Propagation(cameras, own, seen.lives, made), real, seen.error)


@dataclass(frozen=True)
class _Judged:
    """A segment, what its key frame's cells take, how much of its wings is ``real`` (0-1), and whether it ``rests``."""

    part: Segment
    best: Chosen
    real: float
    rests: bool

    @property
    def worth(self) -> bool:
        """Whether something is to be generated for it."""
        return self.rests or self.real >= ENOUGH


def _judged(grid: Grid, upright: Upright, seen: Measured, part: Segment) -> _Judged:
    i = part.key
    (past,), (future,) = past_sources(grid, seen.before, i, i + 1), future_sources(grid, seen.after, i, i + 1)
    best = chosen(grid, past, future, seen.lives[:, i])
    visible = (grid.x >= -upright.wings[0]) & (grid.x <= grid.width - 1 + upright.wings[1])
    rests = _rests(grid, seen.before[part.start + 1 : part.end])
    return _Judged(part, best, float(best.shown[:, visible].mean()), rests)


def _key_frame(
    grid: Grid, upright: Upright, seen: Measured, judged: _Judged, start: int, figures: Callable[[int], Mask]
) -> KeyFrame:
    """The key frame of a segment for which something is generated; ``start`` is the shot's first frame in the scene."""
    part, best = judged.part, judged.best
    i = part.key
    scene_frame = np.where(best.sources.frame >= 0, best.sources.frame + start, -1)
    ways = seen.before[i + 1 : part.end], seen.after[part.start : i][::-1]
    mask = np.array(upright.turn(figures(start + i)), bool)
    if not judged.rests:
        depth = round(NEAR * grid.width)
        mask[:, depth : grid.width - depth] = True
    return KeyFrame(start + i, best.at(scene_frame.astype(np.int32)), wanted_cells(grid, upright.wings, ways), mask)


def _rests(grid: Grid, motions: Sequence[Motion]) -> bool:
    """Whether the picture's outermost columns stay where they are, all in all."""
    x = np.array([0.0, grid.width - 1.0, 0.0, grid.width - 1.0])
    y = np.array([0.0, 0.0, grid.height - 1.0, grid.height - 1.0])
    points = np.stack([x, y], axis=-1)
    way = points.copy()
    farthest = 0.0
    for motion in motions:
        way = way + (points @ motion.camera[:, :2].T + motion.camera[:, 2] - points)
        farthest = max(farthest, float(np.abs(way - points).max()))
    return farthest <= AT_REST * grid.height
