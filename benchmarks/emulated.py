"""The pipeline's own graph on a cluster of many raylets whose GPUs are only counted, and whose steps sleep.

A card is held by one engine at a time. What Ray itself costs is real.
"""

from __future__ import annotations

import fcntl
import json
import re
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pyarrow as pa
import ray
from ray.cluster_utils import Cluster as Raylets

from remaster.forecast.costs import Costs, Line
from remaster.forecast.simulate import Cluster, Forecast, simulate
from remaster.forecast.workload import Episode
from remaster.pipeline import graph
from remaster.pipeline.cluster import quiet
from remaster.pipeline.engines import Engine, PoolSettings
from remaster.records import Analysis
from remaster.rows import Run, SceneRow, from_table, to_table

CARDS_A_NODE = 8
SCENES_A_VIDEO = 24
TRIES = 5
SECONDS = {"detect": 0.5, "analyze": 0.25, "segment": 0.9, "stitch": 0.25, "outpaint": 2.1, "resample": 0.5}
"""What the emulated steps sleep for a scene (``detect``: a video)."""
PROXY = (60, 80)
"""Size of the keyframe proxies in emulated rows: they are there, but do not fill this machine's memory."""


@dataclass(frozen=True)
class Emulation:
    """What the sleeping steps need to know: where the cards' locks and the log of their work lie."""

    folder: str
    cards: int
    scenes: int


@dataclass(frozen=True)
class Point:
    """One size of the emulated cluster. Seconds but for ``busy`` (share of the cards' time) and ``object_bytes``."""

    gpus: int
    raylets: int
    scenes: int
    start: float
    window: float
    busy: float
    steady: float
    waited: float
    first: float
    object_bytes: int
    simulated: float


def emulate(gpus: int, rounds: int) -> Point:
    """So many GPUs, ``rounds`` scenes for each, all of them asleep."""
    raylets = -(-gpus // CARDS_A_NODE)
    scenes = gpus * rounds
    with tempfile.TemporaryDirectory(prefix="cards-") as folder, _raylets(gpus, raylets):
        quiet()
        emulation = Emulation(folder, min(gpus, CARDS_A_NODE), scenes)
        began = time.time()
        with _Usage() as usage:
            _run(gpus, raylets, emulation)
        log = [json.loads(line) for path in Path(folder).glob("*.log") for line in path.read_text().splitlines()]
    forecast = _simulated(gpus, scenes)
    return _point(gpus, raylets, scenes, log, began, usage.peak, forecast)


def _run(gpus: int, raylets: int, emulation: Emulation) -> None:
    """The pipeline's graph with sleeping steps, drained as the driver drains it."""
    videos = [SceneRow(f"{n}.mkv", str(n)) for n in range(-(-emulation.scenes // SCENES_A_VIDEO))]
    # One actor stands for a raylet's cards, with a thread for each of them.
    pool = PoolSettings(min_size=raylets, max_size=raylets, num_gpus=min(gpus, CARDS_A_NODE), batch=1)
    segmenter = Engine("sleeping", "", {}, pool)
    job: Any = _Job(emulation, segmenter, segmenter)
    options = graph.pool_options

    def threaded(settings: PoolSettings) -> dict[str, Any]:
        return options(settings) | {"max_concurrency": min(gpus, CARDS_A_NODE)}

    with ExitStack() as stack:
        for name, stand_in in STAND_INS.items():
            stack.enter_context(patch.object(graph, name, stand_in))
        stack.enter_context(patch.object(graph, "pool_options", threaded))
        delivered = 0
        for table in graph.build_graph(videos, job).iter_batches(
            batch_size=None, batch_format="pyarrow", prefetch_batches=0
        ):
            delivered += sum(row.scene_id is not None for row in from_table(table))
    if delivered != emulation.scenes:
        raise RuntimeError(f"{delivered} of {emulation.scenes} scenes came through")


@dataclass(frozen=True)
class _Job:
    emulation: Emulation
    segmenter: Engine
    inpainter: Engine


def _detect(table: pa.Table, job: _Job) -> Iterator[pa.Table]:
    for video in from_table(table):
        first = int(video.video_id) * SCENES_A_VIDEO
        count = min(SCENES_A_VIDEO, job.emulation.scenes - first)
        _sleep("detect", job.emulation, SECONDS["detect"])
        pts = np.arange(97, dtype=np.int64)
        yield to_table(
            [video, *(replace(video, scene_id=str(first + n), runs=(Run(96 * n, pts),)) for n in range(count))]
        )


def _cpu_step(name: str, table: pa.Table, job: _Job) -> pa.Table:
    rows = from_table(table)
    for n, row in enumerate(rows):
        if row.scene_id is not None:
            _sleep(name, job.emulation, SECONDS[name])
            rows[n] = replace(row, analysis=_analysis() if name == "analyze" else row.analysis)
    return to_table(rows)


def _analysis() -> Analysis:
    proxies = np.zeros((14, *PROXY, 3), np.uint8)
    one = np.ones(96, np.float32)
    motion = np.broadcast_to(np.eye(2, 3), (96, 2, 3))
    return Analysis(np.arange(14), proxies, motion, one, one > 2, one, np.ones(PROXY, bool), 0.0)


class _OnACard:
    """An engine's stage that sleeps while it holds one of its raylet's cards."""

    name = ""

    def __init__(self, engine: Engine, job: _Job) -> None:
        self.emulation = job.emulation
        self.node = ray.get_runtime_context().get_node_id()

    def __call__(self, table: pa.Table) -> pa.Table:
        for row in from_table(table):
            if row.scene_id is not None:
                asked = time.time()
                with _card(self.emulation, self.node):
                    _sleep(self.name, self.emulation, SECONDS[self.name], asked)
        return table


class _Segment(_OnACard):
    name = "segment"


class _Outpaint(_OnACard):
    name = "outpaint"


STAND_INS: dict[str, Any] = {
    "detect_stage": _detect,
    "analyze_stage": partial(_cpu_step, "analyze"),
    "SegmentStage": _Segment,
    "stitch_stage": partial(_cpu_step, "stitch"),
    "OutpaintStage": _Outpaint,
    "resample_stage": partial(_cpu_step, "resample"),
}


@contextmanager
def _card(emulation: Emulation, node: str) -> Iterator[None]:
    """Any free card of the raylet, held by a file's lock: both engines' processes share the cards."""
    while True:
        for number in range(emulation.cards):
            with (Path(emulation.folder) / f"{node}-{number}.card").open("w") as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    continue
                yield
                return
        time.sleep(0.02)


def _sleep(name: str, emulation: Emulation, seconds: float, asked: float | None = None) -> None:
    began = time.time()
    time.sleep(seconds)
    line = {"step": name, "asked": asked or began, "began": began, "ended": time.time()}
    path = Path(emulation.folder) / f"{threading.get_native_id()}.log"
    with path.open("a") as file:
        file.write(json.dumps(line) + "\n")


def _cores(gpus: int) -> int:
    """Emulated cores: twice what the cards can keep busy, in not too many processes."""
    return 4 + gpus // 2


@contextmanager
def _raylets(gpus: int, count: int) -> Iterator[None]:
    """A local cluster: a head with cores alone, and ``count`` raylets with the GPUs."""
    cards = min(gpus, CARDS_A_NODE)
    head = {"num_cpus": _cores(gpus), "object_store_memory": 300_000_000, "include_dashboard": False}
    # Two engines share each card, as two halves.
    node = {"num_cpus": 0, "num_gpus": 2 * cards, "object_store_memory": 100_000_000, "include_dashboard": False}
    cluster = _patient(lambda: Raylets(initialize_head=True, head_node_args=head))
    try:
        for _ in range(count):
            _patient(lambda: cluster.add_node(**node))
        ray.init(address=cluster.address, logging_level="ERROR", log_to_driver=False)
        yield
    finally:
        ray.shutdown()
        cluster.shutdown()


def _patient(start: Callable[[], Any]) -> Any:
    """Ray gives a node half a minute to get up, which is short on a busy machine."""
    for _ in range(TRIES - 1):
        try:
            return start()
        except Exception as error:
            print(f"once more: {error}", flush=True)
    return start()


class _Usage:
    """The largest number of bytes in all raylets' object stores, looked at twice a second."""

    def __init__(self) -> None:
        self.peak = 0
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> _Usage:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self.thread.join()

    def _look(self) -> None:
        from ray._private.internal_api import memory_summary

        while not self.stop.wait(0.5):
            text = memory_summary(stats_only=True)
            found = re.search(
                r"([\d.]+) MiB, (?:\d+) objects|consumed by[^\d]*([\d.]+)|Plasma memory usage ([\d.]+)", text
            )
            value = next((g for g in found.groups() if g), "0") if found else "0"
            self.peak = max(self.peak, round(float(value) * (1 << 20)))


def _point(
    gpus: int, raylets: int, scenes: int, log: list[dict[str, Any]], began: float, peak: int, forecast: Forecast
) -> Point:
    cards = [entry for entry in log if entry["step"] in ("segment", "outpaint")]
    first = min(entry["began"] for entry in cards)
    last = max(entry["ended"] for entry in cards)
    worked = sum(entry["ended"] - entry["began"] for entry in cards)
    # The middle half of the time: neither filling nor draining.
    low, high = first + (last - first) / 4, last - (last - first) / 4
    inside = sum(max(min(e["ended"], high) - max(e["began"], low), 0.0) for e in cards)
    waited = float(np.mean([e["began"] - e["asked"] for e in cards]))
    begun = min(entry["began"] for entry in log)
    ended = max(entry["ended"] for entry in log)
    delivered = min(entry["ended"] for entry in log if entry["step"] == "resample")
    return Point(
        gpus=gpus,
        raylets=raylets,
        scenes=scenes,
        start=begun - began,
        window=ended - begun,
        busy=worked / (gpus * (last - first)),
        steady=inside / (gpus * (high - low)),
        waited=waited,
        first=delivered - begun,
        object_bytes=peak,
        simulated=forecast.wall,
    )


def _simulated(gpus: int, scenes: int) -> Forecast:
    """The same by ``remaster.forecast``, from the first task on."""
    lines = {name: Line(seconds, 0.0) for name, seconds in SECONDS.items()}
    costs = Costs(lines, start=0.0, assemble=0.0, load=0.0)
    sizes = [min(SCENES_A_VIDEO, scenes - first) for first in range(0, scenes, SCENES_A_VIDEO)]
    episodes = [Episode(96 * size, (0.0,) * size) for size in sizes]
    return simulate(episodes, costs, Cluster(_cores(gpus), gpus, frozenset(("segment", "outpaint"))))
