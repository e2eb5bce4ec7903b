"""Segmenter ``motion``: masks what differs from the scene's own background, without weights.

The keyframes are warped onto one canvas by their cameras. Their median is the background where most keyframes show
it; a keyframe's differences from it are foreground. Things fixed on the screen (a logo, a character that the camera
follows) are found first: where one hides the set in most frames, a median would show it, smeared, instead of the set.
But each frame shows it at the same place, which contradicts the camera's motion.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from remaster.arrays import Affine, Mask, Rgb
from remaster.imaging.aligned_keyframes import masked_median
from remaster.imaging.alignment import align_simplest, detail
from remaster.imaging.camera import IDENTITY, apply, chain, compose, corner_error, corners, invert, rescale, translation
from remaster.imaging.camera_motion import whip_frames
from remaster.imaging.channels import gray_of
from remaster.imaging.difference import cleaned, evened, hysteresis, tolerant_difference
from remaster.imaging.tuning import TUNING as IMAGING
from remaster.records import Analysis
from remaster.segment import Foreground
from remaster.segment.tuning import TUNING


@dataclass(frozen=True)
class MotionSegmenter:
    """Masks by difference from the aligned median.

    Pictures are compared at ``lines`` lines, with a tolerance of one pixel there. A difference counts from ``levels``
    8-bit levels (raised with the grain) and spreads to half of that where connected. Regions under ``speck`` of the
    frame's area are dropped; the others have their holes filled and grow by ``margin`` of its height, so that outlines
    and their ringing are in.
    """

    lines: int = 240
    levels: float = 18.0
    speck: float = 0.0006
    margin: float = 0.012

    def segment(self, scenes: Sequence[Analysis]) -> list[Foreground]:
        """The foreground of each scene."""
        return [Foreground(self._scene(scene)) for scene in scenes]

    def _scene(self, scene: Analysis) -> Mask:
        """Masks (k, h, w): keyframes between breaks of the camera's path are handled together."""
        masks = np.zeros(scene.proxies.shape[:3], np.bool_)
        breaks = (scene.explained < IMAGING.camera_motion.broken) | whip_frames(scene)
        breaks[1:] |= scene.turning[1:] != scene.turning[:-1]
        segments = np.cumsum(breaks)[scene.keyframes]
        cameras = chain(scene.motion)[scene.keyframes]
        for segment in np.unique(segments):
            for part in _parts(cameras, np.nonzero(segments == segment)[0], scene.valid.shape):
                masks[part] = self._part(scene.proxies[part], cameras[part], scene.valid, scene.noise)
        return masks

    def _part(self, proxies: Rgb, cameras: Affine, valid: Mask, noise: float) -> Mask:
        """Masks (k, h, w) of keyframes that share a canvas."""
        sigmas = TUNING.motion.noise_sigmas
        height, width = valid.shape
        ratio = min(self.lines / height, 1.0)
        w, h = round(width * ratio), round(height * ratio)
        pictures = np.stack([cv2.resize(p, (w, h), interpolation=cv2.INTER_AREA) for p in proxies])
        known = cv2.erode(
            cv2.resize(valid.astype(np.uint8), (w, h), interpolation=cv2.INTER_NEAREST),
            np.ones((3, 3)),
            borderType=cv2.BORDER_REPLICATE,
        )
        cameras = rescale(cameras, w / width, h / height)
        fixed = fixed_on_screen(pictures, cameras, known > 0, max(self.levels, sigmas * noise * ratio))
        usable = np.asarray(known, np.uint8) * ~fixed
        median, votes, cameras = _median(pictures, cameras, usable, noise * ratio)
        masks = np.zeros(proxies.shape[:3], np.bool_)
        for i, picture in enumerate(pictures):
            background = _view(median, votes, cameras[i], (w, h))
            mask = self._differs(picture, *background, known > 0, fixed[i], noise * ratio)
            masks[i] = cv2.resize(mask.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST) > 0
        return masks

    def _differs(
        self, picture: Rgb, background: Rgb, votes: npt.NDArray[np.uint8], known: Mask, fixed: Mask, noise: float
    ) -> Mask:
        """What differs from the ``background``, which ``votes`` pictures show, or is ``fixed`` on the screen."""
        tuning = TUNING.motion
        background = evened(background, picture, (votes >= tuning.min_votes) & known & ~fixed)
        difference = tolerant_difference(picture, background)
        high = max(self.levels, tuning.noise_sigmas * noise)
        difference[votes < 2] = 0.0
        difference[fixed] = 2.0 * high  # certain, whether the median shows it or not
        difference[~known] = 0.0
        smooth = np.asarray(cv2.GaussianBlur(difference, (0, 0), tuning.sigma), np.float32)
        mask = hysteresis(smooth, high, high / 2, self.speck * known.size)
        return cleaned(mask, self.margin * known.shape[0]) & known


def _parts(cameras: Affine, members: npt.NDArray[np.intp], shape: tuple[int, int]) -> list[npt.NDArray[np.intp]]:
    """Split keyframes of a long camera path so that each part fits on a canvas."""
    height, width = shape
    parts, start = [], 0
    for end in range(1, len(members) + 1):
        if end < len(members):
            span = np.ptp(_frame_corners(cameras[members[start : end + 1]], width, height), axis=0) / (width, height)
            if float(np.prod(span)) <= TUNING.motion.max_canvas:
                continue
        parts.append(members[start:end])
        start = end
    return parts


def _frame_corners(cameras: Affine, width: int, height: int) -> npt.NDArray[np.float64]:
    """The corners of all frames in the first one's pixels, (4 n, 2)."""
    first = invert(cameras[0])
    return np.concatenate([apply(compose(first, camera), corners(width, height)) for camera in cameras])


def _median(
    pictures: Rgb, cameras: Affine, known: npt.NDArray[np.uint8], noise: float
) -> tuple[Rgb, npt.NDArray[np.uint8], Affine]:
    """(median on the canvas, how many pictures show each place, cameras to the canvas), in two passes.

    ``known`` (k, h, w), 0 or 1, marks the pixels that may be background. With the first median each picture's gain and
    the error of the chained cameras are measured and undone; the second is the result.
    """
    h, w = known.shape[1:]
    points = _frame_corners(cameras, w, h)
    low = np.floor(points.min(axis=0))
    size = tuple(int(n) for n in np.ceil(points.max(axis=0)) - low + 1)
    to_canvas = compose(translation(-low[0], -low[1]), compose(invert(cameras[0]), cameras))
    median, votes = _median_and_votes(*_on_canvas(pictures, to_canvas, known, (size[0], size[1])))
    corrected, even = [], []
    for picture, camera, usable in zip(pictures, to_canvas, known, strict=True):
        background, count = _view(median, votes, camera, (w, h))
        corrected.append(_realigned(picture, background, camera, (count > 0) & (usable > 0), noise))
        even.append(evened(picture, background, (count >= TUNING.motion.min_votes) & (usable > 0)))
    to_canvas = np.stack(corrected)
    stack, visible = _on_canvas(np.stack(even), to_canvas, known, (size[0], size[1]))
    return *_median_and_votes(stack, visible), to_canvas


def _on_canvas(pictures: Rgb, cameras: Affine, known: npt.NDArray[np.uint8], size: tuple[int, int]) -> tuple[Rgb, Mask]:
    """The pictures warped onto the canvas of ``size`` (w, h), and where each is visible there."""
    stack = np.empty((len(pictures), size[1], size[0], 3), np.uint8)
    visible = np.empty((len(pictures), size[1], size[0]), np.bool_)
    for i, (picture, camera, usable) in enumerate(zip(pictures, cameras, known, strict=True)):
        stack[i] = cv2.warpAffine(picture, camera, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        visible[i] = cv2.warpAffine(usable, camera, size, flags=cv2.INTER_NEAREST) > 0
    return stack, visible


def _median_and_votes(stack: Rgb, visible: Mask) -> tuple[Rgb, npt.NDArray[np.uint8]]:
    """The median of the visible pictures, uint8 (H, W, 3), and their number at each place, uint8 (H, W).

    Of an even number the lower middle is taken: a mean of background and character would be neither.
    """
    return masked_median(stack, visible), visible.sum(axis=0, dtype=np.uint8)


def _view(
    median: Rgb, votes: npt.NDArray[np.uint8], camera: Affine, size: tuple[int, int]
) -> tuple[Rgb, npt.NDArray[np.uint8]]:
    """The median and the votes as a frame with this camera would show them."""
    flags = cv2.WARP_INVERSE_MAP
    picture = cv2.warpAffine(median, camera, size, flags=flags | cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(picture, np.uint8), np.asarray(
        cv2.warpAffine(votes, camera, size, flags=flags | cv2.INTER_NEAREST), np.uint8
    )


def _realigned(picture: Rgb, background: Rgb, camera: Affine, known: Mask, noise: float) -> Affine:
    """The camera after aligning the picture with its background; unchanged where no alignment near it is found."""
    h, w = known.shape
    a, b = (detail(gray_of(p), known, noise, h) for p in (background, picture))
    fit = align_simplest(a, b, IDENTITY)
    if fit is None or float(corner_error(fit.camera, IDENTITY, w, h)) > TUNING.motion.max_correction:
        return camera
    return compose(camera, fit.camera)


def fixed_on_screen(pictures: Rgb, cameras: Affine, known: Mask, levels: float) -> Mask:
    """The pixels of ``pictures`` uint8 (k, h, w, 3) that are fixed on the screen, bool (k, h, w).

    ``cameras`` (k, 2, 3) take their pixels to a common plane; ``known`` bool (h, w) is False on the gate. Differences
    count from ``levels`` 8-bit levels. Nothing is fixed where no camera moved.
    """
    tuning = TUNING.fixed
    height, width = known.shape
    scale = min(tuning.height / height, 1.0)
    size = max(round(width * scale), 1), max(round(height * scale), 1)
    small = np.stack([cv2.resize(p, size, interpolation=cv2.INTER_AREA) for p in pictures])
    inside = np.asarray(cv2.resize(known.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST), np.uint8)
    fixed, moved, compared = _comparisons(small, rescale(cameras, size[0] / width, size[1] / height), inside, levels)
    places = fixed >= np.maximum(tuning.min_count, tuning.min_share * compared)
    places &= fixed > tuning.majority * (fixed + moved)
    found = np.zeros(pictures.shape[:3], bool)
    usual = masked_median(small, np.broadcast_to(inside > 0, small.shape[:3]))
    places = _outlined(places, usual, levels)
    if not places.any():
        return found
    for mask, picture in zip(found, small, strict=True):
        same = (places & (tolerant_difference(picture, usual) < levels)).astype(np.uint8)
        mask[:] = cv2.resize(same, (width, height), interpolation=cv2.INTER_NEAREST)
    return found


def _outlined(places: Mask, usual: Rgb, levels: float) -> Mask:
    """The regions that have edges in the ``usual`` picture (h, w, 3) on the screen: soft sky or fog rests there too."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(places.astype(np.uint8), connectivity=8)
    gray = gray_of(usual)
    slopes = cv2.magnitude(*(cv2.Sobel(gray, cv2.CV_32F, dx, dy, scale=0.125) for dx, dy in ((1, 0), (0, 1))))
    sharp = np.bincount(labels[slopes > levels], minlength=len(stats))
    outlined = sharp > TUNING.fixed.min_edges * stats[:, cv2.CC_STAT_AREA]
    outlined[0] = False
    return np.asarray(outlined[labels])


def _comparisons(pictures: Rgb, cameras: Affine, inside: npt.NDArray[np.uint8], levels: float) -> npt.NDArray[np.int64]:
    """How often each place rested against the camera's motion, moved with it, and was compared at all: (3, h, w)."""
    height, width = inside.shape
    counts = np.zeros((3, height, width), np.int64)
    for picture, camera in zip(pictures, cameras, strict=True):
        for n in _partners(corner_error(cameras, camera, width, height) > TUNING.fixed.min_shift * width):
            step, flags = compose(invert(cameras[n]), camera), cv2.WARP_INVERSE_MAP
            predicted = cv2.warpAffine(pictures[n], step, (width, height), flags=flags | cv2.INTER_LINEAR)
            known = cv2.warpAffine(inside, step, (width, height), flags=flags | cv2.INTER_NEAREST)
            valid = (np.asarray(known) > 0) & (inside > 0) & _shifted(step, width, height)
            by_camera = tolerant_difference(picture, np.asarray(predicted, np.uint8)) < levels
            at_rest = tolerant_difference(picture, pictures[n]) < levels
            counts += np.stack([valid & at_rest & ~by_camera, valid & by_camera & ~at_rest, valid])
    return counts


def _partners(distant: npt.NDArray[np.bool_]) -> npt.NDArray[np.intp]:
    """The indices of up to ``partners`` of the ``distant`` pictures (k,), spread evenly."""
    far = np.flatnonzero(distant)
    even = np.linspace(0, len(far) - 1, min(TUNING.fixed.partners, len(far)))
    return np.asarray(far[np.unique(even.round().astype(int))])


def _shifted(step: Affine, width: int, height: int) -> Mask:
    """Places, bool (height, width), that a camera moves far enough: not those around which it zooms or rotates."""
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    dx, dy = (row[0] * x + row[1] * y + row[2] for row in step - IDENTITY)
    return np.asarray(np.hypot(dx, dy) > TUNING.fixed.min_shift * width)
