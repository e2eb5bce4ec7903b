"""Renderers of shots that pass into each other: each is given the wings that its neighbours end and begin with."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from remaster.media.types import Plane
from remaster.records import Shot
from remaster.resample.mixing import Neighbour
from remaster.resample.render import WingRenderer


class SceneRenderers:
    """The renderers of a scene's shots, asked for in the order of the shots, each made when it is first needed.

    ``make(shot, before, after)`` makes one; where the shot is mixed with them it is given the shot before it, drawn to
    its end (or, where nothing of that was drawn, its last frame), and the shot after it, of which the first frame is
    drawn. ``read(frame)`` gives the planes of the active picture of a scene's frame.
    """

    def __init__(
        self,
        shots: Sequence[Shot],
        make: Callable[[Shot, Neighbour | None, Neighbour | None], WingRenderer],
        read: Callable[[int], Sequence[Plane]],
    ):
        self._shots, self._make, self._read = shots, make, read
        self._made: dict[int, WingRenderer] = {}

    def of(self, shot: Shot) -> WingRenderer:
        """The renderer of one of the shots; those of the shots before the one before it are let go."""
        return self._numbered(self._number(shot))

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

    def _last(self, number: int) -> Neighbour:
        """A shot of which the last frame is drawn."""
        renderer, shot = self._numbered(number), self._shots[number]
        if not renderer.wings:
            renderer.render(shot.end - 1 - shot.start, self._read(shot.end - 1), False)
        return renderer

    def _first(self, number: int) -> Neighbour:
        """A shot of which the first frame is drawn."""
        renderer = self._numbered(number)
        renderer.render(0, self._read(self._shots[number].start), False)
        return renderer
