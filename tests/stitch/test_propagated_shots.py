"""Shots without a background, and how their wings fade into those beside them."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from moving_scenes import YUV, Clip, two_planes

from remaster.analyze.analysis import analyze
from remaster.imaging.camera import IDENTITY
from remaster.imaging.geometry import window
from remaster.media.types import Rect
from remaster.records import Method, Shot
from remaster.stitch.background_plan import Scene
from remaster.stitch.propagated_shots import with_propagated_wings
from remaster.stitch.tuning import TUNING, StitchSettings

COUNT, BORDER = 30, 14


@pytest.fixture(scope="module")
def moving() -> tuple[Scene, Clip]:
    shown = window(Rect(0, 0, 128, 96), Fraction(1), YUV, Fraction(16, 9), 0.5)
    clip = Clip.of(shown, two_planes(shown, COUNT, (1.0, 1.0)))
    valid = np.ones((96, 128), bool)
    analysis = analyze(clip.footage.small(0, COUNT, 128, 96), valid, 0.0)
    usable = np.ones((len(analysis.keyframes), 96, 128), bool)
    return Scene(analysis, usable, [], shown, None, StitchSettings()), clip


def shot(start: int, end: int, method: Method) -> Shot:
    return Shot(start, end, method, np.repeat(IDENTITY[None], end - start, axis=0), None, 0.5)


def drawn(moving: tuple[Scene, Clip], shots: list[Shot], cuts: list[int]) -> list[Shot]:
    scene, clip = moving
    return with_propagated_wings(scene, ~scene.usable, shots, clip.footage, cuts)


def test_wings_fade_where_the_picture_goes_on_but_never_across_a_cut(moving: tuple[Scene, Clip]) -> None:
    shots = [shot(0, BORDER, "still"), shot(BORDER, COUNT, "ambient")]
    before, faded = drawn(moving, shots, [])
    assert before is shots[0] and faded.method == "propagated"
    assert (
        faded.mix is not None
        and faded.mix[0, 0] > 0.9
        and not faded.mix[:, min(TUNING.propagated.fade_frames, COUNT - BORDER) :].any()
    )
    assert (np.diff(faded.mix[0]) <= 0).all()
    _, cut = drawn(moving, shots, [BORDER])
    assert cut.method == "propagated" and cut.mix is None


@pytest.mark.parametrize(("cuts", "first", "last"), [([], 0.83, 0.17), ([BORDER], 0, 0), ([BORDER + 3], 1, 1)])
def test_a_few_frames_take_the_wings_beside_them_on_their_side_of_a_cut(
    moving: tuple[Scene, Clip], cuts: list[int], first: float, last: float
) -> None:
    """``first`` and ``last``: how much of the wings before shows in the first and in the last of three frames."""
    shots = [shot(0, BORDER, "still"), shot(BORDER, BORDER + 3, "ambient"), shot(BORDER + 3, COUNT, "still")]
    few = drawn(moving, shots, cuts)[1]
    assert few.mix is not None
    assert few.mix[0, [0, -1]].tolist() == pytest.approx([first, last], abs=0.01)
    assert few.mix.sum(axis=0) == pytest.approx(1)


def test_a_few_frames_between_two_cuts_have_nothing_beside_them(moving: tuple[Scene, Clip]) -> None:
    shots = [shot(0, BORDER, "still"), shot(BORDER, BORDER + 3, "ambient"), shot(BORDER + 3, COUNT, "still")]
    assert drawn(moving, shots, [BORDER, BORDER + 3])[1] is shots[1]
