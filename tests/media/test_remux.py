from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import accumulate
from pathlib import Path

import av
import numpy as np
import pytest
from media_files import CHAPTERS, NTSC, OPEN_GOP, Source, packets_of, same_planes, write_segments, write_source

from remaster.errors import MediaError
from remaster.media.decode import decode
from remaster.media.encoders import Codec, EncoderSettings
from remaster.media.probe import probe
from remaster.media.remux import Assembled, Container, assemble, output_suffix, verify
from remaster.media.types import PixelFormat
from remaster.notes import losses

FULL = Source(
    audio=("aac", "ac3"),
    subtitles=True,
    chapters=True,
    attachment=b"font" * 50,
    tags={"title": "A film", "artist": "Somebody", "creation_time": "1936-11-27T12:00:00.000000Z"},
)
PLAIN = Source(audio=("aac",), chapters=True, tags={"title": "A film"})
FAST = EncoderSettings(preset="veryfast")
SIZES = (1, 2, 7, 30)


def join(
    folder: Path,
    source: Path,
    suffix: str,
    settings: EncoderSettings = FAST,
    sizes: Sequence[int] = SIZES,
    partial: bool = False,
) -> tuple[Path, Assembled]:
    """Assemble and verify; the output's times are also compared here, with other means."""
    info = probe(str(source))
    segments, pts = write_segments(folder, info, sizes, settings)
    out = folder / "out" / f"film{suffix}"
    done = assemble(info, segments, pts, out, partial)
    verify(info, out, pts, partial, done.departures)
    assert not [p.name for p in out.parent.iterdir() if "part" in p.name]
    result = probe(str(out))
    frames = list(decode(result))
    joined = [frame for segment in segments for frame in decode(probe(str(segment)))]
    assert len(frames) == len(joined) == done.frames == len(pts)
    assert all(same_planes(a.planes, b.planes) for a, b in zip(frames, joined, strict=True))
    times = np.array([float(frame.pts * result.time_base) for frame in frames])
    assert np.abs(times - pts * float(info.time_base)).max() <= max(0.0005001, float(result.time_base))
    assert (result.sar, result.width) == (info.sar, info.width + 16)
    assert done.bytes == out.stat().st_size
    return out, done


@pytest.mark.parametrize("codec", [codec for codec in Codec if codec is not Codec.dnxhr])
def test_segments_are_joined_with_all_that_matroska_carries(codec: Codec, tmp_path: Path) -> None:
    source = write_source(tmp_path / "a.mkv", FULL)
    out, done = join(tmp_path, source, ".mkv", EncoderSettings(codec, preset="veryfast"))
    assert done.notes == ()
    assert done.duration == pytest.approx(40 / NTSC, abs=0.002)
    assert packets_of(out, "audio") == packets_of(source, "audio")
    assert packets_of(out, "subtitle") == packets_of(source, "subtitle")
    assert probe(str(out)).fps == NTSC
    with av.open(str(out)) as container:
        assert [chapter["metadata"]["title"] for chapter in container.chapters()] == ["one", "two"]
        assert [s.language for s in container.streams.audio] == ["eng", "deu"]
        assert [s.metadata["title"] for s in container.streams.audio] == ["track 0", "track 1"]
        assert "title" not in container.streams.video[0].metadata
        assert container.metadata["title"] == "A film"
        assert container.metadata["creation_time"] == "1936-11-27T12:00:00.000000Z"
        (attachment,) = container.streams.attachments
        assert (attachment.name, attachment.data) == ("font.ttf", FULL.attachment)


# QuickTime has no AV1.
@pytest.mark.parametrize(
    ("suffix", "codec"),
    [
        (".mp4", Codec.h264),
        (".mp4", Codec.hevc),
        (".mp4", Codec.av1),
        (".mov", Codec.h264),
        (".mov", Codec.hevc),
    ],
)
def test_mp4_and_quicktime_keep_every_time_and_packet(suffix: str, codec: Codec, tmp_path: Path) -> None:
    source = write_source(tmp_path / f"a{suffix}", PLAIN)
    assert output_suffix(probe(str(source)), Container.source, codec) == suffix
    out, done = join(tmp_path, source, suffix, EncoderSettings(codec, preset="veryfast"))
    assert done.notes == ()
    assert packets_of(out, "audio") == packets_of(source, "audio")
    data = out.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")
    with av.open(str(out)) as container:
        ends = [c["end"] * c["time_base"] for c in container.chapters() if c["time_base"]]
        assert ends == [Fraction(1, 2), Fraction(13, 10)]
        assert container.metadata["title"] == "A film"


@pytest.mark.parametrize(("codec", "suffix"), [(Codec.prores, ".mov"), (Codec.prores, ".mkv"), (Codec.dnxhr, ".mov")])
def test_codecs_for_editing_go_to_quicktime_or_matroska(codec: Codec, suffix: str, tmp_path: Path) -> None:
    form = PixelFormat("yuv420p10le", "yuv", 10, 1, 1)
    kind = Source(size=(256, 128), pixel_format=form, audio=("aac",))
    source = write_source(tmp_path / "a.mkv", kind)
    info = probe(str(source))
    assert output_suffix(info, Container.source, codec) == ".mov"
    assert output_suffix(info, Container.mp4, codec) == ".mov"
    assert output_suffix(info, Container.mkv, codec) == (".mov" if codec is Codec.dnxhr else ".mkv")
    out, done = join(tmp_path, source, suffix, EncoderSettings(codec))
    assert done.notes == ()
    result = probe(str(out))
    assert (result.format.name, result.sar) == ("yuv422p10le", info.sar)
    for one, other in zip(decode(info), decode(result), strict=True):
        width = one.planes[0].shape[1]
        assert np.abs(one.planes[0].astype(int) - other.planes[0][:, :width]).mean() < 6, "in levels of ten bits"


def test_variable_rates_and_start_offsets_are_kept(tmp_path: Path) -> None:
    stamps = list(accumulate([33, 5, 500, 20, 41, 42] * 6 + [33, 40, 41], initial=700))
    for name in ("a.mkv", "a.mp4"):
        source = Source(
            frames=len(stamps), time_base=Fraction(1, 1000), stamps=stamps, options=OPEN_GOP, audio=("aac",)
        )
        path = write_source(tmp_path / name, source)
        for suffix in (".mkv", ".mp4"):
            out, _ = join(tmp_path, path, suffix)
            result = probe(str(out))
            shown = [round(float(frame.pts * result.time_base * 1000)) for frame in decode(result)]
            assert shown == stamps


@pytest.mark.parametrize("name", ["a.ts", "a.avi", "a.mpg"])
def test_other_containers_go_to_matroska_with_their_sound_in_time(name: str, tmp_path: Path) -> None:
    codec, options = ("libx264", dict(OPEN_GOP)) if name == "a.ts" else ("mpeg2video", {"g": "12"})
    audio = {"a.ts": "aac", "a.avi": "mp3", "a.mpg": "mp2"}[name]
    path = write_source(tmp_path / name, Source(codec=codec, options=options, audio=(audio,)))
    info = probe(str(path))
    assert output_suffix(info, Container.source, Codec.h264) == ".mkv"
    for suffix in (".mkv", ".mp4"):
        _, done = join(tmp_path, path, suffix)
        assert done.notes == ()


def test_a_sound_packet_that_is_damaged_costs_itself_alone(tmp_path: Path) -> None:
    source = Source(codec="libx264", options=dict(OPEN_GOP), audio=("aac",))
    path = write_source(tmp_path / "a.ts", source)
    whole = len(packets_of(path, "audio")[0])
    data = bytearray(path.read_bytes())
    headers = [found.start() for found in re.finditer(rb"\xff\xf1", data)]
    data[headers[5] : headers[5] + 2] = b"\0\0"
    path.write_bytes(data)
    for suffix in (".mkv", ".mp4"):
        out, done = join(tmp_path, path, suffix)
        assert len(done.notes) == 1
        assert re.fullmatch(
            r"\d of \d+ packets of audio stream 1 \(aac.*\) are damaged and left out", losses(done.notes)[0]
        )
        assert whole - 4 <= len(packets_of(out, "audio")[0]) < whole


def test_the_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    source = write_source(tmp_path / "a.mkv", FULL)
    info = probe(str(source))
    segments, pts = write_segments(tmp_path, info, (5, 6), FAST)
    for suffix in (".mkv", ".mp4"):
        first, second = (tmp_path / f"{n}" / f"film{suffix}" for n in "ab")
        for out in (first, second):
            assemble(info, segments, pts, out)
        assert first.read_bytes() == second.read_bytes()


def test_what_a_container_cannot_hold_is_named(tmp_path: Path) -> None:
    source = write_source(tmp_path / "a.mkv", FULL)
    info = probe(str(source))
    assert output_suffix(info, Container.source, Codec.h264) == ".mkv"
    assert output_suffix(info, Container.mp4, Codec.h264) == ".mp4"
    assert output_suffix(info, Container.mp4, Codec.ffv1) == ".mkv"
    out, done = join(tmp_path, source, ".mp4")
    assert len(done.notes) == 2
    assert losses(done.notes)[0].startswith("subtitle stream 3 (subrip, eng) cannot be carried by mp4")
    assert losses(done.notes)[1].startswith("attachment stream 4")
    with av.open(str(out)) as container:
        assert not container.streams.subtitles


def test_mp4_with_sound_that_only_quicktime_holds_stays_playable(tmp_path: Path) -> None:
    path = write_source(tmp_path / "a.mov", Source(audio=("pcm_mulaw",)))
    info = probe(str(path))
    assert output_suffix(info, Container.source, Codec.h264) == ".mov"
    join(tmp_path, path, ".mov")


def test_cover_art_goes_along(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as container:
        cover = container.add_stream("mjpeg", 1, width=64, height=64, pix_fmt="yuvj420p")
        cover.disposition = av.stream.Disposition.attached_pic
        film = container.add_stream("libx264", 24, width=96, height=64, pix_fmt="yuv420p")
        film.codec_context.sample_aspect_ratio = Fraction(1)
        container.mux(cover.encode(av.VideoFrame(64, 64, "yuvj420p")))
        container.mux(cover.encode(None))
        for _ in range(12):
            container.mux(film.encode(av.VideoFrame(96, 64, "yuv420p")))
        container.mux(film.encode(None))
    with av.open(str(path)) as container:
        wanted = next(bytes(p) for p in container.demux() if p.stream.disposition & 1024 and p.size)
    mp4, _ = join(tmp_path, path, ".mp4", sizes=(12,))
    with av.open(str(mp4)) as container:
        assert [bytes(p) for p in container.demux() if p.stream.disposition & 1024 and p.size] == [wanted]
    mp4.unlink()
    mkv, done = join(tmp_path, path, ".mkv", sizes=(12,))
    assert done.notes == ()
    with av.open(str(mkv)) as container:
        assert [bytes(p) for p in container.demux() if p.stream.disposition & 1024 and p.size] == [wanted]


@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
def test_a_partial_film_ends_its_sound_and_chapters_and_says_so(suffix: str, tmp_path: Path) -> None:
    source = write_source(tmp_path / "a.mkv", FULL)
    out, done = join(tmp_path, source, suffix, sizes=(5, 7), partial=True)
    end = 12 / NTSC
    assert done.duration == pytest.approx(end, abs=0.002)
    for kind in ("audio", "subtitle"):
        for before, after in zip(packets_of(source, kind), packets_of(out, kind), strict=False):
            assert [data for _, data in after] == [data for seconds, data in before if seconds < end]
            assert after
    with av.open(str(out)) as container:
        tags = {key.lower(): value for key, value in container.metadata.items()}
        assert tags["comment"].startswith("partial: ends after 0.4")
        (chapter,) = container.chapters()
        assert chapter["time_base"] is not None
        assert float(chapter["end"] * chapter["time_base"]) == pytest.approx(float(end), abs=0.002)
        assert CHAPTERS[0]["end"] / 1000 > end


def test_rotation_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as container:
        film = container.add_stream("libx264", 24, width=96, height=64, pix_fmt="yuv420p")
        film.set_display_rotation(90)
        for _ in range(5):
            container.mux(film.encode(av.VideoFrame(96, 64, "yuv420p")))
        container.mux(film.encode(None))
    rotation = probe(str(path)).rotation
    assert rotation in (90, 270)
    for suffix in (".mp4", ".mkv"):
        out, _ = join(tmp_path / suffix[1:], path, suffix, sizes=(5,))
        assert probe(str(out)).rotation == rotation


def test_frames_that_do_not_match_the_times_are_refused(tmp_path: Path) -> None:
    info = probe(str(write_source(tmp_path / "a.mkv", PLAIN)))
    segments, pts = write_segments(tmp_path, info, (3, 4), FAST)
    out = tmp_path / "out.mkv"
    with pytest.raises(MediaError, match="needs 8 frames, and its 2 segments have 7"):
        assemble(info, segments, np.append(pts, pts[-1] + 40), out)
    (tmp_path / "other").mkdir()
    others, _ = write_segments(tmp_path / "other", info, (3, 4), EncoderSettings(Codec.hevc))
    with pytest.raises(MediaError, match="other parameters"):
        assemble(info, [segments[0], others[1]], pts, out)
    assert not out.exists()


def test_verify_finds_what_is_wrong(tmp_path: Path) -> None:
    path = write_source(tmp_path / "a.mkv", FULL)
    info = probe(str(path))
    segments, pts = write_segments(tmp_path, info, (10, 30), FAST)
    out = tmp_path / "out.mkv"
    assemble(info, segments, pts, out)
    with pytest.raises(MediaError, match="40 frames instead of 39"):
        verify(info, out, pts[:-1])
    late = pts.copy()
    late[17] += 5
    with pytest.raises(MediaError, match="frame 17"):
        verify(info, out, late)
    cut = pts.copy()
    assemble(info, segments, cut, out, partial=True)
    verify(info, out, cut, partial=True)
    other = write_source(tmp_path / "b.mkv", Source(audio=("ac3", "aac"), subtitles=True))
    with pytest.raises(MediaError, match="audio stream 1"):
        verify(probe(str(other)), out, pts)
    plain = write_source(tmp_path / "d.mkv", replace(FULL, chapters=False))
    with pytest.raises(MediaError, match="2 chapters instead of 0"):
        verify(probe(str(plain)), out, pts)
    bare = write_source(tmp_path / "e.mkv", replace(FULL, attachment=b""))
    with pytest.raises(MediaError, match="has 1 attachments that its source does not have"):
        verify(probe(str(bare)), out, pts)
    silent = write_source(tmp_path / "c.mkv", Source())
    with pytest.raises(MediaError, match="2 sound streams instead of 0"):
        verify(probe(str(silent)), out, pts)
