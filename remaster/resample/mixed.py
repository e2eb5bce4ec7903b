"""Wings of a gradual transition: those of the shots on both sides, mixed as the picture is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from remaster.media.types import Plane
from remaster.records import Shot
from remaster.resample.render import WingRenderer, WingSource

Drawn = Sequence[Sequence[npt.NDArray[Any]]]


class MixedWings:
    """The last wings ``before`` a transition and the first ones ``after`` it, ``[patch][plane]``, mixed by ``shares``
    float32 (n,) of the latter.
    """

    def __init__(self, before: Drawn, after: Drawn, shares: npt.NDArray[np.float32]):
        self._before, self._after, self._shares = before, after, shares

    def predict(self, index: int, planes: Sequence[Plane]) -> list[list[npt.NDArray[Any]]]:
        """``[patch][plane]`` of frame ``index`` of the transition."""
        share = np.float32(self._shares[index])
        return [
            [a + share * (b - a) for a, b in zip(first, last, strict=True)]
            for first, last in zip(self._before, self._after, strict=True)
        ]


class SceneRenderers:
    """The renderers of a scene's shots, asked for in the order of the shots, each made when it is first needed.

    ``make(shot, source)`` makes one; with a ``source`` its wings come from there. ``read(frame)`` gives the planes of
    the active picture of a scene's frame. A transition needs the last wings of the shot before it, which must have been
    drawn, and the first ones of the shot after it, which are drawn here.
    """

    def __init__(
        self,
        shots: Sequence[Shot],
        make: Callable[[Shot, WingSource | None], WingRenderer],
        read: Callable[[int], Sequence[Plane]],
    ):
        self.shots, self._make, self._read = shots, make, read
        self._made: dict[int, WingRenderer] = {}

    def of(self, shot: Shot) -> WingRenderer:
        """The renderer of one of the shots; those of the shots before the one before it are let go."""
        return self._numbered(next(i for i, one in enumerate(self.shots) if one is shot))

    def _numbered(self, number: int) -> WingRenderer:
        self._made = {i: renderer for i, renderer in self._made.items() if i >= number - 1}
        if number not in self._made:
            shot = self.shots[number]
            self._made[number] = self._make(shot, self._mixed(number, shot))
        return self._made[number]

    def _mixed(self, number: int, shot: Shot) -> WingSource | None:
        """Where a transition's wings come from; None for other shots."""
        if shot.mix is None:
            return None
        before, after = self._numbered(number - 1), self._numbered(number + 1)
        after.render(0, self._read(self.shots[number + 1].start), False)
        if not before.wings:  # Nothing of it was drawn, as where only some frames are asked for.
            last = self.shots[number - 1].end - 1
            before.render(last - self.shots[number - 1].start, self._read(last), False)
        return MixedWings(before.wings, after.wings, shot.mix)
