"""Assembly: the segments' packets and the source's sound, subtitles and tags in one file, nothing encoded again."""

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
from remaster.media.carry import Carried, TrackClock, add_tracks, can_hold, carried_packets, takes_equal_times
from remaster.media.containers import is_cover, name_of, open_input, read_only, reason, video_stream
from remaster.media.encoders import Codec
from remaster.media.headers import Rest, describe, finish, muxer_options, told_by
from remaster.media.jumps import Moves
from remaster.media.partfile import PartFile
from remaster.media.silence import Filler, filler
from remaster.media.subtitles.follow import Follower, follow
from remaster.media.subtitles.places import Places
from remaster.media.timeline import clock_moves
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
    """``duration`` in seconds, from the first frame's time to the last one's end; ``notes`` say what was not copied.

    ``departures``: the same, for ``verify``.
    """

    frames: int
    duration: float
    bytes: int
    notes: tuple[Note, ...]
    departures: Departures


_MUXERS = {".mp4": "mp4", ".mov": "mov", ".mkv": "matroska"}
# Where the source's own container cannot be kept: what is tried after it, the first that holds every stream wins.
_FALLBACKS = (".mkv", ".mov")
_VIDEO_IN = {
    ".mp4": {Codec.h264, Codec.hevc, Codec.av1},
    ".mov": {Codec.h264, Codec.hevc, Codec.prores, Codec.dnxhr},
    ".mkv": set(Codec) - {Codec.dnxhr},
}


def output_suffix(info: VideoInfo, container: Container, codec: Codec) -> str:
    """``.mp4``, ``.mov`` or ``.mkv``: the file name's extension of the output.

    FFV1 always goes to Matroska, DNxHR to QuickTime; ProRes goes to QuickTime where that holds all the rest, else to
    Matroska, and never to MP4. ``source`` keeps MP4 and QuickTime where they hold all sound and subtitles as they
    are, and is otherwise the first container that does, Matroska if none. Raises ``MediaError`` where the source cannot
    be opened.
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
        film = video_stream(source, info.path).index
        tracks = [s for s in source.streams if s.type in ("audio", "subtitle", "video") and s.index != film]
        tracks = [stream for stream in tracks if not is_cover(stream)]
        for suffix in candidates:
            if all(can_hold(_MUXERS[suffix], stream) for stream in tracks):
                return suffix
    return ".mkv"


def copyable(info: VideoInfo, pts: Int64) -> tuple[str, ...]:
    """The kinds of file (``.mkv`` ...) to which the source's own packets could go, shown at ``pts``, int64 (n,).

    None unless the file is Matroska, WebM, MP4 or QuickTime with one packet and one time for each frame: others keep
    their codecs' headers elsewhere, or no times. Raises ``MediaError`` where the source cannot be opened.
    """
    if not {"matroska", "mp4"} & set(info.container.split(",")):
        return ()
    with open_input(info.path) as source:
        stream = video_stream(source, info.path)
        read_only(source, stream)
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
    """When each packet of the joined segments is shown and decoded: ``ranks`` int64 (n,) in decoding order."""

    ranks: Int64
    pts: Int64
    step: int

    @property
    def delay(self) -> int:
        """By how many frames decoding must run ahead, so that no packet is decoded after it is shown."""
        return int(max((np.arange(len(self.ranks)) - self.ranks).max(), 0))

    def times(self) -> Iterator[tuple[int, int, int]]:
        """(pts, dts, duration) of every packet, dts rising strictly and never past pts, for any frame times."""
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
    """Join ``segments`` into ``out`` with the source's frame times ``pts``, int64 (n,), and all that it carries.

    In place of segments there may be the source itself (see ``copyable``).
    The n-th frame shown by the segments gets the n-th time. Sound and subtitles are copied packet by packet with their
    own times; ``partial`` ends them with the last frame and says so in the comment tag. Subtitles that have places are
    moved to where the source's picture lies by ``places`` (None: they stay). The kind of file follows
    ``out``'s extension. It is written under a temporary name and takes its place when it is whole. Raises
    ``MediaError`` where the segments' frames are not as many as ``pts``, do not fit together, or writing fails.
    """
    step = max(round(1 / (info.fps * info.time_base)), 1)
    schedule = _Schedule(_ranks(segments, len(pts), out), np.asarray(pts, np.int64), step)
    end = (int(pts[-1]) + step) * info.time_base
    part = PartFile(out)
    try:
        notes, departures, rest = _write(info, segments, schedule, part.temporary, end if partial else None, places)
        finish(part.temporary, rest)
    except (av.FFmpegError, OSError, ValueError) as error:
        part.discard()
        raise MediaError(f"{out} cannot be written: {reason(error)}") from error
    except BaseException:
        part.discard()
        raise
    part.commit()
    return Assembled(len(pts), float(end - int(pts[0]) * info.time_base), out.stat().st_size, notes, departures)


def _ranks(segments: Sequence[Path | str], count: int, out: Path) -> Int64:
    """The frame number of every packet, in decoding order; also checks that the segments can be joined."""
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
            shown = [packet.pts for packet in container.demux(stream) if packet.size]
        order = np.argsort(np.array(shown, np.int64), kind="stable")
        ranks = np.empty(len(order), np.int64)
        ranks[order] = np.arange(len(order)) + begin
        parts.append(ranks)
        begin += len(order)
    if begin != count or not count:
        raise MediaError(f"{out} needs {count} frames, and its {len(segments)} segments have {begin}")
    return np.concatenate(parts)


def _is_source(info: VideoInfo, segments: Sequence[Path | str]) -> bool:
    """Whether the source's own packets are joined, which have all that rides in them."""
    return [str(segment) for segment in segments] == [info.path]


def _write(
    info: VideoInfo,
    segments: Sequence[Path | str],
    schedule: _Schedule,
    path: Path,
    end: Fraction | None,
    places: Places | None,
) -> tuple[tuple[Note, ...], Departures, Rest]:
    """Returns the notes, what ``Assembled.departures`` says, and what is still to be written into the header."""
    with ExitStack() as stack:
        source = stack.enter_context(open_input(info.path))
        model = stack.enter_context(open_input(str(segments[0])))
        told = told_by(source, info.path)
        options = muxer_options(_MUXERS[path.suffix], source, told)
        target = stack.enter_context(
            av.open(str(path), "w", _MUXERS[path.suffix], container_options=options, metadata_errors="surrogateescape")
        )
        film = video_stream(source, info.path)
        template = video_stream(model, str(segments[0]))
        carried = add_tracks(source, target, film, template)
        notes, rest = describe(info, source, target, film, carried, told, end)
        writer, lost = _caption_writer(info, segments, template)
        moves = clock_moves(info.path, info.size, info.mtime_ns)
        followers = _followers(info, source, carried, places, moves)
        video = _video_packets(info, segments, schedule, carried.targets[film.index], writer)
        strict = not takes_equal_times(target)
        clocks = {index: TrackClock(strict=strict) for index in carried.targets if index != film.index}
        others = carried_packets(source, set(carried.targets) - {film.index}, end, clocks, moves)
        tracks = {stream.index: index for index, stream in carried.targets.items() if index != film.index}
        fillers = _fillers(target, carried)
        _mux(target, _interleave(video, _retargeted(others, carried, followers, fillers)), tracks, clocks)
        notes = (
            *carried.notes,
            *notes,
            *_notes_of_packets(source, clocks, carried),
            *_notes_of_silence(source, fillers),
            *lost,
        )
    refused = {index: frozenset(clock.refused) for index, clock in clocks.items() if clock.refused}
    filled = {index: tuple(one.fills) for index, one in fillers.items() if one.fills}
    return notes, replace(carried.departures, refused=refused, moved=frozenset(followers), filled=filled), rest


def _fillers(target: OutputContainer, carried: Carried) -> dict[int, Filler]:
    """What fills the pauses of the tracks whose times the container does not keep, by the source's stream."""
    if target.format.name == "matroska":
        return {}
    found = {index: filler(stream) for index, stream in carried.targets.items()}
    return {index: one for index, one in found.items() if one is not None}


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
    """Write all packets; ``tracks`` has the source's stream by the target's, of all but the film."""
    for packet in packets:
        try:
            target.mux(packet)
        except av.InvalidDataError:
            if packet.stream_index not in tracks:
                raise
            clocks[tracks[packet.stream_index]].refuse()  # the others wait for it: it is the last one read


def _notes_of_packets(source: InputContainer, clocks: Mapping[int, TrackClock], carried: Carried) -> Iterator[Note]:
    moved = sum(clock.moved for clock in clocks.values())
    if moved:
        yield Note(f"{moved} sound or subtitle packets had no time or a backward one and were put in order")
    for index, clock in clocks.items():
        if clock.refused:
            what = f"{len(clock.refused)} of {clock.count} packets of {name_of(source.streams[index])}"
            yield Note(f"{what} are damaged and left out", loss=True)
    for index, decoded in carried.decoded.items():
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
    """What puts the source's captions into the segments' packets, None where there are none to put in, and notes."""
    if not info.captions or _is_source(info, segments):
        return None, ()
    context = template.codec_context
    lost = lost_captions(info, context.codec.canonical_name)
    if lost is not None:
        return None, (lost,)
    return CaptionWriter(context.codec.canonical_name, context.extradata or b"", captions_of(info)), ()


def _replaced(packet: Packet[Any], content: bytes) -> Packet[Any]:
    """A packet like ``packet`` with another content."""
    result: Packet[Any] = Packet(content)
    result.pts, result.dts, result.duration = packet.pts, packet.dts, packet.duration
    result.time_base, result.is_keyframe = packet.time_base, packet.is_keyframe
    return result


def _followers(
    info: VideoInfo, source: InputContainer, carried: Carried, places: Places | None, moves: Moves
) -> dict[int, Follower]:
    """What moves the subtitles, by the source's stream; the headers of their copies are moved."""
    if places is None or not places.moved:
        return {}
    stored = info if info.treatment is None else info.treatment.stored
    streams = {stream.index: stream for stream in source.streams if stream.index in carried.targets}
    found = follow(info.path, streams, places, (stored.width, stored.height), moves)
    for index, one in found.items():
        if one.header is not None:
            cast(Any, carried.targets[index].codec_context).extradata = one.header
    return found


def _retargeted(
    packets: Iterator[Packet[Any]],
    carried: Carried,
    followers: Mapping[int, Follower],
    fillers: Mapping[int, Filler],
) -> Iterator[Packet[Any]]:
    """Packets of the source as packets of the target's streams."""

    def filled(index: int, found: Iterable[Packet[Any]]) -> Iterable[Packet[Any]]:
        return fillers[index].filled(found) if index in fillers else found

    for packet in packets:
        index = packet.stream_index
        if index in carried.decoded:
            yield from filled(index, carried.decoded[index].convert(packet))
            continue
        if index in followers:
            packet = _replaced(packet, followers[index].moved(packet))
        packet.stream = carried.targets[index]
        yield from filled(index, [packet])
    for index, decoded in carried.decoded.items():
        yield from filled(index, decoded.convert(None))


def _interleave(video: Iterator[Packet[Any]], others: Iterator[Packet[Any]]) -> Iterator[Packet[Any]]:
    """Both in the order of their decoding times, so that the muxer has little to hold back."""
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
