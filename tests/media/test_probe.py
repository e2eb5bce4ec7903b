from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from kind_files import two_sizes
from media_files import NTSC, Source, picture, write_source

from remaster.errors import MediaError
from remaster.media import containers
from remaster.media.decode import decode
from remaster.media.encode import to_frame
from remaster.media.formats import planar_format
from remaster.media.probe import probe
from remaster.media.siting import SITINGS
from remaster.media.timestamp_repair import Repairs
from remaster.media.types import ColorSpec


def test_headers_are_told_as_they_are(tmp_path: Path) -> None:
    path = write_source(tmp_path / "a.mkv", Source(frames=12, audio=("aac", "ac3"), subtitles=True))
    info = probe(str(path))
    assert (info.width, info.height, info.sar, info.fps) == (96, 64, Fraction(8, 9), NTSC)
    assert (info.codec, info.format.name, info.rotation) == ("h264", "yuv420p", 0)
    assert (info.audio_streams, info.subtitle_streams) == (2, 1)
    assert info.duration == pytest.approx(12 / NTSC, abs=0.002)
    assert (info.size, info.mtime_ns) == (path.stat().st_size, path.stat().st_mtime_ns)
    mp4 = probe(str(write_source(tmp_path / "a.mp4", Source(frames=12))))
    assert (mp4.frames, mp4.time_base) == (12, Fraction(1, 30000))


def test_colour_tags_and_formats_are_kept(tmp_path: Path) -> None:
    options = {"colorspace": "bt709", "color_primaries": "bt709", "color_trc": "bt709", "color_range": "pc"}
    path = write_source(tmp_path / "a.mkv", Source(frames=2, options=options))
    assert probe(str(path)).color == ColorSpec(1, 1, 1, True, chroma_location=1)
    packed = Source(frames=2, codec="ffv1", options={}, pixel_format=planar_format("yuv422p10le"))
    assert probe(str(write_source(tmp_path / "b.mkv", packed))).format == planar_format("yuv422p10le")
    mpeg1 = Source(frames=4, codec="mpeg1video", options={})
    assert probe(str(write_source(tmp_path / "c.mpg", mpeg1))).color.chroma_location == 2
    for number, name in enumerate(SITINGS):
        sited = Source(frames=2, options={"chroma_sample_location": name})
        found = probe(str(write_source(tmp_path / f"{name}.mkv", sited))).color.chroma_location
        assert found == (number or 1)  # unspecified: at the left, by H.264's standard


def test_files_are_probed_by_many_threads_at_once(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = write_source(tmp_path / "a.mkv", Source(frames=2, options={"chroma_sample_location": "top"}))
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(probe, [str(path)] * 200))
    assert len({info.color.chroma_location for info in found}) == 1
    assert found[0].color.chroma_location == SITINGS.index("top")
    assert "Traceback" not in capfd.readouterr().err


def test_packed_pixels_become_planes(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.avi"), "w") as container:
        stream = container.add_stream("rawvideo", 24, width=32, height=16, pix_fmt="bgr24")
        form = planar_format("gbrp")
        frame = to_frame(picture(0, form, 32, 16), form, 32, 16).reformat(format="bgr24")
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    info = probe(str(tmp_path / "a.avi"))
    assert (info.format.name, info.color.full_range) == ("gbrp", True)


def test_cover_art_is_no_video(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.mp4"), "w") as container:
        cover = container.add_stream("png", 1, width=300, height=300, pix_fmt="rgb24")
        cover.disposition = av.stream.Disposition.attached_pic
        film = container.add_stream("libx264", 24, width=64, height=48, pix_fmt="yuv420p")
        container.mux(cover.encode(av.VideoFrame(300, 300, "rgb24")))
        for _ in range(3):
            container.mux(film.encode(av.VideoFrame(64, 48, "yuv420p")))
        container.mux(film.encode(None))
    info = probe(str(tmp_path / "a.mp4"))
    assert (info.codec, info.width, info.height) == ("h264", 64, 48)


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def test_what_is_no_video_is_named_in_one_sentence(tmp_path: Path) -> None:
    whole = write_source(tmp_path / "whole.mp4", Source(frames=12)).read_bytes()
    with av.open(str(tmp_path / "sound.m4a"), "w") as container:
        stream = container.add_stream("aac", 48000, layout="stereo")
        frame = av.AudioFrame.from_ndarray(np.zeros((2, 1024), np.float32), "fltp", "stereo")
        frame.sample_rate = 48000
        container.mux([*stream.encode(frame), *stream.encode(None)])
    alpha = tmp_path / "alpha.mkv"
    with av.open(str(alpha), "w") as container:
        film = container.add_stream("ffv1", 24, width=32, height=16, pix_fmt="bgra")
        container.mux(film.encode(av.VideoFrame.from_ndarray(np.zeros((16, 32, 4), np.uint8), "bgra")))
        container.mux(film.encode(None))
    cases = {
        tmp_path / "missing.mkv": "No such file",
        write(tmp_path / "empty.mp4", b""): "is empty",
        write(tmp_path / "text.mp4", b"This is only text.\n" * 50): "is no media file",
        write(tmp_path / "notes.txt", b"This is only text.\n" * 50): "is no video",
        write(tmp_path / "half.mp4", whole[: len(whole) // 2]): "is no media file, or is damaged",
        tmp_path / "sound.m4a": "has no video stream, only audio",
        alpha: "transparency",
    }
    (tmp_path / "folder").mkdir()
    cases[tmp_path / "folder"] = "is a folder"
    for path, words in cases.items():
        with pytest.raises(MediaError) as caught:
            probe(str(path))
        assert words in str(caught.value)
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)


def test_absurd_pictures_are_refused_before_there_is_memory_for_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.ts"
    two_sizes(path)
    monkeypatch.setattr(containers, "MAX_PIXELS", 9000)
    info = probe(str(path))
    repairs = Repairs()
    assert len(list(decode(info, repairs=repairs))) == 9
    assert repairs.broken > 0
    monkeypatch.setattr(containers, "MAX_PIXELS", 5000)
    with pytest.raises(MediaError, match="absurd size of 96x64"):
        probe(str(write_source(tmp_path / "b.mkv", Source(frames=2))))
