"""Assembly: the segments' packets and the source's sound, subtitles and tags in one file, nothing encoded again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import ExitStack
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
import numpy as np
import numpy.typing as npt
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from remaster.errors import MediaError
from remaster.media.captions import CaptionWriter, captions_of, lost_captions
from remaster.media.carry import (
    Carried,
    TrackClock,
    add_tracks,
    can_hold,
    carried_packets,
    chapters_until,
    fresh_tags,
    name_of,
)
from remaster.media.containers import open_input, read_only, reason, video_stream
from remaster.media.encode import Codec
from remaster.media.matroska import with_room, write_display_size
from remaster.media.partfile import PartFile
from remaster.media.subtitles.follow import Follower, follow
from remaster.media.subtitles.places import Places
from remaster.media.types import VideoInfo
from remaster.media.verify import verify

__all__ = ["Assembled", "Container", "assemble", "copyable", "output_suffix", "verify"]

Times = npt.NDArray[np.int64]


class Container(Enum):
    """The container of the output: the source's kind, or one asked for."""

    source = "source"
    mp4 = "mp4"
    mkv = "mkv"


@dataclass(frozen=True)
class Assembled:
    """``duration`` in seconds, from the first frame's time to the last one's end; ``notes`` say what was left out.

    ``refused``: numbers of damaged packets, by the source's stream, that the container did not take. ``moved``: the
    source's streams whose subtitles follow the picture.
    """

    frames: int
    duration: float
    bytes: int
    notes: tuple[str, ...]
    refused: Mapping[int, Set[int]]
    moved: Set[int] = frozenset()


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
        tracks = [stream for stream in source.streams if stream.type in ("audio", "subtitle")]
        for suffix in candidates:
            if all(can_hold(_MUXERS[suffix], stream) for stream in tracks):
                return suffix
    return ".mkv"


def copyable(info: VideoInfo, pts: Times) -> tuple[str, ...]:
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

    ranks: Times
    pts: Times
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
    pts: Times,
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
        lost = None if _is_source(info, segments) else lost_captions(info, _model(segments)[0])
        notes, refused, moved = _write(info, segments, schedule, part.temporary, end if partial else None, places)
        notes = notes if lost is None else (*notes, lost)
        if out.suffix == ".mkv" and info.sar != 1:
            _, width, height = _model(segments)
            write_display_size(part.temporary, width, height, info.sar)
    except (av.FFmpegError, OSError, ValueError) as error:
        part.discard()
        raise MediaError(f"{out} cannot be written: {reason(error)}") from error
    except BaseException:
        part.discard()
        raise
    part.commit()
    return Assembled(len(pts), float(end - int(pts[0]) * info.time_base), out.stat().st_size, notes, refused, moved)


def _ranks(segments: Sequence[Path | str], count: int, out: Path) -> Times:
    """The frame number of every packet, in decoding order; also checks that the segments can be joined."""
    parts: list[Times] = []
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


def _model(segments: Sequence[Path | str]) -> tuple[str, int, int]:
    """(codec's name, width, height) of the joined video."""
    with open_input(str(segments[0])) as container:
        context = video_stream(container, str(segments[0])).codec_context
        return context.codec.canonical_name, context.width, context.height


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
) -> tuple[tuple[str, ...], dict[int, set[int]], set[int]]:
    """Returns the notes, and what ``Assembled``'s ``refused`` and ``moved`` say."""
    options = {"fflags": "+bitexact", "avoid_negative_ts": "disabled"}
    if path.suffix != ".mkv":
        # Start offsets are kept in units of the movie's time scale, which is 1 ms by default.
        options |= {"movflags": "+faststart", "movie_timescale": "90000"}
    clocks: dict[int, TrackClock] = {}
    with ExitStack() as stack:
        source = stack.enter_context(open_input(info.path))
        model = stack.enter_context(open_input(str(segments[0])))
        target = stack.enter_context(
            av.open(str(path), "w", _MUXERS[path.suffix], container_options=options, metadata_errors="surrogateescape")
        )
        film = video_stream(source, info.path)
        carried = add_tracks(source, target, film, video_stream(model, str(segments[0])))
        _describe(info, source, target, film, carried, end)
        moving = _followers(info, source, carried, places)
        video = _video_packets(info, segments, schedule, carried.targets[film.index])
        others = carried_packets(source, set(carried.targets) - {film.index}, end, clocks)
        tracks = {stream.index: index for index, stream in carried.targets.items() if index != film.index}
        for packet in _interleave(video, _retargeted(others, carried.targets, moving)):
            try:
                target.mux(packet)
            except av.InvalidDataError:
                if packet.stream_index not in tracks:
                    raise
                clocks[tracks[packet.stream_index]].refuse()  # the others wait for it: it is the last one read
        notes = (*carried.notes, *_notes_of_packets(source, clocks))
    return notes, {index: clock.refused for index, clock in clocks.items() if clock.refused}, set(moving)


def _notes_of_packets(source: InputContainer, clocks: Mapping[int, TrackClock]) -> Iterator[str]:
    moved = sum(clock.moved for clock in clocks.values())
    if moved:
        yield f"{moved} sound or subtitle packets had no time or a backward one and were put in order"
    for index, clock in clocks.items():
        if clock.refused:
            what = f"{len(clock.refused)} of {clock.count} packets of {name_of(source.streams[index])}"
            yield f"{what} are damaged and left out"


def _describe(
    info: VideoInfo,
    source: InputContainer,
    target: OutputContainer,
    film: VideoStream,
    carried: Carried,
    end: Fraction | None,
) -> None:
    """Everything that is written before the first packet and is no stream."""
    video = carried.targets[film.index]
    matroska = target.format.name == "matroska"
    video.time_base = info.time_base
    if video.codec_context is not None:
        cast(VideoCodecContext, video.codec_context).sample_aspect_ratio = info.sar
    if matroska and info.sar != 1:
        video.metadata["title"] = with_room(video.metadata.get("title", ""))
    if info.display and isinstance(video, VideoStream):
        video.set_display_matrix(info.display)
    target.metadata.update(fresh_tags(source.metadata))
    target.set_chapters(chapters_until(source, end))
    if end is not None:
        tags = [target.metadata.get("comment", ""), f"partial: ends after {float(end):.3f} s"]
        target.metadata["comment"] = "; ".join(tag for tag in tags if tag)


def _video_packets(
    info: VideoInfo, segments: Sequence[Path | str], schedule: _Schedule, target: Stream
) -> Iterator[Packet[Any]]:
    times = schedule.times()
    writer = _caption_writer(info, segments)
    for segment in segments:
        with open_input(str(segment)) as container:
            packets: Iterator[Packet[Any]] = container.demux(video_stream(container, str(segment)))
            for packet in packets:
                if packet.size:
                    pts, dts, duration = next(times)
                    packet = packet if writer is None else _captioned(packet, writer, pts)
                    packet.pts, packet.dts, packet.duration = pts, dts, duration
                    packet.time_base = info.time_base
                    packet.stream = target
                    yield packet


def _caption_writer(info: VideoInfo, segments: Sequence[Path | str]) -> CaptionWriter | None:
    """What puts the source's captions into the segments' packets; None where there are none to put in."""
    with open_input(str(segments[0])) as container:
        context = video_stream(container, str(segments[0])).codec_context
        name, configuration = context.codec.canonical_name, context.extradata or b""
    if _is_source(info, segments) or not info.captions or lost_captions(info, name):
        return None
    return CaptionWriter(name, configuration, captions_of(info))


def _captioned(packet: Packet[Any], writer: CaptionWriter, pts: int) -> Packet[Any]:
    return replaced(packet, writer.written(bytes(packet), pts))


def replaced(packet: Packet[Any], content: bytes) -> Packet[Any]:
    """A packet like ``packet`` with another content."""
    result: Packet[Any] = Packet(content)
    result.pts, result.dts, result.duration = packet.pts, packet.dts, packet.duration
    result.time_base, result.is_keyframe = packet.time_base, packet.is_keyframe
    return result


def _followers(info: VideoInfo, source: InputContainer, carried: Carried, places: Places | None) -> dict[int, Follower]:
    """What moves the subtitles, by the source's stream; the headers of their copies are moved."""
    if places is None or not places.moved:
        return {}
    stored = info if info.treatment is None else info.treatment.stored
    streams = {stream.index: stream for stream in source.streams if stream.index in carried.targets}
    found = follow(info.path, streams, places, (stored.width, stored.height))
    for index, one in found.items():
        if one.header is not None:
            cast(Any, carried.targets[index].codec_context).extradata = one.header
    return found


def _retargeted(
    packets: Iterator[Packet[Any]], targets: dict[int, Stream], moving: Mapping[int, Follower]
) -> Iterator[Packet[Any]]:
    for packet in packets:
        index = packet.stream_index
        if index in moving:
            packet = replaced(packet, moving[index].moved(packet))
        packet.stream = targets[index]
        yield packet


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
