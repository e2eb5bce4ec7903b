"""How long a source stays valid, measured on the picture's own outer strips, which are carried as the wings are."""

from __future__ import annotations

from collections import deque

import cv2
import numpy as np
import numpy.typing as npt

from remaster.arrays import Float32
from remaster.imaging.camera import rescale
from remaster.propagation.outward_motion import Motion
from remaster.propagation.tuning import TUNING


class AgeMeter:
    """Takes a shot's frames in order and measures how old a source of each may be.

    A picture carried into the future is stale where it fits a later frame worse than that frame's own mirror image does
    (after a dissolve, a flash, a morph, parallax, a figure). The same holds in the other direction of time.
    """

    def __init__(self, width: int, height: int):
        """For upright pictures of the full size ``width`` x ``height``."""
        tuning, self._full = TUNING.age, (width, height)
        rows = min(tuning.height, height)
        self._size = max(round(width * rows / height), 8), rows
        w, h = self._size
        self._y, self._x = np.mgrid[0:h, 0:w].astype(np.float32)
        self._depth = min(max(round(tuning.strip * h), tuning.min_strip), w // 2)
        self._live: list[tuple[int, Float32, Float32]] = []
        self._mirrored: deque[Float32] = deque(maxlen=tuning.mirrored_frames)
        self._lives: list[tuple[Float32, Float32]] = []  # of each frame: from the past, from the future
        self._square, self._count = 0.0, 0

    def push(self, picture: npt.NDArray[np.uint8], to_before: Motion) -> None:
        """Take the next frame, uint8 (h, w, 3) of any size, and its motion to the frame before it, at full size."""
        tuning = TUNING.age
        small = cv2.resize(picture, self._size, interpolation=cv2.INTER_AREA)
        now = np.asarray(cv2.GaussianBlur(small.astype(np.float32), (0, 0), tuning.sigma), np.float32)
        self._mirrored.append(self._error(self._mirror(now), now, np.ones(now.shape[:2], np.float32)))
        index = len(self._lives)
        full = np.full((tuning.bands, 2), float(tuning.max_life), np.float32)
        self._lives.append((full, full.copy()))
        if index:
            self._carry(now, to_before, index)
        if index % tuning.every == 0:
            self._live.append((index, now, np.array(np.ones(now.shape[:2]), np.float32)))

    @property
    def error(self) -> float:
        """The error of carried strips that are not stale: the root mean square over their bands, in levels."""
        return float(np.sqrt(self._square / self._count)) if self._count else 0.0

    def lives(self) -> Float32:
        """(2, n, bands, 2): for past and future, frame, band and side, the age in frames that a source may have."""
        tuning = TUNING.age
        lives = np.array(self._lives, np.float32).transpose(1, 0, 2, 3)
        n = lives.shape[1]
        found = []
        for one in lives.reshape(2, n, -1):
            shortest = cv2.erode(one, np.ones((tuning.near, 1), np.uint8), borderType=cv2.BORDER_REPLICATE)
            smooth = cv2.GaussianBlur(
                shortest, (1, 0), sigmaX=1, sigmaY=tuning.life_sigma, borderType=cv2.BORDER_REPLICATE
            )
            found.append(np.minimum(smooth, shortest))  # a cut is sharp: smoothing must not lengthen a life
        return np.asarray(found, np.float32).reshape(2, n, tuning.bands, 2)

    def _carry(self, now: Float32, motion: Motion, index: int) -> None:
        """Warp the live pictures to this frame, and record what has become stale."""
        tuning = TUNING.age
        self._live = [one for one in self._live if index - one[0] <= tuning.max_life]
        x, y = (self._x, self._y) if motion.at_rest else self._moved(motion)
        carried = []
        for start, picture, known in self._live:
            if not motion.at_rest:
                picture = _remap(picture, x, y, cv2.INTER_LINEAR, cv2.BORDER_REPLICATE)
                known = _remap(known, x, y, cv2.INTER_NEAREST, cv2.BORDER_CONSTANT)
            carried.append((start, picture, known))
            error = self._error(picture, now, known)
            stale = error > np.mean(self._mirrored, axis=0) + tuning.margin
            valid = ~stale & np.isfinite(error)
            self._square += float((error[valid] ** 2).sum())
            self._count += int(valid.sum())
            life = max(index - start - tuning.every / 2, 1.0)
            for lives in (self._lives[index][0], self._lives[start][1]):
                lives[stale] = np.minimum(lives[stale], life)
        self._live = carried

    def _moved(self, motion: Motion) -> tuple[Float32, Float32]:
        """Where each pixel of the small picture lies on the frame before, interpolated between the sides' own
        motions."""
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
        """The picture with its outer strips replaced by mirror images of what is inside them."""
        d, mirrored = self._depth, picture.copy()
        mirrored[:, :d] = picture[:, d : 2 * d][:, ::-1]
        mirrored[:, -d:] = picture[:, -2 * d : -d][:, ::-1]
        return mirrored

    def _error(self, guess: Float32, now: Float32, known: Float32) -> Float32:
        """Mean difference of the bands of both strips in levels, (bands, 2); NaN where too little is known."""
        difference = np.abs(guess - now).mean(axis=2) * known
        strips = (slice(0, self._depth), slice(-self._depth, None))
        rows = np.linspace(0, len(now), TUNING.age.bands + 1).round().astype(int)[:-1]
        total, count = (
            np.stack([np.add.reduceat(part[:, s].sum(axis=1), rows) for s in strips], axis=1)
            for part in (difference, known)
        )
        return np.where(count > TUNING.age.min_pixels, total / np.maximum(count, 1), np.nan).astype(np.float32)


def _remap(picture: Float32, x: Float32, y: Float32, how: int, border: int) -> Float32:
    """The picture at places (x, y), float32."""
    return np.asarray(cv2.remap(picture, x, y, how, borderMode=border, borderValue=0), np.float32)
