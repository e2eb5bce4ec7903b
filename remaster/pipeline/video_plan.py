"""The first stage: a video is read once and becomes its plan, and the scenes that are still to be done."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
import pyarrow as pa

from remaster.media.remux import copyable, output_suffix
from remaster.media.source import is_fitted
from remaster.media.types import VideoInfo
from remaster.pipeline import store as files
from remaster.pipeline.attempts import attempt
from remaster.pipeline.finished import begin, divide
from remaster.pipeline.inputs import scene_id
from remaster.pipeline.job import Job
from remaster.pipeline.lock import working
from remaster.pipeline.space import refuse_out_of_space
from remaster.pipeline.survey import Part, Survey, last_end, survey
from remaster.rows import Run, SceneRow, from_table, to_table

PLAN_KEY = b"remaster.plan"


def detect_stage(table: pa.Table, job: Job) -> Iterator[pa.Table]:
    """For each video of the table: its own row, then one for each scene that is not done yet.

    The video's row names the ``planned`` scenes, has the times of all their frames in ``pts`` and the rows of those
    that are done already in ``results``. A video that cannot be read gives its own row alone, with the error.
    """
    cv2.setNumThreads(1)
    for video in from_table(table):
        try:
            with attempt(job.store, video.video_id, "detect"):
                begin(video, job)
                scenes = plan_video(video, job)
        except Exception as error:
            refuse_out_of_space(error)
            yield to_table([video.failed("detect", error)])
            continue
        with working(job.store):
            wanted = limited(scenes, job)
            done, todo = divide(video, scenes, wanted, job)
        yield to_table([_video_row(wanted, done), *todo])


def plan_video(video: SceneRow, job: Job) -> list[SceneRow]:
    """All scenes of a video: read from its plan where that still holds, else detected and kept as its plan."""
    info = _info(video)
    kept = kept_plan(video, job)
    if kept:
        return kept
    started = time.perf_counter()
    seen = survey(info, job)
    scenes = _scenes(replace(video, notes=seen.notes), seen, time.perf_counter() - started)
    key = {PLAN_KEY: job.plan_fingerprint(info).encode()}
    files.write_table(job.store, job.store.plan(video.video_id), to_table(scenes).replace_schema_metadata(key))
    return [_settled(scene, job) for scene in scenes]


def kept_plan(video: SceneRow, job: Job) -> list[SceneRow]:
    """All scenes of a video by its plan; none where it has no plan that still holds."""
    fingerprint = job.plan_fingerprint(_info(video))
    table = files.read_scenes(job.store, job.store.plan(video.video_id), PLAN_KEY, fingerprint)
    scenes = [] if table is None else from_table(table)
    return [_settled(scene, job) for scene in scenes] if _still_fits(scenes, job) else []


def _still_fits(scenes: Sequence[SceneRow], job: Job) -> bool:
    """Whether the parts that were scaled into the rest's frame were scaled into the frame that this run makes."""
    windows = [job.window(scene) for scene in scenes if not is_fitted(_info(scene))]
    sizes = {(window.width, window.height) for window in windows}
    fitted = {info.treatment.frame for scene in scenes if (info := _info(scene)).treatment and is_fitted(info)}
    return fitted <= sizes


def _scenes(video: SceneRow, seen: Survey, seconds: float) -> list[SceneRow]:
    """All scenes of the video's parts, in the order of time."""
    frames, copies = sum(len(part.detection.pts) for part in seen.parts), _copyable(seen)
    ends = [*(int(part.detection.pts[0]) for part in seen.parts[1:]), None]
    rows = []
    for part, end in zip(seen.parts, ends, strict=True):
        for row in _part_scenes(replace(video, info=part.info, copyable=copies), part, end):
            rows.append(replace(row, seconds={"detect": seconds * row.frames / frames}))
    return rows


def _part_scenes(video: SceneRow, part: Part, end: int | None) -> list[SceneRow]:
    """The scenes of one part, which ends at the time ``end``; None: with the video."""
    detection = part.detection
    times = np.append(detection.pts, last_end(detection.pts, part.info) if end is None else end)
    by_setup: dict[int, list[Run]] = {}
    bounds = pairwise([*detection.cuts, len(detection.pts)])
    for setup, (start, stop), entry in zip(detection.setups, bounds, part.entries, strict=True):
        by_setup.setdefault(setup, []).append(Run(part.start_frame + start, times[start : stop + 1], entry))
    return [
        replace(
            video,
            scene_id=scene_id(video.video_id, runs[0].start_frame),
            runs=tuple(runs),
            active=detection.active,
            gate=detection.gate,
            noise=detection.noise,
        )
        for runs in by_setup.values()
    ]


def _copyable(seen: Survey) -> tuple[str, ...]:
    """Where the file's own packets could go if nothing had to be done to its picture; nowhere where something has."""
    first = seen.parts[0]
    info, active = first.info, first.detection.active
    if len(seen.parts) > 1 or info.treatment is not None or seen.repaired:
        return ()
    if (active.width, active.height) != (info.width, info.height):
        return ()
    return copyable(info, first.detection.pts)


def _settled(scene: SceneRow, job: Job) -> SceneRow:
    """A planned scene under this run's settings: the plan itself does not depend on them."""
    return replace(
        scene,
        copied=_copied(scene, job),
        framing=0.5 if job.framing is None else job.framing,
        seed=_seed(job.config.seed, scene),
        fingerprint=job.fingerprints(scene).resample,
    )


def _copied(scene: SceneRow, job: Job) -> bool:
    """Whether the whole video is delivered as it is."""
    output, info = job.config.output, _info(scene)
    if not scene.copyable or job.config.scenes.limit is not None or not job.window(scene).passthrough:
        return False
    return output_suffix(info, output.container, output.codec) in scene.copyable


def _seed(seed: int, scene: SceneRow) -> int:
    """A seed of the scene's own (31 bits), so that its result depends on no other scene."""
    entropy = np.random.SeedSequence([seed, scene.start_frame, *(scene.scene_id or "").encode()])
    return int(entropy.generate_state(1)[0] >> 1)


def limited(scenes: list[SceneRow], job: Job) -> list[SceneRow]:
    """The scenes that ``scenes.limit`` leaves: the first ones, up to the frame at which the next would begin."""
    limit = job.config.scenes.limit
    if limit is None or limit >= len(scenes):
        return scenes
    end = scenes[limit].start_frame
    cut = [replace(scene, runs=tuple(run for run in scene.runs if run.start_frame < end)) for scene in scenes[:limit]]
    return [_settled(scene, job) for scene in cut]


def _video_row(scenes: Sequence[SceneRow], done: Mapping[str, Sequence[dict[str, Any]]]) -> SceneRow:
    runs = sorted((run for scene in scenes for run in scene.runs), key=lambda run: run.start_frame)
    pts = np.concatenate([*(run.pts[:-1] for run in runs), runs[-1].pts[-1:]])
    names = tuple(scene.scene_id or "" for scene in scenes)
    results = tuple(row for name in names for row in done.get(name, ()))
    usual = next((scene for scene in scenes if not is_fitted(_info(scene))), scenes[0])
    return replace(usual, scene_id=None, runs=(Run(0, pts),), planned=names, results=results, seconds={})


def _info(video: SceneRow) -> VideoInfo:
    if video.info is None:
        raise ValueError(f"{video.video} has not been probed")
    return video.info
