"""A discrete-event simulation of the pipeline: tasks, cores, GPUs and the driver, nothing else.

Each scene goes through the five steps after ``detect`` in order; a free core takes the task that is furthest down the
graph, as Ray Data's scheduler does to keep its memory low. A GPU works on one task at a time, whichever step it is of;
the driver sends off one task after the other. Network and disks are taken to be fast enough, and are not simulated.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from remaster.tables import STAGES
from remaster_forecast.costs import Costs
from remaster_forecast.workload import Episode

MAX_UNITS = 200_000
"""Scenes that are simulated one by one; where there are more, neighbours in an episode go together."""
ASSEMBLIES = 2
"""Videos that are assembled at once, as by a run's driver."""
DETECT, LAST = 0, len(STAGES) - 1


@dataclass(frozen=True)
class Cluster:
    """What there is to work with; ``gpu_steps`` run on GPUs, all others on cores."""

    cpus: int
    gpus: int = 0
    gpu_steps: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Forecast:
    """What came of it: ``wall`` seconds, when the ``first`` scene and the ``first_video`` were there, seconds of work.

    ``busy`` is the share of the time, from the start to the end, that the cores, GPUs and the driver worked.
    ``in_flight`` is the largest number of scenes that were begun (analyzed, at least) and not done.
    """

    wall: float
    first: float
    first_video: float
    cpu_seconds: float
    gpu_seconds: float
    busy: dict[str, float]
    in_flight: int

    @property
    def bottleneck(self) -> str:
        """What worked the largest share of the time."""
        return max(self.busy, key=lambda name: self.busy[name])


def simulate(episodes: Sequence[Episode], costs: Costs, cluster: Cluster) -> Forecast:
    """Run all episodes through the cluster; raises ``ValueError`` where a step has nothing to run on."""
    if cluster.cpus < 1 or (cluster.gpu_steps and cluster.gpus < 1):
        raise ValueError(f"{cluster.cpus} CPUs and {cluster.gpus} GPUs cannot run the pipeline")
    return _Simulation(_units(episodes), costs, cluster).run()


@dataclass(frozen=True)
class _Unit:
    """Scenes of one episode that are simulated as one task: how many, and their megapixels."""

    episode: int
    scenes: int
    megapixels: float


def _units(episodes: Sequence[Episode]) -> list[list[_Unit]]:
    """The units of each episode, by episode."""
    total = sum(len(episode.scenes) for episode in episodes)
    together = -(-total // MAX_UNITS)
    return [
        [
            _Unit(number, len(part), sum(part))
            for start in range(0, len(episode.scenes), together)
            if (part := episode.scenes[start : start + together])
        ]
        for number, episode in enumerate(episodes)
    ]


class _Simulation:
    """The state of the simulated cluster; times are seconds since the program began."""

    def __init__(self, episodes: list[list[_Unit]], costs: Costs, cluster: Cluster) -> None:
        self.episodes, self.costs, self.cluster = episodes, costs, cluster
        self.on_gpu = [stage in cluster.gpu_steps for stage in STAGES]
        self.steps = [costs.steps[stage] for stage in STAGES]
        self.waiting: list[deque[_Unit]] = [deque() for _ in STAGES]
        self.undetected = deque(range(len(episodes)))
        self.left = [len(units) for units in episodes]
        self.free = {False: cluster.cpus, True: cluster.gpus}
        self.work = {False: 0.0, True: 0.0}
        self.cold = cluster.cpus
        self.driver_until = costs.start
        self.driver_work = 0.0
        self.events: list[tuple[float, int, int, _Unit | int]] = []
        self.sequence = 0
        self.in_flight = self.most = 0
        self.first = self.first_video = 0.0
        self.assemblers = [0.0] * ASSEMBLIES

    def run(self) -> Forecast:
        """Until nothing is left to do."""
        now = self.costs.start
        self._fill(now)
        while self.events:
            now, _, stage, what = heapq.heappop(self.events)
            self.free[self.on_gpu[stage]] += 1
            self._finished(now, stage, what)
            self._fill(now)
        wall = max(now, *self.assemblers, self.driver_until)
        cpu, gpu = self.work[False], self.work[True]
        busy = {"CPUs": cpu / (wall * self.cluster.cpus), "driver": self.driver_work / wall}
        if self.cluster.gpu_steps:
            busy["GPUs"] = gpu / (wall * self.cluster.gpus)
        return Forecast(wall, self.first, self.first_video, cpu, gpu, busy, self.most)

    def _finished(self, now: float, stage: int, what: _Unit | int) -> None:
        if isinstance(what, int):
            self.waiting[DETECT + 1].extend(self.episodes[what])
        elif stage < LAST:
            self.waiting[stage + 1].append(what)
        else:
            self.in_flight -= what.scenes
            self.first = self.first or now
            self.left[what.episode] -= 1
            if not self.left[what.episode]:
                self._assemble(now)

    def _assemble(self, now: float) -> None:
        end = max(now, heapq.heappop(self.assemblers)) + self.costs.assemble
        heapq.heappush(self.assemblers, end)
        self.first_video = min(self.first_video or end, end)

    def _fill(self, now: float) -> None:
        """Give free cores and GPUs work, the furthest down the graph first."""
        for stage in range(LAST, DETECT, -1):
            gpu, queue = self.on_gpu[stage], self.waiting[stage]
            while queue and self.free[gpu]:
                unit = queue.popleft()
                line = self.steps[stage]
                if stage == DETECT + 1:
                    self.in_flight += unit.scenes
                    self.most = max(self.most, self.in_flight)
                self._start(now, stage, unit, unit.scenes * line.scene + unit.megapixels * line.pixels, unit.scenes)
        while self.undetected and self.free[False] and self._hungry():
            number = self.undetected.popleft()
            pixels = sum(unit.megapixels for unit in self.episodes[number])
            self._start(now, DETECT, number, self.steps[DETECT].seconds(pixels), 1)

    def _hungry(self) -> bool:
        """Backpressure: no further video is read while every worker has scenes waiting for it."""
        return len(self.waiting[DETECT + 1]) <= 2 * (self.cluster.cpus + self.cluster.gpus)

    def _start(self, now: float, stage: int, what: _Unit | int, seconds: float, tasks: int) -> None:
        gpu = self.on_gpu[stage]
        self.free[gpu] -= 1
        self.driver_until = max(self.driver_until, now) + tasks * self.costs.dispatch
        self.driver_work += tasks * self.costs.dispatch
        begin = self.driver_until
        if gpu:  # pools start with the graph
            begin = max(begin, self.costs.start + self.costs.load)
        elif self.cold:
            self.cold -= 1
            begin += self.costs.worker
        self.work[gpu] += seconds
        self.sequence += 1
        heapq.heappush(self.events, (begin + seconds, self.sequence, stage, what))
