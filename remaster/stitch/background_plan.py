"""Plans a scene's shots: which spans get a background, and from what; what does not hold together is cut in two.

In comes a ``Scene``; out go ``Plan`` s. Each span is registered, its keyframes are aligned on a small canvas, and the
background is judged there before anything is made at full size.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from remaster.arrays import Mask
from remaster.imaging.aligned_keyframes import Preview
from remaster.imaging.camera import apply, corners, rescale
from remaster.imaging.geometry import Window
from remaster.imaging.whole_figures import at_rest, find_figures, footprints
from remaster.records import Analysis
from remaster.stitch.background_canvas import Axis, Canvas, fit_canvas
from remaster.stitch.background_trust import NO_TRUST, Trust, clear_strips, judge_moving, judge_still
from remaster.stitch.exposure import Exposure
from remaster.stitch.keyframe_alignment import align, disagreeing
from remaster.stitch.keyframe_pairs import Pair
from remaster.stitch.registration import Registration, register
from remaster.stitch.resting_camera import at_rest_registration, is_drifting, set_slides
from remaster.stitch.rigid_layers import find_rigid_layers, unmasked_layers
from remaster.stitch.shot_split import Span, keyframes_of, split_spans, weakest_cut
from remaster.stitch.tuning import TUNING, StitchSettings

Forced = tuple[int, int, str]
"""Frames ``[start, end)`` of the scene, and a method: ``mosaic``, ``still`` or ``propagated``."""


@dataclass(frozen=True)
class Scene:
    """What all shots of a scene share; ``usable`` bool (k, h, w): what may be background in the keyframes' proxies.

    ``forced``: methods for the shots of which more than half lies in these frames; the last that fits holds.
    """

    analysis: Analysis
    usable: npt.NDArray[np.bool_]
    pairs: list[Pair]
    window: Window
    gate: Mask | None
    settings: StitchSettings
    forced: tuple[Forced, ...] = ()

    def method(self, span: Span) -> str | None:
        """The method that is forced on a span; None: the program's choice."""
        half = (span.end - span.start) / 2
        fitting = [m for start, end, m in self.forced if min(end, span.end) - max(start, span.start) > half]
        return fitting[-1] if fitting else None

    @property
    def ratio(self) -> tuple[float, float]:
        """(x, y): size of the active picture over the proxies'."""
        height, width = self.analysis.valid.shape
        return self.window.active.width / width, self.window.active.height / height

    @property
    def wing(self) -> float:
        """The mean width of the wings, as a share of the active picture's on their axis."""
        return self.window.wing_share / 2

    @property
    def sides(self) -> Axis:
        """The axis along which the wings lie."""
        return "x" if self.window.width > self.window.active.width else "y"


@dataclass(frozen=True)
class BackgroundInputs:
    """What a background is made from: cameras, the canvas that holds them, the keyframes' exposure and foreground.

    On the preview's canvas: ``figures`` bool (h, w) are the characters that stay; ``unmasked`` bool (k, h, w) is what
    each keyframe shows of the set in spite of its mask.
    """

    registration: Registration
    canvas: Canvas
    preview: Preview
    exposure: Exposure
    figures: Mask
    unmasked: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Plan:
    """A planned shot: its span, what its background is worth, and that background's inputs, or None."""

    span: Span
    trust: Trust
    inputs: BackgroundInputs | None


def plan_shots(scene: Scene) -> list[Plan]:
    """Plan the scene's shots, which tile it exactly."""
    settings = scene.settings
    whole = Span(0, len(scene.analysis.motion), True)
    if scene.method(whole) in ("mosaic", "still"):
        return [_plan_whole(scene, whole)]
    broken = split_spans(scene.analysis, scene.pairs, settings.broken_share, settings.min_frames, settings.pair_share)
    return [plan for span in broken for plan in _plan_span(scene, span, settings.max_splits)]


def _plan_span(scene: Scene, span: Span, splits: int) -> list[Plan]:
    """Plan one span as a whole, or in parts where these are clearly better; ``splits`` are the cuts left."""
    whole = _plan_whole(scene, span)
    if (
        scene.method(span) is not None
        or not span.steady
        or splits == 0
        or whole.trust.advantage >= scene.settings.doubtful
    ):
        return [whole]
    cut = weakest_cut(scene.analysis, scene.pairs, span, scene.settings.min_frames)
    if cut is None:
        return [whole]
    halves = Span(span.start, cut, True), Span(cut, span.end, True)
    parts = [plan for half in halves for plan in _plan_span(scene, half, splits - 1)]
    return parts if _clearly_better(parts, whole) else [whole]


def _clearly_better(parts: list[Plan], whole: Plan) -> bool:
    """Whether the parts win clearly over a background of the whole, or any part has one where the whole has none."""
    if whole.inputs is None:
        return any(p.inputs is not None for p in parts)
    frames = [p.span.end - p.span.start for p in parts]
    trusted = [p.trust.advantage if p.inputs is not None else 0.0 for p in parts]
    return float(np.average(trusted, weights=frames)) - whole.trust.advantage >= TUNING.plan.min_split_gain


def _plan_whole(scene: Scene, span: Span) -> Plan:
    """Register a span, align its keyframes, and judge whether its background may be used."""
    forced = scene.method(span)
    with_background = span.steady or forced in ("mosaic", "still")
    if not with_background or forced == "propagated" or not len(keyframes_of(scene.analysis, span)):
        return Plan(span, NO_TRUST, None)
    registration = register(scene.analysis, scene.pairs, span)
    # Where the set has little texture, the measured camera follows a figure that leans.
    doubtful = 0.0 < travel(scene, registration) <= TUNING.resting.max_drift
    open_question = forced is None and doubtful
    if forced == "still" or (
        open_question and not is_drifting(scene.analysis, scene.usable, registration, scene.sides)
    ):
        registration = at_rest_registration(registration)
    canvas = fit_canvas(rescale(registration.cameras, *scene.ratio), scene.window, scene.settings.max_canvas_pixels)
    if canvas is None:
        return Plan(span, NO_TRUST, None)
    preview, exposure = _align(scene, registration)
    figures = _figures(scene, registration, preview)
    inputs = BackgroundInputs(registration, canvas, preview, exposure, figures, np.zeros_like(preview.seen))
    trust = _trust(scene, inputs)
    if trust.advantage < scene.settings.min_advantage and forced is None:
        return Plan(span, trust, None)
    return Plan(span, trust, _with_rigid_layers(scene, inputs))


def _align(scene: Scene, registration: Registration) -> tuple[Preview, Exposure]:
    """Warp the keyframes to the preview, compensate their gains, and find the foreground that no mask covers."""
    keyframes = registration.keyframes
    inner = inner_area(scene, scene.analysis.valid.shape, scene.settings.border)
    reference = int(np.flatnonzero(keyframes == registration.reference)[0])
    cameras = registration.cameras[registration.at]
    usable = scene.usable[keyframes] & inner
    preview, exposure = align(scene.analysis.proxies[keyframes], usable, cameras, reference)
    foreground = disagreeing(preview, scene.analysis.noise)
    return replace(preview, seen=preview.seen & ~foreground, foreground=foreground), exposure


def _figures(scene: Scene, registration: Registration, preview: Preview) -> Mask:
    """The characters that stay, on the preview's canvas."""
    luma, keyframes = scene.analysis.luma, scene.analysis.keyframes[registration.keyframes]
    start = int(keyframes[0]) - int(registration.at[0])
    usual = float(np.median(luma[start : start + len(registration.cameras)]))
    return find_figures(in_usual_light(preview, luma[keyframes], usual), _inside(scene, preview))


def in_usual_light(preview: Preview, light: npt.NDArray[np.float32], usual: float) -> Preview:
    """The keyframes of a resting camera in the usual light; all of them where those are too few.

    ``light`` (k,) is their mean luma, ``usual`` its median over the shot's frames. What differs in a fade or a dissolve
    does not move, but keyframes crowd there, since everything else is held.
    """
    steady = np.abs(light - usual) <= TUNING.plan.usual_light * usual
    if steady.sum() < TUNING.plan.min_keyframes or not at_rest(preview.cameras, preview.width, preview.height):
        return preview
    return preview.chosen(steady)


def _with_rigid_layers(scene: Scene, inputs: BackgroundInputs) -> BackgroundInputs:
    """Give parts of the set beside the wings, which were taken for characters, back to the background."""
    visible = footprints(inputs.preview, _inside(scene, inputs.preview))
    layers = find_rigid_layers(inputs.preview, inputs.figures, visible, scene.sides)
    if not layers:
        return inputs
    figures = inputs.figures & ~np.any(layers, axis=0)
    return replace(inputs, figures=figures, unmasked=unmasked_layers(layers, inputs.preview, visible))


def _inside(scene: Scene, preview: Preview) -> Mask:
    """The part of a preview keyframe that shows the scene, bool (preview.height, preview.width)."""
    size = (preview.width, preview.height)
    valid = cv2.resize(scene.analysis.valid.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
    clear = cv2.erode(valid, np.ones((TUNING.plan.gate_margin,) * 2)) > 0
    return inner_area(scene, size[::-1], scene.settings.border) & clear


def _trust(scene: Scene, inputs: BackgroundInputs) -> Trust:
    """What the shot's background is worth; with one keyframe only the motion of its frames can prove anything."""
    registration, preview = inputs.registration, inputs.preview
    still = travel(scene, registration) <= scene.settings.still_travel
    if len(registration.keyframes) == 1:
        frame = int(scene.analysis.keyframes[registration.keyframes[0]])
        start = frame - int(registration.at[0])
        explained = scene.analysis.explained[start : start + len(registration.cameras)]
        return Trust(TUNING.trust.picture_error, float(np.median(explained))) if still else NO_TRUST
    if still and set_slides(scene.analysis, registration.keyframes, scene.sides):
        return NO_TRUST
    if still:
        return judge_still(preview, inputs.figures, scene.analysis.noise)
    trust = judge_moving(preview, inputs.figures, scene.sides, scene.wing, scene.analysis.noise)
    return replace(trust, advantage=trust.advantage * _one_plane(scene, inputs))


def _one_plane(scene: Scene, inputs: BackgroundInputs) -> float:
    """0-1: how surely a moving camera's masks cover characters, not a part of the set at another speed."""
    tuning, preview = TUNING.plan, inputs.preview
    clear = clear_strips(scene.usable[inputs.registration.keyframes], scene.analysis.valid, scene.sides)
    low, high = tuning.clear_strips
    by_strips = np.clip((clear - low) / (high - low), 0.0, 1.0)
    visible = preview.seen.any(axis=0) | inputs.figures
    few, many = tuning.figure_area
    by_area = np.clip((many - inputs.figures.sum() / max(visible.sum(), 1)) / (many - few), 0.0, 1.0)
    return float(by_strips * by_area)


def inner_area(scene: Scene, shape: tuple[int, ...], border: float) -> Mask:
    """Pixels, bool of ``shape`` (h, w), inside the edges that meet the wings, which scanning and coding spoil.

    ``border`` is the edges' width as a share of the smaller side.
    """
    inner = np.zeros(shape, bool)
    view = inner if scene.sides == "x" else inner.T
    edge = round(border * min(shape))
    view[:, edge : view.shape[1] - edge] = True
    return inner


def travel(scene: Scene, registration: Registration) -> float:
    """How far the corners move in the shot, as a share of the picture's smaller side."""
    height, width = scene.analysis.valid.shape
    moved = apply(registration.cameras, np.broadcast_to(corners(width, height), (len(registration.cameras), 4, 2)))
    return float(np.ptp(moved, axis=0).max() / min(width, height))
