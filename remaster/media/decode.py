"""Decodes frames of a video in presentation order, from its start or from the time of any frame."""

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
from remaster.media.containers import demux_only, limit_picture_size, open_input, video_stream
from remaster.media.discontinuities import PacketShifter, TimeShifts, has_tables, may_jump
from remaster.media.formats import planar_format, without_alpha
from remaster.media.frame_properties import PropertiesReader
from remaster.media.hdr import side_data
from remaster.media.timeline import NO_STAMP, Keyframe, Timeline, fingerprint, is_frame, timeline
from remaster.media.timestamp_repair import Clock, Repairs
from remaster.media.types import Frame, FrameProperties, PixelFormat, VideoInfo

_Decoded = tuple[tuple[Plane, ...], bytes, FrameProperties | None]
MAX_FRAMES = 5_000_000
"""A day at 60 frames per second: a longer stream is damaged."""
_STEPS_BACK = (0, 1, 2, 4, 8, 16)
"""Keyframes before the wanted frame's own that successive seeks aim at, before the file is read from its start."""
_DECODING_ORDER_TIMES = ("avi",)
"""Demuxers that may give presentation times in decoding order."""


def decode(
    info: VideoInfo,
    start_pts: int | None = None,
    count: int | None = None,
    threads: int = 1,
    repairs: Repairs | None = None,
    native: bool = False,
) -> Iterator[Frame]:
    """Decode frames in presentation order in ``info.format``, each with its time in units of ``info.time_base``.

    With ``start_pts`` the first frame is the one at exactly that time, and ``MediaError`` is raised where there is
    none; ``count`` limits the number of frames. Planes are read-only and may be views of the decoder's memory.

    Times are repaired (see ``Clock``), and a range gets the same times as a reading from the start. So packets read
    after seeking get the stamps that they have when the file is read from its start (demuxers of MPEG program streams
    guess stamps from earlier packets), and decoding begins at a keyframe before which nothing was repaired: the last
    one before the first disorder, or the file's start where packets have no stamps.

    Raises ``MediaError`` after ``MAX_FRAMES``. Packets that cannot be decoded, such as pictures over ``MAX_PIXELS``,
    are skipped; frames whose size or pixel format differs from ``info`` are converted (swscale, bicubic). ``repairs``
    counts all of these. With ``native``, which needs a reading from the start, each frame keeps its own size and
    format, given in its ``properties``.
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
        except MediaError:  # damage reads differently from here: the next try begins earlier
            continue
        if first is None:
            continue
        attempt.reset()  # repairs before the range do not belong to it
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
    """Keyframes presented at or before ``start_pts``, the nearest first.

    A keyframe that is presented later may be decoded earlier (open GOP), but its leading frames lack their references.
    """
    before = [key for key in times.keyframes if key.pts <= start_pts]
    for steps in _STEPS_BACK[1:] if times.ranked else _STEPS_BACK:
        # The very first keyframe is reached more safely from the start.
        if steps < len(before) - 1:
            yield before[-1 - steps]


def frames_from_start(info: VideoInfo, threads: int, repairs: Repairs, native: bool = False) -> Iterator[Frame]:
    """All frames of a video, read from the file's start; the parameters are those of ``decode``."""
    with open_input(info.path) as container:
        stream = _open(container, info, threads)
        times = None if has_tables(container) else timeline(info)
        packets: Iterator[Packet[VideoStream]] = container.demux(stream)
        reader = PropertiesReader(stream) if native else None
        if times is not None and times.shifts.steps:
            packets = _shifted(packets, times.shifts)
            repairs.jumps = times.shifts.at
        if info.container in _DECODING_ORDER_TIMES and times is not None and times.ranked:
            frames = decoded_pictures(stream, _numbered(packets), repairs)
            yield from _timed(info, _ranked(frames, times, None), repairs, reader)
        else:
            frames = decoded_pictures(stream, packets, repairs)
            yield from _timed(info, ((frame, frame.pts) for frame in frames), repairs, reader)


def _shifted(packets: Iterator[Packet[VideoStream]], shifts: TimeShifts) -> Iterator[Packet[VideoStream]]:
    """All packets from the file's start, with times shifted so that the file's clock is continuous."""
    shifter = PacketShifter(shifts)
    for packet in packets:
        shifter.shift(packet)
        yield packet


def _numbered(packets: Iterator[Packet[VideoStream]]) -> Iterator[Packet[VideoStream]]:
    """All packets, with their numbers in decoding order in place of their times."""
    number = 0
    for packet in packets:
        if is_frame(packet):
            packet.pts = number
            number += 1
        yield packet


def _ranked(
    frames: Iterator[VideoFrame], times: Timeline, begun: Keyframe | None
) -> Iterator[tuple[VideoFrame, int | None]]:
    """Frames whose times are packet numbers, with the stamp at each frame's rank in presentation order.

    The rank counts up from frame to frame, and restarts at each keyframe: all packets before a keyframe, and those
    of its leading pictures, are presented before it. So lost frames leave a gap that ends at the next keyframe. Where
    decoding began in the middle (``begun``), that keyframe's leading pictures are missing, and frames are returned
    from the next keyframe on.
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
    """Frames from ``start_pts`` on; none where seeking did not reach it safely."""
    with open_input(info.path) as container:
        stream = _open(container, info, threads)
        try:
            if times.shifts.at and may_jump(container) and keyframe.position is not None:
                container.seek(keyframe.position, unsupported_byte_offset=True)  # times may repeat
            else:
                container.seek(keyframe.dts, stream=stream)
        except av.FFmpegError:
            return  # not seekable: the caller tries another keyframe
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

    Seeking may lead to an earlier keyframe (Matroska's index holds presentation times): packets before the wanted one
    are counted but not decoded, unless it follows a gap.
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
    """Frames with their stamps, up to the wanted frame where that is corrupt: its references precede the keyframe."""
    for frame, stamp in stamped:
        if stamp == start_pts and frame.is_corrupt:
            return
        yield frame, stamp


def _open(container: InputContainer, info: VideoInfo, threads: int) -> VideoStream:
    stream = video_stream(container, info.path)
    demux_only(container, stream)
    limit_picture_size(stream)
    stream.codec_context.thread_count = threads
    stream.codec_context.thread_type = "AUTO" if threads > 1 else "SLICE"
    return stream


def decoded_pictures(
    stream: VideoStream, packets: Iterator[Packet[VideoStream]], repairs: Repairs
) -> Iterator[VideoFrame]:
    """Decode packets and skip the broken ones; where the file breaks off, flush the decoder."""
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
    reader: PropertiesReader | None = None,
) -> Iterator[Frame]:
    clock: Clock[_Decoded] = Clock(1 / (info.fps * info.time_base), repairs)
    for number, (frame, stamp) in enumerate(stamped):
        if number >= MAX_FRAMES:
            raise MediaError(f"{info.path} has more than {MAX_FRAMES:,} frames")
        for pts, (planes, captions, properties) in clock.push(_decoded(frame, info, repairs, reader), stamp):
            yield Frame(pts, planes, captions, properties)
    for pts, (planes, captions, properties) in clock.flush():
        yield Frame(pts, planes, captions, properties)


def _decoded(frame: VideoFrame, info: VideoInfo, repairs: Repairs, reader: PropertiesReader | None) -> _Decoded:
    # A frame without its alpha plane is a copy that has neither captions nor the interlacing flag.
    captions, interlaced = _captions(frame), bool(frame.interlaced_frame)
    frame = without_alpha(frame, info.path)
    properties = None if reader is None else reader.read(frame, interlaced)
    if properties is None:
        return _planes(frame, info, repairs), captions, None
    if frame.format.name.replace("yuvj", "yuv") != properties.format.name:
        frame = frame.reformat(format=properties.format.name)
    return frame_planes(frame, properties.format, properties.width, properties.height), captions, properties


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
    """A view of a plane without padding, top row first (bottom-up pictures have negative line sizes)."""
    dtype = np.uint8 if pixel_format.depth == 8 else np.uint16
    stride = abs(plane.line_size) // np.dtype(dtype).itemsize
    rows: npt.NDArray[Any] = np.frombuffer(plane, dtype).reshape(-1, stride)[: shape[0], : shape[1]]
    rows = rows[::-1] if plane.line_size < 0 else rows
    rows.setflags(write=False)
    return rows
