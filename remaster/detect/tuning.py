"""What a run may choose about ``detect``, and its tuned numbers. Levels are of 8 bits."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Final


@dataclass(frozen=True)
class DetectSettings:
    """Settings of the step.

    ``cut_ratio`` and ``cut_change``: a cut's change is at least so many times its neighbours' mean, and so large (mean
    difference in 8-bit levels). ``same_area``: two pictures that explain this share of each other's area show one
    scene; ``other_area``: two that explain less than this show two scenes, whatever moves in them. Scenes shorter than
    ``min_scene_frames`` stay only if they are pictures of their own, not steps of a transition. ``setup_area``: runs
    between cuts whose ends show this share of each other's area at the same place are one scene, of at most
    ``setup_frames`` frames (0 links none). ``samples`` is the number of full-size luma planes in memory at most.
    """

    cut_ratio: float = 1.8
    cut_change: float = 4.0
    same_area: float = 0.75
    other_area: float = 0.35
    min_scene_frames: int = 8
    setup_area: float = 0.65
    setup_frames: int = 2400
    samples: int = 32


@dataclass(frozen=True)
class CutTuning:
    """Cuts (``scenes.py``)."""

    picture_side: int = 256
    """Pixels of the longest side, at most, of what PySceneDetect is given."""
    thumb_side: int = 128
    """Pixels of the longest side of the luma thumbs on which cuts are confirmed."""
    adaptive_window: int = 2
    """Frames on each side with whose changes AdaptiveDetector compares a frame's."""
    saturation_weight: float = 0.5
    """Weight of saturation beside luma in a change. Hue has none: noise in near-grey pixels would look like change."""
    lift: tuple[float, float] = (0.75, 64.0)
    """Gain and offset of what is given to it: lifted black keeps the saturation of nearly black pixels, all noise,
    low."""
    radius: int = 8
    """Frames on each side from which a doubtful cut's change must stand out."""
    flash_frames: int = 3
    """The longest flash."""
    flash_contrast: float = 0.35
    """Share of the scene's contrast under which a picture is a flash."""
    flash_mean: float = 215.0
    """Mean luma from which on it is one."""
    flash_correlation: float = 0.5
    """Correlation with the scene from which on it is light over that scene."""
    black: int = 30
    """Luma under which a pixel is black."""
    lit_area: float = 0.003
    """Share of pixels that a black picture may have lit."""
    flat: float = 4.0
    """Standard deviation of a thumb under which there is nothing to compare."""
    flat_neighbours: int = 3
    """Frames on the lit side with whose changes a step from or to a flat picture is compared."""
    blend_share: tuple[float, float] = (0.1, 0.9)
    """Shares of one picture between which a frame is a blend of its neighbours."""
    blend_residual: float = 0.1
    """Squared residual of a blend over the squared difference of the two pictures."""


@dataclass(frozen=True)
class DissolveTuning:
    """Dissolves (``scenes.py``)."""

    half_lengths: tuple[int, ...] = (6, 12, 20)
    """Half lengths in frames that are tried."""
    stride: int = 4
    """Every how many frames dissolves are looked for."""
    min_difference: float = 8.0
    """Mean difference of first and last picture, and the contrast of each, in levels."""
    changed: float = 16.0
    """Levels by which a pixel of first and last picture differs clearly."""
    changed_area: float = 0.25
    """Share of such pixels."""
    share: tuple[float, float] = (0.3, 0.7)
    """Share of the first picture in the middle one."""
    tolerance: float = 8.0
    """Levels by which a blended pixel may be off."""
    blended_area: float = 0.7
    """Share of the changed pixels that must be blended: characters may move in the rest."""
    alone: float = 0.75
    """Share of that which one picture alone, under a gain, may explain, as it does in a fade."""


@dataclass(frozen=True)
class SimilarityTuning:
    """How much of one thumb another one explains (``similarity.py``)."""

    window: int = 13
    """Side in pixels of the windows that are correlated."""
    min_texture: float = 2.5
    """Standard deviation of the luma around a pixel from which on there is something to compare."""
    min_textured_area: float = 0.02
    """Share of textured pixels under which levels alone are compared."""
    flat_level: float = 20.0
    """Levels by which they may differ then."""
    resting_level: float = 6.0
    """Levels by which a small neighbourhood may differ between pictures at rest."""
    sufficient: float = 0.8
    """Explained share that is not improved any further."""
    contrast: tuple[float, float] = (0.4, 2.5)
    """Bounds of the gain that matches contrasts."""
    correlation: float = 0.6
    """Normalized cross-correlation of patterns that agree."""
    level: float = 14.0
    """Levels by which the means of agreeing patterns may differ."""
    min_side: int = 8
    """Side in pixels of a searched block, at least."""
    blocks: int = 3
    """Blocks along the shorter side."""
    block_contrast: float = 3.0
    """Standard deviation from which on a block is searched."""
    block_correlation: float = 0.5
    """Correlation with which a block is found again."""
    min_votes: int = 2
    """Blocks that must agree on a displacement."""
    displacements: int = 4
    """Displacements taken from them."""
    radius: int = 2
    """Pixels around the same place that are always tried."""
    setup_textured_area: float = 0.25
    """Share of a picture that must have texture to distinguish one camera set-up from another."""
    recent_setups: int = 12
    """Set-ups with which a run is compared: the last ones seen."""


@dataclass(frozen=True)
class BarTuning:
    """Bars and the active picture (``active_picture.py``)."""

    patch: int = 32
    """Side in pixels of the patches that are taken from the frame after a sample."""
    patches: int = 6
    """Patches a row and a column."""
    max_bar: float = 0.4
    """Share of the side: a wider bar is a dark picture."""
    max_level: float = 48.0
    """Luma of the lightest bar."""
    tolerance: float = 14.0
    """Levels by which a bar may vary."""
    lit_quantile: float = 0.99
    """Quantile of a row's luma that must stay within that."""
    max_lopsided: float = 0.03
    """Share of the side: a wider bar has a fellow on the other side."""
    min_lopsided: int = 2
    """Rows that may do without a fellow in any picture."""
    lopsided_ratio: float = 4.0
    """How many times wider than its fellow a bar may be."""
    edge: int = 6
    """Rows over which a bar's edge may be soft."""
    edge_lit: float = 0.6
    """Share of a bar's edge beside which the picture must be lit at some time."""
    soft: float = 0.95
    """Share of the light further inside under which a row beside a bar is its soft edge."""


@dataclass(frozen=True)
class NoiseTuning:
    """The grain (``noise.py``)."""

    block: int = 16
    """Side in pixels of the blocks whose lowest tenth is the spatial estimate."""
    tenth: float = 0.1
    """The quantile that is meant by that."""
    tenth_ratio: float = 0.94
    """Where the lowest tenth of blocks of pure noise lies, as a share of the true deviation."""
    quiet: float = 0.25
    """Quantile of the patches that is the temporal estimate: motion and texture left in the others only add to it."""
    search_radius: int = 20
    """Pixels that a patch may move from one frame to the next."""
    moved: float = 0.85
    """Share of a patch's difference at rest below which it moved: by chance a shift leaves a little less, too."""
    gradient_sigma: float = 1.0
    """Pixels of the Gaussian under the gradients of the sub-pixel shift."""
    agreement: float = 1.5
    """Times the quiet patches' grain: if half of the patches have no more, their motion is compensated."""
    copied: float = 0.3
    """Levels under which a codec repeated the patch."""
    lit: tuple[float, float] = (24.0, 230.0)
    """Mean levels between which clipping does not cut noise off."""
    flat: int = 8
    """Side in pixels of the blocks of which the flattest tenth bounds the grain."""
    correlated: float = 2.5
    """Times those blocks' deviation that grain has at most: white noise has 1.1, grain 1.5 pixels wide 2.2."""
    undisputed: float = 2.0
    """Levels that are believed whatever the flattest blocks show: codecs smooth what is flat."""
    faint: float = 0.7
    """Levels that rounding and coding leave where light changes and there is no grain."""


@dataclass(frozen=True)
class InterlacingTuning:
    """Interlacing (``interlacing.py``)."""

    samples: int = 96
    """Frames that are sampled at most."""
    columns: int = 256
    """About how many columns of a frame are looked at."""
    min_change: int = 12
    """Levels by which a sample must change to count."""
    noise_sigmas: float = 4.0
    """Standard deviations of the grain that are added to that."""
    min_area: float = 0.001
    """Share of the picture that must move, before and after a frame."""
    steady_comb: float = 400.0
    """Product of the combs of two frames from which on a comb is a drawn stripe."""
    one_sided: float = 1.15
    """Times that one weaving must be worse than the other."""
    own_comb: float = 0.5
    """Share of the better weaving's comb that the frame's own must have."""
    repeated_field: float = 0.4
    """Share of its fellow's change by which a repeated field changes at most."""
    combed: float = 0.2
    """Share of the moving frames that makes a video interlaced."""
    repeated: float = 0.6
    """Share of the combed frames that makes it telecined."""
    pulldown_rates: tuple[Fraction, Fraction] = (Fraction(29), Fraction(31))
    """Frames a second between which pulldown is possible."""
    combed_film: float = 0.02
    """Likelihood that a moving frame of film looks combed."""
    combed_video: float = 0.5
    """The same of a frame of video."""
    change_cost: float = 5.0
    """Log likelihood that a change between both costs: about a dozen frames in a row must support it, so that a slow
    scene of a video is not taken for film."""


@dataclass(frozen=True)
class DetectTuning:
    """All of it."""

    cuts: CutTuning = CutTuning()
    dissolves: DissolveTuning = DissolveTuning()
    similarity: SimilarityTuning = SimilarityTuning()
    bars: BarTuning = BarTuning()
    noise: NoiseTuning = NoiseTuning()
    interlacing: InterlacingTuning = InterlacingTuning()


TUNING: Final = DetectTuning()
