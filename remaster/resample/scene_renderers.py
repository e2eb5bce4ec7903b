"""The renderers of a scene's shots; at dissolves, each gets the last or first wings of the neighbouring shots.

In come shots and a way to make their renderers; out go the renderers, in the order of the shots.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from remaster.arrays import Plane
from remaster.records import Shot
from remaster.resample.rendering import ShotWings, WingRenderer


class SceneRenderers:
    """Makes the renderers of a scene's shots when they are first needed; they must be used in the order of the shots.

    ``make(shot, before, after)`` makes one: where the shot dissolves, with the last wings of the shot before it and the
    first ones of the shot after it. ``read(frame)`` returns the planes of the active picture of a scene's frame. The
    shot before should have been rendered to its end; if it has not, its last frame is rendered here.
    """

    def __init__(
        self,
        shots: Sequence[Shot],
        make: Callable[[Shot, ShotWings | None, ShotWings | None], WingRenderer],
        read: Callable[[int], Sequence[Plane]],
    ):
        self._shots, self._make, self._read = shots, make, read
        self._made: dict[int, WingRenderer] = {}

    def renderer(self, shot: Shot) -> WingRenderer:
        """Return the renderer of a shot; those of shots earlier than the one before it are freed."""
        return self._renderer(self._number(shot))

    def neighbours(self, shot: Shot) -> tuple[Shot, Shot]:
        """Return the shots before and after one; the shot itself where there is none."""
        number = self._number(shot)
        return self._shots[max(number - 1, 0)], self._shots[min(number + 1, len(self._shots) - 1)]

    def _number(self, shot: Shot) -> int:
        return next(i for i, one in enumerate(self._shots) if one is shot)

    def _renderer(self, number: int) -> WingRenderer:
        """Return the renderer of the shot at an index."""
        self._made = {i: renderer for i, renderer in self._made.items() if i >= number - 1}
        if number not in self._made:
            shot = self._shots[number]
            before, after = (False, False) if shot.mix is None else (bool(share.any()) for share in shot.mix)
            self._made[number] = self._make(
                shot, self._last(number - 1) if before else None, self._first(number + 1) if after else None
            )
        return self._made[number]

    def _last(self, number: int) -> ShotWings:
        """Return the wings of a shot's last frame."""
        renderer, shot = self._renderer(number), self._shots[number]
        if not renderer.wings:
            renderer.render(shot.end - 1 - shot.start, self._read(shot.end - 1), False)
        return renderer.last_wings()

    def _first(self, number: int) -> ShotWings:
        """Return the wings of a shot's first frame."""
        renderer = self._renderer(number)
        renderer.render(0, self._read(self._shots[number].start), False)
        return renderer.last_wings()
