"""Finds the planar pixel format that holds the same samples as a decoder's format."""

from __future__ import annotations

import re
from typing import Any, Literal

import av
import numpy as np
import numpy.typing as npt
from av.video.frame import VideoFrame

from remaster.errors import MediaError
from remaster.media.types import PixelFormat

_SUBSAMPLING = {(0, 0): "444", (1, 0): "422", (1, 1): "420", (0, 1): "440", (2, 0): "411", (2, 2): "410"}
_NOT_SAMPLES = re.compile(r"bayer_|xyz|f(16|32)[lb]e$|msb[lb]e$")


def planar_format(name: str, opaque: bool = False) -> PixelFormat:
    """The planar little-endian format that holds all samples of FFmpeg's pixel format ``name``.

    Planar formats stay (yuvj420p is yuv420p in full range; big-endian ones are swapped); nv12 gives yuv420p, p010le
    yuv420p10le, yuyv422 yuv422p, and rgb24, bgr0 and pal8 give gbrp. Raises ``MediaError`` for formats that no planar
    format holds without loss: with transparency (unless ``opaque``: the alpha channel is unused), floating point, raw
    sensor data and hardware surfaces.
    """
    source = _description(name)
    bits = max((part.bits for part in source.components), default=0)
    if not 1 <= bits <= 16 or _NOT_SAMPLES.search(name):
        raise MediaError(f"pixel format {name} is not supported")
    alpha = any(part.is_alpha for part in source.components)
    if alpha and not opaque:
        raise MediaError(f"pixel format {name} carries transparency, which cannot be kept")
    depth = max(bits, 8)
    suffix = "" if depth == 8 else f"{depth}le"
    if source.is_rgb or source.has_palette:
        return _supported(name, PixelFormat(f"gbrp{suffix}", "rgb", depth))
    if len(source.components) - alpha == 1:
        return _supported(name, PixelFormat(f"gray{suffix}", "gray", depth))
    chroma = source.components[1]
    log2_w, log2_h = ((256 // size).bit_length() - 1 for size in (chroma.width, chroma.height))
    kind: Literal["yuv"] = "yuv"
    return _supported(name, PixelFormat(f"yuv{_SUBSAMPLING[log2_w, log2_h]}p{suffix}", kind, depth, log2_w, log2_h))


def without_alpha(frame: VideoFrame, path: str) -> VideoFrame:
    """Remove the alpha channel from a frame; raises ``MediaError`` where any pixel is transparent.

    GIF and many screen recordings have an alpha channel that is opaque everywhere.
    """
    if not any(part.is_alpha for part in frame.format.components):
        return frame
    if int(_alpha(frame).min()) < _solid(frame):
        raise MediaError(f"{path} has transparency (pixel format {frame.format.name}), which cannot be kept")
    return frame.reformat(format=planar_format(frame.format.name, opaque=True).name)


def _alpha(frame: VideoFrame) -> npt.NDArray[Any]:
    """The alpha channel (height, width); of packed formats in 8 bits."""
    wide = max(part.bits for part in frame.format.components) > 8
    if len(frame.planes) == len(frame.format.components):
        plane: Any = frame.planes[-1]
        dtype = np.dtype(np.uint16 if wide else np.uint8)
        values: npt.NDArray[Any] = np.frombuffer(plane, dtype).reshape(frame.height, -1)
        return values[:, : frame.width]
    rgba: Any = frame.reformat(format="rgba").planes[0]
    values = np.frombuffer(rgba, np.uint8).reshape(frame.height, -1)
    return values[:, 3 : 4 * frame.width : 4]


def _solid(frame: VideoFrame) -> int:
    """The value of ``_alpha`` that is fully opaque."""
    planar = len(frame.planes) == len(frame.format.components)
    return (1 << frame.format.components[-1].bits) - 1 if planar else 255


def _supported(name: str, target: PixelFormat) -> PixelFormat:
    _description(target.name)
    return target


def _description(name: str) -> av.VideoFormat:
    try:
        return av.VideoFormat(name, 256, 256)
    except ValueError as error:
        raise MediaError(f"pixel format {name} is not known") from error
