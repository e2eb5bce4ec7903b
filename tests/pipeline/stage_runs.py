"""A run of one video through the stages as the graph calls them, one after the other and without Ray."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from batch_runs import QUICK
from clips import pan, series_clip, still
from faulty_runs import Case
from hydra import compose, initialize_config_dir

from remaster.config import config_dir, register_schema, to_config
from remaster.imaging.geometry import parse_aspect, parse_framing
from remaster.media.probe import probe
from remaster.pipeline.assembly import VideoTask, assemble_video
from remaster.pipeline.delivery import resample_stage
from remaster.pipeline.engines import choose
from remaster.pipeline.inpainters import decided_inpainters
from remaster.pipeline.inputs import find_videos
from remaster.pipeline.job import Job
from remaster.pipeline.lock import lock
from remaster.pipeline.override_file import read_decisions
from remaster.pipeline.stages import OutpaintStage, SegmentStage, analyze_stage, stitch_stage
from remaster.pipeline.store import Store
from remaster.pipeline.video_plan import detect_stage
from remaster.rows import PLANNED, PROBED, PassthroughScene, PlannedScene, PlannedVideo, VideoRow

EXEMPLAR = ("inpainter=exemplar", *(f"inpainter.engine.{setting}" for setting in QUICK))
"""The embedded inpainter in place of the one that has faults."""


def filmed(root: Path, scenes: Sequence[Iterator[np.ndarray]]) -> Case:
    """One drawn video, ``a.mp4``, as the input of a case in ``root``."""
    case = Case(root, root / "in", link="off")
    case.source.mkdir(parents=True)
    series_clip(case.source / "a.mp4", scenes)
    case.engine()
    return case


def three_scenes(root: Path) -> Case:
    """A case of a resting camera (4 frames), one that moves (6) and a resting one (4)."""
    return filmed(root, [still(1, 4), pan(2, 6), still(3, 4)])


def run_stages(
    case: Case, *more: str, root: str | None = None, path: str | None = None, suffix: str = ".mp4"
) -> dict[str, Any]:
    """Run the first video of a case, into ``root`` and from ``path`` where they are given; its row of the tables."""
    register_schema()
    with initialize_config_dir(str(config_dir()), version_base="1.3"):
        config = to_config(compose("batch", overrides=[*case.overrides(), *more]))
    engines = choose("segmenter", config.segmenter, 0), choose("inpainter", config.inpainter, 0)
    with lock(Store(root or str(case.out))) as store:
        job = Job(config, store, parse_aspect(config.target.aspect), parse_framing(config.target.framing), *engines)
        file = find_videos(path or str(case.source), store.root)[0]
        decisions = read_decisions(store, [file.name])
        inpainters = decided_inpainters(decisions, job.inpainter, 0, store.overrides)
        job = replace(job, decisions=decisions, inpainters=inpainters)
        video = VideoRow(file.name, file.video_id, probe(file.path))
        segment, outpaint = SegmentStage(job.segmenter, job), OutpaintStage(job.inpainter, job)
        (table,) = detect_stage(PROBED.write([video]), job)
        planned, *scenes = PLANNED.read(table)
        assert isinstance(planned, PlannedVideo), planned
        for scene in scenes:
            assert isinstance(scene, PlannedScene | PassthroughScene)
            stitched = stitch_stage(segment(analyze_stage(PLANNED.write([scene]), job)), job)
            resample_stage(outpaint(stitched), job)
        return assemble_video(VideoTask(planned, Path(file.name).with_suffix(suffix).as_posix(), job))
