"""A scene's decoded frames: read once, and kept for the steps that follow in the same process, where they are few.

The steps of the embedded engines run one after the other in one worker, and three of them look at every frame. A frame
cannot be decoded without those between its keyframe and it, so that each reading costs nearly two decodings a frame.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from remaster.media.planes import crop
from remaster.media.source import source_frames
from remaster.media.types import Frame
from remaster.rows import SceneRow

KEPT_BYTES = 384 * 2**20
"""Of one scene's frames; a longer one is decoded again by each step. 34 seconds of 640x480, 7 of 1440x1080."""


class _Kept:
    """The frames of the scene that was read last, all of them or none."""

    def __init__(self) -> None:
        self.row: SceneRow | None = None
        self.frames: list[Frame] = []

    def of(self, row: SceneRow) -> list[Frame]:
        """Those of ``row``'s scene; none where they are not kept."""
        return self.frames if self.row is not None and _same_scene(self.row, row) else []

    def put(self, row: SceneRow, frames: list[Frame]) -> None:
        self.row, self.frames = row, frames

    def clear(self) -> None:
        self.row, self.frames = None, []


_kept = _Kept()


def scene_frames(row: SceneRow) -> Iterator[Frame]:
    """The scene's frames, whole pictures; raises ``MediaError``, or ``ValueError`` where some are missing.

    What is read to its end stays in memory until another scene is read or ``forget_frames`` is called.
    """
    there = _kept.of(row)
    if there:
        yield from there
        return
    _kept.clear()
    frames: list[Frame] | None = []
    size = 0
    for frame in _decoded(row):
        size += sum(plane.nbytes for plane in frame.planes)
        frames = frames if size <= KEPT_BYTES else None
        if frames is not None:
            frames.append(frame)
        yield frame
    if frames:
        _kept.put(row, frames)


def forget_frames() -> None:
    """Let go of the frames that are kept."""
    _kept.clear()


def active_planes(frame: Frame, row: SceneRow) -> tuple[Any, ...]:
    """The planes of the frame's active picture, as views."""
    if row.info is None or row.active is None:
        raise ValueError(f"{row.video} has not been detected")
    return tuple(crop(frame.planes, row.info.format, row.active))


def _decoded(row: SceneRow) -> Iterator[Frame]:
    if row.info is None:
        raise ValueError(f"{row.video} has not been probed")
    for run in row.runs:
        count = 0
        for frame in source_frames(row.info, run.entry, run.pts[:-1]):
            count += 1
            yield frame
        if count != run.frames:
            raise ValueError(f"{count} of {run.frames} frames could be decoded from frame {run.start_frame} on")


def _same_scene(a: SceneRow, b: SceneRow) -> bool:
    """Whether two rows mean the same frames of the same version of a file."""
    return (
        a.info == b.info
        and len(a.runs) == len(b.runs)
        and all(
            one.start_frame == other.start_frame and one.entry == other.entry and np.array_equal(one.pts, other.pts)
            for one, other in zip(a.runs, b.runs, strict=True)
        )
    )
