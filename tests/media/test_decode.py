from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import accumulate
from pathlib import Path

import av
import numpy as np
import pytest
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from media_files import NTSC, OPEN_GOP, Source, picture, same_planes, write_source

from remaster.errors import MediaError
from remaster.media import decode as decoding
from remaster.media.decode import decode
from remaster.media.encode import to_frame
from remaster.media.formats import planar_format
from remaster.media.probe import probe
from remaster.media.timeline import timeline
from remaster.media.timestamp_repair import Repairs
from remaster.media.types import Frame
from remaster.notes import losses

OPEN_HEVC = {"g": "12", "x265-params": "open-gop=1:keyint=12:min-keyint=12:bframes=3:log-level=none"}
MPEG2 = {"codec": "mpeg2video", "options": {"g": "12"}, "b_frames": 2}
FILES = {
    "a.mp4": Source(),
    "a.mkv": Source(),
    "a.mov": Source(),
    "a.ts": Source(),
    "a.flv": Source(),
    "hevc.mkv": Source(codec="libx265", options=OPEN_HEVC),
    "b_frames.avi": Source(codec="mpeg4", options={"g": "12"}, b_frames=2),
    "decoding_order.avi": Source(),
    "a.mpg": Source(**MPEG2),  # type: ignore[arg-type]
    "refresh.mkv": Source(options={"x264-params": "intra-refresh=1:keyint=12:bframes=2"}),
    "no_times.264": Source(),
}


def read(path: Path, start: int | None = None, count: int | None = None, threads: int = 1) -> list[Frame]:
    return list(decode(probe(str(path)), start, count, threads))


@pytest.mark.parametrize("name", FILES)
def test_every_range_is_the_whole_from_there(name: str, tmp_path: Path) -> None:
    path = write_source(tmp_path / name, FILES[name])
    whole = read(path)
    times = [frame.pts for frame in whole]
    assert len(whole) == 40
    assert times == sorted(set(times))
    for number, frame in enumerate(whole):
        part = read(path, frame.pts, 14)
        assert [f.pts for f in part] == times[number : number + 14]
        assert all(same_planes(a.planes, b.planes) for a, b in zip(part, whole[number:], strict=False)), number


@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
def test_a_range_is_decoded_from_its_own_keyframe(suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_source(tmp_path / f"a{suffix}", Source(options={"g": "12", "sc_threshold": "0", "bf": "2"}))
    times = [frame.pts for frame in read(path)]
    decoded = 0
    pictures = decoding.decoded_pictures

    def counting(stream: VideoStream, packets: Iterator[Packet[VideoStream]], repairs: Repairs) -> Iterator[VideoFrame]:
        def counted() -> Iterator[Packet[VideoStream]]:
            nonlocal decoded
            for packet in packets:
                decoded += 1
                yield packet

        return pictures(stream, counted(), repairs)

    monkeypatch.setattr(decoding, "decoded_pictures", counting)
    assert len(read(path, times[24], 4)) == 4
    assert 4 <= decoded <= 10


@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
def test_variable_rates_keep_their_times(suffix: str, tmp_path: Path) -> None:
    stamps = list(accumulate([33, 1, 500, 20, 41, 42] * 6, initial=120))
    source = Source(frames=len(stamps), time_base=Fraction(1, 1000), stamps=stamps, options=OPEN_GOP)
    path = write_source(tmp_path / f"a{suffix}", source)
    info, whole = probe(str(path)), read(path)
    assert [round(float(frame.pts * info.time_base * 1000)) for frame in whole] == stamps
    for number in (0, 13, 14, 20, 36):
        part = read(path, whole[number].pts, 1)
        assert part[0].pts == whole[number].pts
        assert same_planes(part[0].planes, whole[number].planes)


def test_threads_change_nothing(tmp_path: Path) -> None:
    path = write_source(tmp_path / "a.mkv", Source())
    one, many = read(path), read(path, threads=3)
    assert [f.pts for f in one] == [f.pts for f in many]
    assert all(same_planes(a.planes, b.planes) for a, b in zip(one, many, strict=True))


def test_planes_are_those_that_were_encoded_and_read_only(tmp_path: Path) -> None:
    for name, width in (("yuv420p", 61), ("yuv422p10le", 61), ("gray", 61), ("gbrp12le", 61), ("yuv411p", 60)):
        form = planar_format(name)
        path = tmp_path / f"{name}.mkv"
        write_source(path, Source(frames=3, codec="ffv1", options={}, pixel_format=form, size=(width, 47)))
        for number, frame in enumerate(read(path)):
            assert same_planes(frame.planes, picture(number, form, width, 47))
            assert not any(plane.flags.writeable for plane in frame.planes)


def test_upside_down_rows_are_put_in_order(tmp_path: Path) -> None:
    # Uncompressed AVI stores its rows from the bottom up.
    form = planar_format("gbrp")
    planes = picture(0, form, 32, 16)
    with av.open(str(tmp_path / "a.avi"), "w") as container:
        stream = container.add_stream("rawvideo", 24, width=32, height=16, pix_fmt="bgr24")
        container.mux(stream.encode(to_frame(planes, form, 32, 16).reformat(format="bgr24")))
        container.mux(stream.encode(None))
    (frame,) = read(tmp_path / "a.avi")
    assert same_planes(frame.planes, planes)


def test_a_time_without_a_frame_is_refused(tmp_path: Path) -> None:
    path = write_source(tmp_path / "a.mkv", Source())
    with pytest.raises(MediaError, match=r"a\.mkv has no frame at time 34 "):
        read(path, 34, 1)
    with pytest.raises(MediaError, match="no frame at time 99999"):
        read(path, 99999, 1)


def test_repeated_times_are_repaired_alike_for_ranges(tmp_path: Path) -> None:
    # Matroska's milliseconds give two frames one time; a third later one is left alone.
    stamps = [1000 * n for n in range(40)]
    stamps[21] = stamps[20] + 10
    source = Source(time_base=Fraction(1, 30000), stamps=stamps, fps=Fraction(30))
    path = write_source(tmp_path / "a.mkv", source)
    repairs = Repairs()
    info = probe(str(path))
    whole = list(decode(info, repairs=repairs))
    times = [frame.pts for frame in whole]
    assert times == sorted(set(times))
    assert repairs.disordered == 1
    assert times[20] == 667 and times[21] == 700 and times[22] == 733
    for number in (19, 20, 21, 22, 30):
        part = read(path, times[number], 5)
        assert [f.pts for f in part] == times[number : number + 5]
        assert same_planes(part[0].planes, whole[number].planes)


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.ts", "b_frames.avi", "a.mpg"])
def test_damage_is_skipped_and_ranges_still_agree(name: str, tmp_path: Path) -> None:
    path = write_source(tmp_path / name, replace(FILES[name], frames=80))
    clean = {frame.pts for frame in read(path)}
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 400] = np.random.default_rng(0).integers(0, 256, 400, dtype=np.uint8).tobytes()
    path.write_bytes(data)
    info, repairs = probe(str(path)), Repairs()
    frames = list(decode(info, repairs=repairs))
    times = [frame.pts for frame in frames]
    assert 40 < len(frames) <= 80
    assert times == sorted(set(times))
    assert len(clean & set(times)) > 40
    if name == "a.mp4":
        assert repairs.broken > 0
        assert "broken packets were skipped" in " ".join(losses(repairs.notes()))
    for number in range(0, len(frames), 7):
        assert [f.pts for f in decode(info, times[number], 5)] == times[number : number + 5]


@pytest.mark.parametrize(
    "source",
    [
        Source(frames=90, options={"g": "10", "x264-params": "open-gop=1:bframes=3:b-adapt=0:b-pyramid=2:mbtree=0"}),
        Source(frames=90, codec="mpeg4", options={"g": "10", "b": "2000000"}, b_frames=2),
    ],
    ids=["h264", "mpeg4"],
)
def test_ranges_of_an_avi_with_b_frames_are_not_read_from_its_start(
    source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_source(tmp_path / "a.avi", source)
    whole = read(path)
    assert len(whole) == 90
    assert timeline(probe(str(path))).ranked == (source.codec == "libx264")
    planes = [tuple(np.array(plane) for plane in frame.planes) for frame in whole]
    monkeypatch.setattr(decoding, "frames_from_start", lambda *_: pytest.fail("read from the start"))
    for number in range(32, 90):
        part = read(path, whole[number].pts, 4)
        assert [f.pts for f in part] == [f.pts for f in whole[number : number + 4]]
        assert all(same_planes(a.planes, b) for a, b in zip(part, planes[number:], strict=False)), number


def test_a_file_that_breaks_off_gives_what_is_there(tmp_path: Path) -> None:
    path = write_source(tmp_path / "a.mkv", Source(frames=60))
    whole = read(path)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    part = read(path)
    assert 10 < len(part) < 60
    assert [f.pts for f in part[:-4]] == [f.pts for f in whole[: len(part) - 4]]
    assert all(same_planes(a.planes, b.planes) for a, b in zip(part[:-4], whole, strict=False))
    assert [f.pts for f in read(path, part[5].pts, 3)] == [f.pts for f in part[5:8]]


def test_frames_of_another_size_are_converted_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "a.ts"
    parts = [write_source(tmp_path / f"{w}.ts", Source(frames=12, size=(w, 64), fps=NTSC)) for w in (96, 128)]
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    info, repairs = probe(str(path)), Repairs()
    frames = list(decode(info, repairs=repairs))
    times = [frame.pts for frame in frames]
    assert len(frames) == 24
    assert repairs.converted == 12
    assert {frame.planes[0].shape for frame in frames} == {(64, 96)}
    # The second recording's times begin again; they go on after the first's.
    assert times == sorted(set(times))
    assert len(repairs.jumps) == 1
    assert repairs.disordered == 0
    for number in (3, 11, 12, 20):
        part = list(decode(info, times[number], 4))
        assert [f.pts for f in part] == times[number : number + 4]
        assert same_planes(part[0].planes, frames[number].planes)
