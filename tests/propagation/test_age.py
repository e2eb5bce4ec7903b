"""How long sources live: changes of the picture expire them, motion does not."""

from __future__ import annotations

import numpy as np
import pytest
from moving_scenes import texture, to_8bit, viewed

from remaster.arrays import Float32
from remaster.propagation.age import AgeMeter
from remaster.propagation.outward_motion import REST, Motion
from remaster.propagation.shot_plan import segments
from remaster.propagation.tuning import TUNING

BANDS, LONGEST, SHORTEST = TUNING.flow.bands, TUNING.age.max_life, TUNING.segments.min_frames

WIDTH, HEIGHT, COUNT = 160, 120, 60
ROWS, COLUMNS = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
ONE, OTHER = texture(HEIGHT, 420, 1, 6.0), texture(HEIGHT, 420, 2, 6.0)


def lives(pictures: list[Float32], speed: float = 0.0) -> Float32:
    """What the meter says of pictures through which the camera pans at ``speed``."""
    meter = AgeMeter(WIDTH, HEIGHT)
    pan = Motion(np.array([[1.0, 0.0, speed], [0.0, 1.0, 0.0]]), np.zeros((2, BANDS, 2), np.float32))
    for i, picture in enumerate(pictures):
        meter.push(to_8bit(picture), pan if i and speed else REST)
    return meter.lives()


def view(world: Float32, at: float = 0.0) -> Float32:
    return viewed(world, COLUMNS + np.float32(at), ROWS)


@pytest.mark.parametrize("speed", [0.0, 1.3, -2.0])
def test_a_steady_pan_and_a_rest_expire_nothing(speed: float) -> None:
    first = 0.0 if speed >= 0 else 200.0
    found = lives([view(ONE, first + speed * i) for i in range(COUNT)], speed)
    assert found.shape == (2, COUNT, 4, 2)
    assert found.min() > 48, "longer than anything is kept"
    assert [(s.start, s.end) for s in segments(found)] == [(0, COUNT)]


def test_a_hidden_cut_expires_what_lies_beyond_it_and_a_segment_begins_there() -> None:
    found = lives([view(ONE if i < 30 else OTHER) for i in range(COUNT)])
    assert found[0, 31:40].max() < 20 and found[1, 20:29].max() < 20
    age = np.arange(30, COUNT) - 29
    assert (found[0, 34:50].mean(axis=(1, 2)) < age[4:20] + 5).all(), "a source of frame 29 is too old for each"
    assert found[0, :20].min() > 48 and found[1, -15:].min() > 48
    parts = segments(found)
    assert parts[0].start == 0 and parts[-1].end == COUNT
    assert len(parts) <= 3 and 28 <= parts[1].start <= 36, "there, to within what lives are smoothed by"


def test_a_dissolve_expires_what_lies_on_its_other_side() -> None:
    shares = np.clip((np.arange(COUNT) - 20) / 16, 0, 1)
    found = lives([view(ONE) + np.float32(s) * (view(OTHER) - view(ONE)) for s in shares])
    assert found[0, 40].max() < 20, "the set before it is gone"
    assert found[1, 16].max() < 20
    assert found[0, 12].min() > 48 and found[1, 50].min() > 48


def test_a_flash_expires_sources_across_it() -> None:
    found = lives([np.full_like(view(ONE), 250) if 30 <= i < 33 else view(ONE) for i in range(COUNT)])
    assert (found[0, 33:45].max(axis=(1, 2)) < np.arange(33, 45) - 28).all()
    assert (found[1, 18:30].max(axis=(1, 2)) < 35 - np.arange(18, 30)).all()


def test_bands_and_sides_age_apart() -> None:
    pictures = [view(ONE) for _ in range(COUNT)]
    for picture in pictures[30:]:
        picture[60:, 80:] = view(OTHER)[60:, 80:]
    found = lives(pictures)
    assert found[0, 34:40, 2:, 1].max() < 20
    assert found[:, :, :, 0].min() > 48 and found[:, :, 0, 1].min() > 48


def test_segments_tile_a_shot_of_any_length() -> None:
    long = np.full((2, 400, 4, 2), float(LONGEST), np.float32)
    for count in (1, 2, 7, 72, 73, 79, 80, 145, 400):
        parts = segments(long[:, :count])
        assert [p.start for p in parts] == [0, *[p.end for p in parts[:-1]]] and parts[-1].end == count
        assert all(p.start <= p.key < p.end for p in parts)
        assert all(p.end - p.start >= SHORTEST for p in parts) or count < SHORTEST
    chaos = np.ones((2, 50, 4, 2), np.float32)
    parts = segments(chaos)
    assert len(parts) > 3 and all(SHORTEST <= p.end - p.start < 2 * SHORTEST for p in parts)


@pytest.mark.parametrize(("width", "height"), [(48, 32), (33, 27), (8, 200)])
def test_small_and_narrow_pictures_age_too(width: int, height: int) -> None:
    meter, picture = AgeMeter(width, height), to_8bit(texture(height, width, 4))
    for i in range(20):
        meter.push(picture if i < 10 else 255 - picture, REST)
    found = meter.lives()
    assert np.isfinite(found).all() and found.shape == (2, 20, 4, 2)
    assert found[0, 12].min() < 12
