"""Checking an assembled file against its source, by a plain reading of both that shares nothing with the copying.

What a player would show and play is compared: the frames and their times, each track's content and times, and that
sound stays with the pictures it lies beside in the file, however the file's clock may jump.
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
from remaster.media.plain import File, Packets, Track, joined, read, samples_of
from remaster.media.shown import MS, SEAM, Offsets, compare_picture
from remaster.media.types import Departures, VideoInfo

# Matroska's reader gives aspect ratios as fractions of numbers up to 255.
_SAR_TOLERANCE = Fraction(1, 200)
_SQUASHED = 0.9  # of the time that its packets last, which a track must fill at least
_UNHEARD = 0.04  # seconds: MP4 and QuickTime keep no times for raw samples, so that short gaps close
_ENDLESS = 86400.0  # seconds: what claims to last longer ends only with the next, as FFmpeg writes it
_WORDS = {"audio": "sound", "subtitle": "subtitle", "video": "other picture"}

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


def _pairs(before: File, after: File, departures: Departures) -> list[tuple[Track, Track]]:
    """The source's tracks with the result's; raises ``MediaError`` where one is missing that nobody speaks of."""
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
    """A copied track: its bytes, its packets, their times, how long it plays, and its language.

    Of subtitles that follow the picture, the bytes are others.
    """
    packets = _kept(before, departures, offsets, end)
    found = after.packets
    # What lies before the beginning and is not played may be so by an edit list in one, by its time in the other.
    if len(found) > len(packets) and len(before.lead) and found.marks[0] == before.lead.marks[0]:
        packets = joined(before.lead, packets)
    elif len(packets) > len(found) and len(after.lead) and packets.marks[0] == after.lead.marks[0]:
        found = joined(after.lead, found)
    if before.raw:
        whole = end is None and len(packets) == len(before.packets)
        same = bool(packets.sizes.sum() == found.sizes.sum()) and (not whole or before.content == after.content)
    else:
        if len(packets) != len(found):
            raise MediaError(f"{out}: {before.name} has {len(found)} packets instead of {len(packets)}")
        same = bool((packets.sizes == found.sizes).all() and (packets.marks == found.marks).all())
        same = same or before.index in departures.moved
    if not same:
        raise MediaError(f"{out}: the content of {before.name} differs from the source's")
    aligned = _cut_alike(packets, found) if before.raw else packets
    _compare_times(before, after, aligned, found, offsets, out)
    _compare_length(before, packets, found, out)
    _compare_stays(before, after, packets, found, out)
    _compare_language(before, after, out)


def _compare_stays(before: Track, after: Track, packets: Packets, found: Packets, out: str) -> None:
    """Each subtitle must be shown as long as in the source, where that tells how long."""
    if before.kind != "subtitle":
        return
    told = (packets.lasts > 0) & (packets.lasts < _ENDLESS)
    off = np.flatnonzero(told & (np.abs(found.lasts - packets.lasts) > before.tick + after.tick))
    if len(off):
        number = int(off[0])
        raise MediaError(
            f"{out}: packet {number} of {before.name} is shown for {found.lasts[number]:.3f} s instead of "
            f"{packets.lasts[number]:.3f} s"
        )


def _compare_language(before: Track, after: Track, out: str) -> None:
    (code, tag), (found, found_tag) = before.language, after.language
    if (tag and found_tag != tag) or code not in (found, found_tag):
        raise MediaError(f"{out}: the language of {before.name} is {found_tag or found} instead of {tag or code}")


def _kept(track: Track, departures: Departures, offsets: Offsets, end: float | None) -> Packets:
    """A track's packets without those that are said to be damaged, and of a partial film those before its end."""
    packets = track.packets
    wanted = np.ones(len(packets), bool)
    wanted[[number for number in departures.refused.get(track.index, ()) if number < len(packets)]] = False
    if end is not None:
        wanted &= ~(packets.times + np.minimum(*offsets.near(packets.places)) >= end)
    return packets[wanted]


def _compare_times(before: Track, after: Track, packets: Packets, found: Packets, offsets: Offsets, out: str) -> None:
    """Each packet must be moved as the pictures beside it are.

    Where the source's own times go back, or those of sound stand still, there is nothing to compare.
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


def _cut_alike(packets: Packets, found: Packets) -> Packets:
    """The source's packets of raw samples as if they were cut where the result's are: their places and times."""
    starts = np.cumsum(packets.sizes) - packets.sizes
    at = np.cumsum(found.sizes) - found.sizes
    which = np.clip(np.searchsorted(starts, at, side="right") - 1, 0, max(len(packets) - 1, 0))
    into = (at - starts[which]) / np.maximum(packets.sizes[which], 1) * packets.lasts[which]
    cut = packets[which]
    return Packets(cut.times + into, cut.lasts, cut.places, cut.keys, found.sizes, cut.marks)


def _compare_length(track: Track, packets: Packets, found: Packets, out: str) -> None:
    """Sound must not play in less time than its packets last: they would lie upon each other."""
    if track.kind != "audio" or np.isnan(found.times).all():
        return
    lasts = float(packets.lasts.sum())
    plays = float(np.nanmax(found.ends) - np.nanmin(found.times))
    if plays < lasts * _SQUASHED - SEAM:
        raise MediaError(f"{out}: {track.name} plays {lasts:.3f} s of sound within {plays:.3f} s")


def _compare_samples(
    before: Track,
    after: Track,
    source: File,
    result: File,
    offsets: Offsets,
    departures: Departures,
    end: float | None,
) -> None:
    """A track that was decoded and encoded without loss, or filled: every sample must be the same, at the same time."""
    fills = departures.filled.get(before.index, ())
    ours, theirs = _with_silence(samples_of(source.path, before), fills), samples_of(result.path, after, fills)
    if end is None and ours.sizes.sum() != theirs.sizes.sum():
        raise MediaError(f"{result.path}: {before.name} has {theirs.sizes.sum()} samples instead of {ours.sizes.sum()}")
    if end is None and len(ours) and ours.marks[-1] != theirs.marks[-1]:
        raise MediaError(f"{result.path}: the samples of {before.name} differ from the source's")
    _compare_times(before, after, _cut_alike(ours, theirs), theirs, offsets, result.path)
    _compare_length(before, ours if end is None else theirs, theirs, result.path)
    _compare_language(before, after, result.path)


def _with_silence(packets: Packets, fills: Sequence[tuple[int, int]]) -> Packets:
    """Decoded frames with silence between them, as it is said to have been put in."""
    for at, count in fills:
        number = int(np.searchsorted(np.cumsum(packets.sizes), at)) + 1
        head, tail = packets[:number], packets[number:]
        last = head[-1:]
        lasts = last.lasts / last.sizes * count
        gap = Packets(last.ends, lasts, last.places, last.keys, np.full(1, count, np.int64), last.marks)
        packets = joined(joined(head, gap), tail)
    return packets


def _compare_extras(before: File, after: File, departures: Departures) -> None:
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


def _covers(file: File, left_out: frozenset[int]) -> list[int]:
    return [
        int(t.packets.marks[0]) for t in file.tracks if t.kind == "cover" and t.index not in left_out and len(t.packets)
    ]


def _compare_chapters(before: File, after: File, end: float | None) -> None:
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
        if abs(one[0] - other[0]) > 2 * MS or abs(last - other[1]) > 2 * MS or one[2] != other[2]:
            raise MediaError(f"{after.path}: chapter {number} ({one[2]}) has another time or title than in the source")
