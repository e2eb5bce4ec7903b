"""Frames of a video in presentation order, from any exact time."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

import av
import numpy as np
import numpy.typing as npt
from av.container import InputContainer
from av.packet import Packet
from av.sidedata.sidedata import Type
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from remaster.arrays import Plane
from remaster.errors import MediaError
from remaster.media.clock import Clock, Repairs
from remaster.media.containers import bound_decoder, open_input, read_only, video_stream
from remaster.media.formats import planar_format, without_alpha
from remaster.media.hdr import side_data
from remaster.media.jumps import Mover, Moves, has_tables, may_jump
from remaster.media.looks import Looker
from remaster.media.timeline import NO_STAMP, Keyframe, Timeline, fingerprint, is_frame, timeline
from remaster.media.types import Frame, Look, PixelFormat, VideoInfo

_Decoded = tuple[tuple[Plane, ...], bytes, Look | None]
MAX_FRAMES = 5_000_000
"""A day of 60 frames a second: what lasts longer is no film."""
# How many keyframes before the wanted frame's own a seek aims at, one try after the other, before the file's start.
_STEPS_BACK = (0, 1, 2, 4, 8, 16)
# Demuxers whose times may come in decoding order.
_STAMPLESS = ("avi",)


def decode(
    info: VideoInfo,
    start_pts: int | None = None,
    count: int | None = None,
    threads: int = 1,
    repairs: Repairs | None = None,
    native: bool = False,
) -> Iterator[Frame]:
    """Frames in presentation order in ``info.format``, each with its time in ``info.time_base``.

    With ``start_pts`` the first frame is the one of exactly that time, ``MediaError`` where there is none; ``count``
    ends the iteration after so many frames. Planes are read-only and may be views of the decoder's memory.

    Times are repaired as ``Clock`` says, and a range gets the same times as the whole: packets read after seeking get
    the stamps that they have when the file is read from its start (MPEG program streams guess them from what went
    before), and decoding begins at a keyframe up to which nothing had to be repaired, so that the clock's state is the
    whole's. From the first disorder on that is always the last keyframe before it; without stamps, the file's start.

    Raises ``MediaError`` after ``MAX_FRAMES``. Packets that cannot be decoded, pictures over ``MAX_PIXELS`` among them,
    are skipped; frames of another size or pixel format than ``info`` tells are converted (swscale, bicubic). All of
    that is counted in ``repairs``. ``native``, for the whole alone, hands out each frame as its own ``look`` says.
    """
    repairs = Repairs() if repairs is None else repairs
    if start_pts is None:
        return islice(frames_from_start(info, threads, repairs, native), count)
    frames = _range(info, start_pts, threads, repairs)
    return islice(frames, count)


def _range(info: VideoInfo, start_pts: int, threads: int, repairs: Repairs) -> Iterator[Frame]:
    times = timeline(info)
    for keyframe in _seek_points(times, start_pts):
        attempt = Repairs()
        frames = _from_keyframe(info, times, keyframe, start_pts, threads, attempt)
        try:
            first = next(frames, None)
        except MediaError:  # Damage read otherwise from here: the next try begins earlier, the last at the start.
            continue
        if first is None:
            continue
        attempt.reset()  # What was repaired before the range is no part of it.
        try:
            yield first
            yield from frames
        finally:
            repairs.add(attempt)
        return
    found = False
    for frame in frames_from_start(info, threads, repairs):
        found = found or frame.pts == start_pts
        if found:
            yield frame
        elif frame.pts > start_pts:
            break
    if not found:
        raise MediaError(f"{info.path} has no frame at time {start_pts} (in units of {info.time_base} s)")


def _seek_points(times: Timeline, start_pts: int) -> Iterator[Keyframe]:
    """Keyframes that are shown at or before ``start_pts``, the nearest first.

    A keyframe shown later may be decoded earlier (open GOP): its leading frames would lack their references.
    """
    before = [key for key in times.keyframes if key.pts <= start_pts]
    for steps in _STEPS_BACK[1:] if times.ranked else _STEPS_BACK:
        # The first keyframe of all is reached more safely from the start.
        if steps < len(before) - 1:
            yield before[-1 - steps]


def frames_from_start(info: VideoInfo, threads: int, repairs: Repairs, native: bool = False) -> Iterator[Frame]:
    """All frames of a video, read from the file's start; the parameters are those of ``decode``."""
    with open_input(info.path) as container:
        stream = _open(container, info, threads)
        times = None if has_tables(container) else timeline(info)
        packets: Iterator[Packet[VideoStream]] = container.demux(stream)
        looker = Looker(stream) if native else None
        if times is not None and times.moves.steps:
            packets = _moved(packets, times.moves)
            repairs.jumps = times.moves.at
        if info.container in _STAMPLESS and times is not None and times.ranked:
            frames = decoded_pictures(stream, _numbered(packets), repairs)
            yield from _timed(info, _ranked(frames, times, None), repairs, looker)
        else:
            frames = decoded_pictures(stream, packets, repairs)
            yield from _timed(info, ((frame, frame.pts) for frame in frames), repairs, looker)


def _moved(packets: Iterator[Packet[VideoStream]], moves: Moves) -> Iterator[Packet[VideoStream]]:
    """All packets, read from the file's start, with the times that they have where the file's clock goes on."""
    mover = Mover(moves)
    for packet in packets:
        mover.move(packet)
        yield packet


def _numbered(packets: Iterator[Packet[VideoStream]]) -> Iterator[Packet[VideoStream]]:
    """All packets, each with its number in decoding order for its time."""
    number = 0
    for packet in packets:
        if is_frame(packet):
            packet.pts = number
            number += 1
        yield packet


def _ranked(
    frames: Iterator[VideoFrame], times: Timeline, begun: Keyframe | None
) -> Iterator[tuple[VideoFrame, int | None]]:
    """Frames, whose own times are their packets' numbers, with the time of the stream that their rank gives them.

    A frame follows the one before. A keyframe's rank needs no counting from the start: all packets before it are shown
    before it, and so are those of its leading pictures. Lost frames thus leave a gap that the next keyframe ends. Where
    decoding began in the middle (``begun``), that keyframe's own leading pictures are missing: frames are handed out
    from the next one on.
    """
    marks = {key.number for key in times.keyframes} - ({begun.number} if begun else set())
    rank = -1 if begun is None else None
    since: list[int] = []
    for frame in frames:
        number = frame.pts
        if number in marks:
            rank, since = number + sum(other > number for other in since), []
        else:
            since.append(number if number is not None else -1)
            rank = None if rank is None else rank + 1
        if rank is not None:
            yield frame, int(times.stamps[rank]) if rank < len(times.stamps) else None


def _from_keyframe(
    info: VideoInfo, times: Timeline, keyframe: Keyframe, start_pts: int, threads: int, repairs: Repairs
) -> Iterator[Frame]:
    """Frames from ``start_pts`` on, or nothing where seeking did not lead safely to it."""
    with open_input(info.path) as container:
        stream = _open(container, info, threads)
        try:
            if times.moves.at and may_jump(container) and keyframe.place is not None:
                container.seek(keyframe.place, unsupported_byte_offset=True)  # A time may be there more than once.
            else:
                container.seek(keyframe.dts, stream=stream)
        except av.FFmpegError:
            return  # Not seekable: the caller tries another way.
        packets = _restamped(container.demux(stream), times, keyframe, info.path)
        pictures = decoded_pictures(stream, packets, repairs)
        stamped = _ranked(pictures, times, keyframe) if times.ranked else ((frame, frame.pts) for frame in pictures)
        frames = _timed(info, _until_damaged(stamped, start_pts), repairs)
        for frame in frames:
            if frame.pts >= start_pts:
                if frame.pts == start_pts:
                    yield frame
                    yield from frames
                return


def _restamped(
    packets: Iterator[Packet[VideoStream]], times: Timeline, keyframe: Keyframe, path: str
) -> Iterator[Packet[VideoStream]]:
    """Packets from ``keyframe`` on with their known stamps; none where seeking went past it.

    Seeking may lead to an earlier keyframe (Matroska's does, whose index holds times of presentation): what lies before
    the wanted one is counted and not decoded, unless it follows a gap.
    """
    number, first = None, 0 if keyframe.after_gap else keyframe.number
    for packet in packets:
        if number is None and packet.is_keyframe and is_frame(packet):
            number = times.numbers.get(fingerprint(packet))
            if number is not None and number > keyframe.number:
                return
        if number is None:
            continue
        if is_frame(packet):
            if number >= len(times.sizes) or times.sizes[number] != packet.size:
                raise MediaError(f"{path} does not read the same from its middle as from its start")
            stamp = number if times.ranked else int(times.stamps[number])
            packet.pts = stamp if stamp != NO_STAMP else None
            number += 1
        if number > first:
            yield packet


def _until_damaged(
    stamped: Iterator[tuple[VideoFrame, int | None]], start_pts: int
) -> Iterator[tuple[VideoFrame, int | None]]:
    """Frames with their stamps; they end where the wanted frame is known to lack what came before the keyframe."""
    for frame, stamp in stamped:
        if stamp == start_pts and frame.is_corrupt:
            return
        yield frame, stamp


def _open(container: InputContainer, info: VideoInfo, threads: int) -> VideoStream:
    stream = video_stream(container, info.path)
    read_only(container, stream)
    bound_decoder(stream)
    stream.codec_context.thread_count = threads
    stream.codec_context.thread_type = "AUTO" if threads > 1 else "SLICE"
    return stream


def decoded_pictures(
    stream: VideoStream, packets: Iterator[Packet[VideoStream]], repairs: Repairs
) -> Iterator[VideoFrame]:
    """Decode packets, skipping the broken ones; where the file breaks off, the decoder still gives what it holds."""
    while True:
        try:
            packet = next(packets, None)
        except av.FFmpegError:
            repairs.cut_off = 1
            packet = None
        try:
            for frame in stream.codec_context.decode(packet if packet is not None and packet.size else None):
                repairs.damaged += frame.is_corrupt
                yield frame
        except EOFError:
            return
        except av.FFmpegError:
            repairs.broken += 1
        if packet is None or not packet.size:
            return


def _timed(
    info: VideoInfo,
    stamped: Iterator[tuple[VideoFrame, int | None]],
    repairs: Repairs,
    looker: Looker | None = None,
) -> Iterator[Frame]:
    clock: Clock[_Decoded] = Clock(1 / (info.fps * info.time_base), repairs)
    for number, (frame, stamp) in enumerate(stamped):
        if number >= MAX_FRAMES:
            raise MediaError(f"{info.path} has more than {MAX_FRAMES:,} frames")
        for pts, (planes, captions, look) in clock.push(_decoded(frame, info, repairs, looker), stamp):
            yield Frame(pts, planes, captions, look)
    for pts, (planes, captions, look) in clock.flush():
        yield Frame(pts, planes, captions, look)


def _decoded(frame: VideoFrame, info: VideoInfo, repairs: Repairs, looker: Looker | None) -> _Decoded:
    # What is made of a frame by taking its alpha plane off has neither its captions nor its fields.
    captions, interlaced = _captions(frame), bool(frame.interlaced_frame)
    frame = without_alpha(frame, info.path)
    look = None if looker is None else looker.look(frame, interlaced)
    if look is None:
        return _planes(frame, info, repairs), captions, None
    if frame.format.name.replace("yuvj", "yuv") != look.format.name:
        frame = frame.reformat(format=look.format.name)
    return frame_planes(frame, look.format, look.width, look.height), captions, look


def _captions(frame: VideoFrame) -> bytes:
    data = side_data(frame).get(Type.A53_CC)
    return b"" if data is None else bytes(data)


def _planes(frame: VideoFrame, info: VideoInfo, repairs: Repairs) -> tuple[Plane, ...]:
    same_size = (frame.width, frame.height) == (info.width, info.height)
    if not same_size or _planar_or_none(frame.format.name) != info.format:
        repairs.converted += 1
    if not same_size or frame.format.name.replace("yuvj", "yuv") != info.format.name:
        frame = frame.reformat(info.width, info.height, info.format.name, interpolation="BICUBIC")
    return frame_planes(frame, info.format, info.width, info.height)


def frame_planes(frame: VideoFrame, pixel_format: PixelFormat, width: int, height: int) -> tuple[Plane, ...]:
    """The planes of a PyAV frame of ``pixel_format`` as read-only views of its memory."""
    shapes = pixel_format.plane_shapes(width, height)
    return tuple(_plane(plane, pixel_format, shape) for plane, shape in zip(frame.planes, shapes, strict=True))


def _planar_or_none(name: str) -> PixelFormat | None:
    try:
        return planar_format(name)
    except MediaError:
        return None


def _plane(plane: Any, pixel_format: PixelFormat, shape: tuple[int, int]) -> Plane:
    """A view of a plane without its padding; the rows of bottom-up pictures (negative line sizes) are put in order."""
    dtype = np.uint8 if pixel_format.depth == 8 else np.uint16
    stride = abs(plane.line_size) // np.dtype(dtype).itemsize
    rows: npt.NDArray[Any] = np.frombuffer(plane, dtype).reshape(-1, stride)[: shape[0], : shape[1]]
    rows = rows[::-1] if plane.line_size < 0 else rows
    rows.setflags(write=False)
    return rows
