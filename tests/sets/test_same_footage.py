"""The same frames in another recording are found; other ones of the same set are not."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from set_scenes import room

from remaster.arrays import Affine, Gray, Rgb
from remaster.imaging.camera import IDENTITY, corner_error
from remaster.media.types import Rect
from remaster.sets.same_footage import (
    Agreement,
    FramePair,
    View,
    between_frames,
    compared,
    distinct_geometries,
    for_search,
    matched_colours,
    proposed_offsets,
    refined_geometry,
    sampled,
    shown_share,
    together,
    view_of,
)
from remaster.sets.tuning import TUNING

WIDE, HIGH = 426, 240
LEFT, PICTURE = 53, Rect(0, 0, 320, 240)
SCALE = 1.5
GEOMETRY: Affine = np.array([[SCALE, 0.0, (LEFT + 0.5) * SCALE - 0.5], [0.0, SCALE, 0.5 * SCALE - 0.5]])
"""From the target's pixels to the donor's: the middle of a picture that is larger and wider."""
SHOWN = Rect(0, 0, round(WIDE * SCALE), round(HIGH * SCALE))


def wide(number: int, walks: bool = True, start: float = 0.0) -> Rgb:
    """A set with a figure that walks through it, on twos."""
    picture = np.ascontiguousarray(cv2.resize(room(3), (700, 500), interpolation=cv2.INTER_AREA)[100:340, 80:506])
    x = round(60 + start + (5 * (number // 2) if walks else 0))
    cv2.ellipse(picture, (x, 150), (16, 50), 0, 0, 360, (220, 60, 40), -1, cv2.LINE_AA)
    cv2.ellipse(picture, (x, 150), (16, 50), 0, 0, 360, (20, 20, 20), 3, cv2.LINE_AA)
    return np.asarray(picture, np.uint8)


def noisy(picture: Rgb, seed: int) -> Rgb:
    noise = np.random.default_rng(seed).normal(0, 2.0, picture.shape)
    return np.clip(np.rint(picture + noise), 0, 255).astype(np.uint8)


def target_of(picture: Rgb, seed: int = 0) -> Rgb:
    return noisy(picture[:, LEFT : LEFT + PICTURE.width], seed)


def donor_of(picture: Rgb, seed: int = 0) -> Rgb:
    large = cv2.resize(picture, (SHOWN.width, SHOWN.height), interpolation=cv2.INTER_CUBIC)
    return noisy(np.clip(large * 0.85 + 12.0, 0, 255).astype(np.uint8), seed + 1000)


def gray(picture: Rgb) -> Gray:
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), np.uint8)


def seen(pictures: list[Rgb], view: View, camera: Affine) -> Gray:
    return np.stack([sampled(gray(p), camera, view.size) for p in pictures])


@pytest.fixture(scope="module")
def view() -> View:
    found = view_of(PICTURE, GEOMETRY, SHOWN)
    assert found is not None
    return found


@pytest.fixture(scope="module")
def film(view: View) -> Gray:
    return seen([target_of(wide(i), i) for i in range(30)], view, view.target)


def found_in(film: Gray, donor: list[Rgb], view: View) -> tuple[int, Agreement] | None:
    there = seen(donor, view, view.donor)
    search = [np.stack([for_search(p) for p in pictures]) for pictures in (film, there)]
    for offset in proposed_offsets(search[0], search[1]):
        agreement = compared(film, there, offset, view.known)
        if agreement is not None:
            moved = offset + agreement.best_shift
            agreement = compared(film, there, moved, view.known)
            if agreement is not None and agreement.matches:
                return moved, agreement
    return None


def test_the_same_frames_are_found_at_their_offset(film: Gray, view: View) -> None:
    donor = [donor_of(wide(max(i - 5, 0)), i) for i in range(42)]
    found = found_in(film, donor, view)
    assert found is not None
    offset, agreement = found
    assert offset == 5 and agreement.told_apart and agreement.error < 4
    assert agreement.agreeing == 30 and agreement.changes > 8


def test_the_same_set_at_another_time_is_refused(film: Gray, view: View) -> None:
    for start in (9.0, -60.0, 150.0):
        assert found_in(film, [donor_of(wide(i, True, start), i) for i in range(30)], view) is None
    assert found_in(film, [donor_of(wide(i, False), i) for i in range(40)], view) is None


def test_what_rests_proves_nothing(view: View) -> None:
    resting = seen([target_of(wide(0), i) for i in range(12)], view, view.target)
    found = found_in(resting, [donor_of(wide(0), i) for i in range(20)], view)
    assert found is not None and not found[1].told_apart and found[1].changes == 0


def test_parts_of_a_piece_count_together(film: Gray, view: View) -> None:
    there = seen([donor_of(wide(max(i - 5, 0)), i) for i in range(42)], view, view.donor)
    whole = compared(film, there, 5, view.known)
    parts = [compared(film[a:b], there, 5 + a, view.known) for a, b in ((0, 17), (17, 30))]
    assert whole is not None and parts[0] is not None and parts[1] is not None
    both = together([p for p in parts if p is not None])
    assert both.frames == whole.frames and both.agreeing == whole.agreeing and both.told_apart
    assert both.cells == whole.cells


def test_a_geometry_is_refined_on_frames() -> None:
    off = GEOMETRY.copy()
    off[:, 2] += (3.0, -2.0)
    off[0, 0] *= 1.006
    pairs = [FramePair(target_of(wide(i), i), donor_of(wide(i), i), off) for i in (0, 9, 21)]
    found = refined_geometry(pairs)
    assert found is not None
    assert float(corner_error(found, GEOMETRY, PICTURE.width, PICTURE.height)) < 0.4


def test_proposals_that_agree_come_first() -> None:
    near = GEOMETRY + np.array([[0, 0, 1.0], [0, 0, -1.0]])
    found = distinct_geometries([(IDENTITY.copy(), 0.6), (GEOMETRY, 0.4), (near, 0.4)], 320, 240)
    assert [camera.tolist() for camera in found] == [GEOMETRY.tolist(), IDENTITY.tolist()]
    assert np.allclose(between_frames(IDENTITY, GEOMETRY, IDENTITY), GEOMETRY)


def test_colours_are_matched(view: View) -> None:
    numbers = (0, 10, 20)
    target = [np.asarray(sampled(target_of(wide(i), i), view.target, view.size)) for i in numbers]
    donor = [np.asarray(sampled(donor_of(wide(i), i), view.donor, view.size)) for i in numbers]
    colour = matched_colours(target, donor, view.known)
    for level in (40.0, 120.0, 200.0):
        assert np.abs(colour @ [*(np.full(3, level) * 0.85 + 12), 1.0] - level).max() < 4


def test_what_a_donor_shows_of_the_wings() -> None:
    wings = [Rect(-LEFT, 0, LEFT, HIGH), Rect(320, 0, LEFT, HIGH)]
    assert shown_share(wings, GEOMETRY, SHOWN) == 1.0
    assert shown_share(wings, GEOMETRY, Rect(0, 0, SHOWN.width // 2, SHOWN.height)) == pytest.approx(0.5, abs=0.01)
    gate = np.zeros((SHOWN.height, SHOWN.width), bool)
    gate[:, : round(LEFT * SCALE)] = True
    assert shown_share(wings, GEOMETRY, SHOWN, gate) == pytest.approx(0.5, abs=0.01)


def test_a_donor_that_shows_less_of_the_picture_has_no_view() -> None:
    assert view_of(PICTURE, GEOMETRY, Rect(0, 0, 300, SHOWN.height)) is None
    assert TUNING.same_footage.min_common > 0.5
