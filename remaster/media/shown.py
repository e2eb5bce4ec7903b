"""The proof of a result's picture: its frames and their times against what the source shows."""

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

SEAM = 0.5
"""Seconds by which a picture may last longer where the clock jumps, besides what sound needs."""
MS = 0.001
"""The tick of Matroska's clock."""
_BEHIND = 0.1  # seconds by which a picture that begins a group may not lie behind all before it
_FAR = 1.0  # ... and any picture
_LEAP = 10.0  # seconds of a gap, in formats whose clocks may jump, that is no pause
_CYCLE, _KEPT = 5, 4  # frames under 3:2 pulldown, and frames of film in them


@dataclass(frozen=True)
class Offsets:
    """By how many seconds (``by``) the pictures at ``places`` of the source's file were moved, (n,) each."""

    places: Int64
    by: Float64

    def near(self, places: Int64) -> tuple[Float64, Float64]:
        """Those of the pictures before and behind each place."""
        after = np.searchsorted(self.places, places, side="right")
        last = len(self.places) - 1
        return self.by[np.clip(after - 1, 0, last)], self.by[np.clip(after, 0, last)]


@dataclass(frozen=True)
class _Shown:
    """The source's pictures in the order in which they are shown: ``places`` in its file, ``times``, (n,) each."""

    places: Int64
    times: Float64

    def __getitem__(self, which: Any) -> _Shown:
        return _Shown(self.places[which], self.times[which])


def compare_picture(info: VideoInfo, before: File, after: File, partial: bool) -> Offsets:
    """The result's frames against what the source shows; returns by how much they were moved."""
    times = np.sort(after.film.packets.times)
    same = np.flatnonzero(np.diff(times) <= 0)
    if len(same):
        raise MediaError(f"{after.path} shows frames {same[0]} and {same[0] + 1} at the same time")
    pulldown = info.treatment is not None and info.treatment.deinterlace == "ivtc"
    count = len(times) if partial and not pulldown else None
    shown = _presented(before)[:count]
    wrong = _misfit(shown, times, before, pulldown, partial)
    if wrong:  # Packets may show less or more than one frame, in an order of their own: a decoder tells.
        shown = _decoded(before, count)
        wrong = _misfit(shown, times, before, pulldown, partial)
    if wrong:
        raise MediaError(f"{after.path} {wrong}")
    shown, times = _matched(shown, times, pulldown)
    known = ~np.isnan(shown.times)
    if not known.any():
        return Offsets(np.zeros(1, np.int64), np.zeros(1))
    order = np.argsort(shown.places[known], kind="stable")
    return Offsets(shown.places[known][order], (times - shown.times)[known][order])


def _presented(file: File) -> _Shown:
    """A file's pictures by their packets."""
    packets = file.film.packets
    stretch, top, number = np.zeros(len(packets), np.int64), np.nan, 0
    for index, (time, key) in enumerate(zip(packets.times.tolist(), packets.keys.tolist(), strict=True)):
        if top - time > (_BEHIND if key else _FAR) or (file.jumpy and time - top > _LEAP):
            number, top = number + 1, np.nan
        stretch[index] = number
        top = np.fmax(top, time)
    times = packets.times
    order = np.arange(len(times)) if np.isnan(times).any() else np.lexsort((times, stretch))
    return _Shown(packets.places[order], times[order])


def _decoded(file: File, count: int | None) -> _Shown:
    """A file's first ``count`` pictures as a plain decoder gives them."""
    packets = file.film.packets
    places = defaultdict(list)
    for time, place in zip(packets.times[::-1].tolist(), packets.places[::-1].tolist(), strict=True):
        places[time].append(place)
    found: list[tuple[int, float]] = []
    place = 0
    with open_input(file.path) as container:
        for frame in frames_of(container, video_stream(container, file.path)):
            time = np.nan if frame.pts is None else frame.pts * file.film.tick
            place = places[time].pop() if places[time] else place
            found.append((place, time))
            if len(found) == count:
                break
    return _Shown(np.array([p for p, _ in found], np.int64), np.array([t for _, t in found], np.float64))


def _matched(shown: _Shown, times: Float64, pulldown: bool) -> tuple[_Shown, Float64]:
    """The source's pictures and the result's times of those that can be compared, as many of both.

    Of 3:2 pulldown undone these are the first of each cycle. A time that is its neighbour's, too, is none (NaN).
    """
    if pulldown:
        shown, times = shown[::_CYCLE], times[::_KEPT]
    count = min(len(shown.times), len(times))
    told = shown.times[:count].copy()
    repeated = np.diff(told) == 0
    told[1:][repeated] = np.nan
    told[:-1][repeated] = np.nan
    return _Shown(shown.places[:count], told), times[:count]


def _misfit(shown: _Shown, times: Float64, source: File, pulldown: bool, partial: bool) -> str:
    """What is wrong with the frames at ``times``, in a few words; empty where nothing is."""
    wanted = len(shown.times) * _KEPT / _CYCLE if pulldown else len(shown.times)
    if abs(wanted - len(times)) > (_KEPT if pulldown else 0) and not (pulldown and partial):
        return f"shows {len(times)} frames, and its source {round(wanted)}"
    shown, times = _matched(shown, times, pulldown)
    known = np.flatnonzero(~np.isnan(shown.times))
    if not len(known):
        return ""
    tick = source.film.tick + MS
    begin, first = _earliest(source), known[0]
    expected = shown.times[first] - (begin if source.jumpy and begin < 0 else 0.0)
    if first == 0 and abs(times[first] - expected) > tick:
        return f"begins at {times[first]:.3f} s, and its source at {expected:.3f} s"
    steps, found = np.diff(shown.times[known]), np.diff(times[known])
    jumps = (steps <= 0) | (source.jumpy & (steps > _LEAP))
    for number in np.flatnonzero(jumps | (np.abs(found - steps) > 2 * tick)):
        step = steps[number]
        if jumps[number]:
            step = _seam(source, shown, known[number], known[number + 1])
        if not jumps[number] or found[number] > step:
            return (
                f"shows frame {known[number + 1]} {found[number]:.3f} s after frame {known[number]}, and its source "
                f"{'at most ' if jumps[number] else ''}{step:.3f} s"
            )
    return ""


def _earliest(source: File) -> float:
    """The first time of picture and sound."""
    tracks = [source.film, *(track for track in source.tracks if track.kind in ("audio", "video"))]
    return min(float(np.nanmin(t.packets.times)) for t in tracks if not np.isnan(t.packets.times).all())


def _seam(source: File, shown: _Shown, last: int, first: int) -> float:
    """How much later than the picture ``last`` the picture ``first`` may be shown where the clock jumps between them.

    Sound before the jump may last longer than the picture, or begin earlier behind it. Pictures that lie between them
    were lost.
    """
    film = source.film.packets
    lasts = float(film.lasts[film.places == shown.places[last]][0])
    lost = film[(film.places > shown.places[last]) & (film.places < shown.places[first])]
    most = 0.0
    for track in source.tracks:
        packets = track.packets[~np.isnan(track.packets.times)]
        before = packets[packets.places <= shown.places[last]]
        behind = packets[packets.places >= shown.places[first]]
        if track.kind == "audio" and len(before) and len(behind):
            outlasts = before.ends[-1] - (shown.times[last] + lasts)
            most = max(most, float(outlasts + shown.times[first] - behind.times[0]))
    return lasts + float(lost.lasts.sum()) + most + SEAM
