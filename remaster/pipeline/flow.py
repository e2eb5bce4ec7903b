"""The order in which a run's graphs are executed: one that delivers, or survey, search for sets, lending, delivery.

Where scenes are linked, the survey stitches all scenes. As soon as those of a scope are in (one video, or the whole
dataset), its sets are looked for and lent within, and donors that show the very same frames are found; then its videos
go through the graph that delivers, which finds the scenes stitched. What happens is told as events, in the order in
which it happens.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from remaster.config import LinkScope
from remaster.pipeline.exact_frames import ExactFound, exact_frames
from remaster.pipeline.graph import build_graph, build_lending, build_survey
from remaster.pipeline.job import Job
from remaster.pipeline.set_links import link_backgrounds, scopes
from remaster.pipeline.set_stages import lent_by_scene
from remaster.rows import (
    DELIVERED,
    DESCRIBED,
    DeliveredScene,
    FailedVideo,
    LentShot,
    PlannedVideo,
    VideoRow,
)
from remaster.set_rows import LENT, DescribedScene, LentSet, SetTask


@dataclass(frozen=True)
class SetsLinked:
    """Sets were looked for among ``scenes`` scenes, and ``looked_at`` ones of donors.

    ``sets`` were found that have ``members`` backgrounds; ``errors`` cost links. ``names`` are the sets' own.
    """

    scenes: int
    looked_at: int
    sets: int
    members: int
    errors: tuple[str, ...]
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class DonorFailed:
    """A video that was to be looked at alone cannot be read."""

    video: str
    error: str


Event = DonorFailed | PlannedVideo | FailedVideo | DescribedScene | SetsLinked | LentSet | ExactFound | DeliveredScene
Tell = Callable[[Event], None]


@dataclass
class _Survey:
    """What the survey has found of the videos that are not handed on yet."""

    planned: dict[str, set[str]] = field(default_factory=dict)
    described: dict[str, list[DescribedScene]] = field(default_factory=dict)

    def take(self, row: Event) -> str | None:
        """Note a row; returns the id of a video whose last scene it was."""
        if isinstance(row, PlannedVideo):
            self.planned[row.video_id] = set(row.planned)
        elif isinstance(row, DescribedScene):
            self.described.setdefault(row.video_id, []).append(row)
        else:
            return None
        there = {scene.scene_id for scene in self.described.get(row.video_id, ())}
        return row.video_id if there >= self.planned.get(row.video_id, {""}) else None


Ready = tuple[list[VideoRow], list[DescribedScene]]


def run_graphs(videos: Sequence[VideoRow], job: Job, tell: Tell) -> None:
    """Run all of it over probed videos; ``tell`` is given rows and ``SetsLinked`` as they come.

    With donors no video goes on before all are surveyed.
    """
    if job.config.scenes.link is LinkScope.off:
        for row in _rows(build_graph(videos, job), DELIVERED):
            tell(row)
        return
    ready: queue.Queue[Ready | BaseException | None] = queue.Queue()
    threading.Thread(target=_survey, args=(videos, job, tell, ready), daemon=True).start()
    for found in _taken(ready):
        _deliver(found, job, tell)


def _survey(videos: Sequence[VideoRow], job: Job, tell: Tell, ready: queue.Queue[Any]) -> None:
    """Run the survey's graph in a thread of its own and hand on what is complete."""
    try:
        waiting, seen = {video.video_id: video for video in videos}, _Survey()
        donors = {video.video_id for video in videos if video.donor}
        for row in _rows(build_survey(videos, job), DESCRIBED):
            if row.video_id not in donors:
                tell(row)
            complete = seen.take(row)
            if isinstance(row, FailedVideo):
                waiting.pop(row.video_id, None)
                if row.video_id in donors:
                    tell(DonorFailed(row.video, row.error))
            elif complete in waiting and job.config.scenes.link is LinkScope.video and not donors:
                ready.put(([waiting.pop(complete)], seen.described.pop(complete)))
        rest = [scene for video_id in waiting for scene in seen.described.get(video_id, ())]
        ready.put((list(waiting.values()), rest))
        ready.put(None)
    except BaseException as error:
        ready.put(error)


def _taken(ready: queue.Queue[Ready | BaseException | None]) -> Iterator[Ready]:
    """All that waits at a time, together: a graph has a price of its own."""
    while True:
        item = ready.get()
        videos: list[VideoRow] = []
        scenes: list[DescribedScene] = []
        while item is not None and not isinstance(item, BaseException):
            videos += item[0]
            scenes += item[1]
            try:
                item = ready.get_nowait()
            except queue.Empty:
                break
        if videos:
            yield videos, scenes
        if item is None:
            return
        if isinstance(item, BaseException):
            raise item


def _deliver(found: Ready, job: Job, tell: Tell) -> None:
    """Link, lend and deliver some videos whose scenes are all stitched."""
    videos, scenes = [video for video in found[0] if not video.donor], found[1]
    donors = {video.video_id for video in found[0] if video.donor}
    linked = [link_backgrounds(group, donors, job) for group in scopes(scenes, donors, job.config.scenes.link)]
    sets = [one for part in linked for one in part.sets]
    errors = tuple(error for part in linked for error in part.errors)
    looked_at = sum(scene.video_id in donors for scene in scenes)
    members = sum(len(one.found.members) for one in sets)
    names = tuple(one.set_id for one in sets)
    tell(SetsLinked(len(scenes) - looked_at, looked_at, len(sets), members, errors, names))
    if not videos:
        return
    exact, told = exact_frames(sets, found[0], job) if donors else ({}, [])
    for one in told:
        tell(one)
    # What is to be removed for ``resume=false`` the survey has removed.
    job = replace(job, exact=exact, config=replace(job.config, resume=True))
    lent = _lend(sets, found[0], job, tell) if sets else {}
    for row in _rows(build_graph(videos, replace(job, lent=lent), surveyed=True), DELIVERED):
        tell(row)


def _lend(
    sets: Sequence[SetTask], videos: Sequence[VideoRow], job: Job, tell: Tell
) -> Mapping[str, tuple[LentShot, ...]]:
    """Lend within sets; returns the shots that show one, by their scenes' ids."""
    done = []
    for row in _rows(build_lending(sets, videos, job), LENT):
        done.append(row)
        tell(row)
    return lent_by_scene(done)


def _rows(dataset: Any, kind: Any) -> Iterator[Any]:
    for table in dataset.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=0):
        yield from kind.read(table)
