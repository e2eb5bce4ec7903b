"""Renderers of shots that pass into each other: each is given the wings that its neighbours end and begin with."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from remaster.arrays import Plane
from remaster.records import Shot
from remaster.resample.rendering import Beside, WingRenderer


class SceneRenderers:
    """The renderers of a scene's shots, asked for in the order of the shots, each made when it is first needed.

    ``make(shot, before, after)`` makes one; where the shot is mixed with them it is given the last wings of the shot
    before it, and the first ones of the shot after it. ``read(frame)`` gives the planes of the active picture of a
    scene's frame. The shot before should have been drawn to its end; where it has not, its last frame is drawn.
    """

    def __init__(
        self,
        shots: Sequence[Shot],
        make: Callable[[Shot, Beside | None, Beside | None], WingRenderer],
        read: Callable[[int], Sequence[Plane]],
    ):
        self._shots, self._make, self._read = shots, make, read
        self._made: dict[int, WingRenderer] = {}

    def of(self, shot: Shot) -> WingRenderer:
        """The renderer of one of the shots; those of the shots before the one before it are let go."""
        return self._numbered(self._number(shot))

    def beside(self, shot: Shot) -> tuple[Shot, Shot]:
        """The shots before and after one; itself where there is none."""
        number = self._number(shot)
        return self._shots[max(number - 1, 0)], self._shots[min(number + 1, len(self._shots) - 1)]

    def _number(self, shot: Shot) -> int:
        return next(i for i, one in enumerate(self._shots) if one is shot)

    def _numbered(self, number: int) -> WingRenderer:
        self._made = {i: renderer for i, renderer in self._made.items() if i >= number - 1}
        if number not in self._made:
            shot = self._shots[number]
            before, after = (False, False) if shot.mix is None else (bool(way.any()) for way in shot.mix)
            self._made[number] = self._make(
                shot, self._last(number - 1) if before else None, self._first(number + 1) if after else None
            )
        return self._made[number]

    def _last(self, number: int) -> Beside:
        """The wings of a shot's last frame."""
        renderer, shot = self._numbered(number), self._shots[number]
        if not renderer.wings:
            renderer.render(shot.end - 1 - shot.start, self._read(shot.end - 1), False)
        return renderer.beside()

    def _first(self, number: int) -> Beside:
        """The wings of a shot's first frame."""
        renderer = self._numbered(number)
        renderer.render(0, self._read(self._shots[number].start), False)
        return renderer.beside()
