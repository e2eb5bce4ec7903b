"""Computes a shot's ``Place`` from its window and the display matrix."""

from __future__ import annotations

from fractions import Fraction

from remaster.imaging.geometry import Window
from remaster.media.subtitles.places import Place
from remaster.media.types import VideoInfo

_A, _B, _C, _D = 0, 1, 3, 4  # of a display matrix: x' = a x + c y, y' = b x + d y


def place_of(window: Window, info: VideoInfo) -> Place:
    """Where the whole picture of ``info``, bars included, lies in ``window``, rotated and mirrored for display."""
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
    """Left and top edge, width and height of the source's whole picture in pixels of ``info``'s frames.

    It is the frame itself, unless this part was cropped and scaled into the frame of the rest of the video.
    """
    treatment = info.treatment
    if treatment is None or treatment.frame is None or (visible := treatment.stored.visible) is None:
        return Fraction(0), Fraction(0), Fraction(info.width), Fraction(info.height)
    by_x, by_y = Fraction(info.width, visible.width), Fraction(info.height, visible.height)
    stored = treatment.stored
    return -visible.x * by_x, -visible.y * by_y, stored.width * by_x, stored.height * by_y


def _flipped(start: Fraction, size: Fraction, flip: bool) -> tuple[Fraction, Fraction]:
    return (1 - start - size if flip else start), size
