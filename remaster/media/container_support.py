"""Finds out how a container can hold a stream, and adds streams to it."""

from __future__ import annotations

from enum import Enum
from fractions import Fraction
from io import BytesIO
from typing import Any

import av
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.stream import Stream

from remaster.media.containers import reason

# Tags that every muxer writes itself, or that describe the source file.
_STALE_TAGS = {"encoder", "duration", "major_brand", "minor_version", "compatible_brands", "vendor_id"}
_STALE_PREFIXES = ("_statistics", "bps", "number_of_")
# MP4 needs named channel layouts, which raw samples may lack.
_PLAIN_LAYOUTS = {"1 channels": "mono", "2 channels": "stereo"}
# Decoders' sample formats and the PCM codecs that hold them without loss; 32-bit samples of up to 24 bits become 24.
_RAW = {"u8": "pcm_u8", "s16": "pcm_s16le", "s32": "pcm_s32le", "flt": "pcm_f32le", "dbl": "pcm_f64le"}
_RAW_24 = "pcm_s24le"
_NONSTRICT = 0x20000  # AVFMT_TS_NONSTRICT


class TrackMode(Enum):
    """How a track is written: copied, copied as Matroska's ``A_MS/ACM`` (WAVE), or decoded to raw samples."""

    copy = "copy"
    wave = "wave"
    raw = "raw"


def fresh_tags(metadata: dict[str, str]) -> dict[str, str]:
    """The tags without those that muxers write themselves."""
    return {
        key: value
        for key, value in metadata.items()
        if key.lower() not in _STALE_TAGS and not key.lower().startswith(_STALE_PREFIXES)
    }


def takes_equal_times(target: OutputContainer) -> bool:
    """Whether packets of one stream may have the same time: Matroska's, rounded to 1 ms, often do."""
    return bool(target.format.flags & _NONSTRICT)


def can_hold(kind: str, stream: Stream) -> bool:
    """Whether the container format ``kind`` (FFmpeg's muxer name) can hold a stream as it is."""
    return track_mode(kind, stream)[0] in (TrackMode.copy, TrackMode.wave)


def track_mode(kind: str, stream: Stream) -> tuple[TrackMode | None, str]:
    """How a container holds a stream, and why not as it is; None where it cannot at all.

    Found by writing an empty file into memory: some limits appear only then (Opus in QuickTime, PCM of unknown layout).
    """
    why = _refusal(kind, stream)
    if not why:
        return TrackMode.copy, ""
    if stream.type == "audio" and stream.codec_context is not None:
        if kind == "matroska" and wave_format(stream):
            return TrackMode.wave, ""
        if raw_codec(stream):
            return TrackMode.raw, why
    return None, why


def _refusal(kind: str, stream: Stream) -> str:
    """Why a container cannot hold a stream as it is; empty where it can."""
    if stream.type == "data" and kind == "matroska":
        return "it has no place for data"
    if stream.codec_context is None and stream.type != "data":
        return "its codec is unknown"
    try:
        with av.open(BytesIO(), "w", kind) as trial:
            copy_stream(trial, stream)
            trial.start_encoding()
    except av.FFmpegError as error:
        return f"its muxer says: {reason(error)}"
    except ValueError:
        return "that container has no code for this codec"
    return ""


def wave_format(stream: Stream) -> bytes:
    """A sound stream's WAVEFORMATEX as FFmpeg writes it; empty where it has none."""
    file = BytesIO()
    try:
        with av.open(file, "w", "wav") as trial:
            copy_stream(trial, stream)
            trial.start_encoding()
    except (av.FFmpegError, ValueError):
        return b""
    data = file.getvalue()
    at = data.find(b"fmt ")
    return data[at + 8 : at + 8 + int.from_bytes(data[at + 4 : at + 8], "little")] if at > 0 else b""


def raw_codec(stream: Stream) -> str | None:
    """The PCM codec that holds a sound stream's decoded samples without loss; None where there is none."""
    context: Any = stream.codec_context
    name = None if context.format is None else context.format.name.removesuffix("p")
    if name == "s32" and 0 < (context.bits_per_raw_sample or context.bits_per_coded_sample or 0) <= 24:
        return _RAW_24
    return _RAW.get(name or "")


def copy_stream(target: OutputContainer, stream: Stream) -> Stream:
    """Add a stream for another's packets; raises ``ValueError`` or ``FFmpegError`` where that cannot be."""
    copy = target.add_stream_from_template(stream, opaque=True)
    if isinstance(copy, AudioStream) and copy.codec_context.layout.name in _PLAIN_LAYOUTS:
        copy.codec_context.layout = _PLAIN_LAYOUTS[copy.codec_context.layout.name]
    return described_as(copy, stream)


def raw_stream(target: OutputContainer, stream: Stream, codec: str) -> Stream:
    """Add a stream of raw samples for a decoded sound stream."""
    context: Any = stream.codec_context
    raw: Any = target.add_stream(codec, context.sample_rate)
    raw.codec_context.layout = _PLAIN_LAYOUTS.get(context.layout.name, context.layout.name)
    raw.time_base = Fraction(1, context.sample_rate)
    return described_as(raw, stream)


def described_as(copy: Stream, stream: Stream) -> Stream:
    """Give a stream the tags and the disposition of another; returns it."""
    copy.metadata.update(fresh_tags(stream.metadata))
    copy.disposition = stream.disposition
    return copy
