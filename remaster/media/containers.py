"""Opening files, and finding the picture in them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import av
from av.container import InputContainer
from av.stream import Discard, Disposition, Stream
from av.video.stream import VideoStream

from remaster.errors import MediaError
from remaster.remote import is_remote, open_ranges

# Cover art and thumbnails are video streams to FFmpeg.
_NO_FILM = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image
# Demuxers that find pictures where a person sees none: text as ANSI art, single images.
_NO_VIDEO_FORMATS = ("tty", "image2", "ico", "bmp_pipe", "svg_pipe")


MAX_SIDE = 16384
MAX_PIXELS = 1 << 26
"""Of one picture: twice 8K UHD. Headers may claim anything, and a decoder would get the memory for it."""


@contextmanager
def open_input(path: str) -> Iterator[InputContainer]:
    """Open a file or an object on ``s3://`` or ``gs://`` for reading; raises ``MediaError``, in one sentence.

    Metadata that is not UTF-8 survives as surrogate escapes, so that it can be written as it was.
    """
    file = None
    try:
        file = open_ranges(path) if is_remote(path) else None
        container = av.open(file or path, "r", metadata_errors="surrogateescape")
    except FileNotFoundError as error:
        raise MediaError(f"{path} does not exist") from error
    except IsADirectoryError as error:
        raise MediaError(f"{path} is a folder") from error
    except PermissionError as error:
        raise MediaError(f"{path} may not be read") from error
    except (av.FFmpegError, OSError, ValueError) as error:
        raise MediaError(f"{path} is no media file, or is damaged at its start ({reason(error)})") from error
    with container, file or nullcontext():
        yield container


def video_stream(container: InputContainer, path: str) -> VideoStream:
    """The first video stream that is no cover art; raises ``MediaError`` when there is none, or no decoder for it."""
    kind = container.format.name
    if kind in _NO_VIDEO_FORMATS or kind.endswith("_pipe"):
        raise MediaError(f"{path} is no video: it was recognised as {kind}")
    streams = [stream for stream in container.streams.video if not stream.disposition & _NO_FILM]
    if not streams:
        others = sorted({stream.type for stream in container.streams})
        raise MediaError(f"{path} has no video stream" + (f", only {' and '.join(others)}" if others else ""))
    if streams[0].codec_context is None:
        raise MediaError(f"{path} has video in a codec that cannot be decoded here")
    return streams[0]


def name_of(stream: Stream) -> str:
    """How a note calls a stream: ``audio stream 1 (aac, eng)``."""
    words = [stream.codec_context.codec.canonical_name] if stream.codec_context else []
    words += [stream.language] if stream.language and stream.language != "und" else []
    return f"{stream.type} stream {stream.index}" + (f" ({', '.join(words)})" if words else "")


def is_cover(stream: Stream) -> bool:
    """Whether a stream is a single picture that goes with the film."""
    return stream.type == "video" and bool(stream.disposition & Disposition.attached_pic)


def check_size(width: int, height: int, path: str) -> None:
    """Raise ``MediaError`` for a picture that no film has."""
    if max(width, height) > MAX_SIDE or width * height > MAX_PIXELS:
        raise MediaError(f"{path} claims an absurd size of {width}x{height}")


def bound_decoder(stream: VideoStream) -> None:
    """Let the stream's decoder refuse larger pictures before it gets memory for them."""
    stream.codec_context.options = {"max_pixels": str(MAX_PIXELS)}


def read_only(container: InputContainer, *streams: Stream) -> None:
    """Let the demuxer skip all other streams."""
    wanted = {stream.index for stream in streams}
    for stream in container.streams:
        if stream.index not in wanted:
            stream.discard = Discard.all


def reason(error: Exception) -> str:
    """What FFmpeg says, without its number."""
    return str(getattr(error, "strerror", None) or error).rstrip(".")
