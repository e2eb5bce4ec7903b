"""The Ray graphs on one screen: videos in, delivered scenes out; and, before that, what scenes lend each other."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import pyarrow as pa
import ray.data

from remaster.pipeline.cluster import reservable, worker_bytes
from remaster.pipeline.delivery import resample_stage
from remaster.pipeline.describing import describe_stage, survey_stage
from remaster.pipeline.engines import Engine, pool_options
from remaster.pipeline.job import Job
from remaster.pipeline.previewing import preview_stage
from remaster.pipeline.set_stages import FillSetStage, lend_stage, share_stage, unfilled_stage
from remaster.pipeline.stages import OutpaintStage, SegmentStage, analyze_stage, refuse_unstitched, stitch_stage
from remaster.pipeline.triage_stages import triage_stage
from remaster.pipeline.video_plan import detect_stage
from remaster.rows import PROBED, VideoRow
from remaster.set_rows import SETS, SetTask

# A task that dies with its worker is started again by Ray; ``attempts`` ends that, and every write is idempotent.
TASK: dict[str, Any] = {"batch_format": "pyarrow", "batch_size": 1, "num_cpus": 1}


def build_graph(videos: Sequence[VideoRow], job: Job, surveyed: bool = False) -> ray.data.Dataset:
    """The lazy dataset of delivered scenes, in the order they are finished, and of the videos' own rows.

    A preview draws small pictures in place of the last step, a triage ends after ``stitch``.

    ``surveyed``: all scenes were stitched by ``build_survey`` and are in the cache, so that no segmenter is loaded.

    One video a block in, one scene a block after ``detect``: scenes of one video run side by side, and a second video
    is being detected while the first one's scenes are at work. On two CPUs too, of which Ray Data keeps one for each
    unfinished operator, upstream ones first: ``detect`` reserves no memory, since only operators that ask for the same
    become one, and the repartition behind it asks for none.
    """
    task = _task(videos, job)
    dataset = _stitched(videos, detect_stage, job, task, loads_segmenter=not surveyed)
    if job.store.tables == "metadata/triage":
        return dataset.map_batches(partial(triage_stage, job=job), **task)
    dataset = _engine_stage(dataset, OutpaintStage, job.inpainter, job, task)
    last_stage = resample_stage if job.store.delivers else preview_stage
    return dataset.map_batches(partial(last_stage, job=job), **task)


def build_survey(videos: Sequence[VideoRow], job: Job) -> ray.data.Dataset:
    """The lazy dataset of described scenes, and of the videos' own rows: all that comes before sets are looked for.

    The stages cache what they make; ``build_graph`` goes on from there.
    """
    task = _task(videos, job)
    return _stitched(videos, survey_stage, job, task).map_batches(partial(describe_stage, job=job), **task)


def build_lending(sets: Sequence[SetTask], videos: Sequence[VideoRow], job: Job) -> ray.data.Dataset:
    """The lazy dataset of sets that were lent within and filled (not so for a triage); one set a block."""
    task = _task(videos, job)
    dataset: ray.data.Dataset = ray.data.from_arrow([SETS.write([one]) for one in sets])
    dataset = dataset.map_batches(partial(lend_stage, job=job), **task)
    if job.store.tables == "metadata/triage":
        return dataset.map_batches(partial(unfilled_stage, job=job), **task)
    dataset = _engine_stage(dataset, FillSetStage, job.inpainter, job, task)
    return dataset.map_batches(partial(share_stage, job=job), **task)


def _task(videos: Sequence[VideoRow], job: Job) -> dict[str, Any]:
    return TASK | {"memory": reservable(worker_bytes([video.info for video in videos], job.aspect))}


def _stitched(
    videos: Sequence[VideoRow], first_stage: Any, job: Job, task: dict[str, Any], loads_segmenter: bool = True
) -> ray.data.Dataset:
    """Steps 1 to 4, whose first is given: which of a video's scenes leave it depends on what for."""
    dataset: ray.data.Dataset = ray.data.from_arrow([PROBED.write([video]) for video in videos])
    dataset = dataset.map_batches(partial(first_stage, job=job), **TASK)
    dataset = dataset.repartition(target_num_rows_per_block=1)
    dataset = dataset.map_batches(partial(analyze_stage, job=job), **task)
    if job.segmenter.pool is None or loads_segmenter:
        dataset = _engine_stage(dataset, SegmentStage, job.segmenter, job, task)
    else:
        dataset = dataset.map_batches(partial(refuse_unstitched, job=job), **task)
    return dataset.map_batches(partial(stitch_stage, job=job), **task)


def _engine_stage(
    dataset: ray.data.Dataset, stage: type[Any], engine: Engine, job: Job, task: dict[str, Any]
) -> ray.data.Dataset:
    """A stage with an engine: an actor pool where the engine has one, else plain tasks."""
    if engine.pool is None:
        return dataset.map_batches(partial(_run_in_task, stage=stage, engine=engine, job=job), **task)
    options = {"batch_format": "pyarrow", **pool_options(engine.pool)}
    return dataset.map_batches(stage, fn_constructor_args=(engine, job), **options)


def _run_in_task(table: pa.Table, stage: type[Any], engine: Engine, job: Job) -> pa.Table:
    """Engines without weights cost nothing to make: one a task."""
    done: pa.Table = stage(engine, job)(table)
    return done
