"""A whole run from its configuration to its exit code."""

from __future__ import annotations

import importlib.metadata
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import pyarrow as pa
import ray
from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from remaster.config import BatchConfig, DatasetConfig, LinkScope, literal
from remaster.errors import MediaError, UserError
from remaster.imaging.geometry import parse_aspect, parse_framing
from remaster.media.encoders import check_codec
from remaster.media.probe import probe
from remaster.media.remux import output_suffix
from remaster.media.types import PixelFormat
from remaster.pipeline import store as files
from remaster.pipeline.assembly import failed_video
from remaster.pipeline.cluster import Resources, connected, quiet
from remaster.pipeline.counters import RunClock
from remaster.pipeline.encoding import encoder_settings
from remaster.pipeline.engines import check_fit, choose_engines, early_engines
from remaster.pipeline.failures import explain_full_disk
from remaster.pipeline.inpainters import decided_inpainters
from remaster.pipeline.inputs import (
    Dataset,
    VideoFile,
    absolute,
    dataset_name,
    find_dataset,
    find_donors,
    inputs_of,
    output_names,
)
from remaster.pipeline.interruption import exit_code
from remaster.pipeline.job import Job
from remaster.pipeline.lock import lock
from remaster.pipeline.override_file import check_decisions, read_decisions
from remaster.pipeline.run import Driver
from remaster.pipeline.store import Store
from remaster.report import text
from remaster.report.console import render_summary
from remaster.report.page import write_page
from remaster.report.progress import ProgressView
from remaster.report.summary import EngineChoice, RunFacts, summarize
from remaster.rows import FailedVideo, VideoRow
from remaster.tables import SHOTS, VIDEOS

FILES_PER_PROBE_TASK = 16
"""A file whose headers kill its task costs as many others a second reading."""
RUN = "run.yaml"
REPORT = "report/index.html"
COMMON_FORMAT = PixelFormat("yuv420p", "yuv", 8, 1, 1)
"""Every codec encodes it: an error with it is one of the settings, before any video is read."""
Probed = tuple[VideoRow, str] | FailedVideo
"""A readable video with the suffix of its output, or one that is not."""


@dataclass(frozen=True)
class Outcome:
    """The results of a run: ``videos`` and ``shots`` as in the tables, of this dataset's videos alone."""

    videos: pa.Table
    shots: pa.Table

    def exit_code(self, strict: bool) -> int:
        """0 where every video was delivered and no step failed, ``strict`` with nothing left out; else 1."""
        good = {"ok"} if strict else {"ok", "incomplete"}
        return int(any(status not in good for status in self.videos.column("status").to_pylist()))


def run_batch(config: BatchConfig, composed: DictConfig, console: Console) -> int:
    """Remaster a dataset; returns the exit code 0 or 1.

    Raises ``UserError`` where nothing could start, and lets ``KeyboardInterrupt`` through once the report is written.
    """
    clock = RunClock()
    aspect, framing = parse_aspect(config.target.aspect), parse_framing(config.target.framing)
    store = Store(_output_dir(config))
    dataset = find_dataset(inputs_of(config.dataset), store.root)
    donors = _donors(config, store, dataset)
    videos = dataset.videos
    check_codec(encoder_settings(config.output), COMMON_FORMAT)
    _refuse_other_dataset(store, config)
    decisions = read_decisions(store, {video.name for video in videos})
    engines = early_engines(config)
    with explain_full_disk(store), lock(store) as store, connected(config.cluster) as resources:
        quiet()
        files.remove_temporaries(store)
        engines = engines or choose_engines(config, resources.gpus)
        check_fit(engines, resources.cpus, resources.gpus)
        chosen = engines["inpainter"]
        named = decided_inpainters(decisions, chosen, resources.gpus, store.where(store.overrides))
        job = Job(config, store, aspect, framing, engines["segmenter"], chosen, decisions=decisions, inpainters=named)
        _write_run(store, composed, job)
        facts = replace(_facts(job, resources), left_out=(*dataset.left_out, *donors.left_out))
        _announce(console, facts, len(videos))
        _say_left_out(console, facts)
        try:
            with clock.keep(store, config.resume):
                ended = _execute(videos, donors.videos, job, console)
        except KeyboardInterrupt:
            _report(videos, store, _ended(facts, clock, exit_code()))
            raise
        outcome = _outcome(videos, store)
        lost = config.strict and (dataset.lost or donors.lost or ended.donors_lost)
        code = max(outcome.exit_code(config.strict), int(lost), int(ended.stopped is not None))
        facts = _ended(facts, clock, code)
        page = _report(videos, store, facts)
        render_summary(
            summarize(outcome.videos, outcome.shots, facts.seconds, facts.earlier_seconds), console, facts.engines
        )
        _say_left_out(console, facts)
        say_where(console, store, page)
        if ended.stopped is not None:
            console.print(f"stopped early: {ended.stopped}; the same command goes on", highlight=False, markup=False)
        return code


@dataclass(frozen=True)
class _Ended:
    """Why a run ended early, None where it did not, and whether donors could not be read."""

    stopped: str | None
    donors_lost: bool


def _execute(videos: Sequence[VideoFile], donors: Sequence[VideoFile], job: Job, console: Console) -> _Ended:
    """Run the graphs over what can be read."""
    readable, outputs, unreadable = _probe(videos, job)
    check_decisions(job.decisions, readable, job.store)
    found = _probed(donors, job)
    looked_at = [replace(item[0], donor=True) for item in found if not isinstance(item, FailedVideo)]
    with ProgressView(console) as view:
        view.found(len(videos))
        for row in unreadable:
            view.video_done(row["video"], None, "failed", [row["error"]])
        for item in found:
            if isinstance(item, FailedVideo):
                view.message(f"not taken: {item.video}: {item.error}")
        driver = Driver(readable, outputs, job, view, looked_at)
        return _Ended(driver.run(), driver.lost + len(found) > len(looked_at))


def _donors(config: BatchConfig, store: Store, dataset: Dataset) -> Dataset:
    """The videos that are looked at alone; raises ``UserError`` where they cannot be used."""
    paths = config.dataset.donor_inputs
    if paths and config.scenes.link is LinkScope.off:
        raise UserError("dataset.donors lends by links between scenes; leave out scenes.link=off")
    donors = find_donors(paths, store.root)
    twice = {video.path for video in donors.videos} & {video.path for video in dataset.videos}
    if twice:
        raise UserError(f"{min(twice)} is a donor and an input; name it once")
    return donors


def _outcome(videos: Sequence[VideoFile], store: Store) -> Outcome:
    """What the folder holds of these videos, in their order; a video that never got a row has none here either."""
    rows = [row for video in videos for row in files.read_video(store, video.video_id)]
    shots = [row for video in videos for row in files.ordered_shots(store, video.video_id)]
    return Outcome(pa.Table.from_pylist(rows, schema=VIDEOS), pa.Table.from_pylist(shots, schema=SHOTS))


def _report(videos: Sequence[VideoFile], store: Store, facts: RunFacts) -> str:
    """Write the report; returns where it is."""
    outcome = _outcome(videos, store)
    previews = outcome.shots.column("preview").drop_null().to_pylist()
    with store.files.view(previews) as folder:
        write_page(folder / REPORT, facts, outcome.videos, outcome.shots, folder)
        store.files.put(folder / REPORT, REPORT)
    return store.where(REPORT)


def _probe(videos: Sequence[VideoFile], job: Job) -> tuple[list[VideoRow], list[str], list[dict[str, Any]]]:
    """(readable videos, their output names, rows of the unreadable ones)."""
    found = _probed(videos, job)
    good = [item for item in found if not isinstance(item, FailedVideo)]
    bad = []
    for video in (item for item in found if isinstance(item, FailedVideo)):
        bad.append(failed_video(video.video, video.info, video.error))
        files.write_video(job.store, video.video_id, bad[-1])
    outputs = output_names([row.video for row, _ in good], [suffix for _, suffix in good])
    return [row for row, _ in good], outputs, bad


def _probed(videos: Sequence[VideoFile], job: Job) -> list[Probed]:
    """Each video's headers, or why they cannot be read. Workers read them."""
    chunks = [videos[i : i + FILES_PER_PROBE_TASK] for i in range(0, len(videos), FILES_PER_PROBE_TASK)]
    task = ray.remote(probe_chunk).options(num_cpus=1, max_retries=0)
    references: list[ray.ObjectRef[Any]] = [task.remote(chunk, job) for chunk in chunks]
    found: list[Probed] = []
    for chunk, reference in zip(chunks, references, strict=True):
        try:
            found += ray.get(reference)
        except ray.exceptions.WorkerCrashedError:  # whose headers did it shows when each file is alone
            found += [_probe_alone(video, job) for video in chunk]
    return found


def _probe_alone(video: VideoFile, job: Job) -> Probed:
    try:
        found: list[Probed] = ray.get(ray.remote(probe_chunk).options(num_cpus=1, max_retries=1).remote([video], job))
    except ray.exceptions.WorkerCrashedError:
        error = f"{video.path} kills the process that reads its headers; leave it out"
        return FailedVideo(video.name, video.video_id, None, error)
    return found[0]


def probe_chunk(videos: Sequence[VideoFile], job: Job) -> list[Probed]:
    """Each video's row and output suffix, or the error where it cannot be read or encoded."""
    found: list[Probed] = []
    settings = encoder_settings(job.config.output)
    for video in videos:
        info = None
        try:
            info = probe(video.path)
            check_codec(settings, info.format)
            suffix = output_suffix(info, job.config.output.container, settings.codec)
            found.append((VideoRow(video.name, video.video_id, info), suffix))
        except (MediaError, UserError) as error:
            found.append(FailedVideo(video.name, video.video_id, info, str(error)))
    return found


def _output_dir(config: BatchConfig) -> str:
    return absolute(config.output.dir or f"outputs/{dataset_name(inputs_of(config.dataset))}")


def _refuse_other_dataset(store: Store, config: BatchConfig) -> None:
    """An output folder belongs to one dataset: mixing two would tangle their videos and tables."""
    run = store.files.read(RUN)
    if run is None:
        return
    before = OmegaConf.create(run.decode())
    path, paths = OmegaConf.select(before, "dataset.path"), OmegaConf.select(before, "dataset.paths")
    others = DatasetConfig(path, list(paths or [])).inputs
    if others and {absolute(other) for other in others} != set(map(absolute, inputs_of(config.dataset))):
        raise UserError(f"output.dir={store.root} holds the results of {', '.join(others)}; choose another output.dir")


def _write_run(store: Store, composed: DictConfig, job: Job) -> None:
    """The resolved configuration, with the dataset's absolute paths and the engines that were chosen."""
    run: Any = OmegaConf.to_container(composed, resolve=True, enum_to_str=True)
    inputs = [absolute(path) for path in inputs_of(job.config.dataset)]
    alone = len(inputs) == 1
    donors = [absolute(path) for path in job.config.dataset.donor_inputs]
    run["dataset"] = {"path": inputs[0] if alone else None, "paths": [] if alone else inputs, "donors": donors or None}
    run["output"]["dir"] = store.root
    engines = {"segmenter": job.segmenter, "inpainter": job.inpainter}
    run["chosen"] = {
        step: {"name": engine.name, "reason": engine.reason, "weights": dict(engine.weights)}
        for step, engine in engines.items()
    }
    store.files.write(RUN, OmegaConf.to_yaml(OmegaConf.create(_literally(run))).encode())


def _literally(value: Any) -> Any:
    """The value with all texts in it as OmegaConf holds them; nothing in them is an interpolation any more."""
    if isinstance(value, dict):
        return {key: _literally(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_literally(item) for item in value]
    return literal(value) if isinstance(value, str) else value


def _facts(job: Job, resources: Resources) -> RunFacts:
    config, inputs = job.config, inputs_of(job.config.dataset)
    engines = {"segmenter": job.segmenter, "inpainter": job.inpainter}
    hardware = f"{resources.cpus:g} CPUs, {resources.gpus:g} GPUs, {resources.nodes} node(s)"
    return RunFacts(
        command=shlex.join(["remaster", *sys.argv[1:]]),
        dataset=dataset_name(inputs),
        source=text.listed(inputs),
        output=job.store.root,
        hardware=hardware,
        started=datetime.now().astimezone(),
        seconds=0.0,
        exit_code=None,
        engines=tuple(EngineChoice(step, engine.name, engine.reason) for step, engine in engines.items()),
        settings=_settings(config),
        versions=_versions(),
    )


def _settings(config: BatchConfig) -> Mapping[str, str]:
    output = config.output
    return {
        "target.aspect": config.target.aspect,
        "target.framing": str(config.target.framing),
        "output.codec": output.codec.value,
        "output.container": output.container.value,
        "output.crf": str(output.crf),
        "output.preset": output.preset,
        "output.grain": output.grain.value,
        "gate": config.gate.value,
        "seed": str(config.seed),
    }


def _versions() -> Mapping[str, str]:
    names = ("remaster", "ray", "av", "opencv-python-headless", "scenedetect-headless", "numpy", "pyarrow")
    return {"python": ".".join(map(str, sys.version_info[:3]))} | {
        name: importlib.metadata.version(name) for name in names
    }


def _ended(facts: RunFacts, clock: RunClock, code: int) -> RunFacts:
    return replace(facts, seconds=clock.seconds, earlier_seconds=clock.earlier, exit_code=code)


def _say_left_out(console: Console, facts: RunFacts) -> None:
    for line in facts.left_out:
        console.print(text.printable(f"not taken: {line}", console.encoding), highlight=False, markup=False)


def say_where(console: Console, store: Store, page: str) -> None:
    """Print where the videos and the page are; brackets in a folder's name are no markup."""
    for line in (f"videos: {store.where('videos')}", f"report: {page}"):
        console.print(text.printable(line, console.encoding), highlight=False, markup=False, soft_wrap=True)


def _announce(console: Console, facts: RunFacts, videos: int) -> None:
    found = f"{videos} video(s) in {facts.source}, on {facts.hardware}"
    console.print(text.printable(found, console.encoding), highlight=False, markup=False)
    for engine in facts.engines:
        console.print(f"{engine.step}: {engine.name} ({engine.reason})", highlight=False, markup=False)
