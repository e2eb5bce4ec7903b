"""Interlacing: whether the two fields of a frame show two moments, and whether it is film in 3:2 pulldown.

``FieldSampler`` keeps moving frames with their neighbours, ``field_evidence`` judges each of them, ``summed`` all of
them, ``scan_of`` names the result, and ``stretches`` finds where a video changes between film and video.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

import cv2
import numpy as np

from remaster.arrays import Float32, Gray, Mask
from remaster.detect.tuning import TUNING
from remaster.imaging.estimation import viterbi
from remaster.records import FieldEvidence, Fields, Scan


class FieldSampler:
    """Keeps evenly spaced moving frames of a stream with the frames before and after, at most ``limit`` of them."""

    def __init__(self, limit: int = TUNING.interlacing.samples) -> None:
        self._limit, self._stride, self._moving, self._count = limit, 1, 0, 0
        self._last: list[Gray] = []
        self._changed = False
        self._triples: list[tuple[int, Gray]] = []

    def push(self, luma: Callable[[], Gray]) -> None:
        """Take the next frame; ``luma`` makes its uint8 (h, w) luma."""
        picture = luma()
        columns = picture[:, :: max(picture.shape[1] // TUNING.interlacing.columns, 1)].copy()
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
        """The sampled frames, uint8 (3, h, c) each: some columns of the frame before, the frame itself, the one
        after."""
        return tuple(triple for _, triple in self._triples)

    def numbers(self) -> Sequence[int]:
        """The numbers of the sampled frames, ascending."""
        return tuple(number for number, _ in self._triples)


def field_evidence(
    numbers: Sequence[int], triples: Sequence[Gray], rows: slice, noise: float
) -> tuple[FieldEvidence, ...]:
    """What the sampled frames show in these ``rows``; frames with too little motion are left out.

    As in FFmpeg's ``idet``, a frame's fields are woven with those of its neighbours: a field that fits one neighbour's
    better than the other's, and about as well as its own fellow, was taken at another time. ``noise`` is the standard
    deviation of the grain in levels.
    """
    min_change = TUNING.interlacing.min_change + TUNING.interlacing.noise_sigmas * noise
    found = (_evidence(n, t[:, rows].astype(np.float32), min_change) for n, t in zip(numbers, triples, strict=True))
    return tuple(evidence for evidence in found if evidence is not None)


def summed(evidence: Sequence[FieldEvidence]) -> Fields:
    """What the frames show together."""
    combed = [one for one in evidence if one.combed]
    if not combed:
        return Fields(len(evidence))
    repeated = float(np.mean([one.repeated for one in combed]))
    top_first = bool(np.mean([one.top_first for one in combed]) >= 0.5)
    return Fields(len(evidence), len(combed) / len(evidence), repeated, top_first)


def scan_of(fields: Fields, fps: Fraction) -> Scan:
    """How a video was made; pulldown makes 30 frames a second, and what else repeats fields is video."""
    tuning = TUNING.interlacing
    if fields.combed <= tuning.combed:
        return "progressive"
    low, high = tuning.pulldown_rates
    return "telecined" if fields.repeated > tuning.repeated and low < fps < high else "interlaced"


@dataclass(frozen=True)
class Stretch:
    """Frames ``[start, end)`` that were made in one manner, and the evidence of those among them."""

    start: int
    end: int
    evidence: tuple[FieldEvidence, ...]


def stretches(
    evidence: Sequence[FieldEvidence], count: int, flags: Sequence[int], cuts: Sequence[int]
) -> tuple[Stretch, ...]:
    """Where ``count`` frames change between film and video: the most likely sequence of both (Viterbi).

    A change lies somewhere between two frames with evidence. It is placed where the stream's own flags change
    (``flags``, frame numbers), else at a cut, else in the middle or a frame into the film: better one frame of film
    deinterlaced than one of the video left combed.
    """
    states = _video_states([one.combed for one in evidence])
    bounds = [0]
    for before, after, one, other in zip(evidence, evidence[1:], states, states[1:], strict=False):
        if one != other:
            # A frame beside the change is compared with one of the other kind, and may be mistaken for it.
            between = range(before.number, after.number + 2)
            middle = (before.number + after.number + 1) // 2 + (1 if one else -1)
            bounds.append(next((n for places in (flags, cuts) for n in places if n in between), middle))
    bounds.append(count)
    return tuple(
        Stretch(start, end, tuple(one for one in evidence if start <= one.number < end))
        for start, end in pairwise(bounds)
        if start < end
    )


def _video_states(combed: Sequence[bool]) -> list[bool]:
    """For each frame with evidence, whether it is video: its frames are often still, and then look like film."""
    tuning = TUNING.interlacing
    likelihoods = np.array([tuning.combed_film, tuning.combed_video])
    costs = [-np.log(likelihoods if seen else 1 - likelihoods) for seen in combed]
    changes = tuning.change_cost * (1 - np.eye(2))
    return [bool(state) for state in viterbi(np.array(costs).reshape(-1, 2), changes)]


def _changes(one: Gray, other: Gray) -> bool:
    """Whether enough pixels change from one frame to the next."""
    tuning = TUNING.interlacing
    return float(np.count_nonzero(cv2.absdiff(one, other) > tuning.min_change)) > tuning.min_area * one.size


def _evidence(number: int, triple: Float32, min_change: float) -> FieldEvidence | None:
    """What the middle frame shows; None where too little changes by ``min_change`` to both neighbours."""
    tuning = TUNING.interlacing
    before, frame, after = triple
    combs = triple[:, :-2] + triple[:, 2:] - 2 * triple[:, 1:-1]
    # Motion between fields combs a place in one frame only. Drawn stripes stay for another frame.
    steady = np.maximum(combs[1] * combs[0], combs[1] * combs[2]) > tuning.steady_comb
    steps = np.abs(frame - before) > min_change, np.abs(frame - after) > min_change
    if min(step.mean() for step in steps) < tuning.min_area:
        return None
    changed = (steps[0] | steps[1]).astype(np.uint8)
    moving = cv2.dilate(changed, np.ones((3, 1), np.uint8)).astype(bool)[1:-1] & ~steady
    if not moving.any():
        return None
    outer = frame[:-2] + frame[2:]
    own, past, future = (np.abs(outer - 2 * rows[1:-1])[moving] for rows in (frame, before, after))
    even = np.zeros(moving.shape, bool)
    even[1::2] = True  # inner rows whose number in the frame is even
    # Even rows are woven among odd ones: the odd ones are the earlier field where the past fits worse.
    mask = even[moving]
    woven = (float(np.where(mask, past, future).mean()), float(np.where(mask, future, past).mean()))
    combed = max(woven) > tuning.one_sided * min(woven) and float(own.mean()) > tuning.own_comb * min(woven)
    return FieldEvidence(number, combed, _repeats(triple[:, 1:-1], moving, even), woven[0] > woven[1])


def _repeats(triple: Float32, moving: Mask, even: Mask) -> bool:
    """Whether one field of the middle frame, and not the other, is that of the frame before or after."""
    for neighbour in (triple[0], triple[2]):
        change = np.abs(triple[1] - neighbour)
        sides = sorted(float(change[moving & rows].mean()) if (moving & rows).any() else 0.0 for rows in (even, ~even))
        if sides[0] < TUNING.interlacing.repeated_field * sides[1]:
            return True
    return False
