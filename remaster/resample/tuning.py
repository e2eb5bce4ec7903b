"""What a run may choose about ``resample``, and its tuned numbers. Levels are of 8 bits.

"Proxy pixels" are those of the small frames on which figures are tracked. Shares "of the join" are of its length.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Grain(StrEnum):
    """Whether wings get grain like the source's."""

    match = "match"
    none = "none"


@dataclass(frozen=True)
class ResampleSettings:
    """Settings of the step.

    ``grain``: ``match`` gives the wings the source's measured grain, ``none`` leaves them clean. ``feather``: pixels
    within the gate over which the fill fades in, 0 for a hard edge. ``soft_memory``: the share (0-1) of the soft fill
    that stays from one frame to the next while the picture rests. ``framing_penalty``: with ``target.framing=auto``,
    how much smaller (as a share of the join) the cuts through characters must be before the picture leaves the centre;
    ``framing_invention``: the cost of a wing that no frame shows, where a join that cuts characters along its whole
    length costs 1.
    """

    grain: Grain = Grain.match
    feather: int = 1
    soft_memory: float = 0.95
    framing_penalty: float = 0.1
    framing_invention: float = 0.5


@dataclass(frozen=True)
class LayoutTuning:
    """The strips of known picture beside the joins (``layout.py``, ``join_correction.py``)."""

    strip_width: float = 1 / 40
    """Width of a strip, as a share of the join."""
    strip_pixels: tuple[int, int] = (8, 32)
    """Bounds of that width in pixels."""
    bins_along: int = 120
    """Bins along a join, at most."""
    bins_across: int = 3
    """Bins across a strip, at most."""
    bin_pixels: int = 4
    """Side of a bin in pixels, at least."""
    known_bin: float = 0.999
    """Share of a bin's pixels that must not be gate for the bin to count."""


@dataclass(frozen=True)
class PlainTuning:
    """Wings of the enlarged blurred picture (``plain_wings.py``). The numbers are usual ones; nothing measured them."""

    samples: int = 48
    """Samples of the shorter side of the small picture that is blurred and enlarged."""
    sigma: float = 2.0
    """Standard deviation of the blur, in these samples."""


@dataclass(frozen=True)
class FramingTuning:
    """Where the picture sits in the window (``framing.py``)."""

    edge: float = 1 / 64
    """Share of the picture's side next to an edge in which a mask touches that edge: masks end a little short."""


@dataclass(frozen=True)
class OriginTuning:
    """Where the wings' pixels come from (``origins.py``)."""

    samples: int = 64
    """Points along each side of a wing at which coverage is sampled, at most."""


@dataclass(frozen=True)
class BackgroundTuning:
    """Wings from the background (``background_wings.py``)."""

    pyramid_levels: int = 4
    """Sizes of a background, each half the one before."""
    min_pyramid_side: int = 16
    """Samples of the shorter side under which a level is not halved again."""
    full_size: float = 0.15
    """Pyramid level (binary logarithm of the shrinkage) up to which the background is sampled at its full size."""
    min_mix: float = 0.05
    """Share of the smaller pyramid level under which it is not mixed in."""
    margin: int = 4
    """Samples outside what a camera sees that interpolation may read."""
    same_camera: float = 0.01
    """Corner shift in pixels under which nothing is drawn again."""
    whole_samples: float = 1e-6
    """What a camera may be off whole samples and still copies instead of interpolating."""
    dither_radii: tuple[int, ...] = (3, 8, 24, 64)
    """Samples around a sample over which 8-bit steps are smoothed: the largest window with nothing but a gradient."""
    gradient_variance: float = 0.5
    """Variance in squared levels that a gradient's 8-bit steps leave in a window: more is grain or drawing."""


@dataclass(frozen=True)
class ExactTuning:
    """Wings from the same frames of another recording (``exact_wings.py``)."""

    same_scale: float = 1.05
    """How many of the donor's pixels a pixel may be wide before the donor's frame is shrunk, over areas."""


@dataclass(frozen=True)
class PropagatedTuning:
    """Wings propagated from frames near in time (``propagated_wings.py``)."""

    chunk_frames: int = 16
    """Frames whose sources are found at once, which is faster than one by one."""
    crossfade_frames: int = 10
    """Frames over which the pictures of two segments are mixed."""


@dataclass(frozen=True)
class SoftFillTuning:
    """The soft fill (``soft_fill.py``)."""

    decay: float = 0.25
    """A wave of w radians a pixel keeps exp(-decay w d) at d pixels from the border. PSNR at 1/8 size over nine clips
    of film: 0.2 17.3 dB, 0.3 17.4, 0.44 17.5, 0.9 17.4 (Telea 16.5); frames 0.5 dB under Telea or replicate: 1.4 %,
    4 %, 17 %, 28 %."""
    waves: int = 120
    """Waves along a join: down to 8 pixels at 480 rows. Finer ones are the seam's."""
    border_depth: float = 1 / 120
    """How much of the picture is averaged for the border's colours, as a share of the join; 4 pixels at 480 rows."""
    passing_distance: float = 1 / 30
    """Share of the join's length after which what is new at the border has fallen to 1/e."""
    samples: tuple[int, int] = (40, 30)
    """Columns and rows at which frames are compared to separate light, motion and cuts."""
    unchanged: float = 0.5
    """Mean difference in levels up to which nothing changed."""
    moved: float = 10.0
    """Levels off the changed light at which a sample shows motion."""


@dataclass(frozen=True)
class GainTuning:
    """Gain compensation (``gain_compensation.py``)."""

    max_iterations: int = 4
    """Reweightings of a tone."""
    converged: float = 0.02
    """Levels of change that end them."""
    annealing: tuple[float, ...] = (60.0, 30.0, 15.0)
    """Residuals in levels at which bins lose weight, one after the other: graduated non-convexity."""
    sufficient_support: float = 0.6
    """Share of the bins that must agree with a tone that continues the last one, to accept it at once."""
    min_support: float = 0.1
    """Share of the bins under which only the change of the strips themselves is used."""
    free_weight: float = 0.6
    """What a bin that agrees with a free tone counts beside one that agrees with a continued tone."""
    same_strips: float = 0.5
    """Mean change of the strips in levels under which the last tone still holds."""
    offset_ridge: float = 0.003
    """Regularization of the offset towards the last one: flat strips determine no gain."""
    gain_ridge: float = 1.0
    """The same of the gain, in squared levels a bin."""
    chroma_ridge: float = 30.0
    """Regularization of chroma's gain towards luma's, in squared levels a bin."""
    max_gain: float = 4.0
    """Larger gains amplify steps and grain."""
    white: float = 219.0
    """Levels from black to white."""
    unlikely: float = 12.0
    """Levels of tint, or of change by refinement, at which a tone is unlikely."""


@dataclass(frozen=True)
class JoinTuning:
    """Corrections of the wings at the joins (``join_correction.py``)."""

    foreground: float = 10.0
    """Levels off the prediction, besides the grain, at which a bin loses weight."""
    grain_sigmas: float = 2.0
    """Standard deviations of the grain that are added to that, and taken off a cut figure's difference."""
    dead_zone: float = 0.4
    """Levels by which a correction may change while the picture rests before it is applied."""
    settling: float = 0.7
    """Levels of change of tone of which half is applied at once; smaller changes are mostly noise."""
    cut_levels: tuple[float, float] = (16.0, 30.0)
    """Levels off the background, besides the grain, between which a bin becomes a figure's."""
    min_cut: float = 1 / 24
    """Share of the join that a figure takes up at least; less is texture that is a little off."""


@dataclass(frozen=True)
class SeamTuning:
    """The last step at the join (``seam.py``). Pixels are those of a picture of ``height`` rows."""

    height: int = 480
    """Rows of the picture for which the lengths are meant; in larger ones they grow with it."""
    smoothing_sigma: float = 3.0
    """Pixels along the join: splits differences into coarse and fine ones."""
    fine_distance: float = 1.5
    """Pixels from the join after which fine differences have fallen to 1/e."""
    coarse_distance: float = 6.0
    """The same of coarse ones. So figures that the join cuts end softly: judged blind, a hard cut was liked less than
    a soft one in each of eight pairs."""
    support: int = 3
    """Times ``coarse_distance`` to which differences are carried."""
    dead_zone: float = 1.5
    """Levels by which a difference may change while the camera rests before it is applied."""
    certain_sigmas: float = 4.5
    """Standard deviations of the grain from which on a change is real."""


@dataclass(frozen=True)
class GrainTuning:
    """Grain of the wings (``grain.py``)."""

    min_noise: float = 0.6
    """Levels of noise (standard deviation); weaker noise is invisible."""
    residue: float = 0.25
    """Share of its noise's deviation that a background of some 14 keyframes keeps."""
    chroma_share: float = 0.4
    """Deviation of chroma's grain over luma's, as subsampling leaves it."""
    max_offset: int = 128
    """Samples by which pieces of the tile are shifted against each other, at most."""
    kernel: tuple[float, ...] = (0.2, 1.0, 0.2)
    """Correlates neighbouring samples, along rows and columns."""


@dataclass(frozen=True)
class RenderingTuning:
    """Rendering of frames (``rendering.py``)."""

    level_stride: int = 4
    """Every how many rows and columns of a plane its mean level is measured."""
    same_level: float = 0.6
    """Levels by which the mean may differ within a hold: more is a fade."""


@dataclass(frozen=True)
class FigureTuning:
    """Figures in small frames (``drawings.py``)."""

    proxy_height: int = 192
    """Rows of the proxies in which figures are detected."""
    levels: float = 18.0
    """Levels off the background from which on a place is a figure's; half of that extends it."""
    noise_sigmas: float = 5.0
    """Standard deviations of the grain that ``levels`` must exceed."""
    smoothing_sigma: float = 0.8
    """Proxy pixels over which the difference is smoothed."""
    min_area: float = 0.004
    """Share of the picture that a figure covers at least."""
    margin: float = 0.008
    """Share of the picture's height by which a figure's mask grows."""
    max_depth: float = 0.35
    """Share of the join: how far inside the picture a cut figure is compared."""
    min_depth: float = 0.05
    """Share of the join: how far inside a cut figure must extend to be compared."""
    edge: int = 2
    """Proxy pixels beside the known picture's edge in which a figure touches it."""
    known: int = 250
    """Of 255: interpolated coverage from which on the background is known."""


@dataclass(frozen=True)
class MatchingTuning:
    """Matching of a cut figure with a donor (``figure_tracking.py``)."""

    hold_out: float = 1 / 3
    """Share of the compared part, at the join, that is held out of the search and predicted."""
    slack: float = 0.06
    """Share of the join by which a figure may move past the picture's ends."""
    max_residual: float = 48.0
    """Levels at which a pixel's residual is truncated."""
    same_shape: float = 0.25
    """Corner shift in proxy pixels under which two cameras have the same scale and rotation."""
    search_radius: int = 3
    """Proxy pixels around the coarse match that are searched at full proxy size."""


@dataclass(frozen=True)
class TrackingTuning:
    """Tracking of cut figures (``figure_tracking.py``)."""

    max_error: float = 0.3
    """Error (``Match.error``) up to which a match is accepted by itself."""
    max_tracked_error: float = 0.4
    """Error up to which a match is accepted beside an accepted one, or as part of a periodic motion."""
    switching_cost: float = 0.05
    """How much smaller the error of another donor must be than that of the last donor."""
    max_candidates: int = 24
    """Donor figures that are tried for one cut figure."""
    max_distance_frames: int = 120
    """Frames between a cut figure and its donor, at most."""
    min_extent: float = 0.8
    """Share of a cut figure's extents that a donor figure must have."""
    ramp_frames: int = 6
    """Frames in which a layer fades in or out where the figure does not enter or leave the wing by itself."""
    entering: float = 0.04
    """Share of the join up to which a figure that is visible in the wing at once is just entering it."""
    max_layers: int = 24
    """Layers of one shot, which are held at full size."""
    max_drawings: int = 240
    """Drawings that are compared with each other; a longer shot is taken in parts."""


@dataclass(frozen=True)
class PeriodicMotionTuning:
    """Periodic motion (``figure_tracking.py``)."""

    min_drawings: int = 3
    """Successive drawings that establish a periodic motion."""
    max_drawings: int = 24
    """Drawings for which it is extrapolated."""
    same_transform: float = 1.0
    """Corner shift in proxy pixels by which the donors' transforms may differ in one motion."""
    max_offset_frames: int = 1
    """Frames by which a pose may come too early or too late."""
    max_held_frames: int = 4
    """Frames for which a pose may be held; a longer hold is a figure at rest."""
    max_visible: float = 0.02
    """Share of an extrapolated figure that would lie in the picture, where none is detected, for it to be refuted."""


@dataclass(frozen=True)
class LayerTuning:
    """Figures cut out at full size (``figure_layers.py``)."""

    edge_levels: tuple[float, float] = (6.0, 20.0)
    """Levels off the background between which a pixel at a figure's outline becomes opaque."""
    opaque_depth: int = 3
    """Proxy pixels within a mask's outline from which on all is the figure's."""
    feather_sigma: float = 0.8
    """Pixels over which a layer's alpha is smoothed."""
    min_shadow_factor: float = 0.5
    """The least share of its light that a shadow leaves to what it falls on."""
    shadow_aperture: int = 5
    """Side in pixels of the median, the opening and the dilation that clean a shadow."""
    shadow_residual_window: int = 3
    """Side in pixels of the window over which a shadow's residual is averaged."""
    margin: int = 8
    """Pixels around a figure that are cut out with it."""


@dataclass(frozen=True)
class ResampleTuning:
    """All of it."""

    layout: LayoutTuning = LayoutTuning()
    plain: PlainTuning = PlainTuning()
    framing: FramingTuning = FramingTuning()
    origins: OriginTuning = OriginTuning()
    background: BackgroundTuning = BackgroundTuning()
    exact: ExactTuning = ExactTuning()
    propagated: PropagatedTuning = PropagatedTuning()
    soft_fill: SoftFillTuning = SoftFillTuning()
    gain: GainTuning = GainTuning()
    join: JoinTuning = JoinTuning()
    seam: SeamTuning = SeamTuning()
    grain: GrainTuning = GrainTuning()
    rendering: RenderingTuning = RenderingTuning()
    figures: FigureTuning = FigureTuning()
    matching: MatchingTuning = MatchingTuning()
    tracking: TrackingTuning = TrackingTuning()
    periodic: PeriodicMotionTuning = PeriodicMotionTuning()
    layers: LayerTuning = LayerTuning()


TUNING: Final = ResampleTuning()
