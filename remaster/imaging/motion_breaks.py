"""Links between neighbouring frames across which the camera's motion cannot be followed: cuts, whips, flashes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from remaster.imaging.camera import IDENTITY, corner_error
from remaster.records import Analysis

BREAK = 0.3
"""Explained share under which two pictures do not belong together."""
WHIP = 0.2
"""Share of the picture's width that a frame must move to be one of a whip."""
FOLLOWED = 0.35
"""Explained share of a motion that is one, and no guess under a large character."""


def whips(analysis: Analysis) -> npt.NDArray[np.bool_]:
    """Frames (n,) of a whip, smeared by the motion of at least ``WHIP`` of the picture's width from one to the next."""
    height, width = analysis.valid.shape
    fast = corner_error(analysis.motion, IDENTITY, width, height) > WHIP * width
    fast &= analysis.explained >= FOLLOWED
    # A whip begins and ends within a frame.
    return np.asarray(np.convolve(fast, np.ones(3), mode="same")[: len(fast)] > 0)
