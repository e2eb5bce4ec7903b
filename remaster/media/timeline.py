"""Reads the times of a video's packets without decoding: seeking and numbering of frames rely on them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise
from typing import Any
from zlib import crc32

import av
import numpy as np
from av.packet import Packet

from remaster.arrays import Int64
from remaster.media.containers import demux_only, open_input, video_stream
from remaster.media.discontinuities import Packets, TimeShifts, find_time_shifts, has_tables, may_jump
from remaster.media.types import VideoInfo

GAP_RATIO = 1.75
"""Distance between two pictures, in median distances, above which a picture may be missing between them."""
_EARLIEST = -(1 << 63)
_LATEST = (1 << 63) - 1


@dataclass(frozen=True)
class Keyframe:
    """A packet that decoding can begin with: its times, its number in decoding order, its ``position`` in bytes.

    ``pts`` is shifted by ``Timeline.shifts``; ``dts`` is the file's own, for seeking. ``after_gap``: a picture's time
    is missing since the keyframe before. A decoder may output what it has of a lost picture later, so the keyframe
    before is the better start.
    """

    pts: int
    dts: int
    number: int
    position: int | None = None
    after_gap: bool = False


@dataclass(frozen=True)
class Timeline:
    """The packets in decoding order: ``stamps`` (pts or ``NO_STAMP``) and ``sizes`` in bytes, int64 (n,) each.

    ``shifts`` make the file's clock continuous; they are applied to ``stamps``. ``keyframes``, by pts, are those
    before the first disorder: up to them every packet has a time of its own and none jumps back. ``numbers`` finds
    their numbers by their fingerprints. ``ranked``: the times are right as a set, but in decoding order (B-frames in
    AVI).
    """

    stamps: Int64
    sizes: Int64
    keyframes: tuple[Keyframe, ...]
    numbers: dict[int, int]
    ranked: bool
    shifts: TimeShifts


NO_STAMP = _EARLIEST


def is_frame(packet: Packet[Any]) -> bool:
    """Whether the packet is a presented picture, not the end of the stream and not cut by an edit list."""
    return bool(packet.size) and not packet.is_discard


def fingerprint(packet: Packet[Any]) -> int:
    """An integer that identifies a packet within its file by its bytes, since not all demuxers know positions."""
    return packet.size << 32 | crc32(packet)


def timeline(info: VideoInfo) -> Timeline:
    """Read the packets' times, once per process and file content."""
    return _timeline(info.path, info.size, info.mtime_ns)


def time_shifts(path: str, size: int, mtime_ns: int) -> TimeShifts:
    """The shifts that make the file's clock continuous; read once per process and file content."""
    with open_input(path) as container:
        if has_tables(container):
            return TimeShifts({})
    return _timeline(path, size, mtime_ns).shifts


@lru_cache(maxsize=8)
def _timeline(path: str, size: int, mtime_ns: int) -> Timeline:
    rows: list[tuple[int, int]] = []
    keyframes: list[tuple[Keyframe, int]] = []
    with open_input(path) as container:
        stream = video_stream(container, path)
        tables = has_tables(container)
        if tables:
            demux_only(container, stream)
        noted = {s.index: Packets(s.type, s.time_base or Fraction(1, av.time_base)) for s in container.streams}
        try:
            for packet in container.demux():
                if not tables and packet.size and packet.stream_index in noted:
                    noted[packet.stream_index].add(packet)
                if packet.stream_index != stream.index or not is_frame(packet):
                    continue
                if packet.is_keyframe and packet.pts is not None:
                    dts = packet.pts if packet.dts is None else packet.dts
                    position = None if tables else noted[stream.index].positions[-1]
                    keyframes.append((Keyframe(packet.pts, dts, len(rows), position), fingerprint(packet)))
                rows.append((NO_STAMP if packet.pts is None else packet.pts, packet.size))
        except av.FFmpegError:
            pass  # the file breaks off: decoding will note it
        reorders = bool(stream.codec_context.has_b_frames)
        kind = container.format.name
        timed = {index: packets for index, packets in noted.items() if packets.pts}
        shifts = find_time_shifts(timed, stream.index, may_jump(container)) if stream.index in timed else TimeShifts({})
    stamps, sizes = np.array(rows, np.int64).reshape(-1, 2).T
    if shifts.steps:
        by = np.array([shifts.ticks(stream.index, number) for number in range(len(stamps))], np.int64)
        stamps = np.where(stamps == NO_STAMP, NO_STAMP, stamps + by)
        keyframes = [(replace(key, pts=int(key.pts + by[key.number])), mark) for key, mark in keyframes]
    ranked = kind == "avi" and reorders and len(stamps) > 2 and bool((np.diff(stamps) > 0).all())
    end = _LATEST if ranked else _first_disorder(stamps, [key for key, _ in keyframes])
    usable = [(key, mark) for key, mark in keyframes if key.pts < end]
    ordered = _with_gaps(sorted((key for key, _ in usable), key=lambda key: key.pts), stamps)
    seen = Counter(mark for _, mark in keyframes)
    numbers = {mark: key.number for key, mark in usable if seen[mark] == 1}
    return Timeline(stamps, sizes, tuple(ordered), numbers, ranked, shifts)


def _with_gaps(keyframes: list[Keyframe], stamps: Int64) -> list[Keyframe]:
    """The keyframes, by pts, with ``after_gap`` set where they follow a gap in the packets' times."""
    times = np.sort(stamps[stamps != NO_STAMP])
    steps = np.diff(times)
    ends = times[1:][steps > GAP_RATIO * np.median(steps)] if len(steps) else times[:0]
    gaps = np.searchsorted(ends, [key.pts for key in keyframes], side="right")
    return [replace(key, after_gap=bool(n > m)) for key, m, n in zip(keyframes, [0, *gaps], gaps, strict=False)]


def _first_disorder(stamps: Int64, keyframes: list[Keyframe]) -> int:
    """The earliest time from which stamps cannot be trusted: one is missing, repeated, or jumps back."""
    ordered = np.sort(stamps)
    repeated = ordered[1:][np.diff(ordered) == 0]
    end = _LATEST if not len(repeated) else int(repeated[0])
    missing = np.flatnonzero(stamps == NO_STAMP)
    if len(missing):
        before = [key.pts for key in keyframes if key.number < missing[0]]
        end = min(end, before[-1] if before else _EARLIEST)
    jumps = [after.pts for before, after in pairwise(keyframes) if after.pts <= before.pts]
    return min([end, *jumps])
