"""What each decoded frame says of itself: size, shape, pixel format, colour, fields."""

from __future__ import annotations

from fractions import Fraction

from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from remaster.errors import MediaError
from remaster.media.formats import planar_format
from remaster.media.siting import pixel_shape
from remaster.media.types import ColorSpec, Look, PixelFormat

# In these the container's own sample aspect ratio holds for the whole stream, as FFmpeg and players have it.
_CONTAINER_RULES = {"matroska", "mp4"}
_RANGE_FULL = 2


class Looker:
    """Reads the looks of a stream's frames, in the order of decoding."""

    def __init__(self, stream: VideoStream) -> None:
        self._stream = stream
        self._follows = not _CONTAINER_RULES & set(stream.container.format.name.split(","))
        self._formats: dict[str, PixelFormat | None] = {}
        self._shape = stream.sample_aspect_ratio or Fraction(1)
        self._told = self._shape

    def look(self, frame: VideoFrame, interlaced: bool) -> Look | None:
        """The frame's look; None where it is in a pixel format that cannot be handed out as it is."""
        name = frame.format.name
        if name not in self._formats:
            self._formats[name] = _planar(name)
        pixel_format = self._formats[name]
        if pixel_format is None:
            return None
        color = ColorSpec(
            frame.colorspace, frame.color_primaries, frame.color_trc, full_range(frame.color_range, name, pixel_format)
        )
        return Look(frame.width, frame.height, self._sar(frame), pixel_format, color, interlaced)

    def _sar(self, frame: VideoFrame) -> Fraction:
        """The frame's sample aspect ratio.

        The decoder's is that of the packets it was given, some of whose frames it still holds: where it differs from
        what the last frame had, this frame is asked itself.
        """
        told = self._stream.codec_context.sample_aspect_ratio or Fraction(1)
        if self._follows and (told != self._told or told != self._shape):
            self._shape, self._told = pixel_shape(frame, self._stream) or self._shape, told
        return self._shape


def full_range(color_range: int, name: str, pixel_format: PixelFormat) -> bool:
    """Full where the stream or its format's name says so, and for unspecified RGB and grey, as swscale has it."""
    if color_range:
        return color_range == _RANGE_FULL or name.startswith("yuvj")
    return name.startswith("yuvj") or pixel_format.kind != "yuv"


def _planar(name: str) -> PixelFormat | None:
    try:
        return planar_format(name)
    except MediaError:
        return None
