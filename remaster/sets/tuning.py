"""The tuned numbers of ``sets``, one dataclass per subject."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True)
class DescriptorTuning:
    """What is stored of a background (``descriptor.py``, ``visual_words.py``)."""

    feature_height: int = 360
    """Working pixels of the shorter side on which features are found. Grain and line jitter live above it."""
    feature_area: int = 360 * 1280
    """Working pixels in all: a long pan gets a coarser picture, so that its features cost no more."""
    contrast: float = 0.006
    """SIFT's contrast threshold. Painted sets are soft: 593 features at this value, 202 at 0.015."""
    max_features: int = 500
    """Features kept, 132 bytes each."""
    grid: int = 8
    """Cells along each side over which features are spread."""
    border_share: float = 0.75
    """Distance of a feature from unknown pixels and figures, as a share of the feature's diameter."""
    quantization: float = 512.0
    """Levels of a RootSIFT value of 1: few exceed a half, and those are clipped at 255."""
    picture_area: int = 320 * 240
    """Pixels of the small picture by which links are proved; about 25 kB as JPEG."""
    picture_quality: int = 92
    """JPEG quality of the small picture."""
    word_pictures: int = 8
    """Drawn pictures from which the visual words are learnt, 0.7 s once a worker. 24 gave the drawn sample the same
    links."""
    words: int = 64
    """Visual words."""
    word_rounds: int = 12
    """Iterations of k-means."""
    signature: int = 512
    """Values of the pooled signature. Cosines of sketched vectors have a deviation of 1 / sqrt(512) = 0.04."""
    colour_bins: int = 4
    """Bins a channel of the colour histogram."""


@dataclass(frozen=True)
class CandidateTuning:
    """Nearest neighbours (``candidates.py``)."""

    by_words: int = 10
    """Neighbours by signature. With ``by_colour``, a true pair was among them for all clips in the same light."""
    by_colour: int = 5
    """Neighbours by colour histogram."""
    min_features: int = 24
    """Features below which a background takes no part: black, skies, plain walls, most title cards."""
    block: int = 512
    """Rows of a similarity block: 512 x 10,000 float32 are 20 MB, and their order as much again twice over."""


@dataclass(frozen=True)
class ProofTuning:
    """What a link has to show (``hypotheses.py``, ``light.py``, ``proof.py``)."""

    min_strength: float = 0.12
    """Smallest margin of a link, 0-1. Two drawn rooms with the same standing figures reached 0.093; of the links
    looked at on stitched backgrounds of eight cartoons the thinnest true one has 0.13, openings 0.95."""
    ratio: float = 0.86
    """Lowe's ratio of the nearest to the second nearest feature's distance."""
    reprojection: float = 3.0
    """Working pixels of the features' picture (360 rows; 4 of 480) that an inlier may be off."""
    min_inliers: int = 10
    """Inliers of a hypothesis. They propose and never prove: figures have 200 across different sets."""
    max_hypotheses: int = 4
    """Cameras tried for a pair: figures that stand on both sets often give the first."""
    scale: tuple[float, float] = (0.28, 3.6)
    """Bounds of the camera's scale."""
    max_rotation: float = 0.26
    """Radians (15 degrees): a set is not filmed lying on its side."""
    max_shear: float = 1.15
    """Ratio of the camera's singular values."""
    ecc_steps: int = 60
    """Iterations of the refinement (Evangelidis and Psarakis, PAMI 2008)."""
    ecc_epsilon: float = 1e-4
    """Gain of correlation that ends it."""
    max_correction: float = 0.06
    """Share of the picture's diagonal by which the refinement may move a corner."""
    min_overlap: float = 0.2
    """Share of the smaller picture's background that both must show."""
    min_pixels: int = 3000
    """Pixels of the small picture that both must show."""
    detail_sigma: float = 4.0
    """Pixels of the small picture: what this Gaussian removes is detail, which light hardly changes."""
    correlation: float = 0.45
    """Correlation of evened detail over the whole overlap. Of plain detail no wrong pair of 5,083 passed 0.4 and the
    strips; it refuses true pairs in which a figure moved, and standing figures alone have 0.98."""
    cell: int = 16
    """Side in pixels of the cells by which agreement is counted by area."""
    detail_levels: float = 3.0
    """Standard deviation of a cell's detail, in 8-bit levels, from which it counts as structure."""
    min_structure: float = 0.25
    """Share of the overlap that must have structure: title cards, skies and plain walls have less."""
    min_cells: int = 16
    """Cells with structure."""
    cell_correlation: float = 0.4
    """Correlation of detail from which a cell agrees."""
    min_agreement: float = 0.5
    """Share of the structured cells that must agree. Three large figures on two sets have 0.73: strips refuse them."""
    strip: float = 0.14
    """Width of a border strip as a share of the picture's size on that axis."""
    strip_seen: float = 0.5
    """Share of a strip that the other picture must show."""
    strip_structure: float = 0.2
    """Share of a strip's cells that must have structure."""
    strip_parts: int = 3
    """Parts of a strip along the border; each that has structure must correlate by ``part_correlation``."""
    strip_correlation: float = 0.45
    """Correlation of detail in a strip; the prototype's 0.4 and a margin."""
    part_correlation: float = 0.25
    """Correlation of detail in each part of a strip."""
    strip_error: float = 0.6
    """Error of the predicted strip over that of mirroring the picture's inside into it."""
    gain: tuple[float, float] = (0.3, 3.0)
    """Bounds of the light's gain: beyond them a picture is too dark to prove anything."""
    max_error: float = 20.0
    """Levels that the overlap may differ by after the light was matched (root mean square of ``error_share``)."""
    close_error: float = 6.5
    """Levels from which on the overlap is off by more than resampling and coding: figures came or went, or the set was
    painted anew in other colours. True pairs have at most 5.5 without figures; rooms painted anew 8 to 17."""
    close_correlation: float = 0.955
    """Correlation of detail that a quarter of the structured cells must then have. Around figures cells are the same
    drawing, 0.98; those of a room painted anew reach 0.93."""
    same_drawing: float = 0.9
    """Correlation of detail from which a cell shows the same drawing, whatever its colours."""
    paint_error: float = 6.0
    """Levels by which three quarters of such cells may be off. 47 pairs of drawn rooms before another or a darker wall
    have 7.4 to 79; of 29 true pairs of the drawn sample, by day and by night, 28 have at most 4.7."""
    error_share: float = 0.75
    """Share of the overlap that this counts, the best fitting: figures come and go."""
    colour_samples: int = 6000
    """Pixels to which the colour matrix is fitted."""
    colour_rounds: int = 4
    """Reweightings of that fit."""
    colour_ridge: float = 0.02
    """Weight of the plain gain in that fit, as a share of the samples."""


@dataclass(frozen=True)
class LinkingTuning:
    """Which pairs are proved, and what becomes a set (``linking.py``)."""

    links_per_scene: int = 2
    """A pair within a set is still proved while one of its scenes has fewer links: cycles show wrong ones."""
    max_failures: int = 4
    """Failed proofs between two sets, for each scene of the smaller one, after which they are not tried again. The
    two sides of a dialogue have several shots each that share nothing, until a wide view joins them."""
    strong: float = 0.5
    """Strength from which one link alone may join two sets of several scenes."""
    max_cycle_error: float = 0.05
    """Share of the picture's diagonal by which the cameras around a cycle may disagree."""
    max_lenders: int = 40
    """Links that a scene borrows by: in a large set more proofs cost time and bring nothing new."""


@dataclass(frozen=True)
class LendingTuning:
    """Filling from other scenes (``lending.py``)."""

    agreement: float = 14.0
    """Levels from the donors' median beyond which a donor is left out, where ``min_voters`` saw the pixel."""
    min_voters: int = 3
    """Donors from which a median says who is wrong."""
    smoothing: float = 2.0
    """Pixels (480 rows) over which that difference is averaged, so that outlines do not flicker between donors."""
    feather: float = 0.05
    """Share of the picture's height over which a donor gives way to others before it ends."""
    rank_share: float = 0.6
    """Weight of a donor as a share of that of the one before it: pixels of mostly one donor stay sharp."""
    min_weight: float = 1e-4
    """Weight of a donor that is left out, where all are."""
    light_scales: tuple[float, ...] = (0.3, 0.1, 0.03, 0.01)
    """Half the sides of the averaging boxes for the light at the join, as shares of the picture's height."""
    light_prior: float = 0.02
    """Share of a box that must hold evidence to count as much as the next coarser box."""
    light_reach: float = 0.35
    """Share of the picture's height over which a difference in light at the join is carried outward."""
    max_step: float = 32.0
    """Levels: a larger difference at the join is another object, not another light."""
    trusted: tuple[float, float] = (8.0, 20.0)
    """Levels by which a donor may differ from the borrower beside the join: from the first on it counts less, from the
    second on not at all."""
    trust_scales: tuple[float, ...] = (0.3, 0.1)
    """As ``light_scales``, for that difference."""
    misplaced: float = 0.003
    """Share of the picture's height over which that difference is smoothed: outlines may lie a pixel or two beside."""
    match_height: int = 270
    """Rows on which outlines are matched at the join."""
    match_radius: int = 3
    """Pixels of those by which they may be moved."""
    match_block: float = 0.08
    """Side of the blocks that are matched, as a share of the height."""
    match_cost: float = 0.5
    """Squared levels that a shift by a pixel must win."""
    match_scales: tuple[float, ...] = (0.1, 0.05)
    """As ``light_scales``, for those shifts."""
    max_donors: int = 24
    """Donors used, the strongest first."""
    refine_height: int = 480
    """Rows on which a donor's camera is refined."""
    block_pixels: int = 1 << 19
    """Pixels that are voted on at once: 512k x 24 donors x 3 float32 are 150 MB."""


@dataclass(frozen=True)
class SetCanvasTuning:
    """One canvas a set (``set_canvas.py``)."""

    max_growth: float = 3.0
    """Area of a canvas over that of the largest member."""
    max_pixels: int = 4_000_000
    """Pixels of a canvas: lending to it takes about 80 bytes each, and 7 for each donor."""
    max_upscale: float = 1.6
    """How much finer a member may be than the canvas: generated pixels would be blurred in it beyond that."""
    donors_at_once: int = 8
    """Members that are put on the canvas together: enough to vote, few enough to hold."""
    margin: int = 4
    """Pixels by which holes are grown on the canvas, so that interpolation finds filled ones all around."""


@dataclass(frozen=True)
class SameFootageTuning:
    """Frames of another recording that are the same ones (``same_footage.py``)."""

    side: int = 160
    """Pixels of the longer side of the pictures that are compared: a cell is 4 pixels of 640, so that a mouth that
    opens is several cells, and what registration leaves is less than one."""
    search_reduction: int = 4
    """How many times smaller the pictures are in which frames are searched for: 40x30, 1,200 bytes a frame."""
    inset: float = 0.03
    """Share of the picture on each side that is not compared: edges are dirty, soft or blanked."""
    min_common: float = 0.9
    """Share of what is compared that the other recording must show."""
    same_geometry: float = 0.03
    """Share of the picture's diagonal by which proposals may differ that count as one geometry."""
    max_geometries: int = 3
    """Geometries that are tried, those first that most backgrounds propose."""
    refined_height: int = 480
    """Rows of the pictures on which a geometry is refined."""
    refined_on: int = 6
    """Frames on which a geometry is refined; the one that fits all of them best is taken."""
    probes: int = 8
    """Frames of a piece by which it is searched for."""
    min_score: float = 0.8
    """Mean correlation of these frames from which an offset is looked at."""
    max_offsets: int = 3
    """Offsets that are compared frame by frame."""
    neighbours: int = 4
    """Frames on each side from which an offset must be told apart; animation on fours changes once in these."""
    flat: float = 2.0
    """Standard deviation in levels of a picture below which it says nothing."""
    gain: tuple[float, float] = (0.4, 2.5)
    """Bounds of the gain between two recordings."""
    light_frames: int = 12
    """Frames to which the light of a piece is fitted."""
    light_rounds: int = 4
    """Reweightings of that fit."""
    bad_levels: float = 14.0
    """Levels by which a cell may lie outside what the nine cells around it show in the other recording."""
    max_bad_share: float = 0.0025
    """Share of such cells up to which a frame agrees: 48 of 160x120, a patch of 28 pixels of 640. Two encodings of one
    flat cartoon (x264, crf 21 and 23, another size and light) have at most 0.18 %, of a rendered film 0.005 %; four
    frames later half of all frames have over 0.1 to 0.7 %, one in ten over 8 %."""
    min_agreeing: float = 0.95
    """Share of a piece's frames that must agree."""
    max_worst_share: float = 0.03
    """Share of such cells in any frame: more is another picture, such as a cut that lies elsewhere."""
    changed_levels: float = 8.0
    """Levels by which a cell changes."""
    changed_share: float = 0.001
    """Share of changed cells that makes a frame another drawing than the last one."""
    min_changes: int = 3
    """Drawings that must follow the first one for a piece to prove its offset by itself."""
    told_apart: float = 1.3
    """How many times more the next frames must differ (mean square) where the piece moves."""
    told_far: float = 2.5
    """The same for the worst frame on either side within ``neighbours``."""
    colour_frames: int = 4
    """Frames to which a piece's colours are matched."""
    chunk_frames: int = 300
    """Frames that are compared at once: 300 x 19 kB, twice."""
    min_wings: float = 0.98
    """Share of the wings that the other recording must show: it is used whole or not at all."""


@dataclass(frozen=True)
class VisitingFiguresTuning:
    """What is in one visit alone (``visiting_figures.py``)."""

    min_voters: int = 2
    """Other visits that must agree. One alone is right in 0.42 to 0.69 of what it marks."""
    majority: float = 0.5
    """Share of the visits that saw a pixel that more must agree."""
    max_donors: int = 8
    """Visits that vote, the strongest first."""
    levels: float = 20.0
    """Levels by which the borrower must differ; light was matched to a few."""
    misplaced: float = 0.005
    """Share of the picture's height by which an edge may lie elsewhere: cameras are 1 to 2 pixels of 480 wrong."""
    thickness: float = 0.015
    """Share of the picture's height that a difference must be thick: outlines are thinner."""
    min_area: float = 0.0008
    """Share of the picture that it must cover where it is thick and clear."""
    light_scales: tuple[float, ...] = (0.3, 0.1)
    """As in ``LendingTuning``; finer boxes would take a figure for light."""


@dataclass(frozen=True)
class SetsTuning:
    """All of it."""

    descriptor: DescriptorTuning = field(default_factory=DescriptorTuning)
    candidates: CandidateTuning = field(default_factory=CandidateTuning)
    proof: ProofTuning = field(default_factory=ProofTuning)
    linking: LinkingTuning = field(default_factory=LinkingTuning)
    lending: LendingTuning = field(default_factory=LendingTuning)
    set_canvas: SetCanvasTuning = field(default_factory=SetCanvasTuning)
    visiting_figures: VisitingFiguresTuning = field(default_factory=VisitingFiguresTuning)
    same_footage: SameFootageTuning = field(default_factory=SameFootageTuning)


TUNING: Final = SetsTuning()
