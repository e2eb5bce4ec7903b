"""From what one shot's frames show to where the source's picture lies in them, as a viewer sees it."""

from __future__ import annotations

from fractions import Fraction

from remaster.imaging.geometry import Window
from remaster.media.subtitles.places import Place
from remaster.media.types import VideoInfo

_A, _B, _C, _D = 0, 1, 3, 4  # of a display matrix: x' = a x + c y, y' = b x + d y


def place_of(window: Window, info: VideoInfo) -> Place:
    """Where the whole picture of ``info``, bars included, lies in ``window``, turned and mirrored as it is shown."""
    whole = _whole(info)
    left, above = window.x - window.active.x + whole[0], window.y - window.active.y + whole[1]
    across = left / window.width, whole[2] / window.width
    down = above / window.height, whole[3] / window.height
    matrix = info.display or (1, 0, 0, 0, 1)
    turned = abs(matrix[_B]) > abs(matrix[_A])
    if turned:
        across, down = down, across
    flip_x, flip_y = (matrix[_C] < 0, matrix[_B] < 0) if turned else (matrix[_A] < 0, matrix[_D] < 0)
    (x, width), (y, height) = _flipped(*across, flip_x), _flipped(*down, flip_y)
    return Place(x, y, width, height)


def _whole(info: VideoInfo) -> tuple[Fraction, Fraction, Fraction, Fraction]:
    """Left and upper edge, width and height of the source's whole picture in pixels of ``info``'s frames.

    These are all of it, but where a part was scaled into the frame of the rest, its bars cut off.
    """
    treatment = info.treatment
    if treatment is None or treatment.frame is None or (shown := treatment.stored.shown) is None:
        return Fraction(0), Fraction(0), Fraction(info.width), Fraction(info.height)
    by_x, by_y = Fraction(info.width, shown.width), Fraction(info.height, shown.height)
    stored = treatment.stored
    return -shown.x * by_x, -shown.y * by_y, stored.width * by_x, stored.height * by_y


def _flipped(start: Fraction, size: Fraction, flip: bool) -> tuple[Fraction, Fraction]:
    return (1 - start - size if flip else start), size
