"""Step 4, stitch: the scene's background recovered from its keyframes, as in arXiv 2306.06803 (stitching)."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import cv2
import numpy as np
import numpy.typing as npt

from remaster.arrays import FINE, Mask
from remaster.imaging.camera import IDENTITY, apply, compose, invert, rescale
from remaster.imaging.footage import Footage
from remaster.imaging.geometry import Window
from remaster.imaging.whole_figures import placed
from remaster.media.planes import rounded
from remaster.records import Analysis, Background, Method, Shot
from remaster.stitch.composite import Source, composite, continued, with_standing
from remaster.stitch.donors import Loan, lend, with_loans
from remaster.stitch.holes import find_holes, shown_in_wings
from remaster.stitch.keyframe_alignment import TUNING as ALIGNMENT
from remaster.stitch.keyframe_alignment import from_size
from remaster.stitch.keyframe_sources import Placed, Read, sources
from remaster.stitch.propagated_shots import without_background
from remaster.stitch.registration import background_only, find_pairs
from remaster.stitch.spans import Plan, Scene, Stitchable, StitchSettings, plan_shots, travel
from remaster.stitch.wing_error import border_error, confidence

__all__ = ["Read", "StitchSettings", "stitch"]

SEAM = 0.04
"""Share of the picture's smaller side over which what is lent gives way to the shot's own."""


def stitch(
    analysis: Analysis,
    masks: npt.NDArray[np.bool_],
    read: Read,
    window: Window,
    gate: Mask | None,
    settings: StitchSettings,
    seed: int,
    footage: Footage | None = None,
    cuts: Collection[int] = (),
) -> list[Shot]:
    """Recover the background of a scene: one shot, or several where registration breaks.

    ``masks`` bool (k, h, w) are the characters on the keyframes' proxies. ``read(frames)`` yields the active
    picture of those scene frames at full stored size, RGB (H, W, 3), in the order asked: uint8, or uint16 in 256ths
    of a level. ``gate`` bool (H, W) is the projector's gate on the active picture, or None. ``footage`` reads
    frames for shots that no one background holds; without it none is ``propagated``. At ``cuts`` begin frames that
    do not follow those before in time. The shots tile the scene's frames ``[0, n)`` exactly.
    """
    n = len(analysis.motion)
    if window.passthrough:
        return [Shot(0, n, "passthrough", _identities(n), None, 1.0)]
    cv2.setRNGSeed(seed & 0x7FFFFFFF)
    usable = background_only(analysis, masks, ALIGNMENT.mask_margin)
    pairs = find_pairs(analysis, usable, settings.features, settings.min_overlap, settings.pair_share)
    scene = Scene(analysis, usable, pairs, window, gate, settings)
    shots = _join_ambient([_shot(scene, plan, read) for plan in plan_shots(scene)])
    return shots if footage is None else without_background(scene, masks, shots, footage, cuts)


def _shot(scene: Scene, plan: Plan, read: Read) -> Shot:
    """A planned shot with its background at full size: composite, what the wings show of it, and its holes."""
    span, made = plan.span, plan.stitchable
    if made is None:
        sure = confidence(0.0, 0.0, border_error(scene, span.start, span.end))
        return Shot(span.start, span.end, "ambient", _identities(span.end - span.start), None, sure)
    cameras = made.canvas.place(rescale(made.registration.cameras, *scene.ratio))
    loans, active, noise = lend(scene, made), scene.window.active, scene.analysis.noise
    smaller = min(active.width, active.height)
    shown_by = _own(scene, made, cameras, read)
    standing = np.zeros((made.canvas.height, made.canvas.width), bool)
    if made.registration.model == "hold":
        shown_by, standing = with_standing(shown_by, made.canvas, scene.gate)
    image, own = composite(shown_by, made.canvas, noise)
    image, coverage = continued(image, own, _lent(scene, made, cameras, loans, read), noise, round(SEAM * smaller))
    shown = shown_in_wings(cameras, scene.window, made.canvas, scene.gate)
    moving = travel(scene, made.registration) > scene.settings.still_travel
    method: Method = "mosaic" if moving else "still"
    holes = find_holes(shown, coverage, smaller)
    levels = rounded(image)
    fine = (image.astype(np.int32) - levels.astype(np.int32) * FINE).clip(-128, 127).astype(np.int8)
    figures = _figures(scene, made, cameras) | standing
    background = Background(levels, coverage, holes, figures, fine if image.dtype == np.uint16 else None)
    counts = made.registration.registered, made.registration.inliers
    share = float((shown & coverage & ~own).sum() / max((shown & coverage).sum(), 1))
    seen = float((shown & coverage).sum() / max(shown.sum(), 1))
    sure = confidence(seen, with_loans(plan.trust, loans, share).error, border_error(scene, span.start, span.end))
    return Shot(span.start, span.end, method, cameras, background, sure, *counts)


def _own(scene: Scene, made: Stitchable, cameras: npt.NDArray[np.float64], read: Read) -> list[Source]:
    """The shot's own keyframes at full size."""
    registration = made.registration
    at_rest = registration.model == "hold"
    placed = Placed(registration.keyframes, cameras[registration.at], made.preview, made.exposure, made.lifted, at_rest)
    return sources(scene, placed, read)


def _lent(
    scene: Scene, made: Stitchable, cameras: npt.NDArray[np.float64], loans: Sequence[Loan], read: Read
) -> list[Source]:
    """The keyframes of other shots at full size, each confined to the sides that it may fill."""
    active = scene.window.active
    middle = apply(cameras, np.array([[active.width, active.height]]) / 2).mean(axis=(0, 1))
    found: list[Source] = []
    for loan in loans:
        there = made.canvas.place(rescale(loan.cameras, *scene.ratio))
        nothing = np.zeros_like(loan.preview.seen)
        placed = Placed(loan.keyframes, there, loan.preview, loan.exposure, nothing, False)
        found += [loan.confined(source, middle, scene.sides) for source in sources(scene, placed, read)]
    return found


def _figures(scene: Scene, made: Stitchable, cameras: npt.NDArray[np.float64]) -> Mask:
    """The characters that stay, on the shot's canvas."""
    active = scene.window.active
    # Any keyframe leads from the preview's canvas to the full one.
    to_frame = invert(from_size(made.preview.cameras[0], made.preview, active.width, active.height))
    to_canvas = compose(cameras[made.registration.at[0]], to_frame)
    return placed(made.figures, to_canvas, (made.canvas.width, made.canvas.height))


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
