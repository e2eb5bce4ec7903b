"""Copies what a file has besides its main video stream: sound, subtitles, attachments, cover art, chapters.

``add_tracks`` creates the target's streams, ``copied_packets`` reads the packets for them. A track that the container
cannot hold as it is is decoded to raw samples or left out, with a note.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import islice
from typing import Any

import av
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.stream import AttachmentStream, Stream
from av.video.stream import VideoStream

from remaster.media.container_support import (
    TrackMode,
    copy_stream,
    described_as,
    raw_codec,
    raw_stream,
    track_mode,
    wave_format,
)
from remaster.media.containers import demux_only, is_cover, name_of, open_input
from remaster.media.discontinuities import PacketShifter, TimeShifts
from remaster.media.types import Departures
from remaster.notes import Note

# Codecs of pictures that Matroska keeps as attachments: file extension and MIME type.
_PICTURES = {
    "mjpeg": ("jpg", "image/jpeg"),
    "png": ("png", "image/png"),
    "gif": ("gif", "image/gif"),
    "bmp": ("bmp", "image/bmp"),
    "webp": ("webp", "image/webp"),
    "tiff": ("tiff", "image/tiff"),
}
_PACKETS_TO_COVERS = 64
"""Packets among which cover art is looked for: demuxers return it before all other packets."""
_TIMECODE_TAGS = ("timecode", "reel_name")


@dataclass(frozen=True)
class CopiedTracks:
    """The target's streams by the source's stream index, and what is not copied as it is.

    ``decoded``: streams that are decoded and written as raw samples. ``waves``: the WAVEFORMATEX of streams that
    Matroska keeps as ``A_MS/ACM``, which must be written into its header afterwards.
    """

    targets: dict[int, Stream]
    notes: tuple[Note, ...]
    departures: Departures
    decoded: dict[int, Decoded]
    waves: dict[int, bytes]


@dataclass(frozen=True)
class Decoded:
    """A track that is decoded and encoded as raw samples; ``broken``: sizes of packets that cannot be decoded."""

    source: Stream
    target: Any
    broken: list[int] = field(default_factory=list)

    def convert(self, packet: Packet[Any] | None) -> Iterator[Packet[Any]]:
        """The raw packets of a packet; None flushes the decoder."""
        context: Any = self.source.codec_context
        try:
            frames = context.decode(packet)
        except av.FFmpegError:
            if packet is not None:
                self.broken.append(packet.size)
            return
        for frame in frames:
            yield from self.target.encode(frame)


@dataclass
class TrackClock:
    """Keeps a copied track's decoding times in order, since muxers refuse times that go back.

    ``strict``: times may not repeat either, except for subtitles, several of which may begin at once. ``moved`` counts
    the packets whose times were changed, ``refused`` has the numbers of packets that the muxer still did not take.
    """

    last: int | None = None
    moved: int = 0
    count: int = 0
    refused: set[int] = field(default_factory=set)
    strict: bool = True

    def settle(self, packet: Packet[Any]) -> None:
        """Set the packet's times where they are missing or not after those of the packet before."""
        self.count += 1
        if packet.dts is None:
            packet.dts = packet.pts
        wanted = packet.dts
        step = int(self.strict and packet.stream.type != "subtitle")
        if wanted is None or (self.last is not None and wanted < self.last + step):
            wanted = 0 if self.last is None else self.last + 1
            packet.dts = wanted
            self.moved += 1
        self.last = wanted
        if packet.pts is None or packet.pts < self.last:
            packet.pts = self.last

    def refuse(self) -> None:
        """Record that the muxer did not take the last packet."""
        self.refused.add(self.count - 1)


def add_tracks(
    source: InputContainer, target: OutputContainer, main: VideoStream, template: VideoStream
) -> CopiedTracks:
    """Create the target's streams in the source's order: ``main`` as ``template``, its new encoding, others as is."""
    adding = TrackAdder(source, target)
    for stream in source.streams:
        if stream.index == main.index:
            adding.targets[main.index] = described_as(target.add_stream_from_template(template, opaque=True), main)
        elif isinstance(stream, AttachmentStream):
            adding.attach(stream)
        elif not (is_cover(stream) and adding.matroska and adding.attach_cover(stream)):
            adding.track(stream, main)
    if adding.timecode:
        tags = adding.targets[main.index].metadata
        tags.update({key: value for key, value in adding.timecode.items() if key not in tags})
    departures = Departures(
        frozenset(adding.left_out), frozenset(adding.decoded), attachments_left=adding.attachments_left
    )
    return CopiedTracks(adding.targets, tuple(adding.notes), departures, adding.decoded, adding.waves)


@dataclass
class TrackAdder:
    """Adds the source's streams to a target one by one, and collects what is not copied as it is."""

    source: InputContainer
    target: OutputContainer
    targets: dict[int, Stream] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)
    left_out: set[int] = field(default_factory=set)
    decoded: dict[int, Decoded] = field(default_factory=dict)
    waves: dict[int, bytes] = field(default_factory=dict)
    timecode: dict[str, str] = field(default_factory=dict)
    attachments_left: bool = False

    @property
    def matroska(self) -> bool:
        """Whether the target is a Matroska file."""
        return self.target.format.name == "matroska"

    def attach(self, stream: AttachmentStream) -> None:
        """Copy an attachment."""
        if self.matroska:
            kind = stream.mimetype or "application/octet-stream"
            self.target.add_attachment(stream.name or "attachment", kind, stream.data)
            return
        self.attachments_left = True
        self._leave(stream, "it has no attachments")

    def attach_cover(self, stream: Stream) -> bool:
        """Attach cover art, which Matroska needs before the first packet; returns False where its format is unknown."""
        known = _PICTURES.get(stream.codec_context.name) if stream.codec_context else None
        data = b"" if known is None else _cover(self.source.name, stream.index)
        if known is None or not data:
            return False
        name = stream.metadata.get("filename", f"cover.{known[0]}")
        self.target.add_attachment(name, stream.metadata.get("mimetype", known[1]), data)
        return True

    def track(self, stream: Stream, main: VideoStream) -> None:
        """Copy a track in the best way that the container allows, or leave it out with a note."""
        kind = self.target.format.name
        if stream.type == "data" and "timecode" in stream.metadata:
            # Muxers write a track or a tag from the main stream's tag.
            self.timecode |= {key: stream.metadata[key] for key in _TIMECODE_TAGS if key in stream.metadata}
            return
        if _is_chapter_track(self.source, stream):
            return
        mode, why = track_mode(kind, stream)
        if is_cover(stream) and self.matroska:
            mode, why = None, "its format is not known, or it is empty"
        if (
            mode is TrackMode.copy
            and stream.type == "video"
            and not is_cover(stream)
            and _has_cuts(self.source.name, stream)
        ):
            mode, why = None, "an edit list cuts pictures out of it"
        if mode is None:
            self._leave(stream, why)
        elif mode is TrackMode.copy:
            self.targets[stream.index] = copy_stream(self.target, stream)
        elif mode is TrackMode.wave:
            self.waves[stream.index] = wave_format(stream)
            self.targets[stream.index] = raw_stream(
                self.target, stream, "pcm_s16le"
            )  # the header edit replaces this codec
        else:
            self._decode(stream, why)

    def _decode(self, stream: Stream, why: str) -> None:
        codec = raw_codec(stream) or ""
        raw = self.targets[stream.index] = raw_stream(self.target, stream, codec)
        self.decoded[stream.index] = Decoded(stream, raw)
        said = f"{name_of(stream)} cannot be carried by {self.target.format.name} as it is ({why})"
        self.notes.append(Note(f"{said}: it is decoded to {codec}, which loses nothing"))

    def _leave(self, stream: Stream, why: str) -> None:
        self.left_out.add(stream.index)
        said = f"{name_of(stream)} cannot be carried by {self.target.format.name} and is left out: {why}"
        self.notes.append(Note(said, loss=True))


def _cover(path: str, index: int) -> bytes:
    with open_input(path) as again:
        for packet in islice(again.demux(), _PACKETS_TO_COVERS):
            if packet.stream_index == index and packet.size:
                return bytes(packet)
    return b""


def _has_cuts(path: str, stream: Stream) -> bool:
    """Whether an edit list cuts some of a stream's pictures, which only MP4 and QuickTime can express."""
    with open_input(path) as again:
        there = again.streams[stream.index]
        demux_only(again, there)
        return any(packet.size and packet.is_discard for packet in again.demux(there))


def _is_chapter_track(source: InputContainer, stream: Stream) -> bool:
    """Whether the stream is the text track in which QuickTime and MP4 repeat their chapters."""
    return stream.type == "data" and stream.name == "bin_data" and bool(source.chapters())


def copied_packets(
    source: InputContainer, indices: set[int], end: Fraction | None, clocks: dict[int, TrackClock], shifts: TimeShifts
) -> Iterator[Packet[Any]]:
    """The packets of the streams ``indices`` in the file's order, times in order, up to ``end`` seconds (None: all).

    Times are shifted where the file's clock jumps. Packets that an edit list cuts are left out.
    """
    streams = [stream for stream in source.streams if stream.index in indices]
    if not streams:
        return
    demux_only(source, *streams)
    shifter = PacketShifter(shifts)
    for packet in without_cut_packets(source.demux(streams)):
        shifter.shift(packet)
        if packet.stream.type != "video":
            clocks.setdefault(packet.stream_index, TrackClock()).settle(packet)
        if end is None or packet.pts is None or packet.pts * packet.time_base < end:
            yield packet


def without_cut_packets(packets: Iterator[Packet[Any]]) -> Iterator[Packet[Any]]:
    """Packets with bytes, without those that an edit list cuts.

    The sound packet right before the first played one is kept where it ends at 0: decoders need it as pre-roll.
    """
    leads: dict[int, Packet[Any]] = {}
    begun: set[int] = set()
    for packet in packets:
        index = packet.stream_index
        if not packet.size:
            continue
        if packet.is_discard:
            leads[index] = packet
            continue
        if index not in begun and index in leads and _leads(leads[index], packet):
            yield leads[index]
        begun.add(index)
        yield packet


def _leads(lead: Packet[Any], first: Packet[Any]) -> bool:
    if lead.stream.type != "audio" or lead.pts is None or first.pts is None:
        return False
    end = lead.pts + (lead.duration or 0)
    return end <= 1 and abs(first.pts - end) <= 1


def chapters_until(chapters: Iterable[Any], end: Fraction | None) -> list[Any]:
    """The chapters that begin before ``end`` seconds, each cut off there (None: all)."""
    found = []
    for chapter in chapters:
        base = chapter["time_base"] or Fraction(1, av.time_base)
        if end is not None and chapter["start"] * base >= end:
            continue
        last = chapter["end"] if end is None else min(chapter["end"], round(end / base))
        found.append({**chapter, "end": last, "time_base": base})
    return found
