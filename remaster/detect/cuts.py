"""The cuts of a stream of small pictures, in bounded memory, and which runs between two cuts share a background.

Cuts are hard, fades through black, or dissolves. Runs share a camera set-up in a dialogue that cuts to and fro.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import cv2
import numpy as np
from scenedetect import FrameTimecode
from scenedetect.detectors import AdaptiveDetector, ContentDetector, ThresholdDetector

from remaster.arrays import Gray, Rgb
from remaster.detect.similarity import Thumb, area_in_place, explained_area
from remaster.detect.tuning import TUNING, DetectSettings
from remaster.imaging.channels import gray_of

NOMINAL_RATE = 24.0  # frame numbers label the frames; PySceneDetect requires a rate with them


class CutFinder:
    """Finds the cuts of a stream of small pictures; only the last few are in memory.

    PySceneDetect's ``AdaptiveDetector`` proposes hard cuts: changes that stand out from their neighbours'. A proposal
    is confirmed by comparing the pictures on both sides: no camera motion and no gain takes one to the other, and the
    scene does not return after a flash. Its ``ThresholdDetector`` finds fades through black. In a dissolve the middle
    picture is a blend of two others that show different scenes.
    """

    def __init__(self, settings: DetectSettings) -> None:
        tuning, self._settings = TUNING.cuts, settings
        self._adaptive = AdaptiveDetector(
            settings.cut_ratio,
            min_scene_len=0,
            window_width=tuning.adaptive_window,
            min_content_val=settings.cut_change,
            weights=ContentDetector.Components(
                delta_hue=0.0, delta_sat=tuning.saturation_weight, delta_lum=1.0, delta_edges=0.0
            ),
        )
        self._fade = ThresholdDetector(1, min_scene_len=0, min_out_length=tuning.flash_frames + 1)
        self._count = 0
        self._last: Rgb | None = None
        span = max(2 * max(TUNING.dissolves.half_lengths), settings.min_scene_frames + tuning.radius)
        self._thumbs: deque[Thumb] = deque(maxlen=span + tuning.radius)
        self._changes: list[float] = []
        self._first_lit: int | None = None
        self._pending: deque[int] = deque()
        self._flash_end = 0
        self._hard: list[int] = []
        self._fades: list[tuple[int, int]] = []
        self._dissolves: list[tuple[int, float]] = []
        self._views: dict[int, Gray] = {}

    def push(self, rgb: Rgb) -> None:
        """Take the next picture, uint8 (h, w, 3), all of one size."""
        tuning = TUNING.cuts
        thumb = _thumb(rgb)
        self._changes.append(float(cv2.absdiff(thumb, self._thumbs[-1]).mean()) if self._thumbs else 0.0)
        self._thumbs.append(thumb)
        # Saturation and value do not depend on the order of the channels, so RGB serves as BGR.
        self._last = np.asarray(cv2.convertScaleAbs(rgb, alpha=tuning.lift[0], beta=tuning.lift[1]), np.uint8)
        for _ in range(1 if self._count else 1 + tuning.adaptive_window):
            self._propose(self._count)
        lit = np.count_nonzero(thumb > tuning.black) > tuning.lit_area * thumb.size
        if lit and self._first_lit is None:
            self._first_lit = self._count
        for time in self._fade.process_frame(FrameTimecode(self._count, NOMINAL_RATE), np.float32(lit)):
            self._fades.append((time.frame_num, self._count))
        self._count += 1
        if self._count == 1:
            self._store_view(0)
        self._resolve(self._count - tuning.radius)
        if self._count % TUNING.dissolves.stride == 0:
            self._look_for_dissolve()

    def finish(self) -> tuple[int, ...]:
        """The first frames of all scenes: 0 and every cut, strictly ascending. Empty where there was no picture."""
        if not self._count:
            return ()
        for _ in range(TUNING.cuts.adaptive_window):
            self._propose(self._count - 1)
        self._resolve(self._count)
        self._store_view(self._count - 1)
        cuts = {0, *self._hard}
        for cut, lit in self._fades:
            # Black before the first lit picture is no scene of its own; black that a cut leads to or from is one.
            if self._first_lit is not None and cut > self._first_lit and not self._cut_near(cut, cuts, lit - cut + 1):
                cuts.add(cut)
        for cut, _ in self._dissolves:
            if not self._cut_near(cut, cuts, max(TUNING.dissolves.half_lengths)):
                cuts.add(cut)
        return tuple(sorted(cuts))

    def setups(self, cuts: Sequence[int]) -> tuple[int, ...]:
        """For each run between ``cuts`` (as of ``finish``), the number of the first one with the same set-up."""
        bounds = [*cuts, self._count]
        ends = [(start, end - 1) for start, end in pairwise(bounds)]
        views = [tuple(self._views[i].astype(np.float32) for i in pair if i in self._views) for pair in ends]
        lengths = [end - start for start, end in pairwise(bounds)]
        return find_setups(lengths, views, self._settings.setup_area, self._settings.setup_frames)

    def _store_view(self, frame: int) -> None:
        """Remember the first or last picture of a run."""
        self._views[frame] = np.rint(self._at(frame)).astype(np.uint8)

    def _cut_near(self, cut: int, cuts: set[int], distance: int) -> bool:
        """Whether a cut lies within a distance, or the length of the shortest scene."""
        distance = max(distance, self._settings.min_scene_frames)
        return any(other in cuts for other in range(cut - distance, cut + distance + 1))

    def _propose(self, label: int) -> None:
        """Feed the last picture to the detector, which answers some frames later."""
        times = self._adaptive.process_frame(FrameTimecode(label, NOMINAL_RATE), self._last)
        self._pending += [time.frame_num for time in times if time.frame_num > 0]

    def _resolve(self, until: int) -> None:
        """Decide on the proposals before frame ``until``."""
        while self._pending and self._pending[0] < until:
            cut = self._pending.popleft()
            if cut >= self._flash_end and self._is_cut(cut):
                self._accept(cut)

    def _at(self, frame: int) -> Thumb:
        """The thumb of a recent frame."""
        return self._thumbs[frame - self._count]

    def _is_cut(self, cut: int) -> bool:
        """Whether a proposal is a cut, judged on the pictures around it; takes note of a flash."""
        tuning = TUNING.cuts
        before = self._at(cut - 1)
        explained = explained_area(before, self._at(cut))
        if explained >= self._settings.same_area:
            return False
        for back in range(cut + 1, min(cut + tuning.flash_frames, self._count - 1) + 1):
            if explained_area(before, self._at(back)) >= self._settings.same_area:
                if all(_is_flash(self._at(i), before) for i in range(cut, back)):
                    self._flash_end = back + 1
                    return False
                break
        contrast = before.std(), self._at(cut).std()
        if min(contrast) < tuning.flat:
            # A step of a fade leaves little to compare, but its neighbours on the lit side are similar.
            near = tuning.flat_neighbours
            lit = range(cut - near, cut) if contrast[0] > contrast[1] else range(cut + 1, cut + near + 1)
            return self._stands_out(cut, lit)
        if explained < self._settings.other_area or self._is_blend(cut):
            return True
        return self._stands_out(cut, range(cut - tuning.radius, cut + tuning.radius + 1))

    def _stands_out(self, cut: int, frames: range) -> bool:
        """Whether the change at ``cut`` is larger than the others in ``frames``, but for earlier cuts."""
        recent = (cut, *self._hard[-TUNING.cuts.radius :])
        others = [self._changes[i] for i in frames if 0 < i < self._count and i not in recent]
        return self._changes[cut] >= self._settings.cut_ratio * max(others, default=0.0)

    def _is_blend(self, frame: int) -> bool:
        """Whether a frame mixes those before and after it, of different scenes (as conversions of the rate do)."""
        if frame + 1 >= self._count:
            return False
        before, after = self._at(frame - 1), self._at(frame + 1)
        share, residual = _blend(before, self._at(frame), after)
        low, high = TUNING.cuts.blend_share
        mixed = low < share < high and residual < TUNING.cuts.blend_residual
        return mixed and explained_area(before, after) < self._settings.other_area

    def _accept(self, cut: int) -> None:
        """Add a cut; where it ends a short run that is only a step between two scenes, one of its two cuts is
        dropped."""
        start = self._hard[-1] if self._hard else 0
        if start and cut - start < self._settings.min_scene_frames and self._is_transition(start, cut):
            if self._changes[cut] <= self._changes[start]:
                return
            self._hard.pop()
        self._hard.append(cut)
        self._store_view(cut - 1)
        self._store_view(cut)

    def _is_transition(self, start: int, end: int) -> bool:
        """Whether frames [start, end) between two cuts are no picture of their own: a whip, a wipe or a blend."""
        if end - start == 1:
            return self._is_blend(start)
        return explained_area(self._at(start), self._at(end - 1)) < self._settings.other_area

    def _look_for_dissolve(self) -> None:
        """Compare the latest pictures with blends of those before and after them."""
        least = TUNING.dissolves.min_difference
        for half in TUNING.dissolves.half_lengths:
            middle = self._count - 1 - half
            if middle - half < 0 or any(cut > middle - half for cut in (*self._hard[-1:], *self._pending)):
                return
            first, last = self._at(middle - half), self._at(self._count - 1)
            if cv2.absdiff(first, last).mean() < least or min(first.std(), last.std()) < least:
                continue
            share = _dissolve_share(first, self._at(middle), last)
            if share is not None and explained_area(first, last) < self._settings.other_area:
                self._note_dissolve(middle, abs(share - 0.5))

    def _note_dissolve(self, middle: int, off_centre: float) -> None:
        """Of several findings of one dissolve the one nearest to half and half stays."""
        if self._dissolves and middle - self._dissolves[-1][0] <= 2 * max(TUNING.dissolves.half_lengths):
            if off_centre >= self._dissolves[-1][1]:
                return
            self._dissolves.pop()
        self._dissolves.append((middle, off_centre))


def _is_flash(picture: Thumb, scene: Thumb) -> bool:
    """Whether a picture between two similar ones is light (or its absence) over that scene, not another scene."""
    tuning = TUNING.cuts
    if picture.std() < tuning.flash_contrast * scene.std() or picture.mean() > tuning.flash_mean:
        return True
    return abs(float(np.corrcoef(picture.ravel(), scene.ravel())[0, 1])) > tuning.flash_correlation


def _blend(first: Thumb, middle: Thumb, last: Thumb) -> tuple[float, float]:
    """(share of ``first``, squared residual over the squared difference of the two) of ``middle`` as their blend."""
    difference = first - last
    energy = float((difference * difference).sum()) + 1.0
    share = float(((middle - last) * difference).sum()) / energy
    residual = middle - last - share * difference
    return share, float((residual * residual).sum()) / energy


def _dissolve_share(first: Thumb, middle: Thumb, last: Thumb) -> float | None:
    """The share of ``first`` in ``middle`` where that is a blend of both, else None.

    Most of the picture must be that blend (characters may move in it), and neither picture alone may explain it, as it
    does in a fade.
    """
    tuning = TUNING.dissolves
    differ = np.abs(first - last) > tuning.changed
    if differ.mean() < tuning.changed_area:
        return None
    share = float(np.median((middle[differ] - last[differ]) / (first[differ] - last[differ])))
    if not tuning.share[0] < share < tuning.share[1]:
        return None
    blended = float((np.abs(middle - share * first - (1 - share) * last)[differ] < tuning.tolerance).mean())
    for alone in (first, last):
        gain, offset = np.polyfit(alone.ravel(), middle.ravel(), 1)
        explained = float((np.abs(middle - gain * alone - offset)[differ] < tuning.tolerance).mean())
        if explained > tuning.alone * blended:
            return None
    return share if blended > tuning.blended_area else None


def _thumb(rgb: Rgb) -> Thumb:
    """The picture's luma at the size of a thumb."""
    gray = gray_of(rgb)
    height, width = gray.shape
    scale = min(TUNING.cuts.thumb_side / max(width, height), 1.0)
    size = max(round(width * scale), 1), max(round(height * scale), 1)
    return np.asarray(cv2.resize(gray, size, interpolation=cv2.INTER_AREA), np.float32)


@dataclass
class _Setup:
    """A set-up: its first run, how many frames it has so far, and the views of its last run."""

    run: int
    frames: int
    views: tuple[Thumb, ...] = field(repr=False)


def find_setups(
    lengths: Sequence[int], views: Sequence[tuple[Thumb, ...]], same_area: float, max_frames: int
) -> tuple[int, ...]:
    """For each run, in the order of time, the number of the first run that shows its set-up: its own where it is new.

    ``lengths`` are the runs' numbers of frames, ``views`` float32 luma thumbs (h, w) of each run's ends, as far as they
    are known. A run joins the latest set-up of which a view shows ``same_area`` (0-1) of each of its own at the same
    place, as long as both together have at most ``max_frames``: a scene is one task.
    """
    recent: deque[_Setup] = deque(maxlen=TUNING.similarity.recent_setups)
    found = []
    for run, (length, own) in enumerate(zip(lengths, views, strict=True)):
        candidates = (s for s in reversed(recent) if s.frames + length <= max_frames)
        setup = next((s for s in candidates if _shows(s.views, own, same_area)), None)
        if setup is None:
            setup = _Setup(run, 0, own)
        else:
            recent.remove(setup)
        setup.frames += length
        setup.views = own
        recent.append(setup)
        found.append(setup.run)
    return tuple(found)


def _shows(known: Sequence[Thumb], own: Sequence[Thumb], same_area: float) -> bool:
    """Whether each of a run's ends looks like one of the set-up's."""
    if not known or not own:
        return False
    return all(max(area_in_place(view, end) for view in known) >= same_area for end in own)
