"""The tuned numbers of ``propagation``. Shares are of the upright picture's height unless another size is named."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class FlowTuning:
    """The measured motion and its extension outward (``outward_motion.py``)."""

    height: int = 240
    """Rows at which flow is measured. Finer flow cost four times as much and won nothing on 13 cartoons."""
    finest_level: int = 1
    """Finest level of the flow's pyramid: 1 is half of ``height``. Level 2 cost 0.4 dB of the wings of three cartoons;
    the preset MEDIUM in place of FAST took a quarter more time for 0.05 dB less."""
    bands: int = 32
    """Bands along a join that have a motion of their own."""
    strip: float = 0.05
    """Depth of the strip inside the join on which that motion is measured."""
    min_strip: int = 2
    """Pixels of it, at least."""
    band_sigma: float = 1.0
    """Bands of the Gaussian that smooths it along the join."""
    fade: float = 0.42
    """Distance from the picture at which it has faded to 1/e. Of those tried on nine cartoon windows slow fading was
    nearest to the wings' true flow: 2.35 px off at 0.42, 2.65 at 0.06, 2.9 with an affine motion a side and no
    bands."""
    step: int = 6
    """Every how many rows and columns of the flow enter the affine fit."""
    rounds: int = 6
    """Reweightings of that fit."""
    min_texture: float = 4.0
    """Gradient levels added to a pixel's weight, so that flat areas count a little; half of it in the strips."""
    max_texture: float = 60.0
    """Gradient levels at which a weight stops growing."""
    texture_sigma: float = 2.0
    """Pixels of the Gaussian over those gradients."""
    min_residual: float = 0.15
    """Pixels of residual at ``height`` that count as exact."""
    cutoff: float = 2.0
    """Spreads at which a residual's weight has fallen to a quarter."""


@dataclass(frozen=True)
class GridTuning:
    """The cells beside the picture (``grid.py``)."""

    rows: int = 120
    """Cells along the joins: 4 pixels at 480 rows."""
    margin: float = 0.13
    """Depth of cells outside each wing: generated pictures extend so far."""
    inset: float = 0.004
    """Depth beside the joins that is never a source: coding and scanning spoil the outermost pixels."""
    gate_inset: float = 0.016
    """The same in a picture with a gate, beside which the picture is dark."""
    gate_margin: int = 5
    """Side in pixels of the square by which the gate is widened where it is no source."""
    max_gate: int = 4
    """One part in so many of the width that a gate takes at most."""


@dataclass(frozen=True)
class TracingTuning:
    """The sources of cells (``sources.py``)."""

    max_age: int = 48
    """Frames after which a source is dropped; also the frames that a renderer holds in memory on either side."""
    beside: float = 0.025
    """Depth above and below the picture in which its outermost rows are used."""
    spacing: int = 4
    """Cells from one traced place to the next; motion varies slowly, and the cells between are interpolated."""
    expiry: float = 5.0
    """Frames around the end of a source's life over which trust falls from 1 to 0: nothing switches."""


@dataclass(frozen=True)
class AgeTuning:
    """How long sources stay valid (``age.py``)."""

    height: int = 60
    """Rows of the pictures that are compared."""
    sigma: float = 0.7
    """Pixels of the Gaussian under them."""
    max_life: int = 72
    """Frames over which a picture is carried; no source is trusted longer."""
    every: int = 4
    """One picture in so many is carried."""
    bands: int = 4
    """Bands along a join that age separately."""
    strip: float = 0.13
    """Depth of the strips that are compared."""
    min_strip: int = 2
    """Pixels of it, at least."""
    margin: float = 2.0
    """Levels by which a carried strip must be worse than the mirrored picture to be stale."""
    mirrored_frames: int = 9
    """Frames over which the error of mirroring is averaged."""
    min_pixels: int = 8
    """Pixels of a band that must be known to judge it."""
    near: int = 5
    """Frames of which the shortest life counts."""
    life_sigma: float = 3.0
    """Frames of the Gaussian that smooths lives in time."""


@dataclass(frozen=True)
class SegmentTuning:
    """Segments and their key frames (``shot_plan.py``, ``key_pictures.py``)."""

    min_frames: int = 8
    """Frames of a segment."""
    stale: float = 0.4
    """Share of the bands whose sources from before the segment's start must have expired for a new one to begin."""
    delay: int = 2
    """Frames after which an expired source counts: a life is known to within that."""
    at_rest: float = 0.02
    """Share of the picture's smaller side by which corners stay near their place at the key frame under a resting
    camera."""
    copied: float = 0.08
    """Depth, as a share of the width, of the strips inside the joins that may be copied: in a morph masks know no
    figures, and those are mostly in the middle. At 0.2 hands and caps were copied, and two morphs were 0.8 and 1.2 dB
    farther from the truth at 1/8 size."""
    max_figures: float = 0.5
    """Share of those strips from which on masks do not cover figures: the set itself moves or changes."""
    known: float = 0.5
    """Trust from which on a propagated cell is known to what is generated beside it."""


@dataclass(frozen=True)
class PropagationTuning:
    """All of it."""

    flow: FlowTuning = FlowTuning()
    grid: GridTuning = GridTuning()
    tracing: TracingTuning = TracingTuning()
    age: AgeTuning = AgeTuning()
    segments: SegmentTuning = SegmentTuning()


TUNING: Final = PropagationTuning()
