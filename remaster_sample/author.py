"""Writes a file from pictures and sound: video, one mono audio stream, a text subtitle stream, chapters."""

from __future__ import annotations

import io
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
from av.video.reformatter import ColorRange, Colorspace, Interpolation

Pixels = npt.NDArray[np.uint8]

FORMATS = {".mp4": "mp4", ".mkv": "matroska"}
# mbtree=0: with AVX-512 x264's macroblock tree reads memory that was never set, and the bytes differ from run to run.
X264 = {"preset": "veryfast", "crf": "16", "threads": "1", "x264-params": "mbtree=0"}
SMPTE170M = 6
SCALING = Interpolation.AREA | Interpolation.ACCURATE_RND | Interpolation.BITEXACT


@dataclass(frozen=True)
class Cue:
    """A subtitle: ``text`` is visible from ``start`` to ``end`` (seconds)."""

    start: float
    end: float
    text: str


@dataclass(frozen=True)
class Chapter:
    """A chapter from ``start`` to ``end`` (seconds)."""

    start: float
    end: float
    title: str


def write_video(
    path: Path,
    frames: Iterable[Pixels],
    fps: Fraction,
    *,
    sar: Fraction = Fraction(1),
    codec: str = "libx264",
    pixel_format: str = "yuv420p",
    options: Mapping[str, str] = X264,
    audio: npt.NDArray[np.float32] | None = None,
    sample_rate: int = 48000,
    audio_codec: str = "aac",
    subtitles: Sequence[Cue] = (),
    chapters: Sequence[Chapter] = (),
) -> int:
    """Write ``frames`` to ``path`` (.mp4 or .mkv), one every 1/fps from 0 on; returns how many there were.

    Frames are uint8 RGB (h, w, 3), or (h, w) with ``pixel_format="gray"``; colour is BT.601 in limited range. ``audio``
    is float32 mono in -1..1 for a codec that takes planar floats (aac, ac3), and begins with the first frame, whatever
    the codec's delay; ``subtitles`` become a SubRip stream (.mkv). The file is written under a temporary name and
    renamed, and bit-exact: the same input gives the same bytes.

    Raises ``KeyError`` for another suffix and ``ValueError`` where there is no frame.
    """
    remaining = iter(frames)
    first = next(remaining, None)
    if first is None:
        raise ValueError(f"no frame to write to {path}")
    partial = path.with_name(f".{path.name}.partial")
    container = av.open(str(partial), "w", format=FORMATS[path.suffix], container_options={"fflags": "+bitexact"})
    try:
        with container:
            video = container.add_stream(codec, rate=fps, options=dict(options))
            _describe(video, first, fps, sar, pixel_format)
            sound = _Sound(container, audio, sample_rate, audio_codec) if audio is not None else None
            cues = _subtitle_packets(container, subtitles) if subtitles else deque()
            if chapters:
                container.set_chapters([_chapter(i, chapter) for i, chapter in enumerate(chapters)])
            count = _mux(container, video, chain([first], remaining), fps, sound, cues)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return count


def _describe(video: Any, first: Pixels, fps: Fraction, sar: Fraction, pixel_format: str) -> None:
    """Set the stream's size, pixel format, timing and colour tags."""
    video.height, video.width = first.shape[:2]
    video.pix_fmt = pixel_format
    video.time_base = 1 / fps
    context = video.codec_context
    context.time_base = 1 / fps
    context.sample_aspect_ratio = sar
    context.flags |= av.codec.context.Flags.bitexact
    if pixel_format != "gray":
        context.colorspace = context.color_primaries = context.color_trc = SMPTE170M
        context.color_range = ColorRange.MPEG


def _mux(
    container: Any, video: Any, frames: Iterable[Pixels], fps: Fraction, sound: _Sound | None, cues: deque[Any]
) -> int:
    """Encode and interleave in time order; returns the number of frames."""
    count = 0
    for count, picture in enumerate(frames, 1):
        container.mux(video.encode(_picture(picture, count - 1, fps, video.pix_fmt)))
        if sound is not None:
            sound.write_until(count / fps)
        while cues and cues[0].pts * cues[0].time_base < count / fps:
            container.mux(cues.popleft())
    container.mux(video.encode(None))
    if sound is not None:
        sound.finish()
    for cue in cues:
        container.mux(cue)
    return count


def _picture(picture: Pixels, index: int, fps: Fraction, pixel_format: str) -> av.VideoFrame:
    if pixel_format == "gray":
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="gray")
    else:
        rgb = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
        colour = {"dst_colorspace": Colorspace.ITU601, "dst_color_range": ColorRange.MPEG}
        frame = rgb.reformat(format=pixel_format, interpolation=SCALING, threads=1, **colour)
    frame.pts, frame.time_base = index, 1 / fps
    return frame


class _Sound:
    """The audio stream, encoded block by block alongside the pictures.

    Encoders place priming samples before time 0, and a muxer then shifts every stream or writes an edit list. Therefore
    silence is put before the sound up to a whole packet, and the packets before time 0 are dropped.
    """

    def __init__(self, container: Any, samples: npt.NDArray[np.float32], rate: int, codec: str) -> None:
        self.container = container
        self.stream = container.add_stream(codec, rate=rate, layout="mono")
        self.stream.codec_context.flags |= av.codec.context.Flags.bitexact
        self.stream.time_base = Fraction(1, rate)
        self.rate, self.at = rate, 0
        self.block, priming = _priming(codec, rate)
        self.lead = -priming % self.block
        self.samples = np.concatenate([np.zeros(self.lead, np.float32), samples])

    def write_until(self, seconds: Fraction) -> None:
        """Encode whole blocks up to that time."""
        end = min(int(seconds * self.rate) + self.lead, len(self.samples))
        while self.at + self.block <= end:
            self._encode(self.samples[self.at : self.at + self.block])

    def finish(self) -> None:
        """Encode the rest and flush."""
        while self.at < len(self.samples):
            self._encode(self.samples[self.at : self.at + self.block])
        self._mux(self.stream.encode(None))

    def _encode(self, block: npt.NDArray[np.float32]) -> None:
        packets = self.stream.encode(_audio_frame(block, self.rate, self.at - self.lead))
        self.at += len(block)
        self._mux(packets)

    def _mux(self, packets: Iterable[Any]) -> None:
        self.container.mux([p for p in packets if p.pts is not None and p.pts >= 0])


def _audio_frame(samples: npt.NDArray[np.float32], rate: int, pts: int) -> av.AudioFrame:
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples[None]), format="fltp", layout="mono")
    frame.sample_rate, frame.time_base, frame.pts = rate, Fraction(1, rate), pts
    return frame


def _priming(codec: str, rate: int) -> tuple[int, int]:
    """(samples a packet, samples by which the encoder's first packet precedes its input), found by trying."""
    trial: Any = av.CodecContext.create(codec, "w")
    trial.sample_rate, trial.layout, trial.format, trial.time_base = rate, "mono", "fltp", Fraction(1, rate)
    trial.open()
    block = trial.frame_size or 1024
    packets = [*trial.encode(_audio_frame(np.zeros(block, np.float32), rate, 0)), *trial.encode(None)]
    return block, -min(packet.pts for packet in packets)


def _subtitle_packets(container: Any, cues: Sequence[Cue]) -> deque[Any]:
    """Add a SubRip stream to the container; returns its packets in time order."""
    ordered = sorted(cues, key=lambda cue: cue.start)
    text = "".join(f"{i}\n{_clock(c.start)} --> {_clock(c.end)}\n{c.text}\n\n" for i, c in enumerate(ordered, 1))
    source: Any = av.open(io.BytesIO(text.encode()), format="srt")
    with source:
        stream = container.add_stream_from_template(source.streams.subtitles[0])
        packets: deque[Any] = deque(packet for packet in source.demux() if packet.pts is not None)
    for packet in packets:
        packet.stream = stream
    return packets


def _clock(seconds: float) -> str:
    """SubRip's time code."""
    ms = round(seconds * 1000)
    return f"{ms // 3600000:02}:{ms // 60000 % 60:02}:{ms // 1000 % 60:02},{ms % 1000:03}"


def _chapter(index: int, chapter: Chapter) -> Any:
    return {
        "id": index + 1,
        "start": round(chapter.start * 1000),
        "end": round(chapter.end * 1000),
        "time_base": Fraction(1, 1000),
        "metadata": {"title": chapter.title},
    }
