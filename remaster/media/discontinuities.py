"""Finds where a file's timestamps jump, and by how much the packets after each jump are shifted.

Timestamps jump between the joined cells of a DVD, between recordings joined byte by byte, and where a counter
overflows. Picture, sound and subtitles after a jump are shifted by the same time, so that they stay in sync.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from av.container import InputContainer
from av.packet import Packet

MIN_BACKWARD = Fraction(1, 10)
"""Seconds by which a stream's times must go back to be a jump: smaller steps come from careless muxers."""
MIN_FORWARD = 10
"""Seconds by which they must go forward, in formats whose clocks may jump: less is a pause (FFmpeg's own limit)."""
_MAX_REORDER = 1
"""Seconds by which a picture that is no keyframe may be presented before one that precedes it in the file."""
_MIN_LASTING_PACKETS = 3
"""Packets that must stay on the new side of a jump: a single one is a wrong stamp."""
_MAY_JUMP = 0x200  # AVFMT_TS_DISCONT
_TABLES = "mp4"  # the format whose times come from one table; the demuxer applies its edit lists


@dataclass
class Packets:
    """A stream's packets in the file's order: times and durations in units of ``tick`` seconds.

    ``kind`` is the stream's type. ``positions`` are in bytes; ``keys``: whether a decoder can begin with the packet.
    """

    kind: str
    tick: Fraction
    pts: list[int | None] = field(default_factory=list)
    durations: list[int] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)
    keys: list[bool] = field(default_factory=list)

    def add(self, packet: Packet[Any]) -> None:
        """Add the next packet. Without a position (a parser cut it out of a larger piece) it gets the one before's."""
        self.pts.append(packet.pts)
        self.durations.append(packet.duration or 0)
        last = self.positions[-1] if self.positions else 0
        self.positions.append(last if packet.pos is None else packet.pos)
        self.keys.append(bool(packet.is_keyframe))


@dataclass(frozen=True)
class TimeShifts:
    """By how much each stream's packets are shifted: ``steps`` has (number of the first packet, ticks) by stream index.

    Only packets with bytes are counted. ``at`` are the times of the jumps in seconds, after shifting.
    """

    steps: Mapping[int, tuple[tuple[int, int], ...]]
    at: tuple[Fraction, ...] = ()

    def ticks(self, stream: int, number: int) -> int:
        """Ticks to add to the times of the stream's packet of that number."""
        return next((ticks for first, ticks in reversed(self.steps.get(stream, ())) if first <= number), 0)


@dataclass
class PacketShifter:
    """Shifts the times of packets as they are read from a file's start."""

    shifts: TimeShifts
    counts: dict[int, int] = field(default_factory=lambda: defaultdict(int))

    def shift(self, packet: Packet[Any]) -> None:
        """Shift the next packet's times in place; a packet without bytes is left as it is."""
        if not packet.size:
            return
        ticks = self.shifts.ticks(packet.stream_index, self.counts[packet.stream_index])
        self.counts[packet.stream_index] += 1
        if ticks:
            packet.pts = None if packet.pts is None else packet.pts + ticks
            packet.dts = None if packet.dts is None else packet.dts + ticks


@dataclass(frozen=True)
class _Break:
    """A jump of one stream's clock at packet ``number``, between the file positions ``before`` and ``after``."""

    stream: int
    number: int
    back: bool
    before: int
    after: int


def has_tables(container: InputContainer) -> bool:
    """Whether all times of a file come from tables (MP4, QuickTime), so that its clock cannot jump."""
    return _TABLES in container.format.name.split(",")


def may_jump(container: InputContainer) -> bool:
    """Whether the format's clocks may jump forward without a pause (MPEG's program and transport streams)."""
    return bool(container.format.flags & _MAY_JUMP)


def find_time_shifts(streams: Mapping[int, Packets], main: int, forward: bool) -> TimeShifts:
    """Find the shifts that make a file's clock continuous; ``main`` is the index of its main video stream.

    The picture continues after its last frame, or later where the sound before the jump lasts longer. ``forward``: the
    clock may jump forward, too, and must not begin before 0.
    """
    timed = {index: packets for index, packets in streams.items() if packets.kind in ("video", "audio")}
    breaks = [found for index, packets in timed.items() for found in _breaks(index, packets, forward)]
    joints = [joint for joint in _joints(breaks) if _is_jump(joint, timed, main)]
    starts = {index: [0, *(_start(joint, index, packets) for joint in joints)] for index, packets in streams.items()}
    shift = _first_shift(timed) if forward else Fraction(0)
    shifts, at = [shift], []
    for number in range(len(joints)):
        shift = _shift(timed, main, starts, number, shift)
        shifts.append(shift)
        first = _begin(timed[main], *_range(starts[main], number + 1))
        at.append(shift if first is None else first + shift)
    steps = {
        index: tuple((first, round(by / packets.tick)) for first, by in zip(starts[index], shifts, strict=True))
        for index, packets in streams.items()
        if any(shifts)
    }
    return TimeShifts(steps, tuple(at))


def _breaks(index: int, packets: Packets, forward: bool) -> list[_Break]:
    """Where one stream's own clock jumps."""
    back, far, late = (seconds / packets.tick for seconds in (MIN_BACKWARD, _MAX_REORDER, MIN_FORWARD))
    found: list[_Break] = []
    top: int | None = None
    previous = 0
    for number, time in enumerate(packets.pts):
        if time is None:
            continue
        ahead = [t for t in packets.pts[number : number + 1 + _MIN_LASTING_PACKETS] if t is not None]
        ordered = packets.kind != "video" or packets.keys[number]
        fell = top is not None and time < top - (back if ordered else far) and max(ahead) < top
        leapt = forward and top is not None and min(ahead) > top + late
        if fell or leapt:
            found.append(_Break(index, number, fell, packets.positions[previous], packets.positions[number]))
            top = time
        top = time if top is None else max(top, time)
        previous = number
    return found


def _joints(breaks: list[_Break]) -> list[list[_Break]]:
    """Group the breaks of several streams that lie around one position of the file, in the file's order."""
    joints: list[list[_Break]] = []
    for found in sorted(breaks, key=lambda item: item.after):
        last = joints[-1] if joints else []
        if last and found.before < last[0].after and all(found.stream != other.stream for other in last):
            last.append(found)
        else:
            joints.append([found])
    return joints


def _is_jump(joint: list[_Break], timed: Mapping[int, Packets], main: int) -> bool:
    """Whether the whole file's clock jumps; a single stream may just pause."""
    jumped = {found.stream for found in joint}
    if main not in jumped:
        return False
    if any(found.back for found in joint):
        return True
    position = joint[0].after
    others = {
        i for i, packets in timed.items() if i != main and packets.positions[0] < position <= packets.positions[-1]
    }
    return not others or bool(jumped & others)


def _start(joint: list[_Break], index: int, packets: Packets) -> int:
    """The number of a stream's first packet after a joint."""
    own = next((found.number for found in joint if found.stream == index), None)
    if own is not None:
        return own
    before = max(found.before for found in joint)
    return next(
        (number for number, position in enumerate(packets.positions) if position > before), len(packets.positions)
    )


def _range(starts: list[int], number: int) -> tuple[int, int | None]:
    return starts[number], starts[number + 1] if number + 1 < len(starts) else None


def _shift(
    timed: Mapping[int, Packets], main: int, starts: Mapping[int, list[int]], number: int, shift: Fraction
) -> Fraction:
    """The shift of stretch ``number + 1`` in seconds, where the one before is shifted by ``shift``."""
    wanted: list[Fraction] = []
    for index, packets in timed.items():
        end = _end(packets, *_range(starts[index], number))
        begin = _begin(packets, *_range(starts[index], number + 1))
        if end is None or begin is None:
            continue
        # Sound may overlap by half a packet, since a pause of the picture would be more noticeable.
        spare = 0 if index == main else packets.durations[starts[index][number + 1] - 1] * packets.tick / 2
        wanted.append(end + shift - begin - spare)
    tick = timed[main].tick
    return Fraction(round(max(wanted, default=shift) / tick) * tick)


def _begin(packets: Packets, first: int, until: int | None) -> Fraction | None:
    times = [time for time in packets.pts[first:until] if time is not None]
    return min(times) * packets.tick if times else None


def _end(packets: Packets, first: int, until: int | None) -> Fraction | None:
    """When a stretch of a stream ends, in seconds; its last packets may have no times."""
    rows = list(zip(packets.pts[first:until], packets.durations[first:until], strict=True))
    ends = [time + duration for time, duration in rows if time is not None]
    timeless = next((number for number, (time, _) in enumerate(reversed(rows)) if time is not None), 0)
    rest = sum(duration for _, duration in rows[len(rows) - timeless :])
    return (max(ends) + rest) * packets.tick if ends else None


def _first_shift(timed: Mapping[int, Packets]) -> Fraction:
    """The shift in seconds of a clock that begins below 0, which was about to overflow (MPEG's has 33 bits)."""
    begins = [begin for packets in timed.values() if (begin := _begin(packets, 0, None)) is not None]
    return max(-min(begins, default=Fraction(0)), Fraction(0))
