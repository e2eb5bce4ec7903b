"""Opens media files, refuses what is no video that stands alone, and finds the main video stream."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import cache

import av
from av.container import InputContainer
from av.stream import Discard, Disposition, Stream
from av.video.stream import VideoStream

from remaster.errors import MediaError
from remaster.media.disc_images import DISC_FOLDER, inside
from remaster.media.discs import is_disc_image, open_parts, parts, scrambled
from remaster.remote import is_remote, open_ranges

# Cover art and thumbnails are video streams to FFmpeg, too.
_NOT_MAIN_VIDEO = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image
# Demuxers of files that are no videos: text as ANSI art, single images.
_NO_VIDEO_FORMATS = ("tty", "ico", "bmp_pipe", "svg_pipe")
# Demuxers that read devices, or other files and addresses than the one they are given.
_REFERENCING_FORMATS = frozenset((
    "concat", "dash", "hls", "image2", "imf", "rtp", "rtsp", "sdp", "vapoursynth", "vobsub", "webm_dash_manifest",
    "alsa", "fbdev", "kmsgrab", "lavfi", "video4linux2,v4l2", "x11grab",
))  # fmt: skip
_REFERENCING_TEXTS = {
    b"ffconcat version": "a list of files for FFmpeg",
    b"#EXTM3U": "a playlist",
    b"[playlist]": "a playlist",
    b"v=0": "a session description",
    b"<?xml": "XML",
    b"[InternetShortcut]": "a shortcut",
}
"""First bytes of texts that name other files or addresses, and what such a text is called."""
MAX_SIDE = 16384
MAX_PIXELS = 1 << 26
"""Of one picture: twice 8K UHD. A damaged header may claim any size, and a decoder would allocate memory for it."""


@contextmanager
def open_input(path: str) -> Iterator[InputContainer]:
    """Open a file or an object on ``s3://`` or ``gs://`` for reading; raises ``MediaError``, in one sentence.

    A DVD title's first file stands for the whole title. Only these files are read, no others that they may name.
    Metadata that is not UTF-8 survives as surrogate escapes, so that it can be written as it was.
    """
    file = None
    options = {"format_whitelist": _own_formats(), "protocol_whitelist": "file"}
    try:
        files = parts(path)
        file = open_parts(files) if len(files) > 1 or inside(path) else open_ranges(path) if is_remote(path) else None
        container = av.open(file or path, "r", options=options, metadata_errors="surrogateescape")
    except FileNotFoundError as error:
        raise MediaError(f"{path} does not exist") from error
    except IsADirectoryError as error:
        raise MediaError(f"{path} is a folder") from error
    except PermissionError as error:
        raise MediaError(f"{path} may not be read") from error
    except av.error.ArgumentError as error:  # FFmpeg's error for a format that is not on the list
        raise MediaError(
            f"{path} is no media file that stands alone: a list of others, a picture or a device"
        ) from error
    except (av.FFmpegError, OSError, ValueError) as error:
        raise MediaError(f"{path} is no media file, or is damaged at its start ({reason(error)})") from error
    with container, file or nullcontext():
        yield container


def check_alone(path: str) -> None:
    """Raise ``MediaError`` for a text that names other files, the image of a disc, and a scrambled stream."""
    try:
        with open_parts([path]) as file:
            start = file.read(64).removeprefix(b"\xef\xbb\xbf").lstrip()
        image, secret = is_disc_image(path), scrambled(path)
    except IsADirectoryError as error:
        raise MediaError(f"{path} is a folder") from error
    except OSError as error:
        raise MediaError(f"{path} cannot be read: {reason(error)}") from error
    kind = next((kind for begin, kind in _REFERENCING_TEXTS.items() if start.startswith(begin)), None)
    if kind is not None:
        raise MediaError(f"{path} is {kind}, a text: what it names is not read; pass the media files themselves")
    if image:
        hint = "mount or unpack it and pass its files"
        raise MediaError(f"{path} is the image of a disc without a readable {DISC_FOLDER} folder; {hint}")
    if secret:
        raise MediaError(f"{path} is scrambled: decrypt the disc first (or the recording)")


@cache
def _own_formats() -> str:
    """The formats that read nothing but the given file, as a list in FFmpeg's notation."""
    return ",".join(sorted(av.formats_available - _REFERENCING_FORMATS))


def video_stream(container: InputContainer, path: str) -> VideoStream:
    """The main video stream, the first that is no cover art; raises ``MediaError`` if none can be decoded."""
    kind = container.format.name
    if kind in _NO_VIDEO_FORMATS or kind.endswith("_pipe"):
        raise MediaError(f"{path} is no video: it was recognised as {kind}")
    streams = [stream for stream in container.streams.video if not stream.disposition & _NOT_MAIN_VIDEO]
    if not streams:
        others = sorted({stream.type for stream in container.streams})
        raise MediaError(f"{path} has no video stream" + (f", only {' and '.join(others)}" if others else ""))
    if streams[0].codec_context is None:
        raise MediaError(f"{path} has video in a codec that cannot be decoded here")
    return streams[0]


def name_of(stream: Stream) -> str:
    """The name of a stream in notes and errors: ``audio stream 1 (aac, eng)``."""
    words = [stream.codec_context.codec.canonical_name] if stream.codec_context else []
    words += [stream.language] if stream.language and stream.language != "und" else []
    return f"{stream.type} stream {stream.index}" + (f" ({', '.join(words)})" if words else "")


def is_cover(stream: Stream) -> bool:
    """Whether a stream is cover art: a single picture."""
    return stream.type == "video" and bool(stream.disposition & Disposition.attached_pic)


def check_size(width: int, height: int, path: str) -> None:
    """Raise ``MediaError`` for a picture over ``MAX_SIDE`` or ``MAX_PIXELS``."""
    if max(width, height) > MAX_SIDE or width * height > MAX_PIXELS:
        raise MediaError(f"{path} claims an absurd size of {width}x{height}")


def limit_picture_size(stream: VideoStream) -> None:
    """Make the stream's decoder refuse pictures over ``MAX_PIXELS`` before it allocates memory for them."""
    stream.codec_context.options = {"max_pixels": str(MAX_PIXELS)}


def demux_only(container: InputContainer, *streams: Stream) -> None:
    """Make the demuxer skip all other streams."""
    wanted = {stream.index for stream in streams}
    for stream in container.streams:
        if stream.index not in wanted:
            stream.discard = Discard.all


def reason(error: Exception) -> str:
    """FFmpeg's message without its error number."""
    return str(getattr(error, "strerror", None) or error).rstrip(".")
