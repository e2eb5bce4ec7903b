"""Step 4, stitch: the scene's background recovered from its keyframes, as in arXiv 2306.06803 (stitching)."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence

import cv2
import numpy as np
import numpy.typing as npt

from remaster.background.composite import Source, composite, edge_weight, widened
from remaster.background.exposure import balance
from remaster.background.figures import placed
from remaster.background.holes import find_holes, shown_in_wings
from remaster.background.local import Footage, local_shots
from remaster.background.plan import Plan, Scene, Stitchable, StitchSettings, inner_area, plan_shots, travel
from remaster.background.preview import MASK_MARGIN, from_size, to_keyframe
from remaster.background.register import background_only, find_pairs
from remaster.background.sharpness import sharpness
from remaster.camera import IDENTITY, compose, invert, rescale
from remaster.geometry import Window
from remaster.media.types import Mask, Rgb
from remaster.records import Analysis, Background, Method, Shot

Read = Callable[[Sequence[int]], Iterator[Rgb]]

__all__ = ["Read", "StitchSettings", "stitch"]

BROKEN = 0.25
"""Explained area under which two frames of a set of several speeds do not belong together."""
SHARPER = 4
"""Power of its sharpness by which a keyframe weighs: a few sharp samples outweigh many soft ones."""
LEAST = 4
"""Weight that any keyframe keeps, or interpolation would round its outermost pixels away."""
MAX_GAIN = 4.0
"""A keyframe of a fade that must be amplified more than this shows grain and steps, not background."""


def stitch(
    analysis: Analysis,
    masks: npt.NDArray[np.bool_],
    read: Read,
    window: Window,
    gate: Mask | None,
    settings: StitchSettings,
    seed: int,
    footage: Footage | None = None,
) -> list[Shot]:
    """Recover the background of a scene: one shot, or several where registration breaks.

    ``masks`` bool (k, h, w) are the characters on the keyframes' proxies. ``read(frames)`` yields the active picture of
    those scene frames at full stored size, uint8 RGB (H, W, 3), in the order asked. ``gate`` bool (H, W) is the
    projector's gate on the active picture, or None. ``footage`` reads frames for shots of several speeds; without it
    none is ``local``. The shots tile the scene's frames ``[0, n)`` exactly.
    """
    n = len(analysis.motion)
    if window.passthrough:
        return [Shot(0, n, "passthrough", _identities(n), None, 1.0)]
    cv2.setRNGSeed(seed & 0x7FFFFFFF)
    usable = background_only(analysis, masks, MASK_MARGIN)
    pairs = find_pairs(analysis, usable, settings.features, settings.min_overlap, settings.pair_share)
    scene = Scene(analysis, usable, pairs, window, gate, settings)
    shots = _join_ambient([_shot(scene, plan, read) for plan in plan_shots(scene)])
    if footage is None:
        return shots
    return [better for shot in shots for better in _local_first(scene, shot, footage)]


def _shot(scene: Scene, plan: Plan, read: Read) -> Shot:
    """A planned shot with its background at full size: composite, what the wings show of it, and its holes."""
    span, made = plan.span, plan.stitchable
    if made is None:
        return Shot(span.start, span.end, "ambient", _identities(span.end - span.start), None, plan.trust.confidence)
    cameras = made.canvas.place(rescale(made.registration.cameras, *scene.ratio))
    image, coverage = composite(_sources(scene, made, cameras, read), made.canvas, scene.analysis.noise)
    shown = shown_in_wings(cameras, scene.window, made.canvas, scene.gate)
    active = scene.window.active
    holes = find_holes(shown, coverage, min(active.width, active.height))
    moving = travel(scene, made.registration) > scene.settings.still_travel
    method: Method = "mosaic" if moving else "still"
    background = Background(image, coverage, holes, _figures(scene, made, cameras))
    counts = made.registration.registered, made.registration.inliers
    return Shot(span.start, span.end, method, cameras, background, plan.trust.confidence, *counts)


def _sources(scene: Scene, made: Stitchable, cameras: npt.NDArray[np.float64], read: Read) -> list[Source]:
    """The shot's keyframes at full size, in one light, with the weight of what is background in them."""
    registration, preview, exposure = made.registration, made.preview, made.exposure
    at_rest = registration.model == "hold"
    height, width = scene.window.active.height, scene.window.active.width
    # At rest every keyframe ends at the join itself: what is generated there must continue the frame's own edge.
    border = 0.0 if at_rest else scene.settings.border
    allowed = inner_area(scene, (height, width), border)
    if scene.gate is not None:
        # Interpolation of a moved keyframe must not reach into the dark.
        reach = np.ones((1, 1) if at_rest else (7, 7), np.uint8)
        allowed &= cv2.dilate(scene.gate.astype(np.uint8), reach) == 0
    edge = edge_weight(allowed)
    sharp = sharpness(preview, cameras[registration.at]) ** SHARPER
    sources = []
    frames = [int(f) for f in scene.analysis.keyframes[registration.keyframes]]
    for n, (key, picture) in enumerate(zip(registration.keyframes, read(frames), strict=True)):
        if exposure.gain[n].max() > MAX_GAIN:
            continue
        usable = cv2.resize(scene.usable[key].astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST)
        foreground = to_keyframe(preview.foreground[n], preview.cameras[n], preview, width, height)
        weight = np.maximum(sharp[n] * edge, np.minimum(edge, LEAST))
        weight = np.where(foreground, 0, weight * usable).astype(np.uint8)
        balanced = balance(picture, exposure.gain[n], exposure.offset[n])
        source = Source(balanced, weight, cameras[registration.at[n]])
        sources.append(source if at_rest else widened(source, scene.sides))
    return sources


def _figures(scene: Scene, made: Stitchable, cameras: npt.NDArray[np.float64]) -> Mask:
    """The characters that stay, on the shot's canvas."""
    active = scene.window.active
    # Any keyframe leads from the preview's canvas to the full one.
    to_frame = invert(from_size(made.preview.cameras[0], made.preview, active.width, active.height))
    to_canvas = compose(cameras[made.registration.at[0]], to_frame)
    return placed(made.figures, to_canvas, (made.canvas.width, made.canvas.height))


def _local_first(scene: Scene, shot: Shot, footage: Footage) -> list[Shot]:
    """A shot without a background from the frames nearby, between its breaks, as far as they may be trusted."""
    if shot.method != "ambient":
        return [shot]
    explained = scene.analysis.explained[shot.start : shot.end]
    floor = min(BROKEN, 0.5 * float(np.median(explained)))
    breaks = np.flatnonzero((explained < floor) & ~scene.analysis.holds[shot.start : shot.end])
    bounds = [shot.start, *(shot.start + int(b) for b in breaks if b > 0), shot.end]
    found: list[Shot] = []
    for start, end in itertools.pairwise(bounds):
        local = local_shots(scene, start, end, footage) if end - start >= scene.settings.min_frames else []
        found += local or [Shot(start, end, "ambient", _identities(end - start), None, shot.confidence)]
    return _join_ambient(found)


def _identities(count: int) -> npt.NDArray[np.float64]:
    return np.repeat(IDENTITY[None], count, axis=0)


def _join_ambient(shots: list[Shot]) -> list[Shot]:
    """Neighbouring shots without a background are one."""
    joined = shots[:1]
    for shot in shots[1:]:
        last = joined[-1]
        if shot.method == last.method == "ambient":
            confidence = min(last.confidence, shot.confidence)
            joined[-1] = Shot(last.start, shot.end, "ambient", _identities(shot.end - last.start), None, confidence)
        else:
            joined.append(shot)
    return joined
