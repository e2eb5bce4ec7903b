"""Runs the pipeline's own graph on a local cluster whose GPUs are only counted and whose steps sleep.

One engine holds a card at a time. What Ray itself costs is real. One cluster grows from size to size, because
starting a raylet is the most expensive part on this machine.
"""

from __future__ import annotations

import json
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import psutil
import pyarrow as pa
import ray
import ray.data
from ray.cluster_utils import Cluster as Raylets

from remaster.media.types import ColorSpec, PixelFormat, Rect, VideoInfo
from remaster.pipeline import graph
from remaster.pipeline.cluster import quiet
from remaster.pipeline.engines import Engine, PoolSettings
from remaster.records import Analysis
from remaster.rows import (
    ANALYZED,
    DELIVERED,
    FILLED,
    PLANNED,
    PROBED,
    SEGMENTED,
    STITCHED,
    AnalyzedScene,
    DeliveredScene,
    FrameFacts,
    PlannedScene,
    PlannedVideo,
    Run,
    Scene,
    SegmentedScene,
    StitchedScene,
    VideoRow,
)
from remaster.tables import OutpaintColumns, SegmentColumns, StitchColumns
from remaster_forecast.costs import Costs, LinearCost
from remaster_forecast.simulate import Cluster, Forecast, simulate
from remaster_forecast.workload import Episode

CARDS_A_NODE = 16
CORES_A_NODE = 4
SCENES_A_VIDEO = 24
TRIES = 5
SECONDS = {"detect": 0.4, "analyze": 0.05, "segment": 0.9, "stitch": 0.05, "outpaint": 2.1, "resample": 0.1}
"""What the emulated steps sleep for a scene (``detect``: a video)."""
ON_CARDS = ("segment", "outpaint")
PROXY = (60, 80)
"""Size of the keyframe proxies in emulated rows: they are there, but do not fill this machine's memory."""
BOUNDARIES = {
    "analyze": (PLANNED, ANALYZED),
    "segment": (ANALYZED, SEGMENTED),
    "stitch": (SEGMENTED, STITCHED),
    "outpaint": (STITCHED, FILLED),
    "resample": (FILLED, DELIVERED),
}
INFO = VideoInfo(
    "", "matroska", "h264", 64, 48, Fraction(1), PixelFormat("yuv420p", "yuv", 8, 1, 1), ColorSpec(), Fraction(24),
    Fraction(1, 24), 0, 96, 4.0, 0, 0, 0, 0,
)  # fmt: skip


@dataclass(frozen=True)
class Emulation:
    """What the sleeping steps need to know: where the cards lie, and the log of their work; how slow the steps are."""

    folder: str
    scenes: int
    slower: float


@dataclass(frozen=True)
class Point:
    """One size of the emulated cluster.

    Seconds, but for ``busy`` and ``steady`` (shares of the cards' time), ``driver`` (of one core), ``machine`` (of all
    its cores) and ``object_bytes``. Steps sleep ``slower`` times their seconds.
    """

    gpus: int
    slower: float
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
    driver: float
    machine: float


def emulate(sizes: Sequence[tuple[int, float]], rounds: float) -> Iterator[Point]:
    """Size after size: so many GPUs, steps so many times slower; ``rounds`` scenes for each GPU at full speed."""
    with _head() as cluster:
        nodes: list[str] = []
        for gpus, slower in sizes:
            while len(nodes) < -(-gpus // CARDS_A_NODE):
                nodes.append(_patient(lambda: cluster.add_node(**NODE)).node_id)
            yield _measured(gpus, slower, max(round(rounds / slower), 2), nodes)


def _measured(gpus: int, slower: float, rounds: int, nodes: Sequence[str]) -> Point:
    cards = min(gpus, CARDS_A_NODE)
    raylets = -(-gpus // CARDS_A_NODE)
    with tempfile.TemporaryDirectory(prefix="cards-") as folder, _cards(Path(folder), nodes[:raylets], cards):
        emulation = Emulation(folder, gpus * rounds, slower)
        with _Usage() as usage:
            _run(cards, raylets, emulation)
        log = [json.loads(line) for path in Path(folder).glob("*.log") for line in path.read_text().splitlines()]
    tasks = [entry for entry in log if "step" in entry]
    loaded = max(entry["loaded"] for entry in log if "loaded" in entry) - min(entry["began"] for entry in tasks)
    return _point(gpus, raylets, emulation, tasks, usage, _simulated(gpus, raylets, emulation, loaded))


def _run(cards: int, raylets: int, emulation: Emulation) -> None:
    """The pipeline's graph with sleeping steps, drained as the driver drains it."""
    videos = [VideoRow(f"{n}.mkv", str(n), INFO) for n in range(-(-emulation.scenes // SCENES_A_VIDEO))]
    # One actor stands for a raylet's cards, with a thread for each of them.
    pools = (_Pool(min_size=raylets, num_gpus=float(cards), batch=1, step=step) for step in ON_CARDS)
    job: Any = _Job(emulation, *(Engine("sleeping", "", {}, pool) for pool in pools))

    def threaded(pool: _Pool) -> dict[str, Any]:
        compute = ray.data.ActorPoolStrategy(
            size=pool.min_size, max_concurrent_calls_per_actor=cards, enable_true_multi_threading=True
        )
        held = {"num_gpus": pool.num_gpus, "resources": {pool.step: 1}}
        return {"compute": compute, "num_cpus": 0, "batch_size": pool.batch, **held}

    with ExitStack() as stack:
        for name, stand_in in STAND_INS.items():
            stack.enter_context(patch.object(graph, name, stand_in))
        stack.enter_context(patch.object(graph, "pool_options", threaded))
        delivered = 0
        for table in graph.build_graph(videos, job).iter_batches(
            batch_size=None, batch_format="pyarrow", prefetch_batches=0
        ):
            delivered += sum(isinstance(row, DeliveredScene) for row in DELIVERED.read(table))
    if delivered != emulation.scenes:
        raise RuntimeError(f"{delivered} of {emulation.scenes} scenes came through")


@dataclass(frozen=True)
class _Pool(PoolSettings):
    """A pool of which each raylet holds one actor."""

    step: str = ""


@dataclass(frozen=True)
class _Job:
    emulation: Emulation
    segmenter: Engine
    inpainter: Engine
    aspect: Fraction = Fraction(16, 9)


def _detect(table: pa.Table, job: _Job) -> Iterator[pa.Table]:
    for video in PROBED.read(table):
        first = int(video.video_id) * SCENES_A_VIDEO
        names = [str(first + n) for n in range(min(SCENES_A_VIDEO, job.emulation.scenes - first))]
        _sleep("detect", job.emulation)
        pts, active = np.arange(97, dtype=np.int64), Rect(0, 0, INFO.width, INFO.height)
        scenes = [
            PlannedScene(Scene(video.video, video.video_id, name, INFO, (Run(96 * n, pts),), active))
            for n, name in enumerate(names)
        ]
        own = PlannedVideo(video.video, video.video_id, INFO, np.arange(96 * len(names) + 1), tuple(names), (), ())
        yield PLANNED.write([own, *scenes])


def _cpu_step(name: str, table: pa.Table, job: _Job) -> pa.Table:
    def work(row: Any) -> Any:
        _sleep(name, job.emulation)
        return _after(row)

    before, after = BOUNDARIES[name]
    return after.write([row if isinstance(row, PlannedVideo) else work(row) for row in before.read(table)])


def _after(row: Any) -> Any:
    """A scene's row after the step that it is given to."""
    match row:
        case PlannedScene(scene):
            return AnalyzedScene(scene, _analysis(), np.zeros(96, np.float32))
        case AnalyzedScene(scene, analysis, grain):
            return SegmentedScene(scene, analysis, grain, np.zeros((14, *PROXY), bool), SegmentColumns())
        case SegmentedScene(scene, analysis, grain, _, columns):
            return StitchedScene(scene, (), FrameFacts(analysis.holds, grain), columns, StitchColumns(14))
        case StitchedScene():
            return row.filled((), OutpaintColumns())
    scene = row.scene
    return DeliveredScene(scene.video, scene.video_id, scene.scene_id, scene.frames, {}, ())


def _analysis() -> Analysis:
    proxies = np.zeros((14, *PROXY, 3), np.uint8)
    one = np.ones(96, np.float32)
    motion = np.broadcast_to(np.eye(2, 3), (96, 2, 3))
    return Analysis(np.arange(14), proxies, motion, one, one > 2, one, one > 2, np.ones(PROXY, bool), 0.0)


class _OnACard:
    """An engine's stage that sleeps while it holds one of its raylet's cards."""

    name = ""

    def __init__(self, engine: Engine, job: _Job) -> None:
        self.emulation = job.emulation
        self.node = ray.get_runtime_context().get_node_id()
        _log(job.emulation, {"loaded": time.time()})

    def __call__(self, table: pa.Table) -> pa.Table:
        before, after = BOUNDARIES[self.name]
        return after.write([row if isinstance(row, PlannedVideo) else self._work(row) for row in before.read(table)])

    def _work(self, row: Any) -> Any:
        asked = time.time()
        with _card(self.emulation, self.node):
            _sleep(self.name, self.emulation, asked)
        return _after(row)


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
def _cards(folder: Path, nodes: Sequence[str], cards: int) -> Iterator[None]:
    """A pipe for each raylet that holds a byte for each of its free cards: both engines' processes share them."""
    with ExitStack() as stack:
        for node in nodes:
            path = folder / f"{node}.cards"
            os.mkfifo(path)
            pipe = os.open(path, os.O_RDWR)
            stack.callback(os.close, pipe)
            os.write(pipe, bytes(cards))
        yield


@contextmanager
def _card(emulation: Emulation, node: str) -> Iterator[None]:
    """Any free card of the raylet."""
    pipe = os.open(Path(emulation.folder) / f"{node}.cards", os.O_RDWR)
    try:
        card = os.read(pipe, 1)
        yield
        os.write(pipe, card)
    finally:
        os.close(pipe)


def _sleep(name: str, emulation: Emulation, asked: float | None = None) -> None:
    began = time.time()
    time.sleep(SECONDS[name] * emulation.slower)
    _log(emulation, {"step": name, "asked": asked or began, "began": began, "ended": time.time()})


def _log(emulation: Emulation, line: dict[str, Any]) -> None:
    path = Path(emulation.folder) / f"{os.getpid()}-{threading.get_native_id()}.log"
    with path.open("a") as file:
        file.write(json.dumps(line) + "\n")


# No dashboard, autoscaler or reader of logs: on a real cluster they do not run on the workers' cores either.
HEAD: dict[str, Any] = {"num_cpus": 0, "object_store_memory": 300_000_000, "include_dashboard": False}
HEAD |= {"no_monitor": True, "include_log_monitor": False}
# Two engines share each card, as two halves.
NODE = HEAD | {"num_cpus": CORES_A_NODE, "num_gpus": 2 * CARDS_A_NODE, "object_store_memory": 100_000_000}
NODE |= {"resources": dict.fromkeys(ON_CARDS, 1)}


@contextmanager
def _head() -> Iterator[Raylets]:
    """A local cluster of a head alone."""
    with patch("ray._private.utils.get_dashboard_dependency_error", lambda: ImportError("none is wanted")):
        cluster = _patient(lambda: Raylets(initialize_head=True, head_node_args=HEAD))
        try:
            ray.init(address=cluster.address, logging_level="ERROR", log_to_driver=False)
            quiet()
            yield cluster
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
    """What a run used: wall and CPU seconds of driver and machine, the most bytes in all raylets' object stores."""

    def __enter__(self) -> _Usage:
        self.peak = 0
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._look, daemon=True)
        self.began, self.driver, self.idle = time.time(), time.process_time(), psutil.cpu_times().idle
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds = time.time() - self.began
        self.driver = (time.process_time() - self.driver) / self.seconds
        self.machine = 1 - (psutil.cpu_times().idle - self.idle) / (self.seconds * (os.cpu_count() or 1))
        self.stop.set()
        self.thread.join()

    def _look(self) -> None:
        from ray._private.internal_api import get_memory_info_reply, get_state_from_address

        while not self.stop.wait(1.0):
            reply = get_memory_info_reply(get_state_from_address(ray.get_runtime_context().gcs_address))
            self.peak = max(self.peak, reply.store_stats.object_store_bytes_used)


def _point(
    gpus: int, raylets: int, emulation: Emulation, log: list[dict[str, Any]], usage: _Usage, forecast: Forecast
) -> Point:
    cards = [entry for entry in log if entry["step"] in ON_CARDS]
    first = min(entry["began"] for entry in cards)
    last = max(entry["ended"] for entry in cards)
    worked = sum(entry["ended"] - entry["began"] for entry in cards)
    # The middle half of the time: neither filling nor draining.
    low, high = first + (last - first) / 4, last - (last - first) / 4
    inside = sum(max(min(e["ended"], high) - max(e["began"], low), 0.0) for e in cards)
    begun = min(entry["began"] for entry in log)
    return Point(
        gpus=gpus,
        slower=emulation.slower,
        raylets=raylets,
        scenes=emulation.scenes,
        start=begun - usage.began,
        window=max(entry["ended"] for entry in log) - begun,
        busy=worked / (gpus * (last - first)),
        steady=inside / (gpus * (high - low)),
        waited=float(np.mean([e["began"] - e["asked"] for e in cards])),
        first=min(entry["ended"] for entry in log if entry["step"] == "resample") - begun,
        object_bytes=usage.peak,
        simulated=forecast.wall,
        driver=usage.driver,
        machine=usage.machine,
    )


def _simulated(gpus: int, raylets: int, emulation: Emulation, loaded: float) -> Forecast:
    """The same by ``remaster_forecast``, from the first task on; ``loaded`` seconds after it the engines are there."""
    lines = {name: LinearCost(seconds * emulation.slower, 0.0) for name, seconds in SECONDS.items()}
    costs = Costs(lines, start=0.0, assemble=0.0, load=max(loaded, 0.0) + Costs().worker)
    sizes = [min(SCENES_A_VIDEO, emulation.scenes - n) for n in range(0, emulation.scenes, SCENES_A_VIDEO)]
    episodes = [Episode(96 * size, (0.0,) * size) for size in sizes]
    done = simulate(episodes, costs, Cluster(CORES_A_NODE * raylets, gpus, frozenset(ON_CARDS)))
    return replace(done, wall=done.wall - costs.worker)  # the first task begins when its worker is there
