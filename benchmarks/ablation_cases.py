"""The detectors and special cases that ``benchmarks.ablation`` switches off, each with what stands in for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from remaster.background import cameras
from remaster.outpaint import offsets
from remaster.outpaint.labels import from_rows
from remaster.propagation import age, planning
from remaster.propagation.segments import Segment
from remaster.resample import tone

_bridge, _continuing, _propagate = cameras._bridge, offsets.continuing, planning.propagate
STAGES = ("detect", "analyze", "segment", "stitch", "outpaint", "resample")


@dataclass(frozen=True)
class Case:
    """One switch. ``stages`` are those in which it acts; ``neutral`` says in words what stands in for it.

    ``patches`` are dotted names and what they are replaced by, ``fill`` settings of the inpainter. ``frees`` are the
    dotted names of modules and functions that could go with it. ``told``: where all that is replaced returns what its
    stand-in does, the case does not act, and is not measured. ``method``: it can only act where shots have that one.
    """

    name: str
    stages: tuple[str, ...]
    neutral: str
    patches: Mapping[str, Any] = field(default_factory=dict)
    fill: Mapping[str, Any] = field(default_factory=dict)
    frees: tuple[str, ...] = ()
    told: bool = True
    method: str = ""


def _nobody(preview: Any, *_: Any) -> Any:
    return np.zeros(preview.seen.shape[1:], bool)


def _whole_strips(width: int, height: int, sides: str) -> list[Any]:
    return [np.ones((height, width), bool), *(np.zeros((height, width), bool) for _ in range(2))]


def _immortal(meter: Any) -> Any:
    return np.full((2, len(meter._lives), age.BANDS, 2), age.LONGEST, np.float32)


def _unmirrored(level: Any, full: Any, nearest: float, points: int, each: int, mirror: bool) -> Any:
    return _no_labels() if mirror else _continuing(level, full, nearest, points, each, mirror)


def _no_labels(*_: Any) -> Any:
    return from_rows(np.zeros((0, 6), np.int64))


def _believed(*arguments: Any) -> Any:
    path, missed = _bridge(*arguments)
    return path, min(missed, cameras.ASTRAY)


def _unbent(full: Any, *_: Any) -> Any:
    return np.zeros(full.holes.shape, np.float32), np.zeros(full.holes.shape, np.float32)


def _case(
    name: str,
    stages: str,
    neutral: str,
    frees: str = "",
    fill: Any = None,
    told: bool = True,
    method: str = "",
    **patches: Any,
) -> Case:
    """``patches`` have ``__`` for the dots of their names."""
    named = {f"remaster.{key.replace('__', '.').replace('CALL', '__call__')}": value for key, value in patches.items()}
    freed = tuple(f"remaster.{name}" for name in frees.split())
    return Case(name, tuple(stages.split()), neutral, named, fill or {}, freed, told, method)


def _constant(value: Any) -> Any:
    return lambda *_, **__: value


CASES: tuple[Case, ...] = (
    # Detect, analyze, segment.
    _case(
        "linked set-ups",
        "detect",
        "each run between two cuts is a scene of its own",
        "setups",
        scenes__find_setups=lambda lengths, *_: tuple(range(len(lengths))),
    ),
    _case("noise: flattest blocks", "detect", "no bound", "noise._flattest", noise___flattest=_constant(float("inf"))),
    _case(
        "motion of shading",
        "analyze",
        "none where there is no texture",
        "shading",
        motion__shading_motion=_constant(None),
    ),
    _case(
        "transitions",
        "analyze",
        "no dissolve or morph is found",
        "transition",
        transition__TransitionFinder___end=_constant(None),
    ),
    _case(
        "flashes bridged",
        "analyze",
        "a flash breaks the shot",
        "analyze._Tracker._bridge",
        analyze___Tracker___bridge=_constant(None),
    ),
    _case(
        "staying on the screen",
        "segment",
        "nothing",
        "foreground.screen",
        foreground__motion__on_screen=lambda pictures, *_: np.zeros(pictures.shape[:3], bool),
    ),
    _case(
        "standing characters",
        "segment",
        "masks as they are",
        "foreground.standing",
        pipeline__stages__with_standing=lambda analysis, masks: masks,
    ),
    # Stitch: cameras and spans.
    _case(
        "whips",
        "segment stitch",
        "no frame is one of a whip",
        "background.split.whips",
        background__split__whips=lambda a: np.zeros(len(a.motion), bool),
        foreground__motion__whips=lambda a: np.zeros(len(a.motion), bool),
    ),
    _case(
        "fades at the ends",
        "stitch",
        "their dark frames may break",
        "background.split._faded",
        background__split___faded=_constant(set()),
    ),
    _case(
        "mended links",
        "stitch",
        "a weak link breaks whatever the keyframes beside it show",
        "background.split._speed",
        background__split___speed=_constant(float("inf")),
    ),
    _case(
        "cutting a doubtful shot",
        "stitch",
        "it stays whole",
        "background.split.weakest_cut background.split._crossing background.split._cut_between background.plan._better",
        background__plan__weakest_cut=_constant(None),
    ),
    _case(
        "direct alignment",
        "stitch",
        "all pairs by features",
        "background.direct",
        background__register__match_direct=_constant(None),
    ),
    _case(
        "astray frames",
        "stitch",
        "on the path through the keyframes",
        "background.astray",
        background__stitch__realigned=lambda scene, registration, *_: registration,
    ),
    _case(
        "smooth path",
        "stitch",
        "chains of motion are believed however far off",
        "background.cameras._smooth_path",
        background__cameras___bridge=_believed,
    ),
    _case(
        "drift or rest",
        "stitch",
        "a drift is the camera's",
        "background.rest.drifts background.rest._told background.rest.resting",
        background__plan__drifts=_constant(True),
    ),
    _case(
        "sliding set",
        "stitch",
        "a camera at rest is one",
        "background.rest.slides background.rest._explained background.rest._quarters",
        background__plan__slides=_constant(False),
    ),
    # Stitch: what a background is worth.
    _case(
        "parts that pass apart",
        "stitch",
        "none",
        "background.planes",
        background__confidence__passes_apart=_constant(False),
    ),
    _case(
        "worst third",
        "stitch",
        "the strips are judged as wholes",
        "background.holdout.thirds_of",
        background__confidence__thirds_of=_whole_strips,
        background__lend__thirds_of=_whole_strips,
        background__planes__thirds_of=_whole_strips,
    ),
    _case(
        "spread of keyframes",
        "stitch",
        "proves nothing",
        "background.confidence._by_spread background.confidence._spread",
        background__confidence___by_spread=_constant(1.0),
    ),
    _case(
        "clear strips",
        "stitch",
        "always clear",
        "background.confidence.clear_strips",
        background__plan__clear_strips=_constant(1.0),
    ),
    _case("share of figures", "stitch", "proves nothing", background__plan__FEW=2.0, background__plan__MANY=3.0),
    _case(
        "area of a still set",
        "stitch",
        "proves nothing",
        background__confidence__explained_share=_constant(1.0),
    ),
    # Stitch: the picture.
    _case("loans", "stitch", "none", "background.lend", background__stitch__lend=_constant([])),
    _case("scenery", "stitch", "none", "background.scenery", background__plan__find_scenery=_constant([])),
    _case(
        "sharpness",
        "stitch",
        "all keyframes are as sharp",
        "background.sharpness",
        background__sources__sharpness=lambda preview, cameras: np.ones(len(cameras)),
    ),
    _case("figures", "stitch", "nobody stays", "background.figures", background__plan__find_figures=_nobody),
    _case(
        "figures: GrabCut",
        "stitch",
        "as far as masks name them",
        "background.figures._grow background.figures._whole",
        background__figures___whole=lambda preview, figures, shown: figures,
    ),
    _case(
        "figures: passing",
        "stitch",
        "nobody passes",
        "background.figures.passing background.figures._overlapped",
        background__figures__passing=lambda moving, shown: np.zeros_like(moving),
    ),
    _case(
        "figures: mistaken",
        "stitch",
        "masks are believed",
        "background.figures.mistaken",
        background__figures__mistaken=lambda preview, moving, shown: np.zeros_like(moving),
    ),
    _case(
        "figures: usual light",
        "stitch",
        "all keyframes",
        "background.figures.in_usual_light",
        background__plan__in_usual_light=lambda preview, *_: preview,
    ),
    _case(
        "figures: small",
        "stitch",
        "what blinks once does not move",
        "background.figures._small",
        background__figures___small=lambda mask, side: np.zeros_like(mask),
    ),
    _case(
        "shown through masks at rest",
        "stitch",
        "what is always masked is a hole",
        "background.composite.with_standing",
        background__stitch__with_standing=lambda sources, canvas, gate: (
            list(sources),
            np.zeros((canvas.height, canvas.width), bool),
        ),
    ),
    _case(
        "unnamed foreground",
        "stitch",
        "masks name all",
        "background.preview.disagreeing",
        background__plan__disagreeing=lambda preview, noise: np.zeros_like(preview.seen),
        background__lend__disagreeing=lambda preview, noise: np.zeros_like(preview.seen),
    ),
    # Propagation.
    _case(
        "propagation",
        "stitch",
        "ambient",
        background__stitch__without_background=lambda scene, masks, shots, *_: shots,
    ),
    _case(
        "mixture",
        "stitch",
        "a dissolve is propagated",
        "transition.mixture",
        background__propagated__mixture=_constant(None),
    ),
    _case(
        "fading into neighbours",
        "stitch",
        "a propagated shot begins at once",
        "background.propagated._faded",
        background__propagated___faded=_constant(None),
    ),
    _case("few frames", "stitch", "they are propagated too", method="propagated", background__propagated__FEWEST=0),
    _case(
        "age of sources", "stitch", "all live as long", "propagation.age", propagation__age__AgeMeter__lives=_immortal
    ),
    _case(
        "segments",
        "stitch",
        "one a shot",
        "propagation.segments",
        propagation__planning__segments=lambda lives: [Segment(0, lives.shape[1])],
    ),
    _case(
        "resting segments",
        "stitch",
        "none rests",
        "propagation.planning._rests",
        propagation__planning___rests=_constant(False),
    ),
    _case(
        "key pictures",
        "stitch",
        "the soft fill",
        "propagation.canvas",
        told=False,
        method="propagated",
        background__propagated__propagate=lambda *a: _propagate(*a[:-1], 0),
    ),
    _case(
        "trust by age",
        "stitch resample",
        "whole up to the end",
        "propagation.trust._trust",
        propagation__trust___trust=lambda grid, s, life: (s.frame >= 0).astype(np.float32),
    ),
    _case(
        "feathered trust",
        "stitch resample",
        "hard borders",
        "propagation.trust._feathered",
        propagation__trust___feathered=lambda grid, trust: trust,
    ),
    # Outpaint.
    _case("bends", "outpaint", "none", "outpaint.bend", outpaint__compose__bends=_unbent),
    _case(
        "bends of mirrors",
        "outpaint",
        "none",
        "outpaint.bend._curved",
        outpaint__bend___curved=lambda full, line, place, step, reach: np.zeros(
            (len(line), full.holes.shape[1 if abs(step) == 1 else 0]), np.float32
        ),
    ),
    _case(
        "refined borders",
        "outpaint",
        "as found at low resolution",
        "outpaint.refine",
        outpaint__labelling__refine=lambda full, candidates, grown, *_: grown,
    ),
    _case(
        "size of the fill", "outpaint", "the canvas' own", "outpaint.scale", outpaint__step__seen_scale=_constant(1.0)
    ),
    _case(
        "mirrored at the join",
        "outpaint",
        "no such label",
        "outpaint.offsets.mirrors",
        outpaint__labelling__mirrors=_no_labels,
    ),
    _case(
        "mirrored continuations",
        "outpaint",
        "no such label",
        "outpaint.offsets._flipped",
        outpaint__labelling__continuing=_unmirrored,
    ),
    _case(
        "all that is mirrored",
        "outpaint",
        "no such label",
        "outpaint.offsets.mirrors outpaint.offsets._flipped outpaint.bend._curved outpaint.costs._aslant "
        "outpaint.exemplar.cut_off",
        outpaint__labelling__mirrors=_no_labels,
        outpaint__labelling__continuing=_unmirrored,
    ),
    _case(
        "shifts across", "outpaint", "no such label", "outpaint.offsets.across", outpaint__labelling__across=_no_labels
    ),
    _case(
        "closing cut figures",
        "outpaint",
        "none is closed",
        "outpaint.exemplar.cut_off",
        outpaint__exemplar__cut_off=lambda figures, holes: np.zeros_like(figures),
    ),
    _case(
        "tones at the holes' border",
        "outpaint",
        "as filled",
        "outpaint.step._blended outpaint.step._mean_around",
        outpaint__step___blended=lambda background, filled: filled,
    ),
    _case(
        "expected tones",
        "outpaint",
        "copies keep theirs",
        "outpaint.compose.towards_expected outpaint.labels._expected",
        outpaint__compose__towards_expected=lambda picture, full: picture,
    ),
    _case(
        "holes around cut up",
        "outpaint",
        "one group",
        "outpaint.exemplar._beside",
        outpaint__exemplar___beside=lambda group, known, near: group,
    ),
    _case("aligned labels", "outpaint", "none", "outpaint.offsets.align", fill={"alignments": 0}),
    # Resample.
    _case(
        "characters continued",
        "resample",
        "they end at the join",
        "resample.continuation resample.following resample.drawings resample.matching resample.layers resample.walk",
        pipeline__delivery__continuation_of=_constant(None),
    ),
    _case(
        "walks",
        "resample",
        "who is not found again ends",
        "resample.walk",
        resample__following__walked_on=_constant({}),
    ),
    _case(
        "mixed shots",
        "resample",
        "each has its own",
        "resample.mixed resample.render.MixedWings",
        told=False,
        method="propagated",
        resample__render__MixedWings=lambda own, *_: own,
    ),
    _case(
        "seam",
        "resample",
        "the field alone joins",
        "resample.seam",
        told=False,
        resample__seam__Seams__close=lambda self, planes, drawn, new, rest: new,
    ),
    _case(
        "field at the join",
        "resample",
        "the tone alone",
        "resample.join._Smoother",
        resample__join___Smoother__CALL=lambda self, total, count: np.zeros(
            (len(total), 4, total.shape[1]), np.float32
        ),
    ),
    _case(
        "tone",
        "resample",
        "neutral",
        "resample.tone",
        resample__join__fit=lambda predicted, seen, *_: tone.neutral(len(seen)),
    ),
    _case(
        "tone: likelihood",
        "resample",
        "all are as likely",
        "resample.tone._likelihood",
        resample__tone___likelihood=_constant(1.0),
    ),
    _case(
        "tone: continued",
        "resample",
        "each frame by itself",
        "resample.tone._continuations resample.tone.between",
        resample__tone___continuations=lambda seen, *_: [tone.neutral(len(seen))],
    ),
    _case("tone: annealing", "resample", "at once", resample__tone__ANNEAL=(15.0,)),
    _case("tone: chroma follows luma", "resample", "by itself", resample__tone__CHROMA_RIDGE=1.0),
)
