"""What each step costs in seconds, linear in the output pixels: as measured here, or fitted to a finished run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from scipy.optimize import nnls

from remaster.tables import STAGES


@dataclass(frozen=True)
class LinearCost:
    """Seconds of one step for a scene: ``scene`` for each, and ``pixels`` for each million of output pixels."""

    scene: float
    pixels: float

    def seconds(self, megapixels: float) -> float:
        """For a scene whose frames have so many million output pixels together."""
        return self.scene + self.pixels * megapixels


EMBEDDED: Mapping[str, LinearCost] = {
    "detect": LinearCost(0.0, 0.0094),
    "analyze": LinearCost(0.0, 0.028),
    "segment": LinearCost(0.29, 0.0),
    "stitch": LinearCost(1.3, 0.0),
    "outpaint": LinearCost(1.6, 0.0),
    "resample": LinearCost(0.0, 0.048),
}
"""Seconds of one core with the embedded engines, measured over the sample series' three episodes at 480 rows.

See benchmarks/results/throughput.md. Steps that work on every frame cost by pixels, those on keyframes by scene.
"""


@dataclass(frozen=True)
class Costs:
    """All that a forecast is made from.

    ``steps``: the cost of each step by its name. ``bytes_per_megapixel`` of encoded output. ``row_bytes``: what a scene
    holds in the object store between two steps. ``start`` seconds pass before the first worker starts, ``worker``
    seconds until it has imported what a core's first task needs, ``load`` seconds from the start until a GPU's engine
    is there. ``assemble`` seconds
    go into a video at its end, ``dispatch`` seconds of the driver's one thread into each task.
    """

    steps: Mapping[str, LinearCost] = field(default_factory=lambda: dict(EMBEDDED))
    bytes_per_megapixel: float = 24_000.0
    row_bytes: float = 32e6
    start: float = 7.0
    worker: float = 2.0
    assemble: float = 1.0
    dispatch: float = 0.006
    load: float = 30.0


def fitted(shots: Sequence[Mapping[str, Any]], base: Costs | None = None) -> Costs:
    """Costs from rows of ``metadata/scenes``; raises ``ValueError`` where no scene went through all steps.

    Scenes that failed, fell back, or were passed through are left out. ``base`` has what rows do not have.
    """
    scenes = {s["scene_id"]: s for s in shots if s["status"] == "ok" and s["seconds_outpaint"] is not None}
    if not scenes:
        raise ValueError("no scene there went through all steps")
    pixels = dict.fromkeys(scenes, 0.0)
    sizes = 0.0
    for shot in shots:
        if shot["scene_id"] in pixels:
            pixels[shot["scene_id"]] += megapixels(shot)
            sizes += shot["segment_bytes"] or 0
    across = np.array([pixels[name] for name in scenes])
    steps = {}
    for stage in STAGES:
        seconds = np.array([scene[f"seconds_{stage}"] or 0.0 for scene in scenes.values()])
        steps[stage] = _linear_cost(across, seconds)
    return replace(base or Costs(), steps=steps, bytes_per_megapixel=sizes / float(across.sum()))


def megapixels(shot: Mapping[str, Any]) -> float:
    """Million output pixels of a row of ``metadata/scenes``."""
    return float((shot["end_frame"] - shot["start_frame"]) * shot["out_width"] * shot["out_height"]) / 1e6


def _linear_cost(across: np.ndarray[Any, Any], seconds: np.ndarray[Any, Any]) -> LinearCost:
    """Least squares with no negative cost (Lawson and Hanson's NNLS); the sum is kept."""
    if len(across) < 3 or np.ptp(across) < 0.1 * across.max():
        return LinearCost(0.0, float(seconds.sum() / across.sum()))
    (scene, pixel), _ = nnls(np.column_stack([np.ones_like(across), across]), seconds)
    total = float(scene * len(across) + pixel * across.sum())
    keep = float(seconds.sum()) / total if total else 0.0
    return LinearCost(float(scene) * keep, float(pixel) * keep)
