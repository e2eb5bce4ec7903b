"""Which of a dataset's stitched backgrounds show one set: searched by the driver, proved by tasks.

Signatures are all that the driver holds. Descriptors are read from the store by the tasks that compare them; what is
decided does not depend on the order in which scenes or proofs arrive.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

import cv2
import ray

from remaster.config import LinkScope
from remaster.pipeline.describing import place_of, read_descriptor
from remaster.pipeline.job import Job
from remaster.pipeline.store import Store
from remaster.set_rows import DescribedScene, SetTask
from remaster.sets.candidates import candidates
from remaster.sets.linking import Pair, link_scenes, sets_of
from remaster.sets.proof import Link, prove
from remaster.steering.decisions import is_at

PAIRS_PER_TASK = 8
"""Pairs that one task compares, at 20 to 80 ms each."""


@dataclass(frozen=True)
class Linked:
    """The sets that were found; ``errors`` of what could not be described or compared, each once."""

    sets: tuple[SetTask, ...]
    errors: tuple[str, ...]


@dataclass
class _Proofs:
    """Compares pairs by tasks, and collects what went wrong."""

    store: Store
    errors: list[str] = field(default_factory=list)

    def __call__(self, pairs: Sequence[Pair]) -> list[Link | None]:
        task = ray.remote(_compare).options(num_cpus=1, max_retries=2)
        parts = [pairs[first : first + PAIRS_PER_TASK] for first in range(0, len(pairs), PAIRS_PER_TASK)]
        running: list[Any] = [task.remote(self.store, part) for part in parts]
        found: list[Link | None] = []
        for part, reference in zip(parts, running, strict=True):
            try:
                links, errors = ray.get(reference)
            except ray.exceptions.WorkerCrashedError as error:
                links, errors = [None] * len(part), [f"{part[0][0]} and others could not be compared: {error}"]
            found += links
            self.errors += errors
        return found


def link_backgrounds(scenes: Sequence[DescribedScene], donors: Collection[str], job: Job) -> Linked:
    """The sets among the backgrounds of some scenes; those of the videos ``donors`` (ids) borrow nothing."""
    ordered = sorted(scenes, key=lambda scene: scene.scene_id)
    backgrounds = [one for scene in ordered if scene.steering.link is not False for one in scene.backgrounds]
    apart = _kept_apart(ordered)
    stitched = {scene.scene_id: scene.stitched for scene in ordered}
    sizes = {one.signature.key: one.size for one in backgrounds}
    proofs = _Proofs(job.store)
    pairs = candidates([one.signature for one in backgrounds])
    links = link_scenes([pair for pair in pairs if not apart(pair.first, pair.second)], proofs)
    sets = []
    for found in sets_of(links, sizes, apart):
        places = [place_of(key) for key in found.members]
        receivers = tuple(key for key, (video, *_) in zip(found.members, places, strict=True) if video not in donors)
        if receivers:
            sets.append(SetTask(found, tuple(stitched[scene] for _, scene, _ in places), receivers))
    errors = [scene.error for scene in ordered if scene.error is not None] + proofs.errors
    return Linked(tuple(sets), tuple(dict.fromkeys(errors)))


def _kept_apart(scenes: Sequence[DescribedScene]) -> Callable[[str, str], bool]:
    """Whether a person decided that two backgrounds (by their names) never show one set."""
    apart = {
        frozenset((one.scene_id, other.scene_id))
        for one in scenes
        for place in one.steering.unlink
        for other in scenes
        if is_at(place, other.video, other.ranges)
    }
    return lambda first, second: frozenset((place_of(first)[1], place_of(second)[1])) in apart


def scopes(scenes: Sequence[DescribedScene], donors: Collection[str], scope: LinkScope) -> list[list[DescribedScene]]:
    """The groups of scenes within which sets are looked for; those of donors are in each."""
    if scope is LinkScope.series:
        return [list(scenes)]
    everywhere = [scene for scene in scenes if scene.video_id in donors]
    by_video: dict[str, list[DescribedScene]] = {}
    for scene in scenes:
        if scene.video_id not in donors:
            by_video.setdefault(scene.video_id, []).append(scene)
    return [group + everywhere for group in by_video.values()]


def _compare(store: Store, pairs: Sequence[Pair]) -> tuple[list[Link | None], list[str]]:
    """(the link of each pair, None where nothing proves one; what went wrong)."""
    cv2.setNumThreads(1)
    found: list[Link | None] = []
    errors: list[str] = []
    for first, second in pairs:
        try:
            found.append(prove(read_descriptor(store, first), read_descriptor(store, second)))
        except Exception as error:
            found.append(None)
            errors.append(f"{first} and {second} could not be compared: {type(error).__name__}: {error}")
    return found, errors
