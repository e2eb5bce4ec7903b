"""Runs the pipeline's stages one after the other in this process, without Ray, and measures what each costs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import hydra
import pyarrow as pa

from remaster.arrow import MixedTable
from remaster.config import BatchConfig, config_dir, register_schema, to_config
from remaster.imaging.geometry import parse_aspect, parse_framing
from remaster.media.probe import probe
from remaster.media.remux import output_suffix
from remaster.pipeline.assembly import VideoTask, assemble_video
from remaster.pipeline.delivery import resample_stage
from remaster.pipeline.engines import choose
from remaster.pipeline.inputs import find_videos, output_names
from remaster.pipeline.job import Job
from remaster.pipeline.stages import OutpaintStage, SegmentStage, analyze_stage, stitch_stage
from remaster.pipeline.store import Store
from remaster.pipeline.video_plan import detect_stage
from remaster.rows import (
    ANALYZED,
    DELIVERED,
    FILLED,
    PLANNED,
    PROBED,
    SEGMENTED,
    STITCHED,
    DeliveredScene,
    FailedVideo,
    SceneRow,
    VideoRow,
)

STEPS = ("detect", "analyze", "segment", "stitch", "outpaint", "resample", "assemble")


@dataclass
class Cost:
    """Seconds of this process: on the clock, and of its CPU time (all its threads')."""

    wall: float = 0.0
    cpu: float = 0.0


@dataclass
class Run:
    """One video through all steps: its ``scenes``' rows of ``metadata/scenes``, its own row, and each step's cost."""

    frames: int
    shots: list[dict[str, Any]]
    video: dict[str, Any]
    costs: dict[str, Cost] = field(default_factory=dict)

    @property
    def cpu(self) -> float:
        """CPU seconds of all steps."""
        return sum(cost.cpu for cost in self.costs.values())


def compose(*overrides: str) -> BatchConfig:
    """The configuration of ``remaster.jobs.batch`` with some keys set."""
    register_schema()
    with hydra.initialize_config_dir(str(config_dir()), version_base="1.3"):
        return to_config(hydra.compose("batch", list(overrides)))


def make_job(config: BatchConfig, folder: Path, gpus: float = 0.0) -> Job:
    """What the stages need to know, with the engines that ``auto`` chooses for so many GPUs."""
    engines = choose("segmenter", config.segmenter, gpus), choose("inpainter", config.inpainter, gpus)
    aspect, framing = parse_aspect(config.target.aspect), parse_framing(config.target.framing)
    return Job(config, Store(str(folder.absolute())), aspect, framing, *engines)


Watch = Callable[[str, SceneRow | DeliveredScene], None]
"""Told a step's name and a scene's row after that step."""


def run_steps(path: Path, folder: Path, *overrides: str, watch: Watch | None = None) -> Run:
    """Remaster one video into ``folder``, step by step and scene by scene; raises where a scene does not come out."""
    cv2.setNumThreads(1)
    job = make_job(compose(f"dataset.path={path}", *overrides), folder)
    costs: dict[str, Cost] = {}
    found = find_videos(str(path), folder)[0]
    video = VideoRow(found.name, found.video_id, probe(found.path))
    with _timed("detect", costs):
        own, *scenes = [row for table in detect_stage(PROBED.write([video]), job) for row in PLANNED.read(table)]
    if isinstance(own, FailedVideo):
        raise RuntimeError(f"{path}: {own.error}")
    shots = [shot for scene in scenes for shot in _scene(PLANNED.write([scene]), job, costs, watch).results]
    failed = [shot["error"] for shot in shots if shot["error"] is not None]
    if failed:
        raise RuntimeError(f"{path}: {failed[0]}")
    suffix = output_suffix(probe(found.path), job.config.output.container, job.config.output.codec)
    with _timed("assemble", costs):
        finished = assemble_video(VideoTask(own, output_names([found.name], [suffix])[0], job))
    if finished["status"] != "ok":
        raise RuntimeError(f"{path}: {finished['error']}")
    return Run(own.frames, shots, finished, costs)


def _scene(table: pa.Table, job: Job, costs: dict[str, Cost], watch: Watch | None) -> DeliveredScene:
    stages: Sequence[tuple[str, Callable[[pa.Table], pa.Table], MixedTable]] = (
        ("analyze", lambda rows: analyze_stage(rows, job), ANALYZED),
        ("segment", SegmentStage(job.segmenter, job), SEGMENTED),
        ("stitch", lambda rows: stitch_stage(rows, job), STITCHED),
        ("outpaint", OutpaintStage(job.inpainter, job), FILLED),
        ("resample", lambda rows: resample_stage(rows, job), DELIVERED),
    )
    for name, stage, kind in stages:
        with _timed(name, costs):
            table = stage(table)
        if watch is not None:
            watch(name, kind.read(table)[0])
    delivered: DeliveredScene = DELIVERED.read(table)[0]
    return delivered


@contextmanager
def _timed(name: str, costs: dict[str, Cost]) -> Iterator[None]:
    wall, cpu = time.perf_counter(), time.process_time()
    yield
    cost = costs.setdefault(name, Cost())
    cost.wall += time.perf_counter() - wall
    cost.cpu += time.process_time() - cpu
