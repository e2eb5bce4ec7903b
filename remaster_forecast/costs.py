"""What the steps cost: a straight line each, fitted to the seconds that a finished run wrote down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from scipy.optimize import nnls

from remaster.tables import STAGES


@dataclass(frozen=True)
class Line:
    """Seconds of one step for a scene: ``scene`` for each, and ``pixels`` for each million of output pixels."""

    scene: float
    pixels: float

    def seconds(self, megapixels: float) -> float:
        """For a scene whose frames have so many million output pixels together."""
        return self.scene + self.pixels * megapixels


# Seconds of one core with the embedded engines, over the three episodes of the sample series at 480 lines
# (benchmarks/results/throughput.md): steps that work on every frame are told by pixels, those on keyframes by scene.
EMBEDDED: Mapping[str, Line] = {
    "detect": Line(0.0, 0.0094),
    "analyze": Line(0.0, 0.028),
    "segment": Line(0.29, 0.0),
    "stitch": Line(1.3, 0.0),
    "outpaint": Line(1.6, 0.0),
    "resample": Line(0.0, 0.048),
}


@dataclass(frozen=True)
class Costs:
    """All that a forecast is made from.

    ``lines`` by step. ``bytes_a_megapixel`` of encoded output. ``row_bytes``: what a scene holds in the object store
    between two steps. ``start`` seconds pass before the first worker starts, ``worker`` seconds until it has imported
    what a core's first task needs, ``load`` seconds from the start until a GPU's engine is there. ``assemble`` seconds
    go into a video at its end, ``dispatch`` seconds of the driver's one thread into each task.
    """

    lines: Mapping[str, Line] = field(default_factory=lambda: dict(EMBEDDED))
    bytes_a_megapixel: float = 24_000.0
    row_bytes: float = 32e6
    start: float = 7.0
    worker: float = 2.0
    assemble: float = 1.0
    dispatch: float = 0.006
    load: float = 30.0


def fitted(shots: Sequence[Mapping[str, Any]], base: Costs | None = None) -> Costs:
    """Costs from rows of ``metadata/scenes``; raises ``ValueError`` where no scene went through all steps.

    Scenes that failed, fell back, or were passed through tell nothing. ``base`` has what rows do not tell.
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
    lines = {}
    for stage in STAGES:
        seconds = np.array([scene[f"seconds_{stage}"] or 0.0 for scene in scenes.values()])
        lines[stage] = _line(across, seconds)
    return replace(base or Costs(), lines=lines, bytes_a_megapixel=sizes / float(across.sum()))


def megapixels(shot: Mapping[str, Any]) -> float:
    """Million output pixels of a row of ``metadata/scenes``."""
    return float((shot["end_frame"] - shot["start_frame"]) * shot["out_width"] * shot["out_height"]) / 1e6


def _line(across: np.ndarray[Any, Any], seconds: np.ndarray[Any, Any]) -> Line:
    """Least squares with no negative cost (Lawson and Hanson's NNLS); the sum is kept."""
    if len(across) < 3 or np.ptp(across) < 0.1 * across.max():
        return Line(0.0, float(seconds.sum() / across.sum()))
    (scene, pixel), _ = nnls(np.column_stack([np.ones_like(across), across]), seconds)
    total = float(scene * len(across) + pixel * across.sum())
    keep = float(seconds.sum()) / total if total else 0.0
    return Line(float(scene) * keep, float(pixel) * keep)
