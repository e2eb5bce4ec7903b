"""The books balanced: whatever ended the graph, every planned scene of a video has its rows afterwards."""

from __future__ import annotations

from dataclasses import replace

from remaster.pipeline import store as files
from remaster.pipeline.delivery import deliver_nothing
from remaster.pipeline.job import Job
from remaster.pipeline.video_plan import kept_plan, limited
from remaster.rows import SceneRow


def reconcile(video: SceneRow, reason: str, job: Job) -> set[str]:
    """Write ``failed`` rows for the planned scenes of ``video`` that have none; returns the ids of all that have rows.

    ``video`` is the video's probed row. Without a plan there is nothing to balance.
    """
    there = files.read_shots(job.store, video.video_id)
    for scene in limited(kept_plan(video, job), job):
        if scene.scene_id and scene.scene_id not in there:
            lost = replace(scene, error_stage="run", error=reason)
            there[scene.scene_id] = deliver_nothing(lost, job)
    return set(there)
