"""The tuned numbers of ``imaging``, one dataclass per subject. "Working pixels" are those of the resized pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class AlignmentTuning:
    """Direct alignment (``alignment.py``)."""

    cell: int = 10
    """Side of a cell in working pixels."""
    detail_sigma: float = 3.0
    """Working pixels: detail is what this Gaussian removes. Ramps and light are gone, lines and texture stay."""
    smoothing_sigma: float = 0.8
    """Working pixels: smooths a picture before it is interpolated."""
    noise_after_smoothing: float = 0.35
    """Share of white noise's standard deviation that this smoothing leaves."""
    min_noise: float = 0.7
    """Levels. Averaging several pixels into one lowers grain, but coding residue is correlated and hardly falls."""
    gate_margin: int = 7
    """Side in working pixels of the square by which the gate is widened: its soft edge rests while the picture moves,
    and must stay outside the Gaussian's support."""
    min_overlap: float = 0.98
    """Share of a cell that both pictures must show."""
    evidence: tuple[float, float] = (3.0, 12.0)
    """Detail energy over noise variance between which a cell's evidence rises from 0 to 1."""
    agreement: tuple[float, float] = (0.5, 0.9)
    """Normalized cross-correlation between which a cell's agreement rises from 0 to 1."""
    noise_share: float = 0.8
    """Share of the noise variance taken off a cell's energy: noise adds to both energies, not to what they share."""
    min_energy: float = 0.3
    """What is left of an energy at least, in noise variances."""
    gain_energy: float = 0.1
    """Lower bound of the energy by which a cell's gain is divided, in noise variances."""
    gain: tuple[float, float] = (0.2, 5.0)
    """Bounds of a cell's own gain."""
    ridge: float = 0.05
    """Regularization of a cell's shift, as a share of the energy at which the shift counts half."""
    max_cell_shift: float = 3.0
    """Working pixels a cell can be off in one step."""
    max_steps: int = 6
    """Refinements of a camera."""
    max_reweightings: int = 6
    """Rounds of a first robust fit, which knows no inliers."""
    next_reweightings: int = 2
    """Rounds of one that begins with the inliers of the step before."""
    converged: float = 0.005
    """Corner shift in working pixels of a step that ends the iteration."""
    converged_deviations: float = 0.25
    """The same in standard deviations of the corners: what lies far within the camera's own error is noise."""
    fit_converged: float = 0.2
    """Of ``converged``: change of the parameters that ends a robust fit."""
    max_shift: float = 0.25
    """Share of the longer side by which a step may move a corner: more has diverged."""
    min_votes: float = 4.0
    """Votes under which nothing is fitted."""
    same_motion: float = 0.3
    """Working pixels by which the shifts of cells that move together differ at most."""
    mode_candidates: int = 24
    """Cells whose shift is tried for all others."""
    tukey_cutoff: float = 2.5
    """Spreads from which on a cell has no weight."""
    min_spread: float = 0.03
    """Working pixels of shift that never count as disagreement."""
    certain: float = 0.1
    """Working pixels: a cell whose own shift is known this well has half a vote."""
    in_place: float = 0.5
    """Working pixels of shift at which a cell no longer fits."""
    max_distortion: float = 0.002
    """Shear, or difference of scales, of a camera between two pictures. A fit with more mixes a character with the
    ground."""
    similarity_fits: float = 0.8
    """Share of the agreeing cells that are in place, under which an affine camera is tried after a similarity."""
    min_affine_gain: float = 0.05
    """Share of the evidence that an affine camera must put in place on top of what a similarity does."""
    min_difference: float = 4.0
    """Standard deviations by which a camera must differ from a simpler one to be preferred."""


@dataclass(frozen=True)
class CameraMotionTuning:
    """Motion between two pictures (``camera_motion.py``)."""

    work_height: int = 240
    """Rows at which pictures are compared."""
    coarse_height: int = 120
    """Rows at which hypotheses are found and first judged."""
    min_textured_area: float = 0.004
    """Share of the picture that must show texture in both, or nothing speaks for or against a motion."""
    max_plain_texture: float = 0.25
    """Share of the picture with texture under which shading may show a motion that the texture does not share."""
    hold_changed_area: float = 1e-3
    """Share of small neighbourhoods that may change in a hold."""
    hold_sigmas: float = 5.0
    """Standard deviations of the noise that are a change."""
    hold_mean_change: float = 0.3
    """Mean change in levels from which on a fade is on: grain cannot make it."""
    at_rest: float = 0.02
    """Working pixels of corner shift under which the camera rests."""
    majority: float = 0.6
    """Explained share of the evidence that leaves too little for any other motion."""
    poor: float = 0.7
    """Explained share of the evidence under which features are tracked for more hypotheses."""
    column_agreement: float = 0.05
    """Mean agreement with which a motion is visible in a column of cells."""
    min_columns: float = 0.5
    """Share of columns in which a background's motion is visible: less may be a character before a flat background."""
    flat_evidence: float = 0.5
    """Evidence under which a cell is flat."""
    flat_change: float = 6.0
    """Levels by which flat cells may change, apart from a change of the whole picture."""
    peaks: int = 4
    """Translations taken from the phase correlation."""
    peak_sigma: float = 0.8
    """Coarse pixels by which its surface is smoothed."""
    peak_radius: int = 3
    """Coarse pixels around a peak in which no other is taken."""
    limit: float = 6.0
    """Standard deviations of the noise to which the correlated detail is limited: ink must not outweigh paint."""
    start_distance: float = 0.7
    """Coarse pixels at the corners by which starts must differ."""
    coarse_converged: float = 0.05
    """Coarse pixels at the corners by which the last step of a refined start moves: they are refined again, finely."""
    refined: int = 3
    """Starts that are refined: those that explain most as they are."""
    hypothesis_distance: float = 0.2
    """Coarse pixels at the corners by which refined hypotheses must differ."""
    hypothesis_share: float = 0.7
    """Share of the best hypothesis's area that another must explain."""
    hypotheses: int = 2
    """Hypotheses that are refined at the working size."""
    feature_grid: int = 16
    """Side in working pixels of the squares that give one feature each."""
    feature_contrast: float = 4.0
    """Gain of the detail in the 8-bit pictures that are tracked."""
    min_corner: float = 1e-6
    """Smaller eigenvalue from which on a place is a corner."""
    track_window: int = 15
    """Side in pixels of the window of the optical flow."""
    track_levels: int = 4
    """Highest pyramid level of the optical flow."""
    track_error: float = 0.5
    """Pixels by which a corner tracked forth and back may miss its place."""
    min_tracks: int = 8
    """Corners under which no motion is fitted to them."""
    feature_motions: int = 3
    """Motions taken by sequential RANSAC."""
    ransac_error: float = 1.0
    """Reprojection error in pixels of an inlier."""
    ransac_iterations: int = 500
    """Samples that RANSAC draws at most."""
    broken: float = 0.3
    """Explained share under which two pictures do not belong together."""
    whip: float = 0.2
    """Share of the picture's width that a frame must move to be one of a whip."""
    whip_explained: float = 0.35
    """Explained share of a whip's motion: less is a guess under a large character."""


@dataclass(frozen=True)
class ShadingTuning:
    """Motion of a picture without texture (``camera_motion.py``)."""

    sigma: float = 4.0
    """Working pixels of the Gaussian that leaves only shading."""
    margin: int = 21
    """Side in working pixels of the square by which textured places are widened, as the Gaussian spreads them."""
    min_area: float = 0.2
    """Share of the picture that must be plain; of the overlap under a shift, half of that."""
    min_change: float = 0.6
    """Levels of difference (standard deviation) at rest that coding alone does not make."""
    max_residual: float = 0.4
    """Share of that difference that a credible shift may leave."""
    max_shift: float = 0.5
    """Share of the width by which a credible shift moves at most."""
    min_slope: float = 0.04
    """Levels a pixel: flatter slopes do not move the answer."""
    max_steps: int = 15
    """Refinements of the shift."""
    converged: float = 0.01
    """Working pixels of change that end them."""
    overlap: float = 0.99
    """Interpolated share of plain pixels from which on a place counts."""


@dataclass(frozen=True)
class GateTuning:
    """The projector's gate (``gate.py``). Shares are of the picture's width or height."""

    height: int = 540
    """Rows at which gate masks are measured."""
    reference: float = 0.06
    """How far inside the light is measured with which a border pixel is compared."""
    max_side: float = 0.04
    """How far inside a gate may extend along a side."""
    max_corner: float = 0.08
    """How far inside it may extend in a corner."""
    transmission: float = 0.7
    """Share of the light further inside under which a pixel is the gate's."""
    quantile: float = 0.75
    """Of the scenes (or keyframes), the one by which light is judged: most must be dark there."""
    rim: float = 0.008
    """Widest soft rim inside the mask."""
    rim_transmission: float = 0.96
    """Share of the light under which a pixel beside the mask is its rim."""
    min_scenes: int = 4
    """Different scenes that must agree."""
    same_scene: float = 0.8
    """Correlation of two pictures' borders from which on they show one scene."""
    min_contrast: float = 2.0
    """Standard deviation in levels of a border that shows anything."""
    dim: float = 24.0
    """Levels above black under which it is too dark to judge what a gate takes away."""
    whole_side: float = 0.6
    """Share of a side along which the gate must run to count there."""
    min_corners: int = 2
    """Corners that must be dark for corners to count."""
    strip: float = 0.025
    """Widest dark strip of a single scene, and the width of what it is compared with."""
    strip_dark: float = 0.8
    """Share of the light further inside that a strip's outermost row has at most, as a median."""
    strip_dim: float = 0.9
    """The same of ``strip_length`` of its pixels."""
    strip_length: float = 0.7
    """Share of the judged pixels of a strip's outermost row that must be dim."""
    strip_lit: float = 0.4
    """Share of a side that must be lit well enough to be judged."""
    strip_end_light: float = 0.97
    """Share of the light further inside at which a strip ends."""
    strip_end_color: float = 0.9
    """Share of the saturation further inside at which a strip ends: codecs spread its greyness further."""


@dataclass(frozen=True)
class DifferenceTuning:
    """Differences between a picture and its background (``difference.py``)."""

    usable: tuple[int, int] = (16, 240)
    """Levels between which a pixel counts for a gain."""
    stride: int = 2
    """Every how many rows and columns count: a median of a quarter of the pixels is no worse."""
    min_area: float = 0.02
    """Share of the picture that must count."""
    gain: tuple[float, float] = (0.25, 4.0)
    """Bounds of a gain."""


@dataclass(frozen=True)
class PreviewTuning:
    """Keyframes aligned at a small size (``aligned_keyframes.py``)."""

    height: int = 240
    """Rows of a keyframe on the preview's canvas."""


@dataclass(frozen=True)
class FigureTuning:
    """Whole figures from their moving parts (``whole_figures.py``)."""

    height: int = 160
    """Rows of the keyframes at which figures are grown: outlines are a pixel wide there."""
    often: float = 0.15
    """Share of the keyframes in which a place must be masked to be part of a figure, not only crossed by one."""
    min_views: int = 3
    """Keyframes that must show a place before it can be judged to move."""
    small: float = 0.3
    """Share of a keyframe's height: parts that fit in such a square stay, however seldom they move."""
    max_area: float = 0.6
    """Share of the picture from which on what was found is the set itself, and nothing is left out."""
    radius: float = 0.16
    """Share of the height by which a figure likely extends outside its moving parts; below them it may continue to the
    lower edge."""
    at_rest: float = 0.01
    """Share of the picture's width that a resting camera may stray."""
    iterations: int = 2
    """Rounds of GrabCut: more change little."""
    opening: int = 5
    """Side in preview pixels of the opening that removes thin remains: edges half a pixel off."""
    edge: int = 3
    """Preview pixels beside the edge in which a figure is leaving or entering."""
    stray: float = 0.5
    """Share of its own size by which the centre of a travelling region strays."""
    same_size: float = 0.4
    """Ratio of areas under which two regions are not the same figure."""


@dataclass(frozen=True)
class ImagingTuning:
    """All of it."""

    alignment: AlignmentTuning = AlignmentTuning()
    camera_motion: CameraMotionTuning = CameraMotionTuning()
    shading: ShadingTuning = ShadingTuning()
    gate: GateTuning = GateTuning()
    difference: DifferenceTuning = DifferenceTuning()
    preview: PreviewTuning = PreviewTuning()
    figures: FigureTuning = FigureTuning()


TUNING: Final = ImagingTuning()
