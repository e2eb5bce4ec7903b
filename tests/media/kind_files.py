"""Makers of small files of every kind: what a stream may be like, and how files are damaged."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from media_files import NTSC, YUV420, Source, picture, write_source

from remaster.arrays import Plane
from remaster.media.encode import to_frame
from remaster.media.types import PixelFormat

Planes = tuple[Plane, ...]
Make = Callable[[Path], object]
SMALL = (96, 64)
FRAMES = 10
EXACT = {"fflags": "+bitexact"}  # the same file every time
# mbtree=0: with AVX-512 x264's macroblock tree reads memory that was never set, and the bytes differ from run to run.
PLAIN = Source(frames=FRAMES, sar=Fraction(1), options={"g": "6", "x264-params": "mbtree=0"}, size=SMALL)
MPEG2 = replace(PLAIN, codec="mpeg2video", options={"g": "4", "b": "4000000"}, fps=Fraction(25))


def source(kind: Source) -> Make:
    return lambda path: write_source(path, kind)


def coded(
    frames: Sequence[Planes],
    codec: str = "ffv1",
    pixel_format: PixelFormat = YUV420,
    *,
    tags: dict[str, int] | None = None,
    encoded_as: str = "",
    rotation: int = 0,
    container: dict[str, str] | None = None,
    fps: Fraction = NTSC,
    options: dict[str, str] | None = None,
) -> Make:
    """A file of these very frames; ``tags`` are colour properties of the stream, ``options`` the encoder's."""

    def make(path: Path) -> None:
        height, width = frames[0][0].shape
        with av.open(str(path), "w", options=container or {}, container_options=EXACT) as output:
            stream: Any = output.add_stream(
                codec, fps, (options or {}) | ({"x264-params": "mbtree=0"} if codec == "libx264" else {})
            )
            stream.width, stream.height, stream.pix_fmt = width, height, encoded_as or pixel_format.name
            stream.codec_context.thread_count = 1
            for name, value in (tags or {}).items():
                setattr(stream.codec_context, name, value)
            if rotation:
                stream.set_display_rotation(rotation)
            for number, planes in enumerate(frames):
                frame = to_frame(planes, pixel_format, width, height)
                if encoded_as:
                    frame = frame.reformat(format=encoded_as)
                for name, value in (tags or {}).items():
                    setattr(frame, name, value)
                frame.pts, frame.time_base = number, 1 / fps
                output.mux(stream.encode(frame))
            output.mux(stream.encode(None))

    return make


def film(
    count: int = FRAMES, width: int = SMALL[0], height: int = SMALL[1], form: PixelFormat = YUV420
) -> list[Planes]:
    return [picture(number, form, width, height) for number in range(count)]


def barred(width: int, height: int, x: int, y: int) -> list[Planes]:
    """Pictures with black bars of ``x`` columns on both sides and ``y`` rows above and below."""
    inside = film(FRAMES, width - 2 * x, height - 2 * y)
    result = []
    for planes in inside:
        pads = [(y, x), (y // 2, x // 2), (y // 2, x // 2)]
        levels = (16, 128, 128)
        result.append(
            tuple(
                np.pad(np.clip(plane, 60, 255), ((v, v), (h, h)), constant_values=level)
                for plane, (v, h), level in zip(planes, pads, levels, strict=True)
            )
        )
    return result


def woven(first: Planes, second: Planes) -> Planes:
    planes: list[Any] = [plane.copy() for plane in first]
    for plane, other in zip(planes, second, strict=True):
        plane[1::2] = other[1::2]
    return tuple(planes)


def moment(number: int) -> Planes:
    """A lit block that moves over a soft ground, 4 pixels a moment."""
    height, width = SMALL[1], SMALL[0]
    luma = np.full((height, width), 60, np.uint8) + np.arange(width, dtype=np.uint8)[None, :] // 2
    x = 4 * number % (width - 24)
    luma[8:56, x : x + 20] = 210
    return luma, np.full((height // 2, width // 2), 120, np.uint8), np.full((height // 2, width // 2), 136, np.uint8)


def interlaced() -> list[Planes]:
    return [woven(moment(2 * number), moment(2 * number + 1)) for number in range(FRAMES)]


def telecined() -> list[Planes]:
    fields = [moment(2 * number) for number in range(16) for _ in range(2 + number % 2)]
    return [woven(fields[i], fields[i + 1]) for i in range(0, len(fields), 2)]


def damaged(make: Make, change: Callable[[bytearray], bytes | bytearray]) -> Make:
    """Another kind's file, its bytes changed."""

    def remake(path: Path) -> None:
        make(path)
        path.write_bytes(change(bytearray(path.read_bytes())))

    return remake


def scratched(data: bytearray) -> bytearray:
    middle = len(data) // 2
    data[middle : middle + 600] = bytes(600)
    return data


def two_sizes(path: Path) -> None:
    """A transport stream whose picture becomes larger midway."""
    parts = []
    for number, size in enumerate((SMALL, (128, 80))):
        part = path.with_name(f".part{number}.ts")
        write_source(part, replace(MPEG2, size=size, b_frames=0))
        parts.append(part.read_bytes())
        part.unlink()
    path.write_bytes(b"".join(parts))


def sound_alone(path: Path) -> None:
    with av.open(str(path), "w") as output:
        stream: Any = output.add_stream("aac", 48000)
        stream.layout = "mono"
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 9600), np.float32), "fltp", "mono")
        frame.sample_rate = 48000
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))


def with_cover(path: Path) -> None:
    with av.open(str(path), "w", container_options=EXACT) as output:
        video: Any = output.add_stream(
            "libx264", 24, {"threads": "1", "x264-params": "mbtree=0"}, width=96, height=64, pix_fmt="yuv420p"
        )
        cover: Any = output.add_stream("mjpeg", 1, width=64, height=64, pix_fmt="yuvj420p")
        cover.disposition = av.stream.Disposition.attached_pic
        output.mux(cover.encode(to_frame(film(1, 64, 64)[0], YUV420, 64, 64).reformat(format="yuvj420p")))
        output.mux(cover.encode(None))
        for planes in film():
            output.mux(video.encode(to_frame(planes, YUV420, 96, 64)))
        output.mux(video.encode(None))


def see_through(path: Path) -> None:
    """Pictures behind which something is meant to show."""
    with av.open(str(path), "w", container_options=EXACT) as output:
        stream: Any = output.add_stream("ffv1", NTSC)
        stream.width, stream.height, stream.pix_fmt = *SMALL, "yuva420p"
        for number, (y, u, v) in enumerate(film()):
            frame = av.VideoFrame(*SMALL, "yuva420p")
            for plane, values in zip(frame.planes, (y, u, v, np.full_like(y, 200)), strict=True):
                padded = np.zeros((plane.height, plane.line_size), np.uint8)
                padded[:, : plane.width] = values
                plane.update(padded.tobytes())
            frame.pts, frame.time_base = number, 1 / NTSC
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))


def gif(path: Path) -> None:
    """A grey one: the encoder would dither colours, which looks interlaced."""
    made = path.with_suffix(".gif")
    form = PixelFormat("gbrp", "rgb")
    coded(film(form=form), "gif", form, encoded_as="gray", fps=Fraction(25))(made)
    made.rename(path)


def text(content: str) -> Make:
    return lambda path: path.write_text(content)


def scrambled(data: bytearray) -> bytearray:
    """A program stream of which every second sector with a picture says that it is scrambled, and is."""
    marked = 0
    for sector in range(0, len(data) - 2047, 2048):
        at = sector + 14 + (data[sector + 13] & 7)
        if data[at + 3] == 0xBB:  # a system header
            at += 6 + int.from_bytes(data[at + 4 : at + 6])
        if data[at : at + 4] == b"\0\0\1\xe0":
            marked += 1
            if marked % 2 == 0:
                data[at + 6] |= 0x10
                data[sector + 128 : sector + 2048] = bytes(byte ^ 0x5A for byte in data[sector + 128 : sector + 2048])
    assert marked > 3
    return data


def as_image(data: bytearray) -> bytearray:
    """An ISO 9660 image that begins where its volume descriptor stands."""
    return bytearray(16 * 2048) + b"\1CD001\1" + bytes(2040) + data


def absurd(data: bytearray) -> bytearray:
    """An AVI whose headers claim 60,000 x 60,000 pixels."""
    for size, claim in ((SMALL[0], 60000), (SMALL[1], 60000)):
        data[:400] = data[:400].replace(size.to_bytes(4, "little"), claim.to_bytes(4, "little"))
    return data
