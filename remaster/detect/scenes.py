"""Step 1, detect: one reading of a video finds its cuts and, from sampled frames, what holds for all of it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import cv2
import numpy as np
from scenedetect import FrameTimecode
from scenedetect.detectors import AdaptiveDetector, ContentDetector, ThresholdDetector

from remaster.arrays import Gray, Rgb
from remaster.detect.active_picture import FrameSampler, picture_and_gate
from remaster.detect.noise import noise_level
from remaster.detect.setups import find_setups
from remaster.detect.similarity import Thumb, explained_area
from remaster.errors import MediaError
from remaster.imaging.interlacing import FieldSampler, summed, verdicts
from remaster.media.planes import crop, luma8, resize_rgb
from remaster.media.types import Frame, Rect, VideoInfo
from remaster.records import Detection

PICTURE_SIDE = 256  # longest side, at most, of what the detectors of PySceneDetect are given
THUMB_SIDE = 128  # longest side of the luma thumbs that cuts are confirmed on
WINDOW = 2  # frames on each side that AdaptiveDetector compares a frame's change with
REACH = 8  # frames on each side that a doubtful cut's change must stand out from
FLASH_FRAMES = 3  # the longest flash
DISSOLVE_HALVES = (6, 12, 20)  # half lengths that dissolves are looked for with
DISSOLVE_STRIDE = 4  # frames from one picture in which dissolves are sought to the next
# Saturation and luma. Hue says nothing of near-grey pixels: noise in them would look like change.
WEIGHTS = ContentDetector.Components(delta_hue=0.0, delta_sat=0.5, delta_lum=1.0, delta_edges=0.0)
BLACK_LEVEL = 30  # a picture is black where all of its luma, 0-255, but a share of LIT_AREA is under this
LIT_AREA = 0.003
FLAT = 4  # standard deviation of a picture's luma under which it has nothing to compare
NOMINAL_RATE = 24.0  # frame numbers label the frames; PySceneDetect wants a rate with them


@dataclass(frozen=True)
class DetectSettings:
    """Settings of the step.

    ``cut_ratio`` and ``cut_change``: a cut's change is at least so many times its neighbours' mean, and so large (mean
    difference in 8-bit levels). ``same_area``: two pictures that explain this share of each other's area show one
    scene; ``other_area``: two that explain less than this show two, whatever moves around them. Scenes shorter than
    ``min_scene_frames`` are kept only where they are pictures of their own, not steps of a transition.
    ``setup_area``: runs between cuts whose ends show this share of each other's area at the same place are one scene,
    of at most ``setup_frames`` frames (0 links none). ``samples`` is the number of full-size luma planes kept at most.
    """

    cut_ratio: float = 1.8
    cut_change: float = 4.0
    same_area: float = 0.75
    other_area: float = 0.35
    min_scene_frames: int = 8
    setup_area: float = 0.65
    setup_frames: int = 2400
    samples: int = 32


def detect(frames: Iterable[Frame], info: VideoInfo, settings: DetectSettings) -> Detection:
    """Read a video's frames once, in order, and tell its times, cuts, active picture, gate, noise and fields.

    Memory is bounded by ``settings.samples`` full-size planes, whatever the video's length. Raises ``MediaError`` when
    there is no frame.
    """
    finder = CutFinder(settings)
    sampler, interlacing = FrameSampler(settings.samples), FieldSampler()
    pts = []
    for frame in frames:
        pts.append(frame.pts)
        finder.push(_small_picture(frame, info))
        luma = partial(luma8, frame.planes, info.format)
        sampler.push(luma)
        interlacing.push(luma)
    if not pts:
        raise MediaError(f"{info.path} holds no picture that can be decoded")
    samples = sampler.samples()
    active, gate = picture_and_gate(samples, info.format)
    noise = noise_level(samples, active)
    rows = slice(active.y + active.y % 2, active.y + active.height)  # the first is the upper field's
    cuts = finder.finish()
    told = verdicts(interlacing.numbers(), interlacing.triples(), rows, noise)
    return Detection(
        pts=np.asarray(pts, np.int64),
        cuts=cuts,
        setups=finder.setups(cuts),
        active=active,
        gate=gate,
        noise=noise,
        fields=summed(told),
        told=told,
    )


def _small_picture(frame: Frame, info: VideoInfo) -> Rgb:
    """The frame at a whole fraction of its size: averages over whole numbers of samples are several times faster."""
    longest = max(info.width, info.height)
    if longest <= PICTURE_SIDE:
        return resize_rgb(frame.planes, info.format, info.color, info.width, info.height)
    step = 2 * -(-longest // (2 * PICTURE_SIDE))
    width, height = max(info.width // step, 1), max(info.height // step, 1)
    rect = Rect(0, 0, min(width * step, info.width), min(height * step, info.height))
    return resize_rgb(crop(frame.planes, info.format, rect), info.format, info.color, width, height, info.height)


class CutFinder:
    """Finds the cuts of a stream of small pictures, with a memory of the last few only.

    PySceneDetect's ``AdaptiveDetector`` proposes hard cuts: changes that stand out from their neighbours'. A proposal
    is confirmed by looking at the pictures on both sides: no camera motion and no gain takes one to the other, and the
    scene does not come back after a flash. Its ``ThresholdDetector`` finds fades through black. Dissolves are where
    the middle picture is a blend of two others that show different scenes.
    """

    def __init__(self, settings: DetectSettings) -> None:
        self._settings = settings
        self._adaptive = AdaptiveDetector(
            settings.cut_ratio,
            min_scene_len=0,
            window_width=WINDOW,
            min_content_val=settings.cut_change,
            weights=WEIGHTS,
        )
        self._fade = ThresholdDetector(1, min_scene_len=0, min_out_length=FLASH_FRAMES + 1)
        self._count = 0
        self._last: Rgb | None = None
        span = max(2 * max(DISSOLVE_HALVES), settings.min_scene_frames + REACH)
        self._thumbs: deque[Thumb] = deque(maxlen=span + REACH)
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
        thumb = _thumb(rgb)
        self._changes.append(float(cv2.absdiff(thumb, self._thumbs[-1]).mean()) if self._thumbs else 0.0)
        self._thumbs.append(thumb)
        # Saturation and value do not depend on the order of the channels, so RGB does for BGR. Lifting the black keeps
        # the saturation of nearly black pixels, which is all noise, down.
        self._last = np.asarray(cv2.convertScaleAbs(rgb, alpha=0.75, beta=64), np.uint8)
        for _ in range(1 if self._count else 1 + WINDOW):
            self._propose(self._count)
        lit = np.count_nonzero(thumb > BLACK_LEVEL) > LIT_AREA * thumb.size
        if lit and self._first_lit is None:
            self._first_lit = self._count
        for time in self._fade.process_frame(FrameTimecode(self._count, NOMINAL_RATE), np.float32(lit)):
            self._fades.append((time.frame_num, self._count))
        self._count += 1
        if self._count == 1:
            self._keep_view(0)
        self._resolve(self._count - REACH)
        if self._count % DISSOLVE_STRIDE == 0:
            self._look_for_dissolve()

    def finish(self) -> tuple[int, ...]:
        """The first frames of all scenes: 0 and every cut, strictly ascending. Empty where there was no picture."""
        if not self._count:
            return ()
        for _ in range(WINDOW):
            self._propose(self._count - 1)
        self._resolve(self._count)
        self._keep_view(self._count - 1)
        cuts = {0, *self._hard}
        for cut, lit in self._fades:
            # The black before the first lit picture is no scene of its own, and one that a cut leads to or from is one.
            if self._first_lit is not None and cut > self._first_lit and not self._cut_near(cut, cuts, lit - cut + 1):
                cuts.add(cut)
        for cut, _ in self._dissolves:
            if not self._cut_near(cut, cuts, max(DISSOLVE_HALVES)):
                cuts.add(cut)
        return tuple(sorted(cuts))

    def setups(self, cuts: Sequence[int]) -> tuple[int, ...]:
        """For each run between ``cuts``, what ``finish`` returned, the number of the first that shows its set-up."""
        bounds = [*cuts, self._count]
        ends = [(start, end - 1) for start, end in pairwise(bounds)]
        views = [tuple(self._views[i].astype(np.float32) for i in pair if i in self._views) for pair in ends]
        lengths = [end - start for start, end in pairwise(bounds)]
        return find_setups(lengths, views, self._settings.setup_area, self._settings.setup_frames)

    def _keep_view(self, frame: int) -> None:
        """Remember how a run begins or ends."""
        self._views[frame] = np.rint(self._at(frame)).astype(np.uint8)

    def _cut_near(self, cut: int, cuts: set[int], reach: int) -> bool:
        reach = max(reach, self._settings.min_scene_frames)
        return any(other in cuts for other in range(cut - reach, cut + reach + 1))

    def _propose(self, label: int) -> None:
        """Feed the last picture to the detector, which answers ``WINDOW`` frames later."""
        times = self._adaptive.process_frame(FrameTimecode(label, NOMINAL_RATE), self._last)
        self._pending += [time.frame_num for time in times if time.frame_num > 0]

    def _resolve(self, until: int) -> None:
        """Decide on the proposals before frame ``until``."""
        while self._pending and self._pending[0] < until:
            cut = self._pending.popleft()
            if cut >= self._flash_end and self._is_cut(cut):
                self._accept(cut)

    def _at(self, frame: int) -> Thumb:
        return self._thumbs[frame - self._count]

    def _is_cut(self, cut: int) -> bool:
        before = self._at(cut - 1)
        explained = explained_area(before, self._at(cut))
        if explained >= self._settings.same_area:
            return False
        for back in range(cut + 1, min(cut + FLASH_FRAMES, self._count - 1) + 1):
            if explained_area(before, self._at(back)) >= self._settings.same_area:
                if all(_is_flash(self._at(i), before) for i in range(cut, back)):
                    self._flash_end = back + 1
                    return False
                break
        contrast = before.std(), self._at(cut).std()
        if min(contrast) < FLAT:
            # A step of a fade leaves little to compare, but its neighbours on the lit side are like it.
            lit = range(cut - 3, cut) if contrast[0] > contrast[1] else range(cut + 1, cut + 4)
            return self._stands_out(cut, lit)
        if explained < self._settings.other_area or self._is_blend(cut):
            return True
        return self._stands_out(cut, range(cut - REACH, cut + REACH + 1))

    def _stands_out(self, cut: int, frames: range) -> bool:
        """Whether the change at ``cut`` is larger than the others in ``frames``, but for earlier cuts."""
        recent = (cut, *self._hard[-REACH:])
        others = [self._changes[i] for i in frames if 0 < i < self._count and i not in recent]
        return self._changes[cut] >= self._settings.cut_ratio * max(others, default=0.0)

    def _is_blend(self, frame: int) -> bool:
        """Whether a frame mixes those before and after it, of different scenes (as conversions of the rate do)."""
        if frame + 1 >= self._count:
            return False
        before, after = self._at(frame - 1), self._at(frame + 1)
        share, residual = _blend(before, self._at(frame), after)
        mixed = 0.1 < share < 0.9 and residual < 0.1
        return mixed and explained_area(before, after) < self._settings.other_area

    def _accept(self, cut: int) -> None:
        """Add a cut; where it ends a short run that is only a step between two scenes, one of its two cuts goes."""
        start = self._hard[-1] if self._hard else 0
        if start and cut - start < self._settings.min_scene_frames and self._is_transition(start, cut):
            if self._changes[cut] <= self._changes[start]:
                return
            self._hard.pop()
        self._hard.append(cut)
        self._keep_view(cut - 1)
        self._keep_view(cut)

    def _is_transition(self, start: int, end: int) -> bool:
        """Whether frames [start, end) between two cuts are no picture of their own: a whip, a wipe or a blend."""
        if end - start == 1:
            return self._is_blend(start)
        return explained_area(self._at(start), self._at(end - 1)) < self._settings.other_area

    def _look_for_dissolve(self) -> None:
        for half in DISSOLVE_HALVES:
            middle = self._count - 1 - half
            if middle - half < 0 or any(cut > middle - half for cut in (*self._hard[-1:], *self._pending)):
                return
            first, last = self._at(middle - half), self._at(self._count - 1)
            if cv2.absdiff(first, last).mean() < 8 or min(first.std(), last.std()) < 8:
                continue
            share = _dissolve_share(first, self._at(middle), last)
            if share is not None and explained_area(first, last) < self._settings.other_area:
                self._note_dissolve(middle, abs(share - 0.5))

    def _note_dissolve(self, middle: int, off_centre: float) -> None:
        """Of several looks at one dissolve the one nearest to half and half stays."""
        if self._dissolves and middle - self._dissolves[-1][0] <= 2 * max(DISSOLVE_HALVES):
            if off_centre >= self._dissolves[-1][1]:
                return
            self._dissolves.pop()
        self._dissolves.append((middle, off_centre))


def _is_flash(picture: Thumb, scene: Thumb) -> bool:
    """Whether a picture between two alike ones is light (or its absence) over that scene, not another scene."""
    if picture.std() < 0.35 * scene.std() or picture.mean() > 215:
        return True
    return abs(float(np.corrcoef(picture.ravel(), scene.ravel())[0, 1])) > 0.5


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
    differ = np.abs(first - last) > 16
    if differ.mean() < 0.25:
        return None
    share = float(np.median((middle[differ] - last[differ]) / (first[differ] - last[differ])))
    if not 0.3 < share < 0.7:
        return None
    blended = float((np.abs(middle - share * first - (1 - share) * last)[differ] < 8).mean())
    for alone in (first, last):
        gain, offset = np.polyfit(alone.ravel(), middle.ravel(), 1)
        if float((np.abs(middle - gain * alone - offset)[differ] < 8).mean()) > 0.75 * blended:
            return None
    return share if blended > 0.7 else None


def _fit(width: int, height: int, side: int) -> tuple[int, int]:
    """A size of the same shape whose longest side is at most ``side``."""
    scale = min(side / max(width, height), 1.0)
    return max(round(width * scale), 1), max(round(height * scale), 1)


def _thumb(rgb: Rgb) -> Thumb:
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    size = _fit(grey.shape[1], grey.shape[0], THUMB_SIDE)
    return np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), np.float32)
