"""Which pairs of backgrounds are proved to show one set."""

from __future__ import annotations

from dataclasses import asdict

import cv2
import numpy as np
import pytest
from set_scenes import SIZE, at, by_night, described, view

from remaster.arrays import Affine, Rgb
from remaster.imaging.camera import compose, corner_error, invert
from remaster.sets.proof import prove

FIGURES = ((90.0, 120.0), 150.0), ((160.0, 120.0), 170.0), ((230.0, 120.0), 150.0)


def off(found: Affine, first: Affine, second: Affine) -> float:
    """Pixels by which a camera between two views of one room is wrong at the corners."""
    return float(corner_error(found, compose(invert(second), first), *SIZE))


@pytest.mark.parametrize("scale", [0.5, 0.8, 1.0, 1.4, 2.0])
def test_a_set_is_known_from_nearer_and_farther(scale: float) -> None:
    first, second = at(150, 120), at(150 - 90 * (scale - 1), 120 - 105 * (scale - 1), scale)
    link = prove(described("a", view(1, first)), described("b", view(1, second)))
    assert link is not None
    assert off(link.camera, first, second) < 2.0
    assert link.error < 12


def test_the_sides_that_the_other_shows_are_proved_and_no_others() -> None:
    first, second = at(100, 120), at(190, 120)
    link = prove(described("a", view(2, first)), described("b", view(2, second)))
    assert link is not None
    assert "right" in link.sides_a and "left" not in link.sides_a
    assert "left" in link.sides_b and "right" not in link.sides_b


def test_figures_that_come_and_go_do_not_hide_the_set() -> None:
    first, second = at(100, 120), at(150, 120)
    here, there = view(3, first, ((120.0, 130.0), 110.0)), view(3, second, ((200.0, 120.0), 110.0))
    link = prove(described("a", here), described("b", there))
    assert link is not None
    assert off(link.camera, first, second) < 2.0


@pytest.mark.parametrize("seed", [4, 5, 6])
def test_figures_that_stand_in_two_rooms_prove_nothing(seed: int) -> None:
    here, there = view(seed, at(100, 120), *FIGURES), view(seed + 100, at(100, 120), *FIGURES)
    assert prove(described("a", here), described("b", there)) is None


def test_other_light_is_compensated_or_refused() -> None:
    first, second = at(100, 120), at(150, 120)
    day, night = view(7, first), by_night(view(7, second))
    link = prove(described("a", day), described("b", night))
    if link is not None:
        assert off(link.camera, first, second) < 2.0
        assert link.error < 12
    dark = by_night(view(7, second), 0.1)
    assert prove(described("a", day), described("b", dark)) is None


def card(text: str, level: int = 10) -> Rgb:
    picture = np.full((SIZE[1], SIZE[0], 3), level, np.uint8)
    cv2.putText(picture, text, (40, 130), cv2.FONT_HERSHEY_TRIPLEX, 1.4, (240, 230, 210), 2, cv2.LINE_AA)
    return picture


def sky(top: int) -> Rgb:
    ramp = np.linspace(top, top + 70, SIZE[1])[:, None, None]
    return np.broadcast_to(ramp + np.array([-40, 0, 30]), (SIZE[1], SIZE[0], 3)).clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize(
    ("one", "two"),
    [
        (card("Chapter I"), card("Chapter I")),
        (card("Chapter I"), card("Chapter II")),
        (card("", 0), card("", 0)),
        (sky(120), sky(120)),
        (card("", 150), card("", 150)),
    ],
    ids=["same card", "other card", "black", "sky", "wall"],
)
def test_what_has_no_structure_proves_nothing(one: Rgb, two: Rgb) -> None:
    assert prove(described("a", one), described("b", two)) is None


def test_other_rooms_are_refused() -> None:
    views = [described(f"{seed}", view(seed, at(100, 120))) for seed in range(8, 13)]
    assert not [1 for i, a in enumerate(views) for b in views[:i] if prove(a, b) is not None]


def test_the_order_of_the_two_does_not_matter() -> None:
    one, two = described("a", view(2, at(100, 120))), described("b", view(2, at(170, 130, 1.2)))
    link, again, back = prove(one, two), prove(one, two), prove(two, one)
    assert link is not None and again is not None and back is not None
    assert str(asdict(link)) == str(asdict(again))
    assert str(asdict(back)) == str(asdict(link.reversed()))
    assert (back.a, back.sides_a) == ("b", link.sides_b)


@pytest.mark.parametrize("sar", [8 / 9, 64 / 45])
def test_a_set_is_known_again_in_a_video_with_other_pixels(sar: float) -> None:
    first, second = at(100, 120), at(100, 120, 1.5)
    wide = view(1, second)
    squeezed = cv2.resize(wide, (round(SIZE[0] / sar), SIZE[1]), interpolation=cv2.INTER_AREA)
    stretch = np.array([[SIZE[0] / squeezed.shape[1], 0.0, 0.0], [0.0, 1.0, 0.0]])
    stretch[0, 2] = stretch[0, 0] / 2 - 0.5
    link = prove(described("a", view(1, first)), described("b", np.asarray(squeezed, np.uint8), sar=sar))
    assert link is not None
    assert off(link.camera, first, compose(second, stretch)) < 2.0


def furnished(seed: int, wall: tuple[int, int, int], floor: tuple[int, int, int]) -> Rgb:
    """A flat room, 240 x 420: things of many colours before a wall and on a floor; which things, ``seed`` says."""
    rng = np.random.default_rng(seed)
    picture = np.full((240, 420, 3), wall, np.uint8)
    picture[170:] = floor
    for x in range(10, 380, 52):
        colour, inner = (tuple(int(v) for v in rng.integers(20, 250, 3)) for _ in range(2))
        top, wide = int(rng.integers(20, 90)), int(rng.integers(30, 46))
        cv2.rectangle(picture, (x, top), (x + wide, 200), colour, -1)
        cv2.rectangle(picture, (x, top), (x + wide, 200), (20, 20, 20), 2)
        cv2.circle(picture, (x + wide // 2, top + 24), int(rng.integers(6, 14)), inner, -1, cv2.LINE_AA)
        cv2.line(picture, (x, top + 60), (x + wide, top + int(rng.integers(44, 70))), inner, 3, cv2.LINE_AA)
    return picture


@pytest.mark.parametrize("seed", range(1, 9))
def test_a_room_with_the_same_things_before_another_wall_is_refused(seed: int) -> None:
    """A colour matrix fits the walls and floors of both; what stands there says that it is paint, and not light."""
    room = furnished(seed, (200, 150, 160), (120, 80, 50))
    other = furnished(seed, (110, 170, 210), (70, 110, 90))
    darker = furnished(seed, (160, 110, 120), (120, 80, 50))
    assert prove(described("a", room[:, :320]), described("b", room[:, 60:380])) is not None
    assert prove(described("a", room[:, :320]), described("b", other[:, 60:380])) is None
    assert prove(described("a", room[:, :320]), described("b", darker[:, 60:380])) is None
    tinted = np.clip(room * np.array([0.55, 0.62, 0.8]) + (2, 4, 14), 0, 255).astype(np.uint8)
    assert prove(described("a", room[:, :320]), described("b", tinted[:, 60:380])) is not None
