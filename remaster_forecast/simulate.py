"""A discrete-event simulation of the pipeline: tasks, cores, GPUs and the driver, nothing else.

Each scene goes through the steps after ``detect`` in order; a free core takes the task that is furthest down the
graph, as Ray Data's scheduler does to keep its memory low. A GPU works on one task at a time, whichever step it is of;
the driver sends off one task after the other. Network and disks are taken to be fast enough, and are not simulated.

Where scenes are linked, they wait twice: until all scenes among which sets are looked for are described, and until
these are compared. Then a second graph fills and encodes them, through which the driver sends each of them again.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from remaster.config import LinkScope
from remaster.tables import STAGES
from remaster_forecast.costs import Costs
from remaster_forecast.workload import Episode

MAX_UNITS = 200_000
"""Scenes that are simulated one by one; where there are more, neighbours in an episode go together."""
ASSEMBLIES = 2
"""Videos that are assembled at once, as by a run's driver."""
DETECT, ANALYZE = 0, 1
PASSED = STAGES[STAGES.index("analyze") : STAGES.index("outpaint")]
"""Stages that hand on what is stitched already, where scenes are linked."""


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


def simulate(episodes: Sequence[Episode], costs: Costs, cluster: Cluster, scope: LinkScope = LinkScope.off) -> Forecast:
    """Run all episodes through the cluster; raises ``ValueError`` where a step has nothing to run on.

    ``scope``: among which scenes sets are looked for that return.
    """
    if cluster.cpus < 1 or (cluster.gpu_steps and cluster.gpus < 1):
        raise ValueError(f"{cluster.cpus} CPUs and {cluster.gpus} GPUs cannot run the pipeline")
    return _Simulation(_units(episodes), costs, cluster, scope).run()


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


class _Linking:
    """Which units wait for others: one group after the other is compared, and then delivered."""

    def __init__(self, episodes: list[list[_Unit]], scope: LinkScope) -> None:
        self.episodes = episodes
        self.whole = scope is LinkScope.series
        self.undescribed = [len(units) for units in episodes]
        self.surveyed = 0
        self.ready: list[_Unit] = []
        self.group: list[_Unit] = []
        self.unlinked = self.undelivered = 0

    def described(self, unit: _Unit) -> list[_Unit]:
        """The units to compare now that this one is described."""
        self.undescribed[unit.episode] -= 1
        if not self.undescribed[unit.episode]:
            self.surveyed += 1
            self.ready += self.episodes[unit.episode]
        return self._next_group()

    def linked(self) -> list[_Unit]:
        """The units to fill now that one more of the group is compared."""
        self.unlinked -= 1
        return [] if self.unlinked else self.group

    def delivered(self) -> list[_Unit]:
        """The units to compare now that one more of the group is delivered."""
        self.undelivered -= 1
        return self._next_group()

    def _next_group(self) -> list[_Unit]:
        if self.undelivered or (self.whole and self.surveyed < len(self.episodes)):
            return []
        self.group, self.ready = self.ready, []
        self.unlinked = self.undelivered = len(self.group)
        return self.group


class _Simulation:
    """The state of the simulated cluster; times are seconds since the program began."""

    def __init__(self, episodes: list[list[_Unit]], costs: Costs, cluster: Cluster, scope: LinkScope) -> None:
        self.episodes, self.costs, self.cluster = episodes, costs, cluster
        work = costs.work(scope is not LinkScope.off)
        self.stages, self.steps = list(work), list(work.values())
        self.linking = None if scope is LinkScope.off else _Linking(episodes, scope)
        self.on_gpu = [stage in cluster.gpu_steps for stage in self.stages]
        self.loaded = [costs.start + costs.load] * len(self.stages)  # pools start with the graph
        self.waiting: list[deque[_Unit]] = [deque() for _ in self.stages]
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
            if isinstance(what, int):
                self.waiting[ANALYZE].extend(self.episodes[what])
            else:
                self._finished(now, stage, what)
            self._fill(now)
        wall = max(now, *self.assemblers, self.driver_until)
        cpu, gpu = self.work[False], self.work[True]
        busy = {"CPUs": cpu / (wall * self.cluster.cpus), "driver": self.driver_work / wall}
        if self.cluster.gpu_steps:
            busy["GPUs"] = gpu / (wall * self.cluster.gpus)
        return Forecast(wall, self.first, self.first_video, cpu, gpu, busy, self.most)

    def _finished(self, now: float, stage: int, unit: _Unit) -> None:
        """Hand a unit on to the next stage, or to those that wait for others."""
        last = stage == len(self.stages) - 1
        if last or self.stages[stage] == "describe":
            self.in_flight -= unit.scenes
        if last:
            self.first = self.first or now
            self.left[unit.episode] -= 1
            if not self.left[unit.episode]:
                self._assemble(now)
        if self.linking is None:
            if not last:
                self.waiting[stage + 1].append(unit)
        elif last:
            self.waiting[self.stages.index("link")].extend(self.linking.delivered())
        elif self.stages[stage] == "describe":
            self.waiting[stage + 1].extend(self.linking.described(unit))
        elif self.stages[stage] == "link":
            group = self.linking.linked()
            if group:
                self.loaded[stage + 1 :] = [now + self.costs.load] * (len(self.stages) - stage - 1)
            self.waiting[stage + 1].extend(group)
        else:
            self.waiting[stage + 1].append(unit)

    def _assemble(self, now: float) -> None:
        end = max(now, heapq.heappop(self.assemblers)) + self.costs.assemble
        heapq.heappush(self.assemblers, end)
        self.first_video = min(self.first_video or end, end)

    def _fill(self, now: float) -> None:
        """Give free cores and GPUs work, the furthest down the graph first."""
        for stage in range(len(self.stages) - 1, DETECT, -1):
            gpu, queue = self.on_gpu[stage], self.waiting[stage]
            while queue and self.free[gpu]:
                unit = queue.popleft()
                line, tasks = self.steps[stage], unit.scenes
                again = self.linking is not None and self.stages[stage] == "outpaint"
                if stage == ANALYZE or again:
                    self.in_flight += unit.scenes
                    self.most = max(self.most, self.in_flight)
                if again:
                    tasks *= 1 + len(PASSED)
                self._start(now, stage, unit, unit.scenes * line.scene + unit.megapixels * line.pixels, tasks)
        while self.undetected and self.free[False] and self._hungry():
            number = self.undetected.popleft()
            pixels = sum(unit.megapixels for unit in self.episodes[number])
            self._start(now, DETECT, number, self.steps[DETECT].seconds(pixels), 1)

    def _hungry(self) -> bool:
        """Backpressure: no further video is read while every worker has scenes waiting for it."""
        return len(self.waiting[ANALYZE]) <= 2 * (self.cluster.cpus + self.cluster.gpus)

    def _start(self, now: float, stage: int, what: _Unit | int, seconds: float, tasks: int) -> None:
        gpu = self.on_gpu[stage]
        self.free[gpu] -= 1
        self.driver_until = max(self.driver_until, now) + tasks * self.costs.dispatch
        self.driver_work += tasks * self.costs.dispatch
        begin = self.driver_until
        if gpu:
            begin = max(begin, self.loaded[stage])
        elif self.cold:
            self.cold -= 1
            begin += self.costs.worker
        self.work[gpu] += seconds
        self.sequence += 1
        heapq.heappush(self.events, (begin + seconds, self.sequence, stage, what))
