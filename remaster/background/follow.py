"""Follows the bands beside the wings through a span of frames, and asks the picture itself whether that is believable.

The hold-out builds the same mosaics with the borders moved inwards, where the frames show what the wings would be.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from remaster.background.bandmotion import BandMotion, solve_motion, solve_ratios
from remaster.background.bandrefine import foreign, refine
from remaster.background.bands import BAND, EIGHTHS, FARTHEST, LINES, SOFT_EDGE, BandCosts, detail
from remaster.background.pushbroom import Float, SideMosaic
from remaster.media.types import Mask
from remaster.rowshift import along_rows, gathered

Gray = npt.NDArray[np.uint8]

CHUNK = 600
"""Frames whose small pictures are held at a time."""
PROBES = 8
"""Frames of a chunk that are predicted."""
BESIDE = 3
"""Frames on either side of a suspected break that are predicted."""
CLIP = 60.0
"""Grey levels at which one wrong pixel stops costing more."""
TOLD = ("mosaic", "mirrored", "soft", "squares", "pixels")
"""What is summed over the hold-out."""
SOFT = 1 / 24
"""Standard deviation of the soft fill's blur, as a share of the height."""


@dataclass(frozen=True)
class Followed:
    """``tracks`` float64 (2, n, bands), left and right: what to add to a column of a frame to stay on what passes.

    In units of the picture's width. ``foreign`` bool (n,) are frames that show something else (of a dissolve), from
    which nothing should be taken. ``told`` float64 (2, bands, 5) is what the hold-out found beside each band, summed
    over pixels: grey levels of error of the mosaic and of two fills that each frame can make of itself (mirrored, the
    same made soft), squared levels of the mosaic's, and how many pixels.
    """

    tracks: Float
    foreign: Mask
    told: Float

    @property
    def travel(self) -> float:
        """How far the fastest band went, in widths of the picture."""
        return float(np.ptp(self.tracks, axis=1).max())


def small_size(width: int, height: int) -> tuple[int, int]:
    """(width, height) at which a picture of square pixels is followed."""
    lines = max(min(LINES, height) // BAND * BAND, BAND)
    return max(round(width * lines / height), 3 * EIGHTHS), lines


def follow(pictures: Iterable[Gray], valid: Mask, across: int | None = None) -> Followed:
    """Follow gray ``pictures`` uint8 (h, w) of ``small_size``; ``valid`` bool (h, w) is False on the gate.

    With ``across``, a frame of a run under `CHUNK`, the hold-out is of the frames beside it from those beyond it alone:
    what it then tells is whether one set is shown before and after. Memory does not grow with the number of pictures,
    but for the tracks. Raises ``ValueError`` without any picture.
    """
    costs, known = BandCosts(valid), _clear(valid)
    tracks: list[Float] = []
    strange: list[Mask] = []
    told = np.zeros((2, costs.bands, len(TOLD)))
    for chunk in _chunks(pictures):
        motion, foreign_here, judged = _follow_chunk(chunk, costs, known, across)
        path = np.cumsum(motion, axis=1)
        tracks.append(path if not tracks else tracks[-1][:, -1:] + path[:, 1:])
        strange.append(foreign_here[1 if strange else 0 :])
        told += judged
    if not tracks:
        raise ValueError("no pictures to follow")
    return Followed(np.concatenate(tracks, axis=1) / valid.shape[1], np.concatenate(strange), told)


def _clear(valid: Mask) -> Mask:
    return np.asarray(cv2.erode(valid.astype(np.uint8), np.ones((SOFT_EDGE, SOFT_EDGE))) > 0)


def _chunks(pictures: Iterable[Gray]) -> Iterator[Gray]:
    """Runs of pictures, uint8 (n, h, w); each begins with the last of the one before."""
    held: list[Gray] = []
    fresh = 0
    for picture in pictures:
        held.append(picture)
        fresh += 1
        if len(held) == CHUNK:
            yield np.stack(held)
            held, fresh = held[-1:], 0
    if fresh:
        yield np.stack(held)


def _follow_chunk(pictures: Gray, compare: BandCosts, known: Mask, across: int | None) -> tuple[Float, Mask, Float]:
    """(speeds (2, n, bands) in pixels a frame, foreign frames (n,), what the hold-out told) of a run of pictures."""
    details = np.stack([detail(p) for p in pictures])
    count = len(details)
    costs = np.zeros((2, 2, count, compare.bands, 2 * FARTHEST + 1), np.float32)
    for i in range(1, count):
        costs[:, :, i] = compare(details[i - 1], details[i])
    camera = solve_motion(costs[:, 0])
    camera[0] = 0.0
    if not camera.any():
        return np.zeros((2, count, compare.bands)), np.zeros(count, bool), np.zeros((2, compare.bands, len(TOLD)))
    inset = pictures.shape[2] // EIGHTHS
    inner = refine(details, BandMotion(camera, solve_ratios(costs[:, 1], camera)), known, inset)
    outer = refine(details, BandMotion(camera, solve_ratios(costs[:, 0], camera)), known, 0)
    strange = foreign(details, outer, known)
    folds = [(_probes(count), range(count))] if across is None else _folds(across, count)
    told = sum(_hold_out(pictures, smooth(inner.speed), known, inset, *fold) for fold in folds)
    return smooth(outer.speed), strange, np.asarray(told)


def smooth(speed: Float) -> Float:
    """Speeds (2, n, bands) without tears between neighbouring bands."""
    return np.stack([cv2.GaussianBlur(side, (5, 1), sigmaX=0.8, sigmaY=0.8) for side in speed])


def _probes(count: int) -> Sequence[int]:
    return [int(i) for i in np.unique(np.linspace(0, count - 1, PROBES + 2).round()[1:-1])]


def _folds(across: int, count: int) -> list[tuple[Sequence[int], Sequence[int]]]:
    """(frames to foretell, frames to foretell them from): those beside ``across`` from all on its other side."""
    before, after = range(across), range(across, count)
    return [(before[-BESIDE:], after), (after[:BESIDE], before)]


def _hold_out(
    pictures: Gray, speed: Float, known: Mask, inset: int, probes: Sequence[int], written: Sequence[int]
) -> Float:
    """``TOLD`` of the strips of ``probes`` at the inner borders, by mosaics of what is ``written``, (2, bands, 5)."""
    height, width = pictures.shape[1:]
    middle = np.s_[inset : width - inset]
    tracks = np.cumsum(speed, axis=1)
    depth = min(width // 4, width - 2 * inset)
    fills = [_cheap_fills(pictures[i][:, middle], inset) for i in probes]
    rows = np.zeros((2, height, len(TOLD)))
    for side, track in enumerate(tracks):
        mosaic = SideMosaic(track, side, (height, width - 2 * inset), inset, depth, 0, 1)
        strip = np.s_[inset : inset + depth] if side == 0 else np.s_[width - inset - depth : width - inset]
        for i in written:
            mosaic.write(i, pictures[i][:, strip, None], known[:, strip])
        picture, seen = mosaic.finish()
        beyond, begin = (np.s_[:inset], -inset) if side == 0 else (np.s_[width - inset :], width - 2 * inset)
        for i, cheap in zip(probes, fills, strict=True):
            place = along_rows(track[i], height) + begin - mosaic.low
            guess = gathered(picture[..., 0], place, inset, cv2.INTER_LINEAR)
            told = gathered(seen.astype(np.float32), place, inset, cv2.INTER_LINEAR) > 0.99
            told &= known[:, beyond]
            errors = [_error(g, pictures[i][:, beyond]) * told for g in (guess, *(c[:, beyond] for c in cheap))]
            rows[side] += np.stack([part.sum(axis=1) for part in (*errors, errors[0] ** 2, told)], axis=-1)
    bands = speed.shape[2]
    return np.asarray(rows[:, : bands * BAND].reshape(2, bands, BAND, -1).sum(axis=2))


def _cheap_fills(middle: Gray, wing: int) -> Sequence[Gray]:
    """The middle of a picture, mirrored at its sides, and the same made soft."""
    mirrored = np.asarray(cv2.copyMakeBorder(middle, 0, 0, wing, wing, cv2.BORDER_REFLECT), np.uint8)
    return mirrored, np.asarray(cv2.GaussianBlur(mirrored, (0, 0), SOFT * middle.shape[0]), np.uint8)


def _error(guess: Gray, truth: Gray) -> npt.NDArray[np.float32]:
    return np.minimum(cv2.absdiff(guess, truth), CLIP).astype(np.float32)
