"""Camera moves over a painted set: views keyed in time, eased, and turned into the truth's affine cameras."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from remaster.arrays import Affine


@dataclass(frozen=True)
class View:
    """What the frame shows: its centre in the set's pixels, and set pixels per square display pixel."""

    x: float
    y: float
    scale: float = 1.0


@dataclass(frozen=True)
class Key:
    """The view at a frame of the shot. ``ease`` starts the move away from it, and ends the move to it, gently."""

    frame: int
    view: View
    ease: bool = True


def hold(view: View) -> tuple[Key, ...]:
    """A camera that does not move."""
    return (Key(0, view),)


def move(start: View, end: View, first: int, last: int, ease: bool = True) -> tuple[Key, ...]:
    """Hold ``start`` until frame ``first``, move, and hold ``end`` from frame ``last`` on."""
    return (Key(first, start, ease), Key(last, end, ease))


def view_at(keys: tuple[Key, ...], frame: float) -> View:
    """The view at a frame (fractions lie between frames); before the first and after the last key it holds.

    Centres move in proportion, scales geometrically, so that a zoom's speed looks constant.
    """
    if frame <= keys[0].frame or len(keys) == 1:
        return keys[0].view
    if frame >= keys[-1].frame:
        return keys[-1].view
    after = next(i for i, key in enumerate(keys) if key.frame > frame)
    a, b = keys[after - 1], keys[after]
    t = (frame - a.frame) / (b.frame - a.frame)
    if a.ease and b.ease:
        t = t * t * (3 - 2 * t)
    elif a.ease:
        t = t * t
    elif b.ease:
        t = t * (2 - t)
    u, v = a.view, b.view
    return View(u.x + (v.x - u.x) * t, u.y + (v.y - u.y) * t, float(u.scale * (v.scale / u.scale) ** t))


def camera_of(view: View, width: int, height: int, sar: Fraction) -> Affine:
    """The (2, 3) camera that takes stored pixels of a ``width x height`` frame to the set's pixels."""
    sx, sy = view.scale * float(sar), view.scale
    return np.array(
        [
            [sx, 0.0, view.x - 0.5 + sx * (0.5 - width / 2)],
            [0.0, sy, view.y - 0.5 + sy * (0.5 - height / 2)],
        ]
    )
