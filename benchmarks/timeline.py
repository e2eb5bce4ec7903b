"""Which step runs when, on which worker? Draws a picture of a real run.

It shows whether stages overlap, when the first output is there, and where workers wait. The run is that of
``remaster.jobs.batch``, with a clock around each stage.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import hydra
import pyarrow as pa
from rich.console import Console

from remaster.config import config_dir, register_schema, to_config
from remaster.pipeline import graph
from remaster.pipeline import run as driver
from remaster.pipeline.assembly import VideoTask, assemble_video
from remaster.pipeline.batch import run_batch
from remaster.pipeline.engines import Engine
from remaster.pipeline.job import Job
from remaster.pipeline.video_plan import detect_stage
from remaster.tables import STAGES

RESULTS = Path(__file__).parent / "results"
COLOURS = ("#4e79a7", "#f28e2b", "#b6992d", "#59a14f", "#e15759", "#76b7b2", "#333333")
ASSEMBLE = "assemble"


@dataclass(frozen=True)
class Piece:
    """A step of a scene (of a video: detect, assemble) in one process; seconds since 1970, then since the first."""

    process: int
    step: str
    began: float
    ended: float


@dataclass(frozen=True)
class Clock:
    """Writes down what a process did, a file a process."""

    folder: str

    @contextmanager
    def on(self, step: str) -> Iterator[None]:
        """Around one step."""
        began = time.time()
        yield
        piece = Piece(os.getpid(), step, began, time.time())
        with (Path(self.folder) / f"{os.getpid()}.log").open("a") as file:
            file.write(json.dumps(asdict(piece)) + "\n")


def main() -> None:
    options = _arguments()
    with tempfile.TemporaryDirectory(prefix="remaster-timeline-", dir=options.scratch) as folder:
        pieces = run(options.clip, Path(folder), options.keys)
    print(summary(pieces))
    draw(pieces, options.output / "timeline.png", " ".join([options.clip.name, *options.keys]))


def run(clip: Path, folder: Path, keys: Sequence[str]) -> list[Piece]:
    """Remaster a clip (or a folder) under Ray; all pieces of work, by their beginning."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    register_schema()
    with hydra.initialize_config_dir(str(config_dir()), version_base="1.3"):
        composed = hydra.compose("batch", [f"dataset.path={clip}", f"output.dir={folder / 'out'}", *keys])
    logs = folder / "logs"
    logs.mkdir()
    with _clocked(Clock(str(logs))):
        code = run_batch(to_config(composed), composed, Console(quiet=True))
    if code:
        raise RuntimeError(f"the run ended with {code}")
    found = [Piece(**json.loads(line)) for path in logs.glob("*.log") for line in path.read_text().splitlines()]
    first = min(piece.began for piece in found)
    moved = [Piece(piece.process, piece.step, piece.began - first, piece.ended - first) for piece in found]
    return sorted(moved, key=lambda piece: piece.began)


@contextmanager
def _clocked(clock: Clock) -> Iterator[None]:
    """The graph's own stages, and assembly, with a clock around each."""
    with ExitStack() as stack:
        stack.enter_context(patch.object(graph, "detect_stage", partial(_detect, clock)))
        for step in ("analyze", "stitch", "resample"):
            stage = getattr(graph, f"{step}_stage")
            stack.enter_context(patch.object(graph, f"{step}_stage", partial(_step, clock, step, stage)))
        for step, name in (("segment", "SegmentStage"), ("outpaint", "OutpaintStage")):
            stack.enter_context(patch.object(graph, name, partial(_EngineStage, clock, step, getattr(graph, name))))
        stack.enter_context(patch.object(driver, "assemble_video", _assembly(clock)))
        yield


def _detect(clock: Clock, table: pa.Table, job: Job) -> Iterator[pa.Table]:
    with clock.on("detect"):
        done = list(detect_stage(table, job))
    yield from done


def _step(clock: Clock, step: str, stage: Callable[..., pa.Table], table: pa.Table, job: Job) -> pa.Table:
    if all(name is None for name in table.column("scene_id").to_pylist()):
        return stage(table, job)  # a video's own row only passes through
    with clock.on(step):
        return stage(table, job)


class _EngineStage:
    def __init__(self, clock: Clock, step: str, stage: type[Any], engine: Engine, job: Job) -> None:
        self.clock, self.step = clock, step
        self.stage = stage(engine, job)

    def __call__(self, table: pa.Table) -> pa.Table:
        return _step(self.clock, self.step, lambda rows, _: self.stage(rows), table, self.stage.job)


def _assembly(clock: Clock) -> Callable[[VideoTask], dict[str, Any]]:
    def assemble(task: VideoTask) -> dict[str, Any]:
        with clock.on(ASSEMBLE):
            return assemble_video(task)

    return assemble


def summary(pieces: Sequence[Piece]) -> str:
    """In words: how much of the time stages overlapped, and when the first scene and video were there."""
    end = max(piece.ended for piece in pieces)
    steps = [p for p in pieces if p.step != ASSEMBLE]
    workers = {p.process for p in steps}
    scene = min(p.ended for p in pieces if p.step == "resample")
    video = min(p.ended for p in pieces if p.step == ASSEMBLE)
    detected = max(p.ended for p in pieces if p.step == "detect")
    busy = sum(p.ended - p.began for p in steps)
    lines = (
        f"{end:.1f} s from the first step to the last",
        f"first scene after {scene:.1f} s, first video after {video:.1f} s, last video read after {detected:.1f} s",
        f"{len(workers)} processes, {busy / end:.2f} at work on average",
    )
    return "\n".join(lines)


def lanes(pieces: Sequence[Piece]) -> list[list[Piece]]:
    """The pieces in as few rows as they need: processes come and go, what works at one time lies side by side."""
    rows: list[list[Piece]] = []
    for piece in pieces:
        own = next((row for row in rows if row[-1].process == piece.process and row[-1].ended <= piece.began), None)
        free = own or next((row for row in rows if row[-1].ended <= piece.began - 0.02), None)
        if free is None:
            rows.append([piece])
        else:
            free.append(piece)
    return rows


def draw(pieces: Sequence[Piece], path: Path, title: str) -> None:
    """A row for what works at one time, a colour for each step; assembly above."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    rows = lanes([p for p in pieces if p.step != ASSEMBLE]) + lanes([p for p in pieces if p.step == ASSEMBLE])
    colour = dict(zip((*STAGES, ASSEMBLE), COLOURS, strict=True))
    figure, axes = plt.subplots(figsize=(12, 1.6 + 0.45 * len(rows)), layout="constrained")
    for y, row in enumerate(rows):
        for piece in row:
            axes.barh(y, piece.ended - piece.began, 0.8, left=piece.began, color=colour[piece.step], linewidth=0)
    first = min(p.ended for p in pieces if p.step == "resample")
    axes.axvline(first, color="black", linewidth=1)
    axes.annotate("first scene", (first, len(rows) - 0.4), ha="center", va="bottom", fontsize=8, annotation_clip=False)
    axes.set_xlabel("seconds since the first step began")
    axes.set_title(title, loc="right", fontsize=10)
    axes.set_yticks(range(len(rows)), ["assembly" if row[0].step == ASSEMBLE else "worker" for row in rows])
    handles = [plt.Rectangle((0, 0), 1, 1, color=colour[step]) for step in colour]
    figure.legend(handles, list(colour), loc="outside lower center", ncols=len(colour), fontsize=8)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("clip", type=Path, help="a video, or a folder of some")
    parser.add_argument(
        "keys", nargs="*", help="settings of remaster.jobs.batch, such as cluster.cpus=2 scenes.limit=6"
    )
    parser.add_argument("--scratch", type=Path)
    parser.add_argument("--output", type=Path, default=RESULTS, help="folder of the picture")
    return parser.parse_args()


if __name__ == "__main__":
    main()
