"""Interlaced, telecined and oblong sources: every range of the treated frames is that of the whole reading."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from media_files import NTSC, YUV420, Source, picture, same_planes, write_source

from remaster.arrays import Plane
from remaster.errors import MediaError
from remaster.media.encode import to_frame
from remaster.media.probe import probe
from remaster.media.source import SourceReader, source_frames, treated
from remaster.media.timestamp_repair import Repairs
from remaster.media.types import Frame, PixelFormat, VideoInfo

SIZE = (96, 64)


def write_frames(path: Path, frames: list[tuple[Plane, ...]], pixel_format: PixelFormat = YUV420) -> VideoInfo:
    """The frames as they are (FFV1), 30000/1001 a second."""
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("ffv1", NTSC)
        stream.width, stream.height = SIZE
        stream.pix_fmt = pixel_format.name
        for number, planes in enumerate(frames):
            frame = to_frame(planes, pixel_format, *SIZE)
            frame.pts, frame.time_base = number, 1 / NTSC
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return probe(str(path))


def film(count: int, pixel_format: PixelFormat = YUV420) -> list[tuple[Plane, ...]]:
    return [picture(number, pixel_format, *SIZE) for number in range(count)]


def woven(first: tuple[Plane, ...], second: tuple[Plane, ...]) -> tuple[Plane, ...]:
    planes: list[Any] = [plane.copy() for plane in first]
    for plane, other in zip(planes, second, strict=True):
        plane[1::2] = other[1::2]
    return tuple(planes)


def telecined(frames: list[tuple[Plane, ...]]) -> list[tuple[Plane, ...]]:
    fields = [planes for number, planes in enumerate(frames) for _ in range(2 + number % 2)]
    return [woven(fields[i], fields[i + 1]) for i in range(0, len(fields) - 1, 2)]


def read(info: VideoInfo) -> tuple[SourceReader, list[Frame]]:
    reader = SourceReader(info, Repairs())
    return reader, [Frame(f.pts, tuple(np.array(plane) for plane in f.planes)) for f in reader.frames()]


def every_range_is_the_whole(info: VideoInfo) -> list[Frame]:
    reader, whole = read(info)
    times = np.array([frame.pts for frame in whole], np.int64)
    assert (np.diff(times) > 0).all()
    for number in range(len(whole)):
        part = list(source_frames(info, reader.entry(number), times[number : number + 6]))
        assert [frame.pts for frame in part] == times[number : number + 6].tolist()
        assert all(same_planes(a.planes, b.planes) for a, b in zip(part, whole[number:], strict=False)), number
    return whole


@pytest.mark.parametrize("top_first", [True, False])
@pytest.mark.parametrize("pixel_format", [YUV420, PixelFormat("yuv422p10le", "yuv", 10, 1, 0)], ids=lambda p: p.name)
def test_bwdif_keeps_the_rate_and_takes_the_combs_away(
    pixel_format: PixelFormat, top_first: bool, tmp_path: Path
) -> None:
    moments = film(48, pixel_format)
    fields = [(moments[i], moments[i + 1]) for i in range(0, 48, 2)]
    frames = [woven(a, b) if top_first else woven(b, a) for a, b in fields]
    stored = write_frames(tmp_path / "a.mkv", frames, pixel_format)
    info = treated(stored, "bwdif", top_first, False)
    assert (info.width, info.fps) == (stored.width, stored.fps)
    whole = every_range_is_the_whole(info)
    _, before = read(stored)
    assert [f.pts for f in whole] == [f.pts for f in before]
    scale = 1 << pixel_format.depth - 8

    def error(frame: Frame, number: int) -> float:
        return float(cv2.norm(frame.planes[0], moments[2 * number][0], cv2.NORM_L1) / frame.planes[0].size / scale)

    combed, clean = (np.mean([error(f, i) for i, f in enumerate(frames)]) for frames in (before, whole))
    assert clean < 0.6 * combed


@pytest.mark.parametrize("count", [43, 44, 45, 46])
def test_ivtc_gives_the_film_back(count: int, tmp_path: Path) -> None:
    frames = film(count)
    stored = write_frames(tmp_path / "a.mkv", telecined(frames))
    info = treated(stored, "ivtc", True, False)
    assert info.fps == Fraction(24000, 1001)
    whole = every_range_is_the_whole(info)
    for number, frame in enumerate(whole[: count // 4 * 4]):
        assert same_planes(frame.planes, frames[number]), number
    assert abs(len(whole) - count) <= 1
    seconds = [float(frame.pts * info.time_base) for frame in whole[: count // 4 * 4]]
    assert seconds == pytest.approx([number / info.fps for number in range(len(seconds))], abs=0.0011)


def test_square_pixels_scale_the_width(tmp_path: Path) -> None:
    for sar, width in ((Fraction(8, 9), 86), (Fraction(4, 3), 128)):
        path = write_source(tmp_path / f"{width}.mkv", Source(frames=6, sar=sar))
        info = treated(probe(str(path)), "off", True, True)
        assert (info.width, info.height, info.sar) == (width, 64, 1)
        whole = every_range_is_the_whole(info)
        _, before = read(probe(str(path)))
        for frame, plain in zip(whole, before, strict=True):
            there = cv2.resize(plain.planes[0], (width, 64), interpolation=cv2.INTER_CUBIC)
            assert cv2.PSNR(frame.planes[0], there) > 30
    assert treated(info.treatment.stored if info.treatment else info, "off", True, False).treatment is None


def test_square_pixels_need_nothing_where_they_are(tmp_path: Path) -> None:
    info = probe(str(write_source(tmp_path / "a.mkv", Source(frames=3, sar=Fraction(1)))))
    assert treated(info, "off", True, True) is info


def test_what_no_filter_takes_is_said(tmp_path: Path) -> None:
    form = PixelFormat("gray16le", "gray", 16)
    info = treated(write_frames(tmp_path / "a.mkv", film(6, form), form), "ivtc", True, False)
    with pytest.raises(MediaError, match="fieldmatch, bwdif, decimate: they cannot work on gray16le"):
        read(info)
