"""The driver of a run: it starts the graph, hands finished videos to assembly, and keeps a person informed."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import ray

from remaster.pipeline import store as files
from remaster.pipeline.assembly import VideoTask, assemble_video, failed_video
from remaster.pipeline.counters import FrameCounter
from remaster.pipeline.delivery import deliver_nothing
from remaster.pipeline.exact_frames import ExactFound
from remaster.pipeline.failures import raise_if_disk_full
from remaster.pipeline.flow import DonorFailed, Event, SetsLinked, run_graphs
from remaster.pipeline.job import Job
from remaster.pipeline.previewing import finish_unmade
from remaster.pipeline.video_plan import limited, stored_plan
from remaster.report import text
from remaster.report.progress import ProgressView
from remaster.rows import (
    DeliveredScene,
    FailedScene,
    FailedVideo,
    Failure,
    Found,
    PlannedVideo,
    VideoRow,
)
from remaster.set_rows import DescribedScene, LentSet

POLL_SECONDS = 0.25
"""How long the driver waits for one thing before it looks at the others."""
COUNT_SECONDS = 1.0
"""How often the counter of frames is asked."""
ASSEMBLIES = 2
"""Videos that are assembled at once: it is copying, which the disk limits."""


@dataclass
class VideoState:
    """How far one video is: its own row once it is planned, and the ids of its finished scenes."""

    output: str
    row: PlannedVideo | None = None
    done: set[str] = field(default_factory=set)
    assembled: bool = False  # handed to assembly
    finished: bool = False  # its row of ``metadata/videos`` is written

    @property
    def ready(self) -> bool:
        """True when its last scene is in."""
        return self.row is not None and self.done >= set(self.row.planned)


class Driver:
    """One run over some probed videos; ``outputs`` are their output names. ``donors`` are looked at alone.

    ``lost`` counts donors that cannot be read.
    """

    def __init__(
        self,
        videos: Sequence[VideoRow],
        outputs: Sequence[str],
        job: Job,
        view: ProgressView,
        donors: Sequence[VideoRow] = (),
    ) -> None:
        self.videos = videos
        self.donors = donors
        self.lost = 0
        self.view = view
        # Where its worker dies it starts again at zero: only the progress bar reads it.
        self.counter: Any = ray.remote(FrameCounter).options(num_cpus=0, max_restarts=-1, max_task_retries=-1).remote()
        self.stopped: str | None = None
        self.counted: ray.ObjectRef[tuple[int, dict[tuple[str, bool], int]]] | None = None
        self.asked = 0.0
        self.job = replace(job, counter=self.counter)
        self.states = {v.video_id: VideoState(out) for v, out in zip(videos, outputs, strict=True)}
        self.told: set[str] = set()  # videos whose notes on decisions are printed
        self.sets: set[str] = set()  # those that were found
        self.waiting: list[VideoTask] = []
        self.assembling: dict[ray.ObjectRef[dict[str, Any]], VideoTask] = {}

    def run(self) -> str | None:
        """Run to the end; results are in the output folder. Returns why the run ended early, or None.

        An exception that ends the graph itself costs no more than the scenes that were not finished: their rows and
        videos are marked. Raises ``OutOfSpace`` where a full disk ended it: then nothing can be marked.
        """
        try:
            for event in self._events():
                if event is not None:
                    self._arrived(event)
                self._assemble(wait=False)
            self._assemble(wait=True)
            self._say_lost_sets()
        except Exception as error:
            self._stop(error)
        self._reconcile()
        if self.stopped is None:
            ray.kill(self.counter)  # else its process stays as long as this one, whatever else it runs
        return self.stopped

    def _stop(self, error: BaseException) -> None:
        raise_if_disk_full(error)
        self.stopped = last_cause(error)

    def _events(self) -> Iterator[Event | None]:
        """What the graphs deliver, as it comes, and None whenever nothing came for a moment."""
        if not self.videos:
            return
        arrived: queue.Queue[Event | BaseException | None] = queue.Queue()
        threading.Thread(target=_pump, args=([*self.videos, *self.donors], self.job, arrived), daemon=True).start()
        while True:
            try:
                item = arrived.get(timeout=POLL_SECONDS)
            except queue.Empty:
                self._count()
                yield None
                continue
            if item is None:
                return
            if isinstance(item, BaseException):
                self._stop(item)
                return
            yield item

    def _count(self) -> None:
        """Ask for frames and scenes now and then, and show what is said once it has come; never wait for it."""
        if self.counted is None:
            if time.monotonic() - self.asked >= COUNT_SECONDS:
                self.asked, self.counted = time.monotonic(), self.counter.state.remote()
        elif ray.wait([self.counted], timeout=0)[0]:
            frames, places = ray.get(self.counted)
            self.view.encoded(frames)
            self.view.at_steps(places)
            self.counted = None

    def _arrived(self, row: Event) -> None:
        if isinstance(row, DonorFailed):
            self.lost += 1
            self.view.message(f"not taken: {row.video}: {row.error}")
            return
        if isinstance(row, SetsLinked | LentSet | ExactFound):
            self._linked(row)
            return
        state = self.states[row.video_id]
        if isinstance(row, FailedVideo):
            self._finished(failed_video(row.video, row.info, row.error), row.video_id, write=True)
        elif isinstance(row, PlannedVideo):
            self._planned(state, row)
        elif isinstance(row, DescribedScene):
            self.view.described(row.seconds, row.frames)
        else:
            state.done.add(row.scene_id)
            status = row.results[0]["status"] if row.results else "failed"
            self.view.scene_done(row.video, row.frames, row.seconds, status)
            if status != "ok":
                self.view.trouble(_trouble(row, status))
        self._hand_over(state)

    def _linked(self, row: SetsLinked | LentSet | ExactFound) -> None:
        """Say what was found of sets and of donors' frames, and what went wrong with one."""
        if isinstance(row, SetsLinked):
            self.sets.update(row.names)
            found = (
                f"{row.members:,} backgrounds show {row.sets:,} set(s) that return" if row.sets else "no set returns"
            )
            donors = f" and {row.looked_at:,} of donors" if row.looked_at else ""
            self.view.message(f"looked for sets in {row.scenes:,} scenes{donors}: {found}")
        if isinstance(row, ExactFound) and row.shots:
            self.view.message(f"{row.video}: {row.shots:,} shot(s) are drawn from the same frames of {row.donor}")
        for error in row.errors:
            self.view.message(f"  {error}")

    def _say_lost_sets(self) -> None:
        """Name the entries of decisions for sets that were not found."""
        for entry in self.job.decisions.overrides.entries:
            if entry.set_id is not None and entry.set_id not in self.sets:
                self.view.message(f"{self.job.store.overrides}: {entry} fits no set any more")

    def _hand_over(self, state: VideoState) -> None:
        """To assembly, once the last scene is in; a scene that arrives twice changes nothing."""
        if state.ready and state.row is not None and not state.assembled:
            state.assembled = True
            self.waiting.append(VideoTask(state.row, state.output, self.job))

    def _planned(self, state: VideoState, row: PlannedVideo) -> None:
        state.row = row
        finished = {result["scene_id"] for result in row.results}
        state.done |= finished
        self.view.planned(row.video, len(row.planned), row.frames)
        for note in row.notes if row.video_id not in self.told else ():
            if note.decision:
                self.view.message(f"{row.video}: {note.text}")
        self.told.add(row.video_id)
        if row.changed:
            again = f"{row.changed:,} finished scene(s) look different by what others show, and are made again"
            self.view.message(f"{row.video}: {again}")
        if finished:
            frames = sum(result["end_frame"] - result["start_frame"] for result in row.results)
            self.view.already(row.video, len(finished), frames)

    def _assemble(self, wait: bool) -> None:
        """Start what is ready, collect what is finished; ``wait`` until nothing is left."""
        while True:
            while self.waiting and len(self.assembling) < ASSEMBLIES:
                task = self.waiting.pop(0)
                self.assembling[self._start(task)] = task
            if not self.assembling:
                return
            done, _ = ray.wait(list(self.assembling), timeout=POLL_SECONDS if wait else 0)
            for reference in done:
                self._collect(reference, self.assembling.pop(reference))
            if not wait and not done:
                return

    def _start(self, task: VideoTask) -> ray.ObjectRef[dict[str, Any]]:
        """Mostly copying packets: it takes no core from the stages, so a finished video never waits for them."""
        remote = ray.remote(finisher(task.job)).options(num_cpus=0, max_retries=2)
        return remote.remote(replace(task, job=replace(task.job, counter=None)))

    def _collect(self, reference: ray.ObjectRef[dict[str, Any]], task: VideoTask) -> None:
        try:
            self._finished(ray.get(reference), task.row.video_id)
        except ray.exceptions.RayError as error:
            lost = failed_video(task.row.video, task.row.info, f"assembly died: {str(error).splitlines()[0]}")
            self._finished(lost, task.row.video_id, write=True)

    def _reconcile(self) -> None:
        """Every planned scene gets its rows and every video its row, where the graph's end left some without.

        Videos are assembled here, in the driver: it may be all that is left.
        """
        reason = self.stopped or "the scene was lost between two stages"
        for video in self.videos:
            state = self.states[video.video_id]
            if state.finished:
                continue
            there = reconcile(video, reason, self.job)
            if state.row is None or not there.issuperset(state.row.planned):
                self._finished(failed_video(video.video, video.info, reason), video.video_id, write=True)
                continue
            row = finisher(self.job)(VideoTask(state.row, state.output, replace(self.job, counter=None)))
            self._finished(row, video.video_id)

    def _finished(self, row: dict[str, Any], video_id: str, write: bool = False) -> None:
        self.states[video_id].finished = True
        if write:
            files.write_video(self.job.store, video_id, row)
        notes = row["notes"] if row["error"] is None else [row["error"], *row["notes"]]
        self.view.video_done(row["video"], row["output"], row["status"], notes)


def _trouble(row: DeliveredScene, status: str) -> str:
    """What went wrong with a scene, for a person."""
    first = row.results[0] if row.results else {}
    where = f", frame {first['start_frame']:,}" if first else ""
    stage, error = first.get("error_stage") or "unknown step", first.get("error")
    return f"{status}: {row.video}{where}, {stage}: {text.first_line(error)}"


def _pump(videos: Sequence[VideoRow], job: Job, arrived: queue.Queue[Any]) -> None:
    """Run the graphs in a thread of its own, so that the driver's can draw, assemble and be interrupted."""
    try:
        run_graphs(videos, job, arrived.put)
        arrived.put(None)
    except BaseException as error:
        arrived.put(error)


def finisher(job: Job) -> Callable[[VideoTask], dict[str, Any]]:
    """What ends a video whose scenes are all done: its assembly, where the run delivers videos."""
    return assemble_video if job.store.delivers else finish_unmade


def reconcile(video: VideoRow, reason: str, job: Job) -> set[str]:
    """Write ``failed`` rows for the planned scenes of ``video`` that have none; returns the ids of all that have rows.

    Whatever ended the graph, every planned scene of a video has its rows afterwards. Without a plan there is nothing
    to do.
    """
    there = files.read_shots(job.store, video.video_id)
    for scene in limited(stored_plan(video, job), job):
        if scene.scene_id not in there:
            there[scene.scene_id] = deliver_nothing(FailedScene(scene, Found(), Failure("run", reason)), job)
    return set(there)


def last_cause(error: BaseException) -> str:
    """What ended the graph, in one line: Ray's message has all exceptions in a chain, the first cause first."""
    causes = str(error).split("The above exception was the direct cause")
    own = [cause for cause in causes if "UserCodeException" not in cause] or causes
    lines = [line.strip() for line in own[-1].splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
