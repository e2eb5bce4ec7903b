"""Which spans of a scene get a background: register, align, judge, and cut in two what does not hold together."""

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
from remaster.stitch.confidence import LONE, NO_TRUST, Trust, clear_strips, judge, judge_still
from remaster.stitch.exposure import Exposure
from remaster.stitch.features import Pair
from remaster.stitch.keyframe_alignment import align, disagreeing
from remaster.stitch.registration import Registration, register
from remaster.stitch.resting_camera import DRIFT, drifts, resting, slides
from remaster.stitch.rigid_scenery import find_scenery, lifted
from remaster.stitch.shot_split import Span, keyframes_of, spans, weakest_cut

STEADY_LIGHT = 0.03
"""Share of the usual light that a keyframe may be off, to be used for finding what moves."""
MIN_STEADY = 3
"""Keyframes of that light, at least, or all are used."""
BETTER = 0.2
"""Advantage, averaged over frames, that cutting a doubtful shot in two must win."""

LITTLE, PLENTY = 0.3, 0.55
"""Shares of a third of the border strips that masks must leave to prove nothing, and enough: what is masked there all
the time, while the camera moves, is no character but a part of the set that moves at another speed."""
FEW, MANY = 0.25, 0.45
"""Shares of what a moving camera shows that may be figures without doubt, and that prove them to be the set itself."""


@dataclass(frozen=True)
class StitchSettings:
    """What may be tuned about stitching; shares are of 1, sizes in pixels or frames.

    ``features`` per keyframe; ``min_overlap`` of keyframes that are matched; ``pair_share``: area that a pair must
    explain to be believed; ``broken_share``: explained area under which the scene may be broken there; ``min_frames``
    of a shot of its own; ``max_splits``: how often a shot that does not hold together is cut in two;
    ``max_canvas_pixels`` of one background, or of a propagated shot's pictures; ``still_travel``: share of the
    picture's smaller side that a camera at rest may weave; ``min_advantage``: the hold-out's advantage over a cheap
    fill, 0-1, under which a background is not shown; ``doubtful``: that under which a shot is tried in two parts;
    ``border``: share of the picture's smaller side left out at the edges that meet the wings.
    """

    features: int = 400
    min_overlap: float = 0.35
    pair_share: float = 0.35
    broken_share: float = 0.35
    min_frames: int = 8
    max_splits: int = 2
    max_canvas_pixels: int = 48_000_000
    still_travel: float = 0.02
    min_advantage: float = 0.35
    doubtful: float = 0.6
    border: float = 0.006


@dataclass(frozen=True)
class Scene:
    """What all shots of a scene share; ``usable`` bool (k, h, w): what may be background in the keyframes' proxies."""

    analysis: Analysis
    usable: npt.NDArray[np.bool_]
    pairs: list[Pair]
    window: Window
    gate: Mask | None
    settings: StitchSettings

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
class Stitchable:
    """All that a background is made from: cameras, the canvas that holds them, the keyframes' light and foreground.

    On the preview's canvas: ``figures`` bool (h, w) are the characters that stay, ``lifted`` bool (k, h, w) is what the
    keyframes show of the set in spite of their masks.
    """

    registration: Registration
    canvas: Canvas
    preview: Preview
    exposure: Exposure
    figures: Mask
    lifted: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Plan:
    """A shot to be: its span, what its background is worth, and what that is made from (None: none can be had)."""

    span: Span
    trust: Trust
    stitchable: Stitchable | None


def plan_shots(scene: Scene) -> list[Plan]:
    """The scene's shots; they tile it exactly."""
    settings = scene.settings
    broken = spans(scene.analysis, scene.pairs, settings.broken_share, settings.min_frames, settings.pair_share)
    return [plan for span in broken for plan in _plan(scene, span, settings.max_splits)]


def _plan(scene: Scene, span: Span, splits: int) -> list[Plan]:
    """One span as a whole, or in parts where that is clearly better."""
    whole = _plan_whole(scene, span)
    if not span.steady or splits == 0 or whole.trust.advantage >= scene.settings.doubtful:
        return [whole]
    cut = weakest_cut(scene.analysis, scene.pairs, span, scene.settings.min_frames)
    if cut is None:
        return [whole]
    parts = _plan(scene, Span(span.start, cut, True), splits - 1) + _plan(scene, Span(cut, span.end, True), splits - 1)
    return parts if _better(parts, whole) else [whole]


def _better(parts: list[Plan], whole: Plan) -> bool:
    """Whether the parts win clearly over a background that can be had, or anything over none."""
    if whole.stitchable is None:
        return any(p.stitchable is not None for p in parts)
    frames = [p.span.end - p.span.start for p in parts]
    trusted = [p.trust.advantage if p.stitchable is not None else 0.0 for p in parts]
    return float(np.average(trusted, weights=frames)) - whole.trust.advantage >= BETTER


def _plan_whole(scene: Scene, span: Span) -> Plan:
    """Register a span, align its keyframes, and judge whether the background may be shown."""
    if not span.steady or not len(keyframes_of(scene.analysis, span)):
        return Plan(span, NO_TRUST, None)
    registration = register(scene.analysis, scene.pairs, span)
    # A figure that leans takes the camera along where the set is dull.
    doubtful = 0.0 < travel(scene, registration) <= DRIFT
    if doubtful and not drifts(scene.analysis, scene.usable, registration, scene.sides):
        registration = resting(registration)
    canvas = fit_canvas(rescale(registration.cameras, *scene.ratio), scene.window, scene.settings.max_canvas_pixels)
    if canvas is None:
        return Plan(span, NO_TRUST, None)
    preview, exposure = _align(scene, registration)
    figures = _figures(scene, registration, preview)
    made = Stitchable(registration, canvas, preview, exposure, figures, np.zeros_like(preview.seen))
    trust = _trust(scene, made)
    return Plan(span, trust, _with_scenery(scene, made) if trust.advantage >= scene.settings.min_advantage else None)


def _align(scene: Scene, registration: Registration) -> tuple[Preview, Exposure]:
    """The keyframes on one small canvas in one light, without the foreground that no mask named."""
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
    """The keyframes of a resting camera in the light of most of the time; all where those are too few.

    ``light`` (k,) is their mean luma. What differs in a fade or a dissolve does not move, and keyframes crowd there,
    since everything else is held.
    """
    steady = np.abs(light - usual) <= STEADY_LIGHT * usual
    if steady.sum() < MIN_STEADY or not at_rest(preview.cameras, preview.width, preview.height):
        return preview
    return preview.chosen(steady)


def _with_scenery(scene: Scene, made: Stitchable) -> Stitchable:
    """What was taken for characters beside the wings, and is a part of the set, is a part of the background."""
    shown = footprints(made.preview, _inside(scene, made.preview))
    pieces = find_scenery(made.preview, made.figures, shown, scene.sides)
    if not pieces:
        return made
    figures = made.figures & ~np.any(pieces, axis=0)
    return replace(made, figures=figures, lifted=lifted(pieces, made.preview, shown))


def _inside(scene: Scene, preview: Preview) -> Mask:
    """The part of a keyframe of the preview's that shows the scene, bool (preview.height, preview.width)."""
    size = (preview.width, preview.height)
    valid = cv2.resize(scene.analysis.valid.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
    return inner_area(scene, size[::-1], scene.settings.border) & (cv2.erode(valid, np.ones((7, 7))) > 0)


def _trust(scene: Scene, made: Stitchable) -> Trust:
    """What the shot's background is worth; one keyframe proves nothing but what its frames' motion does."""
    registration, preview = made.registration, made.preview
    still = travel(scene, registration) <= scene.settings.still_travel
    if len(registration.keyframes) == 1:
        frame = int(scene.analysis.keyframes[registration.keyframes[0]])
        start = frame - int(registration.at[0])
        explained = scene.analysis.explained[start : start + len(registration.cameras)]
        return Trust(LONE, float(np.median(explained))) if still else NO_TRUST
    if still and slides(scene.analysis, registration.keyframes, scene.sides):
        return NO_TRUST
    if still:
        return judge_still(preview, made.figures, scene.analysis.noise)
    clear = clear_strips(scene.usable[registration.keyframes], scene.analysis.valid, scene.sides)
    enough = np.clip((clear - LITTLE) / (PLENTY - LITTLE), 0.0, 1.0)
    shown = preview.seen.any(axis=0) | made.figures
    plane = np.clip((MANY - made.figures.sum() / max(shown.sum(), 1)) / (MANY - FEW), 0.0, 1.0)
    trust = judge(preview, made.figures, scene.sides, scene.wing, scene.analysis.noise)
    return replace(trust, advantage=trust.advantage * float(enough * plane))


def inner_area(scene: Scene, shape: tuple[int, ...], border: float) -> Mask:
    """True off the edges that meet the wings: scanned and coded pictures are soft and dark along them."""
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
