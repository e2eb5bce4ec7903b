"""Segments: one encoded Matroska file per shot, made so that the segments of a video can be joined by their packets."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import nullcontext
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, cast

import av
import cv2
import numpy as np
from av.codec.context import Flags
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation
from av.video.stream import VideoStream

from remaster.arrays import Plane
from remaster.errors import MediaError, UserError
from remaster.media.containers import reason
from remaster.media.formats import planar_format
from remaster.media.hdr import display_notation
from remaster.media.partfile import PartFile
from remaster.media.scheduling import kept_scheduling
from remaster.media.siting import SITINGS
from remaster.media.types import ColorSpec, PixelFormat
from remaster.notes import Note


class Codec(Enum):
    """Video codecs that can be written."""

    h264 = "h264"
    hevc = "hevc"
    av1 = "av1"
    ffv1 = "ffv1"
    prores = "prores"
    dnxhr = "dnxhr"


UNRATED = (Codec.ffv1, Codec.prores, Codec.dnxhr)
"""Codecs whose quality is fixed: lossless, or a profile of theirs chosen by the pixel format."""
# DNxHR's profiles: (bits, chroma at full width) -> name.
_DNXHR = {(8, False): "dnxhr_hq", (10, False): "dnxhr_hqx", (10, True): "dnxhr_444"}
_DNXHR_LEAST = 256, 120  # width and height that FFmpeg's encoder takes


@dataclass(frozen=True)
class EncoderSettings:
    """``crf`` and ``preset`` as in x264; those of ``UNRATED`` take neither. ``threads`` changes x264's bytes.

    ``encoder`` None is the software encoder of the codec; else one of ``HARDWARE``. ``pixel_format`` None is the
    source's, whose planes are then encoded as they are; the nearest where the encoder does not take that.
    """

    codec: Codec = Codec.h264
    crf: int = 18
    preset: str = "medium"
    threads: int = 1
    encoder: str | None = None
    pixel_format: str | None = None


# x264's preset names, and the SVT-AV1 presets of about the same standing (0 slowest, 13 fastest).
AV1_PRESETS = {
    "ultrafast": 12,
    "superfast": 11,
    "veryfast": 10,
    "faster": 9,
    "fast": 8,
    "medium": 7,
    "slow": 5,
    "slower": 4,
    "veryslow": 3,
    "placebo": 2,
}
# NVENC's presets of about the same standing (p1 fastest, p7 slowest), and what it encodes.
NVENC_PRESETS = dict(zip(AV1_PRESETS, ("p1", "p1", "p2", "p3", "p3", "p4", "p5", "p6", "p7", "p7"), strict=True))
HARDWARE = {"h264_nvenc": Codec.h264, "hevc_nvenc": Codec.hevc, "av1_nvenc": Codec.av1}
_MAX_CRF = {Codec.h264: 51, Codec.hevc: 51, Codec.av1: 63}
# (codec, kind of picture) -> encoder; FFV1 and x264 take 8-bit RGB only as packed pixels, which loses nothing.
_ENCODERS = {
    Codec.h264: "libx264",
    Codec.hevc: "libx265",
    Codec.av1: "libsvtav1",
    Codec.ffv1: "ffv1",
    Codec.prores: "prores_ks",
    Codec.dnxhr: "dnxhd",
}
_PACKED = {(Codec.h264, "gbrp"): ("libx264rgb", "rgb24"), (Codec.ffv1, "gbrp"): ("ffv1", "bgr0")}
_SCALING = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.BITEXACT
_MATRIX_RGB = 0
_CPU_AVX_512F = 13  # OpenCV's CV_CPU_AVX_512F, for which the binding has no name.


def check_codec(settings: EncoderSettings, pixel_format: PixelFormat) -> None:
    """Raise ``UserError``, saying what can be used instead, where the codec cannot hold the format or the settings."""
    codec = settings.codec
    if codec not in UNRATED and settings.preset not in AV1_PRESETS:
        raise UserError(f"output.preset={settings.preset} is none of {', '.join(AV1_PRESETS)}")
    if not 0 <= settings.crf <= _MAX_CRF.get(codec, settings.crf):
        raise UserError(f"output.crf={settings.crf} is not within 0 and {_MAX_CRF[codec]}, as {codec.value} has it")
    if settings.threads < 1:
        raise UserError(f"{settings.threads} encoder threads are too few: the number must be fixed, 1 or more")
    if settings.encoder is not None:
        _check_hardware(settings)
    name = encoded_format(settings, pixel_format).name
    if not _holds(settings, name):
        others = [other.value for other in Codec if _holds(EncoderSettings(other), name)]
        advice = f"; output.codec={' or '.join(others)} can" if others and settings.encoder is None else ""
        whose = "output.pixel_format=" if settings.pixel_format else "the source's pixel format "
        raise UserError(f"output.codec={codec.value} cannot hold {whose}{name}{advice}")


def encoded_format(settings: EncoderSettings, source: PixelFormat) -> PixelFormat:
    """What is encoded: the source's format where nothing else is asked for, or the nearest that the encoder takes.

    The nearest loses least of the chroma's places, then of the bits, and has least that the source has not. It is of
    the source's kind (or grey in YUV); the source's own where there is none. Raises ``UserError`` for a pixel format
    asked for that is none, or of another kind than the source's.
    """
    if settings.pixel_format is None:
        if _holds(settings, source.name):
            return source
        kinds = ("gray", "yuv") if source.kind == "gray" else (source.kind,)
        return min((f for f in _taken(settings) if f.kind in kinds), key=lambda f: _distance(source, f), default=source)
    try:
        target = planar_format(settings.pixel_format)
    except MediaError as error:
        raise UserError(f"output.pixel_format={settings.pixel_format}: {error}") from error
    if target.name != settings.pixel_format:
        raise UserError(f"output.pixel_format={settings.pixel_format} is not planar; {target.name} is")
    if target.kind != source.kind:
        raise UserError(f"output.pixel_format={target.name} cannot take the source's {source.name}: they are not alike")
    return target


def _taken(settings: EncoderSettings) -> list[PixelFormat]:
    """The planar formats that the encoder takes."""
    names = {form.name for form in av.Codec(_encoder(settings), "w").video_formats or ()}
    names |= {name for codec, name in _PACKED if codec is settings.codec and settings.encoder is None}
    found = []
    for name in sorted(names):
        try:
            form = planar_format(name)
        except MediaError:
            continue
        found += [form] if form.name == name else []
    return found


def _distance(source: PixelFormat, target: PixelFormat) -> tuple[int, ...]:
    """What a conversion loses, the gravest first, and then what it adds."""
    coarser = [getattr(target, n) - getattr(source, n) for n in ("log2_chroma_w", "log2_chroma_h")]
    lost = sum(max(step, 0) for step in coarser) if source.kind == "yuv" else 0
    finer = sum(max(-step, 0) for step in coarser)
    deeper = target.depth - source.depth
    return int(source.kind != target.kind), lost, max(-deeper, 0), finer, max(deeper, 0), *(-step for step in coarser)


def converted(settings: EncoderSettings, source: PixelFormat) -> Note | None:
    """That the source's pixel format is not what is encoded although nobody asked for another, in a sentence."""
    target = encoded_format(settings, source)
    if settings.pixel_format is not None or target == source:
        return None
    nearest = f"{target.name}, the nearest that {_encoder(settings)} takes"
    return Note(f"pixel format {source.name} is converted to {nearest}")


def _encoder(settings: EncoderSettings) -> str:
    return settings.encoder or _ENCODERS[settings.codec]


def _check_hardware(settings: EncoderSettings) -> None:
    """Raise ``UserError`` where the encoder asked for is unknown, of another codec, or cannot be opened here."""
    name = settings.encoder or ""
    if name not in HARDWARE:
        raise UserError(f"output.encoder={name} is none of {', '.join(HARDWARE)}")
    if HARDWARE[name] is not settings.codec:
        raise UserError(f"output.encoder={name} does not encode output.codec={settings.codec.value}")
    try:
        trial = cast(VideoCodecContext, av.CodecContext.create(name, "w"))
        trial.width, trial.height, trial.pix_fmt, trial.time_base = 256, 256, "yuv420p", Fraction(1, 25)
        trial.open()
    except (av.FFmpegError, ValueError) as error:
        software = _ENCODERS[settings.codec]
        raise UserError(
            f"output.encoder={name} does not work on this machine ({reason(error)}); without it {software} is used"
        ) from error


def _holds(settings: EncoderSettings, name: str) -> bool:
    formats = av.Codec(_encoder(settings), "w").video_formats or ()
    packed = settings.encoder is None and (settings.codec, name) in _PACKED
    return packed or name in {form.name for form in formats}


class SegmentWriter:
    """Encodes frames into one Matroska file (of DNxHR: QuickTime); used as a context manager.

    The file is written beside ``path`` under a temporary name and takes its place when the block ends without an error;
    otherwise it is removed. It begins with an IDR picture, all its GOPs are closed, and equal frames and settings give
    equal bytes. Inside, frame ``n`` is shown at ``n / fps``: the source's exact times are put back at assembly, by
    rank, while the encoder is told the true times for its rate control.
    """

    def __init__(
        self,
        path: Path,
        width: int,
        height: int,
        sar: Fraction,
        pixel_format: PixelFormat,
        color: ColorSpec,
        fps: Fraction,
        time_base: Fraction,
        settings: EncoderSettings,
    ) -> None:
        check_codec(settings, pixel_format)
        if settings.codec is Codec.dnxhr and (width < _DNXHR_LEAST[0] or height < _DNXHR_LEAST[1]):
            least = "x".join(map(str, _DNXHR_LEAST))
            raise MediaError(f"output.codec=dnxhr takes pictures of {least} and more, and these are {width}x{height}")
        self._part = PartFile(path)
        self._size = (width, height)
        self._format, self._color = pixel_format, color
        self._frame_time, self._time_base = 1 / fps, time_base
        self._ranks: dict[int, int] = {}
        self._first: int | None = None
        self._last: int | None = None
        self._frames = self._packets = 0
        # FFmpeg's Matroska has no name for DNxHR.
        kind = "mov" if settings.codec is Codec.dnxhr else "matroska"
        self._container = av.open(str(self._part.temporary), "w", kind, container_options={"fflags": "+bitexact"})
        self._reorder = 0 if settings.codec in UNRATED else _LONGEST_REORDER
        planar = encoded_format(settings, pixel_format)
        target = planar.name
        self._grey = _grey_as(pixel_format, planar)
        software = _PACKED.get((settings.codec, target), (_ENCODERS[settings.codec], target))
        encoder, self._encoded = software if settings.encoder is None else (settings.encoder, target)
        stream = self._container.add_stream(encoder, fps, encoder_options(settings, color, planar))
        self._stream = cast(VideoStream, stream)
        self._configure(sar, settings)

    def _configure(self, sar: Fraction, settings: EncoderSettings) -> None:
        context = self._stream.codec_context
        context.width, context.height = self._size
        context.pix_fmt = self._encoded
        context.sample_aspect_ratio = sar
        context.time_base = self._time_base
        context.thread_count = settings.threads
        context.flags |= Flags.bitexact | Flags.closed_gop
        _tag(context, self._color, self._format)

    def __enter__(self) -> SegmentWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._discard()
            return
        try:
            if not self._frames:
                raise MediaError(f"{self._part.path} was given no frame")
            self._mux(self._stream.encode(None))
            self._container.close()
        except av.FFmpegError as failure:
            self._discard()
            raise MediaError(f"{self._part.path} cannot be written: {reason(failure)}") from failure
        except BaseException:
            self._discard()
            raise
        self._part.commit()

    def write(self, planes: tuple[Plane, ...], pts: int) -> None:
        """Encode the next frame, whose ``pts`` (in ``time_base``) must be later than that before.

        Raises ``ValueError`` for planes of another shape or time order, ``MediaError`` where the encoder fails.
        """
        if self._last is not None and pts <= self._last:
            raise ValueError(f"frame time {pts} is not later than {self._last}")
        self._first = pts if self._first is None else self._first
        self._last = pts
        frame = self._picture(planes)
        _tag(frame, self._color, self._format)
        frame.pts, frame.time_base = pts - self._first, self._time_base
        self._ranks[frame.pts] = self._frames
        self._frames += 1
        try:
            if self._encoded != frame.format.name:
                frame = frame.reformat(format=self._encoded, interpolation=_SCALING, threads=1)
            # The first frame opens the encoder.
            with kept_scheduling() if self._frames == 1 else nullcontext():
                packets = self._stream.encode(frame)
            self._mux(packets)
        except av.FFmpegError as failure:
            raise MediaError(f"{self._part.path} cannot be encoded: {reason(failure)}") from failure

    def _picture(self, planes: tuple[Plane, ...]) -> VideoFrame:
        """The planes as a frame; grey ones, where the encoder takes none, with chroma that says nothing."""
        if self._grey is None:
            return to_frame(planes, self._format, *self._size)
        shapes = self._grey.plane_shapes(*self._size)[1:]
        none = tuple(np.full(shape, 1 << (self._grey.depth - 1), planes[0].dtype) for shape in shapes)
        return to_frame((*planes, *none), self._grey, *self._size)

    def _mux(self, packets: Iterable[Any]) -> None:
        for packet in packets:
            packet.pts = self._ranks.pop(packet.pts)
            # Matroska keeps no decoding times; these only have to rise and not to pass the times of presentation.
            packet.dts = self._packets - self._reorder
            packet.duration = 1
            packet.time_base = self._frame_time
            self._packets += 1
            self._container.mux(packet)

    def _discard(self) -> None:
        self._container.close()
        self._part.discard()


# No codec reorders over more pictures than its buffer holds (H.264 and HEVC: 16; AV1's hidden frames ride along).
_LONGEST_REORDER = 16


def to_frame(planes: tuple[Plane, ...], pixel_format: PixelFormat, width: int, height: int) -> VideoFrame:
    """A PyAV frame with a copy of the planes; raises ``ValueError`` where they are not of the format's shapes."""
    frame = VideoFrame(width, height, pixel_format.name)
    shapes = pixel_format.plane_shapes(width, height)
    dtype = np.uint8 if pixel_format.depth == 8 else np.uint16
    for target, plane, shape in zip(frame.planes, planes, shapes, strict=True):
        if plane.shape != shape or plane.dtype != dtype:
            raise ValueError(f"plane of {plane.shape} {plane.dtype}, {shape} {np.dtype(dtype)} expected")
        rows = np.frombuffer(memoryview(target), dtype).reshape(shape[0], -1)
        rows[:, : shape[1]] = plane
    return frame


def _grey_as(source: PixelFormat, target: PixelFormat) -> PixelFormat | None:
    """YUV of the source's depth in which a grey source is encoded; None where it is none, or is encoded as grey."""
    if source.kind != "gray" or target.kind != "yuv":
        return None
    return planar_format(target.name.split("p")[0] + "p" + (f"{source.depth}le" if source.depth > 8 else ""))


def _tag(target: Any, color: ColorSpec, pixel_format: PixelFormat) -> None:
    """Set the colour properties of a codec context or a frame."""
    target.colorspace = _MATRIX_RGB if pixel_format.kind == "rgb" else color.matrix
    target.color_primaries = color.primaries
    target.color_trc = color.transfer
    target.color_range = 2 if color.full_range else 1


def encoder_options(settings: EncoderSettings, color: ColorSpec, encoded: PixelFormat | None = None) -> dict[str, str]:
    """FFmpeg's options of the encoder for these settings and the ``encoded`` format; equal ones give equal bytes."""
    threads = str(settings.threads)
    options = {"threads": threads}
    if color.chroma_location:
        options["chroma_sample_location"] = SITINGS[color.chroma_location]
    if settings.codec is Codec.ffv1:
        return options | {"level": "3", "slices": "4", "slicecrc": "1", "g": "1"}
    if settings.codec is Codec.prores:
        return options | {"vendor": "apl0"}
    if settings.codec is Codec.dnxhr:
        full = encoded is not None and encoded.log2_chroma_w == 0
        depth = 10 if encoded is not None and encoded.depth > 8 else 8
        return options | {"profile": _DNXHR[depth, full]}
    if settings.encoder is not None:
        options |= {"rc": "constqp", "qp": str(settings.crf), "forced-idr": "1"}
        return options | {"preset": NVENC_PRESETS[settings.preset]}
    options["crf"] = str(settings.crf)
    if settings.codec is Codec.av1:
        # SVT-AV1 otherwise tells its whole configuration on stderr, for every segment; only this reaches it.
        os.environ.setdefault("SVT_LOG", "1")
        preset = str(AV1_PRESETS[settings.preset])
        return options | {"preset": preset, "svtav1-params": f"lp={threads}" + _hdr(settings.codec, color)}
    options["preset"] = settings.preset
    if settings.codec is Codec.hevc:
        # frame-threads above 1 change the rate control's decisions with timing.
        fixed = f"open-gop=0:frame-threads=1:pools={threads}:info=0:log-level=error"
        return options | {"x265-params": fixed + _hdr(settings.codec, color)}
    # stitchable: headers that do not depend on the pictures, so that segments share one set of them. force-cfr: these
    # headers tell the frame rate, not the time base.
    fixed = "open-gop=0:stitchable=1:force-cfr=1"
    if cv2.checkHardwareSupport(_CPU_AVX_512F):
        # With AVX-512, x264's macroblock tree reads memory that was never set: the bytes differ from run to run.
        fixed += ":asm=avx2"
    return options | {"x264-params": fixed + _hdr(settings.codec, color)}


def _hdr(codec: Codec, color: ColorSpec) -> str:
    """Static HDR metadata in the words of the codec's software encoder."""
    display, light = {
        Codec.h264: ("mastering-display", "cll"),
        Codec.hevc: ("master-display", "max-cll"),
        Codec.av1: ("mastering-display", "content-light"),
    }[codec]
    words = ""
    if color.mastering:
        words += f":{display}={display_notation(color.mastering, fractions=codec is Codec.av1)}"
    if color.light:
        words += f":{light}={color.light[0]},{color.light[1]}"
    return words


def lost_hdr(settings: EncoderSettings, color: ColorSpec) -> tuple[Note, ...]:
    """What of the source's HDR metadata is not carried, a sentence each."""
    lost = [f"{name} metadata is not carried" for name in color.dynamic]
    static = bool(color.mastering or color.light)
    if static and (settings.codec in UNRATED or settings.encoder is not None):
        lost += [f"HDR mastering metadata is not carried by {settings.encoder or settings.codec.value}"]
    return tuple(Note(text, loss=True) for text in lost)
