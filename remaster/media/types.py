"""Plain types for pictures and streams: numpy and the standard library only, so that every step may import them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal

from remaster.arrays import Plane


@dataclass(frozen=True)
class Rect:
    """A rectangle of pixels: columns ``[x, x + width)``, rows ``[y, y + height)``."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True)
class PixelFormat:
    """A planar pixel layout. ``kind`` ``"yuv"`` has 3 planes, ``"gray"`` 1 and ``"rgb"`` 3 in FFmpeg's G, B, R order.

    Samples are uint8 for ``depth`` 8 and uint16 (in the low bits) above. Chroma planes of a picture of ``h x w`` have
    ``ceil(h / 2**log2_chroma_h) x ceil(w / 2**log2_chroma_w)`` samples.
    """

    name: str
    kind: Literal["yuv", "gray", "rgb"]
    depth: int = 8
    log2_chroma_w: int = 0
    log2_chroma_h: int = 0

    def plane_shapes(self, width: int, height: int) -> tuple[tuple[int, int], ...]:
        """(rows, columns) of each plane of a ``width x height`` picture."""
        luma = (height, width)
        if self.kind == "gray":
            return (luma,)
        chroma = (-(-height // (1 << self.log2_chroma_h)), -(-width // (1 << self.log2_chroma_w)))
        return (luma, chroma, chroma)


@dataclass(frozen=True)
class ColorSpec:
    """How samples stand for colours, as the code points of ITU-T H.273; 2 is "unspecified", as in FFmpeg.

    ``full_range`` False is "limited" (16-235). ``chroma_location`` is AVChromaLocation (0: unspecified). ``mastering``
    and ``light`` are the static HDR metadata as ``hdr`` returns them; ``dynamic`` has the names of HDR metadata that
    changes from frame to frame.
    """

    matrix: int = 2
    primaries: int = 2
    transfer: int = 2
    full_range: bool = False
    chroma_location: int = 0
    mastering: tuple[int, ...] = ()
    light: tuple[int, ...] = ()
    dynamic: tuple[str, ...] = ()


@dataclass(frozen=True)
class FrameProperties:
    """The properties that a decoded frame itself carries; ``color`` is without HDR metadata and chroma location."""

    width: int
    height: int
    sar: Fraction
    format: PixelFormat
    color: ColorSpec
    interlaced: bool


@dataclass(frozen=True)
class Frame:
    """One decoded picture: read-only planes as in ``PixelFormat``, and its time in units of the stream's time base.

    ``captions`` are its closed captions, as triplets of ATSC A/53's cc_data. ``properties`` are those that the frame
    itself carries, where they were asked for. Treated frames have neither.
    """

    pts: int
    planes: tuple[Plane, ...]
    captions: bytes = b""
    properties: FrameProperties | None = None


@dataclass(frozen=True)
class Entry:
    """Where decoding of a range of treated frames begins: a stored frame's time, and how many treated frames to skip.

    A filter that uses neighbouring frames needs some before the range, to be in the same state as when the whole video
    is read.
    """

    pts: int
    skip: int


@dataclass(frozen=True)
class VideoInfo:
    """Properties of a file's main video stream (its first that is no cover art), from its headers.

    ``format`` is the planar format in which frames are decoded: the source's own where it is planar, else the planar
    format that holds the same samples (nv12 -> yuv420p, rgb24 -> gbrp, pal8 -> gbrp). ``frames`` and ``duration``
    (seconds) are what the headers claim, and may be None. ``size`` (bytes) and ``mtime_ns`` identify the file's
    content for resuming.

    ``display`` is the display matrix (see ``apertures.display_matrix``), () where the picture is displayed as stored;
    ``rotation`` is its rotation in degrees. ``visible`` is the part of the stored picture that the container's header
    displays; None: all of it. ``captions``: whether its pictures carry closed captions, which is known once the video
    has been read. ``span``: times of the first and the last stored frame, where this is one part of a video whose
    parts differ.

    With a ``treatment``, size, sample aspect ratio and rate are those of the treated frames, which every step takes for
    the source.
    """

    path: str
    container: str
    codec: str
    width: int
    height: int
    sar: Fraction
    format: PixelFormat
    color: ColorSpec
    fps: Fraction
    time_base: Fraction
    rotation: int
    frames: int | None
    duration: float | None
    audio_streams: int
    subtitle_streams: int
    size: int
    mtime_ns: int
    treatment: Treatment | None = None
    display: tuple[int, ...] = ()
    visible: Rect | None = None
    captions: bool = False
    span: tuple[int, int] | None = None


@dataclass(frozen=True)
class Departures:
    """How an assembled file is known to differ from its source; every loss is named in a note as well.

    ``left_out``, ``converted`` (to another lossless codec) and ``moved`` (subtitles that follow the picture) are
    indices of the source's streams; ``refused`` has, by stream, the numbers of damaged packets that the container did
    not take. ``filled`` is the silence that was put into raw samples: (samples before it, samples in it), per channel.
    """

    left_out: frozenset[int] = frozenset()
    converted: frozenset[int] = frozenset()
    refused: Mapping[int, Set[int]] = field(default_factory=dict)
    attachments_left: bool = False
    moved: frozenset[int] = frozenset()
    filled: Mapping[int, Sequence[tuple[int, int]]] = field(default_factory=dict)


@dataclass(frozen=True)
class Treatment:
    """How a video's decoded frames are filtered before any step gets them; ``stored`` is the video as in the file.

    ``deinterlace``: ``"off"``, ``"bwdif"`` (a frame for each frame) or ``"ivtc"`` (3:2 pulldown undone: four frames for
    each five). ``top_first``: the upper field is the earlier one. Then the picture is cropped to ``stored.visible``.
    With ``square``, pictures whose sample aspect ratio is not 1 are scaled in width to square pixels. A part that
    differs from the rest of its video is scaled and converted to match it; where its shape differs, it is fitted into
    the rest's ``frame``, (width, height).
    """

    deinterlace: Literal["off", "bwdif", "ivtc"]
    top_first: bool
    square: bool
    stored: VideoInfo
    frame: tuple[int, int] | None = None

    @property
    def name(self) -> str:
        """``bwdif``, ``ivtc``, ``crop``, ``square``, ``fit``, or some of them joined by ``+``."""
        cropped = "crop" if self.stored.visible and not self.frame else ""
        scaled = "fit" if self.frame else "square" if self.square else ""
        return "+".join(filter(None, (self.deinterlace.replace("off", ""), cropped, scaled)))
