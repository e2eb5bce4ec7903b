"""Clocks that start again or jump: picture and tracks move by the same shift, and nothing that was cut comes back."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from captioned_files import captioned
from media_files import OPEN_GOP, Source, packets_of, same_planes, write_segments, write_source

from remaster.media.decode import decode
from remaster.media.discontinuities import Packets, find_time_shifts
from remaster.media.encoders import EncoderSettings
from remaster.media.probe import probe
from remaster.media.remux import assemble, verify
from remaster.media.timestamp_repair import Repairs

FAST = EncoderSettings(preset="ultrafast")
FILM = Source(
    frames=50, codec="mpeg2video", options={"g": "12"}, b_frames=2, fps=Fraction(25), sar=Fraction(1), audio=("ac3",)
)
H264 = replace(FILM, codec="libx264", options=dict(OPEN_GOP), b_frames=0)
WRAP = Fraction(1 << 33, 90000)


def moved(source: Path, seconds: Fraction) -> Path:
    """The same transport stream with another clock."""
    path = source.with_name(f"moved-{source.name}")
    with av.open(str(source)) as before, av.open(str(path), "w", options={"avoid_negative_ts": "disabled"}) as after:
        streams = {s.index: after.add_stream_from_template(s) for s in before.streams}
        for packet in before.demux():
            if packet.size and packet.pts is not None and packet.dts is not None:
                by = round(seconds / packet.time_base)
                packet.pts, packet.dts, packet.stream = packet.pts + by, packet.dts + by, streams[packet.stream_index]
                after.mux(packet)
    return path


def remade(folder: Path, source: Path, suffix: str = ".mkv") -> tuple[Path, list[float], list[tuple[float, bytes]]]:
    """The result, proved, with the times of its pictures and the packets of its sound."""
    info = probe(str(source))
    segments, pts = write_segments(folder, info, (500,), FAST)
    out = folder / "out" / f"film{suffix}"
    done = assemble(info, segments, pts, out)
    verify(info, out, pts, departures=done.departures)
    (picture,), (sound,) = packets_of(out, "video"), packets_of(out, "audio")
    return out, sorted(seconds for seconds, _ in picture), sound


def goes_on(times: Sequence[float], step: float, spare: float = 0.0) -> bool:
    """Whether each time follows the one before by a step (to the millisecond), ``spare`` more where a clock jumped."""
    steps = np.diff(times)
    return bool((steps > step - 0.0011).all() and (steps < step + spare + 0.0011).all())


@pytest.mark.parametrize("suffix", [".mpg", ".ts"])
@pytest.mark.parametrize("film", [FILM, H264])
def test_recordings_joined_by_cat_play_on_with_their_sound(suffix: str, film: Source, tmp_path: Path) -> None:
    first = write_source(tmp_path / f"a{suffix}", film)
    second = write_source(tmp_path / f"b{suffix}", replace(film, frames=25))
    parts = [packets_of(path, "audio")[0] for path in (first, second)]
    info = probe(str(second))
    begins = float(next(decode(info)).pts * info.time_base)
    path = tmp_path / f"joined{suffix}"
    path.write_bytes(first.read_bytes() + second.read_bytes())
    _, times, sound = remade(tmp_path, path)
    assert len(times) == 75
    assert goes_on(times, 0.04, spare=0.032)
    assert [data for _, data in sound] == [data for part in parts for _, data in part]
    assert goes_on([seconds for seconds, _ in sound], 0.032, spare=0.04)
    # The second's sound stands beside its pictures as it did.
    apart = parts[1][0][0] - begins
    assert sound[len(parts[0])][0] - times[50] == pytest.approx(apart, abs=0.002)


def test_a_range_behind_a_jump_is_the_same_as_when_all_is_read(tmp_path: Path) -> None:
    part = write_source(tmp_path / "a.mpg", replace(FILM, options={"g": "6"})).read_bytes()
    other = write_source(tmp_path / "b.mpg", replace(FILM, options={"g": "5"}, frames=40)).read_bytes()
    path = tmp_path / "joined.mpg"
    path.write_bytes(part + other)
    info, repairs = probe(str(path)), Repairs()
    frames = list(decode(info, repairs=repairs))
    assert len(repairs.jumps) == 1
    assert re_said(repairs)
    for number in (0, 30, 49, 50, 51, 70, 88):
        found = list(decode(info, frames[number].pts, 2))
        assert [frame.pts for frame in found] == [frame.pts for frame in frames[number : number + 2]]
        assert all(same_planes(a.planes, b.planes) for a, b in zip(found, frames[number:], strict=False))


def re_said(repairs: Repairs) -> bool:
    return any("clock starts again or jumps at" in note.text for note in repairs.notes())


@pytest.mark.parametrize("seconds", [5000, 20])
def test_a_clock_that_leaps_forward_goes_on_without_a_pause(seconds: int, tmp_path: Path) -> None:
    first = write_source(tmp_path / "a.ts", FILM)
    path = tmp_path / "joined.ts"
    path.write_bytes(first.read_bytes() + moved(first, Fraction(seconds)).read_bytes() + first.read_bytes())
    _, times, sound = remade(tmp_path, path)
    assert len(times) == 150
    assert goes_on(times, 0.04, spare=0.032)
    assert goes_on([at for at, _ in sound], 0.032, spare=0.04)


def test_a_pause_in_one_track_is_no_jump() -> None:
    tick = Fraction(1, 1000)
    film, sound, second = (Packets(kind, tick) for kind in ("video", "audio", "audio"))
    for number in range(1000):
        for packets, time in ((film, 40 * number), (sound, 40 * number), (second, 40 * number)):
            if packets is second and 100 <= number < 500:
                continue
            packets.pts.append(time)
            packets.durations.append(40)
            packets.positions.append(number)
            packets.keys.append(True)
    streams = {0: film, 1: sound, 2: second}
    assert find_time_shifts(streams, 0, True).at == ()
    # The same pause in all of them is one of the clock.
    for packets in streams.values():
        packets.pts = [None if t is None else t + 60_000 * (t >= 30_000) for t in packets.pts]
    found = find_time_shifts(streams, 0, True)
    assert found.at == (Fraction(30),)
    assert [found.ticks(index, len(packets.pts) - 1) for index, packets in streams.items()] == [-60_000] * 3
    assert find_time_shifts(streams, 0, False).at == ()


def test_one_wrong_stamp_is_no_jump() -> None:
    packets = Packets("video", Fraction(1, 1000))
    for number in range(100):
        packets.pts.append(5 if number == 50 else 40 * number)
        packets.durations.append(40)
        packets.positions.append(number)
        packets.keys.append(True)
    assert find_time_shifts({0: packets}, 0, True).at == ()


@pytest.mark.parametrize("before", [1, 70])
def test_a_counter_of_33_bits_that_runs_over(before: int, tmp_path: Path) -> None:
    first = write_source(tmp_path / "a.ts", FILM)
    path = tmp_path / "wrap.ts"
    start = moved(first, WRAP - before)
    end = tmp_path / "end.ts"
    end.write_bytes(start.read_bytes() + moved(first, WRAP - 1).read_bytes() * (before > 1))
    end.rename(path)
    _, times, sound = remade(tmp_path, path)
    assert len(times) == 50 * (2 if before > 1 else 1)
    assert min(times[0], sound[0][0]) >= 0
    assert goes_on(times, 0.04, spare=0.032)
    assert times[0] - sound[0][0] == pytest.approx(0.04 - 0.0347, abs=0.002)


def test_matroska_files_joined_by_cat(tmp_path: Path) -> None:
    first = write_source(tmp_path / "a.mkv", H264)
    second = write_source(tmp_path / "b.mkv", replace(H264, frames=30))
    path = tmp_path / "joined.mkv"
    path.write_bytes(first.read_bytes() + second.read_bytes())
    _, times, sound = remade(tmp_path, path)
    assert len(times) == 80
    assert goes_on(times, 0.04, spare=0.032)
    assert goes_on([at for at, _ in sound], 0.032, spare=0.04)


LINES = [(0.4, b"One"), (1.2, b"Two"), (1.6, b"Three")]
SEGMENT = b"\x0f\x80\x00\x01\x00\x00"
"""The least that a DVB subtitle packet holds: the end of a display set (EN 300 743)."""


def spoken(path: Path, film: Source, codec: str, lines: Sequence[tuple[float, bytes]] = LINES) -> Path:
    """A film with a track of text in it, a line each at its second, at its place among the other packets."""
    plain = write_source(path.with_name(f"plain-{path.name}"), film)
    with av.open(str(plain)) as source, av.open(str(path), "w") as target:
        streams = {s.index: target.add_stream_from_template(s) for s in source.streams}
        text = target.add_mux_stream(codec)
        packets = [packet for packet in source.demux() if packet.size]
        begin = min(packet.pts * packet.time_base for packet in packets if packet.pts is not None)
        for packet in packets:
            packet.stream = streams[packet.stream_index]
        for seconds, said in lines:
            line: av.Packet = av.Packet(said)
            line.stream, line.time_base = text, Fraction(1, 90000)
            line.pts = line.dts = round((begin + Fraction(seconds)) * 90000)
            line.duration = 18000
            packets.append(line)
        for packet in sorted(packets, key=lambda p: (p.dts or 0) * p.time_base):
            target.mux(packet)
    return path


@pytest.mark.parametrize(
    ("suffix", "codec", "said"),
    [(".mkv", "subrip", "{}"), (".mkv", "ass", "{},0,Default,,0,0,0,,Line"), (".ts", "dvb_subtitle", "")],
)
def test_subtitles_move_with_the_picture_behind_a_joint(suffix: str, codec: str, said: str, tmp_path: Path) -> None:
    lines = [(at, said.format(n).encode() or SEGMENT) for n, (at, _) in enumerate(LINES)]
    parts = [spoken(tmp_path / f"{n}{suffix}", replace(H264, frames=50 - 5 * n), codec, lines) for n in range(2)]
    begins = []
    for part in parts:
        info = probe(str(part))
        begins.append(float(next(decode(info)).pts * info.time_base))
    apart = [[at - begin for at, _ in packets_of(p, "subtitle")[0]] for p, begin in zip(parts, begins, strict=True)]
    path = tmp_path / f"joined{suffix}"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    out, times, _ = remade(tmp_path, path)
    found = [at for at, _ in packets_of(out, "subtitle")[0]]
    assert len(times) == 95
    wanted = [times[50 * number] + at for number, part in enumerate(apart) for at in part]
    assert found == pytest.approx(wanted, abs=0.002)


def test_subtitles_move_with_the_picture_where_the_counter_runs_over(tmp_path: Path) -> None:
    plain = spoken(tmp_path / "a.ts", FILM, "dvb_subtitle", [(at, SEGMENT) for at, _ in LINES])
    path = moved(plain, WRAP - 1)
    apart = [at - packets_of(plain, "audio")[0][0][0] for at, _ in packets_of(plain, "subtitle")[0]]
    out, _, sound = remade(tmp_path, path)
    found = [at - sound[0][0] for at, _ in packets_of(out, "subtitle")[0]]
    assert found == pytest.approx(apart, abs=0.002)


@pytest.mark.parametrize("wraps", [False, True])
def test_captions_stay_with_their_frames_behind_a_jump(wraps: bool, tmp_path: Path) -> None:
    first = tmp_path / "a.ts"
    said = captioned(first, 40)
    path = tmp_path / "joined.ts"
    if wraps:
        path = moved(first, WRAP - 1)
    else:
        path.write_bytes(first.read_bytes() * 2)
    info = replace(probe(str(path)), captions=True)
    segments, pts = write_segments(tmp_path, info, (30, 50), FAST)
    out = tmp_path / "out.mkv"
    done = assemble(info, segments, pts, out)
    verify(info, out, pts, departures=done.departures)
    frames = list(decode(probe(str(out))))
    assert [frame.captions for frame in frames] == said * (1 if wraps else 2)
    assert goes_on([float(frame.pts * probe(str(out)).time_base) for frame in frames], 0.04, spare=0.001)


def boxes(data: bytes) -> list[tuple[bytes, bytes]]:
    found, at = [], 0
    while at < len(data):
        size = int.from_bytes(data[at : at + 4])
        found.append((data[at + 4 : at + 8], data[at + 8 : at + size]))
        at += size
    return found


def box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body) + 8) + kind + body


def edited(path: Path, edits: Sequence[tuple[float, float]]) -> Path:
    """Give all tracks of an MP4 an edit list: (seconds shown, from which second of the track; -1: nothing) each."""

    def track(body: bytes) -> bytes:
        parts = [(kind, inner) for kind, inner in boxes(body) if kind != b"edts"]
        scale = int.from_bytes(dict(boxes(dict(parts)[b"mdia"]))[b"mdhd"][12:16])
        rows = [struct.pack(">IiI", round(d * 1000), round(m * scale) if m >= 0 else -1, 1 << 16) for d, m in edits]
        parts.insert(1, (b"edts", box(b"elst", struct.pack(">II", 0, len(rows)) + b"".join(rows))))
        return b"".join(box(*part) for part in parts)

    movie = [(k, track(b) if k == b"trak" else b) for k, b in boxes(dict(boxes(path.read_bytes()))[b"moov"])]
    whole = [(k, b"".join(box(*m) for m in movie) if k == b"moov" else b) for k, b in boxes(path.read_bytes())]
    path.write_bytes(b"".join(box(*part) for part in whole))
    return path


def place_of(at: float, edits: Sequence[tuple[float, float]]) -> float:
    """When a track's second ``at`` is shown; infinite where it is cut out."""
    place = 0.0
    for lasts, start in edits:
        if start >= 0 and start - 0.022 <= at <= start + lasts:
            return place + at - start
        place += lasts
    return float("inf")


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
@pytest.mark.parametrize(
    ("edits", "wanted"),
    [
        ([(1.0, 0.52), (1.0, 2.52)], [*range(13, 38), *range(63, 88)]),
        ([(0.8, 2.4), (0.8, 0.4)], [*range(60, 80), *range(10, 30)]),
        ([(0.4, -1), (0.8, 0.48), (0.8, 2.4)], [*range(12, 32), *range(60, 80)]),
    ],
)
def test_what_an_edit_list_cuts_out_stays_out(
    suffix: str, edits: list[tuple[float, float]], wanted: list[int], tmp_path: Path
) -> None:
    plain = Source(frames=100, fps=Fraction(25), sar=Fraction(1), audio=("aac",), options={"g": "12", "bf": "0"})
    source = write_source(tmp_path / "a.mp4", plain)
    whole = [frame.planes for frame in decode(probe(str(source)))]
    heard = [data for _, data in packets_of(source, "audio")[0]]
    frames = list(decode(probe(str(edited(source, edits)))))
    assert [next(n for n, p in enumerate(whole) if same_planes(p, frame.planes)) for frame in frames] == wanted
    _, times, sound = remade(tmp_path, source, suffix)
    begin = edits[0][0] if edits[0][1] < 0 else 0.0
    assert times == pytest.approx([begin + 0.04 * number for number in range(len(wanted))], abs=0.001)
    # Each packet of sound lies where its part of the edits does, to a packet's length.
    for seconds, data in sound[2:]:
        ats = [(number - 1) * 1024 / 48000 for number, other in enumerate(heard) if other == data]
        assert any(abs(place_of(at, edits) - seconds) < 0.023 for at in ats), f"the sound at {seconds:.3f} s"
    assert sound[-1][0] + 0.05 >= sum(lasts for lasts, _ in edits)
