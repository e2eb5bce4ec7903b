"""Checks an assembled file against its source by reading both independently of the code that copied (see ``plain``).

Compared is what a player presents: the frames and their times, each track's content and times, and that sound stays
with the pictures beside it in the file, even where the file's clock jumps.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt

from remaster.errors import MediaError
from remaster.media.containers import open_input, video_stream
from remaster.media.picture_check import MATROSKA_TICK, MAX_EXTRA_PAUSE, Offsets, compare_picture
from remaster.media.plain import File, Packets, Track, joined, read, samples_of
from remaster.media.types import Departures, VideoInfo

# Matroska's reader gives aspect ratios as fractions of numbers up to 255.
_SAR_TOLERANCE = Fraction(1, 200)
_MIN_PLAYED_SHARE = 0.9
"""Share of its packets' total duration over which a track must play at least: else its packets overlap."""
_RAW_TOLERANCE = 0.04
"""Seconds by which raw samples may be off in MP4 and QuickTime, which keep no times for them: short gaps close."""
_OPEN_ENDED = 86400.0
"""Seconds: a subtitle with a longer duration lasts until the next one (FFmpeg writes the largest number)."""
_WORDS = {"audio": "sound", "subtitle": "subtitle", "video": "other picture"}

_NO_DEPARTURES = Departures()


def verify(
    info: VideoInfo,
    out: Path,
    pts: npt.NDArray[np.int64],
    partial: bool = False,
    departures: Departures = _NO_DEPARTURES,
) -> None:
    """Compare an assembled file with its source, from which it may differ only by ``departures``.

    ``pts`` int64 (n,) are the planned frame times in units of ``info.time_base``; ``partial``: the file ends with the
    last of these frames. Raises ``MediaError`` where frames or their times differ from the plan or from the source (by
    more than the rounding of both clocks), the sample aspect ratio differs, a track is missing, its packets differ in
    number or bytes, it is out of sync with the picture, it plays in less time than its packets last, or chapters,
    attachments, cover art, a time code or a language are missing.
    """
    _compare_schedule(info, out, pts)
    before, after = read(info.path), read(str(out))
    offsets = compare_picture(info, before, after, partial)
    end = None
    if partial:
        end = float((int(pts[-1]) + max(round(1 / (info.fps * info.time_base)), 1)) * info.time_base)
    for one, other in _pairs(before, after, departures):
        if one.index in departures.converted or one.index in departures.filled:
            _compare_samples(one, other, before, after, offsets, departures, end)
        else:
            _compare_track(one, other, after.path, offsets, departures, end)
    _compare_extras(before, after, departures)
    _compare_chapters(before, after, end)


def _compare_schedule(info: VideoInfo, out: Path, pts: npt.NDArray[np.int64]) -> None:
    """Compare the result's frames with the times that were planned for them."""
    with open_input(str(out)) as result:
        stream = video_stream(result, str(out))
        sar = stream.sample_aspect_ratio or Fraction(1)
        if abs(sar / info.sar - 1) > _SAR_TOLERANCE:
            raise MediaError(f"{out} has a sample aspect ratio of {sar} instead of {info.sar}")
        packets = [(p.pts, p.duration or 0) for p in result.demux(stream) if p.size and p.pts is not None]
        tick = stream.time_base or info.time_base
    times = sorted(pts for pts, _ in packets)
    if len(times) != len(pts):
        raise MediaError(f"{out} has {len(times)} frames instead of {len(pts)}")
    # All in whole numbers: the common unit of both clocks is one part of their denominators' product.
    ours, theirs = tick.numerator * info.time_base.denominator, info.time_base.numerator * tick.denominator
    for number, (found, wanted) in enumerate(zip(times, pts.tolist(), strict=True)):
        if abs(found * ours - wanted * theirs) > ours:
            raise MediaError(
                f"{out} shows frame {number} at {float(found * tick):.6f} s instead of "
                f"{float(wanted * info.time_base):.6f} s"
            )
    end = max(at + duration for at, duration in packets) * tick
    wanted_end = int(pts[-1]) * info.time_base + 1 / info.fps
    # MP4 keeps durations in the order of decoding: the last frame may have any frame's.
    longest = max(1 / info.fps, int(np.diff(pts).max(initial=0)) * info.time_base)
    if abs(end - wanted_end) > tick + longest:
        raise MediaError(f"{out} shows pictures until {float(end):.3f} s instead of {float(wanted_end):.3f} s")


def _pairs(before: File, after: File, departures: Departures) -> list[tuple[Track, Track]]:
    """Pairs of the source's and the result's tracks; raises ``MediaError`` where one is missing unexpectedly."""
    pairs: list[tuple[Track, Track]] = []
    for kind, word in _WORDS.items():
        wanted = [t for t in before.tracks if t.kind == kind and t.index not in departures.left_out]
        found = [t for t in after.tracks if t.kind == kind]
        if len(wanted) != len(found):
            names = ", ".join(track.name for track in wanted) or "none"
            raise MediaError(f"{after.path} has {len(found)} {word} streams instead of {len(wanted)} ({names})")
        pairs += zip(wanted, found, strict=True)
    return pairs


def _compare_track(
    before: Track, after: Track, out: str, offsets: Offsets, departures: Departures, end: float | None
) -> None:
    """Compare a copied track: bytes, packets, times, duration and language.

    The bytes of subtitles that move with the picture differ on purpose.
    """
    packets = _expected_packets(before, departures, offsets, end)
    found = after.packets
    # The packet before the start is not played: one file's edit list may cut it, in the other its time is negative.
    if len(found) > len(packets) and len(before.lead) and found.checksums[0] == before.lead.checksums[0]:
        packets = joined(before.lead, packets)
    elif len(packets) > len(found) and len(after.lead) and packets.checksums[0] == after.lead.checksums[0]:
        found = joined(after.lead, found)
    if before.raw:
        whole = end is None and len(packets) == len(before.packets)
        same = bool(packets.sizes.sum() == found.sizes.sum()) and (not whole or before.content == after.content)
    else:
        if len(packets) != len(found):
            raise MediaError(f"{out}: {before.name} has {len(found)} packets instead of {len(packets)}")
        same = bool((packets.sizes == found.sizes).all() and (packets.checksums == found.checksums).all())
        same = same or before.index in departures.moved
    if not same:
        raise MediaError(f"{out}: the content of {before.name} differs from the source's")
    aligned = _recut(packets, found) if before.raw else packets
    _compare_times(before, after, aligned, found, offsets, out)
    _compare_length(before, packets, found, out)
    _compare_subtitle_durations(before, after, packets, found, out)
    _compare_language(before, after, out)


def _compare_subtitle_durations(before: Track, after: Track, packets: Packets, found: Packets, out: str) -> None:
    """Each subtitle must be displayed as long as in the source, where that gives a duration."""
    if before.kind != "subtitle":
        return
    known = (packets.durations > 0) & (packets.durations < _OPEN_ENDED)
    off = np.flatnonzero(known & (np.abs(found.durations - packets.durations) > before.tick + after.tick))
    if len(off):
        number = int(off[0])
        raise MediaError(
            f"{out}: packet {number} of {before.name} is shown for {found.durations[number]:.3f} s instead of "
            f"{packets.durations[number]:.3f} s"
        )


def _compare_language(before: Track, after: Track, out: str) -> None:
    (code, tag), (found, found_tag) = before.language, after.language
    if (tag and found_tag != tag) or code not in (found, found_tag):
        raise MediaError(f"{out}: the language of {before.name} is {found_tag or found} instead of {tag or code}")


def _expected_packets(track: Track, departures: Departures, offsets: Offsets, end: float | None) -> Packets:
    """A track's packets that the result must have: without the refused ones and, of a partial file, up to ``end``."""
    packets = track.packets
    wanted = np.ones(len(packets), bool)
    wanted[[number for number in departures.refused.get(track.index, ()) if number < len(packets)]] = False
    if end is not None:
        wanted &= ~(packets.times + np.minimum(*offsets.near(packets.positions)) >= end)
    return packets[wanted]


def _compare_times(before: Track, after: Track, packets: Packets, found: Packets, offsets: Offsets, out: str) -> None:
    """Each packet must be shifted by the same time as the pictures beside it.

    Where the source's own times go back, or those of sound repeat, nothing can be compared.
    """
    times = packets.times
    earlier, later = np.append(-np.inf, times[:-1]), np.append(times[1:], np.inf)
    checked = ~np.isnan(times) & ~np.isnan(found.times)
    if before.kind == "subtitle":  # several of which may begin at once
        checked &= ~((earlier > times) | (later < times))
    elif before.kind != "video":  # whose packets lie in the order of decoding
        checked &= ~((earlier >= times) | (later <= times))
    moved = found.times - times
    tick = before.tick + after.tick
    if after.raw and not _in_matroska(out):
        tick = _RAW_TOLERANCE
    near = offsets.near(packets.positions)
    off = checked & (np.abs(moved - near[0]) > tick) & (np.abs(moved - near[1]) > tick)
    if off.any():
        number = int(np.flatnonzero(off)[0])
        raise MediaError(
            f"{out}: packet {number} of {before.name} is at {found.times[number]:.6f} s instead of "
            f"{times[number] + near[0][number]:.6f} s"
        )


def _in_matroska(out: str) -> bool:
    return out.endswith(".mkv")


def _recut(packets: Packets, found: Packets) -> Packets:
    """The source's packets of raw samples, cut as the result's packets are: their positions and times."""
    starts = np.cumsum(packets.sizes) - packets.sizes
    at = np.cumsum(found.sizes) - found.sizes
    which = np.clip(np.searchsorted(starts, at, side="right") - 1, 0, max(len(packets) - 1, 0))
    into = (at - starts[which]) / np.maximum(packets.sizes[which], 1) * packets.durations[which]
    cut = packets[which]
    return Packets(cut.times + into, cut.durations, cut.positions, cut.keys, found.sizes, cut.checksums)


def _compare_length(track: Track, packets: Packets, found: Packets, out: str) -> None:
    """Sound must not play in less time than its packets last, or they would overlap."""
    if track.kind != "audio" or np.isnan(found.times).all():
        return
    duration = float(packets.durations.sum())
    played = float(np.nanmax(found.ends) - np.nanmin(found.times))
    if played < duration * _MIN_PLAYED_SHARE - MAX_EXTRA_PAUSE:
        raise MediaError(f"{out}: {track.name} plays {duration:.3f} s of sound within {played:.3f} s")


def _compare_samples(
    before: Track,
    after: Track,
    source: File,
    result: File,
    offsets: Offsets,
    departures: Departures,
    end: float | None,
) -> None:
    """Compare a track that was decoded to raw samples, or filled with silence: all samples and their times."""
    fills = departures.filled.get(before.index, ())
    ours, theirs = _with_silence(samples_of(source.path, before), fills), samples_of(result.path, after, fills)
    if end is None and ours.sizes.sum() != theirs.sizes.sum():
        raise MediaError(f"{result.path}: {before.name} has {theirs.sizes.sum()} samples instead of {ours.sizes.sum()}")
    if end is None and len(ours) and ours.checksums[-1] != theirs.checksums[-1]:
        raise MediaError(f"{result.path}: the samples of {before.name} differ from the source's")
    _compare_times(before, after, _recut(ours, theirs), theirs, offsets, result.path)
    _compare_length(before, ours if end is None else theirs, theirs, result.path)
    _compare_language(before, after, result.path)


def _with_silence(packets: Packets, fills: Sequence[tuple[int, int]]) -> Packets:
    """Decoded frames with the silence between them that was put in."""
    for at, count in fills:
        number = int(np.searchsorted(np.cumsum(packets.sizes), at)) + 1
        head, tail = packets[:number], packets[number:]
        last = head[-1:]
        duration = last.durations / last.sizes * count
        gap = Packets(last.ends, duration, last.positions, last.keys, np.full(1, count, np.int64), last.checksums)
        packets = joined(joined(head, gap), tail)
    return packets


def _compare_extras(before: File, after: File, departures: Departures) -> None:
    """Compare attachments, cover art and time codes."""
    lost = Counter(_covers(before, departures.left_out)) - Counter(_covers(after, frozenset()))
    wanted = Counter({entry: count for entry, count in before.attachments.items() if not departures.attachments_left})
    missing = wanted - after.attachments
    if missing:
        raise MediaError(f"{after.path} lacks the attachment {next(iter(missing))[0]}")
    extra = Counter(checksum for _, checksum in (after.attachments - wanted).elements())
    if lost - extra:
        raise MediaError(f"{after.path} lacks {(lost - extra).total()} of its source's covers")
    if extra - lost:
        raise MediaError(f"{after.path} has {(extra - lost).total()} attachments that its source does not have")
    codes = before.timecodes - after.timecodes
    if codes and any(t.kind == "data" and t.index not in departures.left_out for t in before.tracks):
        raise MediaError(f"{after.path} lacks the time code {min(codes)}")


def _covers(file: File, left_out: frozenset[int]) -> list[int]:
    return [
        int(t.packets.checksums[0])
        for t in file.tracks
        if t.kind == "cover" and t.index not in left_out and len(t.packets)
    ]


def _compare_chapters(before: File, after: File, end: float | None) -> None:
    """Compare chapters' times (to the millisecond) and titles; of a partial file, those that begin before its end."""
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
        if abs(one[0] - other[0]) > 2 * MATROSKA_TICK or abs(last - other[1]) > 2 * MATROSKA_TICK or one[2] != other[2]:
            raise MediaError(f"{after.path}: chapter {number} ({one[2]}) has another time or title than in the source")
