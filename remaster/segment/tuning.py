"""The tuned numbers of ``segment``, one dataclass per subject. Working pixels are those of the compared pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class MotionTuning:
    """Differences from the aligned median (``motion_segmenter.py``)."""

    max_canvas: float = 12.0
    """Canvas area in frames; keyframes of a longer camera path are handled in parts."""
    min_votes: int = 3
    """Pictures that must show a place before two can outvote an odd one."""
    noise_sigmas: float = 5.0
    """Standard deviations of the grain from which on a difference counts."""
    sigma: float = 0.8
    """Working pixels of the Gaussian that smooths differences."""
    max_correction: float = 3.0
    """Working pixels of corner error: a camera that is corrected by more was aligned wrongly."""


@dataclass(frozen=True)
class ScreenFixedTuning:
    """What is fixed on the screen (``motion_segmenter.py``)."""

    height: int = 120
    """Rows at which pictures are compared."""
    min_shift: float = 0.06
    """Share of the picture's width by which the camera must move a place between two pictures that are compared."""
    partners: int = 4
    """Pictures that each one is compared with at most."""
    majority: float = 0.75
    """Share of the comparisons that distinguish rest from the camera's motion which must support rest."""
    min_count: int = 3
    """How many must support rest, ..."""
    min_share: float = 0.1
    """... and what share of all comparisons of the place: inside large plain areas few distinguish."""
    min_edges: float = 0.05
    """Share of a region that has sharp edges, above which it is a drawn thing."""


@dataclass(frozen=True)
class SalientTuning:
    """Figures found by a network (``salient.py``)."""

    u2net_side: int = 320
    """Pixels of the square that U^2-Net was trained on, ..."""
    isnet_side: int = 1024
    """... and of IS-Net's."""
    speck: float = 0.001
    """Share of the picture under which a region is dropped."""
    same: float = 0.7
    """Share of the larger of two regions that both must have in common to be the same thing."""


@dataclass(frozen=True)
class SegmentTuning:
    """All of it."""

    motion: MotionTuning = MotionTuning()
    fixed: ScreenFixedTuning = ScreenFixedTuning()
    salient: SalientTuning = SalientTuning()


TUNING: Final = SegmentTuning()
