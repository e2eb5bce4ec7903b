"""Interlacing: whether a video's frames hold two moments, and whether film lies under them (3:2 pulldown)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from remaster.arrays import Float32, Gray

Scan = Literal["progressive", "interlaced", "telecined"]

COLUMNS = 256  # about so many columns of a frame are looked at
MOVING = 12  # levels by which a sample must change to tell
LEAST_AREA = 0.001  # of the picture that must move, before and after a frame
COMBED = 0.2  # share of the telling frames that makes a video interlaced
REPEATED = 0.6  # share of the combed frames that makes it telecined
STILL_FIELD = 0.4  # a field repeats where it changes by less than this share of its fellow's change
# How likely a telling frame of film and one of video is to show two moments, and what a change between both costs (log
# likelihood): about a dozen frames in a row must speak for it, so that a slow scene of a video is no film.
COMBED_FILM, COMBED_VIDEO, CHANGE = 0.02, 0.5, 5.0
PULLDOWN_RATES = (Fraction(29), Fraction(31))


@dataclass(frozen=True)
class Fields:
    """What frames with enough motion tell: ``told``, their number.

    ``combed`` is the share (0-1) of them that show two moments in their two fields, ``repeated`` the share of those in
    which one field is a neighbour's, as in 3:2 pulldown. ``top_first``: the upper field is the earlier one.
    """

    told: int = 0
    combed: float = 0.0
    repeated: float = 0.0
    top_first: bool = True

    def scan(self, fps: Fraction) -> Scan:
        """How the video was made; pulldown makes 30 frames a second, and what else repeats fields is video."""
        if self.combed <= COMBED:
            return "progressive"
        pulldown = self.repeated > REPEATED and PULLDOWN_RATES[0] < fps < PULLDOWN_RATES[1]
        return "telecined" if pulldown else "interlaced"


class FieldSampler:
    """Keeps evenly spaced ones of a stream's moving frames, with the frames before and after, at most ``limit``."""

    def __init__(self, limit: int = 96) -> None:
        self._limit, self._stride, self._moving, self._count = limit, 1, 0, 0
        self._last: list[Gray] = []
        self._changed = False
        self._triples: list[tuple[int, Gray]] = []

    def push(self, luma: Callable[[], Gray]) -> None:
        """Take the next frame; ``luma`` makes its uint8 (h, w) luma."""
        picture = luma()
        columns = picture[:, :: max(picture.shape[1] // COLUMNS, 1)].copy()
        changed = bool(self._last) and _changes(self._last[-1], columns)
        if changed and self._changed and len(self._last) == 2:
            self._keep(self._count - 1, np.stack([*self._last, columns]))
        self._changed = changed
        self._count += 1
        self._last = [*self._last[-1:], columns]

    def _keep(self, number: int, triple: Gray) -> None:
        if self._moving % self._stride == 0:
            self._triples.append((number, triple))
        self._moving += 1
        if len(self._triples) > self._limit:
            self._triples = self._triples[::2]
            self._stride *= 2

    def triples(self) -> Sequence[Gray]:
        """The frames kept, uint8 (3, h, c) each: some columns of the frame before, the frame itself, the one after."""
        return tuple(triple for _, triple in self._triples)

    def numbers(self) -> Sequence[int]:
        """The numbers of the frames kept, ascending."""
        return tuple(number for number, _ in self._triples)


def fields(triples: Sequence[Gray], rows: slice, noise: float) -> Fields:
    """What the ``rows`` of the picture tell; ``noise`` is the standard deviation of its grain in levels.

    As FFmpeg's ``idet`` does, a frame's fields are woven with those of its neighbours: a field that fits one
    neighbour's better than the other's and about as well as its own fellow was taken at a time of its own.
    """
    return summed(verdicts(range(len(triples)), triples, rows, noise))


@dataclass(frozen=True)
class Verdict:
    """What frame ``number`` tells: whether it shows two moments, whether one of its fields is a neighbour's."""

    number: int
    combed: bool
    repeated: bool
    top_first: bool


def verdicts(numbers: Sequence[int], triples: Sequence[Gray], rows: slice, noise: float) -> tuple[Verdict, ...]:
    """What those of the frames ``numbers`` tell that tell anything; the rest as in ``fields``."""
    least = MOVING + 4 * noise
    found = (_verdict(n, t[:, rows].astype(np.float32), least) for n, t in zip(numbers, triples, strict=True))
    return tuple(verdict for verdict in found if verdict is not None)


def summed(told: Sequence[Verdict]) -> Fields:
    """What the frames tell together."""
    combed = [verdict for verdict in told if verdict.combed]
    if not combed:
        return Fields(len(told))
    repeated = float(np.mean([verdict.repeated for verdict in combed]))
    return Fields(len(told), len(combed) / len(told), repeated, bool(np.mean([v.top_first for v in combed]) >= 0.5))


@dataclass(frozen=True)
class Stretch:
    """Frames ``[start, end)`` that were made in one way, and what those among them tell."""

    start: int
    end: int
    told: tuple[Verdict, ...]


def stretches(told: Sequence[Verdict], count: int, flags: Sequence[int], cuts: Sequence[int]) -> tuple[Stretch, ...]:
    """Where ``count`` frames change between film and video: the likeliest sequence of both (Viterbi's).

    A change lies somewhere between two frames that tell: where the stream's own flags change (``flags``, frame
    numbers), else at a cut, else in the middle or a frame into the film: better one of its frames deinterlaced than one
    of the video left combed.
    """
    states = _likeliest([verdict.combed for verdict in told])
    bounds = [0]
    for before, after, one, other in zip(told, told[1:], states, states[1:], strict=False):
        if one != other:
            # A frame beside the change is compared with one of the other kind, and may be taken for it.
            between = range(before.number, after.number + 2)
            middle = (before.number + after.number + 1) // 2 + (1 if one else -1)
            bounds.append(next((n for places in (flags, cuts) for n in places if n in between), middle))
    bounds.append(count)
    return tuple(
        Stretch(start, end, tuple(verdict for verdict in told if start <= verdict.number < end))
        for start, end in pairwise(bounds)
        if start < end
    )


def _likeliest(combed: Sequence[bool]) -> list[bool]:
    """For each frame that tells, whether it lies in video: frames of it are often still, and then look like film."""
    best, back = [0.0, 0.0], []
    for seen in combed:
        gains = [np.log(share if seen else 1 - share) for share in (COMBED_FILM, COMBED_VIDEO)]
        come = [int(best[1] - CHANGE > best[0]), int(best[1] > best[0] - CHANGE)]
        best = [best[come[s]] - (CHANGE if come[s] != s else 0) + gains[s] for s in (0, 1)]
        back.append(come)
    states, state = [], int(best[1] > best[0])
    for come in reversed(back):
        states.append(bool(state))
        state = come[state]
    return states[::-1]


def _changes(one: Gray, other: Gray) -> bool:
    return float(np.count_nonzero(cv2.absdiff(one, other) > MOVING)) > LEAST_AREA * one.size


def _verdict(number: int, triple: Float32, least: float) -> Verdict | None:
    """What the middle frame tells; None where too little changes by ``least`` both ways."""
    before, frame, after = triple
    combs = triple[:, :-2] + triple[:, 2:] - 2 * triple[:, 1:-1]
    # What moves between fields is combed where it is, once. Drawn stripes stay in one more frame.
    steady = np.maximum(combs[1] * combs[0], combs[1] * combs[2]) > 400
    steps = np.abs(frame - before) > least, np.abs(frame - after) > least
    if min(step.mean() for step in steps) < LEAST_AREA:
        return None
    changed = (steps[0] | steps[1]).astype(np.uint8)
    moving = cv2.dilate(changed, np.ones((3, 1), np.uint8)).astype(bool)[1:-1] & ~steady
    if not moving.any():
        return None
    outer = frame[:-2] + frame[2:]
    own, past, future = (np.abs(outer - 2 * lines[1:-1])[moving] for lines in (frame, before, after))
    even = np.zeros(moving.shape, bool)
    even[1::2] = True  # rows of the inner lines whose number in the frame is even
    # Weaving a frame's even lines among its odd ones: the odd ones are the earlier field where the past fits worse.
    mask = even[moving]
    woven = (float(np.where(mask, past, future).mean()), float(np.where(mask, future, past).mean()))
    combed = max(woven) > 1.15 * min(woven) and float(own.mean()) > 0.5 * min(woven)
    return Verdict(number, combed, _repeats(triple[:, 1:-1], moving, even), woven[0] > woven[1])


def _repeats(triple: Float32, moving: npt.NDArray[np.bool_], even: npt.NDArray[np.bool_]) -> bool:
    """Whether one field of the middle frame, and not the other, is that of the frame before or after."""
    for neighbour in (triple[0], triple[2]):
        change = np.abs(triple[1] - neighbour)
        sides = sorted(float(change[moving & rows].mean()) if (moving & rows).any() else 0.0 for rows in (even, ~even))
        if sides[0] < STILL_FIELD * sides[1]:
            return True
    return False
