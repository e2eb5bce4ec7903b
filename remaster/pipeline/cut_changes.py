"""A person's changes of cuts, applied to the scenes of a plan; it and all other scenes stay as they are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from remaster.media.types import Entry
from remaster.pipeline.inputs import scene_id
from remaster.rows import Run, Scene
from remaster.steering.overrides import CutChange


def with_cuts(planned: Sequence[Scene], changes: Iterable[CutChange]) -> tuple[list[Scene], list[str]]:
    """(the scenes of a video with its cuts changed, in the order of time; one line for each change that fits no more).

    What follows an added cut becomes a scene of its own. Across a removed one, the frames after it go on with the scene
    before it; other runs of the scene that they were of stay a scene.
    """
    scenes, lines = list(planned), []
    for change in changes:
        changed = _split(scenes, change.frame) if change.add else _joined(scenes, change.frame)
        if isinstance(changed, str):
            lines.append(f"{change}: {changed}")
        else:
            scenes = changed
    return sorted(scenes, key=lambda scene: scene.start_frame), lines


def _split(scenes: Sequence[Scene], frame: int) -> list[Scene] | str:
    """The scenes with a cut before a frame, or why it cannot be."""
    for number, scene in enumerate(scenes):
        for at, run in enumerate(scene.runs):
            if run.start_frame == frame:
                return "there is a cut before this frame already"
            if run.start_frame < frame < run.end_frame:
                first, second = _parts(run, frame - run.start_frame)
                rest = (*scene.runs[:at], first, *scene.runs[at + 1 :])
                return [*scenes[:number], _of(scene, rest), *scenes[number + 1 :], _of(scene, (second,))]
    return "the video ends before this frame"


def _joined(scenes: Sequence[Scene], frame: int) -> list[Scene] | str:
    """The scenes without the cut before a frame, or why it stays."""
    before = next(((s, run) for s in scenes for run in s.runs if run.end_frame == frame), None)
    after = next(((s, run) for s in scenes for run in s.runs if run.start_frame == frame), None)
    if before is None or after is None:
        return "there is no cut before this frame"
    if before[0].info != after[0].info or before[0].active != after[0].active:
        return "the picture has another form from this frame on"
    joined = Run(before[1].start_frame, np.concatenate([before[1].pts[:-1], after[1].pts]), before[1].entry)
    found = []
    for scene in scenes:
        runs = [joined if run is before[1] else run for run in scene.runs if run is not after[1]]
        if runs:
            same = all(one is other for one, other in zip(runs, scene.runs, strict=False))
            found.append(scene if same and len(runs) == len(scene.runs) else _of(scene, tuple(runs)))
    return found


def _parts(run: Run, count: int) -> tuple[Run, Run]:
    """A run's first ``count`` frames and the others."""
    entry = None if run.entry is None else Entry(run.entry.pts, run.entry.skip + count)
    return Run(run.start_frame, run.pts[: count + 1], run.entry), Run(run.start_frame + count, run.pts[count:], entry)


def _of(scene: Scene, runs: tuple[Run, ...]) -> Scene:
    """The scene with other runs."""
    return replace(scene, runs=runs, scene_id=scene_id(scene.video_id, runs[0].start_frame))
