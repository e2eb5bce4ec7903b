"""Checks a result's frames and their times against those that the source presents.

The source's times are taken from its packets, and from a decoder where packets and frames do not correspond.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import numpy as np

from remaster.arrays import Float64, Int64
from remaster.errors import MediaError
from remaster.media.containers import open_input, video_stream
from remaster.media.plain import File, frames_of
from remaster.media.types import VideoInfo

MAX_EXTRA_PAUSE = 0.5
"""Seconds by which a picture may last longer where the clock jumps, besides what sound needs."""
MATROSKA_TICK = 0.001
"""Seconds: the unit of Matroska's clock."""
_KEYFRAME_REORDER = 0.1
"""Seconds: a keyframe whose time lies farther behind the latest time before it begins a new clock."""
_MAX_REORDER = 1.0
"""The same for all other pictures, which B-frames reorder."""
_MIN_JUMP = 10.0
"""Seconds: a longer gap is a jump, not a pause, in formats whose clocks may jump (FFmpeg's own limit)."""
_CYCLE, _FILM_FRAMES = 5, 4  # frames under 3:2 pulldown, and the film frames in them


@dataclass(frozen=True)
class Offsets:
    """By how many seconds (``by``) the pictures at ``positions`` of the source's file were moved, (n,) each."""

    positions: Int64
    by: Float64

    def near(self, positions: Int64) -> tuple[Float64, Float64]:
        """The offsets of the pictures before and after each file position, (m,) each."""
        after = np.searchsorted(self.positions, positions, side="right")
        last = len(self.positions) - 1
        return self.by[np.clip(after - 1, 0, last)], self.by[np.clip(after, 0, last)]


@dataclass(frozen=True)
class _Presented:
    """The source's pictures in presentation order: file ``positions`` and ``times`` in seconds, (n,) each."""

    positions: Int64
    times: Float64

    def __getitem__(self, which: Any) -> _Presented:
        return _Presented(self.positions[which], self.times[which])


def compare_picture(info: VideoInfo, before: File, after: File, partial: bool) -> Offsets:
    """Compare the result's frames with those that the source presents; return by how much they were shifted.

    ``partial``: the result ends before the source. Raises ``MediaError`` where frames or times differ.
    """
    times = np.sort(after.main.packets.times)
    same = np.flatnonzero(np.diff(times) <= 0)
    if len(same):
        raise MediaError(f"{after.path} shows frames {same[0]} and {same[0] + 1} at the same time")
    pulldown = info.treatment is not None and info.treatment.deinterlace == "ivtc"
    count = len(times) if partial and not pulldown else None
    pictures = _by_packets(before)[:count]
    wrong = _mismatch(pictures, times, before, pulldown, partial)
    if wrong:  # Packets and frames do not always correspond: decode.
        pictures = _by_decoder(before, count)
        wrong = _mismatch(pictures, times, before, pulldown, partial)
    if wrong:
        raise MediaError(f"{after.path} {wrong}")
    pictures, times = _comparable(pictures, times, pulldown)
    known = ~np.isnan(pictures.times)
    if not known.any():
        return Offsets(np.zeros(1, np.int64), np.zeros(1))
    order = np.argsort(pictures.positions[known], kind="stable")
    return Offsets(pictures.positions[known][order], (times - pictures.times)[known][order])


def _by_packets(file: File) -> _Presented:
    """A file's pictures according to its packets."""
    packets = file.main.packets
    stretch, top, number = np.zeros(len(packets), np.int64), np.nan, 0
    for index, (time, key) in enumerate(zip(packets.times.tolist(), packets.keys.tolist(), strict=True)):
        if top - time > (_KEYFRAME_REORDER if key else _MAX_REORDER) or (file.jumpy and time - top > _MIN_JUMP):
            number, top = number + 1, np.nan
        stretch[index] = number
        top = np.fmax(top, time)
    times = packets.times
    order = np.arange(len(times)) if np.isnan(times).any() else np.lexsort((times, stretch))
    return _Presented(packets.positions[order], times[order])


def _by_decoder(file: File, count: int | None) -> _Presented:
    """A file's first ``count`` pictures according to a decoder."""
    packets = file.main.packets
    positions = defaultdict(list)
    for time, position in zip(packets.times[::-1].tolist(), packets.positions[::-1].tolist(), strict=True):
        positions[time].append(position)
    found: list[tuple[int, float]] = []
    position = 0
    with open_input(file.path) as container:
        for frame in frames_of(container, video_stream(container, file.path)):
            time = np.nan if frame.pts is None else frame.pts * file.main.tick
            position = positions[time].pop() if positions[time] else position
            found.append((position, time))
            if len(found) == count:
                break
    return _Presented(np.array([p for p, _ in found], np.int64), np.array([t for _, t in found], np.float64))


def _comparable(pictures: _Presented, times: Float64, pulldown: bool) -> tuple[_Presented, Float64]:
    """The source's pictures that can be compared, and the result's times of them, of equal length.

    Where 3:2 pulldown was undone, these are the first of each cycle. A time that two neighbours share counts as
    unknown (NaN).
    """
    if pulldown:
        pictures, times = pictures[::_CYCLE], times[::_FILM_FRAMES]
    count = min(len(pictures.times), len(times))
    known_times = pictures.times[:count].copy()
    repeated = np.diff(known_times) == 0
    known_times[1:][repeated] = np.nan
    known_times[:-1][repeated] = np.nan
    return _Presented(pictures.positions[:count], known_times), times[:count]


def _mismatch(pictures: _Presented, times: Float64, source: File, pulldown: bool, partial: bool) -> str:
    """What is wrong with the result's frames at ``times``, in a few words; empty where nothing is."""
    wanted = len(pictures.times) * _FILM_FRAMES / _CYCLE if pulldown else len(pictures.times)
    if abs(wanted - len(times)) > (_FILM_FRAMES if pulldown else 0) and not (pulldown and partial):
        return f"shows {len(times)} frames, and its source {round(wanted)}"
    pictures, times = _comparable(pictures, times, pulldown)
    known = np.flatnonzero(~np.isnan(pictures.times))
    if not len(known):
        return ""
    tick = source.main.tick + MATROSKA_TICK
    begin, first = _earliest(source), known[0]
    expected = pictures.times[first] - (begin if source.jumpy and begin < 0 else 0.0)
    if first == 0 and abs(times[first] - expected) > tick:
        return f"begins at {times[first]:.3f} s, and its source at {expected:.3f} s"
    steps, found = np.diff(pictures.times[known]), np.diff(times[known])
    jumps = (steps <= 0) | (source.jumpy & (steps > _MIN_JUMP))
    for number in np.flatnonzero(jumps | (np.abs(found - steps) > 2 * tick)):
        step = steps[number]
        if jumps[number]:
            step = _longest_step(source, pictures, known[number], known[number + 1])
        if not jumps[number] or found[number] > step:
            return (
                f"shows frame {known[number + 1]} {found[number]:.3f} s after frame {known[number]}, and its source "
                f"{'at most ' if jumps[number] else ''}{step:.3f} s"
            )
    return ""


def _earliest(source: File) -> float:
    """The first time of picture and sound in seconds."""
    tracks = [source.main, *(track for track in source.tracks if track.kind in ("audio", "video"))]
    return min(float(np.nanmin(t.packets.times)) for t in tracks if not np.isnan(t.packets.times).all())


def _longest_step(source: File, pictures: _Presented, last: int, first: int) -> float:
    """How many seconds after the picture ``last`` the picture ``first`` may follow, where the clock jumps between them.

    Sound may last longer than the picture before the jump, or begin earlier after it. Pictures between them were lost.
    """
    main = source.main.packets
    duration = float(main.durations[main.positions == pictures.positions[last]][0])
    lost = main[(main.positions > pictures.positions[last]) & (main.positions < pictures.positions[first])]
    most = 0.0
    for track in source.tracks:
        packets = track.packets[~np.isnan(track.packets.times)]
        before = packets[packets.positions <= pictures.positions[last]]
        behind = packets[packets.positions >= pictures.positions[first]]
        if track.kind == "audio" and len(before) and len(behind):
            outlasts = before.ends[-1] - (pictures.times[last] + duration)
            most = max(most, float(outlasts + pictures.times[first] - behind.times[0]))
    return duration + float(lost.durations.sum()) + most + MAX_EXTRA_PAUSE
