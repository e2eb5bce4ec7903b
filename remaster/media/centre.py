"""Checking an assembled file's picture: the source's own pixels must be in their place in sampled frames."""

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
from remaster.media.encoders import UNRATED, Codec, EncoderSettings
from remaster.media.planes import crop, luma8
from remaster.media.probe import probe
from remaster.media.source import source_frames
from remaster.media.timeline import timeline
from remaster.media.types import Entry, Frame, PixelFormat, Rect, VideoInfo

# What white noise, which no film is, still reaches at a crf: 34 dB at 18, 24 at 28, 13 at 40 and more.
# Codecs for editing keep their rate, whatever the picture is: white noise at full swing falls to about this.
EDITING_DB = 20.0
WORST_DB, BEST_DB, DB_AT_CRF_0 = 12.0, 28.0, 46.0
GREY = PixelFormat("gray", "gray")
# SVT-AV1's scale of crf is this much longer than that of x264 and x265.
AV1_SCALE = 51 / 63


@dataclass(frozen=True)
class CentreSample:
    """Frame ``number`` of the output, to be compared with the source's.

    The source is decoded from ``entry`` on to get the frames at ``pts``, int64 (n,), of which the last is meant. Its
    ``active`` picture lies at column ``x`` and row ``y`` of the output.
    """

    number: int
    entry: Entry | None
    pts: npt.NDArray[np.int64]
    active: Rect
    x: int
    y: int


def psnr_floor(settings: EncoderSettings) -> float:
    """The PSNR in dB under which no encoder falls at these settings; infinite where it is lossless."""
    if settings.codec is Codec.ffv1:
        return float("inf")
    if settings.codec in UNRATED:
        return EDITING_DB
    crf = settings.crf * (AV1_SCALE if settings.codec is Codec.av1 else 1)
    return min(max(DB_AT_CRF_0 - crf, WORST_DB), BEST_DB)


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
        shown = next(decode(result, int(times[sample.number]), 1), None)
        if source is None or shown is None:
            raise MediaError(f"{out}: frame {sample.number} cannot be decoded to compare it with the source's")
        place = Rect(sample.x, sample.y, sample.active.width, sample.active.height)
        ours, theirs = (source.planes, info.format, sample.active), (shown.planes, result.format, place)
        if info.format == result.format:
            found = psnr(crop(*ours), crop(*theirs), info.format, trusted)
        else:  # converted on request: the luma of both in 8 bits
            floor = min(floor, BEST_DB)
            found = psnr([_luma(*ours)], [_luma(*theirs)], GREY, trusted)
        if found < floor:
            wanted = "equal it" if np.isinf(floor) else f"have {floor:.0f} dB at least"
            raise MediaError(
                f"{out}: the centre of frame {sample.number} has {found:.1f} dB against the source and should {wanted}"
            )


def psnr(one: Sequence[Plane], other: Sequence[Plane], pixel_format: PixelFormat, trusted: Mask | None) -> float:
    """PSNR in dB over all planes' samples, of which only those count whose pixels are all ``trusted``."""
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
    """bool (rows, columns) of a plane: the samples that stand for trusted pixels alone."""
    if plane == 0 or pixel_format.kind != "yuv":
        return trusted
    step_x, step_y = 1 << pixel_format.log2_chroma_w, 1 << pixel_format.log2_chroma_h
    padded = np.zeros((shape[0] * step_y, shape[1] * step_x), bool)
    padded[: trusted.shape[0], : trusted.shape[1]] = trusted
    return np.asarray(padded.reshape(shape[0], step_y, shape[1], step_x).all(axis=(1, 3)))


def without_border(mask: Mask, share: float) -> Mask:
    """``mask`` without pixels within ``share`` of the picture's sides from its border, and shrunk by a pixel or two."""
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
