"""The stages of the graph: each decodes what its step needs, calls the pure step, and keeps failures in their row.

A stage takes and returns a table under ``rows.SCENE``. An exception in a step marks its scene's row and goes no
further: the row passes the later stages untouched and is delivered by a lower step of the ladder.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial

import cv2
import numpy as np
import pyarrow as pa

from remaster.analyze.analysis import analyze
from remaster.arrays import FineRgb, Rgb
from remaster.detect.active_picture import FrameSampler
from remaster.detect.noise import grain_levels
from remaster.imaging.camera import chain
from remaster.imaging.gate import proxy_valid, with_scene_sides
from remaster.media.planes import luma8, proxy_size, resize_rgb
from remaster.outpaint.filling import Outpainted, outpaint_scenes
from remaster.pipeline.attempts import attempt, forget
from remaster.pipeline.engines import Engine
from remaster.pipeline.frames import active_planes, scene_frames
from remaster.pipeline.job import Job
from remaster.pipeline.scene_cache import KEPT, keep, restored
from remaster.pipeline.scene_footage import footage_of, read_rgb
from remaster.pipeline.space import refuse_out_of_space
from remaster.records import Analysis
from remaster.resample.framing import choose_framing, cut_foreground, joined_sides
from remaster.rows import SceneRow, from_table, to_table
from remaster.segment.resting_figures import with_standing
from remaster.stitch.stitching import stitch

GRAIN_SAMPLES = 12
"""Frames of a scene, at most, on which its grain is measured; where it has several shots, each has its part."""


def analyze_stage(table: pa.Table, job: Job) -> pa.Table:
    """Step 2 of every scene in the table that needs it: of which no later stage's result is kept and still good."""
    rows = [restored(row, job) if _pending("analyze", row, job) else row for row in from_table(table)]
    return _map_scenes(rows, job, "analyze", lambda row: _with_own_gate(_analyze(row, job), job))


def stitch_stage(table: pa.Table, job: Job) -> pa.Table:
    """Step 4."""
    return _map_scenes(from_table(table), job, "stitch", lambda row: _stitch(row, job))


class SegmentStage:
    """Step 3 with its engine: made once an actor where the engine has a pool, once a task where it has none."""

    def __init__(self, engine: Engine, job: Job) -> None:
        self.segmenter = engine.build()
        self.job = job

    def __call__(self, table: pa.Table) -> pa.Table:
        """Segment all the table's scenes in one call of the engine."""

        def step(rows: Sequence[SceneRow]) -> list[SceneRow]:
            found = self.segmenter.segment([_analysis(row) for row in rows])
            return [
                _framed(replace(row, masks=one.masks, labels=one.labels), self.job)
                for row, one in zip(rows, found, strict=True)
            ]

        return _map_batch(table, self.job, "segment", step)


class OutpaintStage:
    """Step 5 with its engine."""

    def __init__(self, engine: Engine, job: Job) -> None:
        self.inpainter = engine.build()
        self.job = job

    def __call__(self, table: pa.Table) -> pa.Table:
        """Fill the holes of all the table's scenes in one call of the engine."""

        def step(rows: Sequence[SceneRow]) -> list[SceneRow]:
            shots, seeds = [row.shots for row in rows], [row.seed for row in rows]
            done = outpaint_scenes(shots, seeds, [self.job.window(row) for row in rows], self.inpainter)
            return [_outpainted(row, scene) for row, scene in zip(rows, done, strict=True)]

        return _map_batch(table, self.job, "outpaint", step)


def _analyze(row: SceneRow, job: Job) -> SceneRow:
    """The row with what one reading of its frames tells."""
    info, active = row.info, row.active
    if info is None or active is None:
        raise ValueError(f"{row.video} has not been detected")
    width, height = proxy_size(active.width, active.height, info.sar)
    sampler = FrameSampler(GRAIN_SAMPLES)

    def proxies() -> Iterator[Rgb]:
        for frame in scene_frames(row):
            sampler.push(partial(luma8, frame.planes, info.format))
            yield resize_rgb(active_planes(frame, row), info.format, info.color, width, height, info.height)

    analysis = analyze(proxies(), proxy_valid(row.gate, width, height), row.noise, job.config.analyze)
    grain = np.repeat(grain_levels(sampler.samples(), active), sampler.stride)[: row.frames]
    return replace(row, analysis=analysis, grain=grain)


def _outpainted(row: SceneRow, done: Outpainted) -> SceneRow:
    return replace(
        row,
        shots=done.shots,
        hole_pixels=done.hole_pixels,
        generated_pixels=done.generated_pixels,
        inpaint_calls=done.calls,
    )


def _with_own_gate(row: SceneRow, job: Job) -> SceneRow:
    """The row with its video's gate as this scene shows it."""
    if row.gate is None:
        return row
    analysis = _analysis(row)
    gate = with_scene_sides(row.gate, analysis.proxies, job.window(row).vertical)
    height, width = analysis.valid.shape
    return replace(row, gate=gate, analysis=replace(analysis, valid=proxy_valid(gate, width, height)))


def _framed(row: SceneRow, job: Job) -> SceneRow:
    """The row with its framing chosen, before the windows are needed, and the characters that its joins cut."""
    masks = row.masks
    if masks is None:
        raise ValueError("no masks")
    masks = with_standing(_analysis(row), masks)
    window = job.window(row)
    if job.framing is None:
        cameras, wings = chain(_analysis(row).motion), window.wing_share
        row = replace(row, framing=choose_framing(masks, cameras, job.config.resample, wings, window.vertical))
        window = job.window(row)
    return replace(row, cut_foreground=cut_foreground(masks, joined_sides(window)))


def _stitch(row: SceneRow, job: Job) -> SceneRow:
    analysis, masks = _analysis(row), row.masks
    if masks is None:
        raise ValueError("no masks")

    def read(frames: Sequence[int]) -> Iterator[Rgb | FineRgb]:
        return read_rgb(row, frames)

    cuts = np.cumsum([run.frames for run in row.runs])[:-1].tolist()
    window, settings = job.window(row), job.config.stitch
    shots = stitch(analysis, masks, read, window, row.gate, settings, row.seed, footage_of(row), cuts)
    # What follows needs neither proxies nor masks: they would only fill the object store.
    slim = replace(analysis, proxies=analysis.proxies[:0])
    return replace(row, shots=tuple(shots), analysis=slim, masks=None, keyframes=len(analysis.keyframes))


def _analysis(row: SceneRow) -> Analysis:
    if row.analysis is None:
        raise ValueError("the scene has not been analyzed")
    return row.analysis


def _map_scenes(rows: Iterable[SceneRow], job: Job, stage: str, step: Callable[[SceneRow], SceneRow]) -> pa.Table:
    """Run a step on each row by itself."""
    return to_table([_timed(stage, row, step, job) if _pending(stage, row, job) else row for row in rows])


def _map_batch(table: pa.Table, job: Job, stage: str, step: Callable[[Sequence[SceneRow]], list[SceneRow]]) -> pa.Table:
    """Run a step on all pending rows at once; if that fails, on each alone, so that one cannot spoil the others."""
    rows = from_table(table)
    pending = [i for i, row in enumerate(rows) if _pending(stage, row, job)]
    done = _together([rows[i] for i in pending], job, stage, step) if len(pending) > 1 else []
    if not done:
        done = [_timed(stage, rows[i], lambda row: step([row])[0], job, settled=False) for i in pending]
        for row in done:
            for what in (_batch_name(row, stage), _name(row, stage)):
                forget(job.store, row.video_id, what)
    for i, row in zip(pending, done, strict=True):
        rows[i] = row
    return to_table(rows)


def _name(row: SceneRow, stage: str) -> str:
    """Under which a scene's tries of a stage are counted."""
    return f"{row.scene_id}-{stage}"


def _batch_name(first: SceneRow, stage: str) -> str:
    return f"{_name(first, stage)}-batch"


def _together(
    rows: Sequence[SceneRow], job: Job, stage: str, step: Callable[[Sequence[SceneRow]], list[SceneRow]]
) -> list[SceneRow]:
    """The rows after the step; none where it failed: whose fault that is shows when each is alone."""
    started, first = time.perf_counter(), rows[0]
    try:
        with attempt(job.store, first.video_id, _batch_name(first, stage), limit=1, settled=False):
            done = step(rows)
    except Exception:
        return []
    share = (time.perf_counter() - started) / len(rows)
    return [_after(stage, row, share, job) for row in done]


def _timed(stage: str, row: SceneRow, step: Callable[[SceneRow], SceneRow], job: Job, settled: bool = True) -> SceneRow:
    cv2.setNumThreads(1)
    started = time.perf_counter()
    try:
        with attempt(job.store, row.video_id, _name(row, stage), settled=settled):
            row = step(row)
    except Exception as error:
        refuse_out_of_space(error)
        row = row.failed(stage, error)
    return _after(stage, row, time.perf_counter() - started, job)


def _after(stage: str, row: SceneRow, seconds: float, job: Job) -> SceneRow:
    """The row with the time that the stage took, once what the stages after it need is kept."""
    row = replace(row, seconds={**row.seconds, stage: seconds})
    if stage in KEPT and row.error is None:
        try:
            keep(row, stage, job)
        except OSError as error:
            refuse_out_of_space(error)
            raise
    return row


def _pending(stage: str, row: SceneRow, job: Job) -> bool:
    """True for a scene that has wings to make, has not failed yet, and has not come past this stage in another run."""
    if row.scene_id is None or row.error is not None or job.window(row).passthrough:
        return False
    return row.hole_pixels is None if stage == "outpaint" else not row.shots
