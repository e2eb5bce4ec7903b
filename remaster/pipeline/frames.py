"""Reads a scene's decoded frames for the stages: in order, at full size, small, in parts, or by number.

A frame cannot be decoded without those between its keyframe and it, so each reading costs nearly two decodings per
frame. With the embedded engines, the steps run one after the other in one worker, and three of them read every frame:
so a short scene's frames are cached in the process.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from remaster.arrays import FineRgb, Rgb
from remaster.media.planes import crop, resize_rgb, to_fine_rgb, to_rgb
from remaster.media.source import source_frames
from remaster.media.types import Frame, Rect
from remaster.records import Footage
from remaster.rows import Run, Scene

CACHE_BYTES = 384 * 2**20
"""Bytes of the cached frames: 34 s of 640x480, 7 s of 1440x1080. Each step decodes a longer scene again."""


class _FrameCache:
    """Caches the frames of the scene that was read last, all of them or none."""

    def __init__(self) -> None:
        self.scene: Scene | None = None
        self.frames: list[Frame] = []

    def of(self, scene: Scene) -> list[Frame]:
        """The frames of this scene; empty where they are not cached."""
        return self.frames if self.scene is not None and _same_scene(self.scene, scene) else []

    def put(self, scene: Scene, frames: list[Frame]) -> None:
        self.scene, self.frames = scene, frames

    def clear(self) -> None:
        self.scene, self.frames = None, []


_cached = _FrameCache()


def scene_frames(scene: Scene) -> Iterator[Frame]:
    """Read the scene's frames, whole pictures; raises ``MediaError``, or ``ValueError`` where some are missing.

    A scene that is read to its end stays cached until another is read or ``forget_frames`` is called.
    """
    cached = _cached.of(scene)
    if cached:
        yield from cached
        return
    _cached.clear()
    frames: list[Frame] | None = []
    size = 0
    for frame in _decoded(scene):
        size += sum(plane.nbytes for plane in frame.planes)
        frames = frames if size <= CACHE_BYTES else None
        if frames is not None:
            frames.append(frame)
        yield frame
    if frames:
        _cached.put(scene, frames)


def forget_frames() -> None:
    """Empty the cache."""
    _cached.clear()


def active_planes(frame: Frame, scene: Scene) -> tuple[Any, ...]:
    """The planes of the frame's active picture, as views."""
    return tuple(crop(frame.planes, scene.info.format, scene.active))


def _decoded(scene: Scene) -> Iterator[Frame]:
    for run in scene.runs:
        count = 0
        for frame in source_frames(scene.info, run.entry, run.pts[:-1]):
            count += 1
            yield frame
        if count != run.frames:
            raise ValueError(f"{count} of {run.frames} frames could be decoded from frame {run.start_frame} on")


def _same_scene(a: Scene, b: Scene) -> bool:
    """Whether two scenes have the same frames of the same version of a file."""
    return (
        a.info == b.info
        and len(a.runs) == len(b.runs)
        and all(
            one.start_frame == other.start_frame and one.entry == other.entry and np.array_equal(one.pts, other.pts)
            for one, other in zip(a.runs, b.runs, strict=True)
        )
    )


def footage_of(scene: Scene) -> Footage:
    """The functions by which steps read the scene's frames again."""
    return Footage(partial(_small, scene), partial(_strips, scene))


def read_rgb(scene: Scene, frames: Sequence[int]) -> Iterator[Rgb | FineRgb]:
    """Full-size RGB of the active picture of some frames, in the given order, by one pass over the scene.

    Sources of more than 8 bits give ``FineRgb``.
    """
    info = scene.info
    convert = to_rgb if info.format.depth == 8 else to_fine_rgb
    waiting: dict[int, Rgb | FineRgb] = {}
    order, position = list(frames), 0
    last = {frame: place for place, frame in enumerate(order)}
    for index, frame in enumerate(scene_frames(scene)):
        if index in last:
            waiting[index] = convert(active_planes(frame, scene), info.format, info.color, info.height)
        while position < len(order) and order[position] in waiting:
            yield waiting[order[position]]
            if last[order[position]] == position:
                del waiting[order[position]]
            position += 1
        if position == len(order):
            return


def _small(scene: Scene, start: int, end: int, width: int, height: int) -> Iterator[Rgb]:
    """Frames ``[start, end)`` of the scene as small RGB pictures."""
    info = scene.info
    for frame in itertools.islice(scene_frames(scene), start, end):
        yield resize_rgb(active_planes(frame, scene), info.format, info.color, width, height, info.height)


def _strips(scene: Scene, wanted: Mapping[int, Sequence[Rect]]) -> Iterator[list[Rgb]]:
    """Parts of some frames' active picture in full-size RGB, in the order of time."""
    info = scene.info
    for index, frame in enumerate(itertools.islice(scene_frames(scene), max(wanted) + 1)):
        if index in wanted:
            parts = (crop(active_planes(frame, scene), info.format, rect) for rect in wanted[index])
            yield [to_rgb(part, info.format, info.color, info.height) for part in parts]


class VideoFrames:
    """A whole video's frames by number, as its ``scenes`` have them: treated, and each with the scene that it is of."""

    def __init__(self, scenes: Sequence[Scene]):
        runs = [(run, scene) for scene in scenes for run in scene.runs]
        self._runs = sorted(runs, key=lambda item: item[0].start_frame)

    @property
    def count(self) -> int:
        """One more than the number of the last frame."""
        return self._runs[-1][0].end_frame if self._runs else 0

    def read(self, first: int, count: int) -> Iterator[tuple[Frame, Scene]]:
        """Frames ``[first, first + count)``, in order; raises ``ValueError`` where some are missing."""
        end, done = first + count, first
        for run, scene in self._runs:
            start, stop = max(run.start_frame, first), min(run.end_frame, end)
            if start < stop:
                for frame in _part_of(scene, run, start - run.start_frame, stop - run.start_frame):
                    yield frame, scene
                    done += 1
        if done != end:
            raise ValueError(f"{done - first} of {count} frames could be decoded from frame {first} on")


def _part_of(scene: Scene, run: Run, start: int, stop: int) -> Iterator[Frame]:
    """Frames ``[start, stop)`` of a run; filters need those before them, too."""
    if scene.info.treatment is None:
        return source_frames(scene.info, None, run.pts[start:stop])
    return itertools.islice(source_frames(scene.info, run.entry, run.pts[:stop]), start, None)


class Lookahead:
    """Random access to a window of a stream of frames, numbered from 0 on.

    Frames are read when they are first needed; ``release`` frees those before a number.
    """

    def __init__(self, frames: Iterator[Frame]):
        self._frames = frames
        self._read = 0
        self._held: dict[int, Frame] = {}

    def __getitem__(self, index: int) -> Frame:
        """Frame ``index``; raises ``IndexError`` where it was freed, or where the stream ended before it."""
        while self._read <= index:
            frame = next(self._frames, None)
            if frame is None:
                raise IndexError(f"frame {index} of a stream of {self._read}")
            self._held[self._read] = frame
            self._read += 1
        if index not in self._held:
            raise IndexError(f"frame {index} was let go")
        return self._held[index]

    def release(self, before: int) -> None:
        """Free the frames before number ``before``."""
        for index in [i for i in self._held if i < before]:
            del self._held[index]

    def finish(self) -> None:
        """Read the stream to its end, where it is checked, without storing more frames."""
        self._held.clear()
        for _ in self._frames:
            pass
