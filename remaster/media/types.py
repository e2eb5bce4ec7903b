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
    """How samples mean colour, as the code points of ITU-T H.273; 2 is "unspecified", as in FFmpeg.

    ``full_range`` False is "limited" (16-235). ``chroma_location`` is AVChromaLocation (0: unspecified). ``mastering``
    and ``light`` are the static HDR metadata as ``hdr`` gives them, ``dynamic`` the names of what changes by frame.
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
class Look:
    """What a decoded frame says of itself; ``color`` has no HDR metadata and no place of chroma samples."""

    width: int
    height: int
    sar: Fraction
    format: PixelFormat
    color: ColorSpec
    interlaced: bool


@dataclass(frozen=True)
class Frame:
    """One decoded picture: read-only planes as in ``PixelFormat``, and its time in units of the stream's time base.

    ``captions``: what it has of closed captions, as triplets of ATSC A/53's cc_data. ``look`` is what it says of
    itself. (Treated frames have neither.)
    """

    pts: int
    planes: tuple[Plane, ...]
    captions: bytes = b""
    look: Look | None = None


@dataclass(frozen=True)
class Entry:
    """Where a range of treated frames is decoded from: a stored frame's time, and how many treated ones to leave out.

    Filters that look at a frame's neighbours need some before the range to be in the state that a whole reading has.
    """

    pts: int
    skip: int


@dataclass(frozen=True)
class VideoInfo:
    """What a file's headers tell about its first real video stream (cover art is none), without decoding it.

    ``format`` is the planar format that decoded frames are handed out in: the source's own where it is planar, else its
    lossless planar equal (nv12 -> yuv420p, rgb24 -> gbrp, pal8 -> gbrp). ``frames`` and ``duration`` (seconds) are the
    headers' claims and may be None. ``size`` and ``mtime_ns`` identify the file's content for resuming.

    ``display`` is the display matrix as ``apertures.display_matrix`` has it, () where the picture is shown as stored;
    ``rotation`` is its part in degrees. ``shown``: the part of the stored picture that the container's header shows;
    None: all of it. ``captions``: closed captions ride in its pictures, as reading it whole tells.
    ``span``: times of the first and the last stored frame, where this is a part of a video whose parts differ.

    With a ``treatment``, size, sample aspect ratio and rate are those of the treated frames, which are the source for
    all that follows.
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
    shown: Rect | None = None
    captions: bool = False
    span: tuple[int, int] | None = None


@dataclass(frozen=True)
class Departures:
    """What an assembled file knowingly lacks or has otherwise than its source; what is lost is named in a note.

    ``left_out``, ``converted`` (to another lossless codec) and ``moved`` (subtitles that follow the picture) are
    indices of the source's streams; ``refused`` has, by stream, the numbers of damaged packets that the container did
    not take, ``filled`` the silence put into raw samples: how many samples (a channel's) lie before it and in it.
    """

    left_out: frozenset[int] = frozenset()
    converted: frozenset[int] = frozenset()
    refused: Mapping[int, Set[int]] = field(default_factory=dict)
    attachments_left: bool = False
    moved: frozenset[int] = frozenset()
    filled: Mapping[int, Sequence[tuple[int, int]]] = field(default_factory=dict)


@dataclass(frozen=True)
class Treatment:
    """What is done to a video's decoded frames before any step sees them; ``stored`` is the video as the file has it.

    ``deinterlace``: ``"off"``, ``"bwdif"`` (a frame for each frame) or ``"ivtc"`` (3:2 pulldown undone: four frames for
    each five). ``top_first``: the upper field is the earlier one. After that the picture is cropped to what ``stored``
    shows. Where ``stored`` has another sample aspect ratio than 1, frames are scaled in width to square pixels if
    ``square``. What differs from the rest of its video is scaled and converted to that: into its ``frame``, (width,
    height), where it has another shape.
    """

    deinterlace: Literal["off", "bwdif", "ivtc"]
    top_first: bool
    square: bool
    stored: VideoInfo
    frame: tuple[int, int] | None = None

    @property
    def name(self) -> str:
        """``bwdif``, ``ivtc``, ``crop``, ``square``, ``fit``, or some of them joined by ``+``."""
        cropped = "crop" if self.stored.shown and not self.frame else ""
        scaled = "fit" if self.frame else "square" if self.square else ""
        return "+".join(filter(None, (self.deinterlace.replace("off", ""), cropped, scaled)))
