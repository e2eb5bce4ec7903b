"""Makers of films with further tracks (sound, a second picture, covers, attachments), and of what becomes of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from media_files import YUV420, picture, write_segments

from remaster.media.encode import to_frame
from remaster.media.encoders import Codec, EncoderSettings
from remaster.media.probe import probe
from remaster.media.remux import Assembled, Container, assemble, output_suffix, verify

FAST = EncoderSettings(preset="ultrafast")
FRAMES, RATE = 25, 48000
COVER = av.stream.Disposition.attached_pic
IMAGES = {
    "png": ("png", "rgb24", "image/png"),
    "gif": ("gif", "rgb8", "image/gif"),
    "bmp": ("bmp", "bgr24", "image/bmp"),
    "tiff": ("tiff", "rgb24", "image/tiff"),
    "jpg": ("mjpeg", "yuvj420p", "image/jpeg"),
    "webp": ("libwebp", "yuv420p", "image/webp"),
}


@dataclass(frozen=True)
class Tracks:
    """A film with further tracks: ``audio`` and ``second`` (a picture) are encoders, ``covers`` keys of ``IMAGES``."""

    codec: str = "mpeg4"
    audio: Sequence[str] = ()
    second: str = ""
    covers: Sequence[str] = ()
    attachments: Sequence[tuple[str, str, bytes]] = ()
    timecode: str = ""


def write(path: Path, tracks: Tracks) -> Path:
    with av.open(str(path), "w", container_options={"fflags": "+bitexact"}) as output:
        film: Any = output.add_stream(tracks.codec, 25, width=96, height=64, pix_fmt="yuv420p")
        film.metadata.update({"timecode": tracks.timecode} if tracks.timecode else {})
        second: Any = tracks.second and output.add_stream(tracks.second, 25, width=64, height=64, pix_fmt="yuv420p")
        packets: list[Any] = []
        for name in tracks.covers:
            codec, form, _ = IMAGES[name]
            cover: Any = output.add_stream(codec, 1, width=32, height=32, pix_fmt=form)
            cover.disposition = COVER
            packets += [*cover.encode(small().reformat(format=form)), *cover.encode(None)]
        sounds = [sound(output, codec) for codec in tracks.audio]
        for name, kind, data in tracks.attachments:
            output.add_attachment(name, kind, data)
        for stream, width in ((film, 96), (second, 64)):
            packets += pictures(stream, width) if stream else []
        for number, stream in enumerate(sounds):
            packets += samples(stream, number)
        for packet in sorted(packets, key=lambda p: (p.dts or 0) * p.time_base):
            output.mux(packet)
    return path


def small() -> av.VideoFrame:
    return to_frame(picture(3, YUV420, 32, 32), YUV420, 32, 32)


def image(name: str) -> bytes:
    codec, form, _ = IMAGES[name]
    context: Any = av.CodecContext.create(codec, "w")
    context.width = context.height = 32
    context.pix_fmt, context.time_base = form, Fraction(1)
    frame = small().reformat(format=form)
    frame.pts = 0
    return b"".join(bytes(packet) for packet in [*context.encode(frame), *context.encode(None)])


def pictures(stream: Any, width: int) -> list[Any]:
    packets: list[Any] = []
    for number in range(FRAMES):
        frame = to_frame(picture(number, YUV420, width, 64), YUV420, width, 64)
        frame.pts, frame.time_base = number, Fraction(1, 25)
        packets += stream.encode(frame)
    return [*packets, *stream.encode(None)]


def sound(output: Any, codec: str) -> Any:
    stream = output.add_stream(codec, RATE)
    stream.layout, stream.bit_rate = "stereo", 128000
    return stream


def samples(stream: Any, number: int) -> list[Any]:
    """A second of sound, encoded."""
    context = stream.codec_context
    context.open(strict=False)
    size = context.frame_size or 1024
    resampler = av.AudioResampler(context.format.name, "stereo", RATE, context.frame_size or None)
    packets: list[Any] = []
    for index in range(RATE // size):
        tone = np.sin(np.arange(size) * (0.02 + 0.013 * (index + number))) * 0.3
        frame = av.AudioFrame.from_ndarray(np.stack([tone, tone[::-1]]).astype(np.float32), "fltp", "stereo")
        frame.sample_rate, frame.pts, frame.time_base = RATE, index * size, Fraction(1, RATE)
        for part in resampler.resample(frame):
            packets += stream.encode(part)
    return [*packets, *stream.encode(None)]


def remade(source: Path, suffix: str = "") -> tuple[Path, Assembled]:
    info = probe(str(source))
    segments, pts = write_segments(source.parent, info, (FRAMES,), FAST)
    out = source.parent / "out" / f"film{suffix or output_suffix(info, Container.source, Codec.h264)}"
    done = assemble(info, segments, pts, out)
    verify(info, out, pts, departures=done.departures)
    return out, done
