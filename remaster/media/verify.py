"""Checking an assembled file against its source, by a plain reading of both that shares nothing with the copying.

What a player would show and play is compared: the frames and their times, each track's content and times, and that
sound stays with the pictures it lies beside in the file, however the file's clock may jump.
"""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any
from zlib import crc32

import av
import numpy as np
import numpy.typing as npt
from av.container import InputContainer
from av.packet import Packet
from av.stream import AttachmentStream, Stream

from remaster.errors import MediaError
from remaster.media.containers import is_cover, name_of, open_input, video_stream
from remaster.media.matroska import beyond_plain_chapters, plain_chapters, read_header, told_by_chapters
from remaster.media.mp4 import read_languages
from remaster.media.types import Departures, VideoInfo

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

# Matroska's reader gives aspect ratios as fractions of numbers up to 255.
_SAR_TOLERANCE = Fraction(1, 200)
_ADTS = {"aac"}
_NALS = {"h264", "hevc"}  # whose units stand behind start codes or behind their lengths
_BEHIND = 0.1  # seconds by which a picture that begins a group may not lie behind all before it
_FAR = 1.0  # ... and any picture
_LEAP = 10.0  # seconds of a gap, in formats whose clocks may jump, that is no pause
_MAY_JUMP = 0x200  # AVFMT_TS_DISCONT
_SEAM = 0.5  # seconds by which a picture may last longer where the clock jumps, besides what sound needs
_CYCLE, _KEPT = 5, 4  # frames under 3:2 pulldown, and frames of film in them
_SQUASHED = 0.9  # of the time that its packets last, which a track must fill at least
_UNHEARD = 0.04  # seconds: MP4 and QuickTime keep no times for raw samples, so that short gaps close
_MS = 0.001  # the tick of Matroska's clock
_WORDS = {"audio": "sound", "subtitle": "subtitle", "video": "other picture"}


@dataclass(frozen=True)
class _Packets:
    """Packets in the file's order: times (NaN: none) and durations in seconds, places in bytes, (n,) each.

    ``sizes`` and checksums (``marks``) are those of what the packets hold.
    """

    times: Floats
    lasts: Floats
    places: Ints
    keys: npt.NDArray[np.bool_]
    sizes: Ints
    marks: Ints

    def __len__(self) -> int:
        return len(self.times)

    def __getitem__(self, which: Any) -> _Packets:
        return _Packets(*(getattr(self, name)[which] for name in _COLUMNS))

    @property
    def ends(self) -> Floats:
        return self.times + self.lasts


_COLUMNS = ("times", "lasts", "places", "keys", "sizes", "marks")


@dataclass(frozen=True)
class _Track:
    """A stream and its ``packets``; ``lead`` has the last one that an edit list cuts out before them, if any.

    ``language`` has FFmpeg's code, and the tag as in BCP 47.
    """

    index: int
    kind: str
    name: str
    raw: bool
    tick: float
    language: tuple[str, str]
    packets: _Packets
    lead: _Packets
    content: int


@dataclass(frozen=True)
class _File:
    """All that is compared of a file; ``jumpy`` formats have clocks that may jump and must be moved to begin at 0."""

    path: str
    film: _Track
    tracks: tuple[_Track, ...]
    attachments: Counter[tuple[str, int]]
    chapters: tuple[tuple[float, float, str], ...]
    timecodes: frozenset[str]
    jumpy: bool
    editions: tuple[tuple[int, ...], ...] | None
    plain: tuple[tuple[float, float, str], ...]


_NOTHING = Departures()


def verify(
    info: VideoInfo,
    out: Path,
    pts: npt.NDArray[np.int64],
    partial: bool = False,
    departures: Departures = _NOTHING,
) -> None:
    """Compare an assembled file with its source, from which it may differ by ``departures`` alone.

    Raises ``MediaError`` when the frames are not those at ``pts``, or not those that the source shows (to the rounding
    of both clocks), the sample aspect ratio is another, a track is missing, its packets differ in number or bytes, it
    does not lie beside the pictures that it lies beside in the source, it plays in less time than it lasts
    (``partial``: up to the last frame's end), or chapters, attachments, cover art, a time code or a language are
    missing.
    """
    _compare_schedule(info, out, pts)
    before, after = _read(info.path), _read(str(out))
    offsets = _compare_picture(info, before, after, partial)
    end = None
    if partial:
        end = float((int(pts[-1]) + max(round(1 / (info.fps * info.time_base)), 1)) * info.time_base)
    for one, other in _pairs(before, after, departures):
        if one.index in departures.converted:
            _compare_converted(one, other, before, after, offsets, end)
        else:
            _compare_track(one, other, after.path, offsets, departures, end)
    _compare_extras(before, after, departures)
    _compare_chapters(before, after, end)


def _compare_schedule(info: VideoInfo, out: Path, pts: npt.NDArray[np.int64]) -> None:
    """The result's frames against the times that were planned for them."""
    with open_input(str(out)) as result:
        stream = video_stream(result, str(out))
        sar = stream.sample_aspect_ratio or Fraction(1)
        if abs(sar / info.sar - 1) > _SAR_TOLERANCE:
            raise MediaError(f"{out} has a sample aspect ratio of {sar} instead of {info.sar}")
        packets = [(p.pts, p.duration or 0) for p in result.demux(stream) if p.size and p.pts is not None]
        tick = stream.time_base or info.time_base
    shown = sorted(pts for pts, _ in packets)
    if len(shown) != len(pts):
        raise MediaError(f"{out} has {len(shown)} frames instead of {len(pts)}")
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


@dataclass
class _Columns:
    """A stream's packets while they are read; ``film``'s content is not looked at."""

    tick: float
    film: bool
    rows: array[float] = field(default_factory=lambda: array("d"))
    whole: array[int] = field(default_factory=lambda: array("q"))
    lead: tuple[array[float], array[int]] = field(default_factory=lambda: (array("d"), array("q")))
    content: int = 0

    def add(self, packet: Packet[Any]) -> None:
        payload = b"" if self.film else _payload(packet)
        time = np.nan if packet.pts is None else packet.pts * self.tick
        row = array("d", [time, (packet.duration or 0) * self.tick])
        # Those that a parser cut out of one piece of the file have no place of their own.
        place = packet.pos if packet.pos is not None else self.whole[-4] if self.whole else 0
        whole = array("q", [place, bool(packet.is_keyframe), len(payload), crc32(payload)])
        if packet.is_discard:
            self.lead = self.lead if self.rows else (row, whole)
            return
        self.rows += row
        self.whole += whole
        self.content = crc32(payload, self.content)


def _packets(rows: array[float], whole: array[int]) -> _Packets:
    times, lasts = np.array(rows, np.float64).reshape(-1, 2).T
    places, keys, sizes, marks = np.array(whole, np.int64).reshape(-1, 4).T
    return _Packets(times, lasts, places, keys.astype(bool), sizes, marks)


def _read(path: str) -> _File:
    """Read a whole file's packets, plainly."""
    with open_input(path) as container:
        film = video_stream(container, path).index
        streams = [stream for stream in container.streams if not isinstance(stream, AttachmentStream)]
        columns = {s.index: _Columns(float(s.time_base or Fraction(1, 1000)), s.index == film) for s in streams}
        attached = Counter((s.name or "", crc32(s.data)) for s in container.streams if isinstance(s, AttachmentStream))
        told = [container.metadata, *(stream.metadata for stream in container.streams)]
        codes = {tags[key] for tags in told for key in tags if key.lower() == "timecode"}
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
            editions = told_by_chapters(found)
            rows = plain_chapters(found) if beyond_plain_chapters(found) else []
            plain = tuple((start / 1e9, end / 1e9, title) for start, end, title in rows)
        tracks = {
            stream.index: _track(stream, columns[stream.index], languages.get(stream.index, "")) for stream in streams
        }
        return _File(
            path,
            tracks.pop(film),
            tuple(tracks.values()),
            attached,
            tuple((float(c["start"] * b), float(c["end"] * b), c["metadata"].get("title", "")) for c, b in chapters),
            frozenset(codes),
            bool(container.format.flags & _MAY_JUMP),
            editions,
            plain,
        )


def _languages(path: str, container: InputContainer) -> dict[int, str]:
    """The tracks' languages as in BCP 47, by the streams' index."""
    if "mp4" in container.format.name:
        return dict(enumerate(read_languages(path)))
    if "matroska" not in container.format.name:
        return {}
    tracks = [stream.index for stream in container.streams if stream.type in _WORDS]
    return dict(zip(tracks, read_header(path).languages, strict=False))


def _track(stream: Stream, columns: _Columns, language: str) -> _Track:
    return _Track(
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


@dataclass(frozen=True)
class _Offsets:
    """By how many seconds (``by``) the pictures at ``places`` of the source's file were moved, (n,) each."""

    places: Ints
    by: Floats

    def near(self, places: Ints) -> tuple[Floats, Floats]:
        """Those of the pictures before and behind each place."""
        after = np.searchsorted(self.places, places, side="right")
        last = len(self.places) - 1
        return self.by[np.clip(after - 1, 0, last)], self.by[np.clip(after, 0, last)]


@dataclass(frozen=True)
class _Shown:
    """The source's pictures in the order in which they are shown: ``places`` in its file, ``times``, (n,) each."""

    places: Ints
    times: Floats

    def __getitem__(self, which: Any) -> _Shown:
        return _Shown(self.places[which], self.times[which])


def _compare_picture(info: VideoInfo, before: _File, after: _File, partial: bool) -> _Offsets:
    """The result's frames against what the source shows; returns by how much they were moved."""
    times = np.sort(after.film.packets.times)
    same = np.flatnonzero(np.diff(times) <= 0)
    if len(same):
        raise MediaError(f"{after.path} shows frames {same[0]} and {same[0] + 1} at the same time")
    pulldown = info.treatment is not None and info.treatment.deinterlace == "ivtc"
    count = len(times) if partial and not pulldown else None
    shown = _presented(before)[:count]
    wrong = _misfit(shown, times, before, pulldown, partial)
    if wrong:  # Packets may show less or more than one frame, in an order of their own: a decoder tells.
        shown = _decoded(before, count)
        wrong = _misfit(shown, times, before, pulldown, partial)
    if wrong:
        raise MediaError(f"{after.path} {wrong}")
    shown, times = _matched(shown, times, pulldown)
    known = ~np.isnan(shown.times)
    if not known.any():
        return _Offsets(np.zeros(1, np.int64), np.zeros(1))
    order = np.argsort(shown.places[known], kind="stable")
    return _Offsets(shown.places[known][order], (times - shown.times)[known][order])


def _presented(file: _File) -> _Shown:
    """A file's pictures by their packets."""
    packets = file.film.packets
    stretch, top, number = np.zeros(len(packets), np.int64), np.nan, 0
    for index, (time, key) in enumerate(zip(packets.times.tolist(), packets.keys.tolist(), strict=True)):
        if top - time > (_BEHIND if key else _FAR) or (file.jumpy and time - top > _LEAP):
            number, top = number + 1, np.nan
        stretch[index] = number
        top = np.fmax(top, time)
    times = packets.times
    order = np.arange(len(times)) if np.isnan(times).any() else np.lexsort((times, stretch))
    return _Shown(packets.places[order], times[order])


def _decoded(file: _File, count: int | None) -> _Shown:
    """A file's first ``count`` pictures as a plain decoder gives them."""
    packets = file.film.packets
    places = defaultdict(list)
    for time, place in zip(packets.times[::-1].tolist(), packets.places[::-1].tolist(), strict=True):
        places[time].append(place)
    found: list[tuple[int, float]] = []
    place = 0
    with open_input(file.path) as container:
        for frame in _frames(container, video_stream(container, file.path)):
            time = np.nan if frame.pts is None else frame.pts * file.film.tick
            place = places[time].pop() if places[time] else place
            found.append((place, time))
            if len(found) == count:
                break
    return _Shown(np.array([p for p, _ in found], np.int64), np.array([t for _, t in found], np.float64))


def _frames(container: Any, stream: Any) -> Iterator[Any]:
    """Decode what can be decoded of a stream."""
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
            pass  # A broken packet: the next may be whole.
        if last:
            return


def _matched(shown: _Shown, times: Floats, pulldown: bool) -> tuple[_Shown, Floats]:
    """The source's pictures and the result's times of those that can be compared, as many of both.

    Of 3:2 pulldown undone these are the first of each cycle. A time that is its neighbour's, too, is none (NaN).
    """
    if pulldown:
        shown, times = shown[::_CYCLE], times[::_KEPT]
    count = min(len(shown.times), len(times))
    told = shown.times[:count].copy()
    repeated = np.diff(told) == 0
    told[1:][repeated] = np.nan
    told[:-1][repeated] = np.nan
    return _Shown(shown.places[:count], told), times[:count]


def _misfit(shown: _Shown, times: Floats, source: _File, pulldown: bool, partial: bool) -> str:
    """What is wrong with the frames at ``times``, in a few words; empty where nothing is."""
    wanted = len(shown.times) * _KEPT / _CYCLE if pulldown else len(shown.times)
    if abs(wanted - len(times)) > (_KEPT if pulldown else 0) and not (pulldown and partial):
        return f"shows {len(times)} frames, and its source {round(wanted)}"
    shown, times = _matched(shown, times, pulldown)
    known = np.flatnonzero(~np.isnan(shown.times))
    if not len(known):
        return ""
    tick = source.film.tick + _MS
    begin, first = _earliest(source), known[0]
    expected = shown.times[first] - (begin if source.jumpy and begin < 0 else 0.0)
    if first == 0 and abs(times[first] - expected) > tick:
        return f"begins at {times[first]:.3f} s, and its source at {expected:.3f} s"
    steps, found = np.diff(shown.times[known]), np.diff(times[known])
    jumps = (steps <= 0) | (source.jumpy & (steps > _LEAP))
    for number in np.flatnonzero(jumps | (np.abs(found - steps) > 2 * tick)):
        step = steps[number]
        if jumps[number]:
            step = _seam(source, shown, known[number], known[number + 1])
        if not jumps[number] or found[number] > step:
            return (
                f"shows frame {known[number + 1]} {found[number]:.3f} s after frame {known[number]}, and its source "
                f"{'at most ' if jumps[number] else ''}{step:.3f} s"
            )
    return ""


def _earliest(source: _File) -> float:
    """The first time of picture and sound."""
    tracks = [source.film, *(track for track in source.tracks if track.kind in ("audio", "video"))]
    return min(float(np.nanmin(t.packets.times)) for t in tracks if not np.isnan(t.packets.times).all())


def _seam(source: _File, shown: _Shown, last: int, first: int) -> float:
    """How much later than the picture ``last`` the picture ``first`` may be shown where the clock jumps between them.

    Sound before the jump may last longer than the picture, or begin earlier behind it. Pictures that lie between them
    were lost.
    """
    film = source.film.packets
    lasts = float(film.lasts[film.places == shown.places[last]][0])
    lost = film[(film.places > shown.places[last]) & (film.places < shown.places[first])]
    most = 0.0
    for track in source.tracks:
        packets = track.packets[~np.isnan(track.packets.times)]
        before = packets[packets.places <= shown.places[last]]
        behind = packets[packets.places >= shown.places[first]]
        if track.kind == "audio" and len(before) and len(behind):
            outlasts = before.ends[-1] - (shown.times[last] + lasts)
            most = max(most, float(outlasts + shown.times[first] - behind.times[0]))
    return lasts + float(lost.lasts.sum()) + most + _SEAM


def _pairs(before: _File, after: _File, departures: Departures) -> list[tuple[_Track, _Track]]:
    """The source's tracks with the result's; raises ``MediaError`` where one is missing that nobody speaks of."""
    pairs: list[tuple[_Track, _Track]] = []
    for kind, word in _WORDS.items():
        wanted = [t for t in before.tracks if t.kind == kind and t.index not in departures.left_out]
        found = [t for t in after.tracks if t.kind == kind]
        if len(wanted) != len(found):
            names = ", ".join(track.name for track in wanted) or "none"
            raise MediaError(f"{after.path} has {len(found)} {word} streams instead of {len(wanted)} ({names})")
        pairs += zip(wanted, found, strict=True)
    return pairs


def _compare_track(
    before: _Track, after: _Track, out: str, offsets: _Offsets, departures: Departures, end: float | None
) -> None:
    """A copied track: its bytes, its packets, their times, how long it plays, and its language."""
    packets = _kept(before, departures, offsets, end)
    found = after.packets
    # What lies before the beginning and is not played may be so by an edit list in one, by its time in the other.
    if len(found) > len(packets) and len(before.lead) and found.marks[0] == before.lead.marks[0]:
        packets = _joined(before.lead, packets)
    elif len(packets) > len(found) and len(after.lead) and packets.marks[0] == after.lead.marks[0]:
        found = _joined(after.lead, found)
    if before.raw:
        whole = end is None and len(packets) == len(before.packets)
        same = bool(packets.sizes.sum() == found.sizes.sum()) and (not whole or before.content == after.content)
    else:
        if len(packets) != len(found):
            raise MediaError(f"{out}: {before.name} has {len(found)} packets instead of {len(packets)}")
        same = bool((packets.sizes == found.sizes).all() and (packets.marks == found.marks).all())
    if not same:
        raise MediaError(f"{out}: the content of {before.name} differs from the source's")
    aligned = _cut_alike(packets, found) if before.raw else packets
    _compare_times(before, after, aligned, found, offsets, out)
    _compare_length(before, packets, found, out)
    _compare_language(before, after, out)


def _compare_language(before: _Track, after: _Track, out: str) -> None:
    (code, tag), (found, found_tag) = before.language, after.language
    if (tag and found_tag != tag) or code not in (found, found_tag):
        raise MediaError(f"{out}: the language of {before.name} is {found_tag or found} instead of {tag or code}")


def _joined(first: _Packets, then: _Packets) -> _Packets:
    return _Packets(*(np.concatenate([getattr(first, name), getattr(then, name)]) for name in _COLUMNS))


def _kept(track: _Track, departures: Departures, offsets: _Offsets, end: float | None) -> _Packets:
    """A track's packets without those that are said to be damaged, and of a partial film those before its end."""
    packets = track.packets
    wanted = np.ones(len(packets), bool)
    wanted[[number for number in departures.refused.get(track.index, ()) if number < len(packets)]] = False
    if end is not None:
        wanted &= ~(packets.times + np.minimum(*offsets.near(packets.places)) >= end)
    return packets[wanted]


def _compare_times(
    before: _Track, after: _Track, packets: _Packets, found: _Packets, offsets: _Offsets, out: str
) -> None:
    """Each packet must be moved as the pictures beside it are.

    Where the source's own times stand still or go back there is nothing to compare.
    """
    times = packets.times
    earlier, later = np.append(-np.inf, times[:-1]), np.append(times[1:], np.inf)
    checked = ~np.isnan(times) & ~np.isnan(found.times)
    if before.kind != "video":  # whose packets lie in the order of decoding
        checked &= ~((earlier >= times) | (later <= times))
    moved = found.times - times
    tick = before.tick + after.tick
    if after.raw and not _in_matroska(out):
        tick = _UNHEARD
    near = offsets.near(packets.places)
    off = checked & (np.abs(moved - near[0]) > tick) & (np.abs(moved - near[1]) > tick)
    if off.any():
        number = int(np.flatnonzero(off)[0])
        raise MediaError(
            f"{out}: packet {number} of {before.name} is at {found.times[number]:.6f} s instead of "
            f"{times[number] + near[0][number]:.6f} s"
        )


def _in_matroska(out: str) -> bool:
    return out.endswith(".mkv")


def _cut_alike(packets: _Packets, found: _Packets) -> _Packets:
    """The source's packets of raw samples as if they were cut where the result's are: their places and times."""
    starts = np.cumsum(packets.sizes) - packets.sizes
    at = np.cumsum(found.sizes) - found.sizes
    which = np.clip(np.searchsorted(starts, at, side="right") - 1, 0, max(len(packets) - 1, 0))
    into = (at - starts[which]) / np.maximum(packets.sizes[which], 1) * packets.lasts[which]
    cut = packets[which]
    return _Packets(cut.times + into, cut.lasts, cut.places, cut.keys, found.sizes, cut.marks)


def _compare_length(track: _Track, packets: _Packets, found: _Packets, out: str) -> None:
    """Sound must not play in less time than its packets last: they would lie upon each other."""
    if track.kind != "audio" or np.isnan(found.times).all():
        return
    lasts = float(packets.lasts.sum())
    plays = float(np.nanmax(found.ends) - np.nanmin(found.times))
    if plays < lasts * _SQUASHED - _SEAM:
        raise MediaError(f"{out}: {track.name} plays {lasts:.3f} s of sound within {plays:.3f} s")


def _compare_converted(
    before: _Track, after: _Track, source: _File, result: _File, offsets: _Offsets, end: float | None
) -> None:
    """A track that was decoded and encoded without loss: every sample must be the same, at the same time."""
    ours, theirs = _samples(source.path, before), _samples(result.path, after)
    if end is None and ours.sizes.sum() != theirs.sizes.sum():
        raise MediaError(f"{result.path}: {before.name} has {theirs.sizes.sum()} samples instead of {ours.sizes.sum()}")
    if end is None and len(ours) and ours.marks[-1] != theirs.marks[-1]:
        raise MediaError(f"{result.path}: the samples of {before.name} differ from the source's")
    _compare_times(before, after, _cut_alike(ours, theirs), theirs, offsets, result.path)
    _compare_length(before, ours if end is None else theirs, theirs, result.path)


def _samples(path: str, track: _Track) -> _Packets:
    """A sound track's decoded frames: sizes in samples, marks of all samples so far, as 32 bits each."""
    rows, whole = array("d"), array("q")
    places = dict(zip(track.packets.times.tolist(), track.packets.places.tolist(), strict=True))
    mark, place = 0, 0
    with open_input(path) as container:
        stream = container.streams[track.index]
        resampler: Any = None
        for frame in _frames(container, stream):
            resampler = resampler or av.AudioResampler("s32", frame.layout, frame.sample_rate)
            time = np.nan if frame.pts is None else frame.pts * track.tick
            place = places.get(time, place)
            for part in resampler.resample(frame):
                mark = crc32(part.to_ndarray().tobytes(), mark)
            rows += array("d", [time, frame.samples / frame.sample_rate])
            whole += array("q", [place, 1, frame.samples, mark])
    return _packets(rows, whole)


def _compare_extras(before: _File, after: _File, departures: Departures) -> None:
    """Attachments, cover art and time codes."""
    lost = Counter(_covers(before, departures.left_out)) - Counter(_covers(after, frozenset()))
    wanted = Counter({entry: count for entry, count in before.attachments.items() if not departures.attachments_left})
    missing = wanted - after.attachments
    if missing:
        raise MediaError(f"{after.path} lacks the attachment {next(iter(missing))[0]}")
    extra = Counter(mark for _, mark in (after.attachments - wanted).elements())
    if lost - extra:
        raise MediaError(f"{after.path} lacks {(lost - extra).total()} of its source's covers")
    if extra - lost:
        raise MediaError(f"{after.path} has {(extra - lost).total()} attachments that its source does not have")
    codes = before.timecodes - after.timecodes
    if codes and any(t.kind == "data" and t.index not in departures.left_out for t in before.tracks):
        raise MediaError(f"{after.path} lacks the time code {min(codes)}")


def _covers(file: _File, left_out: frozenset[int]) -> list[int]:
    return [
        int(t.packets.marks[0]) for t in file.tracks if t.kind == "cover" and t.index not in left_out and len(t.packets)
    ]


def _compare_chapters(before: _File, after: _File, end: float | None) -> None:
    """Times, to a millisecond, and titles; of a partial film those that begin before its end."""
    chapters = before.chapters
    if before.plain and (after.editions is None or end is not None):
        chapters = before.plain
    wanted = sorted(chapter for chapter in chapters if end is None or chapter[0] < end)
    if len(wanted) != len(after.chapters):
        raise MediaError(f"{after.path} has {len(after.chapters)} chapters instead of {len(wanted)}")
    if end is None and before.editions is not None and after.editions not in (before.editions, None):
        raise MediaError(f"{after.path} has other editions or chapters than its source")
    for number, (one, other) in enumerate(zip(wanted, sorted(after.chapters), strict=True), 1):
        last = one[1] if end is None else min(one[1], end)
        if abs(one[0] - other[0]) > 2 * _MS or abs(last - other[1]) > 2 * _MS or one[2] != other[2]:
            raise MediaError(f"{after.path}: chapter {number} ({one[2]}) has another time or title than in the source")


def _payload(packet: Packet[Any]) -> bytes:
    """What a packet holds, without what containers keep in ways of their own.

    These are AAC's ADTS header in transport streams, and what H.264 and HEVC put before each unit.
    """
    data = bytes(packet)
    context = packet.stream.codec_context
    name = "" if context is None else context.codec.canonical_name
    if name in _NALS:
        return _units(data)
    if name not in _ADTS or len(data) < 7:
        return data
    if data[0] != 0xFF or data[1] & 0xF6 != 0xF0 or int.from_bytes(data[3:6]) >> 5 & 0x1FFF != len(data):
        return data
    return data[7:] if data[1] & 1 else data[9:]


def _units(data: bytes) -> bytes:
    """The units of a picture one after the other, without start codes or lengths of four bytes."""
    if data[:3] == b"\0\0\1" or data[:4] == b"\0\0\0\1":
        return b"".join(part.rstrip(b"\0") for part in data.split(b"\0\0\1"))
    units, at = [], 0
    while at + 4 <= len(data):
        size = int.from_bytes(data[at : at + 4])
        units.append(data[at + 4 : at + 4 + size].rstrip(b"\0"))
        at += 4 + size
    return b"".join(units) if at == len(data) else data
