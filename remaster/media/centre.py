"""Checks the centre of an assembled file: sampled frames must contain the source's pixels at their place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from remaster.arrays import Mask, Plane
from remaster.errors import MediaError
from remaster.media.decode import decode
from remaster.media.encoders import WITHOUT_CRF, Codec, EncoderSettings
from remaster.media.planes import crop, luma8
from remaster.media.probe import probe
from remaster.media.source import source_frames
from remaster.media.timeline import timeline
from remaster.media.types import Entry, Frame, PixelFormat, Rect, VideoInfo

EDITING_DB = 20.0
"""PSNR in dB of white noise at full amplitude in ProRes and DNxHR, which hold their rate: the worst case."""
MIN_FLOOR_DB, MAX_FLOOR_DB, DB_AT_CRF_0 = 12.0, 28.0, 46.0
"""The floor in dB falls by 1 per step of crf from ``DB_AT_CRF_0``, within both bounds. White noise, the worst case, was
measured at 34 dB for crf 18, 24 dB for 28, and 13 dB for 40 and more."""
AV1_SCALE = 51 / 63
"""Steps of x264's crf per step of SVT-AV1's: their scales end at 51 and 63."""
GREY = PixelFormat("gray", "gray")


@dataclass(frozen=True)
class CentreSample:
    """Frame ``number`` of the output, to be compared with the source's.

    The source is decoded from ``entry`` on to get the frames at ``pts``, int64 (n,); the last one is compared. Its
    ``active`` picture lies at column ``x`` and row ``y`` of the output.
    """

    number: int
    entry: Entry | None
    pts: npt.NDArray[np.int64]
    active: Rect
    x: int
    y: int


def psnr_floor(settings: EncoderSettings) -> float:
    """The PSNR in dB that every picture reaches at these settings; infinite for lossless codecs."""
    if settings.codec is Codec.ffv1:
        return float("inf")
    if settings.codec in WITHOUT_CRF:
        return EDITING_DB
    crf = settings.crf * (AV1_SCALE if settings.codec is Codec.av1 else 1)
    return min(max(DB_AT_CRF_0 - crf, MIN_FLOOR_DB), MAX_FLOOR_DB)


def check_centre(
    info: VideoInfo, out: Path, samples: Sequence[CentreSample], trusted: Mask | None, floor: float
) -> None:
    """Compare sampled frames of ``out`` with the source's, over ``trusted`` pixels of the active picture (None: all).

    Raises ``MediaError`` naming the first frame whose centre has a PSNR under ``floor`` dB (equal planes are infinite),
    or that cannot be decoded.
    """
    result = probe(str(out))
    times = np.sort(timeline(result).stamps)
    for sample in samples:
        source = _last(source_frames(info, sample.entry, sample.pts))
        decoded = next(decode(result, int(times[sample.number]), 1), None)
        if source is None or decoded is None:
            raise MediaError(f"{out}: frame {sample.number} cannot be decoded to compare it with the source's")
        place = Rect(sample.x, sample.y, sample.active.width, sample.active.height)
        ours, theirs = (source.planes, info.format, sample.active), (decoded.planes, result.format, place)
        if info.format == result.format:
            found = psnr(crop(*ours), crop(*theirs), info.format, trusted)
        else:  # the pixel format was converted: compare 8-bit luma
            floor = min(floor, MAX_FLOOR_DB)
            found = psnr([_luma(*ours)], [_luma(*theirs)], GREY, trusted)
        if found < floor:
            wanted = "equal it" if np.isinf(floor) else f"have {floor:.0f} dB at least"
            raise MediaError(
                f"{out}: the centre of frame {sample.number} has {found:.1f} dB against the source and should {wanted}"
            )


def psnr(one: Sequence[Plane], other: Sequence[Plane], pixel_format: PixelFormat, trusted: Mask | None) -> float:
    """PSNR in dB over the samples of all planes whose pixels are all ``trusted`` (None: all samples)."""
    error, count = 0.0, 0
    for index, (a, b) in enumerate(zip(one, other, strict=True)):
        squares = (a.astype(np.float64) - b) ** 2
        if trusted is not None:
            squares = squares[_samples(trusted, pixel_format, index, a.shape)]
        error, count = error + float(squares.sum()), count + squares.size
    peak = float((1 << pixel_format.depth) - 1)
    return float("inf") if error == 0 else float(10 * np.log10(peak * peak * count / error))


def _luma(planes: tuple[Plane, ...], pixel_format: PixelFormat, rect: Rect) -> npt.NDArray[np.uint8]:
    return luma8(planes, pixel_format)[rect.y : rect.y + rect.height, rect.x : rect.x + rect.width]


def _samples(trusted: Mask, pixel_format: PixelFormat, plane: int, shape: tuple[int, ...]) -> Mask:
    """bool (rows, columns) of a plane: the samples whose pixels are all trusted."""
    if plane == 0 or pixel_format.kind != "yuv":
        return trusted
    step_x, step_y = 1 << pixel_format.log2_chroma_w, 1 << pixel_format.log2_chroma_h
    padded = np.zeros((shape[0] * step_y, shape[1] * step_x), bool)
    padded[: trusted.shape[0], : trusted.shape[1]] = trusted
    return np.asarray(padded.reshape(shape[0], step_y, shape[1], step_x).all(axis=(1, 3)))


def without_border(mask: Mask, share: float) -> Mask:
    """Shrink ``mask`` by two pixels, and clear it within ``share`` of the picture's size from its border."""
    height, width = mask.shape
    inner = np.zeros_like(mask)
    y, x = round(share * height) + 1, round(share * width) + 1
    inner[y : height - y, x : width - x] = True
    kernel = np.ones((5, 5), np.uint8)
    return np.asarray(inner & (cv2.erode(mask.astype(np.uint8), kernel) > 0))


def _last(frames: Iterator[Frame]) -> Frame | None:
    last = None
    for frame in frames:
        last = frame
    return last
