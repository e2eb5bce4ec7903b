"""What a shot's wings are made of."""

from __future__ import annotations

from dataclasses import astuple, dataclass

import numpy as np
import numpy.typing as npt

from remaster.imaging.geometry import Window
from remaster.records import Shot
from remaster.resample.recovered import recovered_share


@dataclass(frozen=True)
class WingShares:
    """Shares 0-1 of a shot's wing pixels, over its frames, that sum to 1; all 0 where there are no wings.

    ``recovered`` show the shot's background where frames saw it, ``propagated`` pixels of the frames near in time,
    ``generated`` what an inpainter made, ``soft`` the soft fill.
    """

    recovered: float = 0.0
    propagated: float = 0.0
    generated: float = 0.0
    soft: float = 0.0

    def mixed(self, before: WingShares, after: WingShares, mix: npt.NDArray[np.float32]) -> WingShares:
        """The shares of a shot that passes into those ``before`` and ``after`` it as ``mix`` (2, n) says."""
        first, last = mix.mean(axis=1).tolist()
        parts = zip(astuple(self), astuple(before), astuple(after), strict=True)
        return WingShares(*((1 - first - last) * own + first * a + last * b for own, a, b in parts))

    @property
    def coverage(self) -> float:
        """The share that some frame of the video shows."""
        return self.recovered + self.propagated


def planned_shares(shot: Shot, window: Window) -> WingShares:
    """The shares of a shot that is drawn from one background, or from none; a propagated one's show while drawn."""
    if not window.wings:
        return WingShares()
    if shot.background is None:
        return WingShares(soft=1.0)
    recovered = recovered_share(shot, window)
    return WingShares(recovered=recovered, generated=1.0 - recovered)
