"""Encodes segments: one Matroska file per shot, so that a video's segments can be joined packet by packet."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import nullcontext
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, cast

import av
import numpy as np
from av.codec.context import Flags
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation
from av.video.stream import VideoStream

from remaster.arrays import Plane
from remaster.errors import MediaError
from remaster.media.containers import reason
from remaster.media.encoders import (
    DNXHR_MIN_SIZE,
    PACKED_ENCODERS,
    SOFTWARE_ENCODERS,
    WITHOUT_CRF,
    Codec,
    EncoderSettings,
    check_codec,
    encoded_format,
    encoder_options,
)
from remaster.media.formats import planar_format
from remaster.media.partfile import PartFile
from remaster.media.scheduling import restored_scheduling
from remaster.media.types import ColorSpec, PixelFormat

_MATRIX_RGB = 0

_SCALING = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.BITEXACT


class SegmentWriter:
    """Encodes frames into one Matroska file (of DNxHR: QuickTime); used as a context manager.

    The file is written under a temporary name beside ``path`` and renamed when the block ends without an error, else
    removed. It begins with an IDR picture, all its GOPs are closed, and equal frames and settings give equal bytes. In
    the file, frame ``n`` has the time ``n / fps``: assembly restores the source's exact times by rank. The encoder gets
    the true times for its rate control. With ``timed``, for codecs that do not reorder frames, the file has the true
    times too, from 0 on, as exactly as its container stores them.
    """

    def __init__(
        self,
        path: Path,
        width: int,
        height: int,
        sar: Fraction,
        pixel_format: PixelFormat,
        color: ColorSpec,
        fps: Fraction,
        time_base: Fraction,
        settings: EncoderSettings,
        timed: bool = False,
    ) -> None:
        check_codec(settings, pixel_format)
        if settings.codec is Codec.dnxhr and (width < DNXHR_MIN_SIZE[0] or height < DNXHR_MIN_SIZE[1]):
            least = "x".join(map(str, DNXHR_MIN_SIZE))
            raise MediaError(f"output.codec=dnxhr takes pictures of {least} and more, and these are {width}x{height}")
        self._part = PartFile(path)
        self._size = (width, height)
        self._format, self._color = pixel_format, color
        self._frame_time, self._time_base = 1 / fps, time_base
        self._timed = timed
        self._ranks: dict[int, int] = {}
        self._first: int | None = None
        self._last: int | None = None
        self._frames = self._packets = 0
        # FFmpeg's Matroska muxer has no codec ID for DNxHR.
        kind = "mov" if settings.codec is Codec.dnxhr else "matroska"
        self._container = av.open(str(self._part.temporary), "w", kind, container_options={"fflags": "+bitexact"})
        self._reorder = 0 if settings.codec in WITHOUT_CRF else _MAX_REORDER
        planar = encoded_format(settings, pixel_format)
        target = planar.name
        self._grey = _grey_as(pixel_format, planar)
        software = PACKED_ENCODERS.get((settings.codec, target), (SOFTWARE_ENCODERS[settings.codec], target))
        encoder, self._encoded = software if settings.encoder is None else (settings.encoder, target)
        stream = self._container.add_stream(encoder, fps, encoder_options(settings, color, planar))
        self._stream = cast(VideoStream, stream)
        self._configure(sar, settings)

    def _configure(self, sar: Fraction, settings: EncoderSettings) -> None:
        context = self._stream.codec_context
        context.width, context.height = self._size
        context.pix_fmt = self._encoded
        context.sample_aspect_ratio = sar
        context.time_base = self._time_base
        context.thread_count = settings.threads
        context.flags |= Flags.bitexact | Flags.closed_gop
        _tag(context, self._color, self._format)

    def __enter__(self) -> SegmentWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._discard()
            return
        try:
            if not self._frames:
                raise MediaError(f"{self._part.path} was given no frame")
            self._mux(self._stream.encode(None))
            self._container.close()
        except av.FFmpegError as failure:
            self._discard()
            raise MediaError(f"{self._part.path} cannot be written: {reason(failure)}") from failure
        except BaseException:
            self._discard()
            raise
        self._part.commit()

    def write(self, planes: tuple[Plane, ...], pts: int) -> None:
        """Encode the next frame, whose ``pts`` (in ``time_base``) must be later than that before.

        Raises ``ValueError`` for planes of another shape or time order, ``MediaError`` where the encoder fails.
        """
        if self._last is not None and pts <= self._last:
            raise ValueError(f"frame time {pts} is not later than {self._last}")
        self._first = pts if self._first is None else self._first
        self._last = pts
        frame = self._picture(planes)
        _tag(frame, self._color, self._format)
        frame.pts, frame.time_base = pts - self._first, self._time_base
        self._ranks[frame.pts] = self._frames
        self._frames += 1
        try:
            if self._encoded != frame.format.name:
                frame = frame.reformat(format=self._encoded, interpolation=_SCALING, threads=1)
            # The first frame opens the encoder.
            with restored_scheduling() if self._frames == 1 else nullcontext():
                packets = self._stream.encode(frame)
            self._mux(packets)
        except av.FFmpegError as failure:
            raise MediaError(f"{self._part.path} cannot be encoded: {reason(failure)}") from failure

    def _picture(self, planes: tuple[Plane, ...]) -> VideoFrame:
        """The planes as a frame; grey pictures get neutral chroma where the encoder takes no grey."""
        if self._grey is None:
            return to_frame(planes, self._format, *self._size)
        shapes = self._grey.plane_shapes(*self._size)[1:]
        none = tuple(np.full(shape, 1 << (self._grey.depth - 1), planes[0].dtype) for shape in shapes)
        return to_frame((*planes, *none), self._grey, *self._size)

    def _mux(self, packets: Iterable[Any]) -> None:
        for packet in packets:
            if self._timed:
                packet.dts, packet.time_base = packet.pts, self._time_base
                packet.duration = round(self._frame_time / self._time_base)
                self._container.mux(packet)
                continue
            packet.pts = self._ranks.pop(packet.pts)
            # Matroska keeps no decoding times: these need only rise and not exceed the presentation times.
            packet.dts = self._packets - self._reorder
            packet.duration = 1
            packet.time_base = self._frame_time
            self._packets += 1
            self._container.mux(packet)

    def _discard(self) -> None:
        self._container.close()
        self._part.discard()


_MAX_REORDER = 16
"""Frames over which a codec reorders: as many as its buffer holds (H.264 and HEVC; AV1 packs hidden frames)."""


def to_frame(planes: tuple[Plane, ...], pixel_format: PixelFormat, width: int, height: int) -> VideoFrame:
    """A PyAV frame with a copy of the planes; raises ``ValueError`` where they are not of the format's shapes."""
    frame = VideoFrame(width, height, pixel_format.name)
    shapes = pixel_format.plane_shapes(width, height)
    dtype = np.uint8 if pixel_format.depth == 8 else np.uint16
    for target, plane, shape in zip(frame.planes, planes, shapes, strict=True):
        if plane.shape != shape or plane.dtype != dtype:
            raise ValueError(f"plane of {plane.shape} {plane.dtype}, {shape} {np.dtype(dtype)} expected")
        rows = np.frombuffer(memoryview(target), dtype).reshape(shape[0], -1)
        rows[:, : shape[1]] = plane
    return frame


def _grey_as(source: PixelFormat, target: PixelFormat) -> PixelFormat | None:
    """The YUV format, of the source's depth, in which a grey source is encoded; None where it is not."""
    if source.kind != "gray" or target.kind != "yuv":
        return None
    return planar_format(target.name.split("p")[0] + "p" + (f"{source.depth}le" if source.depth > 8 else ""))


def _tag(target: Any, color: ColorSpec, pixel_format: PixelFormat) -> None:
    """Set the colour properties of a codec context or a frame."""
    target.colorspace = _MATRIX_RGB if pixel_format.kind == "rgb" else color.matrix
    target.color_primaries = color.primaries
    target.color_trc = color.transfer
    target.color_range = 2 if color.full_range else 1
