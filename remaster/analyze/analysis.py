"""Step 2, analyze: one reading of a scene's proxies for holds, the camera's motion and the keyframes.

A fixed number of pictures is held in memory, whatever the scene's length; only matrices and numbers grow.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from remaster.analyze.camera_tracking import CameraTracker
from remaster.analyze.keyframes import Candidate, KeyframeSelection
from remaster.analyze.transitions import TransitionFinder
from remaster.analyze.tuning import TUNING
from remaster.arrays import Mask, Rgb
from remaster.imaging.camera import IDENTITY, corner_error
from remaster.imaging.camera_motion import Picture
from remaster.imaging.channels import gray_of
from remaster.records import Analysis


@dataclass(frozen=True)
class AnalyzeSettings:
    """Budgets of the keyframes of one scene.

    At most ``max_keyframes``, fewer where their RGB proxies would exceed ``keyframe_megabytes`` (never under 4); where
    the camera rests, ``still_keyframes`` are enough for a median to see behind moving characters.
    """

    max_keyframes: int = 24
    still_keyframes: int = 14
    keyframe_megabytes: float = 48.0


def analyze(proxies: Iterable[Rgb], valid: Mask, noise: float, settings: AnalyzeSettings | None = None) -> Analysis:
    """Read a scene's ``proxies``, uint8 (h, w, 3) RGB, once; ``valid`` bool (h, w), ``noise`` in 8-bit levels.

    Where the picture breaks (a missed cut, a dissolve, nothing but noise), ``explained`` is low, ``motion`` is the
    identity, and both sides get keyframes. A short flash is bridged: its frames keep the camera of the frame before.
    Frames of a gradual transition are marked in ``turning`` and become no keyframes. Raises ``ValueError`` without any
    frame.
    """
    settings = settings or AnalyzeSettings()
    keyframes = KeyframeSelection(_capacity(valid, settings), valid.shape[::-1])
    tracker, transitions, luma = CameraTracker(), TransitionFinder(), list[float]()
    for index, proxy in enumerate(proxies):
        picture = Picture(gray_of(proxy), valid, noise)
        luma.append(float(picture.gray[valid].mean()) if valid.any() else 0.0)
        bridged = tracker.advance(picture)
        if bridged is not None:
            keyframes.rejoin(bridged, tracker.segment + transitions.count, index)
        ended = transitions.advance(proxy, _moved(tracker, valid))
        if ended is not None:
            keyframes.leave_out(ended)
        # A hold adds nothing, except after a transition: what follows may be one single hold.
        if ended is not None or not tracker.holds[-1]:
            segment = tracker.segment + transitions.count
            keyframes.add(Candidate(index, proxy.copy(), tracker.camera, segment, picture.fine.energy))
    if not luma:
        raise ValueError("a scene without frames cannot be analyzed")
    chosen = keyframes.finish(settings.still_keyframes)
    return Analysis(
        keyframes=np.array([candidate.index for candidate in chosen], np.int64),
        proxies=np.stack([candidate.proxy for candidate in chosen]),
        motion=np.stack(tracker.motion),
        explained=np.array(tracker.explained, np.float32),
        holds=np.array(tracker.holds, np.bool_),
        luma=np.array(luma, np.float32),
        turning=transitions.finish(len(luma)),
        valid=valid,
        noise=noise,
    )


def _capacity(valid: Mask, settings: AnalyzeSettings) -> int:
    """How many keyframes the budgets allow."""
    affordable = int(settings.keyframe_megabytes * 1e6 / (3 * valid.size))
    return max(min(settings.max_keyframes, affordable), TUNING.keyframes.min_keyframes)


def _moved(tracker: CameraTracker, valid: Mask) -> float:
    """How far the corners moved since the frame before, as a share of the picture's smaller side."""
    height, width = valid.shape
    return float(corner_error(tracker.motion[-1], IDENTITY, width, height)) / float(min(width, height))
