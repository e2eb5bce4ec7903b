"""Framing chooses the side at which fewer characters are cut."""

from __future__ import annotations

import numpy as np
import pytest
from resample_scene import YUV420P, window_of

from remaster.arrays import Affine, Mask
from remaster.imaging.camera import IDENTITY, compose, translation
from remaster.resample.framing import choose_framing, cut_foreground, invented, joined_sides
from remaster.resample.tuning import ResampleSettings


def masks(*boxes: tuple[int, int, int, int], keyframes: int = 4) -> Mask:
    """Foreground boxes (x, y, width, height) on proxies of 160 x 120."""
    drawn = np.zeros((keyframes, 120, 160), bool)
    for x, y, width, height in boxes:
        drawn[:, y : y + height, x : x + width] = True
    return drawn


def chosen(figures: Mask, settings: ResampleSettings | None = None, vertical: bool = False) -> float:
    """What is chosen for a camera at rest."""
    resting = np.repeat(IDENTITY[None], 10, axis=0)
    return choose_framing(figures, resting, settings or ResampleSettings(), 1 / 3, vertical)


def rest_and_pan(travel: float, vertical: bool = False) -> Affine:
    """A camera that rests for 20 frames and then goes ``travel`` pixels in 20 more."""
    way = np.concatenate([np.zeros(20), np.linspace(0, travel, 20)])
    return np.stack([translation(*((0.0, x) if vertical else (x, 0.0))) for x in way])


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
def test_the_original_sits_where_characters_are_cut(
    box: tuple[int, int, int, int], vertical: bool, framing: float
) -> None:
    assert chosen(masks(box), vertical=vertical) == framing


def test_a_figure_cut_on_both_sides_leaves_it_in_the_centre() -> None:
    assert chosen(masks((0, 10, 160, 100))) == 0.5


def test_the_penalty_decides_how_soon_it_leaves() -> None:
    figure = masks((0, 20, 30, 40))
    assert chosen(figure, ResampleSettings(framing_penalty=0.0)) == 0.0
    assert chosen(figure, ResampleSettings(framing_penalty=0.5)) == 0.5


@pytest.mark.parametrize("vertical", [False, True])
@pytest.mark.parametrize(("way", "framing"), [(1, 0.0), (-1, 1.0)])
def test_the_original_sits_where_less_must_be_invented(way: int, framing: float, vertical: bool) -> None:
    nobody, settings = masks(), ResampleSettings()
    cameras = rest_and_pan(way * 160.0, vertical)
    assert choose_framing(nobody, cameras, settings, 1 / 3, vertical) == framing
    steady = rest_and_pan(way * 160.0, vertical)[20:]
    assert choose_framing(nobody, steady, settings, 1 / 3, vertical) == 0.5


def test_invented_is_what_no_frame_shows() -> None:
    still = np.repeat(IDENTITY[None], 4, axis=0)
    assert invented(still, (160, 120), 1 / 3, 0.5, False) == pytest.approx(1.0)
    # One wing is seen whole by the other frame, the other by none.
    two = np.stack([IDENTITY, translation(80.0, 0.0)])
    assert invented(two, (160, 120), 1 / 3, 0.5, False) == pytest.approx(0.5)
    assert invented(two, (160, 120), 0.5, 1.0, False) == pytest.approx(0.5)
    near = compose(translation(40.0, 30.0), np.array([[0.5, 0.0, 0.0], [0.0, 0.5, 0.0]]))
    assert invented(np.stack([IDENTITY, near]), (160, 120), 0.5, 0.5, True) == pytest.approx(2 / 3, abs=0.01)
