"""What a shot's wings are made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace

import numpy as np

from remaster.geometry import Window
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


def mixed_shares(shots: Sequence[Shot], number: int, window: Window) -> WingShares:
    """The shares of a transition, the shot of that number: those of the shots on both sides as it mixes them.

    A single frame of each is drawn: the last before it, the first after it.
    """
    before, mix, after = shots[number - 1], shots[number].mix, shots[number + 1]
    share = 0.0 if mix is None else float(np.mean(mix))
    one, other = (
        astuple(planned_shares(replace(shot, cameras=shot.cameras[at]), window))
        for shot, at in ((before, slice(-1, None)), (after, slice(0, 1)))
    )
    return WingShares(*(a + share * (b - a) for a, b in zip(one, other, strict=True)))
