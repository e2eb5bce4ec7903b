"""Hold-out evaluation: hides the sides of pictures, runs the steps, and compares the wings with the hidden sides."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import ray
from ray.util import ActorPool
from rich.console import Console

from remaster.arrays import Float32, Mask, Plane
from remaster.config import BatchConfig
from remaster.errors import MediaError, UserError
from remaster.evaluation.hidden_sides import FILLS, known_part, narrowed
from remaster.evaluation.measures import FrameMeasures, compare
from remaster.evaluation.scores import ShotScore, print_scores
from remaster.media.planes import crop, luma8
from remaster.media.probe import probe
from remaster.media.types import Rect
from remaster.pipeline.cluster import Resources, connected, quiet
from remaster.pipeline.encoding import Piece, piece_shares, pieces, renderers_of
from remaster.pipeline.engines import Engine, check_fit, choose_engines, early_engines
from remaster.pipeline.frames import Lookahead, scene_frames
from remaster.pipeline.inputs import VideoFile, find_dataset, inputs_of
from remaster.pipeline.job import Job
from remaster.pipeline.stages import OutpaintStage, SegmentStage, analyze_stage, stitch_stage
from remaster.pipeline.store import Store
from remaster.pipeline.video_plan import limited, plan_video
from remaster.propagation.tuning import TUNING as PROPAGATION
from remaster.resample.rendering import WingRenderer
from remaster.rows import FILLED, PLANNED, FailedScene, FilledScene, PlannedScene, Scene, VideoRow

LEAD_FRAMES = 12
"""Frames rendered before each measured one: the soft fill averages recursively over about so many."""
RESTORED = "restored"

Planes = tuple[Plane, ...]


@dataclass(frozen=True)
class EvaluateSettings:
    """``frames``: the number of measured frames per shot, spread evenly."""

    frames: int = 8


@dataclass(frozen=True)
class EvaluateConfig(BatchConfig):
    """The configuration of ``remaster.jobs.evaluate``; settings that concern only outputs have no effect."""

    evaluate: EvaluateSettings = field(default_factory=EvaluateSettings)


def run_evaluation(config: EvaluateConfig, console: Console) -> int:
    """Evaluate a dataset and print the scores; return 0, or 1 where a video or scene failed, which is named.

    Raises ``UserError`` where nothing could start.
    """
    inputs = inputs_of(config.dataset)
    if config.evaluate.frames < 1:
        raise UserError(f"evaluate.frames={config.evaluate.frames} measures nothing; pass 1 or more")
    with tempfile.TemporaryDirectory(prefix="remaster-evaluate-") as folder:
        store = Store(folder)
        videos = find_dataset(inputs, store.root).videos
        engines = early_engines(config)
        with connected(config.cluster) as resources:
            quiet()
            engines = engines or choose_engines(config, resources.gpus)
            check_fit(engines, resources.cpus, resources.gpus)
            scores, failures = _evaluate(videos, config, store, engines, resources, console)
    if len(scores) > 1:
        print_scores("all", [shot for video in scores for shot in video], console, each=False)
    for failure in failures:
        console.print(f"failed: {failure}", highlight=False, markup=False)
    return int(bool(failures))


def _evaluate(
    videos: Sequence[VideoFile],
    config: EvaluateConfig,
    store: Store,
    engines: Mapping[str, Engine],
    resources: Resources,
    console: Console,
) -> tuple[list[list[ShotScore]], list[str]]:
    """(a list of shots' scores for each video, the failures). A video is printed when it is finished."""
    for step, engine in engines.items():
        console.print(f"{step}: {engine.name} ({engine.reason})", highlight=False, markup=False)
    scores, failures = [], []
    for video in videos:
        # The aspect is set for each video: its own.
        job = Job(config, store, Fraction(1), 0.5, engines["segmenter"], engines["inpainter"])
        try:
            scenes = ray.get(ray.remote(num_cpus=1)(_hidden_scenes).remote(video, job))
        except ray.exceptions.RayTaskError as error:
            failures.append(f"{video.name}: {error.cause}")
            continue
        done: list[ShotScore] = []
        for scene, outcome in zip(scenes, _scored(scenes, job, config, resources), strict=True):
            if isinstance(outcome, str):
                failures.append(f"{video.name}, scene at frame {scene.start_frame}: {outcome}")
            else:
                done += outcome
        if done:
            print_scores(video.name, done, console)
            scores.append(done)
    return scores, failures


def _scored(
    scenes: Sequence[Scene], job: Job, config: EvaluateConfig, resources: Resources
) -> Iterator[list[ShotScore] | str]:
    """Each scene's scores or error, in order; as many scenes at a time as there are workers."""
    pools = [e.pool for e in (job.segmenter, job.inpainter) if e.pool is not None]
    gpus = sum(pool.num_gpus for pool in pools)
    workers = int(resources.gpus / gpus) if gpus else int(resources.cpus)
    actor = ray.remote(num_cpus=0 if gpus else 1, num_gpus=gpus)(SceneEvaluator)
    pool: Any = ActorPool([actor.remote(job, config.evaluate) for _ in range(max(min(workers, len(scenes)), 1))])
    found: Iterator[list[ShotScore] | str] = pool.map(lambda worker, scene: worker.evaluate.remote(scene), list(scenes))
    return found


def _hidden_scenes(video: VideoFile, job: Job) -> list[Scene]:
    """Detect the scenes of a whole video; raises ``MediaError`` where it cannot be read."""
    cv2.setNumThreads(1)
    return limited(plan_video(VideoRow(video.name, video.video_id, probe(video.path)), job), job)


class SceneEvaluator:
    """Evaluates scenes in one worker, which loads its engines once."""

    def __init__(self, job: Job, settings: EvaluateSettings) -> None:
        self._settings = settings
        self._segment, self._outpaint = SegmentStage(job.segmenter, job), OutpaintStage(job.inpainter, job)
        self._job = job

    def evaluate(self, scene: Scene) -> list[ShotScore] | str:
        """The scores of a scene's shots, or one sentence on the error."""
        cv2.setNumThreads(1)
        try:
            hidden = Hidden.of(scene)
            job = replace(self._job, aspect=hidden.aspect)
            self._segment.job = self._outpaint.job = job
            table = self._segment(analyze_stage(PLANNED.write([PlannedScene(hidden.scene)]), job))
            (row,) = FILLED.read(self._outpaint(stitch_stage(table, job)))
            if isinstance(row, FailedScene):
                return f"{row.failure.stage}: {row.failure.error}"
            return [_score(row, piece, hidden, job, self._settings) for piece in pieces(row.shots, row.scene.runs)]
        except (MediaError, ValueError) as error:
            return str(error)


@dataclass(frozen=True)
class Hidden:
    """A ``scene`` of the picture's middle only; ``whole`` is the whole picture, ``known`` bool (h, w): no gate."""

    scene: Scene
    whole: Rect
    known: Mask
    aspect: Fraction

    @classmethod
    def of(cls, scene: Scene) -> Hidden:
        """Hide the outer eighths; raises ``MediaError`` for pictures that are too narrow."""
        whole = known_part(scene.active)
        middle = narrowed(whole, scene.info.format)
        gate = None if scene.gate is None else scene.gate[: whole.height, : whole.width]
        known = np.ones((whole.height, whole.width), bool) if gate is None else ~gate
        inset = middle.x - whole.x
        inner = None if gate is None else gate[:, inset : inset + middle.width]
        shown = replace(scene, active=middle, gate=inner if inner is not None and inner.any() else None, framing=0.5)
        return cls(shown, whole, known, Fraction(whole.width, whole.height) * scene.info.sar)


def _score(row: FilledScene, piece: Piece, hidden: Hidden, job: Job, settings: EvaluateSettings) -> ShotScore:
    """Score one piece's wings and those of the cheap fills on some of its frames."""
    scene, shot, window = row.scene, piece.shot, job.window(row.scene)
    if (window.width, window.height) != (hidden.whole.width, hidden.whole.height):
        raise ValueError(f"the window of {scene.video} is not its picture")
    samples: dict[str, list[FrameMeasures]] = {name: [] for name in (RESTORED, *FILLS)}
    frames = Lookahead(scene_frames(scene))
    near = [s for s in row.shots if s is shot or (shot.mix is not None and shot.start <= s.end and s.start <= shot.end)]
    renderers = renderers_of(scene, near, row.found, job, frames)
    renderer = renderers.renderer(shot)
    for drawn, planes in _rendered(row, piece, hidden, renderer, frames, settings.frames):
        truth = luma8(planes, scene.info.format)
        middle = truth[:, window.x : window.x + window.active.width]
        pictures: dict[str, Any] = {RESTORED: luma8(drawn, scene.info.format)}
        pictures |= {name: fill(np.ascontiguousarray(middle), window) for name, fill in FILLS.items()}
        for name, picture in pictures.items():
            samples[name].append(compare(_float(picture), _float(truth), window, hidden.known))
    first, seen = piece.start_frame, piece_shares(piece, window, renderers, renderer).coverage
    return ShotScore(first, first + piece.frames, shot.method, shot.confidence, seen, samples)


def _rendered(
    row: FilledScene, piece: Piece, hidden: Hidden, renderer: WingRenderer, frames: Lookahead, count: int
) -> Iterator[tuple[Planes, Planes]]:
    """(rendered frame, whole picture) of ``count`` frames of a piece."""
    info, shot, holds = row.scene.info, piece.shot, row.frames.holds
    last = piece.end - 1
    count = min(count, piece.frames)
    measured = {int(i) for i in np.linspace(piece.start, last, count + 2).round()[1:-1]} or {piece.start}
    needed = {i for m in measured for i in range(max(m - LEAD_FRAMES, piece.start), m + 1)}
    for index in range(row.scene.frames):
        frame = frames[index]
        frames.release(index - PROPAGATION.tracing.max_age)
        if index in needed:
            # A hold repeats the frame before, which must have been rendered.
            hold = bool(holds[index]) and index - 1 in needed
            drawn = renderer.render(index - shot.start, crop(frame.planes, info.format, row.scene.active), hold)
            if index in measured:
                yield drawn, crop(frame.planes, info.format, hidden.whole)


def _float(picture: npt.NDArray[np.uint8]) -> Float32:
    return picture.astype(np.float32)
