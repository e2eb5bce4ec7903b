"""What does a preview cost beside the whole run?

The steps of both run in this process, one after the other, and their CPU seconds are counted, so that a busy machine
does not show in them. Both need the steps up to the fill, which are run once: what they leave is the same for both.
``--programs`` also runs the programs themselves (a preview, the run that goes on from it, a whole run, and one that has
nothing to do) and counts the CPU seconds of all their processes, Ray's among them.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import pyarrow as pa

from benchmarks.machine import machine
from benchmarks.processes import Counted, run_counted
from benchmarks.steps import Cost, compose, make_job
from remaster.media.probe import probe
from remaster.media.remux import output_suffix
from remaster.pipeline.assembly import VideoTask, assemble_video
from remaster.pipeline.delivery import resample_stage
from remaster.pipeline.describing import describe_stage
from remaster.pipeline.frames import forget_frames
from remaster.pipeline.inputs import find_videos, output_names
from remaster.pipeline.job import Job
from remaster.pipeline.previewing import finish_unmade, preview_stage
from remaster.pipeline.stages import OutpaintStage, SegmentStage, analyze_stage, stitch_stage
from remaster.pipeline.triage_stages import triage_stage
from remaster.pipeline.video_plan import detect_stage, plan_video
from remaster.rows import PLANNED, PROBED, VideoRow
from remaster.tables import Tables

RESULT = Path(__file__).parent / "results" / "preview.md"
TIMEOUT = 7200
AIM = 0.4
"""The share of a whole run's cost that a preview may take."""
UP_TO_STITCH = ("detect", "analyze", "segment", "stitch", "describe")
NOTHING_TO_DO = "a run with nothing to do"
"""The program that tells what starting costs: Ray, imports, the check of what is there."""
STEPS = {
    "triage": (*UP_TO_STITCH, "count"),
    "preview": (*UP_TO_STITCH, "outpaint", "draw"),
    "whole run": (*UP_TO_STITCH, "outpaint", "resample", "assemble"),
}
"""What each of them needs. Proofs of sets, which all need, are left out: one video alone has few."""


def main() -> None:
    options = _arguments()
    with tempfile.TemporaryDirectory(prefix="remaster-preview-") as folder:
        costs, scenes, frames = measure(options.input, Path(folder) / "steps", options.limit)
        programs = (
            measure_programs(options.input, Path(folder), options.limit, options.cpus) if options.programs else {}
        )
    text = report(options.input, costs, scenes, frames, programs)
    print(text)
    options.output.write_text(text)


def measure(path: Path, folder: Path, limit: int | None) -> tuple[dict[str, Cost], int, int]:
    """(the cost of each step, the number of scenes, that of their frames)."""
    cv2.setNumThreads(1)
    more = [f"scenes.limit={limit}"] if limit else []
    job = make_job(compose(f"dataset.path={path}", "segmenter=motion", "inpainter=exemplar", *more), folder)
    found = find_videos(str(path), folder)[0]
    video = VideoRow(found.name, found.video_id, probe(found.path))
    costs: dict[str, Cost] = {}

    def timed(name: str, step: Callable[..., Any], *given: Any) -> Any:
        wall, cpu = time.perf_counter(), time.process_time()
        made = step(*given)
        cost = costs.setdefault(name, Cost())
        cost.wall += time.perf_counter() - wall
        cost.cpu += time.process_time() - cpu
        return made

    jobs = {tables: replace(job, store=replace(job.store, tables=tables)) for tables in _TABLES}
    planned = timed("detect", _planned, video, job)
    # All of the video is read, and costs the measured scenes their part.
    own, total = planned[0], sum(scene.frames for scene in plan_video(video, job))
    costs["detect"] = Cost(*(seconds * own.frames / total for seconds in (costs["detect"].wall, costs["detect"].cpu)))
    rows = {tables: _planned(video, jobs[tables])[1:] for tables in _TABLES}
    for number, scene in enumerate(planned[1:]):
        analyzed = timed("analyze", analyze_stage, PLANNED.write([scene]), job)
        masked = timed("segment", SegmentStage(job.segmenter, job), analyzed)
        stitched = timed("stitch", stitch_stage, masked, job)
        forget_frames()
        timed("describe", describe_stage, stitched, job)
        timed("outpaint", OutpaintStage(job.inpainter, job), stitched)
        # The last ones take what is cached, as in another worker.
        for name, tables, stage in _LAST:
            given = analyze_stage(PLANNED.write([rows[tables][number]]), jobs[tables])
            timed(name, stage, given, jobs[tables])
            forget_frames()
    suffix = output_suffix(probe(found.path), job.config.output.container, job.config.output.codec)
    task = VideoTask(own, output_names([found.name], [suffix])[0], job)
    delivered = timed("assemble", assemble_video, task)
    seen = finish_unmade(replace(task, job=jobs["metadata/preview"]))
    if delivered["status"] != "ok" or seen["status"] != "preview":
        raise RuntimeError(f"{path}: {delivered['error'] or seen['error']}")
    return costs, len(planned) - 1, own.frames


_LAST: tuple[tuple[str, Tables, Callable[[pa.Table, Job], pa.Table]], ...] = (
    ("count", "metadata/triage", triage_stage),
    ("draw", "metadata/preview", preview_stage),
    ("resample", "metadata", resample_stage),
)
_TABLES: tuple[Tables, ...] = tuple(tables for _, tables, _ in _LAST)


def measure_programs(path: Path, folder: Path, limit: int | None, cpus: int) -> dict[str, Counted]:
    """What the programs take, one after the other."""

    def run(out: str, *more: str) -> Counted:
        settings = [f"output.dir={folder / out}", f"cluster.cpus={cpus}", *([f"scenes.limit={limit}"] if limit else [])]
        return run_counted(["-m", "remaster.jobs.batch", str(path), *settings, *more], TIMEOUT)

    return {
        "preview": run("previewed", "preview=true"),
        "the run that goes on from it": run("previewed"),
        "whole run": run("whole"),
        NOTHING_TO_DO: run("whole"),
    }


def report(path: Path, costs: Mapping[str, Cost], scenes: int, frames: int, programs: Mapping[str, Counted]) -> str:
    """The results as a page."""
    sums = {name: sum(costs[step].cpu for step in steps) for name, steps in STEPS.items()}
    whole = sums["whole run"]
    lines = [
        "# A preview beside the whole run",
        "",
        f"`python -m benchmarks.preview {path.name}`: {scenes} scenes of {frames} frames, on {machine()}. CPU seconds.",
        "",
        f"| step | {' | '.join(STEPS)} |",
        "| --- | ---: | ---: | ---: |",
    ]
    for step in dict.fromkeys(step for steps in STEPS.values() for step in steps):
        cells = (f"{costs[step].cpu:.1f}" if step in steps else "" for steps in STEPS.values())
        lines.append(f"| {step} | {' | '.join(cells)} |")
    lines += [
        f"| all | {' | '.join(f'{seconds:.1f}' for seconds in sums.values())} |",
        f"| of the whole run | {' | '.join(f'{seconds / whole:.0%}' for seconds in sums.values())} |",
        "",
        *_programs(programs),
        *_conclusion(costs, sums),
    ]
    return "\n".join(lines)


def _programs(programs: Mapping[str, Counted]) -> list[str]:
    if not programs:
        return []
    whole, started = programs["whole run"].cpu, programs[NOTHING_TO_DO].cpu
    rows = [
        f"| {name} | {one.cpu:.1f} | {one.cpu / whole:.0%} | {(one.cpu - started) / (whole - started):.0%} |"
        f" {one.wall:.0f} |"
        for name, one in programs.items()
    ]
    head = [
        "| program | CPU seconds of all processes | of the whole run's | the same without start-up | wall seconds |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    return [*head, *rows, ""]


def _conclusion(costs: Mapping[str, Cost], sums: Mapping[str, float]) -> list[str]:
    share, drawing = sums["preview"] / sums["whole run"], costs["draw"].cpu / sums["whole run"]
    before = share - drawing
    met, encoding = "met" if share <= AIM else "missed", costs["resample"].cpu / sums["whole run"]
    return [
        f"The aim is at most {AIM:.0%} of the whole run, and it is {met}: {share:.0%}. Of this, the steps up to the",
        f"fill are {before:.0%}: a preview needs them as they are, since the run goes on from what they leave. Drawing",
        f"adds {drawing:.0%}, where rendering and encoding all frames takes {encoding:.0%}.",
        "",
    ]


def _planned(video: VideoRow, job: Job) -> list[Any]:
    return [row for table in detect_stage(PROBED.write([video]), job) for row in PLANNED.read(table)]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("input", type=Path, help="a video, for example one of the sample series")
    parser.add_argument("--limit", type=int, help="only its first scenes")
    parser.add_argument("--programs", action="store_true", help="run the programs, too")
    parser.add_argument("--cpus", type=int, default=2, help="cores for the programs")
    parser.add_argument("--output", type=Path, default=RESULT)
    return parser.parse_args()


if __name__ == "__main__":
    main()
