"""Triages a dataset: what a run would recover, generate or give up in every shot, and what that would cost.

Every scene is stitched and linked with its set, as a run does it, and nothing is filled, drawn or encoded. The stages
are the run's own, so that a run with the same output folder goes on from what they leave.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import pyarrow as pa
from omegaconf import DictConfig
from rich.console import Console

from remaster.config import BatchConfig, LinkScope
from remaster.errors import UserError
from remaster.pipeline.batch import execute, exit_code_of, outcome_of, prepared, say_stopped
from remaster.pipeline.counters import RunClock
from remaster.pipeline.forecasting import measured_costs
from remaster.pipeline.store import write_table
from remaster.report.triage import print_triage
from remaster.report.wing_use import wing_pixels
from remaster.tables import STAGES, TRIAGE
from remaster_forecast.costs import Costs, LinearCost, megapixels

TRIAGE_FILE = "triage.parquet"
MEASURED_ENGINES = ("exemplar",)
"""Inpainters whose seconds this project has measured where they run."""
GIVEN_UP, INVENTED = 0.5, 0.5
"""From this share of soft fill on a shot is given up; from this share of it and of generated pixels on, generated."""


@dataclass(frozen=True)
class TriageSettings:
    """``rows``: shots and videos in the printed tables, at most.

    ``measured``: the output folder of an earlier run, whose seconds are used; None uses this project's measurements of
    the embedded engines. ``outpaint_seconds`` are a neural inpainter's for one scene.
    """

    rows: int = 20
    measured: str | None = None
    outpaint_seconds: float | None = None


@dataclass(frozen=True)
class TriageConfig(BatchConfig):
    """The configuration of ``remaster.jobs.triage``; settings that concern only encoding have no effect."""

    triage: TriageSettings = field(default_factory=TriageSettings)


def run_triage(config: TriageConfig, composed: DictConfig, console: Console) -> int:
    """Triage a dataset, write ``triage.parquet`` and print its worst shots; returns the exit code 0 or 1.

    Raises ``UserError`` where nothing could start.
    """
    settings, linked = config.triage, config.scenes.link is not LinkScope.off
    if settings.rows < 1:
        raise UserError(f"triage.rows={settings.rows} prints nothing; pass 1 or more")
    costs = Costs() if settings.measured is None else measured_costs(settings.measured, "triage.measured")
    clock = RunClock()
    with prepared(config, composed, "metadata/triage", console) as run:
        store, name = run.job.store, run.job.inpainter.name
        with clock.keep(store, config.resume):
            ended = execute(run, console)
        outcome = outcome_of(run.dataset.videos, store)
        known = settings.measured is not None or name in MEASURED_ENGINES
        fill = costs.work(linked)["outpaint"] if known else None
        if settings.outpaint_seconds is not None:
            fill = LinearCost(settings.outpaint_seconds, 0.0)
        rows = triaged(outcome.shots, fill, costs.work(linked)["resample"])
        write_table(store, TRIAGE_FILE, rows)
        print_triage(rows, console, settings.rows)
        for video in outcome.videos.to_pylist():
            if video["error"] is not None:
                line = f"failed: {video['video']}: {video['error']}"
                console.print(line.splitlines()[0], highlight=False, markup=False)
        console.print(f"table: {store.where(TRIAGE_FILE)}", highlight=False, markup=False)
        say_stopped(console, ended)
        return exit_code_of(run, ended, outcome)


def triaged(shots: pa.Table, fill: LinearCost | None, draw: LinearCost) -> pa.Table:
    """The rows of ``tables.TRIAGE`` by those of ``tables.PREVIEWS``, the worst shots first.

    ``fill`` and ``draw`` are what filling and drawing a scene costs; ``fill`` None: unknown.
    """
    rows = shots.to_pylist()
    wings = wing_pixels(shots).tolist()
    scenes: dict[str, list[Mapping[str, Any]]] = {}
    starts: dict[str, int] = {}
    for row in rows:
        scenes.setdefault(row["scene_id"], []).append(row)
        starts[row["video"]] = min(starts.get(row["video"], row["start_pts"]), row["start_pts"])
    found = []
    for row, pixels in zip(rows, wings, strict=True):
        scene, base = scenes[row["scene_id"]], Fraction(row["time_base"])
        found.append(
            {name: row.get(name) for name in TRIAGE.names}
            | {name: float((row[f"{name[:-8]}_pts"] - starts[row["video"]]) * base) for name in SECONDS}
            | {"verdict": verdict(row), "wing_pixels": pixels}
            | _costs(row, scene, fill, draw)
        )
    return pa.Table.from_pylist(sorted(found, key=_rank), schema=TRIAGE)


SECONDS = ("start_seconds", "end_seconds")


def verdict(row: Mapping[str, Any]) -> str:
    """What a run would mainly do with a shot: recover, generate, give_up, keep (it has no wings), or failed."""
    if row["status"] == "failed":
        return "failed"
    if row["method"] == "passthrough":
        return "keep"
    soft, generated = row["soft"] or 0.0, row["generated"] or 0.0
    if soft >= GIVEN_UP:
        return "give_up"
    return "generate" if soft + generated >= INVENTED else "recover"


def _costs(
    row: Mapping[str, Any], scene: Sequence[Mapping[str, Any]], fill: LinearCost | None, draw: LinearCost
) -> dict[str, float | None]:
    """The shot's part of its scene's seconds, by the share of its frames."""
    share = _frames([row]) / _frames(scene)
    size = sum(megapixels(one) for one in scene)
    spent = [row[f"seconds_{stage}"] for stage in STAGES if row[f"seconds_{stage}"] is not None]
    filling = 0.0 if not row["hole_pixels"] else None if fill is None else share * fill.seconds(size)
    return {
        "seconds_spent": share * sum(spent),
        "seconds_outpaint": filling,
        "seconds_resample": share * draw.seconds(size),
    }


def _frames(rows: Iterable[Mapping[str, Any]]) -> int:
    return sum(int(row["end_frame"] - row["start_frame"]) for row in rows)


def _rank(row: Mapping[str, Any]) -> tuple[Any, ...]:
    """Sorts shots: failures, then by falling need of a look: low confidence, much that is not recovered, and long."""
    order = {"failed": 0, "fallback": 1}.get(row["status"], 2)
    confidence = 1.0 if row["verdict"] == "keep" else row["confidence"] or 0.0
    invented = (row["generated"] or 0.0) + (row["soft"] or 0.0)
    return order, confidence, -invented, row["start_frame"] - row["end_frame"], row["video"], row["start_frame"]
