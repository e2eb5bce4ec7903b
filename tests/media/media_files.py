"""Small media files made in the test, with everything that real ones carry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
from av.container import OutputContainer
from av.packet import Packet

from remaster.arrays import Plane
from remaster.media.decode import decode
from remaster.media.encode import SegmentWriter, to_frame
from remaster.media.encoders import EncoderSettings
from remaster.media.types import PixelFormat, VideoInfo

NTSC = Fraction(30000, 1001)
YUV420 = PixelFormat("yuv420p", "yuv", 8, 1, 1)
CHAPTERS: list[Any] = [
    {"id": 1, "start": 0, "end": 500, "time_base": Fraction(1, 1000), "metadata": {"title": "one"}},
    {"id": 2, "start": 500, "end": 1300, "time_base": Fraction(1, 1000), "metadata": {"title": "two"}},
]
OPEN_GOP = {"g": "12", "x264-params": "open-gop=1:bframes=3:b-adapt=0:b-pyramid=2:mbtree=0"}


@dataclass(frozen=True)
class Source:
    """What to put into a file; ``stamps`` are the frames' times in ``time_base`` (one after the other by default)."""

    frames: int = 40
    codec: str = "libx264"
    options: dict[str, str] = field(default_factory=lambda: dict(OPEN_GOP))
    b_frames: int = 0
    pixel_format: PixelFormat = YUV420
    size: tuple[int, int] = (96, 64)
    sar: Fraction = Fraction(8, 9)
    fps: Fraction = NTSC
    time_base: Fraction | None = None
    stamps: Sequence[int] | None = None
    audio: Sequence[str] = ()
    subtitles: bool = False
    chapters: bool = False
    attachment: bytes = b""
    tags: dict[str, str] = field(default_factory=dict)


def picture(number: int, pixel_format: PixelFormat, width: int, height: int) -> tuple[Plane, ...]:
    """A moving texture: no two frames are alike."""
    rng = np.random.default_rng(number // 8)
    planes = []
    for index, (rows, columns) in enumerate(pixel_format.plane_shapes(width, height)):
        y, x = np.mgrid[:rows, :columns]
        waves = 0.5 + 0.3 * np.sin((x + 2 * number) / 5 + index) * np.cos((y - number) / 7)
        noisy = waves + 0.05 * rng.random((rows, columns))
        levels = np.clip(noisy, 0, 1) * ((1 << pixel_format.depth) - 1)
        planes.append(levels.astype(np.uint8 if pixel_format.depth == 8 else np.uint16))
    return tuple(planes)


def write_source(path: Path, source: Source) -> Path:
    """Write the file, packets interleaved by their times."""
    with av.open(str(path), "w", container_options={"fflags": "+bitexact"}) as container:
        packets = _video(container, source)
        for number, codec in enumerate(source.audio):
            packets += _audio(container, codec, number, float(source.frames / source.fps))
        if source.subtitles:
            packets += _subtitles(container)
        if source.attachment:
            container.add_attachment("font.ttf", "application/x-truetype-font", source.attachment)
        if source.chapters:
            container.set_chapters(CHAPTERS)
        container.metadata.update(source.tags)
        for packet in sorted(packets, key=lambda p: (p.dts or 0) * p.time_base):
            container.mux(packet)
    return path


def _video(container: OutputContainer, source: Source) -> list[Packet[Any]]:
    stream: Any = container.add_stream(source.codec, source.fps, dict(source.options))
    stream.width, stream.height = source.size
    stream.pix_fmt = source.pixel_format.name
    stream.codec_context.thread_count = 1
    stream.codec_context.sample_aspect_ratio = source.sar
    stream.codec_context.time_base = source.time_base or 1 / source.fps
    if source.b_frames:
        stream.codec_context.max_b_frames = source.b_frames
    packets: list[Packet[Any]] = []
    for number in range(source.frames):
        frame = to_frame(picture(number, source.pixel_format, *source.size), source.pixel_format, *source.size)
        frame.pts = source.stamps[number] if source.stamps else number
        frame.time_base = source.time_base or 1 / source.fps
        packets += stream.encode(frame)
    packets += stream.encode(None)
    return packets


def _audio(container: OutputContainer, codec: str, number: int, seconds: float) -> list[Packet[Any]]:
    stream: Any = container.add_stream(codec, 48000)
    stream.layout = "stereo"
    stream.codec_context.thread_count = 1
    stream.metadata.update(language=("eng", "deu")[number], title=f"track {number}")
    size = stream.codec_context.frame_size or 1024
    packets: list[Packet[Any]] = []
    for index in range(int(seconds * 48000 / size)):
        tone = np.sin(np.arange(size) * (0.02 + 0.01 * (index % 7) + 0.05 * number))
        samples = np.stack([tone, tone[::-1]]).astype(np.float32) * 0.3
        frame = av.AudioFrame.from_ndarray(samples, "fltp", "stereo")
        frame.sample_rate, frame.pts, frame.time_base = 48000, index * size, Fraction(1, 48000)
        packets += stream.encode(frame)
    packets += stream.encode(None)
    return packets


def _subtitles(container: OutputContainer) -> list[Packet[Any]]:
    stream = container.add_mux_stream("subrip")
    stream.metadata["language"] = "eng"
    packets = []
    for number in range(3):
        packet: Packet[Any] = Packet(f"Line {number}".encode())
        packet.stream = stream
        packet.time_base = Fraction(1, 1000)
        packet.pts = packet.dts = 100 + 400 * number
        packet.duration = 300
        packets.append(packet)
    return packets


def write_segments(
    folder: Path, info: VideoInfo, sizes: Sequence[int], settings: EncoderSettings, wing: int = 16
) -> tuple[list[Path], npt.NDArray[np.int64]]:
    """The video's first frames, widened by ``wing`` to the right, as segments of ``sizes`` frames; and their times."""
    frames = list(decode(info, count=sum(sizes)))
    segments, begin = [], 0
    for number, size in enumerate(sizes):
        path = folder / f"{number}.mkv"
        writer = SegmentWriter(
            path,
            info.width + wing,
            info.height,
            info.sar,
            info.format,
            info.color,
            info.fps,
            info.time_base,
            settings,
        )
        with writer:
            for frame in frames[begin : begin + size]:
                shapes = info.format.plane_shapes(info.width + wing, info.height)
                wide: tuple[Any, ...] = tuple(
                    np.pad(plane, ((0, 0), (0, shape[1] - plane.shape[1])), "edge")
                    for plane, shape in zip(frame.planes, shapes, strict=True)
                )
                writer.write(wide, frame.pts)
        segments.append(path)
        begin += size
    return segments, np.array([frame.pts for frame in frames], np.int64)


def packets_of(path: Path, kind: str) -> list[list[tuple[float, bytes]]]:
    """(seconds, bytes) of all packets, one list per stream of the kind."""
    with av.open(str(path)) as container:
        tracks: dict[int, list[tuple[float, bytes]]] = {s.index: [] for s in container.streams if s.type == kind}
        for packet in container.demux():
            if packet.stream_index in tracks and packet.size:
                assert packet.pts is not None
                tracks[packet.stream_index].append((float(packet.pts * packet.time_base), bytes(packet)))
        return list(tracks.values())


def same_planes(one: Sequence[Plane], other: Sequence[Plane]) -> bool:
    return len(one) == len(other) and all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))
