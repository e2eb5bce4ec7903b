"""Reads static HDR metadata (SMPTE ST 2086, CTA-861.3) from decoded frames and writes it in encoders' notations."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Any

from av.sidedata.sidedata import Type
from av.video.frame import VideoFrame

# AVMasteringDisplayMetadata: ten fractions (R, G, B, white, each x and y; min and max luminance), two flags.
_MASTERING = struct.Struct("20i2i")
_LIGHT = struct.Struct("2I")
CHROMA_UNITS, LUMINANCE_UNITS = 50000, 10000
_DYNAMIC = {"DYNAMIC_HDR_PLUS": "HDR10+", "DOVI_RPU_BUFFER": "Dolby Vision", "DYNAMIC_HDR_VIVID": "HDR Vivid"}


def mastering_display(frame: VideoFrame) -> tuple[int, ...]:
    """Gx, Gy, Bx, By, Rx, Ry, white x, white y in 1/50000, max and min luminance in 1/10000 cd/m2; () for none."""
    data = side_data(frame).get(Type.MASTERING_DISPLAY_METADATA)
    if data is None or len(raw := bytes(data)) < _MASTERING.size:
        return ()
    *numbers, has_primaries, has_luminance = _MASTERING.unpack(raw[: _MASTERING.size])
    pairs = list(zip(numbers[::2], numbers[1::2], strict=True))
    if not (has_primaries and has_luminance) or any(not low for _, low in pairs):
        return ()
    red, green, blue, white = (pairs[i : i + 2] for i in (0, 2, 4, 6))
    chroma = [round(high * CHROMA_UNITS / low) for high, low in (*green, *blue, *red, *white)]
    least, greatest = (round(high * LUMINANCE_UNITS / low) for high, low in pairs[8:])
    return (*chroma, greatest, least)


def content_light(frame: VideoFrame) -> tuple[int, ...]:
    """MaxCLL and MaxFALL (light of the brightest pixel, of the brightest frame) in cd/m2; () for none."""
    data = side_data(frame).get(Type.CONTENT_LIGHT_LEVEL)
    return () if data is None else _LIGHT.unpack(bytes(data)[: _LIGHT.size])


def dynamic_formats(frame: VideoFrame) -> tuple[str, ...]:
    """Names of the frame's dynamic HDR metadata, which no encoder here writes."""
    return tuple(name for kind, name in _DYNAMIC.items() if side_data(frame).get(Type[kind]) is not None)


def display_notation(mastering: Sequence[int], fractions: bool = False) -> str:
    """``G(x,y)B(x,y)R(x,y)WP(x,y)L(max,min)``: in integer units for x264 and x265, as ``fractions`` for SVT-AV1."""
    units = [CHROMA_UNITS] * 8 + [LUMINANCE_UNITS] * 2
    values = [f"{v / u:.5f}" if fractions else str(v) for v, u in zip(mastering, units, strict=True)]
    names = ("G", "B", "R", "WP", "L")
    return "".join(f"{name}({values[2 * i]},{values[2 * i + 1]})" for i, name in enumerate(names))


def side_data(frame: VideoFrame) -> Mapping[Any, Any]:
    """A frame's side data by ``Type``; PyAV's type hints know only names."""
    return frame.side_data
