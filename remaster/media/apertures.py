"""Reads how a player displays a stored picture: rotated or mirrored, and cropped to which part."""

from __future__ import annotations

import struct
from io import BytesIO

import av
from av.sidedata.sidedata import Type
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from remaster.media.hdr import side_data
from remaster.media.matroska import header_of
from remaster.media.types import PixelFormat, Rect

_MATRIX = struct.Struct("9i")
# Containers whose headers may crop the picture: Matroska (PixelCrop), MP4 and QuickTime (clean aperture).
_CROPPING = {"matroska", "mp4"}


def display_matrix(frame: VideoFrame) -> tuple[int, ...]:
    """The nine numbers of the frame's display matrix (ISO/IEC 14496-12, 6.2.2) in FFmpeg's layout; () for none."""
    data = side_data(frame).get(Type.DISPLAYMATRIX)
    return () if data is None else _MATRIX.unpack(bytes(data)[: _MATRIX.size])


def visible_part(stream: VideoStream, width: int, height: int, pixel_format: PixelFormat) -> Rect | None:
    """The part of the stored ``width x height`` picture that its container displays, inward to the chroma grid.

    None where all of it is displayed. PyAV does not expose the cropping, so it is read from a Matroska header that
    FFmpeg writes for the stream into memory.
    """
    if not _CROPPING & set(stream.container.format.name.split(",")):
        return None
    left, top, right, bottom = _cropped(stream)
    if not any((left, top, right, bottom)) or left + right >= width or top + bottom >= height:
        return None
    step_x, step_y = 1 << pixel_format.log2_chroma_w, 1 << pixel_format.log2_chroma_h
    x, y = -(-left // step_x) * step_x, -(-top // step_y) * step_y
    end_x, end_y = (width - right) // step_x * step_x, (height - bottom) // step_y * step_y
    return Rect(x, y, end_x - x, end_y - y) if x < end_x and y < end_y else None


def _cropped(stream: VideoStream) -> tuple[int, ...]:
    """Pixels that the container crops at the left, top, right and bottom."""
    header = BytesIO()
    try:
        with av.open(header, "w", "matroska") as trial:
            trial.add_stream_from_template(stream, opaque=True)
            trial.start_encoding()
    except (av.FFmpegError, ValueError):  # Matroska cannot hold the codec: the file is none and has no such cropping
        return 0, 0, 0, 0
    header.seek(0)
    return header_of(header).crops[0]
