"""Framing goes where fewer characters are cut."""

from __future__ import annotations

import numpy as np
import pytest
from resample_scene import YUV420P, window_of

from remaster.media.types import Mask
from remaster.resample.framing import choose_framing, cut_foreground, joined_sides
from remaster.resample.settings import ResampleSettings


def masks(*boxes: tuple[int, int, int, int], keyframes: int = 4) -> Mask:
    """Foreground boxes (x, y, width, height) on proxies of 160 x 120."""
    drawn = np.zeros((keyframes, 120, 160), bool)
    for x, y, width, height in boxes:
        drawn[:, y : y + height, x : x + width] = True
    return drawn


def test_only_edges_with_a_wing_count() -> None:
    assert joined_sides(window_of(160, 120, YUV420P)) == ("left", "right")
    assert joined_sides(window_of(160, 120, YUV420P, framing=0.0)) == ("right",)
    assert joined_sides(window_of(160, 120, YUV420P, "9/16", 1.0)) == ("top",)
    assert joined_sides(window_of(161, 121, YUV420P)) == ("left", "right")
    assert joined_sides(window_of(160, 90, YUV420P)) == ()


def test_the_cut_is_the_share_of_join_rows() -> None:
    left_half = masks((0, 20, 30, 60))
    assert cut_foreground(left_half, ("left",)) == pytest.approx(0.5)
    assert cut_foreground(left_half, ("left", "right")) == pytest.approx(0.25)
    assert cut_foreground(left_half, ("right",)) == 0.0
    assert cut_foreground(left_half, ()) == 0.0
    assert cut_foreground(masks((40, 0, 80, 30)), ("top", "bottom")) == pytest.approx(0.25)


def test_keyframes_are_averaged() -> None:
    some = masks((0, 0, 30, 120))
    some[1:] = False
    assert cut_foreground(some, ("left",)) == pytest.approx(0.25)
    assert cut_foreground(some[:0], ("left",)) == 0.0


def test_a_figure_in_the_middle_is_not_cut() -> None:
    assert cut_foreground(masks((50, 10, 60, 100)), ("left", "right")) == 0.0


@pytest.mark.parametrize(
    ("box", "vertical", "framing"),
    [
        ((0, 20, 30, 90), False, 0.0),
        ((130, 20, 30, 90), False, 1.0),
        ((50, 20, 30, 60), False, 0.5),
        ((0, 20, 30, 12), False, 0.5),
        ((10, 0, 120, 20), True, 0.0),
        ((10, 100, 120, 20), True, 1.0),
        ((0, 20, 30, 90), True, 0.5),
    ],
)
def test_the_original_stands_where_characters_are_cut(
    box: tuple[int, int, int, int], vertical: bool, framing: float
) -> None:
    assert choose_framing(masks(box), ResampleSettings(), vertical) == framing


def test_a_figure_cut_on_both_sides_leaves_it_in_the_centre() -> None:
    assert choose_framing(masks((0, 10, 160, 100)), ResampleSettings()) == 0.5


def test_the_penalty_decides_how_soon_it_leaves() -> None:
    figure = masks((0, 20, 30, 40))
    assert choose_framing(figure, ResampleSettings(framing_penalty=0.0)) == 0.0
    assert choose_framing(figure, ResampleSettings(framing_penalty=0.5)) == 0.5
