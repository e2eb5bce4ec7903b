"""The step itself: the holes of a scene's backgrounds, filled by an engine, each background once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from remaster.imaging.geometry import Window
from remaster.outpaint import Filled, FillTask, Inpainter
from remaster.outpaint.fill_scale import LEAST, enlarged, reduced, seen_scale
from remaster.records import Background, Shot


@dataclass(frozen=True)
class Outpainted:
    """The shots with their backgrounds' holes filled; ``holes`` still says which pixels were generated.

    ``hole_pixels`` were to be filled in all of the backgrounds; ``generated_pixels`` were, counted at the size at which
    they were generated. ``calls`` counts the crops given to the engine.
    """

    shots: tuple[Shot, ...]
    hole_pixels: int
    generated_pixels: int
    calls: int


@dataclass(frozen=True)
class Work:
    """A background to fill: the ``task`` at its full size, and as it is ``given`` to an engine, perhaps smaller."""

    background: Background
    task: FillTask
    given: FillTask


def outpaint(shots: Sequence[Shot], seed: int, window: Window, inpainter: Inpainter) -> Outpainted:
    """The holes of one scene; see ``outpaint_scenes``."""
    return outpaint_scenes([shots], [seed], [window], inpainter)[0]


def outpaint_scenes(
    scenes: Sequence[Sequence[Shot]], seeds: Sequence[int], windows: Sequence[Window], inpainter: Inpainter
) -> list[Outpainted]:
    """Fill the holes of each shot's background, those of all scenes in one call of the engine.

    ``windows`` are what the scenes' frames show. Shots without a background, or without holes, stay as they are. The
    covered pixels never change, nor do those that are neither covered nor holes. Shots that share one background have
    it filled once. A scene's result depends on its own seed alone. Raises ``ValueError`` where an engine returns
    another size or changes pixels outside holes.
    """
    works = [fill_work(*scene) for scene in zip(scenes, seeds, windows, strict=True)]
    tasks = [work.given for scene in works for work in scene]
    results = iter(inpainter.fill(tasks) if tasks else [])
    return [
        _with_filled(shots, scene, [next(results) for _ in scene]) for shots, scene in zip(scenes, works, strict=True)
    ]


def fill_work(shots: Sequence[Shot], seed: int, window: Window) -> list[Work]:
    """What is to be filled for one scene: its distinct backgrounds that have holes."""
    distinct = {id(b): b for shot in shots for b in shot.pictures if b.holes.any()}
    works = []
    for i, b in enumerate(distinct.values()):
        task = FillTask(b.image, b.holes, b.coverage, seed + i, b.figures)
        seen_by = [shot for shot in shots if shot.background is b]
        scale = seen_scale(seen_by, b, window) if seen_by else 1.0
        works.append(Work(b, task, task if scale < LEAST else reduced(task, scale)))
    return works


def _with_filled(shots: Sequence[Shot], works: Sequence[Work], results: Sequence[Filled]) -> Outpainted:
    """The shots with what the engine made of their backgrounds."""
    filled = {}
    for work, result in zip(works, results, strict=True):
        given, b = work.given, work.background
        if result.image.shape != given.image.shape or (result.image != given.image)[~given.holes].any():
            raise ValueError("the inpainter changed pixels outside the holes")
        whole = result.image if given is work.task else enlarged(result.image, work.task)
        filled[id(b)] = replace(b, image=whole)
    return Outpainted(
        shots=tuple(shot.repainted(lambda b: filled.get(id(b), b)) for shot in shots),
        hole_pixels=sum(int(work.task.holes.sum()) for work in works),
        generated_pixels=sum(int(work.given.holes.sum()) for work in works),
        calls=sum(result.calls for result in results),
    )
