"""The first stage: a video is read once and becomes its plan, and the scenes that are still to be done."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Literal

import cv2
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from remaster.config import Deinterlace
from remaster.fields import Scan
from remaster.media.clock import Repairs
from remaster.media.remux import copyable, output_suffix
from remaster.media.source import SourceReader, treated
from remaster.media.types import VideoInfo
from remaster.pipeline import store as files
from remaster.pipeline.attempts import attempt
from remaster.pipeline.done import begin, divide
from remaster.pipeline.inputs import scene_id
from remaster.pipeline.job import Job
from remaster.pipeline.lock import working
from remaster.pipeline.space import refuse_out_of_space
from remaster.records import Detection
from remaster.rows import Run, SceneRow, from_table, to_table
from remaster.scenes import detect

MISSING_SECONDS, MISSING_SHARE = 0.5, 0.03  # by how much the headers' duration may be wrong without a word
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
    seen = _see(info, job)
    video = replace(video, info=seen.info, notes=seen.notes)
    scenes = _scenes(video, seen, time.perf_counter() - started)
    key = {PLAN_KEY: job.plan_fingerprint(info).encode()}
    files.write_table(job.store, job.store.plan(video.video_id), to_table(scenes).replace_schema_metadata(key))
    return [_settled(scene, job) for scene in scenes]


def kept_plan(video: SceneRow, job: Job) -> list[SceneRow]:
    """All scenes of a video by its plan; none where it has no plan that still holds."""
    fingerprint = job.plan_fingerprint(_info(video))
    table = files.read_scenes(job.store, job.store.plan(video.video_id), PLAN_KEY, fingerprint)
    return [] if table is None else [_settled(scene, job) for scene in from_table(table)]


@dataclass(frozen=True)
class _Seen:
    """A whole video as one reading told it: ``info`` after its treatment, ``reader`` having read it."""

    info: VideoInfo
    reader: SourceReader
    detection: Detection
    notes: tuple[str, ...]
    repaired: bool


def _see(info: VideoInfo, job: Job) -> _Seen:
    """Read a video; once more, deinterlaced, where it is interlaced or the run asks for it."""
    mode, square = job.config.deinterlace, job.config.square_pixels
    seen = _read(treated(info, "off", True, square), job, ())
    fields = seen.detection.fields
    scan = fields.scan(info.fps)
    asked: Literal["off", "bwdif", "ivtc"] = "off"
    if mode is Deinterlace.bwdif or (mode is Deinterlace.auto and scan == "interlaced"):
        asked = "bwdif"
    elif mode is Deinterlace.ivtc and scan == "telecined":
        asked = "ivtc"
    notes = _interlacing(scan, seen.detection, mode)
    if asked == "off":
        return replace(seen, notes=(*seen.notes, *notes))
    # A picture cropped to what is shown may begin with the other field.
    top_first = fields.top_first ^ bool(info.shown and info.shown.y % 2)
    return _read(treated(info, asked, top_first, square), job, notes)


def _read(info: VideoInfo, job: Job, notes: tuple[str, ...]) -> _Seen:
    repairs = Repairs()
    reader = SourceReader(info, repairs)
    detection = detect(reader.frames(), info, job.config.detect)
    found = (*repairs.notes(), *_missing(info, detection), *_findings(info, detection), *notes)
    # Only a whole reading tells: captions may begin at any frame.
    return _Seen(replace(info, captions=reader.captions), reader, detection, found, bool(repairs.notes()))


def _missing(info: VideoInfo, detection: Detection) -> tuple[str, ...]:
    """What the headers promise and the file does not hold: it was cut off, or they are wrong."""
    pts = detection.pts
    end = float(_end(pts, info) * info.time_base)
    last = max(end, end - float(int(pts[0]) * info.time_base))
    if info.duration is None or info.duration - last < max(MISSING_SECONDS, MISSING_SHARE * info.duration):
        return ()
    return (f"its headers claim {info.duration:.1f} s, and its pictures end after {last:.1f} s",)


def _scenes(video: SceneRow, seen: _Seen, seconds: float) -> list[SceneRow]:
    detection = seen.detection
    times = np.append(detection.pts, _end(detection.pts, seen.info))
    by_setup: dict[int, list[Run]] = {}
    for setup, (start, end) in zip(detection.setups, pairwise([*detection.cuts, len(detection.pts)]), strict=True):
        by_setup.setdefault(setup, []).append(Run(start, times[start : end + 1], seen.reader.entry(start)))
    return [
        replace(
            video,
            scene_id=scene_id(video.video_id, runs[0].start_frame),
            runs=tuple(runs),
            active=detection.active,
            gate=detection.gate,
            noise=detection.noise,
            copyable=_copyable(seen),
            seconds={"detect": seconds * sum(run.frames for run in runs) / len(detection.pts)},
        )
        for runs in by_setup.values()
    ]


def _copyable(seen: _Seen) -> tuple[str, ...]:
    """Where the file's own packets could go if nothing had to be done to its picture; nowhere where something has."""
    info, active = seen.info, seen.detection.active
    if info.treatment is not None or (active.width, active.height) != (info.width, info.height) or seen.repaired:
        return ()
    return copyable(info, seen.detection.pts)


def _findings(info: VideoInfo, detection: Detection) -> tuple[str, ...]:
    """What a person should know of the whole video, a sentence each."""
    active, found = detection.active, []
    if (active.width, active.height) != (info.width, info.height):
        found.append(f"black bars: the active picture is {active.width}x{active.height} at ({active.x}, {active.y})")
    if detection.gate is not None:
        found.append(f"projector gate: {detection.gate.mean():.1%} of the picture")
    stored = info if info.treatment is None else info.treatment.stored
    if stored.shown is not None:
        seen = f"{stored.shown.width}x{stored.shown.height} at ({stored.shown.x}, {stored.shown.y})"
        found.append(f"cropped to what the file's header shows: {seen} of {stored.width}x{stored.height}")
    if info.treatment is not None and info.treatment.square:
        found.append(f"scaled to square pixels: {stored.width} wide at {stored.sar} became {info.width}")
    return tuple(found)


def _interlacing(scan: Scan, detection: Detection, mode: Deinterlace) -> tuple[str, ...]:
    """What was found about fields, and what is done about it."""
    share = f"{detection.fields.combed:.0%} of {detection.fields.told} moving frames show two fields"
    if mode is Deinterlace.bwdif:
        return (f"{scan} ({share}): deinterlaced by bwdif, as asked for",)
    if scan == "interlaced":
        done = "deinterlaced by bwdif at the same rate" if mode is Deinterlace.auto else "left as it is"
        return (f"interlaced ({share}): {done}",)
    if scan == "telecined":
        undone = "undone by ivtc" if mode is Deinterlace.ivtc else "left as it is; deinterlace=ivtc undoes it"
        return (f"telecined by 3:2 pulldown ({share}): {undone}",)
    return ("deinterlace=ivtc found no 3:2 pulldown: left as it is",) if mode is Deinterlace.ivtc else ()


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


def _end(pts: npt.NDArray[np.int64], info: VideoInfo) -> int:
    """Where the last frame ends: it lasts as long as a frame usually does."""
    usual = int(np.median(np.diff(pts))) if len(pts) > 1 else round(1 / (info.fps * info.time_base))
    return int(pts[-1]) + max(usual, 1)


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
    return replace(scenes[0], scene_id=None, runs=(Run(0, pts),), planned=names, results=results, seconds={})


def _info(video: SceneRow) -> VideoInfo:
    if video.info is None:
        raise ValueError(f"{video.video} has not been probed")
    return video.info
