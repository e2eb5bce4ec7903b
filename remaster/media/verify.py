"""Checking an assembled file against its source: every time, every packet."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType
from zlib import crc32

import numpy as np
import numpy.typing as npt
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream

from remaster.errors import MediaError
from remaster.media.carry import TrackClock, can_hold, carried_packets, chapters_until, extras, name_of
from remaster.media.containers import open_input, read_only, video_stream
from remaster.media.types import VideoInfo

# Matroska's reader gives aspect ratios as fractions of numbers up to 255.
_SAR_TOLERANCE = Fraction(1, 200)
_ADTS = {"aac"}


@dataclass
class _Track:
    """What is compared of a copied stream: its packets' times, and their content as one run of bytes."""

    name: str
    raw: bool
    tick: Fraction
    times: list[Fraction] = field(default_factory=list)
    moved: int = 0
    bytes: int = 0
    checksum: int = 0

    def add(self, packet: Packet[Stream]) -> None:
        if packet.pts is not None:
            self.times.append(packet.pts * packet.time_base)
        payload = _payload(packet)
        self.bytes += len(payload)
        self.checksum = crc32(payload, self.checksum)


def verify(
    info: VideoInfo,
    out: Path,
    pts: npt.NDArray[np.int64],
    partial: bool = False,
    refused: Mapping[int, Set[int]] = MappingProxyType({}),
    moved: Set[int] = frozenset(),
) -> None:
    """Compare an assembled file with its source, of which it lacks the packets ``refused`` (see ``Assembled``).

    The content of the streams ``moved`` is another: their subtitles follow the picture.

    Raises ``MediaError`` when the frames are not those at ``pts`` (to the rounding of the container's clock), the
    sample aspect ratio is another, or sound or subtitle packets differ in number, bytes or times from the source's that
    the container can hold (``partial``: up to the last frame's end), the picture does not last as long, or chapters,
    attachments or cover art are missing.
    """
    with open_input(info.path) as source, open_input(str(out)) as result:
        _compare_video(info, result, out, pts)
        film = video_stream(source, info.path).index
        kind = "matroska" if out.suffix == ".mkv" else out.suffix[1:]
        wanted = {
            stream.index
            for stream in source.streams
            if stream.type in ("audio", "subtitle") and stream.index != film and can_hold(kind, stream)
        }
        step = max(round(1 / (info.fps * info.time_base)), 1)
        end = (int(pts[-1]) + step) * info.time_base if partial else None
        before = _tracks(source, wanted, end, refused)
        rewritten = [index in moved for index in sorted(wanted)]
    with open_input(str(out)) as result:
        after = _tracks(result, {s.index for s in result.streams if s.type in ("audio", "subtitle")}, None, {})
        if len(before) != len(after):
            raise MediaError(f"{out} has {len(after)} sound and subtitle streams instead of {len(before)}")
        for one, other, another in zip(before, after, rewritten, strict=True):
            _compare_tracks(one, other, out, another)
    with open_input(info.path) as source, open_input(str(out)) as result:
        _compare_extras(source, result, out, end)


def _compare_video(info: VideoInfo, result: InputContainer, out: Path, pts: npt.NDArray[np.int64]) -> None:
    stream = video_stream(result, str(out))
    sar = stream.sample_aspect_ratio or Fraction(1)
    if abs(sar / info.sar - 1) > _SAR_TOLERANCE:
        raise MediaError(f"{out} has a sample aspect ratio of {sar} instead of {info.sar}")
    read_only(result, stream)
    packets = [(p.pts, p.duration or 0) for p in result.demux(stream) if p.size and p.pts is not None]
    shown = sorted(pts for pts, _ in packets)
    if len(shown) != len(pts):
        raise MediaError(f"{out} has {len(shown)} frames instead of {len(pts)}")
    tick = stream.time_base or info.time_base
    # All in whole numbers: the common unit of both clocks is one part of their denominators' product.
    ours, theirs = tick.numerator * info.time_base.denominator, info.time_base.numerator * tick.denominator
    for number, (found, wanted) in enumerate(zip(shown, pts.tolist(), strict=True)):
        if abs(found * ours - wanted * theirs) > ours:
            raise MediaError(
                f"{out} shows frame {number} at {float(found * tick):.6f} s instead of "
                f"{float(wanted * info.time_base):.6f} s"
            )
    end = max(at + lasts for at, lasts in packets) * tick
    wanted_end = int(pts[-1]) * info.time_base + 1 / info.fps
    # MP4 keeps how long a frame lasts in the order of decoding: any frame's may stand with the last.
    longest = max(1 / info.fps, int(np.diff(pts).max(initial=0)) * info.time_base)
    if abs(end - wanted_end) > tick + longest:
        raise MediaError(f"{out} shows pictures until {float(end):.3f} s instead of {float(wanted_end):.3f} s")


def _compare_extras(source: InputContainer, result: InputContainer, out: Path, end: Fraction | None) -> None:
    """Chapters, attachments and cover art, by their number."""
    kind = result.format.name if out.suffix == ".mkv" else out.suffix[1:]
    wanted = len(chapters_until(source, end)), extras(source, kind)
    found = len(result.chapters()), extras(result, kind)
    for what, one, other in zip(("chapters", "attachments and covers"), wanted, found, strict=True):
        if one != other:
            raise MediaError(f"{out} has {other} {what} instead of {one}")


def _tracks(
    container: InputContainer, indices: set[int], end: Fraction | None, refused: Mapping[int, Set[int]]
) -> list[_Track]:
    tracks = {
        stream.index: _Track(name_of(stream), _is_raw(stream), stream.time_base or Fraction(1, 1000))
        for stream in container.streams
        if stream.index in indices
    }
    clocks: dict[int, TrackClock] = {}
    for packet in carried_packets(container, indices, end, clocks):
        index = packet.stream_index
        if clocks[index].count - 1 not in refused.get(index, ()):
            tracks[index].add(packet)
    for index, clock in clocks.items():
        tracks[index].moved = clock.moved
    return list(tracks.values())


def _compare_tracks(before: _Track, after: _Track, out: Path, rewritten: bool) -> None:
    name = before.name
    if not rewritten and (before.bytes, before.checksum) != (after.bytes, after.checksum):
        raise MediaError(f"{out}: the content of {name} differs from the source's")
    # Raw samples may be cut into packets at other places; their bytes and their beginning say it all.
    if len(before.times) != len(after.times) and not before.raw:
        raise MediaError(f"{out}: {name} has {len(after.times)} packets instead of {len(before.times)}")
    # Packets that had to be moved apart stand one tick after the other, in either file's own.
    tick = max(before.tick, after.tick) * (1 + before.moved + after.moved)
    for number, (one, other) in enumerate(zip(before.times, after.times, strict=False)):
        if abs(one - other) > tick:
            raise MediaError(
                f"{out}: packet {number} of {name} is at {float(other):.6f} s instead of {float(one):.6f} s"
            )
        if before.raw:
            break


def _is_raw(stream: Stream) -> bool:
    return stream.codec_context is not None and stream.codec_context.name.startswith("pcm_")


def _payload(packet: Packet[Stream]) -> bytes:
    """The packet's bytes; of AAC in transport streams, without the ADTS header that other containers keep elsewhere."""
    data = bytes(packet)
    context = packet.stream.codec_context
    if context is None or context.codec.canonical_name not in _ADTS or len(data) < 7:
        return data
    if data[0] != 0xFF or data[1] & 0xF6 != 0xF0 or int.from_bytes(data[3:6]) >> 5 & 0x1FFF != len(data):
        return data
    return data[7:] if data[1] & 1 else data[9:]
