"""Reads a file's headers and first picture into a ``VideoInfo``."""

from __future__ import annotations

import re
from fractions import Fraction
from itertools import islice

import av
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from remaster.errors import MediaError
from remaster.media.apertures import display_matrix, visible_part
from remaster.media.containers import (
    check_alone,
    check_size,
    demux_only,
    limit_picture_size,
    open_input,
    reason,
    video_stream,
)
from remaster.media.discs import parts, size_and_change
from remaster.media.formats import planar_format, without_alpha
from remaster.media.frame_properties import full_range
from remaster.media.hdr import content_light, dynamic_formats, mastering_display
from remaster.media.planes import COEFFICIENTS, UNSPECIFIED_MATRICES
from remaster.media.siting import chroma_location
from remaster.media.types import ColorSpec, PixelFormat, VideoInfo
from remaster.remote import is_remote, status

MAX_RATE = 1000
"""Frames per second: more is a broken header."""
_PACKETS_TO_FIRST_FRAME = 600
"""Packets that may come before the first picture: the longest GOP in practice, for a file that begins inside one."""
_CLOCK_TIME = re.compile(r"(\d+):(\d\d):(\d\d(?:\.\d+)?)")


def probe(path: str) -> VideoInfo:
    """Read a file's headers and its first picture.

    Rotation and pixel format are those of the first picture, since some containers give them only there. Where no rate
    is given (a video of one frame), ``fps`` is 25. Raises ``MediaError``, one sentence that names the file, for all
    that cannot be remastered: no such file, an empty file or a text, no video stream, no picture that can be decoded,
    an absurd size, a pixel format without a planar form, a colour matrix that is not linear.
    """
    size, mtime_ns = _identity(path)
    if size == 0:
        raise MediaError(f"{path} is empty")
    check_alone(path)
    with open_input(path) as container:
        stream = video_stream(container, path)
        frame = _first_frame(container, stream, path)
        rate, time_base = _rate(stream), stream.time_base
        if time_base is None or not 0 < rate <= MAX_RATE:
            raise MediaError(f"{path} claims an absurd frame rate of {rate}")
        pixel_format, color = _picture(stream, frame, path)
        return VideoInfo(
            path=path,
            container=container.format.name,
            codec=stream.codec_context.codec.canonical_name,
            width=frame.width,
            height=frame.height,
            sar=stream.sample_aspect_ratio or Fraction(1),
            format=pixel_format,
            color=color,
            fps=rate,
            time_base=time_base,
            rotation=frame.rotation % 360,
            frames=stream.frames or None,
            duration=_duration(container, stream),
            audio_streams=len(container.streams.audio),
            subtitle_streams=len(container.streams.subtitles),
            size=size,
            mtime_ns=mtime_ns,
            display=display_matrix(frame),
            visible=visible_part(stream, frame.width, frame.height, pixel_format),
        )


def _identity(path: str) -> tuple[int, int]:
    """(bytes, time of change in ns) of a file, or of all files of a DVD title: they identify its content."""
    try:
        found = [status(file) if is_remote(file) else size_and_change(file) for file in parts(path)]
    except OSError as error:
        raise MediaError(f"{path} cannot be read: {reason(error)}") from error
    there = [item for item in found if item is not None]
    if not there:
        raise MediaError(f"{path} does not exist")
    return sum(size for size, _ in there), max(changed for _, changed in there)


def _first_frame(container: InputContainer, stream: VideoStream, path: str) -> VideoFrame:
    context = stream.codec_context
    check_size(context.width, context.height, path)
    limit_picture_size(stream)
    demux_only(container, stream)
    context.thread_count = 1
    for packet in islice(container.demux(stream), _PACKETS_TO_FIRST_FRAME):
        try:
            frames = context.decode(packet)
        except av.FFmpegError:  # A broken start: the next keyframe may be whole.
            continue
        if frames:
            check_size(frames[0].width, frames[0].height, path)
            return frames[0]
    raise MediaError(f"{path} has a video stream without a picture that can be decoded")


def _rate(stream: VideoStream) -> Fraction:
    """The first plausible rate: the average rate of raw DV is that of its time base, which is none."""
    rates = [rate for rate in (stream.average_rate, stream.guessed_rate, stream.base_rate) if rate]
    return next((rate for rate in rates if 0 < rate <= MAX_RATE), rates[0] if rates else Fraction(25))


def _picture(stream: VideoStream, frame: VideoFrame, path: str) -> tuple[PixelFormat, ColorSpec]:
    try:
        pixel_format = planar_format(frame.format.name, opaque=True)
    except MediaError as error:
        raise MediaError(f"{path}: {error}") from error
    without_alpha(frame, path)  # raises where something is transparent
    context = stream.codec_context
    color = ColorSpec(
        matrix=context.colorspace,
        primaries=context.color_primaries,
        transfer=context.color_trc,
        full_range=full_range(context.color_range, frame.format.name, pixel_format),
        chroma_location=chroma_location(frame, stream) if pixel_format.log2_chroma_w else 0,
        mastering=mastering_display(frame),
        light=content_light(frame),
        dynamic=dynamic_formats(frame),
    )
    if pixel_format.kind == "yuv" and color.matrix not in (*COEFFICIENTS, *UNSPECIFIED_MATRICES):
        raise MediaError(f"{path} has a colour matrix (H.273 code {color.matrix}) that is not supported")
    return pixel_format, color


def _duration(container: InputContainer, stream: VideoStream) -> float | None:
    """The stream's own duration in seconds (in Matroska a tag such as ``00:01:00.026``), else the whole file's."""
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    tag = _CLOCK_TIME.fullmatch(stream.metadata.get("DURATION", ""))
    if tag:
        return int(tag[1]) * 3600 + int(tag[2]) * 60 + float(tag[3])
    return container.duration / av.time_base if container.duration and container.duration > 0 else None
