"""The stages of the graph: each decodes what its step needs, calls the pure step, and makes failures rows.

A stage takes a table of the one before it (see ``rows``), works on the rows of one class and hands on all others. An
exception in a step makes its scene a ``FailedScene`` and goes no further: that is delivered by the lowest step of the
ladder.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

import cv2
import numpy as np
import pyarrow as pa

from remaster.analyze.analysis import analyze
from remaster.arrays import Rgb
from remaster.detect.active_picture import FrameSampler
from remaster.detect.noise import grain_levels
from remaster.imaging.camera import chain
from remaster.imaging.gate import proxy_valid, with_scene_sides
from remaster.imaging.whole_figures import with_whole_figures
from remaster.media.planes import luma8, proxy_size, resize_rgb
from remaster.outpaint import Prompts
from remaster.outpaint.filling import Outpainted, outpaint_scenes
from remaster.pipeline.donor_frames import is_exact
from remaster.pipeline.engines import Engine
from remaster.pipeline.failures import attempt, raise_if_disk_full, reset_attempts
from remaster.pipeline.frames import active_planes, footage_of, read_rgb, scene_frames
from remaster.pipeline.inpainters import Inpainters
from remaster.pipeline.job import Job
from remaster.pipeline.painted import with_painted_masks
from remaster.pipeline.scene_cache import cache_scene, restored
from remaster.pipeline.set_cache import unfilled, with_lent, with_origins
from remaster.records import Background, Shot
from remaster.resample.framing import choose_framing, cut_foreground, joined_sides
from remaster.rows import (
    ANALYZED,
    FILLED,
    PLANNED,
    SEGMENTED,
    STITCHED,
    AnalyzedScene,
    FailedScene,
    FilledScene,
    FrameFacts,
    PlannedScene,
    Scene,
    SceneRow,
    SegmentedScene,
    StepRow,
    StitchedScene,
    failed,
)
from remaster.segment import Foreground
from remaster.set_rows import LentBackground
from remaster.steering.checking import STEP_METHODS
from remaster.stitch.stitching import stitch
from remaster.tables import OutpaintColumns, SegmentColumns, StitchColumns

MAX_GRAIN_FRAMES = 12
"""Frames of a scene, at most, on which its grain is measured; where it has several shots, each has its part."""
Given = TypeVar("Given", bound=StepRow)
Made = TypeVar("Made", bound=StepRow)
Row = TypeVar("Row", bound=SceneRow)


def analyze_stage(table: pa.Table, job: Job) -> pa.Table:
    """Step 2 of every scene that needs it: where no valid result of a later stage is cached."""
    rows = [restored(row, job) if isinstance(row, PlannedScene) else row for row in PLANNED.read(table)]
    return ANALYZED.write(_one_by_one(rows, "analyze", PlannedScene, partial(_analyze, job=job), job))


class SegmentStage:
    """Step 3 with its engine: made once an actor where the engine has a pool, once a task where it has none."""

    def __init__(self, engine: Engine, job: Job) -> None:
        self.segmenter = engine.build()
        self.job = job

    def __call__(self, table: pa.Table) -> pa.Table:
        """Segment all the table's scenes in one call of the engine."""

        def step(rows: Sequence[AnalyzedScene]) -> list[SegmentedScene]:
            found = self.segmenter.segment([row.analysis for row in rows])
            return [_segmented(row, one, self.job) for row, one in zip(rows, found, strict=True)]

        return SEGMENTED.write(_in_one_call(ANALYZED.read(table), "segment", AnalyzedScene, step, self.job))


def refuse_unstitched(table: pa.Table, job: Job) -> pa.Table:
    """In place of step 3, where the cache has what all scenes need: a scene that is not in it any more fails.

    Its description goes, so that the next run stitches it again.
    """

    def refused(row: AnalyzedScene) -> FailedScene:
        job.store.files.remove(job.store.cached(row.scene.video_id, row.scene.scene_id, "describe"))
        return failed(row, "segment", FileNotFoundError("what was stitched of this scene is gone; start again"))

    rows = ANALYZED.read(table)
    return SEGMENTED.write([refused(row) if isinstance(row, AnalyzedScene) else row for row in rows])


def stitch_stage(table: pa.Table, job: Job) -> pa.Table:
    """Step 4; what it makes is cached."""
    step = partial(_stitch, job=job)
    return STITCHED.write(_one_by_one(SEGMENTED.read(table), "stitch", SegmentedScene, step, job))


class OutpaintStage:
    """Step 5 with its engine; what it makes is cached."""

    def __init__(self, engine: Engine, job: Job) -> None:
        self.inpainters = Inpainters(engine, job)
        self.job = job

    def __call__(self, table: pa.Table) -> pa.Table:
        """Fill the holes of all the table's scenes in one call of each engine."""

        def step(rows: Sequence[StitchedScene]) -> list[FilledScene]:
            given = [with_lent(row.scene, row.shots, self.job) for row in rows]
            shots = [_to_fill(row.scene, unfilled(one)) for row, one in zip(rows, given, strict=True)]
            done = self._outpainted([row.scene for row in rows], shots)
            return [_filled(*one) for one in zip(rows, given, done, strict=True)]

        return FILLED.write(_in_one_call(STITCHED.read(table), "outpaint", StitchedScene, step, self.job))

    def _outpainted(self, scenes: Sequence[Scene], shots: Sequence[Sequence[Shot]]) -> list[Outpainted]:
        """The filled shots of some scenes, each by its own engine."""
        found: dict[int, Outpainted] = {}
        for decided in dict.fromkeys(scene.steering.inpainter for scene in scenes):
            numbers = [n for n, scene in enumerate(scenes) if scene.steering.inpainter == decided]
            own = [scenes[n] for n in numbers]
            done = outpaint_scenes(
                [shots[n] for n in numbers],
                [scene.fill_seed for scene in own],
                [self.job.window(scene) for scene in own],
                self.inpainters.of(decided),
                [Prompts(scene.steering.prompt, scene.steering.negative_prompt) for scene in own],
            )
            found |= dict(zip(numbers, done, strict=True))
        return [found[n] for n in range(len(scenes))]


def _to_fill(scene: Scene, shots: Sequence[Shot]) -> list[Shot]:
    """The shots without holes where nothing of them is drawn from their pictures, since a donor shows all frames."""
    drawn = {id(picture) for shot in shots if not is_exact(scene, shot) for picture in shot.pictures}

    def closed(picture: Background) -> Background:
        return picture if id(picture) in drawn else replace(picture, holes=np.zeros_like(picture.holes))

    return [shot.repainted(closed) if is_exact(scene, shot) else shot for shot in shots]


def _filled(row: StitchedScene, given: Sequence[tuple[Shot, LentBackground | None]], done: Outpainted) -> FilledScene:
    """The row with its shots filled: alone, and with what was filled for the sets that they show."""
    shots = tuple(with_origins(filled, shot) for filled, (shot, _) in zip(done.shots, given, strict=True))
    lent = {one.key: one for _, one in given if one is not None}.values()
    columns = OutpaintColumns(
        done.hole_pixels + sum(int(one.made.sum()) for one in lent),
        done.generated_pixels + sum(one.generated_pixels for one in lent),
        done.calls + sum(one.calls for one in lent),
    )
    return row.filled(shots, columns)


def _analyze(row: PlannedScene, job: Job) -> AnalyzedScene:
    """One reading of the scene's frames; its gate becomes that which this scene shows."""
    scene, info, active = row.scene, row.scene.info, row.scene.active
    width, height = proxy_size(active.width, active.height, info.sar)
    sampler = FrameSampler(MAX_GRAIN_FRAMES)

    def proxies() -> Iterator[Rgb]:
        for frame in scene_frames(scene):
            sampler.push(partial(luma8, frame.planes, info.format))
            yield resize_rgb(active_planes(frame, scene), info.format, info.color, width, height, info.height)

    analysis = analyze(proxies(), proxy_valid(scene.gate, width, height), scene.noise, job.config.analyze)
    grain = np.repeat(grain_levels(sampler.samples(), active), sampler.stride)[: scene.frames]
    if scene.gate is not None:
        scene = replace(scene, gate=with_scene_sides(scene.gate, analysis.proxies, job.window(scene).vertical))
        analysis = replace(analysis, valid=proxy_valid(scene.gate, width, height))
    return AnalyzedScene(scene, analysis, grain)


def _segmented(row: AnalyzedScene, found: Foreground, job: Job) -> SegmentedScene:
    """The row with its masks; its framing is chosen, before the windows are needed."""
    scene, characters = row.scene, with_painted_masks(found.masks, row.scene, job)
    masks = with_painted_masks(with_whole_figures(row.analysis, characters), scene, job)
    window = job.window(scene)
    if job.framing_of(scene) is None:
        cameras, wings = chain(row.analysis.motion), window.wing_share
        framing = choose_framing(masks, cameras, job.config.resample, wings, window.vertical)
        scene = replace(scene, framing=framing)
        window = job.window(scene)
    columns = SegmentColumns(found.labels, cut_foreground(masks, joined_sides(window)))
    return SegmentedScene(scene, row.analysis, row.grain, characters, columns)


def _stitch(row: SegmentedScene, job: Job) -> StitchedScene:
    scene, analysis = row.scene, row.analysis
    cuts = np.cumsum([run.frames for run in scene.runs])[:-1].tolist()
    shots = stitch(
        analysis, row.masks, partial(read_rgb, scene), job.window(scene), scene.gate, job.config.stitch, scene.seed,
        footage_of(scene), cuts, _forced(scene),
    )  # fmt: skip
    frames, columns = FrameFacts(analysis.holds, row.grain), StitchColumns(len(analysis.keyframes))
    return StitchedScene(scene, tuple(shots), frames, row.segment, columns)


def _forced(scene: Scene) -> list[tuple[int, int, str]]:
    """The methods that a person decided for and ``stitch`` uses, for frames counted through the scene's runs."""
    found, first = [], 0
    for run in scene.runs:
        for one in scene.steering.methods:
            start, end = max(one.start, run.start_frame), min(one.end, run.end_frame)
            if start < end and one.value in STEP_METHODS:
                found.append((first + start - run.start_frame, first + end - run.start_frame, one.value))
        first += run.frames
    return found


def _one_by_one(
    rows: Sequence[Any], stage: str, kind: type[Given], step: Callable[[Given], Made], job: Job
) -> list[Any]:
    """The rows, those of one ``kind`` after the step."""
    return [_timed(stage, row, step, job) if isinstance(row, kind) else row for row in rows]


def _in_one_call(
    rows: list[Any], stage: str, kind: type[Given], step: Callable[[Sequence[Given]], list[Made]], job: Job
) -> list[Any]:
    """The same for a step over many; if it fails, each scene is tried alone, so that one cannot spoil the others."""
    given = [row for row in rows if isinstance(row, kind)]
    made: list[Any] = _together(given, job, stage, step) if len(given) > 1 else []
    if not made:
        made = [_timed(stage, row, lambda row: step([row])[0], job, final=False) for row in given]
        for row in given:
            for what in (_batch_name(row, stage), _name(row, stage)):
                reset_attempts(job.store, row.scene.video_id, what)
    after = iter(made)
    return [next(after) if isinstance(row, kind) else row for row in rows]


def _name(row: StepRow, stage: str) -> str:
    """Under which a scene's tries of a stage are counted."""
    return f"{row.scene.scene_id}-{stage}"


def _batch_name(first: StepRow, stage: str) -> str:
    return f"{_name(first, stage)}-batch"


def _together(rows: Sequence[Given], job: Job, stage: str, step: Callable[[Sequence[Given]], list[Made]]) -> list[Made]:
    """The rows after the step; none where it failed: whose fault that is shows when each is alone."""
    started, first = time.perf_counter(), rows[0]
    try:
        with attempt(job.store, first.scene.video_id, _batch_name(first, stage), limit=1, final=False):
            made = step(rows)
    except Exception:
        return []
    share = (time.perf_counter() - started) / len(rows)
    return [_finished(row, stage, share, job) for row in made]


def _timed(stage: str, row: Given, step: Callable[[Given], Made], job: Job, final: bool = True) -> Made | FailedScene:
    cv2.setNumThreads(1)
    started = time.perf_counter()
    try:
        with attempt(job.store, row.scene.video_id, _name(row, stage), final=final):
            made = step(row)
    except Exception as error:
        raise_if_disk_full(error)
        return _with_seconds(failed(row, stage, error), stage, time.perf_counter() - started)
    return _finished(made, stage, time.perf_counter() - started, job)


def _finished(row: Made, stage: str, seconds: float, job: Job) -> Made:
    """The row with the time that the stage took, once what the stages after it need is cached."""
    row = _with_seconds(row, stage, seconds)
    if isinstance(row, StitchedScene | FilledScene):
        try:
            cache_scene(row, job)
        except OSError as error:
            raise_if_disk_full(error)
            raise
    return row


def _with_seconds(row: Row, stage: str, seconds: float) -> Row:
    return replace(row, scene=replace(row.scene, seconds={**row.scene.seconds, stage: seconds}))
