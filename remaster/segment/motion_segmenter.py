"""Segmenter ``motion``: what differs from the scene's own background. It needs no weights and no network.

The keyframes are laid on one canvas by their cameras; the median over them is the background wherever it shows in most
of them; what a keyframe shows instead is foreground.
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
from remaster.imaging.tuning import TUNING
from remaster.records import Analysis
from remaster.segment import Foreground
from remaster.segment.screen_fixed import on_screen

LARGEST_CANVAS = 12.0
"""Canvas area in frames; keyframes of a longer way are handled in parts."""
FEWEST = 3
"""Pictures that must show a place before two can outvote the odd one."""


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
        masks = np.zeros(scene.proxies.shape[:3], np.bool_)
        breaks = (scene.explained < TUNING.camera_motion.broken) | whip_frames(scene)
        breaks[1:] |= scene.turning[1:] != scene.turning[:-1]
        segments = np.cumsum(breaks)[scene.keyframes]
        cameras = chain(scene.motion)[scene.keyframes]
        for segment in np.unique(segments):
            for part in _parts(cameras, np.nonzero(segments == segment)[0], scene.valid.shape):
                masks[part] = self._part(scene.proxies[part], cameras[part], scene.valid, scene.noise)
        return masks

    def _part(self, proxies: Rgb, cameras: Affine, valid: Mask, noise: float) -> Mask:
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
        staying = on_screen(pictures, cameras, known > 0, max(self.levels, 5.0 * noise * ratio))
        clear = np.asarray(known, np.uint8) * ~staying
        median, votes, cameras = _median(pictures, cameras, clear, noise * ratio)
        masks = np.zeros(proxies.shape[:3], np.bool_)
        for i, picture in enumerate(pictures):
            seen = _seen(median, votes, cameras[i], (w, h))
            mask = self._differs(picture, *seen, known > 0, staying[i], noise * ratio)
            masks[i] = cv2.resize(mask.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST) > 0
        return masks

    def _differs(
        self, picture: Rgb, background: Rgb, votes: npt.NDArray[np.uint8], known: Mask, staying: Mask, noise: float
    ) -> Mask:
        background = evened(background, picture, (votes >= FEWEST) & known & ~staying)
        difference = tolerant_difference(picture, background)
        high = max(self.levels, 5.0 * noise)
        difference[votes < 2] = 0.0
        difference[staying] = 2.0 * high  # certain, whatever the median shows there
        difference[~known] = 0.0
        smooth = np.asarray(cv2.GaussianBlur(difference, (0, 0), 0.8), np.float32)
        mask = hysteresis(smooth, high, high / 2, self.speck * known.size)
        return cleaned(mask, self.margin * known.shape[0]) & known


def _parts(cameras: Affine, members: npt.NDArray[np.intp], shape: tuple[int, int]) -> list[npt.NDArray[np.intp]]:
    """Split keyframes of a long way so that every part fits on a canvas."""
    height, width = shape
    parts, start = [], 0
    for end in range(1, len(members) + 1):
        if end < len(members):
            span = np.ptp(_places(cameras[members[start : end + 1]], width, height), axis=0) / (width, height)
            if float(np.prod(span)) <= LARGEST_CANVAS:
                continue
        parts.append(members[start:end])
        start = end
    return parts


def _places(cameras: Affine, width: int, height: int) -> npt.NDArray[np.float64]:
    """Corners of all frames relative to the first, in its pixels, (4 n, 2)."""
    first = invert(cameras[0])
    return np.concatenate([apply(compose(first, camera), corners(width, height)) for camera in cameras])


def _median(
    pictures: Rgb, cameras: Affine, known: npt.NDArray[np.uint8], noise: float
) -> tuple[Rgb, npt.NDArray[np.uint8], Affine]:
    """(median on the canvas, how many pictures show each place, cameras to the canvas), in two passes.

    ``known`` (k, h, w), 0 or 1, is what of each picture may be background. The first median tells each picture's gain
    and what the chained cameras are off; the second is the result.
    """
    h, w = known.shape[1:]
    places = _places(cameras, w, h)
    low = np.floor(places.min(axis=0))
    size = tuple(int(n) for n in np.ceil(places.max(axis=0)) - low + 1)
    to_canvas = compose(translation(-low[0], -low[1]), compose(invert(cameras[0]), cameras))
    stack, shown = _on_canvas(pictures, to_canvas, known, (size[0], size[1]))
    median, votes = _median_and_votes(stack, shown)
    corrected, even = [], []
    for picture, camera, clear in zip(pictures, to_canvas, known, strict=True):
        background, seen = _seen(median, votes, camera, (w, h))
        corrected.append(_realigned(picture, background, camera, (seen > 0) & (clear > 0), noise))
        even.append(evened(picture, background, (seen >= FEWEST) & (clear > 0)))
    to_canvas = np.stack(corrected)
    stack, shown = _on_canvas(np.stack(even), to_canvas, known, (size[0], size[1]))
    return *_median_and_votes(stack, shown), to_canvas


def _on_canvas(pictures: Rgb, cameras: Affine, known: npt.NDArray[np.uint8], size: tuple[int, int]) -> tuple[Rgb, Mask]:
    stack = np.empty((len(pictures), size[1], size[0], 3), np.uint8)
    shown = np.empty((len(pictures), size[1], size[0]), np.bool_)
    for i, (picture, camera, clear) in enumerate(zip(pictures, cameras, known, strict=True)):
        stack[i] = cv2.warpAffine(picture, camera, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        shown[i] = cv2.warpAffine(clear, camera, size, flags=cv2.INTER_NEAREST) > 0
    return stack, shown


def _median_and_votes(stack: Rgb, shown: Mask) -> tuple[Rgb, npt.NDArray[np.uint8]]:
    """The median of what is shown, uint8 (H, W, 3), and the number of pictures that show it, uint8 (H, W).

    Of an even number the lower middle is taken: a mean of background and character would be neither.
    """
    return masked_median(stack, shown), shown.sum(axis=0, dtype=np.uint8)


def _seen(
    median: Rgb, votes: npt.NDArray[np.uint8], camera: Affine, size: tuple[int, int]
) -> tuple[Rgb, npt.NDArray[np.uint8]]:
    """What a frame with this camera would show of the canvas."""
    flags = cv2.WARP_INVERSE_MAP
    picture = cv2.warpAffine(median, camera, size, flags=flags | cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(picture, np.uint8), np.asarray(
        cv2.warpAffine(votes, camera, size, flags=flags | cv2.INTER_NEAREST), np.uint8
    )


def _realigned(picture: Rgb, background: Rgb, camera: Affine, known: Mask, noise: float) -> Affine:
    """The camera after aligning the picture with what it should show; unchanged where that finds nothing near."""
    h, w = known.shape
    a, b = (detail(gray_of(p), known, noise, h) for p in (background, picture))
    fit = align_simplest(a, b, IDENTITY)
    if fit is None or float(corner_error(fit.camera, IDENTITY, w, h)) > 3.0:
        return camera
    return compose(camera, fit.camera)
