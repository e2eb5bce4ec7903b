"""Assembles a result: the packets of the segments and of the source's other tracks in one file, without encoding.

``assemble`` opens source, segments and target, adds the tracks (``track_copy``), sets tags and chapters (``headers``),
and writes all packets in the order of decoding, the main video stream's with the source's exact times.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from enum import Enum
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
import numpy as np
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.stream import VideoStream

from remaster.arrays import Int64
from remaster.errors import MediaError
from remaster.media.captions import CaptionWriter, captions_of, lost_captions
from remaster.media.container_support import can_hold, takes_equal_times
from remaster.media.containers import demux_only, is_cover, name_of, open_input, reason, video_stream
from remaster.media.discontinuities import TimeShifts
from remaster.media.encoders import Codec
from remaster.media.headers import PendingEdits, describe, finish, muxer_options, read_source_header
from remaster.media.partfile import PartFile
from remaster.media.silence import Filler, filler
from remaster.media.subtitles.follow import Follower, follow
from remaster.media.subtitles.places import Places
from remaster.media.timeline import time_shifts
from remaster.media.track_copy import CopiedTracks, TrackClock, add_tracks, copied_packets
from remaster.media.types import Departures, VideoInfo
from remaster.media.verify import verify
from remaster.notes import Note

__all__ = ["Assembled", "Container", "assemble", "copyable", "output_suffix", "verify"]


class Container(Enum):
    """The container of the output: the source's kind, or one asked for."""

    source = "source"
    mp4 = "mp4"
    mkv = "mkv"


@dataclass(frozen=True)
class Assembled:
    """An assembled file: ``duration`` in seconds from the first frame's time to the last one's end, size in ``bytes``.

    ``notes`` name what was not copied as it is; ``departures`` are the same for ``verify``.
    """

    frames: int
    duration: float
    bytes: int
    notes: tuple[Note, ...]
    departures: Departures


_MUXERS = {".mp4": "mp4", ".mov": "mov", ".mkv": "matroska"}
# Containers that are tried in this order where the source's own cannot hold all streams.
_FALLBACKS = (".mkv", ".mov")
_VIDEO_IN = {
    ".mp4": {Codec.h264, Codec.hevc, Codec.av1},
    ".mov": {Codec.h264, Codec.hevc, Codec.prores, Codec.dnxhr},
    ".mkv": set(Codec) - {Codec.dnxhr},
}


def output_suffix(info: VideoInfo, container: Container, codec: Codec) -> str:
    """``.mp4``, ``.mov`` or ``.mkv``: the file name's extension of the output.

    FFV1 always goes to Matroska and DNxHR to QuickTime; ProRes goes to QuickTime where that holds all other tracks,
    else to Matroska, never to MP4. With ``source``, the source's own container is kept where it holds all sound and
    subtitles as they are; else it is the first container that does, or Matroska. Raises ``MediaError`` where the source
    cannot be opened.
    """
    editing = codec not in _VIDEO_IN[".mp4"]
    if codec is Codec.ffv1 or (container is Container.mkv and codec in _VIDEO_IN[".mkv"]):
        return ".mkv"
    if codec is Codec.dnxhr or (editing and container is Container.mp4):
        return ".mov"
    if container is Container.mp4:
        return ".mp4"
    tried = (".mov", ".mkv") if editing else (_own_suffix(info), *_FALLBACKS)
    candidates = [suffix for suffix in tried if codec in _VIDEO_IN[suffix]]
    with open_input(info.path) as source:
        main = video_stream(source, info.path).index
        tracks = [s for s in source.streams if s.type in ("audio", "subtitle", "video") and s.index != main]
        tracks = [stream for stream in tracks if not is_cover(stream)]
        for suffix in candidates:
            if all(can_hold(_MUXERS[suffix], stream) for stream in tracks):
                return suffix
    return ".mkv"


def copyable(info: VideoInfo, pts: Int64) -> tuple[str, ...]:
    """The file extensions (``.mkv`` ...) to which the source's main stream can be copied; ``pts`` int64 (n,).

    Empty unless the file is Matroska, WebM, MP4 or QuickTime with one packet for each frame at ``pts``: other formats
    keep codec headers elsewhere, or no times. Raises ``MediaError`` where the source cannot be opened.
    """
    if not {"matroska", "mp4"} & set(info.container.split(",")):
        return ()
    with open_input(info.path) as source:
        stream = video_stream(source, info.path)
        demux_only(source, stream)
        times = [packet.pts for packet in source.demux(stream) if packet.size]
        if sorted(time for time in times if time is not None) != pts.tolist() or len(times) != len(pts):
            return ()
        return tuple(suffix for suffix, kind in _MUXERS.items() if can_hold(kind, stream))


def _own_suffix(info: VideoInfo) -> str:
    if "mp4" not in info.container:
        return ".mkv"
    return ".mov" if Path(info.path).suffix.lower() in (".mov", ".qt") else ".mp4"


@dataclass(frozen=True)
class _Schedule:
    """Times of the joined segments' packets; ``ranks`` int64 (n,) are their frame numbers in decoding order."""

    ranks: Int64
    pts: Int64
    step: int

    @property
    def delay(self) -> int:
        """Frames by which decoding must run ahead, so that no packet is decoded after its presentation."""
        return int(max((np.arange(len(self.ranks)) - self.ranks).max(), 0))

    def times(self) -> Iterator[tuple[int, int, int]]:
        """(pts, dts, duration) of every packet; dts rise strictly and never exceed pts, for any frame times."""
        delay, count = self.delay, len(self.pts)
        for number, rank in enumerate(self.ranks.tolist()):
            dts = self.pts[number - delay] if number >= delay else self.pts[0] - (delay - number) * self.step
            until = self.pts[rank + 1] if rank + 1 < count else self.pts[rank] + self.step
            yield int(self.pts[rank]), int(dts), int(until - self.pts[rank])


def assemble(
    info: VideoInfo,
    segments: Sequence[Path | str],
    pts: Int64,
    out: Path,
    partial: bool = False,
    places: Places | None = None,
) -> Assembled:
    """Join ``segments`` into ``out`` with the source's frame times ``pts``, int64 (n,), and its other tracks.

    ``segments`` may also be the source itself (see ``copyable``). The n-th frame in presentation order gets the n-th
    time. Sound and subtitles are copied packet by packet with their own times; ``partial`` ends them with the last
    frame and says so in the comment tag. Positioned subtitles move with the source's picture to its ``places`` (None:
    they stay). The container follows ``out``'s extension. The file is written under a temporary name and renamed when
    it is complete. Raises ``MediaError`` where the segments do not have as many frames as ``pts``, do not fit
    together, or writing fails.
    """
    step = max(round(1 / (info.fps * info.time_base)), 1)
    schedule = _Schedule(_ranks(segments, len(pts), out), np.asarray(pts, np.int64), step)
    end = (int(pts[-1]) + step) * info.time_base
    part = PartFile(out)
    try:
        notes, departures, pending = _write(info, segments, schedule, part.temporary, end if partial else None, places)
        finish(part.temporary, pending)
    except (av.FFmpegError, OSError, ValueError) as error:
        part.discard()
        raise MediaError(f"{out} cannot be written: {reason(error)}") from error
    except BaseException:
        part.discard()
        raise
    part.commit()
    return Assembled(len(pts), float(end - int(pts[0]) * info.time_base), out.stat().st_size, notes, departures)


def _ranks(segments: Sequence[Path | str], count: int, out: Path) -> Int64:
    """Check that the segments can be joined; return the frame number of every packet in decoding order."""
    parts: list[Int64] = []
    first: tuple[object, ...] | None = None
    begin = 0
    for segment in segments:
        with open_input(str(segment)) as container:
            stream = video_stream(container, str(segment))
            context = stream.codec_context
            same = (context.name, context.width, context.height, context.pix_fmt, context.extradata)
            first = same if first is None else first
            if same != first:
                raise MediaError(f"{segment} was encoded with other parameters than {segments[0]}")
            times = [packet.pts for packet in container.demux(stream) if packet.size]
        order = np.argsort(np.array(times, np.int64), kind="stable")
        ranks = np.empty(len(order), np.int64)
        ranks[order] = np.arange(len(order)) + begin
        parts.append(ranks)
        begin += len(order)
    if begin != count or not count:
        raise MediaError(f"{out} needs {count} frames, and its {len(segments)} segments have {begin}")
    return np.concatenate(parts)


def _is_source(info: VideoInfo, segments: Sequence[Path | str]) -> bool:
    """Whether the source's own packets are copied, which still have their captions."""
    return [str(segment) for segment in segments] == [info.path]


def _write(
    info: VideoInfo,
    segments: Sequence[Path | str],
    schedule: _Schedule,
    path: Path,
    end: Fraction | None,
    places: Places | None,
) -> tuple[tuple[Note, ...], Departures, PendingEdits]:
    """Write the file up to ``end`` seconds; return notes, departures, and what ``finish`` has to write."""
    with ExitStack() as stack:
        source = stack.enter_context(open_input(info.path))
        model = stack.enter_context(open_input(str(segments[0])))
        header = read_source_header(source, info.path)
        options = muxer_options(_MUXERS[path.suffix], source, header)
        target = stack.enter_context(
            av.open(str(path), "w", _MUXERS[path.suffix], container_options=options, metadata_errors="surrogateescape")
        )
        main = video_stream(source, info.path)
        template = video_stream(model, str(segments[0]))
        copied = add_tracks(source, target, main, template)
        notes, pending = describe(info, source, target, main, copied, header, end)
        writer, lost = _caption_writer(info, segments, template)
        shifts = time_shifts(info.path, info.size, info.mtime_ns)
        followers = _followers(info, source, copied, places, shifts)
        video = _video_packets(info, segments, schedule, copied.targets[main.index], writer)
        strict = not takes_equal_times(target)
        clocks = {index: TrackClock(strict=strict) for index in copied.targets if index != main.index}
        others = copied_packets(source, set(copied.targets) - {main.index}, end, clocks, shifts)
        tracks = {stream.index: index for index, stream in copied.targets.items() if index != main.index}
        fillers = _fillers(target, copied)
        _mux(target, _interleave(video, _retargeted(others, copied, followers, fillers)), tracks, clocks)
        notes = (
            *copied.notes,
            *notes,
            *_notes_of_packets(source, clocks, copied),
            *_notes_of_silence(source, fillers),
            *lost,
        )
    refused = {index: frozenset(clock.refused) for index, clock in clocks.items() if clock.refused}
    filled = {index: tuple(one.fills) for index, one in fillers.items() if one.fills}
    return notes, replace(copied.departures, refused=refused, moved=frozenset(followers), filled=filled), pending


def _fillers(target: OutputContainer, copied: CopiedTracks) -> dict[int, Filler]:
    """The fillers of the pauses in tracks whose times the container does not keep, by the source's stream index."""
    if target.format.name == "matroska":
        return {}
    return {index: one for index, stream in copied.targets.items() if (one := filler(stream)) is not None}


def _notes_of_silence(source: InputContainer, fillers: Mapping[int, Filler]) -> Iterator[Note]:
    for index, one in fillers.items():
        if one.fills:
            what = f"{name_of(source.streams[index])} pauses for {one.seconds:.2f} s in all ({len(one.fills)} times)"
            why = "this container has no times for raw samples"
            yield Note(f"{what}: filled with silence, since {why}; output.container=mkv has")


def _mux(
    target: OutputContainer,
    packets: Iterator[Packet[Any]],
    tracks: Mapping[int, int],
    clocks: Mapping[int, TrackClock],
) -> None:
    """Write all packets; ``tracks`` maps the target's stream indices to the source's, without the main stream."""
    for packet in packets:
        try:
            target.mux(packet)
        except av.InvalidDataError:
            if packet.stream_index not in tracks:
                raise
            clocks[
                tracks[packet.stream_index]
            ].refuse()  # packets are written as they are read: it is the last of its track


def _notes_of_packets(source: InputContainer, clocks: Mapping[int, TrackClock], copied: CopiedTracks) -> Iterator[Note]:
    moved = sum(clock.moved for clock in clocks.values())
    if moved:
        yield Note(f"{moved} sound or subtitle packets had no time or a backward one and were put in order")
    for index, clock in clocks.items():
        if clock.refused:
            what = f"{len(clock.refused)} of {clock.count} packets of {name_of(source.streams[index])}"
            yield Note(f"{what} are damaged and left out", loss=True)
    for index, decoded in copied.decoded.items():
        if decoded.broken:
            what = f"{len(decoded.broken)} of {clocks[index].count} packets of {name_of(source.streams[index])}"
            yield Note(f"{what} cannot be decoded and are left out", loss=True)


def _video_packets(
    info: VideoInfo,
    segments: Sequence[Path | str],
    schedule: _Schedule,
    target: Stream,
    writer: CaptionWriter | None,
) -> Iterator[Packet[Any]]:
    times = schedule.times()
    for segment in segments:
        with open_input(str(segment)) as container:
            packets: Iterator[Packet[Any]] = container.demux(video_stream(container, str(segment)))
            for packet in packets:
                if packet.size:
                    pts, dts, duration = next(times)
                    packet = packet if writer is None else _replaced(packet, writer.written(bytes(packet), pts))
                    packet.pts, packet.dts, packet.duration = pts, dts, duration
                    packet.time_base = info.time_base
                    packet.stream = target
                    yield packet


def _caption_writer(
    info: VideoInfo, segments: Sequence[Path | str], template: VideoStream
) -> tuple[CaptionWriter | None, tuple[Note, ...]]:
    """The writer of the source's captions, None where there are none to write, and notes of captions that are lost."""
    if not info.captions or _is_source(info, segments):
        return None, ()
    context = template.codec_context
    lost = lost_captions(info, context.codec.canonical_name)
    if lost is not None:
        return None, (lost,)
    return CaptionWriter(context.codec.canonical_name, context.extradata or b"", captions_of(info)), ()


def _replaced(packet: Packet[Any], content: bytes) -> Packet[Any]:
    """A packet with the times of ``packet`` and another content."""
    result: Packet[Any] = Packet(content)
    result.pts, result.dts, result.duration = packet.pts, packet.dts, packet.duration
    result.time_base, result.is_keyframe = packet.time_base, packet.is_keyframe
    return result


def _followers(
    info: VideoInfo, source: InputContainer, copied: CopiedTracks, places: Places | None, shifts: TimeShifts
) -> dict[int, Follower]:
    """What moves positioned subtitles, by the source's stream index; also rewrites the headers of their copies."""
    if places is None or not places.moved:
        return {}
    stored = info if info.treatment is None else info.treatment.stored
    streams = {stream.index: stream for stream in source.streams if stream.index in copied.targets}
    found = follow(info.path, streams, places, (stored.width, stored.height), shifts)
    for index, one in found.items():
        if one.header is not None:
            cast(Any, copied.targets[index].codec_context).extradata = one.header
    return found


def _retargeted(
    packets: Iterator[Packet[Any]],
    copied: CopiedTracks,
    followers: Mapping[int, Follower],
    fillers: Mapping[int, Filler],
) -> Iterator[Packet[Any]]:
    """The source's packets, decoded, moved or filled up where needed, as packets of the target's streams."""

    def filled(index: int, found: Iterable[Packet[Any]]) -> Iterable[Packet[Any]]:
        return fillers[index].filled(found) if index in fillers else found

    for packet in packets:
        index = packet.stream_index
        if index in copied.decoded:
            yield from filled(index, copied.decoded[index].convert(packet))
            continue
        if index in followers:
            packet = _replaced(packet, followers[index].moved(packet))
        packet.stream = copied.targets[index]
        yield from filled(index, [packet])
    for index, decoded in copied.decoded.items():
        yield from filled(index, decoded.convert(None))


def _interleave(video: Iterator[Packet[Any]], others: Iterator[Packet[Any]]) -> Iterator[Packet[Any]]:
    """Merge both by decoding time, so that the muxer needs to buffer little."""
    other = next(others, None)
    for packet in video:
        while other is not None and _seconds(other) < _seconds(packet):
            yield other
            other = next(others, None)
        yield packet
    if other is not None:
        yield other
        yield from others


def _seconds(packet: Packet[Any]) -> Fraction:
    return Fraction((packet.dts or 0) * packet.time_base)
