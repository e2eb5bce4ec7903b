"""The detectors and special cases that ``benchmarks.ablation`` switches off, each with what stands in for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from remaster.outpaint.exemplar.labels import from_rows
from remaster.propagation import age, shot_plan
from remaster.propagation.shot_plan import Segment
from remaster.resample import gain_compensation
from remaster.resample.tuning import TUNING as RESAMPLE
from remaster.stitch import cameras
from remaster.stitch.tuning import TUNING as STITCH

_blended_chain, _propagate = cameras._blended_chain, shot_plan.propagate
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
    return np.full((2, len(meter._lives), age.TUNING.age.bands, 2), age.TUNING.age.max_life, np.float32)


def _no_labels(*_: Any) -> Any:
    return from_rows(np.zeros((0, 6), np.int64))


def _believed(*arguments: Any) -> Any:
    path, error = _blended_chain(*arguments)
    return path, min(error, STITCH.bundle.max_chain_error)


def _unbent(full: Any, *_: Any) -> Any:
    return np.zeros(full.holes.shape, np.float32), np.zeros(full.holes.shape, np.float32)


def _gain(**changes: Any) -> Any:
    return replace(RESAMPLE, gain=replace(RESAMPLE.gain, **changes))


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
        "detect.cuts.find_setups detect.cuts._Setup detect.cuts._shows",
        detect__cuts__find_setups=lambda lengths, *_: tuple(range(len(lengths))),
    ),
    _case(
        "noise: flattest blocks",
        "detect",
        "no bound",
        "detect.noise._flattest",
        detect__noise___flattest=_constant(float("inf")),
    ),
    _case(
        "motion of shading",
        "analyze",
        "none where there is no texture",
        " ".join(f"imaging.camera_motion.{n}" for n in ("shading_motion", "_aligned", "_difference", "_warped")),
        imaging__camera_motion__shading_motion=_constant(None),
    ),
    _case(
        "transitions",
        "analyze",
        "no dissolve or morph is found",
        "analyze.analysis.TransitionFinder analyze.analysis._change",
        analyze__analysis__TransitionFinder___end=_constant(None),
    ),
    _case(
        "flashes bridged",
        "analyze",
        "a flash breaks the shot",
        "analyze.camera_tracking.CameraTracker._bridge",
        analyze__camera_tracking__CameraTracker___bridge=_constant(None),
    ),
    _case(
        "staying on the screen",
        "segment",
        "nothing",
        " ".join(
            f"segment.motion_segmenter.{n}"
            for n in ("fixed_on_screen", "_outlined", "_comparisons", "_partners", "_shifted")
        ),
        segment__motion_segmenter__fixed_on_screen=lambda pictures, *_: np.zeros(pictures.shape[:3], bool),
    ),
    _case(
        "standing characters",
        "segment",
        "masks as they are",
        "imaging.whole_figures.with_whole_figures",
        pipeline__stages__with_whole_figures=lambda analysis, masks: masks,
    ),
    # Stitch: cameras and spans.
    _case(
        "whips",
        "segment stitch",
        "no frame is one of a whip",
        "imaging.camera_motion.whip_frames",
        stitch__shot_split__whip_frames=lambda a: np.zeros(len(a.motion), bool),
        segment__motion_segmenter__whip_frames=lambda a: np.zeros(len(a.motion), bool),
    ),
    _case(
        "fades at the ends",
        "stitch",
        "their dark frames may break",
        "stitch.shot_split._fade_frames",
        stitch__shot_split___fade_frames=_constant(set()),
    ),
    _case(
        "mended links",
        "stitch",
        "a weak link breaks whatever the keyframes beside it show",
        "stitch.shot_split._speed",
        stitch__shot_split___speed=_constant(float("inf")),
    ),
    _case(
        "cutting a doubtful shot",
        "stitch",
        "it stays whole",
        "stitch.shot_split.weakest_cut stitch.shot_split._agreement_across "
        "stitch.shot_split._cut_between stitch.background_plan._clearly_better",
        stitch__background_plan__weakest_cut=_constant(None),
    ),
    _case(
        "direct alignment",
        "stitch",
        "all pairs by features",
        "stitch.keyframe_pairs.match_direct",
        stitch__registration__match_direct=_constant(None),
    ),
    _case(
        "smooth path",
        "stitch",
        "chains of motion are believed however far off",
        "stitch.cameras._smooth_path",
        stitch__cameras___blended_chain=_believed,
    ),
    _case(
        "drift or rest",
        "stitch",
        "a drift is the camera's",
        "stitch.resting_camera.is_drifting stitch.resting_camera._explained_cells "
        "stitch.resting_camera.at_rest_registration",
        stitch__background_plan__is_drifting=_constant(True),
    ),
    _case(
        "sliding set",
        "stitch",
        "a camera at rest is one",
        "stitch.resting_camera.set_slides stitch.resting_camera._explained_areas stitch.resting_camera._outer_parts",
        stitch__background_plan__set_slides=_constant(False),
    ),
    # Stitch: what a background is worth.
    _case(
        "parts that pass apart",
        "stitch",
        "none",
        " ".join(
            f"stitch.background_trust.{n}"
            for n in ("has_parallax", "_third_evidence", "_seen_as", "_in_place", "_shifts")
        ),
        stitch__background_trust__has_parallax=_constant(False),
    ),
    _case(
        "worst third",
        "stitch",
        "the strips are judged as wholes",
        "stitch.holdout.thirds_of",
        stitch__background_trust__thirds_of=_whole_strips,
        stitch__donors__thirds_of=_whole_strips,
    ),
    _case(
        "spread of keyframes",
        "stitch",
        "proves nothing",
        "stitch.background_trust._spread_score stitch.background_trust._spread",
        stitch__background_trust___spread_score=_constant(1.0),
    ),
    _case(
        "clear strips",
        "stitch",
        "always clear",
        "stitch.background_trust.clear_strips",
        stitch__background_plan__clear_strips=_constant(1.0),
    ),
    _case(
        "share of figures",
        "stitch",
        "proves nothing",
        stitch__background_plan__TUNING=replace(STITCH, plan=replace(STITCH.plan, figure_area=(2.0, 3.0))),
    ),
    _case(
        "area of a still set",
        "stitch",
        "proves nothing",
        stitch__background_trust__explained_share=_constant(1.0),
    ),
    # Stitch: the picture.
    _case("loans", "stitch", "none", "stitch.donors", stitch__shot_background__find_donors=_constant([])),
    _case("scenery", "stitch", "none", "stitch.rigid_layers", stitch__background_plan__find_rigid_layers=_constant([])),
    _case("figures", "stitch", "nobody stays", "imaging.whole_figures", stitch__background_plan__find_figures=_nobody),
    _case(
        "figures: GrabCut",
        "stitch",
        "as far as masks name them",
        "imaging.whole_figures._grow imaging.whole_figures._whole",
        imaging__whole_figures___whole=lambda preview, figures, shown: figures,
    ),
    _case(
        "figures: passing",
        "stitch",
        "nobody passes",
        "imaging.whole_figures.passing imaging.whole_figures._overlapped",
        imaging__whole_figures__passing=lambda moving, shown: np.zeros_like(moving),
    ),
    _case(
        "figures: usual light",
        "stitch",
        "all keyframes",
        "stitch.background_plan.in_usual_light",
        stitch__background_plan__in_usual_light=lambda preview, *_: preview,
    ),
    _case(
        "figures: small",
        "stitch",
        "what blinks once does not move",
        "imaging.whole_figures._small",
        imaging__whole_figures___small=lambda mask, side: np.zeros_like(mask),
    ),
    _case(
        "shown through masks at rest",
        "stitch",
        "what is always masked is a hole",
        "stitch.composite.with_always_masked",
        stitch__shot_background__with_always_masked=lambda sources, canvas, gate: (
            list(sources),
            np.zeros((canvas.height, canvas.width), bool),
        ),
    ),
    _case(
        "unnamed foreground",
        "stitch",
        "masks name all",
        "stitch.keyframe_alignment.disagreeing",
        stitch__background_plan__disagreeing=lambda preview, noise: np.zeros_like(preview.seen),
        stitch__donors__disagreeing=lambda preview, noise: np.zeros_like(preview.seen),
    ),
    # Propagation.
    _case(
        "propagation",
        "stitch",
        "ambient",
        stitch__stitching__with_propagated_wings=lambda scene, masks, shots, *_: shots,
    ),
    _case(
        "mixture",
        "stitch",
        "a dissolve is propagated",
        "stitch.propagated_shots.mixture",
        stitch__propagated_shots__mixture=_constant(None),
    ),
    _case(
        "fading into neighbours",
        "stitch",
        "a propagated shot begins at once",
        "stitch.propagated_shots._fade_mix",
        stitch__propagated_shots___fade_mix=_constant(None),
    ),
    _case(
        "few frames",
        "stitch",
        "they are propagated too",
        method="propagated",
        stitch__propagated_shots__TUNING=replace(STITCH, propagated=replace(STITCH.propagated, min_frames=0)),
    ),
    _case(
        "age of sources", "stitch", "all live as long", "propagation.age", propagation__age__AgeMeter__lives=_immortal
    ),
    _case(
        "segments",
        "stitch",
        "one a shot",
        "propagation.shot_plan.segments",
        propagation__shot_plan__segments=lambda lives: [Segment(0, lives.shape[1])],
    ),
    _case(
        "resting segments",
        "stitch",
        "none rests",
        "propagation.shot_plan._rests",
        propagation__shot_plan___rests=_constant(False),
    ),
    _case(
        "key pictures",
        "stitch",
        "the soft fill",
        "propagation.key_pictures",
        told=False,
        method="propagated",
        stitch__propagated_shots__propagate=lambda *a: _propagate(*a[:-1], 0),
    ),
    _case(
        "trust by age",
        "stitch resample",
        "whole up to the end",
        "propagation.sources._trust",
        propagation__sources___trust=lambda grid, s, life: (s.frame >= 0).astype(np.float32),
    ),
    _case(
        "bends",
        "outpaint",
        "none",
        "outpaint.exemplar.blending.mirror_warp outpaint.exemplar.blending._curve",
        outpaint__exemplar__blending__mirror_warp=_unbent,
    ),
    _case(
        "bends of mirrors",
        "outpaint",
        "none",
        "outpaint.exemplar.blending._curve",
        outpaint__exemplar__blending___curve=lambda full, row, place, step, radius: np.zeros(
            (len(row), full.holes.shape[1 if abs(step) == 1 else 0]), np.float32
        ),
    ),
    _case(
        "size of the fill",
        "outpaint",
        "the canvas' own",
        "outpaint.filling.seen_scale outpaint.filling.reduced outpaint.filling.enlarged outpaint.filling._outline "
        "outpaint.filling._share",
        outpaint__filling__seen_scale=_constant(1.0),
    ),
    _case(
        "mirrored at the join",
        "outpaint",
        "no such label",
        "outpaint.exemplar.candidates.mirrors",
        outpaint__exemplar__labelling__mirrors=_no_labels,
    ),
    _case(
        "shifts across",
        "outpaint",
        "no such label",
        "outpaint.exemplar.candidates.across",
        outpaint__exemplar__labelling__across=_no_labels,
    ),
    _case(
        "closing cut figures",
        "outpaint",
        "none is closed",
        "outpaint.exemplar.exemplar_inpainter.cut_off",
        outpaint__exemplar__exemplar_inpainter__cut_off=lambda figures, holes: np.zeros_like(figures),
    ),
    _case(
        "expected tones",
        "outpaint",
        "copies keep theirs",
        "outpaint.exemplar.blending.towards_expected outpaint.exemplar.pyramid_level._expected",
        outpaint__exemplar__blending__towards_expected=lambda picture, full: picture,
    ),
    _case(
        "holes around cut up",
        "outpaint",
        "one group",
        "outpaint.exemplar.exemplar_inpainter._beside",
        outpaint__exemplar__exemplar_inpainter___beside=lambda group, known, radius: group,
    ),
    _case("aligned labels", "outpaint", "none", "outpaint.exemplar.candidates.align", fill={"alignments": 0}),
    # Resample.
    _case(
        "characters continued",
        "resample",
        "they end at the join",
        "resample.continuation resample.figure_tracking resample.drawings resample.figure_layers",
        pipeline__encoding___continuation=_constant(None),
    ),
    _case(
        "walks",
        "resample",
        "who is not found again ends",
        " ".join(
            f"resample.figure_tracking.{n}"
            for n in ("extrapolated", "_at_rest", "_is_periodic", "_next_pose", "_same_figure", "_visible_share")
        ),
        resample__figure_tracking__extrapolated=_constant({}),
    ),
    _case(
        "mixed shots",
        "resample",
        "each has its own",
        "resample.rendering.SceneRenderers resample.rendering.MixedWings",
        told=False,
        method="propagated",
        resample__rendering__MixedWings=lambda own, *_: own,
    ),
    _case(
        "seam",
        "resample",
        "the tone alone joins",
        "resample.seam",
        told=False,
        resample__seam__Seams__close=lambda self, planes, drawn, new, resting: new,
    ),
    _case(
        "tone",
        "resample",
        "neutral",
        "resample.gain_compensation",
        resample__join_correction__fit=lambda predicted, seen, *_: gain_compensation.neutral(len(seen)),
    ),
    _case(
        "tone: likelihood",
        "resample",
        "all are as likely",
        "resample.gain_compensation._likelihood",
        resample__gain_compensation___likelihood=_constant(1.0),
    ),
    _case(
        "tone: continued",
        "resample",
        "each frame by itself",
        "resample.gain_compensation._continuations resample.gain_compensation.between",
        resample__gain_compensation___continuations=lambda seen, *_: [gain_compensation.neutral(len(seen))],
    ),
    _case("tone: annealing", "resample", "at once", resample__gain_compensation__TUNING=_gain(annealing=(15.0,))),
    _case(
        "tone: chroma follows luma",
        "resample",
        "by itself",
        resample__gain_compensation__TUNING=_gain(chroma_ridge=1.0),
    ),
)
