"""Step 2, analyze: one reading of a scene's proxies for holds, the camera's motion and the keyframes.

Memory holds a fixed number of pictures, whatever the scene's length; only matrices and numbers grow.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np

from remaster.analyze.keyframes import Candidate, KeyframeSelection
from remaster.arrays import Affine, Mask, Rgb
from remaster.imaging.alignment import align_simplest, compare
from remaster.imaging.camera import IDENTITY, compose, corner_error, invert, rescale
from remaster.imaging.camera_motion import Motion, Picture, motion_between, unchanged
from remaster.imaging.motion_breaks import BREAK
from remaster.imaging.transition import TransitionFinder
from remaster.records import Analysis

BRIDGE = 0.6
"""Explained share that joins the pictures before and after a flash."""
FLASH = 3
"""Frames that a flash may last."""
ANCHORED = 24
"""Frames of a moving camera after which a new anchor is taken."""
CHECKED, CHECKED_HOLDS = 3, 6
"""Every so many frames (a hold's, the second) the camera is measured against the anchor."""
LEAP = 0.3
"""Camera move since the anchor, in frame widths, after which a new one is taken."""
FADED_AREA = 0.05
"""Part of the picture that must show texture before a fade into another picture is believed."""
FAINT = 0.3
"""Share of another picture's detail energy under which a picture lies in a fade, and tells nothing."""
SLOW = 0.1
"""Camera move since the anchor, in frame widths, within which parallax does not pass for another picture."""
STEADY = 0.5
"""Pixels of correction that a resting camera ignores, so that it does not tremble."""
CLOSE = 2.0
"""Pixels by which the anchor's answer may differ from the chained one."""


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

    Where the picture breaks (a cut that was missed, a dissolve, nothing but noise), ``explained`` is low, ``motion`` is
    the identity, and both sides have keyframes. A flash of up to three frames is bridged: its frames keep the camera of
    the frame before. Frames of a gradual transition are ``turning`` and no keyframes. Raises ``ValueError`` without any
    frame.
    """
    settings = settings or AnalyzeSettings()
    height, width = valid.shape
    affordable = int(settings.keyframe_megabytes * 1e6 / (3 * height * width))
    keyframes = KeyframeSelection(max(min(settings.max_keyframes, affordable), 4), (width, height))
    tracker: _Tracker | None = None
    luma: list[float] = []
    transitions = TransitionFinder()
    for index, proxy in enumerate(proxies):
        picture = Picture(np.asarray(cv2.cvtColor(proxy, cv2.COLOR_RGB2GRAY), np.uint8), valid, noise)
        luma.append(float(picture.gray[valid].mean()) if valid.any() else 0.0)
        if tracker is None:
            tracker, bridged = _Tracker(picture), None
        else:
            bridged = tracker.advance(picture)
        if bridged is not None:
            keyframes.rejoin(bridged, tracker.segment + transitions.count, index)
        moved = float(corner_error(tracker.motion[-1], IDENTITY, width, height)) / min(width, height)
        turned = transitions.advance(proxy, moved)
        if turned is not None:
            keyframes.leave_out(turned)
        # The set after a transition may be one hold.
        if turned is not None or not tracker.holds[-1]:
            segment = tracker.segment + transitions.count
            keyframes.add(Candidate(index, proxy.copy(), tracker.camera, segment, picture.fine.energy))
    if tracker is None:
        raise ValueError("a scene without frames cannot be analyzed")
    kept = keyframes.finish(settings.still_keyframes)
    return Analysis(
        keyframes=np.array([candidate.index for candidate in kept], np.int64),
        proxies=np.stack([candidate.proxy for candidate in kept]),
        motion=np.stack(tracker.motion),
        explained=np.array(tracker.explained, np.float32),
        holds=np.array(tracker.holds, np.bool_),
        luma=np.array(luma, np.float32),
        turning=transitions.finish(len(luma)),
        valid=valid,
        noise=noise,
    )


@dataclass(frozen=True)
class _Place:
    """A picture and its camera to the first picture of its segment."""

    index: int
    picture: Picture
    camera: Affine
    segment: int


class _Tracker:
    """Follows the camera from picture to picture, and against an anchor some frames back, so that errors do not add up.

    A slow move under a large still character, and a dissolve, only show over several frames.
    """

    def __init__(self, first: Picture) -> None:
        self.motion: list[Affine] = []
        self.explained: list[float] = []
        self.holds: list[bool] = []
        self._size = (first.gray.shape[1], first.gray.shape[0])
        self._segments = 0
        self._before_break: _Place | None = None
        self._last = self._anchor = _Place(0, first, np.array(IDENTITY), 0)
        self._shares: list[tuple[int, float]] = []
        self._record(IDENTITY, 1.0, hold=False)

    @property
    def camera(self) -> Affine:
        """The newest picture's camera to the first of its segment."""
        return self._last.camera

    @property
    def segment(self) -> int:
        """The newest picture's run of connected frames."""
        return self._last.segment

    def advance(self, picture: Picture) -> int | None:
        """Take the next picture; returns the frame of a break that it bridges, if any."""
        index, last = len(self.motion), self._last
        if np.array_equal(picture.gray, last.picture.gray):
            picture = last.picture  # its details need not be made again
        step = motion_between(last.picture, picture, self.motion[-1])
        bridge = self._bridge(picture, index)
        if bridge is not None:
            return self._rejoin(picture, bridge)
        if step.explained < BREAK:
            self._break(picture, step.explained)
            return None
        resting = bool((step.matrix == IDENTITY).all())
        camera, faded = last.camera if resting else compose(last.camera, step.matrix), False
        age = index - self._anchor.index
        if age > 1 and age % (CHECKED_HOLDS if step.hold else CHECKED) == 0 and not step.shaded:
            camera, faded = self._against_anchor(picture, camera, index)
            if step.hold or (resting and float(corner_error(camera, last.camera, *self._size)) < STEADY):
                camera = last.camera
        moved = IDENTITY if camera is last.camera else compose(invert(last.camera), camera)
        self._record(moved, step.explained, step.hold)
        self._last = _Place(index, picture, camera, last.segment)
        if faded:
            self._split_fade()
        elif self._is_far(index, camera):
            self._start(self._last)
        return None

    def _record(self, matrix: Affine, explained: float, hold: bool) -> None:
        self.motion.append(np.array(matrix))
        self.explained.append(explained)
        self.holds.append(hold)

    def _start(self, place: _Place) -> None:
        self._last = self._anchor = place
        self._shares = []

    def _break(self, picture: Picture, explained: float) -> None:
        if self._before_break is None:
            self._before_break = self._last
        self._segments += 1
        self._record(IDENTITY, explained, hold=False)
        self._start(_Place(len(self.motion) - 1, picture, np.array(IDENTITY), self._segments))

    def _bridge(self, picture: Picture, index: int) -> Motion | None:
        """The motion from before the last break to ``picture``, if that break was but a flash."""
        if self._before_break is None:
            return None
        if index - self._before_break.index > FLASH + 1:
            self._before_break = None
            return None
        bridge = motion_between(self._before_break.picture, picture)
        return bridge if bridge.explained >= BRIDGE else None

    def _rejoin(self, picture: Picture, bridge: Motion) -> int:
        before, index = self._before_break, len(self.motion)
        assert before is not None
        start = before.index + 1
        self._record(bridge.matrix, bridge.explained, hold=False)
        for i in range(start, index + 1):
            self.explained[i] = bridge.explained
            if i < index:
                self.motion[i] = np.array(IDENTITY)
        self._start(_Place(index, picture, compose(before.camera, bridge.matrix), before.segment))
        self._before_break = None
        return start

    def _against_anchor(self, picture: Picture, camera: Affine, index: int) -> tuple[Affine, bool]:
        """(camera, corrected by aligning ``picture`` with the anchor; whether the anchor's picture has faded away)."""
        anchor = self._anchor
        a, b = anchor.picture.fine, picture.fine
        if min(a.energy.mean(), b.energy.mean()) < FAINT * max(a.energy.mean(), b.energy.mean()):
            return camera, False
        guess = rescale(compose(invert(anchor.camera), camera), *b.scale)
        fit = align_simplest(a, b, guess)
        cells = compare(a, b, guess) if fit is None else fit.cells
        share = max(cells.share, unchanged(a, b, cells) if (guess == IDENTITY).all() else 0.0)
        self._shares.append((index, share))
        moved = float(corner_error(guess, IDENTITY, *b.size)) / b.size[0]
        since = self.explained[anchor.index + 1 :]
        if cells.area > FADED_AREA and moved < SLOW and share < BREAK * min(since):
            return camera, True
        if fit is None or float(corner_error(fit.camera, guess, *b.size)) > CLOSE:
            return camera, False
        return compose(anchor.camera, rescale(fit.camera, 1.0 / b.scale[0], 1.0 / b.scale[1])), False

    def _split_fade(self) -> None:
        """Mark the frame at which the anchor's picture had half gone (a dissolve) as a break."""
        last = self._last
        half = (1.0 + self._shares[-1][1]) / 2
        index = next(i for i, share in self._shares if share <= half)
        self.explained[index] = self._shares[-1][1]
        self._segments += 1
        self._start(_Place(last.index, last.picture, last.camera, self._segments))

    def _is_far(self, index: int, camera: Affine) -> bool:
        moved = float(corner_error(camera, self._anchor.camera, *self._size)) / self._size[0]
        anchor, last = self._anchor.picture.fine, self._last.picture.fine
        return (
            moved > LEAP
            or anchor.energy.mean() < FAINT * last.energy.mean()
            or (moved > SLOW and index - self._anchor.index >= ANCHORED)
        )
