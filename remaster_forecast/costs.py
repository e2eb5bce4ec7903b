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

ON_CPU: Mapping[str, LinearCost] = {"lama": LinearCost(27.0, 0.0), "salient": LinearCost(14.0, 0.0)}
"""Seconds of one core of the networks that run without a GPU, for a scene of 480 rows: two tiles of 13.4 s of a LaMa
of full size with random weights, and 14 keyframes of 1.0 s of u2netp.
"""

REREAD = 0.0049
"""Seconds of one core for each million output pixels whose frames are decoded scene by scene.

Measured beside ``detect`` on the same three episodes: 0.45 to 0.59 of its seconds, 0.52 in the mean.
"""


@dataclass(frozen=True)
class LinkCosts:
    """What linking scenes costs besides the steps; no row of a run has it.

    ``describe``: seconds of one core for the backgrounds of a scene. ``proofs`` pairs are compared for each scene, at
    ``proof`` seconds a pair. ``reread``: seconds for each million output pixels whose frames are decoded once more,
    because the worker that encodes a scene is not the one that stitched it. ``descriptor_bytes`` of a scene on disk.
    What is lent and filled within sets is not counted, nor is what it saves: headers name no sets.

    The seconds of descriptors and proofs, and the number of proofs, are the middle of what ``benchmarks.linking``
    measured on the scenes of cartoons: 0.25 to 0.41 s, 21 to 74 ms, 2 to 3 a scene.
    """

    describe: float = 0.33
    proofs: float = 2.5
    proof: float = 0.048
    reread: float = REREAD
    descriptor_bytes: float = 100_000.0


@dataclass(frozen=True)
class Costs:
    """All that a forecast is made from.

    ``steps``: the cost of each step by its name. ``bytes_per_megapixel`` of encoded output. ``row_bytes``: what a scene
    holds in the object store between two steps. ``start`` seconds pass before the first worker starts, ``worker``
    seconds until it has imported what a core's first task needs, ``load`` seconds from the start until a GPU's engine
    is there. ``assemble`` seconds go into a video at its end, ``dispatch`` seconds of the driver's one thread into each
    task. ``link``: what a run costs more that links scenes.
    """

    steps: Mapping[str, LinearCost] = field(default_factory=lambda: dict(EMBEDDED))
    bytes_per_megapixel: float = 24_000.0
    row_bytes: float = 32e6
    start: float = 7.0
    worker: float = 2.0
    assemble: float = 1.0
    dispatch: float = 0.006
    load: float = 30.0
    link: LinkCosts = field(default_factory=LinkCosts)

    def work(self, linked: bool) -> dict[str, LinearCost]:
        """The cost of each kind of task by its name, in the order in which a scene goes through them."""
        if not linked:
            return {stage: self.steps[stage] for stage in STAGES}
        resample = self.steps["resample"]
        return {
            **{stage: self.steps[stage] for stage in STAGES[: STAGES.index("outpaint")]},
            "describe": LinearCost(self.link.describe, 0.0),
            "link": LinearCost(self.link.proofs * self.link.proof, 0.0),
            "outpaint": self.steps["outpaint"],
            "resample": replace(resample, pixels=resample.pixels + self.link.reread),
        }


def fitted(shots: Sequence[Mapping[str, Any]], base: Costs | None = None, linked: bool = False) -> Costs:
    """Costs from rows of ``metadata/scenes``; raises ``ValueError`` where no scene went through all steps.

    Scenes that failed, fell back, or were passed through are left out. ``base`` has what rows do not have. ``linked``:
    the run linked scenes, so that its seconds of ``resample`` have the second decoding in them.
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
    base = base or Costs()
    link = replace(base.link, reread=0.0) if linked else base.link
    return replace(base, steps=steps, link=link, bytes_per_megapixel=sizes / float(across.sum()))


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
