"""What a run may choose about ``stitch``, and its tuned numbers. Levels are of 8 bits.

"Preview pixels" are those of the small canvas of ``keyframe_alignment.py``, "working pixels" those of ``imaging``'s
alignment. "The strips" are the outer eighths of a keyframe on the wings' sides (``holdout.py``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class StitchSettings:
    """Settings of the step; shares are of 1, sizes in pixels or frames.

    ``features`` per keyframe; ``min_overlap`` of keyframes that are matched; ``pair_share``: area that a pair must
    explain to be believed; ``broken_share``: explained area under which the scene may be broken there; ``min_frames``
    of a shot of its own; ``max_splits``: how often a shot that does not hold together is cut in two;
    ``max_canvas_pixels`` of one background, or of a propagated shot's pictures; ``still_travel``: share of the
    picture's smaller side that a camera at rest may weave; ``min_advantage``: the hold-out's advantage over a cheap
    fill, 0-1, under which a background is not used; ``doubtful``: that under which a shot is tried in two parts;
    ``border``: share of the picture's smaller side left out at the edges that meet the wings.
    """

    features: int = 400
    min_overlap: float = 0.35
    pair_share: float = 0.35
    broken_share: float = 0.35
    min_frames: int = 8
    max_splits: int = 2
    max_canvas_pixels: int = 48_000_000
    still_travel: float = 0.02
    min_advantage: float = 0.35
    doubtful: float = 0.6
    border: float = 0.006


@dataclass(frozen=True)
class PairTuning:
    """Pairs of keyframes (``keyframe_pairs.py``)."""

    neighbours: int = 2
    """Next keyframes with which each keyframe is matched."""
    far: int = 2
    """Distant later keyframes with which it is matched."""
    min_loose_share: float = 0.15
    """Explained area that is enough where ``many_matches`` agree: coarse coding spoils correlation, and the hold-out
    judges the outcome."""
    many_matches: int = 20
    """Matches that make up for a small area."""
    height: int = 300
    """Rows at which features are sought: grain and line jitter live above it."""
    sift_contrast: float = 0.015
    """SIFT's contrast threshold: painted backgrounds are soft."""
    grid: int = 8
    """Cells along each side over which features are spread."""
    flann_trees: int = 4
    """Randomized k-d trees of FLANN's index."""
    flann_checks: int = 32
    """Leaves that one search visits."""
    lowe_ratio: float = 0.8
    """Largest ratio of the nearest to the second nearest descriptor's distance."""
    ransac_error: float = 1.5
    """Reprojection error in proxy pixels of a RANSAC inlier."""
    ransac_iterations: int = 1000
    """Samples that RANSAC draws at most."""
    ransac_confidence: float = 0.999
    """Probability of a sample without outliers at which RANSAC stops."""
    hypotheses: int = 3
    """Motions that sequential RANSAC looks for in the matches of a pair."""
    min_matches: int = 8
    """Matches under which no camera is fitted."""
    certain_share: float = 0.85
    """Explained share that no other camera is going to beat."""
    min_gain: float = 0.02
    """Share that a later hypothesis must win over an earlier one."""
    min_overlap: float = 0.1
    """Overlap of the two pictures under which a hypothesis is not tested."""
    scale: tuple[float, float] = (0.2, 5.0)
    """Bounds of a plausible camera's singular values."""
    max_anisotropy: float = 1.25
    """Largest ratio of a plausible camera's singular values."""
    overlap_grid: int = 16
    """Samples along each side by which an overlap is measured."""

    @property
    def match_error(self) -> float:
        """Proxy pixels by which a match of a pair may be off the pair's camera."""
        return 2 * self.ransac_error


@dataclass(frozen=True)
class DirectPairTuning:
    """Pairs that are aligned without features (``keyframe_pairs.py``)."""

    min_area: float = 0.1
    """Share of the picture that must have texture in both keyframes."""
    in_place: float = 0.8
    """Share of the agreeing area that must lie within half a working pixel: no second layer moves at another speed."""
    min_overlap: float = 0.35
    """Share of the second picture inside the first: a narrow overlap says little about scale."""
    min_vote: float = 0.5
    """Evidence times agreement from which on a cell is a match."""


@dataclass(frozen=True)
class BundleTuning:
    """Bundle adjustment and the cameras between keyframes (``cameras.py``). Errors are in proxy pixels."""

    matches_per_pair: int = 120
    """Matches of one pair that enter the solve. A pair with less than a quarter of them has its corners added."""
    iterations: int = 8
    """Reweightings, after which no camera moves visibly."""
    match_sigma: float = 0.6
    """Residual at which a match begins to lose weight (Geman-McClure)."""
    chain_sigma: float = 4.0
    """Standard deviation of a motion chained between two keyframes."""
    min_chain_weight: float = 1e-2
    """Smallest robust weight of a chained motion, which may be all that holds a keyframe."""
    rest_error: float = 0.4
    """Corner shift that the keyframes of a camera at rest may seem to have at any rate."""
    max_rest_error: float = 3.0
    """Corner shift that they may seem to have where a moving camera explains no more matches."""
    rest_inliers: float = 0.8
    """Share of the richest model's inliers that rest must have: a zoom about the picture's middle is no shift
    either."""
    error_ratio: float = 1.1
    """Times a richer model's error that a simpler one's may be."""
    error_margin: float = 0.04
    """Pixels that are added to that."""
    inlier_ratio: float = 0.92
    """Share of a richer model's inliers that a simpler one must have."""
    max_chain_error: float = 1.5
    """Error at the second of two keyframes up to which the motions chained between them are believed."""

    @property
    def few_matches(self) -> int:
        """Matches under which a pair's camera enters by its corners as well."""
        return self.matches_per_pair // 4

    @property
    def inlier_error(self) -> float:
        """Residual of an inlier."""
        return 2 * self.match_sigma

    @property
    def outlier_error(self) -> float:
        """Residual at which a match's error stops growing in a solution's mean."""
        return 4 * self.match_sigma


@dataclass(frozen=True)
class RegistrationTuning:
    """Motions and the reference of a span (``registration.py``)."""

    min_variance: float = 0.01
    """Variance of a motion that explains everything, in units of one that explains half of the area."""
    min_explained: float = 0.05
    """Lower bound of the explained share in a variance."""
    max_jump: float = 0.75
    """Share of the picture's smaller side that a corner may move from one frame to the next: more is no motion."""
    lost_variance: float = 1e6
    """Variance of such a motion: it takes all of the error of its chain."""
    bright_quantile: float = 0.9
    """Quantile of the keyframes' luma that is called bright."""
    min_brightness: float = 0.8
    """Share of that luma that the reference must have: no frame of a fade is a reference."""
    same_scale: float = 1.02
    """Ratio of scales up to which two keyframes are equally close to the set."""
    rest_travel: float = 1.0
    """Proxy pixels that the corners of a span with one keyframe may move at rest."""


@dataclass(frozen=True)
class SplitTuning:
    """Spans and cuts (``shot_split.py``)."""

    max_flash_frames: int = 3
    """Longest bad run that is bridged where both sides show one background: lightning, a passer-by."""
    max_speed: float = 0.1
    """Picture widths a frame up to which a pair of keyframes mends a broken link between them: a whip is not mended."""
    bright_quantile: float = 0.9
    """Quantile of the frames' luma that is called bright."""
    fade_luma: float = 0.2
    """Share of that luma under which frames at the scene's start or end are the dark of a fade."""
    typical_share: float = 0.5
    """Share of the median explained area under which a link is weak: where little is ever explained (water, a crowd),
    low values alone prove no break."""
    clear_dip: float = 0.8
    """Share of the median explained area under which a minimum between two keyframes is a clear place for a cut."""


@dataclass(frozen=True)
class PlanTuning:
    """What decides about a background (``background_plan.py``)."""

    usual_light: float = 0.03
    """Share of the usual luma by which a keyframe may differ, to be used for finding figures."""
    min_keyframes: int = 3
    """Keyframes of that luma, at least; else all are used."""
    min_split_gain: float = 0.2
    """Advantage, averaged over frames, that cutting a doubtful shot in two must win."""
    clear_strips: tuple[float, float] = (0.3, 0.55)
    """Unmasked share of a third of the strips that proves nothing, and that is enough. What is masked there all the
    time under a moving camera is no character but a part of the set that moves at another speed."""
    figure_area: tuple[float, float] = (0.25, 0.45)
    """Share of the visible canvas that figures may take without doubt, and that proves them to be the set itself,
    under a moving camera."""
    gate_margin: int = 7
    """Side in preview pixels of the square by which the gate is widened where figures are sought."""


@dataclass(frozen=True)
class RestingCameraTuning:
    """Drift or rest (``resting_camera.py``)."""

    max_drift: float = 0.1
    """Share of the picture's smaller side above which a move cannot be a leaning figure's."""
    min_difference: float = 1.0
    """Working pixels by which both explanations of a keyframe must differ to be compared."""
    min_evidence: float = 4.0
    """Cells with texture beside the wings, in all keyframes together, under which nothing is decided."""
    min_ratio: float = 1.25
    """Times what rest explains that a move must explain: grain and coding change either by less."""
    outer_part: int = 4
    """One part in so many of the width is an outer part of the picture."""


@dataclass(frozen=True)
class KeyframeAlignmentTuning:
    """The preview (``keyframe_alignment.py``). Sizes are in preview pixels."""

    max_pixels: int = 1_500_000
    """Pixels of the canvas: long camera paths are previewed smaller."""
    usable: int = 200
    """Share of 255 of a shrunk pixel that must be usable."""
    seen: int = 250
    """The same of a warped pixel."""
    mask_margin: int = 3
    """Pixels by which foreground is dilated, masks on proxies and what disagrees on the preview: outlines are soft, and
    coding smears them."""
    min_difference: float = 20.0
    """Levels off the background, plus the noise, that make a pixel foreground."""
    noise_sigmas: float = 3.0
    """Standard deviations of the noise that are added to that."""
    min_views: int = 3
    """Keyframes that must see the background: two cannot prove which of them is right."""
    blur: int = 3
    """Side of the box filter over the difference."""
    opening: int = 3
    """Side of the opening that removes thin remains: edges half a pixel off, not characters."""


@dataclass(frozen=True)
class ExposureTuning:
    """Gain compensation (``exposure.py``)."""

    quantiles: tuple[float, ...] = (0.2, 0.5, 0.8)
    """Of the values in an overlap, what is matched: three separate a gain from an offset."""
    min_overlap: float = 0.02
    """Share of what the reference shows that two keyframes must share to be compared."""
    gain_sigma: float = 0.5
    """Standard deviation of a gain about 1: a fade goes far."""
    offset_sigma: float = 3.0
    """Levels: a fade is a gain, so that an offset needs evidence."""
    quantile_sigma: float = 0.5
    """Levels that a matched quantile may be off."""
    gain: tuple[float, float] = (0.1, 10.0)
    """Bounds of a gain."""
    min_correction: float = 0.75
    """Levels of a correction that is worth making."""
    levels: tuple[float, float] = (32.0, 224.0)
    """Levels at which a correction is measured."""
    stride: int = 3
    """Every how many rows and columns are read: quantiles of a ninth of the pixels are no worse."""


@dataclass(frozen=True)
class HoldOutTuning:
    """The hold-out (``holdout.py``)."""

    keyframes: int = 5
    """Keyframes that are predicted, at most."""
    strip: float = 0.125
    """Depth of the strips, as a share of the picture."""
    min_distance: float = 0.06
    """Share of the picture's width that a camera must be away from that of the keyframe it helps to predict."""
    max_error: float = 60.0
    """Levels at which one wrong pixel stops costing more."""
    min_evidence: float = 0.05
    """Share of the strips that must have been predicted for the hold-out to say anything."""
    blur_sigma: float = 0.8
    """Preview pixels of a Gaussian over what is compared."""
    visible: int = 250
    """Share of 255 of a warped pixel that must be visible."""


@dataclass(frozen=True)
class TrustTuning:
    """What a background is worth (``background_trust.py``)."""

    worst_quantile: float = 0.15
    """Quantile of the keyframes, by how well they fit, that must still fit."""
    spread: tuple[float, float] = (5.0, 15.0)
    """Mean levels of the aligned keyframes about their median that are good and bad. Measured on film: 6 where
    registration was right, 12-17 where it was wrong."""
    grain_share: float = 0.6
    """Share of the grain by which even a perfect prediction is off."""
    interpolation_error: float = 1.2
    """Levels that coding and interpolation leave in it."""
    picture_error: float = 2.0
    """Levels that coding leaves in a single picture; the mean of several keeps less of it."""
    coding_error: float = 1.5
    """Mean levels that coding leaves in any comparison."""
    min_cheap_error: float = 5.5
    """Levels that a cheap fill counts as off at least: in flat scenes any fill is good."""
    full_advantage: float = 0.6
    """How far the error relative to a cheap fill must lie below 1 for the whole advantage."""
    min_views: int = 3
    """Keyframes that must show a place for its spread to count."""
    min_agreeing: int = 3
    """Keyframes that must show the same background before one that does not is taken for a character."""


@dataclass(frozen=True)
class ParallaxTuning:
    """A part at another speed (``background_trust.py``). Shares are of a third's textured cells."""

    max_shift: int = 12
    """Preview pixels by which a third is shifted, at most."""
    min_evidence: float = 3.0
    """Cells with texture under which a third says nothing: of one keyframe, or of all together."""
    sure: float = 0.5
    """Share of cells in place from which on a third is not sought elsewhere."""
    reference: float = 0.8
    """Share of cells in place that the best third must have: mere disagreement of all thirds proves nothing."""
    max_in_place: float = 0.3
    """Share of cells in place that a third at another speed has at most."""
    min_shifted: float = 0.4
    """Share of cells in place that it has at least when it is shifted."""


@dataclass(frozen=True)
class DonorTuning:
    """Keyframes of other shots (``donors.py``): their error over that of a mirrored fill, up to which they are used.

    Mirrored, because what they save from being generated is sharp as well, and no nearer to the truth.
    """

    max_third_error: float = 0.8
    """In each third of a side."""
    max_side_error: float = 0.6
    """In all of a side."""


@dataclass(frozen=True)
class RigidLayerTuning:
    """Rigid layers that were masked (``rigid_layers.py``). "Height" is a keyframe's."""

    min_area: float = 0.002
    """Share of a keyframe's area: smaller regions are left as they are."""
    wing_distance: float = 0.03
    """Share of the height: how near a wing the region comes."""
    min_visible: float = 0.3
    """Share of the region that a keyframe must show to measure its motion."""
    min_keyframes: int = 4
    """Keyframes that must show so much."""
    max_shift: float = 0.03
    """Share of the height: the largest shift from one keyframe to the next."""
    min_correlation: float = 0.8
    """Normalized correlation of the region's detail in two successive keyframes that means the same shape."""
    detail_sigmas: tuple[float, float] = (0.8, 4.0)
    """Preview pixels of the two Gaussians between which detail lies: grain is finer, light is coarser."""
    min_rigid: float = 0.8
    """Share of the successive keyframes in which the region must keep its shape."""
    min_travel: float = 1.0
    """Preview pixels that a layer moves against the set, at least."""
    max_travel: float = 0.25
    """The most, as a share of the camera's own travel."""
    min_proportional: float = 0.6
    """Share of the keyframes in which a layer's shift must be proportional to the camera's."""
    max_residual: float = 1.0
    """Preview pixels by which a proportional shift may be off."""


@dataclass(frozen=True)
class CompositeTuning:
    """The background at full size (``composite.py``, ``shot_background.py``)."""

    tile: int = 256
    """Side of a tile: one tile of each keyframe that touches it is in memory at a time."""
    near_levels: float = 6.0
    """Levels off the median, besides the grain, within which samples are averaged."""
    noise_sigmas: float = 3.0
    """Standard deviations of the grain that are added to that."""
    repeated_edge: int = 2
    """Pixels by which a moving camera's pictures are extended along the edges that no wing meets."""
    whole: float = 1e-6
    """How far a camera may be off whole numbers to shift by whole pixels."""
    edge_ramp: float = 0.2
    """Share of the picture's smaller side over which a keyframe's weight grows from its edge."""
    seam: float = 0.04
    """Share of the picture's smaller side over which donor pixels are blended into the shot's own."""
    max_gain: float = 4.0
    """A keyframe of a fade that must be amplified by more shows grain and steps, not background."""
    gate_margin: int = 7
    """Side in pixels of the square by which the gate is widened in a moved keyframe: interpolation must not mix the
    gate in."""


@dataclass(frozen=True)
class HoleTuning:
    """Holes (``background_canvas.py``)."""

    max_gap: float = 0.02
    """Share of the picture's smaller side: narrower uncovered gaps beside a hole are filled with it."""
    same_view: float = 0.25
    """Pixels to which the corners of frames must agree to be drawn once."""


@dataclass(frozen=True)
class PropagatedShotTuning:
    """Shots without a background (``propagated_shots.py``)."""

    min_frames: int = 4
    """Frames of a shot, at least, whose wings are propagated."""
    min_turning: float = 0.5
    """Share of the frames between two shots that must be known as a transition for these to be mixed."""
    outline_size: tuple[int, int] = (32, 24)
    """Width and height of the pictures by which a mixture is measured."""
    outline_cells: tuple[int, int] = (8, 6)
    """Columns and rows of cells of those pictures, of which the outermost are compared."""
    max_residual: float = 0.25
    """Root mean square difference of a frame from a mixture of both ends, as a share of the difference of the ends."""
    fade_frames: int = 12
    """Frames over which a shot's wings fade into those of the shots beside it, where no cut lies between."""


@dataclass(frozen=True)
class WingErrorTuning:
    """The predicted error of wings (``wing_confidence.py``)."""

    depth: float = 0.13
    """Depth of the strips that are predicted, as a share of the height. Rank correlation with the true error of soft
    wings over 78 windows of 13 cartoons: 0.83; at 0.22 0.74, at 0.33 0.59; of strips predicted from inside them
    0.77."""
    height: int = 120
    """Rows at which the fill is compared: finer texture cannot be predicted by any fill."""
    min_width: int = 8
    """Columns of that picture, at least."""
    wave_decay: float = 0.25
    """A wave of w radians a pixel along the join keeps exp(-wave_decay w d) at d pixels, as in the soft fill."""
    half_confidence: float = 20.0
    """Levels of predicted error at which confidence is a half: between a good wing and a poor one."""


@dataclass(frozen=True)
class StitchTuning:
    """All of it."""

    pairs: PairTuning = PairTuning()
    direct: DirectPairTuning = DirectPairTuning()
    bundle: BundleTuning = BundleTuning()
    registration: RegistrationTuning = RegistrationTuning()
    split: SplitTuning = SplitTuning()
    plan: PlanTuning = PlanTuning()
    resting: RestingCameraTuning = RestingCameraTuning()
    alignment: KeyframeAlignmentTuning = KeyframeAlignmentTuning()
    exposure: ExposureTuning = ExposureTuning()
    holdout: HoldOutTuning = HoldOutTuning()
    trust: TrustTuning = TrustTuning()
    parallax: ParallaxTuning = ParallaxTuning()
    donors: DonorTuning = DonorTuning()
    rigid: RigidLayerTuning = RigidLayerTuning()
    composite: CompositeTuning = CompositeTuning()
    holes: HoleTuning = HoleTuning()
    propagated: PropagatedShotTuning = PropagatedShotTuning()
    wings: WingErrorTuning = WingErrorTuning()


TUNING: Final = StitchTuning()
