"""Forecasts a dataset's run on a cluster from its headers: probes, simulates and prints.

Only each video's first picture is decoded, and Ray is not started.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

import pyarrow.parquet as pq
from omegaconf import OmegaConf
from rich.console import Console
from rich.table import Table

from remaster.config import BatchConfig, LinkScope
from remaster.errors import MediaError, UserError
from remaster.imaging.geometry import parse_aspect
from remaster.media.probe import probe
from remaster.media.types import VideoInfo
from remaster.pipeline.engines import choose
from remaster.pipeline.inputs import VideoFile, absolute, find_dataset, inputs_of
from remaster.report import text
from remaster_forecast.costs import EMBEDDED, ON_CPU, Costs, LinearCost, fitted
from remaster_forecast.simulate import Cluster, Forecast, simulate
from remaster_forecast.workload import Episode, from_headers

PROBE_THREADS = 16
"""Headers that are read in parallel, since storage responds slowly."""
ON_GPU = {"segment": ("maskrcnn",), "outpaint": ("stable_diffusion", "lama")}
"""The engines of a step that use a GPU where there is one."""
NEEDS_GPU = ("maskrcnn", "stable_diffusion")
"""Those of them that are not planned without one."""


@dataclass(frozen=True)
class PlanSettings:
    """The cluster and the costs.

    ``cpus`` (None: this machine's) and ``gpus`` in all. ``measured``: the output folder of an earlier run whose seconds
    are used; None uses this project's measurements of the engines that need no GPU. ``segment_seconds`` and
    ``outpaint_seconds`` are a neural engine's for one scene (``benchmarks.engines`` measures them). ``scene_seconds``
    is a scene's mean duration. ``repeat``: the forecast is for so many datasets of this size.
    """

    cpus: int | None = None
    gpus: int = 0
    measured: str | None = None
    segment_seconds: float | None = None
    outpaint_seconds: float | None = None
    scene_seconds: float = 4.0
    repeat: int = 1


@dataclass(frozen=True)
class PlanConfig(BatchConfig):
    """The configuration of ``remaster.jobs.plan``; settings that concern only pixels have no effect."""

    plan: PlanSettings = field(default_factory=PlanSettings)


def run_plan(config: PlanConfig, console: Console) -> int:
    """Print the forecast; returns 1 where some files could not be read, else 0. Raises ``UserError``."""
    inputs = inputs_of(config.dataset)
    settings = config.plan
    if settings.repeat < 1 or settings.scene_seconds <= 0 or settings.gpus < 0:
        raise UserError("plan.repeat is 1 or more, plan.scene_seconds above 0 and plan.gpus not below it")
    dataset = find_dataset(inputs, absolute(config.output.dir or "outputs"))
    videos = dataset.videos
    infos, failures = _probe(videos)
    try:
        episodes = from_headers(infos, parse_aspect(config.target.aspect), settings.scene_seconds) * settings.repeat
    except ValueError as error:
        raise UserError(str(error)) from error
    for line in dataset.left_out:
        console.print(text.printable(f"not taken: {line}", console.encoding), highlight=False, markup=False)
    for failure in failures:
        console.print(f"left out: {failure}", highlight=False, markup=False)
    if not episodes:
        raise UserError(f"none of the {len(videos)} video(s) in {', '.join(inputs)} can be read")
    engines, scope = _engine_names(config), config.scenes.link
    cluster = _cluster(config, engines)
    costs = _costs(settings, cluster, engines)
    todo = [episode for episode in episodes if not episode.passthrough]
    _print_work(console, episodes, todo)
    if todo:
        forecast = simulate(todo, costs, cluster, scope)
        _print_forecast(console, todo, costs, cluster, forecast, scope is not LinkScope.off)
    return int(bool(failures))


def _probe(videos: Sequence[VideoFile]) -> tuple[list[VideoInfo], list[str]]:
    def read(video: VideoFile) -> VideoInfo | str:
        try:
            return probe(video.path)
        except MediaError as error:
            return str(error)

    with ThreadPoolExecutor(PROBE_THREADS) as pool:
        found = list(pool.map(read, videos))
    return [f for f in found if isinstance(f, VideoInfo)], [f for f in found if isinstance(f, str)]


def _engine_names(config: PlanConfig) -> dict[str, str]:
    """The engine of each step by its name; ``auto`` without GPUs is what it would take on this machine."""
    steps = {"segment": ("segmenter", config.segmenter), "outpaint": ("inpainter", config.inpainter)}
    names = {}
    for step, (group, engine) in steps.items():
        names[step] = engine["name"]
        if engine["name"] == "auto":
            names[step] = engine["neural"]["name"] if config.plan.gpus else choose(group, engine, 0).name
    return names


def _cluster(config: PlanConfig, engines: Mapping[str, str]) -> Cluster:
    """The cluster, with the ``engines`` of those steps on its GPUs that can use one."""
    settings = config.plan
    if not settings.gpus and any(name in NEEDS_GPU for name in engines.values()):
        raise UserError("neural engines are planned on GPUs: pass plan.gpus=N")
    steps = {step for step, name in engines.items() if settings.gpus and name in ON_GPU[step]}
    return Cluster(settings.cpus or len(os.sched_getaffinity(0)), settings.gpus, frozenset(steps))


def _costs(settings: PlanSettings, cluster: Cluster, engines: Mapping[str, str]) -> Costs:
    if settings.measured is None:
        on_cpus = {step: ON_CPU[name] for step, name in engines.items() if name in ON_CPU}
        costs = Costs(steps={**EMBEDDED, **on_cpus})
    else:
        costs = measured_costs(settings.measured, "plan.measured")
    given = {"segment": settings.segment_seconds, "outpaint": settings.outpaint_seconds}
    missing = [step for step in sorted(cluster.gpu_steps) if given[step] is None and settings.measured is None]
    if missing:
        raise UserError(
            f"nothing is known of {' and '.join(missing)} on such GPUs; pass plan.{missing[0]}_seconds=SECONDS A SCENE,"
            " or plan.measured=FOLDER of a run on one"
        )
    steps = dict(costs.steps) | {step: LinearCost(value, 0.0) for step, value in given.items() if value is not None}
    return replace(costs, steps=steps)


def measured_costs(measured: str, key: str) -> Costs:
    """The costs of an earlier run by its output folder, which the setting ``key`` names; raises ``UserError``."""
    folder = Path(measured) / "metadata" / "scenes"
    if not folder.is_dir():
        raise UserError(f"{key}={measured} is no output folder: it has no metadata/scenes")
    try:
        return fitted(pq.read_table(folder).to_pylist(), linked=_has_linked(Path(measured)))
    except ValueError as error:
        raise UserError(f"{key}={measured}: {error}") from error


def _has_linked(folder: Path) -> bool:
    """Whether the run of an output folder linked scenes; those of older versions, whose keys do not say so, did not."""
    path = folder / "run.yaml"
    link = OmegaConf.select(OmegaConf.load(path), "scenes.link") if path.is_file() else None
    return link not in (None, False, LinkScope.off.value)


def _print_work(console: Console, episodes: Sequence[Episode], todo: Sequence[Episode]) -> None:
    scenes = sum(len(episode.scenes) for episode in todo)
    frames = sum(episode.frames for episode in todo)
    console.print(f"{len(todo):,} video(s), {frames:,} frames, about {scenes:,} scenes", highlight=False)
    if len(todo) < len(episodes):
        console.print(f"{len(episodes) - len(todo):,} video(s) fill the target already", highlight=False)


def _print_forecast(
    console: Console, episodes: Sequence[Episode], costs: Costs, cluster: Cluster, forecast: Forecast, linked: bool
) -> None:
    pixels = sum(episode.megapixels for episode in episodes)
    scenes = sum(len(episode.scenes) for episode in episodes)
    steps = Table(title="work")
    for column in ("step", "on", "hours"):
        steps.add_column(column, justify="right" if column == "hours" else "left")
    for stage, line in costs.work(linked).items():
        hours = (scenes * line.scene + pixels * line.pixels) / 3600
        steps.add_row(stage, "GPU" if stage in cluster.gpu_steps else "CPU", f"{hours:,.2f}")
    console.print(steps)
    written = pixels * costs.bytes_per_megapixel
    facts = {
        "CPU hours": f"{forecast.cpu_seconds / 3600:,.2f}",
        "GPU hours": f"{forecast.gpu_seconds / 3600:,.2f}",
        f"wall time on {cluster.cpus} CPUs, {cluster.gpus} GPUs": _duration(forecast.wall),
        "first finished scene after": _duration(forecast.first),
        "first finished video after": _duration(forecast.first_video),
        "bottleneck": f"{forecast.bottleneck} ({forecast.busy[forecast.bottleneck]:.0%} busy)",
        "busy": ", ".join(f"{name} {share:.0%}" for name, share in forecast.busy.items()),
        "videos on disk": f"{written / 1e9:,.1f} GB (and as much again for the segments that resuming needs)",
        "object store": f"{forecast.in_flight * costs.row_bytes / 1e9:,.1f} GB at most in all nodes",
    }
    if linked:
        facts["descriptors on disk, for linking"] = f"{scenes * costs.link.descriptor_bytes / 1e9:,.1f} GB"
    for name, value in facts.items():
        console.print(f"{name}: {value}", highlight=False)


def _duration(seconds: float) -> str:
    """A readable duration: 42 s, 7.5 min, 3.2 h, 12 days."""
    for limit, unit, name in ((120, 1, "s"), (7200, 60, "min"), (172_800, 3600, "h")):
        if seconds < limit:
            return f"{seconds / unit:.3g} {name}"
    return f"{seconds / 86_400:,.3g} days"
