from __future__ import annotations

import os
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from media_files import NTSC, YUV420, Source, picture, same_planes, write_segments, write_source

from remaster.errors import MediaError, UserError
from remaster.media.decode import decode
from remaster.media.encode import SegmentWriter
from remaster.media.encoders import AV1_PRESETS, Codec, EncoderSettings, check_codec, converted, encoded_format
from remaster.media.formats import planar_format
from remaster.media.probe import probe
from remaster.media.types import ColorSpec, PixelFormat

COLOR = ColorSpec(6, 6, 6, False, 2)


def writer(path: Path, form: PixelFormat, settings: EncoderSettings, width: int = 96) -> SegmentWriter:
    return SegmentWriter(path, width, 64, Fraction(8, 9), form, COLOR, NTSC, Fraction(1, 90000), settings)


def write(path: Path, form: PixelFormat, settings: EncoderSettings, frames: int = 9) -> Path:
    with writer(path, form, settings) as segment:
        for number in range(frames):
            segment.write(picture(number, form, 96, 64), 5000 + 3003 * number + 700 * (number % 2))
    return path


@pytest.mark.parametrize(
    "name",
    ["yuv420p", "yuv422p", "yuv444p", "yuv411p", "gray", "gbrp", "yuv420p10le", "yuv444p12le", "gray16le", "gbrp10le"],
)
def test_ffv1_gives_every_plane_back_bit_by_bit(name: str, tmp_path: Path) -> None:
    form = planar_format(name)
    info = probe(str(write(tmp_path / "a.mkv", form, EncoderSettings(Codec.ffv1), 4)))
    assert info.format == form
    frames = list(decode(info))
    assert len(frames) == 4
    for number, frame in enumerate(frames):
        assert same_planes(frame.planes, picture(number, form, 96, 64))


@pytest.mark.parametrize(
    ("codec", "name"),
    [
        *((Codec.h264, name) for name in ("yuv420p", "yuv422p", "yuv444p", "yuv420p10le", "gbrp")),
        *((Codec.hevc, name) for name in ("yuv420p", "yuv422p10le", "gray", "gbrp10le")),
        *((Codec.av1, name) for name in ("yuv420p", "yuv420p10le")),
    ],
)
def test_lossy_segments_keep_format_colour_and_frames(codec: Codec, name: str, tmp_path: Path) -> None:
    form = planar_format(name)
    settings = EncoderSettings(codec, 12, "veryfast")
    path = write(tmp_path / "a.mkv", form, settings)
    info = probe(str(path))
    assert (info.codec, info.format, info.fps) == (codec.value, form, NTSC)
    assert (info.color.primaries, info.color.transfer, info.color.full_range) == (6, 6, False)
    assert info.color.matrix == (0 if form.kind == "rgb" else 6)
    frames = list(decode(info))
    assert len(frames) == 9
    for number, frame in enumerate(frames):
        for plane, wanted in zip(frame.planes, picture(number, form, 96, 64), strict=True):
            assert np.abs(plane.astype(int) - wanted).mean() < 5 * (1 << (form.depth - 8))
    again = write(tmp_path / "b.mkv", form, settings)
    assert again.read_bytes() == path.read_bytes()


def policies() -> set[int]:
    """How this process' threads are scheduled; nothing where the system does not tell."""
    return {os.sched_getscheduler(int(task.name)) for task in Path("/proc/self/task").glob("*")}


def test_no_encoder_makes_this_process_real_time(tmp_path: Path) -> None:
    before = policies()
    for codec in (codec for codec in Codec if codec is not Codec.dnxhr):  # which takes no picture so small
        write(tmp_path / f"{codec.value}.mkv", YUV420, EncoderSettings(codec, 30, "veryfast"))
        assert policies() == before


def test_equal_frames_give_equal_bytes_whatever_memory_held_before(tmp_path: Path) -> None:
    # This size and preset differed in most runs where x264 was left to use AVX-512.
    size, seen = (352, 288), set()
    for run in range(6):
        left_behind = [np.random.default_rng(run).random(count) for count in (500, 5000, 50000, 200000)]
        del left_behind
        path = tmp_path / f"{run}.mkv"
        settings = EncoderSettings(preset="veryfast")
        with SegmentWriter(path, *size, Fraction(1), YUV420, COLOR, NTSC, 1 / NTSC, settings) as segment:
            for number in range(8):
                segment.write(picture(number, YUV420, *size), number)
        seen.add(path.read_bytes())
    assert len(seen) == 1


def test_a_segment_begins_with_a_keyframe_and_has_no_open_gop(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    with writer(path, YUV420, EncoderSettings(preset="veryfast")) as segment:
        for number in range(260):
            segment.write(picture(number, YUV420, 96, 64), number * 3003)
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
    keys = [index for index, packet in enumerate(packets) if packet.is_keyframe]
    assert keys[0] == 0
    assert len(keys) > 1
    for key in keys:
        # Nothing that is decoded later is shown earlier.
        shown = packets[key].pts
        assert shown is not None
        assert all(p.pts is not None and p.pts >= shown for p in packets[key:])


def test_nothing_half_written_is_left(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "a.mkv"
    with pytest.raises(RuntimeError, match="stop"), writer(path, YUV420, EncoderSettings()) as segment:
        segment.write(picture(0, YUV420, 96, 64), 0)
        assert not path.exists()
        raise RuntimeError("stop")
    assert list(path.parent.iterdir()) == []
    with pytest.raises(Exception, match="no frame"), writer(path, YUV420, EncoderSettings()):
        pass
    assert list(path.parent.iterdir()) == []
    write(path, YUV420, EncoderSettings(), 1)
    assert [p.name for p in path.parent.iterdir()] == ["a.mkv"]


def test_wrong_planes_and_times_are_refused(tmp_path: Path) -> None:
    def write_one(planes: tuple[np.ndarray, ...], pts: int) -> None:  # type: ignore[type-arg]
        with writer(tmp_path / "a.mkv", YUV420, EncoderSettings()) as segment:
            segment.write(picture(0, YUV420, 96, 64), 100)
            segment.write(planes, pts)

    with pytest.raises(ValueError, match="expected"):
        write_one(picture(0, YUV420, 94, 64), 200)
    with pytest.raises(ValueError, match="expected"):
        write_one(tuple(plane.astype(np.uint16) for plane in picture(0, YUV420, 96, 64)), 200)
    with pytest.raises(ValueError, match="not later"):
        write_one(picture(0, YUV420, 96, 64), 100)


@pytest.mark.parametrize(
    ("settings", "name", "words"),
    [
        (EncoderSettings(Codec.av1), "gbrp", "output.codec=h264 or hevc or ffv1 can"),
        (EncoderSettings(Codec.prores), "gbrp10le", "output.codec=hevc or ffv1 or dnxhr can"),
        (EncoderSettings(preset="quick"), "yuv420p", "output.preset=quick is none of ultrafast"),
        (EncoderSettings(crf=52), "yuv420p", "output.crf=52"),
        (EncoderSettings(threads=0), "yuv420p", "threads"),
    ],
)
def test_what_a_codec_cannot_hold_is_said_before_any_work(settings: EncoderSettings, name: str, words: str) -> None:
    with pytest.raises(UserError) as caught:
        check_codec(settings, planar_format(name))
    assert words in str(caught.value)


def test_presets_of_av1_fall_as_x264s_get_slower() -> None:
    numbers = list(AV1_PRESETS.values())
    assert numbers == sorted(numbers, reverse=True)
    check_codec(EncoderSettings(Codec.av1, 63, "placebo"), YUV420)


def test_an_encoder_without_its_hardware_is_refused_in_one_sentence() -> None:
    with pytest.raises(UserError, match=r"output.encoder=h264_nvenc does not work .* libx264 is used"):
        check_codec(EncoderSettings(encoder="h264_nvenc"), YUV420)
    with pytest.raises(UserError, match=r"does not encode output\.codec=ffv1"):
        check_codec(EncoderSettings(Codec.ffv1, encoder="h264_nvenc"), YUV420)
    with pytest.raises(UserError, match="is none of h264_nvenc, hevc_nvenc, av1_nvenc"):
        check_codec(EncoderSettings(encoder="h264_magic"), YUV420)


def test_another_pixel_format_is_made_on_request(tmp_path: Path) -> None:
    settings = EncoderSettings(Codec.ffv1, pixel_format="yuv420p10le")
    source = write_source(tmp_path / "a.mkv", Source(frames=3))
    info = probe(str(source))
    segments, _ = write_segments(tmp_path, info, (3,), settings)
    made = probe(str(segments[0]))
    assert made.format.name == "yuv420p10le"
    for one, other in zip(decode(info), decode(made), strict=True):
        np.testing.assert_array_equal(one.planes[0].astype(np.uint16) * 4, other.planes[0][:, : info.width])


@pytest.mark.parametrize(
    ("name", "why"),
    [("gray", "not alike"), ("nv12", "yuv420p is"), ("yuva420p", "transparency"), ("magic", "not known")],
)
def test_pixel_formats_that_cannot_be_made_are_refused(name: str, why: str) -> None:
    with pytest.raises(UserError, match=rf"output\.pixel_format={name}.*{why}"):
        check_codec(EncoderSettings(Codec.ffv1, pixel_format=name), YUV420)


@pytest.mark.parametrize(
    ("codec", "source", "nearest"),
    [
        (Codec.h264, "yuv411p", "yuv422p"),
        (Codec.h264, "yuv410p", "yuv420p"),
        (Codec.h264, "yuv440p", "yuv444p"),
        (Codec.h264, "yuv420p12le", "yuv420p10le"),
        (Codec.h264, "gbrp10le", "gbrp"),
        (Codec.hevc, "yuv411p", "yuv422p"),
        (Codec.av1, "yuv444p", "yuv420p"),
        (Codec.av1, "yuv422p10le", "yuv420p10le"),
        (Codec.av1, "gray", "yuv420p"),
        (Codec.prores, "yuv420p", "yuv422p10le"),
        (Codec.prores, "yuv444p", "yuv444p10le"),
        (Codec.dnxhr, "yuv411p", "yuv422p"),
        (Codec.dnxhr, "yuv420p10le", "yuv422p10le"),
        (Codec.dnxhr, "gray10le", "yuv422p10le"),
        (Codec.hevc, "yuv420p10le", "yuv420p10le"),
        (Codec.ffv1, "yuv411p", "yuv411p"),
    ],
)
def test_what_an_encoder_does_not_take_becomes_the_nearest_and_is_said(codec: Codec, source: str, nearest: str) -> None:
    settings, form = EncoderSettings(codec), planar_format(source)
    check_codec(settings, form)
    assert encoded_format(settings, form).name == nearest
    said = converted(settings, form)
    assert (said is None) == (source == nearest)
    assert said is None or f"{source} is converted to {nearest}, the nearest that" in said.text


@pytest.mark.parametrize(
    ("codec", "name"),
    [
        *((Codec.h264, name) for name in ("yuv411p", "yuv410p")),
        *((Codec.av1, name) for name in ("yuv422p10le", "gray", "gray10le")),
        *((Codec.prores, name) for name in ("yuv420p", "yuv411p", "yuv422p10le", "yuv444p10le", "gray")),
        *((Codec.dnxhr, name) for name in ("yuv420p", "yuv420p10le", "yuv444p10le", "gray10le")),
    ],
)
def test_converted_pictures_look_the_same(codec: Codec, name: str, tmp_path: Path) -> None:
    form, width, height = planar_format(name), 256, 128
    path, settings = tmp_path / "a.mkv", EncoderSettings(codec, 8, "veryfast")
    with SegmentWriter(
        path, width, height, Fraction(8, 9), form, COLOR, NTSC, Fraction(1, 90000), settings
    ) as segment:  # fmt: skip
        for number in range(4):
            segment.write(picture(number, form, width, height), 3003 * number)
    info = probe(str(path))
    # Decoders hand out ProRes 4444 with 12 bits, whatever it was made of.
    assert replace(info.format, name="", depth=0) == replace(encoded_format(settings, form), name="", depth=0)
    assert (info.color.matrix, info.color.full_range) == (6, False)
    frames = list(decode(info))
    assert len(frames) == 4
    for number, frame in enumerate(frames):
        wanted = picture(number, form, width, height)
        one, other = (planes[0] / (1 << (f.depth - 8)) for planes, f in ((frame.planes, info.format), (wanted, form)))
        assert np.abs(one - other).mean() < 2.5
        for plane in range(1, 3):
            chroma = frame.planes[plane].mean() / (1 << (info.format.depth - 8))
            meant = wanted[plane].mean() / (1 << (form.depth - 8)) if form.kind == "yuv" else 128
            assert chroma == pytest.approx(meant, abs=2)


def test_dnxhr_says_that_small_pictures_are_too_small(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="takes pictures of 256x120 and more, and these are 96x64"):
        writer(tmp_path / "a.mkv", YUV420, EncoderSettings(Codec.dnxhr))
