"""Two other methods to stitch one background, measured on the same frames as ours."""

from __future__ import annotations

import multiprocessing
import resource
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from benchmarks import registration_truth as truth
from benchmarks.registration_scenes import Scene
from remaster.arrays import Affine, Mask, Rgb
from remaster.imaging.camera import IDENTITY, apply, compose, corners, invert, translation
from remaster.records import Background

EVERY = 2
RATIO = 0.7
SECONDS = 60
MEMORY = 6 << 30
DRAWING = ("view", "angle", "figures", "light")
MARGIN = 3
"""How many frame widths and heights the chained panorama may grow on each side."""
NOTHING = (float("nan"), float("nan"))


@dataclass(frozen=True)
class Result:
    """What came out, in words, and the (median, maximum) corner error in pixels where cameras are told."""

    said: str
    corner: tuple[float, float] = NOTHING


def limited(rival: Callable[[Scene, Sequence[Rgb]], Result], scene: Scene, shown: Sequence[Rgb]) -> Result:
    """A rival's result, or that it gave none: in a minute of a core, and in 6 GB, enough but for what goes astray."""
    task = partial(rival, replace(scene, setting=replace(scene.setting, **dict.fromkeys(DRAWING, _nothing))), shown)
    with ProcessPoolExecutor(1, multiprocessing.get_context("fork"), _bounded) as pool:
        try:
            return pool.submit(task).result()
        except BrokenProcessPool:
            return Result(f"none within {SECONDS} s")
        except MemoryError:
            return Result("out of memory")


def _bounded() -> None:
    """A panorama gone astray must not take the machine's memory, nor its time; other programs' load counts for none."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))


def _nothing(t: float) -> Any:
    """Stands for the functions that a scene was drawn by: they are not needed any more and cannot be sent."""
    return ()


def chained(scene: Scene, shown: Sequence[Rgb]) -> Result:
    """Each frame is matched (SIFT, FLANN, RANSAC, perfect masks) with the panorama so far and laid over it.

    As arXiv 2306.06803 describes it, but for the panorama's bounded size.
    """
    height, width = shown[0].shape[:2]
    size = ((2 * MARGIN + 1) * width, (2 * MARGIN + 1) * height)
    panorama, seen = np.zeros((size[1], size[0], 3), np.uint8), np.zeros(size[::-1], bool)
    numbers, cameras = range(0, len(shown), EVERY), []
    for n in numbers:
        camera = (
            translation(MARGIN * width, MARGIN * height)
            if not cameras
            else match(panorama, seen, shown[n], ~scene.masks[n])
        )
        if camera is None or not _fits(camera, width, height, size):
            return Result(f"failed at frame {n}: {'no match' if camera is None else 'out of bounds'}")
        cameras.append(camera)
        fresh = cv2.warpAffine((~scene.masks[n]).astype(np.uint8) * 255, camera, size) > 250
        panorama[fresh] = cv2.warpAffine(shown[n], camera, size, flags=cv2.INTER_LINEAR)[fresh]
        seen |= fresh
    found = np.array(cameras)
    outline = np.broadcast_to(corners(width, height), (len(found), 4, 2))
    here, there = apply(found, outline), apply(scene.cameras[list(numbers)], outline)
    fit = _fit(here.reshape(-1, 2), there.reshape(-1, 2))
    scale = np.sqrt(np.abs(np.linalg.det(scene.cameras[list(numbers), :, :2])))
    off = np.linalg.norm(apply(fit, here) - there, axis=-1).max(axis=-1) / scale
    said = _wings(scene, panorama, seen, dict(zip(numbers, found, strict=True)))
    return Result(said, (float(np.median(off)), float(off.max())))


def scans(scene: Scene, shown: Sequence[Rgb]) -> Result:
    """OpenCV's ``Stitcher`` for flat scenes, with perfect masks.

    It tells no cameras: for each frame its panorama is laid onto the true window itself, as well as SIFT can place it.
    """
    stitcher = cv2.Stitcher.create(cv2.Stitcher_SCANS)
    # At rest or nearly so, equal frames overwhelm it: some are enough.
    picks = range(0, len(shown), max(len(shown) // 8, 1))
    pictures = [np.ascontiguousarray(shown[n]) for n in picks]
    masks = [(~scene.masks[n]).astype(np.uint8) * 255 for n in picks]
    try:
        status, panorama = stitcher.stitch(pictures, masks)
    except cv2.error as error:
        return Result(f"failed: {error.err}")
    if status != cv2.Stitcher_OK:
        return Result(f"failed, status {status}")
    known = np.asarray(panorama).any(axis=-1)
    everywhere = np.ones((scene.window.height, scene.window.width), bool)
    found = {n: match(scene.wide(n), everywhere, np.asarray(panorama, np.uint8), known) for n in picks}
    to_window = translation(scene.window.x, scene.window.y)
    cameras = {n: compose(invert(camera), to_window) for n, camera in found.items() if camera is not None}
    if not cameras:
        return Result("its panorama fits nowhere")
    return Result(_wings(scene, np.asarray(panorama, np.uint8), known, cameras))


def match(reference: Rgb, known: Mask, picture: Rgb, usable: Mask) -> Affine | None:
    """The affine camera from ``picture`` to ``reference``, or None."""
    sift = cv2.SIFT.create(nfeatures=4000)
    x, y, w, h = cv2.boundingRect(known.astype(np.uint8))
    crop = np.s_[y : y + h, x : x + w]
    points, descriptors = sift.detectAndCompute(_gray(reference[crop]), known[crop].astype(np.uint8))
    others, their_descriptors = sift.detectAndCompute(_gray(picture), usable.astype(np.uint8))
    if min(len(points), len(others)) < 4:
        return None
    flann = cv2.FlannBasedMatcher({"algorithm": 1, "trees": 5}, {"checks": 50})
    pairs = [m for m, n in flann.knnMatch(their_descriptors, descriptors, k=2) if m.distance < RATIO * n.distance]
    if len(pairs) < 4:
        return None
    here = np.array([others[m.queryIdx].pt for m in pairs])
    there = np.array([points[m.trainIdx].pt for m in pairs]) + np.array([x, y])
    camera, _ = cv2.estimateAffine2D(here, there, method=cv2.RANSAC, ransacReprojThreshold=3.0)
    return None if camera is None else np.asarray(camera, float)


def _wings(scene: Scene, panorama: Rgb, seen: Mask, cameras: dict[int, Affine]) -> str:
    """PSNR of the wings' covered pixels, and how many of them are covered."""
    background = Background(panorama, seen, ~seen, np.zeros_like(seen))
    wings = sum((truth.compared(scene, n, background, c)[0] for n, c in cameras.items()), truth.Area())
    if not wings.compared:
        return "none recovered"
    return f"{truth.psnr(wings.mean_square):.1f} ({wings.share:.0%})"


def _fits(camera: Affine, width: int, height: int, size: tuple[int, int]) -> bool:
    points = apply(camera, corners(width, height))
    return bool((points >= 0).all() and (points < size).all() and np.linalg.det(camera[:, :2]) > 0.05)


def _fit(here: npt.NDArray[np.float64], there: npt.NDArray[np.float64]) -> Affine:
    solved = np.linalg.lstsq(np.column_stack([here, np.ones(len(here))]), there, rcond=None)[0]
    return np.asarray(solved.T, float) if len(here) >= 3 else np.array(IDENTITY)


def _gray(picture: Rgb) -> npt.NDArray[np.uint8]:
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), np.uint8)
