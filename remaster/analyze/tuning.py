"""The tuned numbers of ``analyze``. Shares of energy are of the detail's; "frame widths" count how far a camera
moves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class TrackingTuning:
    """The camera from frame to frame (``camera_tracking.py``)."""

    bridged: float = 0.6
    """Explained share that joins the pictures before and after a flash."""
    flash_frames: int = 3
    """Frames that a flash may last."""
    max_anchor_frames: int = 24
    """Frames of a moving camera after which a new anchor is taken."""
    check_every: int = 3
    """Every so many frames the camera is measured against the anchor."""
    check_holds_every: int = 6
    """The same in a hold."""
    max_anchor_move: float = 0.3
    """Frame widths of camera motion since the anchor after which a new one is taken."""
    search_every: int = 6
    """Frames after which all motions are searched again where the last one found explains no majority."""
    goes_on: float = 0.9
    """Share of what it explained in the frame before that a motion must explain to go on without a search."""
    faded_area: float = 0.05
    """Share of the picture that must show texture before a dissolve into another picture is believed."""
    faint: float = 0.3
    """Share of another picture's energy under which a picture lies in a fade, and proves nothing."""
    slow: float = 0.1
    """Frame widths since the anchor within which parallax is not mistaken for another picture."""
    rest_correction: float = 0.5
    """Pixels of correction that a resting camera ignores, so that it does not tremble."""
    max_correction: float = 2.0
    """Pixels by which the anchor's measurement may differ from the chained one."""


@dataclass(frozen=True)
class KeyframeTuning:
    """The choice of keyframes (``keyframes.py``)."""

    min_keyframes: int = 4
    """Keyframes that a scene may have whatever its proxies cost."""
    time_weight: float = 0.5
    """Frame widths of camera motion that weigh as much as a whole scene's time."""
    min_quality: float = 0.05
    """Weight of a frame without any detail (black, burnt out) beside a sharp one."""
    same_place: float = 0.03
    """Frame widths within which two frames show nearly the same place."""
    min_detail: float = 0.3
    """Share of the energy of another frame of that place under which a frame adds nothing."""
    min_detail_in_motion: float = 0.75
    """The same of a frame of a fast move."""
    black: float = 0.01
    """Share of the energy of any other frame under which a frame shows nothing."""
    end_weight: float = 10.0
    """Frame widths that protect a segment's first and last frame."""
    at_rest: float = 0.01
    """Frame widths of camera motion under which a scene needs few keyframes."""
    cached_pairs: int = 4096
    """Distances between two candidates that are remembered at most."""


@dataclass(frozen=True)
class TransitionTuning:
    """Gradual transitions (``analysis.py``)."""

    half_window: int = 4
    """Frames before and after a place whose medians are compared."""
    columns: int = 8
    """Columns of cells of a picture, of which the outermost are compared."""
    rows: int = 6
    """Rows of them."""
    min_change: float = 7.0
    """Levels, after compensation of the light, by which half of the outline's cells change. Measured: 9-25 in dissolves
    and morphs of six cartoons, 0-3 over sets at rest, up to 6 before a dancing crowd under confetti."""
    max_motion: float = 0.02
    """Share of the picture's smaller side that the camera may move in the frames compared."""

    @property
    def min_frames(self) -> int:
        """Frames of a transition: a cut or a flash changes the medians for fewer."""
        return 2 * self.half_window


@dataclass(frozen=True)
class AnalyzeTuning:
    """All of it."""

    tracking: TrackingTuning = TrackingTuning()
    keyframes: KeyframeTuning = KeyframeTuning()
    transitions: TransitionTuning = TransitionTuning()


TUNING: Final = AnalyzeTuning()
