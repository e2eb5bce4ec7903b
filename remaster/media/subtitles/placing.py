"""From what one shot's frames show to where the source's picture lies in them, as a viewer sees it."""

from __future__ import annotations

from fractions import Fraction

from remaster.geometry import Window
from remaster.media.subtitles.places import Place
from remaster.media.types import VideoInfo

_A, _B, _C, _D = 0, 1, 3, 4  # of a display matrix: x' = a x + c y, y' = b x + d y


def place_of(window: Window, info: VideoInfo) -> Place:
    """Where the whole picture of ``info``, bars included, lies in ``window``, turned and mirrored as it is shown."""
    across = Fraction(window.x - window.active.x, window.width), Fraction(info.width, window.width)
    down = Fraction(window.y - window.active.y, window.height), Fraction(info.height, window.height)
    matrix = info.display or (1, 0, 0, 0, 1)
    turned = abs(matrix[_B]) > abs(matrix[_A])
    if turned:
        across, down = down, across
    flip_x, flip_y = (matrix[_C] < 0, matrix[_B] < 0) if turned else (matrix[_A] < 0, matrix[_D] < 0)
    (x, width), (y, height) = _flipped(*across, flip_x), _flipped(*down, flip_y)
    return Place(x, y, width, height)


def _flipped(start: Fraction, size: Fraction, flip: bool) -> tuple[Fraction, Fraction]:
    return (1 - start - size if flip else start), size
