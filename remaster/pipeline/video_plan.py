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
from remaster.notes import Note
from remaster.pipeline import store as files
from remaster.pipeline.cut_changes import with_cuts
from remaster.pipeline.failures import attempt, raise_if_disk_full
from remaster.pipeline.finished import changed_by_sets, clear_if_not_resumed, finished_and_todo
from remaster.pipeline.inputs import scene_id
from remaster.pipeline.job import Job
from remaster.pipeline.lock import working
from remaster.pipeline.survey import Survey, survey
from remaster.pipeline.video_parts import Part, last_end
from remaster.rows import (
    PLAN,
    PLANNED,
    PROBED,
    FailedVideo,
    PassthroughScene,
    PlannedScene,
    PlannedVideo,
    Run,
    Scene,
    VideoRow,
)
from remaster.steering.decisions import misfits


def detect_stage(table: pa.Table, job: Job) -> Iterator[pa.Table]:
    """Step 1. For each ``VideoRow`` a ``PlannedVideo``, then each of its scenes that is not finished yet.

    A video that cannot be read gives a ``FailedVideo`` alone.
    """
    cv2.setNumThreads(1)
    for video in PROBED.read(table):
        scenes = plan_or_failure(video, job)
        if isinstance(scenes, FailedVideo):
            yield PLANNED.write([scenes])
            continue
        with working(job.store):
            wanted = limited(scenes, job)
            changed = changed_by_sets(video, wanted, job)
            done, todo = finished_and_todo(video, scenes, wanted, job)
        passed = [PassthroughScene(scene) if job.window(scene).passthrough else PlannedScene(scene) for scene in todo]
        yield PLANNED.write([replace(planned_video(wanted, done), changed=changed), *passed])


def plan_or_failure(video: VideoRow, job: Job) -> list[Scene] | FailedVideo:
    """All scenes of a video, or why it cannot be read; with ``resume=false`` its earlier results go first."""
    try:
        with attempt(job.store, video.video_id, "detect"):
            clear_if_not_resumed(video, job)
            return plan_video(video, job)
    except Exception as error:
        raise_if_disk_full(error)
        return FailedVideo(video.video, video.video_id, video.info, f"{type(error).__name__}: {error}")


def plan_video(video: VideoRow, job: Job) -> list[Scene]:
    """All scenes of a video: read from its plan where that still holds, else detected and kept as its plan."""
    kept = stored_plan(video, job)
    if kept:
        return kept
    started = time.perf_counter()
    seen = survey(video.info, job)
    scenes = _scenes(video, seen, time.perf_counter() - started)
    files.write_rows(job.store, job.store.plan(video.video_id), PLAN, scenes, job.plan_fingerprint(video.info))
    return _settled(scenes, job)


def stored_plan(video: VideoRow | PlannedVideo, job: Job) -> list[Scene]:
    """All scenes of a video by its plan; none where it has no plan that still holds."""
    scenes = files.read_rows(job.store, job.store.plan(video.video_id), PLAN, job.plan_fingerprint(video.info))
    return _settled(scenes, job) if _still_fits(scenes, job) else []


def _still_fits(scenes: Sequence[Scene], job: Job) -> bool:
    """Whether the parts that were scaled into the rest's frame were scaled into the frame that this run makes."""
    windows = [job.window(scene) for scene in scenes if not is_fitted(scene.info)]
    sizes = {(window.width, window.height) for window in windows}
    fitted = {scene.info.treatment.frame for scene in scenes if scene.info.treatment and is_fitted(scene.info)}
    return fitted <= sizes


def _scenes(video: VideoRow, seen: Survey, seconds: float) -> list[Scene]:
    """All scenes of the video's parts, in the order of time."""
    frames, copies = sum(len(part.detection.pts) for part in seen.parts), _copyable(seen)
    ends = [*(int(part.detection.pts[0]) for part in seen.parts[1:]), None]
    scenes = [scene for part, end in zip(seen.parts, ends, strict=True) for scene in _part_scenes(video, part, end)]
    return [
        replace(scene, copyable=copies, notes=seen.notes, seconds={"detect": seconds * scene.frames / frames})
        for scene in scenes
    ]


def _part_scenes(video: VideoRow, part: Part, end: int | None) -> list[Scene]:
    """The scenes of one part, which ends at the time ``end``; None: with the video."""
    detection = part.detection
    times = np.append(detection.pts, last_end(detection.pts, part.info) if end is None else end)
    by_setup: dict[int, list[Run]] = {}
    bounds = pairwise([*detection.cuts, len(detection.pts)])
    for setup, (start, stop), entry in zip(detection.setups, bounds, part.entries, strict=True):
        by_setup.setdefault(setup, []).append(Run(part.start_frame + start, times[start : stop + 1], entry))
    return [
        Scene(
            video=video.video,
            video_id=video.video_id,
            scene_id=scene_id(video.video_id, runs[0].start_frame),
            info=part.info,
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


def _settled(planned: Sequence[Scene], job: Job) -> list[Scene]:
    """All scenes of a plan under this run's settings and decisions; notes say what of the decisions fits no more."""
    if not planned:
        return []
    overrides, video = job.decisions.overrides, planned[0].video
    scenes, lines = with_cuts(planned, [cut for cut in overrides.cuts if cut.video == video])
    lines += misfits(overrides, video, [scene.ranges for scene in scenes])
    notes = tuple(Note(f"{job.store.overrides}: {line}", decision=True) for line in lines)
    return [_with_settings(replace(scene, notes=(*scene.notes, *notes)), job) for scene in scenes]


def _with_settings(scene: Scene, job: Job) -> Scene:
    """A planned scene under this run's settings: the plan itself does not depend on them."""
    lent, exact = job.lent.get(scene.scene_id, ()), job.exact.get(scene.scene_id, ())
    steering = job.decisions.of(scene.video, scene.ranges, {one.set_id for one in lent})
    scene = replace(scene, lent=lent, exact=exact, steering=steering)
    framing = job.framing_of(scene)
    return replace(
        scene,
        copied=_copied(scene, job),
        framing=0.5 if framing is None else framing,
        seed=_seed(job.config.seed, scene),
        fingerprint=job.fingerprints(scene).resample,
    )


def _copied(scene: Scene, job: Job) -> bool:
    """Whether the whole video is delivered as it is."""
    output = job.config.output
    if not scene.copyable or job.config.scenes.limit is not None or not job.window(scene).passthrough:
        return False
    return output_suffix(scene.info, output.container, output.codec) in scene.copyable


def _seed(seed: int, scene: Scene) -> int:
    """A seed of the scene's own (31 bits), so that its result depends on no other scene."""
    entropy = np.random.SeedSequence([seed, scene.start_frame, *scene.scene_id.encode()])
    return int(entropy.generate_state(1)[0] >> 1)


def limited(scenes: list[Scene], job: Job) -> list[Scene]:
    """The scenes that ``scenes.limit`` leaves: the first ones, up to the frame at which the next would begin."""
    limit = job.config.scenes.limit
    if limit is None or limit >= len(scenes):
        return scenes
    end = scenes[limit].start_frame
    cut = [replace(scene, runs=tuple(run for run in scene.runs if run.start_frame < end)) for scene in scenes[:limit]]
    return [_with_settings(scene, job) for scene in cut]


def planned_video(scenes: Sequence[Scene], done: Mapping[str, Sequence[dict[str, Any]]]) -> PlannedVideo:
    """The video's own row; ``done`` are the rows of its finished scenes, by their ids."""
    runs = sorted((run for scene in scenes for run in scene.runs), key=lambda run: run.start_frame)
    pts = np.concatenate([*(run.pts[:-1] for run in runs), runs[-1].pts[-1:]])
    names = tuple(scene.scene_id for scene in scenes)
    results = tuple(row for name in names for row in done.get(name, ()))
    usual = next((scene for scene in scenes if not is_fitted(scene.info)), scenes[0])
    return PlannedVideo(usual.video, usual.video_id, usual.info, pts, names, results, usual.notes)
