"""Which frames of a video a donor shows, too, and more of each: a task for each pair of videos (see ``exact_search``).

What was found is kept, so that a resumed run does not look again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import cv2
import ray

from remaster.arrow import RowTable
from remaster.config import digest
from remaster.pipeline import store as files
from remaster.pipeline.describing import place_of
from remaster.pipeline.exact_search import Proposal, SceneExact, search
from remaster.pipeline.failures import attempt, raise_if_disk_full
from remaster.pipeline.job import Job
from remaster.pipeline.lock import working
from remaster.pipeline.video_plan import limited, stored_plan
from remaster.rows import ExactFrames, Scene, VideoRow
from remaster.set_rows import SetTask

EXACT = RowTable(SceneExact)
DONORS_PER_VIDEO = 3
"""Donors in which a video's frames are looked for, which costs two readings of both: those that show most of its sets.
Another episode of a series shares some; the same one has all."""


@dataclass(frozen=True)
class ExactFound:
    """``shots`` pieces of shots of ``video`` are drawn from frames of ``donor``; ``errors``: why not all could be."""

    video: str
    donor: str
    shots: int
    errors: tuple[str, ...] = ()


def exact_frames(
    sets: Iterable[SetTask], videos: Sequence[VideoRow], job: Job
) -> tuple[dict[str, tuple[ExactFrames, ...]], list[ExactFound]]:
    """(the frames that donors show whole, by their scenes' ids; what was found for each pair of videos).

    Of several donors that show a frame, the one whose name comes first is taken.
    """
    by_id = {video.video_id: video for video in videos}
    pairs: dict[tuple[str, str], list[Proposal]] = {}
    donors = {video.video_id for video in videos if video.donor}
    for one in sets:
        for proposal in _proposals(one, donors):
            pair = place_of(proposal.target)[0], place_of(proposal.donor)[0]
            pairs.setdefault(pair, []).append(proposal)
    chosen = sorted(_likely(pairs))
    task = ray.remote(find_exact).options(num_cpus=1, max_retries=2)
    running: list[Any] = [
        task.remote(by_id[video], by_id[donor], pairs[video, donor], replace(job, counter=None))
        for video, donor in chosen
    ]
    by_scene: dict[str, list[ExactFrames]] = {}
    told = []
    for (video, donor), reference in zip(chosen, running, strict=True):
        try:
            rows, errors = ray.get(reference)
        except ray.exceptions.WorkerCrashedError as error:
            rows, errors = [], [f"{video} and {donor} could not be compared: {error}"]
        shots = sum(_added(by_scene.setdefault(row.scene_id, []), row.frames) for row in rows)
        told.append(ExactFound(by_id[video].video, by_id[donor].video, shots, tuple(errors)))
    ordered = {scene_id: tuple(sorted(found, key=lambda one: one.start)) for scene_id, found in by_scene.items()}
    return ordered, [one for one in told if one.shots or one.errors]


def _likely(pairs: Mapping[tuple[str, str], Sequence[Proposal]]) -> list[tuple[str, str]]:
    """The pairs of a video and a donor that are compared."""
    shared = {pair: len({one.target for one in proposals}) for pair, proposals in pairs.items()}
    found = []
    for video in {video for video, _ in pairs}:
        own = sorted((pair for pair in pairs if pair[0] == video), key=lambda pair: (-shared[pair], pair))
        found += own[:DONORS_PER_VIDEO]
    return found


def _added(known: list[ExactFrames], more: Iterable[ExactFrames]) -> int:
    """Add what does not overlap what is known; returns how many that are."""
    new = [one for one in more if all(one.end <= other.start or one.start >= other.end for other in known)]
    known += new
    return len(new)


def _proposals(one: SetTask, donors: Collection[str]) -> Iterator[Proposal]:
    theirs = [key for key in one.found.members if place_of(key)[0] in donors]
    for target in one.receivers:
        for donor in theirs:
            yield Proposal(target, donor, one.found.camera(target, donor))


def find_exact(
    video: VideoRow, donor: VideoRow, proposals: Sequence[Proposal], job: Job
) -> tuple[list[SceneExact], list[str]]:
    """(the frames of ``video`` that ``donor`` shows whole, by scene; what went wrong)."""
    cv2.setNumThreads(1)
    try:
        with working(job.store), attempt(job.store, video.video_id, f"exact-{donor.video_id}"):
            scenes = limited(stored_plan(video, job), job), stored_plan(donor, job)
            key, fingerprint = job.store.exact(video.video_id, donor.video_id), _fingerprint(scenes, job)
            nothing = digest(fingerprint, [(one.target, one.donor, one.camera.tolist()) for one in proposals])
            # What is proved once holds, whatever links propose since: a hair's breadth would make all frames anew.
            found = files.read_rows(job.store, key, EXACT, fingerprint)
            if not found and files.rows_or_none(job.store, key, EXACT, nothing) is None:
                found = search(video, scenes[0], donor, scenes[1], proposals, job)
                files.write_rows(job.store, key, EXACT, found, fingerprint if found else nothing)
            return found, []
    except Exception as error:
        raise_if_disk_full(error)
        what = f"frames of {video.video} are not looked for in {donor.video}: {type(error).__name__}: {error}"
        return [], [what]


def _fingerprint(scenes: Sequence[Sequence[Scene]], job: Job) -> str:
    stitched = [[job.fingerprints(scene).stitch for scene in video] for video in scenes]
    return digest(job.code["exact"], stitched)
