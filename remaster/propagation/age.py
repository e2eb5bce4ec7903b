"""How long a source stays true: the picture's own outer strips are carried as the wings are, and compared."""

from __future__ import annotations

from collections import deque

import cv2
import numpy as np
import numpy.typing as npt

from remaster.arrays import Float32
from remaster.imaging.camera import rescale
from remaster.propagation.outward_motion import Motion

LINES = 60
"""Lines of the pictures that are compared."""
LONGEST = 72
"""Frames over which a picture is followed; no source is told to live longer."""
EVERY = 4
"""One picture in so many is followed."""
BANDS = 4
"""Bands along a join that age apart."""
STRIP = 0.13
"""Depth of the strips that are compared, as a share of the height."""
WORSE = 2.0
"""Grey levels by which a carried strip must be worse than the mirrored picture to be stale."""
SMOOTHED = 9
"""Frames over which the error of mirroring is averaged."""
EVIDENCE = 8
"""Pixels of a band that must be known to say anything."""
NEAR, SIGMA = 5, 3.0
"""Frames whose shortest life counts for a frame, and the deviation in frames by which lives are smoothed in time."""


class AgeMeter:
    """Takes a shot's frames in order and tells how old a source of each may be.

    A picture followed into the future grows stale where it fits a later frame worse than that frame's own mirror image
    (a dissolve, a flash, a morph, parallax, a figure). What is stale seen from the past is so from the future too.
    """

    def __init__(self, width: int, height: int):
        """For upright pictures of which ``width`` x ``height`` are the full size."""
        self._full = width, height
        lines = min(LINES, height)
        self._size = max(round(width * lines / height), 8), lines
        w, h = self._size
        self._y, self._x = np.mgrid[0:h, 0:w].astype(np.float32)
        self._depth = min(max(round(STRIP * h), 2), w // 2)
        self._live: list[tuple[int, Float32, Float32]] = []
        self._mirrored: deque[Float32] = deque(maxlen=SMOOTHED)
        self._lives: list[tuple[Float32, Float32]] = []  # of each frame: from the past, from the future
        self._square, self._count = 0.0, 0

    def push(self, picture: npt.NDArray[np.uint8], to_before: Motion) -> None:
        """Take the next frame, uint8 (h, w, 3) of any size, and its motion to the frame before it, at full size."""
        small = cv2.resize(picture, self._size, interpolation=cv2.INTER_AREA)
        now = np.asarray(cv2.GaussianBlur(small.astype(np.float32), (0, 0), 0.7), np.float32)
        self._mirrored.append(self._error(self._mirror(now), now, np.ones(now.shape[:2], np.float32)))
        index = len(self._lives)
        fresh = (np.full((BANDS, 2), float(LONGEST), np.float32), np.full((BANDS, 2), float(LONGEST), np.float32))
        self._lives.append(fresh)
        if index:
            self._follow(now, to_before, index)
        if index % EVERY == 0:
            self._live.append((index, now, np.array(np.ones(now.shape[:2]), np.float32)))

    @property
    def error(self) -> float:
        """How far off carried strips are that are not stale: the root of their bands' mean squares, in levels."""
        return float(np.sqrt(self._square / self._count)) if self._count else 0.0

    def lives(self) -> Float32:
        """(2, n, bands, 2): for past and future, frame, band and side, the age in frames that a source may have."""
        lives = np.array(self._lives, np.float32).transpose(1, 0, 2, 3)
        n = lives.shape[1]
        found = []
        for way in lives.reshape(2, n, -1):
            shortest = cv2.erode(way, np.ones((NEAR, 1), np.uint8), borderType=cv2.BORDER_REPLICATE)
            smooth = cv2.GaussianBlur(shortest, (1, 0), sigmaX=1, sigmaY=SIGMA, borderType=cv2.BORDER_REPLICATE)
            found.append(np.minimum(smooth, shortest))  # A cut is sharp: what is stale is never shown a little longer.
        return np.asarray(found, np.float32).reshape(2, n, BANDS, 2)

    def _follow(self, now: Float32, motion: Motion, index: int) -> None:
        """Bring the live pictures to this frame, and note what has grown stale."""
        self._live = [one for one in self._live if index - one[0] <= LONGEST]
        x, y = (self._x, self._y) if motion.at_rest else self._moved(motion)
        kept = []
        for start, picture, known in self._live:
            if not motion.at_rest:
                picture = _remap(picture, x, y, cv2.INTER_LINEAR, cv2.BORDER_REPLICATE)
                known = _remap(known, x, y, cv2.INTER_NEAREST, cv2.BORDER_CONSTANT)
            kept.append((start, picture, known))
            error = self._error(picture, now, known)
            stale = error > np.mean(self._mirrored, axis=0) + WORSE
            self._square += float((error[~stale & np.isfinite(error)] ** 2).sum())
            self._count += int((~stale & np.isfinite(error)).sum())
            life = max(index - start - EVERY / 2, 1.0)
            for lives in (self._lives[index][0], self._lives[start][1]):
                lives[stale] = np.minimum(lives[stale], life)
        self._live = kept

    def _moved(self, motion: Motion) -> tuple[Float32, Float32]:
        """Where each pixel of the small picture lies on the frame before: between the sides' own motions."""
        w, h = self._size
        ratio = w / self._full[0], h / self._full[1]
        camera = rescale(motion.camera, *ratio)
        share = self._x / max(w - 1, 1)
        own = [cv2.resize(side, (2, h), interpolation=cv2.INTER_AREA) for side in motion.own]
        found = []
        for k, (across, down, shift) in enumerate(camera):
            sides = [(side[:, k] * np.float32(ratio[k]))[:, None] for side in own]
            moved = across * self._x + down * self._y + shift + sides[0] * (1 - share) + sides[1] * share
            found.append(moved.astype(np.float32))
        return found[0], found[1]

    def _mirror(self, picture: Float32) -> Float32:
        """The picture with its outer strips mirrored from what lies inside them."""
        d, mirrored = self._depth, picture.copy()
        mirrored[:, :d] = picture[:, d : 2 * d][:, ::-1]
        mirrored[:, -d:] = picture[:, -2 * d : -d][:, ::-1]
        return mirrored

    def _error(self, guess: Float32, now: Float32, known: Float32) -> Float32:
        """Mean difference of the bands of both strips in levels, (bands, 2); NaN where too little is known."""
        difference = np.abs(guess - now).mean(axis=2) * known
        strips = (slice(0, self._depth), slice(-self._depth, None))
        rows = np.linspace(0, len(now), BANDS + 1).round().astype(int)[:-1]
        total, count = (
            np.stack([np.add.reduceat(part[:, s].sum(axis=1), rows) for s in strips], axis=1)
            for part in (difference, known)
        )
        return np.where(count > EVIDENCE, total / np.maximum(count, 1), np.nan).astype(np.float32)


def _remap(picture: Float32, x: Float32, y: Float32, how: int, border: int) -> Float32:
    return np.asarray(cv2.remap(picture, x, y, how, borderMode=border, borderValue=0), np.float32)
