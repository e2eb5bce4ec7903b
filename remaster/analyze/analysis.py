"""Step 2, analyze: one reading of a scene's proxies for holds, the camera's motion and the keyframes.

A fixed number of pictures is held in memory, whatever the scene's length; only matrices and numbers grow.

Gradual transitions (dissolves, morphs) are found on the picture's outline while the camera rests. Each single step of
one looks like rest. Over a few frames most of the outline changes; figures, leaves, snow, rain and water do not do
that: they cover little of it, or come and go within the small cells compared here.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from remaster.analyze.camera_tracking import CameraTracker
from remaster.analyze.keyframes import Candidate, KeyframeSelection
from remaster.analyze.tuning import TUNING
from remaster.arrays import Float32, Mask, Rgb
from remaster.imaging.camera import IDENTITY, corner_error
from remaster.imaging.camera_motion import Picture
from remaster.imaging.channels import gray_of, outline_colors
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


class TransitionFinder:
    """Finds the gradual transitions of a stream of pictures; keeps a few tiny pictures in memory."""

    def __init__(self) -> None:
        self._half = TUNING.transitions.half_window
        self._cells: deque[Float32] = deque(maxlen=2 * self._half)
        self._moves: deque[float] = deque(maxlen=2 * self._half - 1)
        self._changing: list[bool] = []
        self._found: list[range] = []

    @property
    def count(self) -> int:
        """How many transitions have ended."""
        return len(self._found)

    def advance(self, proxy: Rgb, moved: float) -> range | None:
        """Take the next picture, uint8 (h, w, 3); returns the frames of a transition that is known to have ended.

        ``moved`` is how far the corners moved since the picture before, as a share of the picture's smaller side.
        """
        tuning, half = TUNING.transitions, self._half
        self._cells.append(outline_colors(proxy, tuning.columns, tuning.rows))
        self._moves.append(moved)
        if len(self._cells) < 2 * half:
            return None
        if not self._changing:
            self._changing = [False] * half
        before, after = (np.median(list(self._cells)[part], axis=0) for part in (slice(half), slice(half, None)))
        rests = sum(self._moves) <= tuning.max_motion
        self._changing.append(rests and _change(before, after) > tuning.min_change)
        return None if self._changing[-1] else self._end(len(self._changing) - 1)

    def finish(self, count: int) -> npt.NDArray[np.bool_]:
        """Which of all ``count`` frames lie in a transition, bool (count,)."""
        self._end(len(self._changing))
        found = np.zeros(count, bool)
        for frames in self._found:
            found[frames.start : frames.stop] = True
        return found

    def _end(self, stop: int) -> range | None:
        """The transition whose last frame is the one before ``stop``, if there is one."""
        start = stop
        while start > 0 and self._changing[start - 1]:
            start -= 1
        if stop - start < TUNING.transitions.min_frames:
            return None
        self._found.append(range(start, stop))
        return self._found[-1]


def _change(before: Float32, after: Float32) -> float:
    """The median change of the cells in levels, largest over the channels, after one gain and offset for the light."""
    x, y = before - before.mean(), after - after.mean()
    gain = float((x * y).sum() / max(float((x * x).sum()), 1.0))
    return float(np.median(np.abs(y - max(gain, 0.0) * x).max(axis=-1)))
