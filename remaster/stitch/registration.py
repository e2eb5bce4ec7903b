"""Registration: which keyframes show the same background, and where every frame of a span lies on it."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
import numpy.typing as npt

from remaster.arrays import Affine, Mask
from remaster.imaging.alignment import detail
from remaster.imaging.camera import IDENTITY, chain, compose, corner_error, invert
from remaster.imaging.channels import gray_of
from remaster.imaging.tuning import TUNING as IMAGING
from remaster.records import Analysis
from remaster.stitch.cameras import Model, all_frames, project, solve_keyframes
from remaster.stitch.direct_pairs import match_direct
from remaster.stitch.features import Features, Pair, candidate_pairs, find_features, match_pair
from remaster.stitch.shot_split import Span, keyframes_of

FAR_PAIRS = 2
"""Distant keyframes that each keyframe is matched with."""
LOOSE_SHARE, MANY_MATCHES = 0.15, 20
"""Coarse coding spoils correlation: less area will do where so many matches agree; the hold-out judges the outcome."""
DOUBT_FLOOR = 0.01
"""Variance of a motion that explains everything, in units of one that explains half of the area."""
LOST = 0.75
"""Share of the picture's smaller side that no corner moves from one frame to the next."""
LOST_DOUBT = 1e6
"""Variance of a motion that is none: others share out all that the chain misses."""
BRIGHT = 0.8
"""Share of the brightest keyframes' luma that the reference must have: no frame of a fade is a reference."""


@dataclass(frozen=True)
class Registration:
    """A span's cameras (m, 2, 3): proxy pixels of each of its frames to those of the reference keyframe.

    ``keyframes`` are indices into the scene's keyframes, frames ``at`` of the span, and ``reference`` is one of them;
    ``registered`` of them are held by matches, which ``pairs`` lists; ``inliers`` matches agree with the solution.
    """

    cameras: Affine
    model: Model
    keyframes: npt.NDArray[np.int64]
    at: npt.NDArray[np.int64]
    reference: int
    registered: int
    inliers: int
    pairs: list[Pair]


def background_only(analysis: Analysis, masks: npt.NDArray[np.bool_], margin: int) -> npt.NDArray[np.bool_]:
    """Pixels of each keyframe that may be background, bool (k, h, w): off the gate, off the widened characters."""
    kernel = np.ones((2 * margin + 1, 2 * margin + 1), np.uint8)
    widened = np.array([cv2.dilate(m.astype(np.uint8), kernel) > 0 for m in masks]).reshape(masks.shape)
    return ~widened & analysis.valid


def find_pairs(
    analysis: Analysis, usable: npt.NDArray[np.bool_], features: int, min_overlap: float, min_share: float
) -> list[Pair]:
    """All pairs of a scene's keyframes that show the same background: aligned directly, else found by SIFT.

    Both are accepted by area. Features are sought in the keyframes of doubtful pairs alone.
    """
    grays = [gray_of(p) for p in analysis.proxies]
    details = [
        detail(g, u, analysis.noise, IMAGING.camera_motion.work_height) for g, u in zip(grays, usable, strict=True)
    ]

    @cache
    def features_of(i: int) -> Features:
        return find_features(grays[i], usable[i], features)

    chained = chain(_motions(analysis))[analysis.keyframes]
    height, width = analysis.valid.shape
    pairs = []
    for i, j in candidate_pairs(chained, width, height, min_overlap, FAR_PAIRS):
        step = compose(invert(chained[i]), chained[j])
        match = match_direct(details[i], details[j], step)
        if match is None:
            both: Mask = usable[i] & usable[j]
            match = match_pair(features_of(i), features_of(j), (grays[i], grays[j]), both, step, analysis.noise)
        if match is not None and (match[3] >= min_share or (match[3] >= LOOSE_SHARE and len(match[1]) >= MANY_MATCHES)):
            pairs.append(Pair(i, j, *match))
    return pairs


def register(analysis: Analysis, pairs: Sequence[Pair], span: Span) -> Registration:
    """Solve a span's keyframes, choose the reference, and give every frame its camera."""
    height, width = analysis.valid.shape
    keyframes = keyframes_of(analysis, span)
    local = {int(k): n for n, k in enumerate(keyframes)}
    own = [p for p in pairs if p.first in local and p.second in local]
    renamed = [Pair(local[p.first], local[p.second], p.camera, p.points_first, p.points_second, p.share) for p in own]
    at = analysis.keyframes[keyframes] - span.start
    motion = _motions(analysis)[span.start : span.end].copy()
    motion[0] = IDENTITY
    doubt = _doubt(analysis)[span.start : span.end]
    chained = chain(motion)[at]
    trust = np.array([1.0] + [1.0 / (1.0 + doubt[a + 1 : b + 1].max()) for a, b in itertools.pairwise(at)])
    solution = solve_keyframes(chained, trust, renamed, len(at) // 2, width, height)
    reference = _reference(solution.cameras, analysis.luma[analysis.keyframes[keyframes]])
    solved = compose(invert(solution.cameras[reference]), solution.cameras)
    solved[reference] = IDENTITY
    model: Model = _lone_model(motion, width, height) if len(at) == 1 else solution.model
    cameras = all_frames(project(motion, model, width, height), doubt, at, solved, (width, height))
    linked = {reference} | {n for p in renamed for n in (p.first, p.second)}
    inliers, number = solution.inliers, int(keyframes[reference])
    return Registration(cameras, model, keyframes, at, number, len(linked), inliers, own)


def _lost(analysis: Analysis) -> npt.NDArray[np.bool_]:
    """Frames (n,) whose motion cannot be one: nothing of the frame before would remain in sight."""
    height, width = analysis.valid.shape
    jump = corner_error(analysis.motion, IDENTITY, width, height)
    return np.asarray(~np.isfinite(jump) | (jump > LOST * min(width, height)))


def _motions(analysis: Analysis) -> Affine:
    """The motion of each frame, none at all for holds and where it was lost."""
    none = analysis.holds | _lost(analysis)
    motion: Affine = np.where(none[:, None, None], IDENTITY, analysis.motion)
    return motion


def _doubt(analysis: Analysis) -> npt.NDArray[np.float64]:
    """The variance of each motion: it grows fast as less is explained; 0 for holds, which do not move at all."""
    share = np.clip(analysis.explained.astype(float), 0.05, 1.0)
    doubt = DOUBT_FLOOR + ((1.0 - share) / share) ** 4
    return np.where(analysis.holds, 0.0, np.where(_lost(analysis), LOST_DOUBT, doubt))


def _reference(cameras: Affine, luma: npt.NDArray[np.float32]) -> int:
    """The keyframe whose pixels and light the background takes: bright, then closest to the set, then in the middle.

    The closest (smallest scale) keeps the detail of a zoom.
    """
    scale = np.sqrt(np.abs(np.linalg.det(cameras[:, :, :2])))
    bright = luma >= BRIGHT * np.quantile(luma, 0.9)
    closest = scale <= 1.02 * scale[bright].min()
    candidates = np.flatnonzero(bright & closest)
    return int(candidates[len(candidates) // 2])


def _lone_model(motion: Affine, width: int, height: int) -> Model:
    """The model of a span with one keyframe, which only its chained motion can tell."""
    travel = corner_error(chain(motion), IDENTITY, width, height).max()
    return "hold" if travel <= 1.0 else "affine"
