"""What a film carries beside its picture is kept in the best way there is, or named with the reason."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from media_files import packets_of
from track_files import COVER, IMAGES, RATE, Tracks, image, pictures, remade, write

from remaster.errors import MediaError
from remaster.media.decode import decode
from remaster.media.probe import probe
from remaster.media.remux import verify
from remaster.notes import losses


def codecs(path: Path) -> list[str]:
    with av.open(str(path)) as container:
        return [s.codec_context.name if s.codec_context else "" for s in container.streams]


def content(path: Path, kind: str) -> list[list[bytes]]:
    return [[data for _, data in track] for track in packets_of(path, kind)]


@pytest.mark.parametrize(
    ("name", "codec", "audio"),
    [
        ("a.wmv", "wmv2", ("wmav1", "wmav2")),
        ("a.avi", "mpeg4", ("adpcm_ms", "adpcm_ima_wav")),
        ("a.mov", "mpeg4", ("adpcm_ima_qt",)),
        ("a.mkv", "mpeg4", ("flac", "libopus")),
    ],
)
def test_sound_that_ffmpeg_itself_writes_is_copied(name: str, codec: str, audio: Sequence[str], tmp_path: Path) -> None:
    source = write(tmp_path / name, Tracks(codec, audio))
    out, done = remade(source)
    assert not done.notes
    assert codecs(out)[1:] == codecs(source)[1:]
    assert content(out, "audio") == content(source, "audio")
    # A player hears the same.
    assert heard(out) == heard(source)


def heard(path: Path) -> list[int]:
    with av.open(str(path)) as container:
        return [sum(frame.samples for frame in decoded(path, s.index)) for s in container.streams.audio]


def decoded(path: Path, index: int) -> list[av.AudioFrame]:
    with av.open(str(path)) as container:
        return [frame for frame in container.decode(container.streams[index]) if isinstance(frame, av.AudioFrame)]


def lpcm_of_dvd(path: Path) -> Path:
    """A program stream whose sound is the LPCM of DVD, 16 bits, two channels."""
    return write(path, Tracks("mpeg2video", ("pcm_dvd",)))


@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
def test_lpcm_of_dvd_becomes_plain_samples_and_is_said(suffix: str, tmp_path: Path) -> None:
    source = lpcm_of_dvd(tmp_path / "a.vob")
    out, done = remade(source, suffix)
    assert done.departures.converted == {1}
    assert re.search(r"audio stream 1 \(pcm_dvd\) .* decoded to pcm_s16le, which loses nothing", done.notes[0].text)
    assert not losses(done.notes)
    before, after = (np.concatenate([f.to_ndarray() for f in decoded(p, 1)], axis=1) for p in (source, out))
    np.testing.assert_array_equal(before, after)
    (first,), (second,) = packets_of(source, "audio"), packets_of(out, "audio")
    assert second[0][0] == pytest.approx(first[0][0], abs=0.001)


def test_what_matroska_has_no_code_for_is_decoded(tmp_path: Path) -> None:
    source = write(tmp_path / "a.mov", Tracks(audio=("adpcm_ima_qt",)))
    out, done = remade(source, ".mkv")
    assert codecs(out)[1:] == ["pcm_s16le"]
    assert "has no code for this codec" in done.notes[0].text


@pytest.mark.parametrize("name", ["a.mkv", "a.mp4", "a.ts", "a.mpg"])
def test_a_second_picture_track_is_kept(name: str, tmp_path: Path) -> None:
    codec = "mpeg2video" if name in ("a.ts", "a.mpg") else "libx264"
    source = write(tmp_path / name, Tracks(codec, ("mp2",), second=codec))
    out, done = remade(source)
    assert not done.notes
    with av.open(str(out)) as container:
        assert [(s.width, s.height) for s in container.streams.video] == [(112, 64), (64, 64)]
    shown = [[(round(t, 2), data) for t, data in packets_of(path, "video")[1]] for path in (source, out)]
    assert shown[0] == shown[1]


def test_covers_of_every_format_and_attachments_of_one_name_are_kept(tmp_path: Path) -> None:
    pictures = [(f"cover.{name}", kind, image(name)) for name, (_, _, kind) in IMAGES.items()]
    fonts = [("a.ttf", "font/ttf", b"one" * 9), ("a.ttf", "font/ttf", b"two" * 9), ("a.ttf", "font/ttf", b"one" * 9)]
    source = write(tmp_path / "a.mkv", Tracks(attachments=[*pictures, *fonts]))
    out, done = remade(source)
    assert not done.notes
    data = out.read_bytes()
    assert all(data.count(picture) == 1 for _, _, picture in pictures)
    with av.open(str(out)) as container:
        kept = [(s.name, s.data) for s in container.streams.attachments if s.name == "a.ttf"]
    assert kept == [(name, data) for name, _, data in fonts]
    mp4, done = remade(source, ".mp4")
    with av.open(str(mp4)) as container:
        assert sum(bool(s.disposition & COVER) for s in container.streams.video) == 2  # PNG and JPEG
    assert sum("has no attachments" in note for note in losses(done.notes)) == 5
    assert sum("no code for this codec" in note for note in losses(done.notes)) == 2


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_two_covers_of_an_mp4_are_kept(suffix: str, tmp_path: Path) -> None:
    source = write(tmp_path / "a.mp4", Tracks("libx264", covers=("png", "jpg")))
    out, done = remade(source, suffix)
    assert not done.notes
    assert all(out.read_bytes().count(image(name)) == 1 for name in ("png", "jpg"))


@pytest.mark.parametrize("suffix", [".mov", ".mp4", ".mkv"])
def test_a_time_code_is_kept(suffix: str, tmp_path: Path) -> None:
    source = write(tmp_path / "a.mov", Tracks("libx264", timecode="01:02:03:04"))
    with av.open(str(source)) as container:
        assert [s.type for s in container.streams] == ["video", "data"]
    out, done = remade(source, suffix)
    assert not done.notes
    with av.open(str(out)) as container:
        tags = {key.lower(): value for s in container.streams for key, value in s.metadata.items()}
        assert tags["timecode"] == "01:02:03:04"
        assert [s.type for s in container.streams] == ["video", *(["data"] if suffix != ".mkv" else [])]


SCRIPT = """[Script Info]
ScriptType: v4.00+

[V4+ Styles]
Format: Name, Fontname, Fontsize, Alignment, MarginL, MarginR, MarginV
Style: Default,Arial,20,2,0,0,0

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
"""


def test_packets_of_one_time_keep_it(tmp_path: Path) -> None:
    """A sign is made of many events that begin at once; short packets have equal times in Matroska's milliseconds."""
    events = "".join(f"Dialogue: {n},0:00:00.20,0:00:00.60,Default,,0,0,0,,{n}\n" for n in range(8))
    (tmp_path / "sign.ass").write_text(SCRIPT + events)
    with av.open(str(tmp_path / "a.mkv"), "w") as output, av.open(str(tmp_path / "sign.ass")) as signs:
        film: Any = output.add_stream("mpeg4", 25, width=96, height=64, pix_fmt="yuv420p")
        raw: Any = output.add_stream("pcm_s16le", RATE, layout="mono")
        script = output.add_stream_from_template(signs.streams.subtitles[0], opaque=True)
        packets: list[Any] = pictures(film, 96)
        for number in range(RATE // 40):  # as long as TrueHD's
            packet: Any = av.Packet(number.to_bytes(2, "little") * 40)
            packet.stream, packet.time_base, packet.duration = raw, Fraction(1, RATE), 40
            packet.pts = packet.dts = number * 40
            packets.append(packet)
        for packet in signs.demux():
            if packet.size:
                packet.stream = script
                packets.append(packet)
        for packet in sorted(packets, key=lambda p: (p.dts or 0) * p.time_base):
            output.mux(packet)
    out, done = remade(tmp_path / "a.mkv")
    assert not done.notes
    for kind in ("audio", "subtitle"):
        (ours,), (theirs,) = packets_of(out, kind), packets_of(tmp_path / "a.mkv", kind)
        assert ours == theirs
        assert len({time for time, _ in theirs}) < len(theirs)


def paused(path: Path, codec: str, pause: float) -> Path:
    """A film whose sound pauses after half a second."""
    whole = write(path.with_name(f"whole{path.suffix}"), Tracks(audio=(codec,)))
    with av.open(str(whole)) as source, av.open(str(path), "w") as target:
        streams = {s.index: target.add_stream_from_template(s) for s in source.streams}
        for packet in list(source.demux()):
            if packet.size and packet.pts is not None:
                seconds = packet.pts * packet.time_base
                if packet.stream.type == "audio":
                    if seconds >= 0.8:
                        continue
                    packet.pts += round(pause / packet.time_base) if seconds >= 0.4 else 0
                    packet.dts = packet.pts
                packet.stream = streams[packet.stream_index]
                target.mux(packet)
    return path


def samples_heard(path: Path) -> Any:
    """All samples of a file's first sound track, a row each."""
    with av.open(str(path)) as container:
        resampler = av.AudioResampler("s32", "stereo")
        parts = [part for frame in container.decode(audio=0) for part in resampler.resample(frame)]
        return np.concatenate([part.to_ndarray().reshape(-1, 2) for part in parts])


@pytest.mark.parametrize(
    ("codec", "suffix"), [("pcm_s16le", ".mp4"), ("pcm_s24be", ".mov"), ("pcm_u8", ".mov"), ("pcm_alaw", ".mov")]
)
def test_pauses_of_raw_samples_are_silence_where_no_times_are_kept(codec: str, suffix: str, tmp_path: Path) -> None:
    source = paused(tmp_path / ("a.nut" if codec in ("pcm_s24be", "pcm_alaw") else "a.mkv"), codec, 0.125)
    out, done = remade(source, suffix)
    before, after = samples_heard(source), samples_heard(out)
    (at, count), *more = done.departures.filled[1]
    assert not more and abs(count - 0.125 * RATE) < 50
    assert (before[:at] == after[:at]).all() and (before[at:] == after[at + count :]).all()
    assert np.abs(after[at : at + count] >> 16).max() <= 8
    (note,) = done.notes
    assert note.text.startswith("audio stream 1") and "filled with silence" in note.text and not note.loss
    mkv, plain = remade(source, ".mkv")
    assert not plain.notes and (samples_heard(mkv) == before).all()


def test_the_proof_looks_at_the_silence(tmp_path: Path) -> None:
    source = paused(tmp_path / "a.mkv", "pcm_s16le", 0.125)
    out, done = remade(source, ".mp4")
    info = probe(str(source))
    times = np.array([frame.pts for frame in decode(info)], np.int64)
    for filled in ({}, {1: [(at + 2000, count) for at, count in done.departures.filled[1]]}):
        with pytest.raises(MediaError, match=r"audio stream 1|sample"):
            verify(info, out, times, departures=replace(done.departures, filled=filled))
    (_, count), data = done.departures.filled[1][0], out.read_bytes()
    quiet = data.index(bytes(4 * count))
    out.write_bytes(data[: quiet + 4000] + b"\x40" * 400 + data[quiet + 4400 :])
    with pytest.raises(MediaError, match="not silent"):
        verify(info, out, times, departures=done.departures)


def test_sound_that_cannot_be_decoded_is_counted(tmp_path: Path) -> None:
    source = write(tmp_path / "a.mov", Tracks(audio=("adpcm_ima_qt",)))
    with av.open(str(source)) as container:
        places = [packet.pos for packet in container.demux(audio=0) if packet.size]
    data = bytearray(source.read_bytes())
    data[places[3] : places[3] + 2] = b"\xff\xff"  # a step that the codec does not have
    source.write_bytes(data)
    _, done = remade(source, ".mkv")
    assert losses(done.notes) == [
        f"1 of {len(places)} packets of audio stream 1 (adpcm_ima_qt) cannot be decoded and are left out"
    ]
