"""Tracks of the bands below a pixel's width: direct alignment of strips that lie far enough apart in time.

Lucas-Kanade (Baker and Matthews, "Lucas-Kanade 20 Years On", IJCV 2004) with one unknown a band. Over neighbouring
frames it finds the camera's own speed; over frames some travel apart, where an error of the ratio has grown to
something that can be measured, the ratios.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import numpy.typing as npt

from remaster.background.bandmotion import BandMotion
from remaster.background.bands import BAND, EIGHTHS, LIMIT
from remaster.background.bands import Float as Pictures
from remaster.media.types import Mask

Float = npt.NDArray[np.float64]

APART = 14.0
"""Pixels of travel between the frames that tell the ratios."""
TOLERANCE = 6.0
"""Grey levels of detail at which a pixel begins to lose weight."""
FARTHEST_OFF = 1.5
"""Pixels that one alignment may correct."""
WINDOW = 40.0
"""Pixels of travel over which corrections of a ratio are averaged."""
STIFFNESS = 0.05
"""Weight of no correction, in the units of a band's evidence."""
ROUNDS = 3
"""One for the camera's motion, two for the ratios."""
LAPSE = 5
"""Frames after which a frame that belongs to the set still shows what it showed."""
FOREIGN = 1.6, 0.5
"""Misfit of a foreign frame: a multiple of the typical one, and grey levels beyond that."""


def refine(details: Pictures, motion: BandMotion, known: Mask, inset: int) -> BandMotion:
    """A motion whose bands agree with the strips beside the borders.

    ``details`` float32 (n, h, w) and ``known`` bool (h, w) as for ``BandCosts``; the borders lie ``inset`` pixels
    inside the picture.
    """
    for number in range(ROUNDS):
        if number == 0:
            pairs = [(i - 1, i) for i in range(1, len(details)) if motion.camera[i] != 0]
            off, evidence = _misfits(details, motion, known, inset, pairs)
            motion = replace(motion, camera=_camera(motion, off, evidence, pairs))
        else:
            pairs = _apart(motion)
            off, evidence = _misfits(details, motion, known, inset, pairs)
            motion = replace(motion, ratios=_ratios(motion, off, evidence, pairs))
    return motion


def foreign(details: Pictures, motion: BandMotion, known: Mask) -> Mask:
    """Frames, bool (n,), that show something else than those before and after them: of a dissolve, a flash."""
    count = len(details)
    pairs = {after: min(before, after - LAPSE) for before, after in _apart(motion)}
    pairs = {i: pairs.get(i, i - 2 * LAPSE) for i in range(count)}
    misfit = np.full(count, np.inf)
    track = np.cumsum(motion.speed, axis=1)
    rows, strip = motion.ratios.shape[2] * BAND, 2 * (details.shape[2] // EIGHTHS)
    for after, before in pairs.items():
        if before < 0:
            continue
        errors = []
        for side, start in enumerate((0, details.shape[2] - strip)):
            here = details[after][:rows, start : start + strip]
            there, seen = _seen_from(details[before], known, track[side, after] - track[side, before], start, strip)
            seen = seen * known[:rows, start : start + strip]
            errors.append((np.minimum(np.abs(here - there), LIMIT) * seen).sum() / max(seen.sum(), 1.0))
        misfit[[before, after]] = np.minimum(misfit[[before, after]], np.mean(errors))
    told = np.isfinite(misfit)
    if not told.any():
        return np.zeros(count, bool)
    return np.asarray(told & (misfit > FOREIGN[0] * np.median(misfit[told]) + FOREIGN[1]))


def _apart(motion: BandMotion) -> list[tuple[int, int]]:
    """Each moving frame with the latest one before it that lies ``APART``; none over a camera that turns back."""
    typical = np.cumsum(np.median(np.abs(motion.speed), axis=(0, 2)))
    pairs = []
    for i in np.flatnonzero(motion.camera):
        before = int(np.searchsorted(typical, typical[i] - APART, side="right")) - 1
        before = max(before, 0)
        one_way = abs(motion.camera[before + 1 : i + 1].sum()) > 0.9 * np.abs(motion.camera[before + 1 : i + 1]).sum()
        if before < i and one_way:
            pairs.append((before, int(i)))
    return pairs


def _misfits(
    details: Pictures, motion: BandMotion, known: Mask, inset: int, pairs: list[tuple[int, int]]
) -> tuple[Float, Float]:
    """How far each pair's bands are off, in pixels, and how surely it is known: (pairs, 2, bands) each."""
    track = np.cumsum(motion.speed, axis=1)
    width = details.shape[2]
    bands = motion.ratios.shape[2]
    strip = 2 * (width // EIGHTHS)
    starts = (inset, width - inset - strip)
    off, evidence = np.zeros((len(pairs), 2, bands)), np.zeros((len(pairs), 2, bands))
    for number, (before, after) in enumerate(pairs):
        for side, start in enumerate(starts):
            moved = track[side, after] - track[side, before]
            here = np.s_[: bands * BAND, start : start + strip]
            sums = _normal_equations(details[before], details[after][here], known, moved, start)
            off[number, side], evidence[number, side] = sums
    return off, evidence


def _normal_equations(before: Pictures, after: Pictures, known: Mask, moved: Float, start: int) -> tuple[Float, Float]:
    """(shift, evidence) of each band of a strip ``after`` (rows, columns) that begins at column ``start``."""
    rows, columns = after.shape
    there, seen = _seen_from(before, known, moved, start, columns)
    gradient = cv2.Sobel(there, cv2.CV_32F, 1, 0, ksize=3, scale=0.125)
    wrong = after - there
    weight = seen * known[:rows, start : start + columns] / (1 + (wrong / TOLERANCE) ** 2) ** 2
    along, own = weight * gradient * wrong, weight * gradient * gradient
    # Bands share what their neighbours know.
    size = (1, rows // BAND)
    sums = [cv2.resize(part, size, interpolation=cv2.INTER_AREA) for part in (along, own)]
    top, bottom = (cv2.GaussianBlur(part, (1, 5), sigmaX=1.0, sigmaY=1.0)[:, 0].astype(float) for part in sums)
    shift = np.clip(top / np.maximum(bottom, 1e-6), -FARTHEST_OFF, FARTHEST_OFF)
    # What wants to go too far found something else.
    return shift, np.where(np.abs(shift) < FARTHEST_OFF, bottom, 0.0)


def _seen_from(before: Pictures, known: Mask, moved: Float, start: int, columns: int) -> tuple[Pictures, Pictures]:
    """What an earlier frame shows of a strip whose bands ``moved`` since, and where it is known: (rows, columns)."""
    rows = len(moved) * BAND
    at_rows = np.repeat(moved, BAND)[:, None]
    x = np.broadcast_to(np.arange(start, start + columns)[None] + at_rows, (rows, columns)).astype(np.float32)
    y = np.broadcast_to(np.arange(rows, dtype=np.float32)[:, None], (rows, columns))
    there = cv2.remap(before, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    seen = cv2.remap(known.astype(np.float32), x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=0)
    return np.asarray(there, np.float32), np.asarray(seen, np.float32)


def _camera(motion: BandMotion, off: Float, evidence: Float, pairs: list[tuple[int, int]]) -> Float:
    """The camera's motion, corrected by what the bands of neighbouring frames share."""
    camera = motion.camera.copy()
    for (_, frame), shift, weight in zip(pairs, off, evidence, strict=True):
        ratio = motion.ratios[:, frame]
        for _ in range(3):
            change = (weight * ratio * shift).sum() / max((weight * ratio * ratio).sum(), 1e-9)
            weight = weight / (1 + ((shift - ratio * change) / 0.3) ** 2)
        camera[frame] += change
    return camera


def _ratios(motion: BandMotion, off: Float, evidence: Float, pairs: list[tuple[int, int]]) -> Float:
    """The ratios, corrected by a weighted mean of what pairs of frames nearby ask for."""
    if not pairs:
        return motion.ratios
    travel = np.cumsum(np.abs(motion.camera))
    position = np.cumsum(motion.camera)
    went = np.array([position[b] - position[a] for a, b in pairs])
    middle = np.array([(travel[a] + travel[b]) / 2 for a, b in pairs])
    knots = np.linspace(0.0, travel[-1], max(round(travel[-1] / (WINDOW / 4)), 1) + 1)
    near = np.exp(-0.5 * ((knots[:, None] - middle[None]) / WINDOW) ** 2)
    ratios = motion.ratios.copy()
    for side in range(2):
        asked = near @ (evidence[:, side] * went[:, None] * off[:, side])
        known = near @ (evidence[:, side] * (went**2)[:, None])
        change = asked / (known + STIFFNESS * near.sum(axis=1, keepdims=True) * APART**2)
        ratios[side] += np.stack([np.interp(travel, knots, band) for band in change.T], axis=-1)
    return ratios
