"""The plan of a propagated shot: its motion, the lives of its sources, its segments and their key pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from remaster.arrays import Affine, Float32, Mask
from remaster.imaging.camera import IDENTITY, compose, corner_error, invert
from remaster.imaging.channels import gray_of
from remaster.imaging.geometry import Window
from remaster.propagation.age import AgeMeter
from remaster.propagation.grid import Grid, Upright
from remaster.propagation.key_pictures import KeyFrame, key_pictures, wanted_cells
from remaster.propagation.outward_motion import REST, FlowMeter, Motion
from remaster.propagation.sources import Chosen, chosen, future_sources, past_sources
from remaster.propagation.tuning import TUNING
from remaster.records import Footage, Key, Propagation


@dataclass(frozen=True)
class Measured:
    """A shot's motion from each frame to the one ``before`` and the one ``after``, and the ``lives`` of its sources.

    ``error`` is that of sources within their lives, in levels (root mean square).
    """

    before: list[Motion]
    after: list[Motion]
    lives: Float32
    error: float

    def resting(self, parts: Iterable[Segment]) -> Measured:
        """The same without motion in these ``parts``.

        Under a resting camera, motion at the border is that of things that fall or pass in front of the set (leaves,
        confetti); the set must not be carried along with them.
        """
        before, after = list(self.before), list(self.after)
        for part in parts:
            steps = part.end - part.start - 1
            before[part.start + 1 : part.end] = after[part.start : part.end - 1] = [REST] * steps
        return replace(self, before=before, after=after)

    def propagation(self, keys: tuple[Key, ...]) -> Propagation:
        """As a record, with its ``keys``."""
        both = self.before, self.after
        cameras = np.array([[m.camera for m in motions] for motions in both])
        own = np.array([[m.own for m in motions] for motions in both], np.float32)
        return Propagation(cameras, own, self.lives, keys)


@dataclass(frozen=True)
class Planned:
    """How a shot's wings are drawn; the share of them, 0-1, that frames near in time show, and the ``error`` in
    levels."""

    propagation: Propagation
    seen: float
    error: float


def measure(start: int, end: int, footage: Footage, holds: npt.NDArray[np.bool_], window: Window) -> Measured:
    """Read frames ``[start, end)`` of a scene once, small, in order. ``holds`` bool (end - start,): repeats."""
    upright = Upright.of(window)
    height = min(TUNING.flow.height, upright.height)
    width = max(round(upright.width * height / upright.height), 16)
    size = (height, width) if upright.turned else (width, height)
    flow = FlowMeter(width, height, (upright.width / width, upright.height / height))
    ages = AgeMeter(upright.width, upright.height)
    before, after, last = [], [REST] * (end - start), None
    for i, stored in enumerate(footage.small(start, end, *size)):
        picture = np.asarray(upright.turn(stored), np.uint8)
        gray = gray_of(picture)
        moves = last is not None and not holds[i]
        before.append(flow.measure(gray, last) if moves and last is not None else REST)
        # Measured in both directions: where the set enters, the frame before does not show the border.
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

    ``cameras`` (end - start, 2, 3) take the frames of the active picture to one place, as far as one motion explains
    them; they decide where the camera rests, whatever falls in front of the set. ``gate`` bool (h, w) is the active
    picture's, or None. ``figures(frame)`` are the characters in a scene's frame, bool over the active picture.
    ``budget``: pixels of all generated pictures, at most.
    """
    grid, upright = Grid.of(window, gate), Upright.of(window)
    measured = measure(start, end, footage, holds, window)
    parts = segments(measured.lives)
    resting = {part for part in parts if _rests(cameras[part.start : part.end], part.key - part.start, window)}
    measured = measured.resting(resting)
    judged = [_judged(grid, upright, measured, part) for part in parts]
    generated = _within_budget(grid, [part for part in parts if part in resting], budget)
    keys = [_key_frame(grid, upright, measured, one, start, figures) for one in judged if one.part in generated]
    turned = None if gate is None else np.asarray(upright.turn(gate), bool)
    pictures = iter(key_pictures(grid, upright, keys, turned, footage) if keys else [])
    made = tuple(Key(p.start, p.end, p.key, next(pictures) if p in generated else None) for p in parts)
    real = sum(one.real * (one.part.end - one.part.start) for one in judged) / (end - start)
    return Planned(measured.propagation(made), real, measured.error)


@dataclass(frozen=True)
class Segment:
    """Frames ``[start, end)`` of a shot, drawn over a picture made at frame ``key``: there the set stays the same."""

    start: int
    end: int

    @property
    def key(self) -> int:
        """The middle one, from which the picture is carried in both directions."""
        return (self.start + self.end) // 2


def segments(lives: Float32) -> list[Segment]:
    """The segments of a shot, tiling it, from the lives of sources (2, n, bands, 2) as measured by ``AgeMeter``."""
    tuning = TUNING.segments
    count = lives.shape[1]
    starts = [0]
    for t in range(1, count):
        length = t - starts[-1]
        stale = float((lives[0, t] < length - tuning.delay).mean())
        if length >= TUNING.age.max_life or (length >= tuning.min_frames and stale > tuning.stale):
            starts.append(t)
    if len(starts) > 1 and count - starts[-1] < tuning.min_frames:
        starts.pop()
    return [Segment(a, b) for a, b in zip(starts, [*starts[1:], count], strict=True)]


def _within_budget(grid: Grid, parts: Sequence[Segment], budget: int) -> set[Segment]:
    """The longest of the segments whose pictures have at most ``budget`` pixels together."""
    count = budget // max(grid.height * (grid.span_x[1] - grid.span_x[0]), 1)
    return set(sorted(parts, key=lambda part: part.start - part.end)[:count])


@dataclass(frozen=True)
class _Judged:
    """A segment, the sources of its key frame's cells, and the share 0-1 of its wings that is ``real``."""

    part: Segment
    best: Chosen
    real: float


def _judged(grid: Grid, upright: Upright, measured: Measured, part: Segment) -> _Judged:
    """The sources at a segment's key frame."""
    i = part.key
    (past,), (future,) = past_sources(grid, measured.before, i, i + 1), future_sources(grid, measured.after, i, i + 1)
    best = chosen(grid, past, future, measured.lives[:, i])
    visible = (grid.x >= -upright.wings[0]) & (grid.x <= grid.width - 1 + upright.wings[1])
    return _Judged(part, best, float(best.shown[:, visible].mean()))


def _key_frame(
    grid: Grid, upright: Upright, measured: Measured, judged: _Judged, start: int, figures: Callable[[int], Mask]
) -> KeyFrame:
    """The key frame of a segment that gets a generated picture; ``start`` is the shot's first frame in the scene."""
    part, best = judged.part, judged.best
    i = part.key
    scene_frame = np.where(best.sources.frame >= 0, best.sources.frame + start, -1)
    paths = measured.before[i + 1 : part.end], measured.after[part.start : i][::-1]
    mask = np.array(upright.turn(figures(start + i)), bool)
    depth = round(TUNING.segments.copied * grid.width)
    if np.hstack([mask[:, :depth], mask[:, grid.width - depth :]]).mean() > TUNING.segments.max_figures:
        mask[:] = False
    mask[:, depth : grid.width - depth] = True
    return KeyFrame(start + i, best.at(scene_frame.astype(np.int32)), wanted_cells(grid, upright.wings, paths), mask)


def _rests(cameras: Affine, key: int, window: Window) -> bool:
    """Whether the active picture's corners stay, in all frames, where they are at the ``key`` frame."""
    width, height = window.active.width, window.active.height
    motion = compose(invert(cameras[key]), cameras)
    return float(corner_error(motion, IDENTITY, width, height).max()) <= TUNING.segments.at_rest * min(width, height)
