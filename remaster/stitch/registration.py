"""Registration: which keyframes show the same background, and the camera of every frame of a span."""

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
from remaster.stitch.keyframe_pairs import (
    Features,
    Match,
    Pair,
    candidate_pairs,
    find_features,
    match_direct,
    match_features,
)
from remaster.stitch.shot_split import Span, keyframes_of
from remaster.stitch.tuning import TUNING


@dataclass(frozen=True)
class Registration:
    """A span's cameras (m, 2, 3): proxy pixels of each of its frames to those of the reference keyframe.

    ``keyframes`` are indices into the scene's keyframes, frames ``at`` of the span; ``reference`` is one of them.
    ``registered`` of them are linked by ``pairs``; ``inliers`` matches agree with the solution.
    """

    cameras: Affine
    model: Model
    keyframes: npt.NDArray[np.int64]
    at: npt.NDArray[np.int64]
    reference: int
    registered: int
    inliers: int
    pairs: list[Pair]


def background_pixels(analysis: Analysis, masks: npt.NDArray[np.bool_], margin: int) -> npt.NDArray[np.bool_]:
    """Pixels of each keyframe that may be background, bool (k, h, w): outside the gate and the widened masks.

    ``margin`` is in proxy pixels.
    """
    kernel = np.ones((2 * margin + 1, 2 * margin + 1), np.uint8)
    widened = np.array([cv2.dilate(m.astype(np.uint8), kernel) > 0 for m in masks]).reshape(masks.shape)
    return ~widened & analysis.valid


def find_pairs(
    analysis: Analysis, usable: npt.NDArray[np.bool_], features: int, min_overlap: float, min_share: float
) -> list[Pair]:
    """Find all pairs of a scene's keyframes that show the same background: by direct alignment, else by features.

    A pair must explain a share ``min_share`` of the area. ``usable`` bool (k, h, w) is what may be background. SIFT
    runs, with at most ``features`` a keyframe, only for keyframes of pairs that could not be aligned directly.
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
    for i, j in candidate_pairs(chained, width, height, min_overlap):
        step = compose(invert(chained[i]), chained[j])
        match = match_direct(details[i], details[j], step)
        if match is None:
            both: Mask = usable[i] & usable[j]
            match = match_features(features_of(i), features_of(j), (grays[i], grays[j]), both, step, analysis.noise)
        if match is not None and _explains_enough(match, min_share):
            pairs.append(Pair(i, j, *match))
    return pairs


def _explains_enough(match: Match, min_share: float) -> bool:
    """Whether a pair's explained area is large enough, or less where many matches agree."""
    tuning = TUNING.pairs
    many = len(match.points_first) >= tuning.many_matches
    return match.share >= min_share or (match.share >= tuning.min_loose_share and many)


def register(analysis: Analysis, pairs: Sequence[Pair], span: Span) -> Registration:
    """Register a span: solve its keyframes, choose the reference, and give every frame its camera."""
    height, width = analysis.valid.shape
    keyframes = keyframes_of(analysis, span)
    local = {int(k): n for n, k in enumerate(keyframes)}
    own = [p for p in pairs if p.first in local and p.second in local]
    renamed = [Pair(local[p.first], local[p.second], p.camera, p.points_first, p.points_second, p.share) for p in own]
    at = analysis.keyframes[keyframes] - span.start
    motion = _motions(analysis)[span.start : span.end].copy()
    motion[0] = IDENTITY
    variance = _variances(analysis)[span.start : span.end]
    chained = chain(motion)[at]
    chain_trust = np.array([1.0] + [1.0 / (1.0 + variance[a + 1 : b + 1].max()) for a, b in itertools.pairwise(at)])
    solution = solve_keyframes(chained, chain_trust, renamed, len(at) // 2, width, height)
    reference = _reference(solution.cameras, analysis.luma[analysis.keyframes[keyframes]])
    solved = compose(invert(solution.cameras[reference]), solution.cameras)
    solved[reference] = IDENTITY
    model: Model = _model_of_motion(motion, width, height) if len(at) == 1 else solution.model
    cameras = all_frames(project(motion, model, width, height), variance, at, solved, (width, height))
    linked = {reference} | {n for p in renamed for n in (p.first, p.second)}
    inliers, number = solution.inliers, int(keyframes[reference])
    return Registration(cameras, model, keyframes, at, number, len(linked), inliers, own)


def _lost(analysis: Analysis) -> npt.NDArray[np.bool_]:
    """Frames (n,) whose measured motion is impossible: nothing of the frame before would remain visible."""
    height, width = analysis.valid.shape
    jump = corner_error(analysis.motion, IDENTITY, width, height)
    return np.asarray(~np.isfinite(jump) | (jump > TUNING.registration.max_jump * min(width, height)))


def _motions(analysis: Analysis) -> Affine:
    """The motion of each frame (n, 2, 3); the identity for holds and where it was lost."""
    no_motion = analysis.holds | _lost(analysis)
    motion: Affine = np.where(no_motion[:, None, None], IDENTITY, analysis.motion)
    return motion


def _variances(analysis: Analysis) -> npt.NDArray[np.float64]:
    """The variance of each motion (n,), in units of one that explains half of the area; 0 for holds.

    It grows fast as less is explained: with the fourth power of the ratio of unexplained to explained area.
    """
    share = np.clip(analysis.explained.astype(float), TUNING.registration.min_explained, 1.0)
    variance = TUNING.registration.min_variance + ((1.0 - share) / share) ** 4
    return np.where(analysis.holds, 0.0, np.where(_lost(analysis), TUNING.registration.lost_variance, variance))


def _reference(cameras: Affine, luma: npt.NDArray[np.float32]) -> int:
    """The keyframe whose pixel grid and light the background takes, as an index.

    It is bright, then closest to the set (the smallest scale keeps the detail of a zoom), then in the middle.
    """
    scale = np.sqrt(np.abs(np.linalg.det(cameras[:, :, :2])))
    bright = luma >= TUNING.registration.min_brightness * np.quantile(luma, TUNING.registration.bright_quantile)
    closest = scale <= TUNING.registration.same_scale * scale[bright].min()
    candidates = np.flatnonzero(bright & closest)
    return int(candidates[len(candidates) // 2])


def _model_of_motion(motion: Affine, width: int, height: int) -> Model:
    """The model of a span with one keyframe, by its chained motion alone."""
    travel = corner_error(chain(motion), IDENTITY, width, height).max()
    return "hold" if travel <= TUNING.registration.rest_travel else "affine"
