"""A scene's frames as the steps read them again: some at full size, some small, some in parts."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence

from remaster.arrays import FineRgb, Rgb
from remaster.imaging.footage import Footage
from remaster.imaging.geometry import Window
from remaster.media.planes import crop, resize_rgb, to_fine_rgb, to_rgb
from remaster.media.types import Rect
from remaster.pipeline.frames import active_planes, scene_frames
from remaster.records import Shot
from remaster.resample.continuation import continued
from remaster.resample.layers import Continuation
from remaster.rows import SceneRow


def footage_of(row: SceneRow) -> Footage:
    """How the scene's frames are read again."""
    return Footage(
        lambda start, end, width, height: _small(row, start, end, width, height), lambda wanted: _strips(row, wanted)
    )


def continuation_of(row: SceneRow, shot: Shot, window: Window) -> Continuation | None:
    """How the shot's characters go on beyond the joins; None where none does, or the masks know of none that is cut."""
    if row.info is None or row.analysis is None or not row.cut_foreground:
        return None
    holds = row.analysis.holds[shot.start : shot.end]
    return continued(shot, window, holds, row.gate, row.noise, row.info.format, footage_of(row))


def read_rgb(row: SceneRow, frames: Sequence[int]) -> Iterator[Rgb | FineRgb]:
    """Full-size RGB of the active picture of some frames, in the order asked for, by one pass over the scene.

    Where the source has more than 8 bits, so have they.
    """
    if row.info is None:
        raise ValueError(f"{row.video} has not been probed")
    convert = to_rgb if row.info.format.depth == 8 else to_fine_rgb
    waiting: dict[int, Rgb | FineRgb] = {}
    order, position = list(frames), 0
    last = {frame: place for place, frame in enumerate(order)}
    for index, frame in enumerate(scene_frames(row)):
        if index in last:
            waiting[index] = convert(active_planes(frame, row), row.info.format, row.info.color, row.info.height)
        while position < len(order) and order[position] in waiting:
            yield waiting[order[position]]
            if last[order[position]] == position:
                del waiting[order[position]]
            position += 1
        if position == len(order):
            return


def _small(row: SceneRow, start: int, end: int, width: int, height: int) -> Iterator[Rgb]:
    """Frames ``[start, end)`` of the scene, small, in RGB."""
    if row.info is None:
        raise ValueError(f"{row.video} has not been probed")
    for frame in itertools.islice(scene_frames(row), start, end):
        yield resize_rgb(active_planes(frame, row), row.info.format, row.info.color, width, height, row.info.height)


def _strips(row: SceneRow, wanted: Mapping[int, Sequence[Rect]]) -> Iterator[list[Rgb]]:
    """Parts of some frames' active picture at full size in RGB, in the order of time."""
    info = row.info
    if info is None:
        raise ValueError(f"{row.video} has not been probed")
    for index, frame in enumerate(itertools.islice(scene_frames(row), max(wanted) + 1)):
        if index in wanted:
            parts = (crop(active_planes(frame, row), info.format, rect) for rect in wanted[index])
            yield [to_rgb(part, info.format, info.color, info.height) for part in parts]
