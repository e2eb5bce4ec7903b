"""What a run may choose about the embedded engine, and the tuned numbers of ``outpaint``, by subject.

"Low-level pixels" are those of the reduced picture in which the embedded engine chooses labels. "Feature units" are
grey levels of a picture of ordinary contrast, weighted as in ``features``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class ExemplarSettings:
    """What the embedded engine weighs. Costs are for one hole pixel of the low level, in feature units.

    Sizes: the low level has about ``nodes`` hole pixels. Holes within ``max_hole_gap`` pixels of each other are solved
    together; holes deeper than ``max_strip_depth`` of the known picture's shorter side are filled strip by strip.

    Candidates: ``dominant_offsets`` shifts at which the picture repeats itself; at each of ``join_samples`` points of
    the join, ``matches`` that continue it, usable within ``match_radius`` (a share of the picture's longer side) of
    that point. No shift is shorter than ``min_shift`` (such a share). At most ``max_labels`` candidates enter the graph
    cut, each of which must lower the total cost by ``label_cost``.

    Costs: ``seam_cost`` of a border between two labels; ``join_cost`` per unit of disagreement with the picture at the
    join; ``distinctness_cost`` of copying what is one of a kind; ``mirror_cost`` of mirroring; ``drift_cost`` of a
    shift along the join by the longer side; ``depth_cost`` of copying from far inside where holes are above or below
    (a set shows other things at other heights); ``color_cost`` of colors unlike those of the join nearby;
    ``texture_cost`` of much more texture than there (lettering).

    Last, labels are moved ``alignments`` times to fit the join, and a difference in tone at the join fades within
    ``blend_radius``, a share of the picture's shorter side.
    """

    nodes: int = 1400
    dominant_offsets: int = 40
    join_samples: int = 30
    matches: int = 3
    match_radius: float = 0.25
    min_shift: float = 0.07
    seam_cost: float = 1.0
    join_cost: float = 4.0
    distinctness_cost: float = 0.25
    mirror_cost: float = 1.0
    drift_cost: float = 100.0
    depth_cost: float = 200.0
    color_cost: float = 0.06
    texture_cost: float = 2.0
    max_labels: int = 24
    label_cost: float = 20.0
    alignments: int = 1
    blend_radius: float = 0.3
    max_strip_depth: float = 0.8
    max_hole_gap: int = 24


@dataclass(frozen=True)
class FillScaleTuning:
    """The size at which holes are filled (``filling.py``)."""

    min_ratio: float = 1.2
    """Canvas pixels per frame pixel, along a side, from which on the fill is reduced: less is not worth it."""
    finer_share: float = 0.2
    """Share of the picture beside the holes that may be finer than the fill."""
    coarse: int = 8
    """Factor by which the canvas is reduced on which the views of frames are drawn."""
    ring: int = 5
    """Side in pixels of that canvas of the square by which holes are widened to find what lies beside them."""


@dataclass(frozen=True)
class TileTuning:
    """Tiles for networks (``tiled_fill.py``). Shares are of the tile's side unless said otherwise."""

    step: int = 8
    """Pixels of the grid on which tiles are placed: a latent pixel of Stable Diffusion."""
    band: float = 1 / 16
    """Width of the cross-fade."""
    cell: float = 3 / 4
    """Longest side of a cell; the rest is context. A hole that fits into a tile as a whole may be longer, if its other
    side leaves that context."""
    sparse: float = 0.4
    """A cell may be as large as the tile where holes cover at most this share of the tile's area: a ring around the
    picture is thin."""
    known_worth: int = 5
    """Worth of a known pixel as context, where a generated one has 1."""
    min_context: float = 0.5
    """Share of the best tile's context under which a tile waits for a later round."""


@dataclass(frozen=True)
class ColorMatchTuning:
    """Colors of generated tiles (``tiled_fill.py``)."""

    min_pixels: int = 64
    """Known pixels from which a color can be measured."""
    gain: tuple[float, float] = (0.8, 1.25)
    """Bounds of a gain: more would change the picture that the network made."""
    min_variance: float = 4.0
    """Variance in squared levels from which a gain can be measured."""
    sigma: float = 1 / 16
    """Gaussian that carries a local difference from the known pixels into the generated, as a share of the tile's
    side."""
    fade: float = 2.0
    """Times that sigma: the Gaussian by which the correction fades with the distance from the known pixels."""


@dataclass(frozen=True)
class HoleTuning:
    """Groups and strips of holes (``exemplar/exemplar_inpainter.py``)."""

    max_groups: int = 8
    """Groups of holes that are solved one by one."""
    ring_area: float = 0.6
    """Holes that fill less than this share of their bounding box lie around the picture, or part of it."""
    closing: float = 1 / 3
    """Depth to which a figure cut by a hole is continued, as a share of the cut's length: a head closes and does not
    come twice."""
    context_thin: int = 3
    """Context around a group, in thicknesses of its bounding box."""
    context_long: float = 1.5
    """The same in lengths of it, if that is more, ..."""
    max_context_thin: int = 8
    """... but at most so many thicknesses."""
    min_context: int = 96
    """Pixels of context, at least."""
    min_strip: int = 16
    """Pixels of depth of a strip, at least."""
    max_strips: int = 4
    """Strips into which deep holes are cut."""


@dataclass(frozen=True)
class FeatureTuning:
    """Features that are compared, and guesses for holes (``exemplar/pyramid_level.py``)."""

    color: float = 0.8
    """Weight of color, its three channels together."""
    gradient: float = 3.0
    """Weight of each of the luma's gradients."""
    deviation: float = 40.0
    """Mean deviation from the mean color, in grey levels, of a picture of ordinary contrast."""
    gain: tuple[float, float] = (0.7, 4.0)
    """Bounds of the gain that brings a picture to that contrast."""
    spread: float = 0.6
    """Sigma of the blur that predicts a hole's colors, as a share of the distance from the visible pixels."""
    membrane_radius: float = 1e3
    """Pixels at which the membrane over holes would fade: farther than any hole is deep, so it does not."""


@dataclass(frozen=True)
class CandidateTuning:
    """Candidate labels (``exemplar/candidates.py``)."""

    patch: int = 7
    """Side in low-level pixels of the patches whose nearest neighbors are searched."""
    queries: int = 2500
    """Patches that are searched for."""
    neighbors: int = 24
    """Nearest neighbors of each, of which the nearest one far enough away votes for its offset."""
    search_error: float = 0.3
    """Relative error that the search may make."""
    peak_sigma: float = 1.4
    """Low-level pixels of the Gaussian over the histogram of offsets."""
    peak_window: int = 7
    """Side in low-level pixels of the square in which a peak is the highest."""
    axis_quantiles: tuple[float, ...] = (0.15, 0.5, 0.85)
    """Quantiles of the join's positions at which it is mirrored."""
    min_mirrored: int = 8
    """Pixels of a side of the join that is mirrored."""
    template_radius: int = 5
    """Half the side, in low-level pixels, of the patch that is searched for a point of the join."""
    short_run: float = 10.0
    """Grey levels added to a match that cannot serve any of the hole outward; in proportion where it serves a part."""
    min_run: float = 0.25
    """Share of the hole outward that a match must serve."""
    max_shift: float = 0.8
    """Longest straight shift, as a share of the picture's side."""
    sideways_shifts: int = 6
    """Straight shifts tried each way where holes lie beside the picture."""
    upright_shifts: int = 16
    """The same where they lie above and below."""
    min_piece: int = 12
    """Pixels of the join's pieces that are aligned, at least; otherwise three search radii."""
    forbidden_step: float = 100.0
    """Feature units that a pixel counts where an aligned label cannot be copied."""
    min_improvement: float = 0.1
    """Share by which an aligned label must fit better to be added."""


@dataclass(frozen=True)
class LabelCostTuning:
    """Costs of labels (``exemplar/label_costs.py``)."""

    flat: float = 1000.0
    """Cost of a pixel that shows the smooth guess: more than any copy."""
    unseen: float = 4.0
    """Added to the disagreement where a label can be compared with the context only from the hole beside it."""
    max_distinct: float = 20.0
    """Grey levels: a source pixel that is more distinct costs no more."""
    color_difference: tuple[float, float] = (20.0, 80.0)
    """Color differences up to the first cost nothing; from the second on they cost no more."""
    texture: float = 12.0
    """Texture (weighted gradient) of ordinary strength, which hides a disagreement to an ordinary degree."""
    texture_gain: tuple[float, float] = (0.5, 3.0)
    """Bounds of the factor by which less or more texture changes the gradients' share of a disagreement."""
    mirrored_texture: float = 2.0
    """Times the price of mirroring that is added where the mirrored picture has ordinary texture."""
    mirrored_slant: float = 4.0
    """Price at the join of mirroring a line that crosses it at a slant, for each feature unit of its gradient."""
    window: int = 13
    """Side in low-level pixels of the square over which texture and color are judged."""
    texture_ratio: float = 1.0
    """Times the texture at the join nearby that a source may have ..."""
    texture_margin: float = 6.0
    """... plus so much, before it counts as an object of its own."""
    max_texture_excess: float = 100.0
    """Excess of texture from which on a source pixel costs no more."""
    join_fade: float = 4.0
    """Low-level pixels after which a disagreement at the join counts 1/e."""
    max_drift: float = 0.4
    """Share of the longer side at which drift and depth cost the most."""
    edge: int = 2
    """Depth in low-level pixels of the context by which the join's texture is judged."""
    forbidden_step: float = 100.0
    """Feature units that a mirrored label counts at the join where it cannot be copied."""
    shallow: float = 0.1
    """Distance from the holes, as a share of the longer side, from which on a source above or below lies deep."""
    band: int = 4
    """Depth in low-level pixels of the context beside a hole that is compared."""


@dataclass(frozen=True)
class GraphCutTuning:
    """Minimum cuts (``exemplar/graphcut.py``)."""

    units: float = 16.0
    """Costs are rounded to 1 / this: SciPy's flow takes integers."""


@dataclass(frozen=True)
class WarpTuning:
    """The warp of mirrored copies (``exemplar/blending.py``)."""

    min_rows: int = 16
    """Rows (or columns) of a side of the join that is warped."""
    radius: float = 1 / 12
    """Distance from the join within which a line turns back, as a share of the picture's shorter side."""
    max_slope: float = 1.0
    """Steepest slope to the join's normal that is continued: steeper lines would fold the copy."""
    min_energy: float = 4.0
    """Squared gradient across a line, in feature units, at which half its slope counts."""


@dataclass(frozen=True)
class PoissonTuning:
    """The solver of the gradient domain (``exemplar/poisson.py``)."""

    relative_residual: float = 1e-2
    """Residual that may be left, as a share of the right-hand side's norm, ..."""
    absolute_residual: float = 1e-3
    """... or in grey levels."""
    max_iterations: int = 60
    """Iterations of conjugate gradients."""
    blocks: int = 2000
    """About how many blocks the coarse grid has."""


@dataclass(frozen=True)
class BlendTuning:
    """Blending of copies (``exemplar/blending.py``)."""

    max_step: float = 40.0
    """Grey levels: a larger step at the join is an object's edge, not a difference in tone."""
    step_sigma: float = 1.0
    """Pixels of the Gaussian that smooths steps along the join, so that texture does not run on as stripes."""
    min_warp: float = 0.05
    """Pixels of warp below which a copy is not interpolated."""
    min_coverage: float = 0.5
    """Bilinear weight of pixels that may be copied, above which an interpolated color counts."""
    tone_share: float = 0.6
    """Share that copies keep of the difference between their large tones and the expected ones. A copy rarely shows
    what was there: on 14 sets with known sides (cartoons, cel film, rendered film) this wins 0.4 dB at 1/8 size over
    whole copies, and is hardly visible. Judged blind, three times, everything that takes more (a smaller share, smaller
    tones, fading outwards: up to 1.7 dB) loses to whole copies on nearly every set: it looks like haze."""
    tone_sigma: float = 1 / 12
    """Sigma from which tones are large, as a share of the picture's shorter side."""
    tone_ramp: float = 0.06
    """Distance from the join over which that shrinkage rises from none, as such a share."""


@dataclass(frozen=True)
class OutpaintTuning:
    """All of it."""

    fill_scale: FillScaleTuning = FillScaleTuning()
    tiles: TileTuning = TileTuning()
    colors: ColorMatchTuning = ColorMatchTuning()
    holes: HoleTuning = HoleTuning()
    features: FeatureTuning = FeatureTuning()
    candidates: CandidateTuning = CandidateTuning()
    costs: LabelCostTuning = LabelCostTuning()
    graph_cut: GraphCutTuning = GraphCutTuning()
    warp: WarpTuning = WarpTuning()
    poisson: PoissonTuning = PoissonTuning()
    blend: BlendTuning = BlendTuning()


TUNING: Final = OutpaintTuning()
