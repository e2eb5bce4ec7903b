"""The source as every step sees it: decoded and, where asked for or needed, deinterlaced, cropped and scaled.

Deinterlacing is libavfilter's: ``bwdif`` for video, ``fieldmatch`` and ``decimate`` for film under 3:2 pulldown.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import islice
from typing import Literal

import av
import numpy as np
import numpy.typing as npt
from av.filter import Graph
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation, VideoReformatter

from remaster.arrays import Plane
from remaster.errors import MediaError
from remaster.media.clock import Repairs
from remaster.media.containers import MAX_SIDE, reason
from remaster.media.decode import decode, frame_planes
from remaster.media.encode import to_frame
from remaster.media.planes import coefficients, crop
from remaster.media.types import Entry, Frame, Rect, Treatment, VideoInfo

CYCLE = 5
"""Frames under 3:2 pulldown that hold ``KEPT`` frames of film."""
KEPT = 4
LEAD = 2
"""Frames before a range that bwdif is given: it looks at one on each side."""
FIT_TOLERANCE = 0.01
"""Share of a frame's side up to which a picture of another shape is stretched to fill it."""
SCALING = Interpolation.LANCZOS | Interpolation.ACCURATE_RND | Interpolation.BITEXACT

Planes = tuple[Plane, ...]
# Primaries and transfers of H.273 that are equal under several numbers, those that say nothing, and what these mean.
_SAME_PRIMARIES, _SAME_TRANSFER = {7: 6}, {6: 1, 14: 1, 15: 1}
_UNTOLD = {0, 2, 3}
_PRIMARIES, _TRANSFERS = {1, 5, 6, 7}, {1, 6, 14, 15}
# Swscale's numbers of matrices, by their (Kr, Kb).
_SWS_601 = 5
_SWS = {(0.2126, 0.0722): 1, (0.30, 0.11): 4, (0.299, 0.114): _SWS_601, (0.212, 0.087): 7, (0.2627, 0.0593): 9}


def treated(info: VideoInfo, deinterlace: Literal["off", "bwdif", "ivtc"], top_first: bool, square: bool) -> VideoInfo:
    """The video as it is after its treatment; ``info`` itself where nothing is to be done.

    Raises ``MediaError`` where square pixels would make an absurd width.
    """
    square = square and info.sar != 1
    if deinterlace == "off" and not square and info.shown is None:
        return info
    result = replace(info, treatment=Treatment(deinterlace, top_first, square, info), shown=None)
    if info.shown is not None:
        result = replace(result, width=info.shown.width, height=info.shown.height)
    if deinterlace == "ivtc":
        result = replace(result, fps=info.fps * KEPT / CYCLE)
    if square:
        width = max(round(result.width * info.sar / 2) * 2, 2)
        if width > MAX_SIDE:
            raise MediaError(f"{info.path} would be {width} pixels wide with square pixels")
        result = replace(result, width=width, sar=Fraction(1))
    return result


def fitted(info: VideoInfo, stored: VideoInfo, active: Rect, frame: tuple[int, int]) -> VideoInfo:
    """A part ``stored`` of a video whose pictures have another shape, as large as the ``frame`` of the video shows it.

    Its picture, ``active`` in stored pixels, keeps its shape; its pixels get that of ``info``, which the rest of the
    video has. Nothing is deinterlaced.
    """
    shape = Fraction(active.width, active.height) * stored.sar / info.sar
    width, height = frame
    if shape < Fraction(width, height):
        near = round(height * shape / 2) * 2
        width = width if width - near <= FIT_TOLERANCE * width else near
    else:
        near = round(width / shape / 2) * 2
        height = height if height - near <= FIT_TOLERANCE * height else near
    treatment = Treatment("off", True, False, replace(stored, shown=active), frame)
    return replace(info, width=max(width, 2), height=max(height, 2), treatment=treatment, span=None, shown=None)


def is_fitted(info: VideoInfo) -> bool:
    """Whether this is a part of a video that was scaled into the frame of the rest."""
    return info.treatment is not None and info.treatment.frame is not None


class SourceReader:
    """Reads a whole video once, treated, and knows afterwards where each frame can be decoded from.

    ``captions``: whether any of the frames read had closed captions.
    """

    def __init__(self, info: VideoInfo, repairs: Repairs, stored: Iterator[Frame] | None = None) -> None:
        """``stored``: the stored frames, where they are read already."""
        self._info, self._repairs, self._given = info, repairs, stored
        self._times: list[int] = []
        self._ended = False
        self.captions = False

    def frames(self) -> Iterator[Frame]:
        """All frames, in order, with their times; raises ``MediaError``."""
        if self._info.treatment is None:
            yield from self._stored(self._info)
            return
        waiting: deque[Planes] = deque()
        number = 0
        for planes in treated_pictures(self._info, self._stored(self._info.treatment.stored)):
            waiting.append(planes)
            while waiting and (time := self._time(number)) is not None:
                yield Frame(time, waiting.popleft())
                number += 1
        for planes in waiting:
            time = self._time(number)
            assert time is not None
            yield Frame(time, planes)
            number += 1

    def entry(self, number: int) -> Entry:
        """Where decoding must begin to get from frame ``number`` on what the whole reading got."""
        treatment = self._info.treatment
        if treatment is not None and treatment.deinterlace == "ivtc":
            cycle = max(number // KEPT - 1, 0)
            return Entry(self._times[CYCLE * cycle], number - KEPT * cycle)
        lead = min(number, LEAD) if treatment is not None and treatment.deinterlace == "bwdif" else 0
        return Entry(self._times[number - lead], lead)

    def _stored(self, stored: VideoInfo) -> Iterator[Frame]:
        for frame in self._given or _spanned(stored, stored.span[0] if stored.span else None, self._repairs):
            self._times.append(frame.pts)
            self.captions = self.captions or bool(frame.captions)
            yield frame
        self._ended = True

    def _time(self, number: int) -> int | None:
        """The time of a treated frame; None where it depends on stored frames that are not yet read.

        The four frames of a whole cycle share the time of its five; those of a last, shorter one keep theirs.
        """
        times, treatment = self._times, self._info.treatment
        if treatment is None or treatment.deinterlace != "ivtc":
            return times[number] if number < len(times) else None
        cycle, place = divmod(number, KEPT)
        start = CYCLE * cycle
        if len(times) > start + CYCLE:
            end = times[start + CYCLE]
        elif not self._ended:
            return None
        elif len(times) == start + CYCLE:
            end = times[-1] + max(round(1 / (treatment.stored.fps * self._info.time_base)), 1)
        else:
            return times[start + place]
        return times[start] + round(Fraction(end - times[start]) * place / KEPT)


def source_frames(info: VideoInfo, entry: Entry | None, pts: npt.NDArray[np.int64]) -> Iterator[Frame]:
    """The frames at ``pts``, int64 (n,) and consecutive, as ``SourceReader`` gave them; ``entry`` is the first one's.

    Raises ``MediaError`` where there is no frame to begin with.
    """
    if info.treatment is None:
        yield from decode(info, int(pts[0]), len(pts))
        return
    if entry is None:
        raise ValueError("a range of treated frames needs its entry")
    stored = _spanned(info.treatment.stored, entry.pts)
    pictures = islice(treated_pictures(info, stored), entry.skip, entry.skip + len(pts))
    for time, planes in zip(pts.tolist(), pictures, strict=False):
        yield Frame(time, planes)


def _spanned(stored: VideoInfo, start: int | None, repairs: Repairs | None = None) -> Iterator[Frame]:
    """Stored frames from the time ``start`` on, up to the end of the part of the video that is meant."""
    for frame in decode(stored, start, repairs=repairs):
        if stored.span is not None and frame.pts > stored.span[1]:
            return
        yield frame


def treated_pictures(info: VideoInfo, frames: Iterator[Frame]) -> Iterator[Planes]:
    """Pictures of ``info`` made of its stored frames, in order; raises ``MediaError`` where the filters cannot."""
    treatment = info.treatment
    if treatment is None:
        raise ValueError(f"{info.path} has no treatment")
    stored, pictures = treatment.stored, (frame.planes for frame in frames)
    if treatment.deinterlace != "off":
        filtered = _filtered(pictures, stored, _chain(treatment))
        pictures = (frame_planes(picture, stored.format, stored.width, stored.height) for picture in filtered)
    shown = stored.shown or Rect(0, 0, stored.width, stored.height)
    for planes in pictures:
        planes = crop(planes, stored.format, shown)
        yield planes if _fits(stored, shown, info) else _scaled(planes, stored, shown, info)


def _fits(stored: VideoInfo, shown: Rect, info: VideoInfo) -> bool:
    """Whether the ``shown`` part of stored pictures is those of ``info`` as it is."""
    same = (shown.width, shown.height, stored.format) == (info.width, info.height, info.format)
    return same and like_colors(stored, info)


def like_colors(one: VideoInfo, other: VideoInfo) -> bool:
    """Whether samples of both mean the same colours, by matrix and range."""
    if one.color == other.color:
        return True
    if one.color.full_range != other.color.full_range:
        return False
    matrices = [coefficients(info.color, info.height) for info in (one, other) if info.format.kind == "yuv"]
    return len(set(matrices)) < 2


def like_tints(one: tuple[int, int], other: tuple[int, int]) -> bool:
    """Whether primaries and transfer, by the numbers of ITU-T H.273, mean the same colours to a player.

    Those that say nothing (2) are taken for what nearly all video has: BT.709's or BT.601's.
    """
    return all(
        same.get(a, a) == same.get(b, b) or ({a, b} & _UNTOLD and {a, b} <= _UNTOLD | usual)
        for a, b, same, usual in zip(
            one, other, (_SAME_PRIMARIES, _SAME_TRANSFER), (_PRIMARIES, _TRANSFERS), strict=True
        )
    )


def _scaled(planes: Planes, stored: VideoInfo, place: Rect, info: VideoInfo) -> Planes:
    """The planes of a picture of ``place``'s size in the size, format, range and matrix of ``info``."""
    picture = to_frame(planes, stored.format, place.width, place.height)
    colors = {}
    if not like_colors(stored, info):
        colors = {"src_colorspace": _swscale_matrix(stored), "dst_colorspace": _swscale_matrix(info)}
        colors |= {"src_color_range": 1 + stored.color.full_range, "dst_color_range": 1 + info.color.full_range}
    picture = VideoReformatter().reformat(
        picture, info.width, info.height, info.format.name, interpolation=SCALING, threads=1, **colors
    )
    return frame_planes(picture, info.format, info.width, info.height)


def _swscale_matrix(info: VideoInfo) -> int:
    """Swscale's number (SWS_CS) of the matrix."""
    if info.format.kind != "yuv":
        return _SWS_601
    return _SWS.get(coefficients(info.color, info.height), _SWS_601)


def _chain(treatment: Treatment) -> Sequence[tuple[str, str]]:
    """Names and arguments of the filters; what ``fieldmatch`` leaves combed is no film and is deinterlaced."""
    order = "tff" if treatment.top_first else "bff"
    if treatment.deinterlace == "bwdif":
        return [("bwdif", f"mode=send_frame:parity={order}:deint=all")]
    last = ("decimate", "")
    return [("fieldmatch", f"order={order}:combmatch=full"), ("bwdif", f"parity={order}:deint=interlaced"), last]


def _filtered(pictures: Iterator[Planes], stored: VideoInfo, chain: Sequence[tuple[str, str]]) -> Iterator[VideoFrame]:
    """Pictures through a chain of filters. Its clock counts frames: the true times are put back by number."""
    time_base = 1 / stored.fps
    name = stored.format.name
    try:
        graph = Graph()
        graph.threads = 1
        last = graph.add(
            "buffer",
            f"video_size={stored.width}x{stored.height}:pix_fmt={name}:time_base={time_base}:frame_rate={stored.fps}",
        )
        for kind, arguments in (*chain, ("buffersink", "")):
            step = graph.add(kind, arguments) if arguments else graph.add(kind)
            last.link_to(step)
            last = step
        graph.configure()
        for number, planes in enumerate(pictures):
            picture = to_frame(planes, stored.format, stored.width, stored.height)
            picture.pts, picture.time_base = number, time_base
            graph.vpush(picture)
            yield from _ready(graph, name)
        graph.vpush(None)
        yield from _ready(graph, name)
    except (av.FFmpegError, ValueError) as error:
        names = ", ".join(kind for kind, _ in chain)
        raise MediaError(f"{stored.path} cannot be deinterlaced by {names}: {reason(error)}") from error


def _ready(graph: Graph, name: str) -> Iterator[VideoFrame]:
    while True:
        try:
            picture = graph.vpull()
        except (av.BlockingIOError, av.EOFError):
            return
        if picture.format.name != name:
            raise ValueError(f"they cannot work on {name}")
        yield picture
