"""The proof must find whatever the copying spoils: each test spoils one thing that assembly relies on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from media_files import Source, write_segments, write_source

from remaster.errors import MediaError
from remaster.media import discontinuities, matroska, timeline, timestamp_repair, track_copy
from remaster.media.discontinuities import TimeShifts
from remaster.media.encoders import EncoderSettings
from remaster.media.probe import probe
from remaster.media.remux import assemble, verify

FAST = EncoderSettings(preset="ultrafast")
FULL = Source(frames=30, audio=("ac3",), subtitles=True, chapters=True, attachment=b"font" * 50)
MPEG2 = Source(
    frames=50, codec="mpeg2video", options={"g": "12"}, b_frames=2, fps=Fraction(25), sar=Fraction(1), audio=("ac3",)
)


def joined(folder: Path, suffix: str = ".mpg") -> Path:
    """Two recordings one after the other, whose clocks begin at the same time."""
    part = write_source(folder / f"part{suffix}", MPEG2).read_bytes()
    path = folder / f"joined{suffix}"
    path.write_bytes(part + part)
    return path


def prove(folder: Path, source: Path) -> None:
    info = probe(str(source))
    segments, pts = write_segments(folder, info, (200,), FAST)
    out = folder / "out" / "film.mkv"
    verify(info, out, pts, departures=assemble(info, segments, pts, out).departures)


def late(self: track_copy.TrackClock, packet: Any) -> None:
    packet.pts = packet.dts = packet.pts + 1000
    self.count += 1


def thinned(packets: Iterator[Any]) -> Iterator[Any]:
    yield from (packet for number, packet in enumerate(p for p in packets if p.size) if number % 9)


def changed(packets: Iterator[Any]) -> Iterator[Any]:
    for number, packet in enumerate(p for p in packets if p.size):
        if number == 9:
            memoryview(packet)[-1] ^= 1  # type: ignore[call-overload]
        yield packet


def fleeting(packets: Iterator[Any]) -> Iterator[Any]:
    for packet in (p for p in packets if p.size):
        if packet.stream.type == "subtitle":
            packet.duration = 1
        yield packet


def silent(self: Any, stream: Any, film: Any) -> None:
    """Says nothing and takes nothing along."""


def slow(self: timestamp_repair.Clock[Any], item: Any, stamp: int | None) -> list[tuple[int, Any]]:
    self.last = 40 if self.last is None else self.last + 40
    return [(self.last, item)]


def forgetful(self: timestamp_repair.Clock[Any], item: Any, stamp: int | None) -> list[tuple[int, Any]]:
    self.shift += 1
    return [] if self.shift == 7 else [(stamp or 0, item)]


def renamed(self: Any, stream: Any) -> None:
    self.target.add_attachment("other.ttf", "font/ttf", stream.data)


@pytest.mark.parametrize(
    ("place", "name", "spoiled", "named"),
    [
        (
            track_copy.TrackClock,
            "settle",
            late,
            r"packet 0 of audio stream 1 .* is at 0\.995000 s instead of -0\.005000 s",
        ),
        (track_copy, "without_cut_packets", thinned, "audio stream 1 .* has 2. packets instead of 3"),
        (track_copy, "without_cut_packets", changed, "the content of audio stream 1 .* differs"),
        (
            track_copy,
            "without_cut_packets",
            fleeting,
            r"packet 0 of subtitle stream 2 .* is shown for 0\.001 s instead of",
        ),
        (track_copy.TrackAdder, "track", silent, "has 0 sound streams instead of 1 .audio stream 1"),
        (track_copy.TrackAdder, "attach", renamed, "lacks the attachment font.ttf"),
        (timestamp_repair.Clock, "push", slow, "begins at 0.040 s, and its source at 0.000 s|shows frame"),
        (timestamp_repair.Clock, "push", forgetful, "shows 29 frames, and its source 30"),
        (matroska, "chapters_for", lambda chapters, uids: b"", "0 chapters instead of 2"),
    ],
)
def test_what_is_spoiled_is_named(
    place: Any, name: str, spoiled: Callable[..., Any], named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write_source(tmp_path / "a.mkv", FULL)
    prove(tmp_path, source)
    monkeypatch.setattr(place, name, spoiled)
    with pytest.raises(MediaError, match=named):
        prove(tmp_path, source)


def none(streams: Any, film: int, forward: bool) -> TimeShifts:
    return TimeShifts({})


def film_alone(streams: Any, film: int, forward: bool) -> TimeShifts:
    found = discontinuities.find_time_shifts(streams, film, forward)
    return TimeShifts({film: found.steps[film]}, found.at)


def paused(streams: Any, film: int, forward: bool) -> TimeShifts:
    found = discontinuities.find_time_shifts(streams, film, forward)
    later = {i: tuple((n, by and by + 180_000) for n, by in steps) for i, steps in found.steps.items()}
    return TimeShifts(later, found.at)


@pytest.mark.parametrize("suffix", [".mpg", ".ts"])
@pytest.mark.parametrize(
    ("spoiled", "named"),
    [
        (none, "audio stream 1"),
        (film_alone, "audio stream 1"),
        (paused, r"shows frame \d+ 2\.0\d+ s after frame"),
    ],
)
def test_a_clock_that_starts_again_is_proved(
    suffix: str, spoiled: Callable[..., TimeShifts], named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prove(tmp_path, joined(tmp_path, suffix))
    monkeypatch.setattr(timeline, "find_time_shifts", spoiled)
    again = tmp_path / "again"  # timelines are cached for each path
    again.mkdir()
    with pytest.raises(MediaError, match=named):
        prove(again, joined(again, suffix))


def test_a_result_of_other_frames_is_named(tmp_path: Path) -> None:
    info = probe(str(write_source(tmp_path / "a.mkv", FULL)))
    segments, pts = write_segments(tmp_path, info, (30,), FAST)
    out = tmp_path / "out.mkv"
    departures = assemble(info, segments, pts, out).departures
    verify(info, out, pts, departures=departures)
    with pytest.raises(MediaError, match="30 frames instead of 29"):
        verify(info, out, pts[:-1], departures=departures)
    late = pts + np.where(np.arange(len(pts)) == 17, 5, 0)
    with pytest.raises(MediaError, match="frame 17"):
        verify(info, out, late, departures=departures)
