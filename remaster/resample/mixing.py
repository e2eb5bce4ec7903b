"""Where wings come from, and those of a shot that passes into its neighbours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from remaster.media.types import Plane
from remaster.resample.origins import Origins
from remaster.resample.samples import Floats
from remaster.resample.shares import WingShares

Wings = Sequence[Sequence[Floats]]
"""``[patch][plane]`` over the patches' rectangles, without grain."""
Prediction = Sequence[Sequence[npt.NDArray[np.generic]]]


class WingSource(Protocol):
    """Where a shot's wings come from."""

    def predict(self, index: int, planes: Sequence[Plane]) -> Prediction:
        """``[patch][plane]`` over the patches' rectangles; the object returned before where it is the same."""
        ...

    def origins(self, index: int) -> list[Origins]:
        """``[patch]``: which of these pixels come from where; ``index`` was asked for last."""
        ...

    @property
    def shares(self) -> WingShares | None:
        """What the wings predicted so far are made of; None where the shot tells (``shares.planned_shares``)."""
        ...


class Neighbour(Protocol):
    """The shot before or after, as it was drawn last."""

    @property
    def wings(self) -> Wings:
        """The wings."""
        ...

    @property
    def last_shares(self) -> WingShares:
        """What they are made of."""
        ...

    def wing_origins(self) -> list[Origins]:
        """Which of their pixels come from where."""
        ...


class MixedWings:
    """A shot's ``own`` wings, mixed with those of its neighbours, ``beside`` (before, after), by ``mix`` as `Shot.mix`.

    ``planned`` is what its own wings are made of, where these do not tell.
    """

    def __init__(
        self,
        own: WingSource,
        planned: WingShares,
        beside: tuple[Neighbour | None, Neighbour | None],
        mix: npt.NDArray[np.float32],
    ):
        self._own, self._planned = own, planned
        known = np.array([[neighbour is not None] for neighbour in beside])
        self._mix: Floats = np.asarray(mix * known, np.float32)
        self._beside = beside

    def predict(self, index: int, planes: Sequence[Plane]) -> Prediction:
        """``[patch][plane]`` of frame ``index``."""
        drawn, shares = self._own.predict(index, planes), self._mix[:, index]
        if not shares.any():
            return drawn
        rest = np.float32(1 - shares.sum())
        mixed = [[rest * np.asarray(plane, np.float32) for plane in patch] for patch in drawn]
        for neighbour, share in zip(self._beside, shares, strict=True):
            if neighbour is not None and share:
                for patch, other in zip(mixed, neighbour.wings, strict=True):
                    for plane, theirs in zip(patch, other, strict=True):
                        plane += share * theirs
        return mixed

    def origins(self, index: int) -> list[Origins]:
        """``[patch]`` of frame ``index``: those of what it shows most of."""
        shares = self._mix[:, index]
        neighbour = self._beside[int(shares.argmax())]
        if neighbour is None or float(shares.max()) <= 1 - float(shares.sum()):
            return self._own.origins(index)
        return neighbour.wing_origins()

    @property
    def shares(self) -> WingShares:
        """What all the wings of the shot are made of."""
        before, after = (WingShares() if n is None else n.last_shares for n in self._beside)
        return (self._own.shares or self._planned).mixed(before, after, self._mix)
