"""Reads a media file for the check of results: its packets, tracks, chapters and attachments, by FFmpeg's demuxer.

It shares no code with the copying (``remux``, ``track_copy``), so that a fault there cannot hide itself.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any
from zlib import crc32

import av
import numpy as np
import numpy.typing as npt
from av.container import InputContainer
from av.packet import Packet
from av.stream import AttachmentStream, Stream

from remaster.arrays import Float64, Int64
from remaster.errors import MediaError
from remaster.media.containers import is_cover, name_of, open_input, video_stream
from remaster.media.matroska import chapter_checksums, matroska_only_features, plain_chapters, read_header
from remaster.media.mp4 import read_languages

TRACK_KINDS = ("audio", "subtitle", "video")
_ADTS_CODECS = {"aac"}
_NAL_CODECS = {"h264", "hevc"}  # their NAL units follow a start code or a length, depending on the container
_MAX_SILENCE = 1 << 20  # of 31 bits, a sample counts as silent: A-law's silence is not quite 0
_MAY_JUMP = 0x200  # AVFMT_TS_DISCONT


@dataclass(frozen=True)
class Packets:
    """Packets in the file's order: times (NaN: none) and durations in seconds, positions in bytes, (n,) each.

    ``sizes`` (bytes) and ``checksums`` (CRC-32) are of the payloads; of decoded samples, see ``samples_of``.
    """

    times: Float64
    durations: Float64
    positions: Int64
    keys: npt.NDArray[np.bool_]
    sizes: Int64
    checksums: Int64

    def __len__(self) -> int:
        return len(self.times)

    def __getitem__(self, which: Any) -> Packets:
        return Packets(*(getattr(self, name)[which] for name in COLUMNS))

    @property
    def ends(self) -> Float64:
        """When each packet ends, in seconds."""
        return self.times + self.durations


COLUMNS = ("times", "durations", "positions", "keys", "sizes", "checksums")


@dataclass(frozen=True)
class Track:
    """A stream and its ``packets``; ``lead`` has the last packet before them that an edit list cuts out, if any.

    ``raw``: it holds PCM samples. ``tick`` is its time base in seconds, ``language`` FFmpeg's code and the BCP 47 tag,
    ``content`` a checksum of all payloads.
    """

    index: int
    kind: str
    name: str
    raw: bool
    tick: float
    language: tuple[str, str]
    packets: Packets
    lead: Packets
    content: int


@dataclass(frozen=True)
class File:
    """All that is compared of a file.

    ``jumpy`` formats have clocks that may jump, and that results shift to begin at 0. ``editions`` are checksums of
    Matroska's chapters, None for other formats; ``plain`` are these chapters as other formats can hold them.
    """

    path: str
    main: Track
    tracks: tuple[Track, ...]
    attachments: Counter[tuple[str, int]]
    chapters: tuple[tuple[float, float, str], ...]
    timecodes: frozenset[str]
    jumpy: bool
    editions: tuple[tuple[int, ...], ...] | None
    plain: tuple[tuple[float, float, str], ...]


@dataclass
class _Columns:
    """A stream's packets while they are read; without the content where the stream is the ``main`` one."""

    tick: float
    main: bool
    rows: array[float] = field(default_factory=lambda: array("d"))
    whole: array[int] = field(default_factory=lambda: array("q"))
    lead: tuple[array[float], array[int]] = field(default_factory=lambda: (array("d"), array("q")))
    content: int = 0

    def add(self, packet: Packet[Any]) -> None:
        payload = b"" if self.main else _payload(packet)
        time = np.nan if packet.pts is None else packet.pts * self.tick
        row = array("d", [time, (packet.duration or 0) * self.tick])
        # A packet that a parser cut out of a larger piece has no position of its own.
        position = packet.pos if packet.pos is not None else self.whole[-4] if self.whole else 0
        whole = array("q", [position, bool(packet.is_keyframe), len(payload), crc32(payload)])
        if packet.is_discard:
            self.lead = self.lead if self.rows else (row, whole)
            return
        self.rows += row
        self.whole += whole
        self.content = crc32(payload, self.content)


def _packets(rows: array[float], whole: array[int]) -> Packets:
    times, durations = np.array(rows, np.float64).reshape(-1, 2).T
    positions, keys, sizes, checksums = np.array(whole, np.int64).reshape(-1, 4).T
    return Packets(times, durations, positions, keys.astype(bool), sizes, checksums)


def read(path: str) -> File:
    """Read all packets of a file."""
    with open_input(path) as container:
        main = video_stream(container, path).index
        streams = [stream for stream in container.streams if not isinstance(stream, AttachmentStream)]
        columns = {s.index: _Columns(float(s.time_base or Fraction(1, 1000)), s.index == main) for s in streams}
        attached = Counter((s.name or "", crc32(s.data)) for s in container.streams if isinstance(s, AttachmentStream))
        metadata = [container.metadata, *(stream.metadata for stream in container.streams)]
        codes = {tags[key] for tags in metadata for key in tags if key.lower() == "timecode"}
        chapters = [(c, c["time_base"] or Fraction(1, av.time_base)) for c in container.chapters()]
        try:
            for packet in container.demux():
                if packet.size and packet.stream_index in columns:
                    columns[packet.stream_index].add(packet)
        except av.FFmpegError:
            pass  # It breaks off here for everyone; that it does is noted.
        languages = _languages(path, container)
        editions: tuple[tuple[int, ...], ...] | None = None
        plain: tuple[tuple[float, float, str], ...] = ()
        if "matroska" in container.format.name:
            found = read_header(path).chapters
            editions = chapter_checksums(found)
            rows = plain_chapters(found) if matroska_only_features(found) else []
            plain = tuple((start / 1e9, end / 1e9, title) for start, end, title in rows)
        tracks = {
            stream.index: _track(stream, columns[stream.index], languages.get(stream.index, "")) for stream in streams
        }
        return File(
            path,
            tracks.pop(main),
            tuple(tracks.values()),
            attached,
            tuple((float(c["start"] * b), float(c["end"] * b), c["metadata"].get("title", "")) for c, b in chapters),
            frozenset(codes),
            bool(container.format.flags & _MAY_JUMP),
            editions,
            plain,
        )


def _languages(path: str, container: InputContainer) -> dict[int, str]:
    """The tracks' languages as BCP 47 tags, by stream index."""
    if "mp4" in container.format.name:
        return dict(enumerate(read_languages(path)))
    if "matroska" not in container.format.name:
        return {}
    tracks = [stream.index for stream in container.streams if stream.type in TRACK_KINDS]
    return dict(zip(tracks, read_header(path).languages, strict=False))


def _track(stream: Stream, columns: _Columns, language: str) -> Track:
    return Track(
        stream.index,
        "cover" if is_cover(stream) else stream.type,
        name_of(stream),
        stream.codec_context is not None and stream.codec_context.name.startswith("pcm_"),
        columns.tick,
        (stream.language or "und", language),
        _packets(columns.rows, columns.whole),
        _packets(*columns.lead),
        columns.content,
    )


def joined(first: Packets, then: Packets) -> Packets:
    """Two runs of packets as one."""
    return Packets(*(np.concatenate([getattr(first, name), getattr(then, name)]) for name in COLUMNS))


def frames_of(container: Any, stream: Any) -> Iterator[Any]:
    """Decode a stream; broken packets are skipped."""
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
        except av.FFmpegError:
            packet = None
        last = packet is None or not packet.size
        try:
            yield from stream.codec_context.decode(None if last else packet)
        except EOFError:
            return
        except av.FFmpegError:
            pass  # a broken packet: the next may be whole
        if last:
            return


def samples_of(path: str, track: Track, silence: Sequence[tuple[int, int]] = ()) -> Packets:
    """A sound track's decoded frames as packets: sizes in samples, checksums over all samples so far (32 bits each).

    The checksums leave out ``silence``: (samples before it, samples in it) each. Raises ``MediaError`` where that is
    not silent.
    """
    seen, rows, whole = 0, array("d"), array("q")
    positions = dict(zip(track.packets.times.tolist(), track.packets.positions.tolist(), strict=True))
    checksum, position = 0, 0
    with open_input(path) as container:
        stream = container.streams[track.index]
        resampler: Any = None
        for frame in frames_of(container, stream):
            resampler = resampler or av.AudioResampler("s32", frame.layout, frame.sample_rate)
            time = np.nan if frame.pts is None else frame.pts * track.tick
            position = positions.get(time, position)
            for part in resampler.resample(frame):
                samples = part.to_ndarray().reshape(part.samples, -1)
                kept = np.ones(len(samples), bool)
                for at, count in silence:
                    kept[max(at - seen, 0) : max(at - seen + count, 0)] = False
                if np.abs(samples[~kept].astype(np.int64)).max(initial=0) > _MAX_SILENCE:
                    raise MediaError(f"{path}: {track.name} is not silent where it should be")
                seen += len(samples)
                checksum = crc32(samples[kept].tobytes(), checksum)
            rows += array("d", [time, frame.samples / frame.sample_rate])
            whole += array("q", [position, 1, frame.samples, checksum])
    return _packets(rows, whole)


def _payload(packet: Packet[Any]) -> bytes:
    """A packet's bytes without those that depend on the container.

    These are AAC's ADTS header in transport streams, and the start code or length before each NAL unit.
    """
    data = bytes(packet)
    context = packet.stream.codec_context
    name = "" if context is None else context.codec.canonical_name
    if name in _NAL_CODECS:
        return _units(data)
    if name not in _ADTS_CODECS or len(data) < 7:
        return data
    if data[0] != 0xFF or data[1] & 0xF6 != 0xF0 or int.from_bytes(data[3:6]) >> 5 & 0x1FFF != len(data):
        return data
    return data[7:] if data[1] & 1 else data[9:]


def _units(data: bytes) -> bytes:
    """A picture's NAL units, joined without their start codes or lengths (4 bytes)."""
    if data[:3] == b"\0\0\1" or data[:4] == b"\0\0\0\1":
        return b"".join(part.rstrip(b"\0") for part in data.split(b"\0\0\1"))
    units, at = [], 0
    while at + 4 <= len(data):
        size = int.from_bytes(data[at : at + 4])
        units.append(data[at + 4 : at + 4 + size].rstrip(b"\0"))
        at += 4 + size
    return b"".join(units) if at == len(data) else data
