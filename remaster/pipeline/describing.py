"""The way to the search for sets: every scene of a video, stitched and described.

The stages before it are the ones that deliver scenes, too. What they make is cached, so that delivering begins where
this ends; what leaves the graph are signatures of 2 kB, while descriptors and pictures stay in the store.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

import cv2
import numpy as np
import pyarrow as pa

from remaster.arrow import RowTable
from remaster.config import digest
from remaster.pipeline import store as files
from remaster.pipeline.failures import attempt, raise_if_disk_full
from remaster.pipeline.job import Job
from remaster.pipeline.lock import working
from remaster.pipeline.scene_cache import stitch_key
from remaster.pipeline.store import Store
from remaster.pipeline.video_plan import limited, plan_or_failure, planned_video
from remaster.records import Background, Shot
from remaster.rows import (
    DESCRIBED,
    PLANNED,
    PROBED,
    STITCHED,
    FailedScene,
    FailedVideo,
    FilledScene,
    PassthroughScene,
    PlannedScene,
    Scene,
    StitchedScene,
)
from remaster.set_rows import DescribedBackground, DescribedScene
from remaster.sets.candidates import Signature
from remaster.sets.descriptor import SetDescriptor, describe

DESCRIPTORS = RowTable(SetDescriptor)
MAX_KEPT = 64
"""Scenes whose descriptors a worker holds, 100 kB a background."""


def key_of(scene_id: str, shot: int) -> str:
    """The name of the background of a scene's shot; names sort by video and time."""
    return f"{scene_id}.{shot:03d}"


def place_of(key: str) -> tuple[str, str, int]:
    """(video id, scene id, number of the shot) of a background."""
    scene_id, _, shot = key.rpartition(".")
    return scene_id.rpartition("-")[0], scene_id, int(shot)


def distinct_backgrounds(shots: Sequence[Shot]) -> dict[int, Background]:
    """The backgrounds of a scene's shots by the number of the first shot that has it."""
    found: dict[int, Background] = {}
    for number, shot in enumerate(shots):
        own = shot.background
        if own is not None and not any(same_background(own, other) for other in found.values()):
            found[number] = own
    return found


def same_background(one: Background, other: Background) -> bool:
    """Whether two backgrounds are one: what is read from a file comes as an object of its own for each shot."""
    return one is other or (np.array_equal(one.image, other.image) and np.array_equal(one.holes, other.holes))


def survey_stage(table: pa.Table, job: Job) -> Iterator[pa.Table]:
    """Step 1, as ``detect_stage``, but all scenes of a video leave it: those that are described already as such."""
    cv2.setNumThreads(1)
    for video in PROBED.read(table):
        planned = plan_or_failure(video, job)
        if isinstance(planned, FailedVideo):
            yield PLANNED.write([planned])
            continue
        scenes = planned if video.donor else limited(planned, job)
        rows = [_surveyed(scene, job, video.donor) for scene in scenes]
        yield PLANNED.write([planned_video(scenes, {}), *rows])


def describe_stage(table: pa.Table, job: Job) -> pa.Table:
    """Describe every stitched scene of the table; scenes that have no backgrounds become rows without any."""
    rows = []
    with working(job.store):
        for row in STITCHED.read(table):
            if isinstance(row, StitchedScene | FilledScene):
                rows.append(_describe(row, job))
            elif isinstance(row, FailedScene | PassthroughScene):
                rows.append(_without(row.scene, job))
            else:
                rows.append(row)
    return DESCRIBED.write(rows)


def read_descriptor(store: Store, key: str) -> SetDescriptor:
    """The descriptor of a background; raises ``FileNotFoundError`` where it is gone."""
    found = _descriptors(store, place_of(key)[1])
    if key not in found:
        raise FileNotFoundError(f"the descriptor of {key} is gone from {store.root}")
    return found[key]


@lru_cache(maxsize=MAX_KEPT)
def _descriptors(store: Store, scene_id: str) -> dict[str, SetDescriptor]:
    table = files.read_table(store, store.cached(scene_id.rpartition("-")[0], scene_id, "describe"))
    return {} if table is None else {one.key: one for one in DESCRIPTORS.read(table)}


def _surveyed(scene: Scene, job: Job, donor: bool) -> PassthroughScene | DescribedScene | PlannedScene:
    """A scene as the survey goes on with it: only what is not described yet is worked on.

    A donor's picture has no wings where it is as wide as the target, and may show what others' wings miss.
    """
    if job.window(scene).passthrough and not donor:
        return PassthroughScene(scene)
    key = job.store.cached(scene.video_id, scene.scene_id, "describe")
    found = files.rows_or_none(job.store, key, DESCRIPTORS, _fingerprint(scene, job))
    stitched = job.store.files.size(stitch_key(job.store, scene.video_id, scene.scene_id))
    return PlannedScene(scene) if found is None or stitched is None else _row(scene, found, job)


def _describe(row: StitchedScene | FilledScene, job: Job) -> DescribedScene:
    scene = row.scene
    try:
        with attempt(job.store, scene.video_id, f"{scene.scene_id}-describe"):
            found = [
                describe(key_of(scene.scene_id, number), b.image, b.coverage, b.figures, float(scene.info.sar))
                for number, b in distinct_backgrounds(row.shots).items()
            ]
            key = job.store.cached(scene.video_id, scene.scene_id, "describe")
            files.write_rows(job.store, key, DESCRIPTORS, found, _fingerprint(scene, job))
    except Exception as error:
        raise_if_disk_full(error)
        return _without(scene, job, f"{type(error).__name__}: {error}")
    return _row(scene, found, job)


def _row(scene: Scene, descriptors: list[SetDescriptor], job: Job) -> DescribedScene:
    found = tuple(DescribedBackground(place_of(d.key)[2], d.size, Signature.of(d)) for d in descriptors)
    return DescribedScene(
        scene.video, scene.video_id, scene.scene_id, scene.seconds, job.fingerprints(scene).stitch, found,
        ranges=tuple(scene.ranges), steering=scene.steering,
    )  # fmt: skip


def _without(scene: Scene, job: Job, error: str | None = None) -> DescribedScene:
    """The row of a scene that takes no part in any set."""
    return DescribedScene(
        scene.video, scene.video_id, scene.scene_id, scene.seconds, job.fingerprints(scene).stitch,
        error=error, ranges=tuple(scene.ranges),
    )  # fmt: skip


def _fingerprint(scene: Scene, job: Job) -> str:
    return digest(job.code["describe"], job.fingerprints(scene).stitch)
