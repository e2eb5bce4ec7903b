from __future__ import annotations

import cv2
import numpy as np
import pytest

from remaster.detect.cuts import find_setups
from remaster.detect.similarity import Thumb
from remaster.detect.tuning import TUNING

RECENT = TUNING.similarity.recent_setups

HEIGHT, WIDTH = 96, 128
AREA = 0.65


def view(seed: int, figure: int | None = None, shift: float = 0, light: float = 0) -> Thumb:
    """A painted set, with a character in front of it where ``figure`` says."""
    rng = np.random.default_rng(seed)
    coarse = rng.uniform(20, 220, (12, 16)).astype(np.float32)
    picture = cv2.resize(coarse, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC) + rng.normal(0, 2, (HEIGHT, WIDTH))
    picture = cv2.warpAffine(
        picture.astype(np.float32),
        np.array([[1, 0, shift], [0, 1, 0.0]]),
        (WIDTH, HEIGHT),
        borderMode=cv2.BORDER_REFLECT,
    )
    if figure is not None:
        cv2.ellipse(picture, (figure, 60), (14, 36), 0, 0, 360, 240.0, -1)
    return np.asarray(picture + light, np.float32)


def setups(*runs: tuple[Thumb, ...], frames: int = 50, max_frames: int = 2400) -> tuple[int, ...]:
    return find_setups([frames] * len(runs), runs, AREA, max_frames)


def test_a_dialogue_has_two_setups_whoever_stands_where() -> None:
    assert setups(
        (view(1, 30), view(1, 40)),
        (view(2, 90), view(2, 80)),
        (view(1, 44), view(1, 30)),
        (view(2, 84), view(2, 90)),
        (view(3, 30), view(3, 30)),
        (view(1, 60, shift=0.7), view(1)),
    ) == (0, 1, 0, 1, 4, 0)


@pytest.mark.parametrize("other", [view(1, shift=14), view(9), view(1, 64) * 0 + 16])
def test_another_framing_another_set_and_black_are_not_the_same(other: Thumb) -> None:
    assert setups((view(1), view(1)), (other, other)) == (0, 1)


def test_black_is_never_the_same_as_black() -> None:
    black = np.full((HEIGHT, WIDTH), 16, np.float32)
    assert setups((black, black), (view(1), view(1)), (black, black)) == (0, 1, 2)


def test_both_ends_of_a_run_must_be_known_places() -> None:
    assert setups((view(1),), (view(1), view(2))) == (0, 1)
    assert setups((view(1),), (view(1),)) == (0, 0)
    assert setups((view(1),), (), (view(1),)) == (0, 1, 0)


def test_a_scene_stays_bounded() -> None:
    runs = [(view(1), view(1))] * 5
    assert setups(*runs, frames=50, max_frames=100) == (0, 0, 2, 2, 4)
    assert setups(*runs, max_frames=0) == (0, 1, 2, 3, 4)


def test_setups_long_gone_are_forgotten() -> None:
    others = [(view(seed),) for seed in range(10, 10 + RECENT)]
    assert setups((view(1),), *others, (view(1),))[-1] == RECENT + 1
