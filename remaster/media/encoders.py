"""Chooses the encoder, its pixel format and its FFmpeg options for a run's settings; says what it would lose."""

from __future__ import annotations

import os
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from typing import cast

import av
import cv2
from av.video.codeccontext import VideoCodecContext

from remaster.errors import MediaError, UserError
from remaster.media.containers import reason
from remaster.media.formats import planar_format
from remaster.media.hdr import display_notation
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


WITHOUT_CRF = (Codec.ffv1, Codec.prores, Codec.dnxhr)
"""Codecs without a quality setting: lossless, or with a profile that follows from the pixel format."""
# DNxHR's profiles: (bits, chroma at full width) -> name.
_DNXHR = {(8, False): "dnxhr_hq", (10, False): "dnxhr_hqx", (10, True): "dnxhr_444"}
DNXHR_MIN_SIZE = 256, 120  # width and height that FFmpeg's encoder takes


@dataclass(frozen=True)
class EncoderSettings:
    """Settings of the encoder. ``crf`` and ``preset`` are those of x264; codecs in ``WITHOUT_CRF`` ignore both.

    ``threads`` changes x264's bytes. ``encoder`` None is the codec's software encoder, else one of ``HARDWARE``.
    ``pixel_format`` None is the source's, or the nearest that the encoder takes.
    """

    codec: Codec = Codec.h264
    crf: int = 18
    preset: str = "medium"
    threads: int = 1
    encoder: str | None = None
    pixel_format: str | None = None


# x264's preset names, and SVT-AV1's presets that rank about the same (0 slowest, 13 fastest).
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
# NVENC's presets that rank about the same (p1 fastest, p7 slowest), and its encoders.
NVENC_PRESETS = dict(zip(AV1_PRESETS, ("p1", "p1", "p2", "p3", "p3", "p4", "p5", "p6", "p7", "p7"), strict=True))
HARDWARE = {"h264_nvenc": Codec.h264, "hevc_nvenc": Codec.hevc, "av1_nvenc": Codec.av1}
_MAX_CRF = {Codec.h264: 51, Codec.hevc: 51, Codec.av1: 63}
# Codec -> encoder; FFV1 and x264 take 8-bit RGB (with alpha: FFV1) only as packed pixels, which loses nothing.
SOFTWARE_ENCODERS = {
    Codec.h264: "libx264",
    Codec.hevc: "libx265",
    Codec.av1: "libsvtav1",
    Codec.ffv1: "ffv1",
    Codec.prores: "prores_ks",
    Codec.dnxhr: "dnxhd",
}
PACKED_ENCODERS = {
    (Codec.h264, "gbrp"): ("libx264rgb", "rgb24"),
    (Codec.ffv1, "gbrp"): ("ffv1", "bgr0"),
    (Codec.ffv1, "gbrap"): ("ffv1", "bgra"),
}
_CPU_AVX_512F = 13  # OpenCV's CV_CPU_AVX_512F, for which the binding has no name.


def check_codec(settings: EncoderSettings, pixel_format: PixelFormat) -> None:
    """Raise ``UserError``, with what can be used instead, where the codec cannot hold the format or the settings."""
    codec = settings.codec
    if codec not in WITHOUT_CRF and settings.preset not in AV1_PRESETS:
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
    """The pixel format that is encoded: the one asked for, else the source's, or the nearest that the encoder takes.

    The nearest loses least chroma resolution, then least depth, and adds least. It has the source's kind (a grey source
    may become YUV); where there is none, the source's own format is returned. Raises ``UserError`` where the format
    asked for is unknown or of another kind than the source's.
    """
    if settings.pixel_format is None:
        if _holds(settings, source.name):
            return source
        kinds = ("gray", "yuv") if source.kind == "gray" else (source.kind,)
        return min(
            (f for f in _supported_formats(settings) if f.kind in kinds),
            key=lambda f: _distance(source, f),
            default=source,
        )
    try:
        target = planar_format(settings.pixel_format)
    except MediaError as error:
        raise UserError(f"output.pixel_format={settings.pixel_format}: {error}") from error
    if target.name != settings.pixel_format:
        raise UserError(f"output.pixel_format={settings.pixel_format} is not planar; {target.name} is")
    if target.kind != source.kind:
        raise UserError(f"output.pixel_format={target.name} cannot take the source's {source.name}: they are not alike")
    return target


def _supported_formats(settings: EncoderSettings) -> list[PixelFormat]:
    """The planar formats that the encoder takes."""
    names = {form.name for form in av.Codec(encoder_name(settings), "w").video_formats or ()}
    names |= {name for codec, name in PACKED_ENCODERS if codec is settings.codec and settings.encoder is None}
    found = []
    for name in sorted(names):
        try:
            form = planar_format(name)
        except MediaError:
            continue
        found += [form] if form.name == name else []
    return found


def _distance(source: PixelFormat, target: PixelFormat) -> tuple[int, ...]:
    """What a conversion loses, the gravest loss first, and then what it adds; for comparison."""
    coarser = [getattr(target, n) - getattr(source, n) for n in ("log2_chroma_w", "log2_chroma_h")]
    lost = sum(max(step, 0) for step in coarser) if source.kind == "yuv" else 0
    finer = sum(max(-step, 0) for step in coarser)
    deeper = target.depth - source.depth
    return int(source.kind != target.kind), lost, max(-deeper, 0), finer, max(deeper, 0), *(-step for step in coarser)


def converted(settings: EncoderSettings, source: PixelFormat) -> Note | None:
    """A note where the source's pixel format is converted because the encoder does not take it; else None."""
    target = encoded_format(settings, source)
    if settings.pixel_format is not None or target == source:
        return None
    nearest = f"{target.name}, the nearest that {encoder_name(settings)} takes"
    return Note(f"pixel format {source.name} is converted to {nearest}")


def encoder_name(settings: EncoderSettings) -> str:
    """FFmpeg's name of the encoder: the one asked for, else the codec's software encoder."""
    return settings.encoder or SOFTWARE_ENCODERS[settings.codec]


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
        software = SOFTWARE_ENCODERS[settings.codec]
        raise UserError(
            f"output.encoder={name} does not work on this machine ({reason(error)}); without it {software} is used"
        ) from error


def _holds(settings: EncoderSettings, name: str) -> bool:
    formats = av.Codec(encoder_name(settings), "w").video_formats or ()
    packed = settings.encoder is None and (settings.codec, name) in PACKED_ENCODERS
    return packed or name in {form.name for form in formats}


def encoder_options(settings: EncoderSettings, color: ColorSpec, encoded: PixelFormat | None = None) -> dict[str, str]:
    """FFmpeg's encoder options for these settings and the ``encoded`` format; equal options give equal bytes."""
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
        # SVT-AV1 otherwise prints its configuration to stderr for every segment; only this variable stops it.
        os.environ.setdefault("SVT_LOG", "1")
        preset = str(AV1_PRESETS[settings.preset])
        return options | {"preset": preset, "svtav1-params": f"lp={threads}" + _hdr(settings.codec, color)}
    options["preset"] = settings.preset
    if settings.codec is Codec.hevc:
        # With more frame-threads, the rate control's decisions depend on timing.
        fixed = f"open-gop=0:frame-threads=1:pools={threads}:info=0:log-level=error"
        return options | {"x265-params": fixed + _hdr(settings.codec, color)}
    # stitchable: headers do not depend on the pictures, so that all segments have the same. force-cfr: these headers
    # hold the frame rate, not the time base.
    fixed = "open-gop=0:stitchable=1:force-cfr=1"
    if cv2.checkHardwareSupport(_CPU_AVX_512F):
        # With AVX-512, x264's macroblock tree reads uninitialized memory: the bytes differ from run to run.
        fixed += ":asm=avx2"
    return options | {"x264-params": fixed + _hdr(settings.codec, color)}


def _hdr(codec: Codec, color: ColorSpec) -> str:
    """Static HDR metadata as parameters of the codec's software encoder."""
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
    """Notes of the source's HDR metadata that the encoder does not write."""
    lost = [f"{name} metadata is not carried" for name in color.dynamic]
    static = bool(color.mastering or color.light)
    if static and (settings.codec in WITHOUT_CRF or settings.encoder is not None):
        lost += [f"HDR mastering metadata is not carried by {settings.encoder or settings.codec.value}"]
    return tuple(Note(text, loss=True) for text in lost)
