"""The source frames as every step gets them: decoded and, where asked for or needed, deinterlaced, cropped, scaled.

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
from remaster.media.containers import MAX_SIDE, reason
from remaster.media.decode import decode, frame_planes
from remaster.media.encode import to_frame
from remaster.media.planes import coefficients, crop
from remaster.media.timestamp_repair import Repairs
from remaster.media.types import Entry, Frame, Rect, Treatment, VideoInfo

CYCLE = 5
"""Frames under 3:2 pulldown that hold ``FILM_FRAMES`` film frames."""
FILM_FRAMES = 4
BWDIF_LEAD = 2
"""Frames before a range that bwdif is given: it uses one on each side."""
FIT_TOLERANCE = 0.01
"""Share of a frame's side up to which a picture of another shape is stretched to fill it."""
SCALING = Interpolation.LANCZOS | Interpolation.ACCURATE_RND | Interpolation.BITEXACT

Planes = tuple[Plane, ...]
# H.273's primaries and transfers: code points that mean the same, the unspecified ones, and what these usually mean.
_SAME_PRIMARIES, _SAME_TRANSFER = {7: 6}, {6: 1, 14: 1, 15: 1}
_UNSPECIFIED = {0, 2, 3}
_PRIMARIES, _TRANSFERS = {1, 5, 6, 7}, {1, 6, 14, 15}
# Swscale's numbers of matrices, by their (Kr, Kb).
_SWS_601 = 5
_SWS = {(0.2126, 0.0722): 1, (0.30, 0.11): 4, (0.299, 0.114): _SWS_601, (0.212, 0.087): 7, (0.2627, 0.0593): 9}


def treated(info: VideoInfo, deinterlace: Literal["off", "bwdif", "ivtc"], top_first: bool, square: bool) -> VideoInfo:
    """The video after its treatment; ``info`` itself where none is needed.

    Raises ``MediaError`` where square pixels would make it wider than ``MAX_SIDE``.
    """
    square = square and info.sar != 1
    if deinterlace == "off" and not square and info.visible is None:
        return info
    result = replace(info, treatment=Treatment(deinterlace, top_first, square, info), visible=None)
    if info.visible is not None:
        result = replace(result, width=info.visible.width, height=info.visible.height)
    if deinterlace == "ivtc":
        result = replace(result, fps=info.fps * FILM_FRAMES / CYCLE)
    if square:
        width = max(round(result.width * info.sar / 2) * 2, 2)
        if width > MAX_SIDE:
            raise MediaError(f"{info.path} would be {width} pixels wide with square pixels")
        result = replace(result, width=width, sar=Fraction(1))
    return result


def fitted(info: VideoInfo, stored: VideoInfo, active: Rect, frame: tuple[int, int]) -> VideoInfo:
    """The part ``stored`` of a video, whose pictures have another shape, scaled to fit into the video's ``frame``.

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
    treatment = Treatment("off", True, False, replace(stored, visible=active), frame)
    return replace(info, width=max(width, 2), height=max(height, 2), treatment=treatment, span=None, visible=None)


def is_fitted(info: VideoInfo) -> bool:
    """Whether this part of a video was scaled into the frame of the rest."""
    return info.treatment is not None and info.treatment.frame is not None


class SourceReader:
    """Reads a whole video once, treated, and knows afterwards from where each frame can be decoded.

    ``captions``: whether any frame so far had closed captions.
    """

    def __init__(self, info: VideoInfo, repairs: Repairs, stored: Iterator[Frame] | None = None) -> None:
        """``stored``: the stored frames, where they have already been read."""
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
        """Where decoding must begin so that the frames from ``number`` on equal those of the whole reading."""
        treatment = self._info.treatment
        if treatment is not None and treatment.deinterlace == "ivtc":
            cycle = max(number // FILM_FRAMES - 1, 0)
            return Entry(self._times[CYCLE * cycle], number - FILM_FRAMES * cycle)
        lead = min(number, BWDIF_LEAD) if treatment is not None and treatment.deinterlace == "bwdif" else 0
        return Entry(self._times[number - lead], lead)

    def _stored(self, stored: VideoInfo) -> Iterator[Frame]:
        for frame in self._given or _spanned(stored, stored.span[0] if stored.span else None, self._repairs):
            self._times.append(frame.pts)
            self.captions = self.captions or bool(frame.captions)
            yield frame
        self._ended = True

    def _time(self, number: int) -> int | None:
        """The time of a treated frame; None while it depends on stored frames that have not been read.

        The four frames of a whole cycle share the duration of its five; those of a shorter last cycle keep their times.
        """
        times, treatment = self._times, self._info.treatment
        if treatment is None or treatment.deinterlace != "ivtc":
            return times[number] if number < len(times) else None
        cycle, place = divmod(number, FILM_FRAMES)
        start = CYCLE * cycle
        if len(times) > start + CYCLE:
            end = times[start + CYCLE]
        elif not self._ended:
            return None
        elif len(times) == start + CYCLE:
            end = times[-1] + max(round(1 / (treatment.stored.fps * self._info.time_base)), 1)
        else:
            return times[start + place]
        return times[start] + round(Fraction(end - times[start]) * place / FILM_FRAMES)


def source_frames(info: VideoInfo, entry: Entry | None, pts: npt.NDArray[np.int64]) -> Iterator[Frame]:
    """The frames at ``pts``, int64 (n,), consecutive, as ``SourceReader`` returned them; ``entry`` is the first one's.

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
    """Stored frames from the time ``start`` on, up to the end of ``stored.span``."""
    for frame in decode(stored, start, repairs=repairs):
        if stored.span is not None and frame.pts > stored.span[1]:
            return
        yield frame


def treated_pictures(info: VideoInfo, frames: Iterator[Frame]) -> Iterator[Planes]:
    """Treat stored frames in order; raises ``MediaError`` where a filter fails."""
    treatment = info.treatment
    if treatment is None:
        raise ValueError(f"{info.path} has no treatment")
    stored, pictures = treatment.stored, (frame.planes for frame in frames)
    if treatment.deinterlace != "off":
        filtered = _filtered(pictures, stored, _chain(treatment))
        pictures = (frame_planes(picture, stored.format, stored.width, stored.height) for picture in filtered)
    visible = stored.visible or Rect(0, 0, stored.width, stored.height)
    for planes in pictures:
        planes = crop(planes, stored.format, visible)
        yield planes if _fits(stored, visible, info) else _scaled(planes, stored, visible, info)


def _fits(stored: VideoInfo, visible: Rect, info: VideoInfo) -> bool:
    """Whether the ``visible`` part of stored pictures has the size, format and colours of ``info``."""
    same = (visible.width, visible.height, stored.format) == (info.width, info.height, info.format)
    return same and same_matrix_and_range(stored, info)


def same_matrix_and_range(one: VideoInfo, other: VideoInfo) -> bool:
    """Whether samples of both stand for the same colours by matrix and range."""
    if one.color == other.color:
        return True
    if one.color.full_range != other.color.full_range:
        return False
    matrices = [coefficients(info.color, info.height) for info in (one, other) if info.format.kind == "yuv"]
    return len(set(matrices)) < 2


def same_primaries_and_transfer(one: tuple[int, int], other: tuple[int, int]) -> bool:
    """Whether two pairs of (primaries, transfer), code points of ITU-T H.273, mean the same colours to a player.

    Unspecified ones (2) count as those of BT.709 and BT.601, which nearly all video has.
    """
    return all(
        same.get(a, a) == same.get(b, b) or ({a, b} & _UNSPECIFIED and {a, b} <= _UNSPECIFIED | usual)
        for a, b, same, usual in zip(
            one, other, (_SAME_PRIMARIES, _SAME_TRANSFER), (_PRIMARIES, _TRANSFERS), strict=True
        )
    )


def _scaled(planes: Planes, stored: VideoInfo, place: Rect, info: VideoInfo) -> Planes:
    """Scale and convert a picture of ``place``'s size to the size, format, range and matrix of ``info``."""
    picture = to_frame(planes, stored.format, place.width, place.height)
    colors = {}
    if not same_matrix_and_range(stored, info):
        colors = {"src_colorspace": _swscale_matrix(stored), "dst_colorspace": _swscale_matrix(info)}
        colors |= {"src_color_range": 1 + stored.color.full_range, "dst_color_range": 1 + info.color.full_range}
    picture = VideoReformatter().reformat(
        picture, info.width, info.height, info.format.name, interpolation=SCALING, threads=1, **colors
    )
    return frame_planes(picture, info.format, info.width, info.height)


def _swscale_matrix(info: VideoInfo) -> int:
    """Swscale's number (SWS_CS) of a video's matrix."""
    if info.format.kind != "yuv":
        return _SWS_601
    return _SWS.get(coefficients(info.color, info.height), _SWS_601)


def _chain(treatment: Treatment) -> Sequence[tuple[str, str]]:
    """Names and arguments of the filters; frames that ``fieldmatch`` leaves combed are no film and are deinterlaced."""
    order = "tff" if treatment.top_first else "bff"
    if treatment.deinterlace == "bwdif":
        return [("bwdif", f"mode=send_frame:parity={order}:deint=all")]
    last = ("decimate", "")
    return [("fieldmatch", f"order={order}:combmatch=full"), ("bwdif", f"parity={order}:deint=interlaced"), last]


def _filtered(pictures: Iterator[Planes], stored: VideoInfo, chain: Sequence[tuple[str, str]]) -> Iterator[VideoFrame]:
    """Filter pictures by a chain of filters, whose times are frame numbers: the true times are restored by number."""
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
