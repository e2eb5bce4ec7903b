"""Plans a propagated shot: its motion, how long its sources live, and the pictures that are generated for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from remaster.arrays import Affine, Float32, Mask
from remaster.imaging.camera import IDENTITY, compose, corner_error, invert
from remaster.imaging.channels import gray_of
from remaster.imaging.footage import Footage
from remaster.imaging.geometry import Window
from remaster.propagation import outward_motion as outward
from remaster.propagation.age import AgeMeter
from remaster.propagation.grid import Grid, Upright
from remaster.propagation.key_pictures import KeyFrame, key_pictures, wanted_cells
from remaster.propagation.outward_motion import REST, FlowMeter, Motion
from remaster.propagation.segments import Segment, segments
from remaster.propagation.tracing import future_sources, past_sources
from remaster.propagation.trust import Chosen, chosen
from remaster.records import Key, Propagation

NEAR = 0.08
"""Depth of the strips inside the joins, as a share of the width, that may be copied: in a morph masks know no figures,
who mostly stand in the middle. At 0.2 hands and caps came along, and two morphs were 0.8 and 1.2 dB farther from the
truth at 1/8 size.
"""
MOSTLY = 0.5
"""Share of those strips from which masks no longer name figures: the set itself moves or changes.
"""
AT_REST = 0.02
"""Way that a segment's corners go from its key frame, as a share of the picture's smaller side, up to which its
camera rests."""


@dataclass(frozen=True)
class Measured:
    """A shot's motion ``before`` (to the frame before) and ``after`` each frame, the ``lives`` of its sources, and by
    how many levels (root mean square) what is not stale is off.
    """

    before: list[Motion]
    after: list[Motion]
    lives: Float32
    error: float

    def resting(self, parts: Iterable[Segment]) -> Measured:
        """The same without motion in these ``parts``: where the camera rests, what moves along the border are things
        that fall or pass before the set (leaves, confetti), which must not be carried along as the set's.
        """
        before, after = list(self.before), list(self.after)
        for part in parts:
            steps = part.end - part.start - 1
            before[part.start + 1 : part.end] = after[part.start : part.end - 1] = [REST] * steps
        return replace(self, before=before, after=after)

    def propagation(self, keys: tuple[Key, ...]) -> Propagation:
        """As a record, with the ``keys`` that are to be generated."""
        ways = self.before, self.after
        cameras = np.array([[m.camera for m in way] for way in ways])
        return Propagation(cameras, np.array([[m.own for m in way] for way in ways], np.float32), self.lives, keys)


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
    cameras: Affine,
    window: Window,
    gate: Mask | None,
    figures: Callable[[int], Mask],
    budget: int,
) -> Planned:
    """How the wings of frames ``[start, end)`` of a scene are drawn.

    ``cameras`` (end - start, 2, 3) lead the frames of the active picture to one place, as far as one motion explains
    them: they tell rest, which what falls before a resting set does not disturb. ``gate`` bool (h, w) is the active
    picture's, or None. ``figures(frame)`` are the characters in a scene's frame, bool over the active picture.
    ``budget``: pixels, at most, of all pictures that are generated.
    """
    seen = measure(start, end, footage, holds, window)
    grid, upright = Grid.of(window, gate), Upright.of(window)
    parts = segments(seen.lives)
    resting = [_rests(cameras[part.start : part.end], part.key - part.start, window) for part in parts]
    seen = seen.resting(part for part, rests in zip(parts, resting, strict=True) if rests)
    judged = [_judged(grid, upright, seen, part, rests) for part, rests in zip(parts, resting, strict=True)]
    longest = sorted((one for one in judged if one.rests), key=lambda one: one.part.start - one.part.end)
    kept = {one.part for one in longest[: budget // max(grid.height * (grid.span_x[1] - grid.span_x[0]), 1)]}
    keys = [_key_frame(grid, upright, seen, one, start, figures) for one in judged if one.part in kept]
    turned = None if gate is None else np.asarray(upright.turn(gate), bool)
    pictures = iter(key_pictures(grid, upright, keys, turned, footage) if keys else [])
    made = tuple(Key(p.start, p.end, p.key, next(pictures) if p in kept else None) for p in parts)
    real = sum(one.real * (one.part.end - one.part.start) for one in judged) / (end - start)
    return Planned(seen.propagation(made), real, seen.error)


@dataclass(frozen=True)
class _Judged:
    """A segment, what its key frame's cells take, how much of its wings is ``real`` (0-1), and whether it ``rests``."""

    part: Segment
    best: Chosen
    real: float
    rests: bool


def _judged(grid: Grid, upright: Upright, seen: Measured, part: Segment, rests: bool) -> _Judged:
    i = part.key
    (past,), (future,) = past_sources(grid, seen.before, i, i + 1), future_sources(grid, seen.after, i, i + 1)
    best = chosen(grid, past, future, seen.lives[:, i])
    visible = (grid.x >= -upright.wings[0]) & (grid.x <= grid.width - 1 + upright.wings[1])
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
    depth = round(NEAR * grid.width)
    if np.hstack([mask[:, :depth], mask[:, grid.width - depth :]]).mean() > MOSTLY:
        mask[:] = False
    mask[:, depth : grid.width - depth] = True
    return KeyFrame(start + i, best.at(scene_frame.astype(np.int32)), wanted_cells(grid, upright.wings, ways), mask)


def _rests(cameras: Affine, key: int, window: Window) -> bool:
    """Whether the active picture's corners stay, in all frames, where they are at the ``key`` frame."""
    width, height = window.active.width, window.active.height
    way = compose(invert(cameras[key]), cameras)
    return float(corner_error(way, IDENTITY, width, height).max()) <= AT_REST * min(width, height)
