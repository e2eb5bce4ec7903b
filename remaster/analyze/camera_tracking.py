"""The camera from frame to frame, in chained motions that are corrected against an anchor some frames back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from remaster.analyze.tuning import TUNING
from remaster.arrays import Affine
from remaster.imaging.alignment import align_simplest, compare
from remaster.imaging.camera import IDENTITY, compose, corner_error, invert, rescale
from remaster.imaging.camera_motion import Motion, Picture, motion_between, unchanged
from remaster.imaging.tuning import TUNING as IMAGING


@dataclass(frozen=True)
class _Place:
    """A picture and its camera to the first picture of its segment."""

    index: int
    picture: Picture
    camera: Affine
    segment: int


class CameraTracker:
    """Tracks the camera through pictures of one size: ``motion``, ``explained`` and ``holds`` as in ``Analysis``.

    Each picture is compared with the one before it and, now and then, with an anchor some frames back, so that errors
    do not add up: a slow move under a large resting character, and a dissolve, are only visible over several frames.
    """

    _last: _Place
    _anchor: _Place
    _size: tuple[int, int]

    def __init__(self) -> None:
        self.motion: list[Affine] = []
        self.explained: list[float] = []
        self.holds: list[bool] = []
        self._segments = 0
        self._searched = 0
        self._before_break: _Place | None = None
        self._shares: list[tuple[int, float]] = []

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
        index, tuning = len(self.motion), TUNING.tracking
        if not index:
            self._size = (picture.gray.shape[1], picture.gray.shape[0])
            self._start(_Place(0, picture, np.array(IDENTITY), 0))
            self._record(IDENTITY, 1.0, hold=False)
            return None
        last = self._last
        if np.array_equal(picture.gray, last.picture.gray):
            picture = last.picture  # its representations are computed already
        step = motion_between(last.picture, picture, self.motion[-1], self._enough(index))
        if step.searched:
            self._searched = index
        if (bridge := self._bridge(picture, index)) is not None:
            return self._rejoin(picture, bridge)
        if step.explained < IMAGING.camera_motion.broken:
            self._break(picture, step.explained)
            return None
        resting = bool((step.matrix == IDENTITY).all())
        camera, faded = last.camera if resting else compose(last.camera, step.matrix), False
        age = index - self._anchor.index
        if age > 1 and age % (tuning.check_holds_every if step.hold else tuning.check_every) == 0 and not step.shaded:
            camera, faded = self._against_anchor(picture, camera, index)
            if step.hold or (
                resting and float(corner_error(camera, last.camera, *self._size)) < tuning.rest_correction
            ):
                camera = last.camera
        moved = IDENTITY if camera is last.camera else compose(invert(last.camera), camera)
        self._record(moved, step.explained, step.hold)
        self._last = _Place(index, picture, camera, last.segment)
        if faded:
            self._split_fade()
        elif self._is_far(index, camera):
            self._start(self._last)
        return None

    def _enough(self, index: int) -> float:
        """The share that the motion of the frame before must explain again, or all motions are searched.

        Where the set has depth, none explains a majority; one that was found goes on for some frames.
        """
        tuning = TUNING.tracking
        if self._searched and index - self._searched < tuning.search_every:
            return max(tuning.goes_on * self.explained[-1], IMAGING.camera_motion.broken)
        return IMAGING.camera_motion.majority

    def _record(self, matrix: Affine, explained: float, hold: bool) -> None:
        self.motion.append(np.array(matrix))
        self.explained.append(explained)
        self.holds.append(hold)

    def _start(self, place: _Place) -> None:
        """Make the newest picture the anchor."""
        self._last = self._anchor = place
        self._shares = []

    def _break(self, picture: Picture, explained: float) -> None:
        """Begin a new segment with ``picture``."""
        if self._before_break is None:
            self._before_break = self._last
        self._segments += 1
        self._record(IDENTITY, explained, hold=False)
        self._start(_Place(len(self.motion) - 1, picture, np.array(IDENTITY), self._segments))

    def _bridge(self, picture: Picture, index: int) -> Motion | None:
        """The motion from before the last break to ``picture``, if that break was only a flash."""
        if self._before_break is None:
            return None
        if index - self._before_break.index > TUNING.tracking.flash_frames + 1:
            self._before_break = None
            return None
        bridge = motion_between(self._before_break.picture, picture)
        return bridge if bridge.explained >= TUNING.tracking.bridged else None

    def _rejoin(self, picture: Picture, bridge: Motion) -> int:
        """Continue the segment before a flash; returns the flash's first frame."""
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
        tuning, anchor = TUNING.tracking, self._anchor
        a, b = anchor.picture.fine, picture.fine
        if min(a.energy.mean(), b.energy.mean()) < tuning.faint * max(a.energy.mean(), b.energy.mean()):
            return camera, False
        guess = rescale(compose(invert(anchor.camera), camera), *b.scale)
        fit = align_simplest(a, b, guess)
        cells = compare(a, b, guess) if fit is None else fit.cells
        share = max(cells.share, unchanged(a, b, cells) if (guess == IDENTITY).all() else 0.0)
        self._shares.append((index, share))
        moved = float(corner_error(guess, IDENTITY, *b.size)) / b.size[0]
        since = self.explained[anchor.index + 1 :]
        broken = share < IMAGING.camera_motion.broken * min(since)
        if cells.area > tuning.faded_area and moved < tuning.slow and broken:
            return camera, True
        if fit is None or float(corner_error(fit.camera, guess, *b.size)) > tuning.max_correction:
            return camera, False
        return compose(anchor.camera, rescale(fit.camera, 1.0 / b.scale[0], 1.0 / b.scale[1])), False

    def _split_fade(self) -> None:
        """Mark the frame at which half of the anchor's picture was gone (a dissolve) as a break."""
        last = self._last
        half = (1.0 + self._shares[-1][1]) / 2
        index = next(i for i, share in self._shares if share <= half)
        self.explained[index] = self._shares[-1][1]
        self._segments += 1
        self._start(_Place(last.index, last.picture, last.camera, self._segments))

    def _is_far(self, index: int, camera: Affine) -> bool:
        """Whether the camera, or a fade, has left the anchor."""
        tuning = TUNING.tracking
        moved = float(corner_error(camera, self._anchor.camera, *self._size)) / self._size[0]
        anchor, last = self._anchor.picture.fine, self._last.picture.fine
        return (
            moved > tuning.max_anchor_move
            or anchor.energy.mean() < tuning.faint * last.energy.mean()
            or (moved > tuning.slow and index - self._anchor.index >= tuning.max_anchor_frames)
        )
