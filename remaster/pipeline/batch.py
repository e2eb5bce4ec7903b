"""A whole run from its configuration to its exit code."""

from __future__ import annotations

import importlib.metadata
import shlex
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
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
from remaster.media.types import PixelFormat, Rect
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
from remaster.pipeline.painted import check_backgrounds
from remaster.pipeline.run import Driver
from remaster.pipeline.store import Store
from remaster.report import text
from remaster.report.console import render_summary
from remaster.report.page import write_page
from remaster.report.progress import ProgressView
from remaster.report.summary import UNMADE, EngineChoice, RunFacts, summarize
from remaster.rows import FailedVideo, VideoRow
from remaster.tables import VIDEOS, Tables

FILES_PER_PROBE_TASK = 16
"""A file whose headers kill its task costs as many others a second reading."""
RUN = "run.yaml"
REPORTS: Mapping[Tables, str] = {"metadata": "report/index.html", "metadata/preview": "report/preview.html"}
"""The page of a run, by the tables that it writes: a preview's leaves that of what was delivered alone."""
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
        good = {"ok", *UNMADE} if strict else {"ok", "incomplete", *UNMADE}
        return int(any(status not in good for status in self.videos.column("status").to_pylist()))


def run_batch(config: BatchConfig, composed: DictConfig, console: Console) -> int:
    """Remaster a dataset; returns the exit code 0 or 1.

    Raises ``UserError`` where nothing could start, and lets ``KeyboardInterrupt`` through once the report is written.
    """
    clock = RunClock()
    with prepared(config, composed, "metadata/preview" if config.preview else "metadata", console) as run:
        videos, facts, store = run.dataset.videos, run.facts, run.job.store
        try:
            with clock.keep(store, config.resume):
                ended = execute(run, console)
        except KeyboardInterrupt:
            _report(videos, store, _ended(facts, clock, exit_code()))
            raise
        outcome = outcome_of(videos, store)
        code = exit_code_of(run, ended, outcome)
        facts = _ended(facts, clock, code)
        page = _report(videos, store, facts)
        render_summary(
            summarize(outcome.videos, outcome.shots, facts.seconds, facts.earlier_seconds), console, facts.engines
        )
        _say_left_out(console, facts)
        say_where(console, store, page)
        say_stopped(console, ended)
        return code


@dataclass(frozen=True)
class Prepared:
    """A run that is ready to start: what it works on, what it is given, and what is known of it and its cores.

    ``readable`` are the dataset's videos with the names of their results, ``unreadable`` the others.
    """

    job: Job
    dataset: Dataset
    donors: Dataset
    facts: RunFacts
    cpus: float
    readable: Mapping[str, VideoRow]
    unreadable: Sequence[FailedVideo]


@contextmanager
def prepared(config: BatchConfig, composed: DictConfig, tables: Tables, console: Console) -> Iterator[Prepared]:
    """Hold the output folder and a Ray for a run that writes ``tables``; raises ``UserError`` where it cannot start."""
    aspect, framing = parse_aspect(config.target.aspect), parse_framing(config.target.framing)
    store = Store(_output_dir(config), tables=tables)
    dataset = find_dataset(inputs_of(config.dataset), store.root)
    donors = _donors(config, store)
    check_codec(encoder_settings(config.output), COMMON_FORMAT)
    _refuse_other_dataset(store, config)
    decisions = read_decisions(store, {video.name for video in dataset.videos})
    engines = early_engines(config)
    with explain_full_disk(store), lock(store) as store, connected(config.cluster) as resources:
        quiet()
        files.remove_temporaries(store)
        engines = engines or choose_engines(config, resources.gpus)
        check_fit(engines, resources.cpus, resources.gpus)
        chosen = engines["inpainter"]
        named = decided_inpainters(decisions, chosen, resources.gpus, store.where(store.overrides))
        job = Job(config, store, aspect, framing, engines["segmenter"], chosen, decisions=decisions, inpainters=named)
        facts = replace(_facts(job, resources), left_out=(*dataset.left_out, *donors.left_out))
        _announce(console, facts, len(dataset.videos))
        _say_left_out(console, facts)
        readable, unreadable = _probe(dataset.videos, job)
        check_decisions(decisions, list(readable.values()), store)
        check_backgrounds(list(readable.values()), job)
        if store.delivers or not store.files.names("metadata/videos"):  # else it tells how those videos were made
            _write_run(store, composed, job)
        yield Prepared(job, dataset, donors, facts, resources.cpus, readable, unreadable)


def exit_code_of(run: Prepared, ended: Ended, outcome: Outcome) -> int:
    """0 where all went well, else 1."""
    strict = run.job.config.strict
    lost = strict and (run.dataset.lost or run.donors.lost or ended.donors_lost)
    return max(outcome.exit_code(strict), int(lost), int(ended.stopped is not None))


@dataclass(frozen=True)
class Ended:
    """Why a run ended early, None where it did not, and whether donors could not be read."""

    stopped: str | None
    donors_lost: bool


def execute(run: Prepared, console: Console) -> Ended:
    """Run the graphs over what can be read."""
    videos, donors, job = run.dataset.videos, run.donors.videos, run.job
    inputs = {video.path for video in videos}
    found = [item for item in _probed(donors, job) if not _lends_anyway(item, inputs, job)]
    looked_at = [replace(item[0], donor=True) for item in found if not isinstance(item, FailedVideo)]
    with ProgressView(console, workers=run.cpus) as view:
        view.found(len(videos))
        for video in run.unreadable:
            files.write_video(job.store, video.video_id, failed_video(video.video, video.info, video.error))
            view.video_done(video.video, None, "failed", [video.error])
        for item in found:
            if isinstance(item, FailedVideo):
                view.message(f"not taken: {item.video}: {item.error}")
        driver = Driver(list(run.readable.values()), list(run.readable), job, view, looked_at)
        return Ended(driver.run(), driver.lost + len(found) > len(looked_at))


def _donors(config: BatchConfig, store: Store) -> Dataset:
    """The videos that are looked at alone; raises ``UserError`` where they cannot be used."""
    paths = config.dataset.donor_inputs
    if paths and config.scenes.link is LinkScope.off:
        raise UserError("dataset.donors lends by links between scenes; leave out scenes.link=off")
    return find_donors(paths, store.root)


def _lends_anyway(donor: Probed, inputs: Collection[str], job: Job) -> bool:
    """Whether a donor is an input that gets wings, so that its scenes are stitched and lend without being named."""
    if isinstance(donor, FailedVideo):
        return False
    info = donor[0].info
    return info.path in inputs and not job.window_of(info, Rect(0, 0, info.width, info.height)).passthrough


def outcome_of(videos: Sequence[VideoFile], store: Store) -> Outcome:
    """What the folder holds of these videos, in their order; a video that never got a row has none here either."""
    rows = [row for video in videos for row in files.read_video(store, video.video_id)]
    shots = [row for video in videos for row in files.ordered_shots(store, video.video_id)]
    return Outcome(pa.Table.from_pylist(rows, schema=VIDEOS), pa.Table.from_pylist(shots, schema=store.shots))


def _report(videos: Sequence[VideoFile], store: Store, facts: RunFacts) -> str:
    """Write the report; returns where it is."""
    outcome = outcome_of(videos, store)
    previews = outcome.shots.column("preview").drop_null().to_pylist()
    if not store.delivers:
        previews = [key for stills in outcome.shots.column("stills").drop_null().to_pylist() for key in stills]
    page = REPORTS[store.tables]
    with store.files.view(previews) as folder:
        write_page(folder / page, facts, outcome.videos, outcome.shots, folder)
        store.files.put(folder / page, page)
    return store.where(page)


def _probe(videos: Sequence[VideoFile], job: Job) -> tuple[dict[str, VideoRow], list[FailedVideo]]:
    """(readable videos by the names of their results, the unreadable ones)."""
    found = _probed(videos, job)
    good = [item for item in found if not isinstance(item, FailedVideo)]
    outputs = output_names([row.video for row, _ in good], [suffix for _, suffix in good])
    readable = {output: row for output, (row, _) in zip(outputs, good, strict=True)}
    return readable, [item for item in found if isinstance(item, FailedVideo)]


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
    run.pop("triage", None)  # settings of a program that delivers nothing
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
        preview=not job.store.delivers,
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


def say_stopped(console: Console, ended: Ended) -> None:
    """Print why a run ended early, where it did."""
    if ended.stopped is not None:
        console.print(f"stopped early: {ended.stopped}; the same command goes on", highlight=False, markup=False)


def say_where(console: Console, store: Store, page: str) -> None:
    """Print where the videos and the page are; brackets in a folder's name are no markup."""
    made = f"videos: {store.where('videos')}"
    if not store.delivers:
        made = f"previews: {store.where(store.tables)}; the same command without preview=true goes on from there"
    for line in (made, f"report: {page}"):
        console.print(text.printable(line, console.encoding), highlight=False, markup=False, soft_wrap=True)


def _announce(console: Console, facts: RunFacts, videos: int) -> None:
    found = f"{videos} video(s) in {facts.source}, on {facts.hardware}"
    console.print(text.printable(found, console.encoding), highlight=False, markup=False)
    for engine in facts.engines:
        console.print(f"{engine.step}: {engine.name} ({engine.reason})", highlight=False, markup=False)
