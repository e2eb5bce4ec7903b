"""Languages, chapters, keys and rates that containers keep in ways of their own."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from media_files import NTSC, YUV420, picture
from track_files import Tracks, remade, write

from remaster.media import matroska
from remaster.media.decode import decode
from remaster.media.encode import to_frame
from remaster.media.matroska import HeaderEdits, TrackEdit, write_header
from remaster.media.probe import probe
from remaster.notes import losses

LANGUAGES = ("zh-Hans", "zh-Hant", "pt-BR", "es-419")


def element(kind: int, *parts: bytes | int | str) -> bytes:
    """An EBML element: ids as they stand, numbers and text as RFC 8794 has them."""
    body = b""
    for part in parts:
        number = part.to_bytes(max((part.bit_length() + 7) // 8, 1)) if isinstance(part, int) else b""
        body += number or (part.encode() if isinstance(part, str) else bytes(part))  # type: ignore[arg-type]
    return kind.to_bytes((kind.bit_length() + 7) // 8) + (0x4000 | len(body)).to_bytes(2) + body


def chapter(uid: int, start: float, end: float, names: dict[str, str], *inside: bytes) -> bytes:
    displays = [element(0x80, element(0x85, name), element(0x437C, lang)) for lang, name in names.items()]
    times = element(0x91, round(start * 1e9)), element(0x92, round(end * 1e9))
    return element(0xB6, element(0x73C4, uid), *times, *displays, *inside)


def about(track: bytes) -> bytes:
    return element(0x8F, element(0x89, track))


PLAIN_EDITION = element(0x45B9, element(0x45BC, 77), chapter(5, 0.0, 0.9, {"eng": "All"}))


def ordered_edition(track: bytes) -> bytes:
    inner = chapter(3, 0.5, 0.7, {"eng": "Inner", "deu": "Innen"}, about(track))
    return element(
        0x45B9,
        element(0x45DD, 1),
        chapter(1, 0.5, 0.9, {"eng": "Second first", "jpn": "後編"}, inner),
        chapter(2, 0.0, 0.5, {"eng": "First last"}),
    )


def with_header(path: Path, edits: HeaderEdits, **tracks: Any) -> Path:
    """A Matroska file with room in its header, and with these edits in it."""
    plain = write(path.with_name("plain.mkv"), Tracks(**tracks))
    options = {"metadata_header_padding": "4096", "fflags": "+bitexact"}
    with av.open(str(plain)) as before, av.open(str(path), "w", container_options=options) as after:
        streams = {s.index: after.add_stream_from_template(s, opaque=True) for s in before.streams}
        for packet in before.demux():
            if packet.size:
                packet.stream = streams[packet.stream_index]
                after.mux(packet)
    write_header(path, edits)
    return path


@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
def test_languages_as_in_bcp_47_are_kept(suffix: str, tmp_path: Path) -> None:
    edits = HeaderEdits({number + 1: TrackEdit(language=tag) for number, tag in enumerate(LANGUAGES)})
    source = with_header(tmp_path / "a.mkv", edits, codec="libx264", audio=("aac",) * 4)
    out, done = remade(source, suffix)
    assert not done.notes
    written(out, suffix)
    (tmp_path / "again").mkdir()
    again = (tmp_path / "again" / "b").with_suffix(suffix)
    out.rename(again)
    for other in (".mkv", ".mp4"):
        made, _ = remade(again, other)
        written(made, other)


def written(path: Path, suffix: str) -> None:
    """Each language stands in the file as the standards have it."""
    data = path.read_bytes()
    for tag in LANGUAGES:
        text = tag.encode()
        box = (13 + len(text)).to_bytes(4) + b"elng" + bytes(4) + text + b"\0"
        assert data.count(b"\x22\xb5\x9d" + bytes([0x80 | len(text)]) + text if suffix == ".mkv" else box) == 1
    with av.open(str(path)) as container:
        assert len(list(container.decode(audio=3))) > 40
        assert [s.metadata.get("handler_name", "SoundHandler") for s in container.streams.audio] == ["SoundHandler"] * 4


@pytest.mark.parametrize("suffix", [".mov", ".mp4", ".mkv"])
@pytest.mark.parametrize("language", ["deu", "fre", "vie", "zho"])
def test_any_language_of_three_letters_is_kept(language: str, suffix: str, tmp_path: Path) -> None:
    source = tmp_path / "a.mp4"
    plain = write(tmp_path / "plain.mp4", Tracks("libx264", ("aac",)))
    with av.open(str(plain)) as before, av.open(str(source), "w") as after:
        streams = {s.index: after.add_stream_from_template(s, opaque=True) for s in before.streams}
        streams[1].metadata["language"] = language
        for packet in before.demux():
            if packet.size:
                packet.stream = streams[packet.stream_index]
                after.mux(packet)
    out, _ = remade(source, suffix)
    with av.open(str(out)) as container:
        assert container.streams.audio[0].language == language


def test_nested_and_ordered_chapters_are_kept_with_all_names(tmp_path: Path) -> None:
    plain = with_header(tmp_path / "p.mkv", HeaderEdits(), codec="libx264", audio=("aac",))
    uid = matroska.read_header(str(plain)).uids[1]
    chapters = ordered_edition(uid) + PLAIN_EDITION
    source = with_header(tmp_path / "a.mkv", HeaderEdits(chapters=chapters), codec="libx264", audio=("aac",))
    out, done = remade(source)
    assert not done.notes
    data = out.read_bytes()
    for name in ("Second first", "後編", "Inner", "Innen", "First last", "All"):
        assert data.count(name.encode()) == 1
    made = matroska.read_header(str(out))
    assert matroska.chapter_checksums(made.chapters) == matroska.chapter_checksums(chapters)
    assert element(0x89, made.uids[1])[-len(made.uids[1]) :] in made.chapters
    with av.open(str(out)) as container:
        assert {c["metadata"]["title"] for c in container.chapters()} <= {"Second first", "First last", "All", "後編"}
        assert container.chapters()
    mp4, done = remade(source, ".mp4")
    assert losses(done.notes) == [
        "of the chapters, further editions, the order of an ordered edition, chapters inside chapters, chapter names "
        "in further languages cannot be kept and are left out",
    ]
    with av.open(str(mp4)) as container:
        assert [c["metadata"]["title"] for c in container.chapters()] == ["First last", "Second first"]


KEYS = {
    "com.apple.quicktime.make": "Somebody",
    "com.apple.quicktime.location.ISO6709": "+48.0000-002.0000/",
    "title": "A film",
}


@pytest.mark.parametrize("suffix", [".mov", ".mp4", ".mkv"])
def test_quicktime_keys_are_kept(suffix: str, tmp_path: Path) -> None:
    source = tmp_path / "a.mov"
    with av.open(str(source), "w", container_options={"movflags": "use_metadata_tags"}) as output:
        film: Any = output.add_stream("libx264", 25, width=96, height=64, pix_fmt="yuv420p")
        output.metadata.update(KEYS)
        for number in range(25):
            output.mux(film.encode(to_frame(picture(number, YUV420, 96, 64), YUV420, 96, 64)))
        output.mux(film.encode(None))
    out, done = remade(source, suffix)
    assert not done.notes
    with av.open(str(out)) as container:
        kept = {key.lower(): value for key, value in container.metadata.items()}
    assert {key: kept.get(key.lower()) for key in KEYS} == KEYS


def test_a_rate_of_raw_dv_is_its_own(tmp_path: Path) -> None:
    source = tmp_path / "a.dv"
    with av.open(str(source), "w", "dv") as output:
        film: Any = output.add_stream("dvvideo", NTSC, width=720, height=480, pix_fmt="yuv411p")
        sound: Any = output.add_stream("pcm_s16le", 48000)
        sound.layout = "stereo"
        for number in range(6):
            frame = av.VideoFrame(720, 480, "yuv411p")
            frame.pts, frame.time_base = number, 1 / NTSC
            output.mux(film.encode(frame))
            samples = av.AudioFrame.from_ndarray(np.zeros((1, 2 * 1602), np.int16), "s16", "stereo")
            samples.sample_rate = 48000
            output.mux(sound.encode(samples))
        output.mux(film.encode(None))
        output.mux(sound.encode(None))
    info = probe(str(source))
    assert info.fps == Fraction(30000, 1001)
    times = [frame.pts * info.time_base for frame in decode(info)]
    assert len(times) >= 5
    assert np.diff([float(time) for time in times]) == pytest.approx(1001 / 30000)
