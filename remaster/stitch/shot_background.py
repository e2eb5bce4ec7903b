"""A planned shot's background at full size: composited from its keyframes, extended by other shots', with its holes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from remaster.arrays import Affine, FineRgb, Mask, Rgb
from remaster.imaging.aligned_keyframes import Preview
from remaster.imaging.camera import IDENTITY, apply, compose, invert, rescale
from remaster.imaging.whole_figures import placed
from remaster.records import Background, Method, Shot
from remaster.stitch.background_canvas import find_holes, visible_in_wings
from remaster.stitch.background_plan import BackgroundInputs, Plan, Scene, inner_area, travel
from remaster.stitch.composite import (
    Source,
    composite,
    edge_weight,
    extended,
    parted,
    with_always_masked,
    with_repeated_edges,
)
from remaster.stitch.donors import Donors, find_donors, with_donors
from remaster.stitch.exposure import Exposure, balance
from remaster.stitch.keyframe_alignment import from_size, to_keyframe
from remaster.stitch.tuning import TUNING
from remaster.stitch.wing_confidence import border_error, confidence

Read = Callable[[Sequence[int]], Iterator[Rgb | FineRgb]]
"""Yields the active picture of scene frames at full size, RGB (H, W, 3), in the order asked.

uint8, or uint16 in 256ths of a level, for deeper sources.
"""


@dataclass(frozen=True)
class PlacedKeyframes:
    """Keyframes (indices into the scene's, (k,)) and their ``cameras`` (k, 2, 3), full-size pixels to the canvas.

    ``preview`` and ``exposure`` are of the same keyframes. ``unmasked`` bool (k, h, w), on the preview's canvas, is
    background in spite of the masks. ``at_rest``: all keyframes lie in one place.
    """

    keyframes: npt.NDArray[np.int64]
    cameras: Affine
    preview: Preview
    exposure: Exposure
    unmasked: npt.NDArray[np.bool_]
    at_rest: bool


def make_shot(scene: Scene, plan: Plan, read: Read) -> Shot:
    """Make a planned shot: composite its background, extend it by donor keyframes, find its holes and its confidence.

    A plan without a background becomes an ``ambient`` shot.
    """
    start, end, inputs = plan.span.start, plan.span.end, plan.inputs
    outside_error = border_error(scene, start, end)
    if inputs is None:
        return shot_without_background("ambient", start, end, confidence(0.0, 0.0, outside_error))
    registration, canvas, active = inputs.registration, inputs.canvas, scene.window.active
    cameras = canvas.place(rescale(registration.cameras, *scene.ratio))
    donors, smaller = find_donors(scene, inputs), min(active.width, active.height)
    own_sources, always_masked = _own_sources(scene, inputs, cameras, read)
    image, own = composite(own_sources, canvas, scene.analysis.noise)
    donor_sources = _donor_sources(scene, inputs, cameras, donors, read)
    image, coverage = extended(image, own, donor_sources, scene.analysis.noise, round(TUNING.composite.seam * smaller))
    visible = visible_in_wings(cameras, scene.window, canvas, scene.gate)
    holes = find_holes(visible, coverage, smaller)
    levels, fine = parted(image)
    background = Background(levels, coverage, holes, _figures(scene, inputs, cameras) | always_masked, fine)
    covered = int((visible & coverage).sum())
    trust = with_donors(plan.trust, donors, float((visible & coverage & ~own).sum() / max(covered, 1)))
    sure = confidence(float(covered / max(visible.sum(), 1)), trust.error, outside_error)
    method: Method = "mosaic" if travel(scene, registration) > scene.settings.still_travel else "still"
    return Shot(start, end, method, cameras, background, sure, registration.registered, registration.inliers)


def shot_without_background(method: Method, start: int, end: int, sure: float) -> Shot:
    """A shot of frames ``[start, end)`` whose cameras are the identity; ``sure`` is its confidence."""
    return Shot(start, end, method, np.repeat(IDENTITY[None], end - start, axis=0), None, sure)


def _own_sources(scene: Scene, inputs: BackgroundInputs, cameras: Affine, read: Read) -> tuple[list[Source], Mask]:
    """The shot's keyframes at full size, and the places on the canvas that all their masks hide, bool (h, w).

    Such places are shown under a resting camera alone.
    """
    registration, canvas = inputs.registration, inputs.canvas
    at_rest = registration.model == "hold"
    keyframe_cameras = cameras[registration.at]
    keyframes = PlacedKeyframes(
        registration.keyframes, keyframe_cameras, inputs.preview, inputs.exposure, inputs.unmasked, at_rest
    )
    sources = keyframe_sources(scene, keyframes, read)
    if at_rest:
        return with_always_masked(sources, canvas, scene.gate)
    return sources, np.zeros((canvas.height, canvas.width), bool)


def _donor_sources(
    scene: Scene, inputs: BackgroundInputs, cameras: Affine, donors: Sequence[Donors], read: Read
) -> list[Source]:
    """The keyframes of other shots at full size, each confined to the sides that it may fill."""
    active = scene.window.active
    middle = apply(cameras, np.array([[active.width, active.height]]) / 2).mean(axis=(0, 1))
    found: list[Source] = []
    for group in donors:
        on_canvas = inputs.canvas.place(rescale(group.cameras, *scene.ratio))
        unmasked = np.zeros_like(group.preview.seen)
        keyframes = PlacedKeyframes(group.keyframes, on_canvas, group.preview, group.exposure, unmasked, False)
        found += [group.confined(source, middle, scene.sides) for source in keyframe_sources(scene, keyframes, read)]
    return found


def keyframe_sources(scene: Scene, keyframes: PlacedKeyframes, read: Read) -> list[Source]:
    """Read keyframes at full size, compensate their gain, and weight what is background in them."""
    preview, exposure, at_rest = keyframes.preview, keyframes.exposure, keyframes.at_rest
    height, width = scene.window.active.height, scene.window.active.width
    edge = _edge_weight(scene, at_rest)
    sources = []
    frames = [int(f) for f in scene.analysis.keyframes[keyframes.keyframes]]
    for n, (key, picture) in enumerate(zip(keyframes.keyframes, read(frames), strict=True)):
        if exposure.gain[n].max() > TUNING.composite.max_gain:
            continue
        usable = cv2.resize(scene.usable[key].astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST)
        foreground = to_keyframe(preview.foreground[n], preview.cameras[n], preview, width, height)
        unmasked = to_keyframe(keyframes.unmasked[n], preview.cameras[n], preview, width, height)
        weight = np.where(unmasked, edge, np.where(foreground, 0, edge * usable)).astype(np.uint8)
        balanced = balance(picture, exposure.gain[n], exposure.offset[n])
        source = Source(balanced, weight, keyframes.cameras[n])
        sources.append(source if at_rest else with_repeated_edges(source, scene.sides))
    return sources


def _edge_weight(scene: Scene, at_rest: bool) -> npt.NDArray[np.uint8]:
    """The weights of a keyframe's pixels by their distance to its edge, uint8 (H, W), 0 on the gate and the border.

    At rest every keyframe ends at the join itself: what is generated there must continue the frame's own edge.
    """
    height, width = scene.window.active.height, scene.window.active.width
    allowed = inner_area(scene, (height, width), 0.0 if at_rest else scene.settings.border)
    if scene.gate is not None:
        side = 1 if at_rest else TUNING.composite.gate_margin
        allowed &= cv2.dilate(scene.gate.astype(np.uint8), np.ones((side, side), np.uint8)) == 0
    return edge_weight(allowed)


def _figures(scene: Scene, inputs: BackgroundInputs, cameras: Affine) -> Mask:
    """The characters that stay, bool (height, width) on the shot's canvas."""
    active, canvas = scene.window.active, inputs.canvas
    # The first keyframe leads from the preview's canvas to the full one, as any other would.
    to_frame = invert(from_size(inputs.preview.cameras[0], inputs.preview, active.width, active.height))
    to_canvas = compose(cameras[inputs.registration.at[0]], to_frame)
    return placed(inputs.figures, to_canvas, (canvas.width, canvas.height))
