from __future__ import annotations

from fractions import Fraction

import cv2
import numpy as np
import pytest

from remaster.report.preview import GAP, MAP_COLORS, before_after, origin_map


def flat(height, width, color):
    return np.full((height, width, 3), color, np.uint8)


def decoded(jpeg):
    picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    return picture[..., ::-1].astype(int)


def close(picture, color):
    return bool((abs(picture - np.array(color)) < 12).all())


@pytest.mark.parametrize("scale", [1, 3])
def test_before_has_black_bars_beside_the_picture_and_after_has_none(scale):
    pair = decoded(before_after(flat(90 * scale, 120 * scale, (200, 40, 40)), flat(180, 320, (40, 40, 200)), 90))
    assert pair.shape == (90, 2 * 160 + GAP, 3)
    assert close(pair[:, :18], 0)
    assert close(pair[:, 22:138], (200, 40, 40))
    assert close(pair[:, 142:158], 0)
    assert close(pair[:, 160 + GAP + 2 :], (40, 40, 200))


def test_a_tall_target_has_bars_above_and_below():
    pair = decoded(before_after(flat(90, 120, (200, 200, 0)), flat(320, 180, (0, 200, 200)), 160))
    assert pair.shape == (160, 2 * 90 + GAP, 3)
    middle = round(90 * 90 / 120)
    top = (160 - middle) // 2
    assert close(pair[: top - 16, :72], 0)  # JPEG shares colour within 16 pixels
    assert close(pair[top + 3 : top + middle - 3, :72], (200, 200, 0))
    assert close(pair[top + middle + 16 :, :72], 0)


def test_stored_pixels_are_shown_square():
    pair = decoded(before_after(flat(480, 720, 150), flat(480, 960, 250), 270, sar=Fraction(8, 9)))
    assert pair.shape == (270, 2 * 480 + GAP, 3)  # 960 x 8:9 = 853.3: 16:9
    lit = np.flatnonzero(pair[135, :480, 0] > 75)
    assert abs(len(lit) - 360) <= 2  # 720 x 8:9 = 640: 4:3


def test_a_picture_that_fills_its_window_has_no_bars():
    picture = np.random.default_rng(1).integers(60, 255, (54, 96, 3), dtype=np.uint8)
    picture = cv2.GaussianBlur(picture, (0, 0), 3)
    pair = decoded(before_after(picture, picture, 54))
    assert abs(pair[:, :88] - pair[:, 96 + GAP : 96 + GAP + 88]).mean() < 2
    assert pair[:, :92].min() > 60


def test_the_same_pictures_give_the_same_bytes():
    picture = np.random.default_rng(1).integers(0, 255, (60, 80, 3), dtype=np.uint8)
    assert before_after(picture, picture) == before_after(picture.copy(), picture.copy())


@pytest.mark.parametrize("frame", [flat(0, 4, 0), flat(4, 0, 0)])
def test_empty_pictures_are_refused(frame):
    with pytest.raises(ValueError, match="two pictures"):
        before_after(frame, flat(9, 16, 0))


def test_a_map_is_a_picture_of_its_kinds_in_their_colours():
    kinds = np.arange(35, dtype=np.uint8).reshape(5, 7) % 5
    shown = cv2.imdecode(np.frombuffer(origin_map(kinds), np.uint8), cv2.IMREAD_COLOR).astype(int)
    assert (shown[..., 2] << 16 | shown[..., 1] << 8 | shown[..., 0]).tolist() == np.array(MAP_COLORS)[kinds].tolist()
