"""Keyframes at full size, made ready for the composite: in one light, and weighted by what is background in them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from remaster.arrays import Affine, FineRgb, Rgb
from remaster.imaging.aligned_keyframes import Preview
from remaster.stitch.composite import Source, edge_weight, widened
from remaster.stitch.exposure import Exposure, balance
from remaster.stitch.keyframe_alignment import to_keyframe
from remaster.stitch.spans import Scene, inner_area

Read = Callable[[Sequence[int]], Iterator[Rgb | FineRgb]]

MAX_GAIN = 4.0
"""A keyframe of a fade that must be amplified more than this shows grain and steps, not background."""


@dataclass(frozen=True)
class Placed:
    """Keyframes (indices into the scene's, (k,)) on a background: ``cameras`` (k, 2, 3) take full-size pixels to it.

    ``preview`` and ``exposure`` are of the same keyframes, as is ``lifted`` bool (k, h, w): what is background there in
    spite of their masks. ``at_rest``: they all lie in one place.
    """

    keyframes: npt.NDArray[np.int64]
    cameras: Affine
    preview: Preview
    exposure: Exposure
    lifted: npt.NDArray[np.bool_]
    at_rest: bool


def sources(scene: Scene, placed: Placed, read: Read) -> list[Source]:
    """The keyframes at full size, in one light, with the weight of what is background in them."""
    preview, exposure, at_rest = placed.preview, placed.exposure, placed.at_rest
    height, width = scene.window.active.height, scene.window.active.width
    # At rest every keyframe ends at the join itself: what is generated there must continue the frame's own edge.
    border = 0.0 if at_rest else scene.settings.border
    allowed = inner_area(scene, (height, width), border)
    if scene.gate is not None:
        # Interpolation of a moved keyframe must not reach into the dark.
        reach = np.ones((1, 1) if at_rest else (7, 7), np.uint8)
        allowed &= cv2.dilate(scene.gate.astype(np.uint8), reach) == 0
    edge = edge_weight(allowed)
    made = []
    frames = [int(f) for f in scene.analysis.keyframes[placed.keyframes]]
    for n, (key, picture) in enumerate(zip(placed.keyframes, read(frames), strict=True)):
        if exposure.gain[n].max() > MAX_GAIN:
            continue
        usable = cv2.resize(scene.usable[key].astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST)
        foreground = to_keyframe(preview.foreground[n], preview.cameras[n], preview, width, height)
        shown = to_keyframe(placed.lifted[n], preview.cameras[n], preview, width, height)
        weight = np.where(shown, edge, np.where(foreground, 0, edge * usable)).astype(np.uint8)
        balanced = balance(picture, exposure.gain[n], exposure.offset[n])
        source = Source(balanced, weight, placed.cameras[n])
        made.append(source if at_rest else widened(source, scene.sides))
    return made
