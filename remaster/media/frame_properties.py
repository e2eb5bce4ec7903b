"""Reads the properties that decoded frames carry: size, sample aspect ratio, pixel format, colour, interlacing."""

from __future__ import annotations

from fractions import Fraction

from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from remaster.errors import MediaError
from remaster.media.formats import planar_format
from remaster.media.siting import pixel_shape
from remaster.media.types import ColorSpec, FrameProperties, PixelFormat

# Containers whose own sample aspect ratio overrides the frames', as in FFmpeg and players.
_CONTAINER_RULES = {"matroska", "mp4"}
_RANGE_FULL = 2


class PropertiesReader:
    """Reads the properties of a stream's frames, in the order of decoding."""

    def __init__(self, stream: VideoStream) -> None:
        self._stream = stream
        self._by_frame = not _CONTAINER_RULES & set(stream.container.format.name.split(","))
        self._formats: dict[str, PixelFormat | None] = {}
        self._shape = stream.sample_aspect_ratio or Fraction(1)
        self._decoder_shape = self._shape

    def read(self, frame: VideoFrame, interlaced: bool) -> FrameProperties | None:
        """The frame's properties; None where its pixel format is not supported as it is."""
        name = frame.format.name
        if name not in self._formats:
            self._formats[name] = _planar(name)
        pixel_format = self._formats[name]
        if pixel_format is None:
            return None
        color = ColorSpec(
            frame.colorspace, frame.color_primaries, frame.color_trc, full_range(frame.color_range, name, pixel_format)
        )
        return FrameProperties(frame.width, frame.height, self._sar(frame), pixel_format, color, interlaced)

    def _sar(self, frame: VideoFrame) -> Fraction:
        """The frame's sample aspect ratio.

        The decoder's ratio is that of the last packet, whose frame it may still hold. So the frame itself is examined,
        which is slow, only where the decoder's ratio changes or differs from the last frame's.
        """
        shape = self._stream.codec_context.sample_aspect_ratio or Fraction(1)
        if self._by_frame and (shape != self._decoder_shape or shape != self._shape):
            self._shape, self._decoder_shape = pixel_shape(frame, self._stream) or self._shape, shape
        return self._shape


def full_range(color_range: int, name: str, pixel_format: PixelFormat) -> bool:
    """Whether samples use the full range; where it is unspecified, RGB and grey do, as in swscale."""
    if color_range:
        return color_range == _RANGE_FULL or name.startswith("yuvj")
    return name.startswith("yuvj") or pixel_format.kind != "yuv"


def _planar(name: str) -> PixelFormat | None:
    try:
        return planar_format(name)
    except MediaError:
        return None
