"""What a video carries besides its picture: sound, subtitles, attachments, cover art, chapters and tags."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from io import BytesIO
from itertools import islice
from typing import Any

import av
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.stream import AttachmentStream, Disposition, Stream
from av.video.stream import VideoStream

from remaster.media.containers import open_input, read_only

# Tags that a muxer writes anew, or that speak of the source's own file.
_STALE_TAGS = {"encoder", "duration", "major_brand", "minor_version", "compatible_brands", "vendor_id"}
_STALE_PREFIXES = ("_statistics", "bps", "number_of_")
_PICTURES = {"mjpeg": ("cover.jpg", "image/jpeg"), "png": ("cover.png", "image/png")}
# Raw samples may come without the names of their channels, which MP4 must have.
_PLAIN_LAYOUTS = {"1 channels": "mono", "2 channels": "stereo"}
# Cover art is handed out before all other packets.
_PACKETS_TO_COVERS = 64


@dataclass(frozen=True)
class Carried:
    """Source streams by index with the streams they are copied to, and what could not be taken along."""

    targets: dict[int, Stream]
    notes: tuple[str, ...]


@dataclass
class TrackClock:
    """Keeps a copied track's times in order: muxers refuse decoding times that stand still or go back.

    ``refused``: the numbers of packets that a muxer did not take all the same.
    """

    last: int | None = None
    moved: int = 0
    count: int = 0
    refused: set[int] = field(default_factory=set)

    def settle(self, packet: Packet[Any]) -> None:
        """Give the packet times where it has none, and move it behind the one before where it is not."""
        self.count += 1
        if packet.dts is None:
            packet.dts = packet.pts
        wanted = packet.dts
        if wanted is None or (self.last is not None and wanted <= self.last):
            wanted = 0 if self.last is None else self.last + 1
            packet.dts = wanted
            self.moved += 1
        self.last = wanted
        if packet.pts is None or packet.pts < self.last:
            packet.pts = self.last

    def refuse(self) -> None:
        """The packet settled last was not taken."""
        self.refused.add(self.count - 1)


def name_of(stream: Stream) -> str:
    """How a note calls a stream: ``audio stream 1 (aac, eng)``."""
    words = [stream.codec_context.codec.canonical_name] if stream.codec_context else []
    words += [stream.language] if stream.language and stream.language != "und" else []
    return f"{stream.type} stream {stream.index}" + (f" ({', '.join(words)})" if words else "")


def is_cover(stream: Stream) -> bool:
    """Whether a stream is a single picture that goes with the film."""
    return stream.type == "video" and bool(stream.disposition & Disposition.attached_pic)


def fresh_tags(metadata: dict[str, str]) -> dict[str, str]:
    """Tags without those that muxers write themselves."""
    return {
        key: value
        for key, value in metadata.items()
        if key.lower() not in _STALE_TAGS and not key.lower().startswith(_STALE_PREFIXES)
    }


def can_hold(kind: str, stream: Stream) -> bool:
    """Whether the container format ``kind`` (FFmpeg's muxer name) can hold a stream as it is.

    Found by writing an empty file into memory: some limits show only there (Opus in QuickTime, PCM of unknown layout).
    """
    try:
        with av.open(BytesIO(), "w", kind) as trial:
            if _copy(trial, stream) is None:
                return False
            trial.start_encoding()
    except (av.FFmpegError, ValueError):
        return False
    return True


def _copy(target: OutputContainer, stream: Stream) -> Stream | None:
    if stream.codec_context is None:
        return None
    try:
        copy = target.add_stream_from_template(stream, opaque=True)
    except ValueError:
        return None
    if isinstance(copy, AudioStream) and copy.codec_context.layout.name in _PLAIN_LAYOUTS:
        copy.codec_context.layout = _PLAIN_LAYOUTS[copy.codec_context.layout.name]
    copy.metadata.update(fresh_tags(stream.metadata))
    copy.disposition = stream.disposition
    return copy


def add_tracks(source: InputContainer, target: OutputContainer, film: VideoStream, template: VideoStream) -> Carried:
    """Create the target's streams in the source's order: ``film`` as ``template``, its new encoding, others as is."""
    targets: dict[int, Stream] = {}
    notes: list[str] = []
    matroska = target.format.name == "matroska"
    for stream in source.streams:
        copy: Stream | None = None
        if stream.index == film.index:
            copy = target.add_stream_from_template(template, opaque=True)
            copy.metadata.update(fresh_tags(stream.metadata))
            copy.disposition = stream.disposition
        elif stream.type in ("audio", "subtitle") or (is_cover(stream) and not matroska):
            copy = _copy(target, stream) if can_hold(target.format.name, stream) else None
        elif isinstance(stream, AttachmentStream) and matroska:
            target.add_attachment(
                stream.name or "attachment", stream.mimetype or "application/octet-stream", stream.data
            )
            continue
        elif is_cover(stream) and _attach_cover(source, target, stream):
            continue
        if copy is not None:
            targets[stream.index] = copy
        elif not _is_chapter_track(source, stream):
            notes.append(f"{name_of(stream)} cannot be carried by {target.format.name} and is left out")
    return Carried(targets, tuple(notes))


def extras(source: InputContainer, kind: str) -> int:
    """How many attachments and covers of ``source`` a file of the muxer ``kind`` gets."""
    if kind.startswith("matroska"):
        attached = sum(isinstance(stream, AttachmentStream) for stream in source.streams)
        return attached + sum(
            is_cover(s) and bool(s.codec_context) and s.codec_context.name in _PICTURES for s in source.streams
        )
    return sum(is_cover(stream) and can_hold(kind, stream) for stream in source.streams)


def _is_chapter_track(source: InputContainer, stream: Stream) -> bool:
    """QuickTime and MP4 keep chapters as a text track, too; they are carried as chapters."""
    return stream.type == "data" and stream.name == "bin_data" and bool(source.chapters())


def _attach_cover(source: InputContainer, target: OutputContainer, stream: Stream) -> bool:
    """Matroska keeps cover art as an attachment, which must be there before the first packet."""
    known = _PICTURES.get(stream.codec_context.name) if stream.codec_context else None
    if known is None:
        return False
    with open_input(source.name) as again:
        for packet in islice(again.demux(), _PACKETS_TO_COVERS):
            if packet.stream_index == stream.index and packet.size:
                target.add_attachment(stream.metadata.get("filename", known[0]), known[1], bytes(packet))
                return True
    return False


def carried_packets(
    source: InputContainer, indices: set[int], end: Fraction | None, clocks: dict[int, TrackClock]
) -> Iterator[Packet[Any]]:
    """The packets of the streams ``indices`` in the file's order, times settled, none from ``end`` seconds on."""
    streams = [stream for stream in source.streams if stream.index in indices]
    if not streams:
        return
    read_only(source, *streams)
    for packet in source.demux(streams):
        if not packet.size:
            continue
        if packet.stream.type != "video":
            clocks.setdefault(packet.stream_index, TrackClock()).settle(packet)
        if end is None or packet.pts is None or packet.pts * packet.time_base < end:
            yield packet


def chapters_until(source: InputContainer, end: Fraction | None) -> list[Any]:
    """The chapters, those that begin before ``end`` seconds, cut off there."""
    kept = []
    for chapter in source.chapters():
        base = chapter["time_base"] or Fraction(1, av.time_base)
        if end is not None and chapter["start"] * base >= end:
            continue
        last = chapter["end"] if end is None else min(chapter["end"], round(end / base))
        kept.append({**chapter, "end": last, "time_base": base})
    return kept
