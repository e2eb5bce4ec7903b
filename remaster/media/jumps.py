"""Clocks that start again or jump: where they do in a file, and by how much what follows is moved.

Joined cells of a DVD, recordings joined byte by byte and counters that ran over go on in the file where they do not in
time. Picture, sound and subtitles behind such a place are moved by one and the same shift, so that they stay together.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from av.container import InputContainer
from av.packet import Packet

BACK = Fraction(1, 10)
"""Seconds by which a stream's clock must go back to have started again: less is a careless muxer."""
FORWARD = 10
"""Seconds by which it must go forward, in formats whose clocks may jump: less is a pause (as FFmpeg has it)."""
_REORDER = 1  # seconds by which a picture may be shown before one that comes before it in the file
_LASTING = 3  # packets that must stay behind a jump: one alone is a wrong stamp
_MAY_JUMP = 0x200  # AVFMT_TS_DISCONT
_TABLES = "mp4"  # of formats whose times come from one table: its edits are the demuxer's to follow


@dataclass
class Packets:
    """What is noted of a stream's packets, in the file's order: times and durations in units of ``tick`` seconds.

    ``places`` are in bytes; ``keys``: whether a decoder can begin with the packet.
    """

    kind: str
    tick: Fraction
    pts: list[int | None] = field(default_factory=list)
    lasts: list[int] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    keys: list[bool] = field(default_factory=list)

    def add(self, packet: Packet[Any]) -> None:
        """Note the next packet; those that a parser cut out of one piece of the file have no place of their own."""
        self.pts.append(packet.pts)
        self.lasts.append(packet.duration or 0)
        last = self.places[-1] if self.places else 0
        self.places.append(last if packet.pos is None else packet.pos)
        self.keys.append(bool(packet.is_keyframe))


@dataclass(frozen=True)
class Moves:
    """By how much each stream's packets are moved: ``steps`` has (number of the first packet, ticks) by stream index.

    Packets are counted that have bytes. ``at``: the seconds, after moving, at which the clock jumped.
    """

    steps: Mapping[int, tuple[tuple[int, int], ...]]
    at: tuple[Fraction, ...] = ()

    def by(self, stream: int, number: int) -> int:
        """Ticks to add to the times of the stream's packet of that number."""
        return next((ticks for first, ticks in reversed(self.steps.get(stream, ())) if first <= number), 0)


@dataclass
class Mover:
    """Moves packets as they are read from a file's start."""

    moves: Moves
    counts: dict[int, int] = field(default_factory=lambda: defaultdict(int))

    def move(self, packet: Packet[Any]) -> None:
        """Move the next packet's times; those without bytes are let through."""
        if not packet.size:
            return
        ticks = self.moves.by(packet.stream_index, self.counts[packet.stream_index])
        self.counts[packet.stream_index] += 1
        if ticks:
            packet.pts = None if packet.pts is None else packet.pts + ticks
            packet.dts = None if packet.dts is None else packet.dts + ticks


@dataclass(frozen=True)
class _Break:
    """A place in one stream at which its clock jumps: between two packets' places in the file."""

    stream: int
    number: int
    back: bool
    before: int
    after: int


def has_tables(container: InputContainer) -> bool:
    """Whether all times of a file come from one table, so that its clock cannot jump."""
    return _TABLES in container.format.name.split(",")


def may_jump(container: InputContainer) -> bool:
    """Whether the format's clocks may jump forward without a pause (MPEG's program and transport streams)."""
    return bool(container.format.flags & _MAY_JUMP)


def find_moves(streams: Mapping[int, Packets], film: int, forward: bool) -> Moves:
    """How the packets of a file's streams must move so that its clock goes on; ``film`` is the picture's index.

    The picture goes on at its own pace, or later where the sound before lasts longer. ``forward``: the clock may jump
    forward, too, and must not begin before 0.
    """
    heard = {index: packets for index, packets in streams.items() if packets.kind in ("video", "audio")}
    breaks = [found for index, packets in heard.items() for found in _breaks(index, packets, forward)]
    joints = [joint for joint in _joints(breaks) if _is_jump(joint, heard, film)]
    starts = {index: [0, *(_start(joint, index, packets) for joint in joints)] for index, packets in streams.items()}
    shift = _first_shift(heard) if forward else Fraction(0)
    shifts, at = [shift], []
    for number in range(len(joints)):
        shift = _shift(heard, film, starts, number, shift)
        shifts.append(shift)
        first = _begin(heard[film], *_range(starts[film], number + 1))
        at.append(shift if first is None else first + shift)
    steps = {
        index: tuple((first, round(by / packets.tick)) for first, by in zip(starts[index], shifts, strict=True))
        for index, packets in streams.items()
        if any(shifts)
    }
    return Moves(steps, tuple(at))


def _breaks(index: int, packets: Packets, forward: bool) -> list[_Break]:
    """Where one stream's own clock jumps."""
    back, far, late = (seconds / packets.tick for seconds in (BACK, _REORDER, FORWARD))
    found: list[_Break] = []
    top: int | None = None
    previous = 0
    for number, time in enumerate(packets.pts):
        if time is None:
            continue
        ahead = [t for t in packets.pts[number : number + 1 + _LASTING] if t is not None]
        told = packets.kind != "video" or packets.keys[number]
        fell = top is not None and time < top - (back if told else far) and max(ahead) < top
        leapt = forward and top is not None and min(ahead) > top + late
        if fell or leapt:
            found.append(_Break(index, number, fell, packets.places[previous], packets.places[number]))
            top = time
        top = time if top is None else max(top, time)
        previous = number
    return found


def _joints(breaks: list[_Break]) -> list[list[_Break]]:
    """Breaks of several streams that lie around one place in the file, in the file's order."""
    joints: list[list[_Break]] = []
    for found in sorted(breaks, key=lambda item: item.after):
        last = joints[-1] if joints else []
        if last and found.before < last[0].after and all(found.stream != other.stream for other in last):
            last.append(found)
        else:
            joints.append([found])
    return joints


def _is_jump(joint: list[_Break], heard: Mapping[int, Packets], film: int) -> bool:
    """Whether the file's clock jumps, not one stream's alone: a track may pause, and the picture may, too."""
    jumped = {found.stream for found in joint}
    if film not in jumped:
        return False
    if any(found.back for found in joint):
        return True
    place = joint[0].after
    others = {i for i, packets in heard.items() if i != film and packets.places[0] < place <= packets.places[-1]}
    return not others or bool(jumped & others)


def _start(joint: list[_Break], index: int, packets: Packets) -> int:
    """The number of a stream's first packet behind a joint."""
    own = next((found.number for found in joint if found.stream == index), None)
    if own is not None:
        return own
    before = max(found.before for found in joint)
    return next((number for number, place in enumerate(packets.places) if place > before), len(packets.places))


def _range(starts: list[int], number: int) -> tuple[int, int | None]:
    return starts[number], starts[number + 1] if number + 1 < len(starts) else None


def _shift(
    heard: Mapping[int, Packets], film: int, starts: Mapping[int, list[int]], number: int, shift: Fraction
) -> Fraction:
    """The seconds by which stretch ``number + 1`` moves, after one that was moved by ``shift``."""
    wanted: list[Fraction] = []
    for index, packets in heard.items():
        end = _end(packets, *_range(starts[index], number))
        begin = _begin(packets, *_range(starts[index], number + 1))
        if end is None or begin is None:
            continue
        # Sound may overlap by half a packet: a pause in the picture would be seen sooner.
        spare = 0 if index == film else packets.lasts[starts[index][number + 1] - 1] * packets.tick / 2
        wanted.append(end + shift - begin - spare)
    tick = heard[film].tick
    return Fraction(round(max(wanted, default=shift) / tick) * tick)


def _begin(packets: Packets, first: int, until: int | None) -> Fraction | None:
    times = [time for time in packets.pts[first:until] if time is not None]
    return min(times) * packets.tick if times else None


def _end(packets: Packets, first: int, until: int | None) -> Fraction | None:
    """When a stretch of a stream ends; its last packets may have no times."""
    rows = list(zip(packets.pts[first:until], packets.lasts[first:until], strict=True))
    ends = [time + lasts for time, lasts in rows if time is not None]
    timeless = next((number for number, (time, _) in enumerate(reversed(rows)) if time is not None), 0)
    rest = sum(lasts for _, lasts in rows[len(rows) - timeless :])
    return (max(ends) + rest) * packets.tick if ends else None


def _first_shift(heard: Mapping[int, Packets]) -> Fraction:
    """What brings a clock to 0 that begins before it: it was about to run over (MPEG's has 33 bits)."""
    begins = [begin for packets in heard.values() if (begin := _begin(packets, 0, None)) is not None]
    return max(-min(begins, default=Fraction(0)), Fraction(0))
