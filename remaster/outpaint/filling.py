"""Fills the holes of scenes' backgrounds by an engine, each background once.

Holes are filled at the resolution of the picture beside them. A zoom's canvas is as fine as its nearest view, but
beside its holes only the farthest views show anything, and the canvas is as soft there as they are. A finer fill would
cost time and be visible.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from remaster.arrays import Affine, Float32, Int32, Mask, Rgb
from remaster.imaging.camera import apply, corners
from remaster.imaging.geometry import Window
from remaster.outpaint import Filled, FillTask, Inpainter, Prompts
from remaster.outpaint.tuning import TUNING
from remaster.records import Background, Shot

NO_PROMPTS = Prompts()


@dataclass(frozen=True)
class Outpainted:
    """The shots with their backgrounds' holes filled; ``holes`` still marks the generated pixels.

    ``hole_pixels`` counts the holes of all backgrounds at full size, ``generated_pixels`` at the size at which they
    were filled. ``calls`` counts the crops given to the engine.
    """

    shots: tuple[Shot, ...]
    hole_pixels: int
    generated_pixels: int
    calls: int


@dataclass(frozen=True)
class Work:
    """A background to fill: the ``task`` at full size, and the one ``given`` to an engine, perhaps reduced."""

    background: Background
    task: FillTask
    given: FillTask


def outpaint(shots: Sequence[Shot], seed: int, window: Window, inpainter: Inpainter) -> Outpainted:
    """Fill the holes of one scene; see ``outpaint_scenes``."""
    return outpaint_scenes([shots], [seed], [window], inpainter)[0]


def outpaint_scenes(
    scenes: Sequence[Sequence[Shot]],
    seeds: Sequence[int],
    windows: Sequence[Window],
    inpainter: Inpainter,
    prompts: Sequence[Prompts] | None = None,
) -> list[Outpainted]:
    """Fill the holes of each shot's background, those of all scenes in one call of the engine.

    ``windows`` say which part of the canvas the scenes' frames show; ``prompts`` are for engines that read some. Shots
    without a background, or without holes, stay as they are, and so do pixels outside holes. Shots that share one
    background have it filled once. A scene's result depends only on its own seed and prompts. Raises ``ValueError``
    where an engine returns another size or changes pixels outside holes.
    """
    prompts = [NO_PROMPTS] * len(scenes) if prompts is None else prompts
    works = [fill_work(*scene) for scene in zip(scenes, seeds, windows, prompts, strict=True)]
    tasks = [work.given for scene in works for work in scene]
    results = iter(inpainter.fill(tasks) if tasks else [])
    return [
        _with_filled(shots, scene, [next(results) for _ in scene]) for shots, scene in zip(scenes, works, strict=True)
    ]


def fill_work(shots: Sequence[Shot], seed: int, window: Window, prompts: Prompts = NO_PROMPTS) -> list[Work]:
    """The tasks of one scene: its distinct backgrounds that have holes."""
    distinct = {id(b): b for shot in shots for b in shot.pictures if b.holes.any()}
    works = []
    for i, b in enumerate(distinct.values()):
        task = FillTask(b.image, b.holes, b.coverage, seed + i, b.figures, prompts)
        seen_by = [shot for shot in shots if shot.background is b]
        scale = seen_scale(seen_by, b, window) if seen_by else 1.0
        works.append(Work(b, task, task if scale < TUNING.fill_scale.min_ratio else reduced(task, scale)))
    return works


def _with_filled(shots: Sequence[Shot], works: Sequence[Work], results: Sequence[Filled]) -> Outpainted:
    """The shots with the engine's results in their backgrounds."""
    filled = {}
    for work, result in zip(works, results, strict=True):
        given, b = work.given, work.background
        if result.image.shape != given.image.shape or (result.image != given.image)[~given.holes].any():
            raise ValueError("the inpainter changed pixels outside the holes")
        whole = result.image if given is work.task else enlarged(result.image, work.task)
        filled[id(b)] = replace(b, image=whole)
    return Outpainted(
        shots=tuple(shot.repainted(lambda b: filled.get(id(b), b)) for shot in shots),
        hole_pixels=sum(int(work.task.holes.sum()) for work in works),
        generated_pixels=sum(int(work.given.holes.sum()) for work in works),
        calls=sum(result.calls for result in results),
    )


def seen_scale(shots: Sequence[Shot], background: Background, window: Window) -> float:
    """The scale of the frames that show what lies beside a background's holes: its pixels per frame pixel, at least 1.

    ``shots`` have this background. Frames count from the finest to the coarsest, until they show ``finer_share`` of the
    covered pixels beside the holes; the scale of the last one is returned.
    """
    tuning = TUNING.fill_scale
    cameras = np.concatenate([shot.cameras for shot in shots])
    scales = np.sqrt(np.abs(np.linalg.det(cameras[:, :, :2])))
    if scales.max() < tuning.min_ratio:
        return 1.0
    height, width = background.holes.shape
    size = (-(-width // tuning.coarse), -(-height // tuning.coarse))
    ring = np.ones((tuning.ring, tuning.ring), np.uint8)
    near = cv2.dilate((_share(background.holes, size) > 0).astype(np.uint8), ring)
    beside = near * _share(background.coverage, size)
    drawn = np.zeros_like(near)
    for frame in np.argsort(scales, kind="stable"):
        cv2.fillConvexPoly(drawn, _outline(cameras[frame], window), 1)
        if beside[drawn > 0].sum() > tuning.finer_share * beside.sum():
            return max(float(scales[frame]), 1.0)
    return 1.0


def reduced(task: FillTask, scale: float) -> FillTask:
    """The task ``scale`` times smaller. A pixel is known if all of it is, and a hole or figure if any part of it is."""
    height, width = task.holes.shape
    size = (max(round(width / scale), 1), max(round(height / scale), 1))
    holes = _share(task.holes, size) > 1e-3
    known = (_share(task.known, size) > 1 - 1e-3) & ~holes
    figures = None if task.figures is None else _share(task.figures, size) > 1e-3
    image = cv2.resize(task.image, size, interpolation=cv2.INTER_AREA).astype(np.uint8)
    return replace(task, image=image, holes=holes, known=known, figures=figures)


def enlarged(filled: Rgb, task: FillTask) -> Rgb:
    """The task's picture with its holes taken from a smaller, ``filled`` one (bicubic)."""
    height, width = task.holes.shape
    grown = cv2.resize(filled, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.where(task.holes[..., None], grown, task.image).astype(np.uint8)


def _outline(camera: Affine, window: Window) -> Int32:
    """The corners of a frame's active picture on the coarse canvas."""
    points = apply(camera, corners(window.active.width, window.active.height))
    return np.rint((points + 0.5) / TUNING.fill_scale.coarse - 0.5).astype(np.int32)


def _share(mask: Mask, size: tuple[int, int]) -> Float32:
    """The share of each pixel of a picture of ``size`` (w, h) that the mask covers, float32 (h, w)."""
    return np.asarray(cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA))
