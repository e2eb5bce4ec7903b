from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import partial

import numpy as np
import pytest
from painted_luma import FULL, HEIGHT, WIDTH, grain, paint, sample

from remaster.arrays import Gray
from remaster.detect.interlacing import FieldSampler, field_evidence, scan_of, summed
from remaster.detect.noise import noise_level
from remaster.records import Fields

NTSC, PAL = Fraction(30000, 1001), Fraction(25)


def measured(frames: Sequence[Gray]) -> Fields:
    sampler = FieldSampler()
    for frame in frames:
        sampler.push(partial(np.copy, frame))
    noise = noise_level(sample(frames), FULL)
    return summed(field_evidence(sampler.numbers(), sampler.triples(), slice(0, HEIGHT), noise))


def woven(first: Sequence[Gray], second: Sequence[Gray], top_first: bool = True) -> list[Gray]:
    """Frames whose earlier field is of ``first`` and whose later one is of ``second``."""
    frames = []
    for one, other in zip(first, second, strict=True):
        top, bottom = (one, other) if top_first else (other, one)
        frame = top.copy()
        frame[1::2] = bottom[1::2]
        frames.append(frame)
    return frames


def pan(step: int, count: int) -> list[Gray]:
    wide = paint(6, width=3 * WIDTH)
    return [wide[:, step * t : step * t + WIDTH] for t in range(count)]


@pytest.mark.parametrize("top_first", [True, False])
@pytest.mark.parametrize("sigma", [0, 4])
def test_interlaced_motion_is_combed_and_its_field_order_found(top_first: bool, sigma: float) -> None:
    moments = pan(3, 48)
    frames = [grain(f, sigma, i) for i, f in enumerate(woven(moments[::2], moments[1::2], top_first))]
    found = measured(frames)
    assert found.combed > 0.9
    assert found.repeated == 0
    assert found.top_first == top_first
    assert scan_of(found, NTSC) == scan_of(found, PAL) == "interlaced"


@pytest.mark.parametrize("sigma", [0, 4])
def test_progressive_motion_is_not_combed(sigma: float) -> None:
    found = measured([grain(m, sigma, i) for i, m in enumerate(pan(3, 48))])
    assert (found.combed, scan_of(found, NTSC)) == (0, "progressive")
    assert found.frames > 20


def stripes(shift: int) -> Gray:
    """A painting with a finely striped block that has moved by ``shift`` pixels both ways."""
    frame = paint(5).copy()
    x, y = 60 + shift, 60 + shift
    frame[y : y + 90, x : x + 120] = np.where(np.arange(90) % 2, 60, 190)[:, None]
    return frame


@pytest.mark.parametrize("step", [0, 1, 2, 3])
def test_drawn_stripes_are_no_combs(step: int) -> None:
    assert measured([stripes(step * i) for i in range(12)]).combed == 0


def telecined(film: Sequence[Gray]) -> list[Gray]:
    moments = [picture for i, picture in enumerate(film) for _ in range(2 + i % 2)]
    return woven(moments[: len(moments) // 2 * 2 : 2], moments[1::2])


@pytest.mark.parametrize("sigma", [0, 4])
def test_telecine_combs_two_frames_in_five_and_repeats_fields(sigma: float) -> None:
    found = measured([grain(f, sigma, i) for i, f in enumerate(telecined(pan(6, 33)))])
    assert found.combed == pytest.approx(0.4, abs=0.1)
    assert found.repeated > 0.9
    assert (scan_of(found, NTSC), scan_of(found, PAL)) == ("telecined", "interlaced")


def test_telecined_animation_on_twos_is_still_telecine() -> None:
    drawings = pan(8, 24)
    found = measured(telecined([drawings[i // 2] for i in range(48)]))
    assert scan_of(found, NTSC) == "telecined"
    assert found.frames >= 8


def test_what_holds_still_shows_nothing() -> None:
    assert measured([grain(paint(1), 3, i) for i in range(12)]) == Fields()


def test_memory_is_bounded_on_long_videos() -> None:
    sampler = FieldSampler(limit=8)
    small = [picture[::8, ::8] for picture in pan(3, 60)]
    for i in range(600):
        sampler.push(partial(np.copy, small[i % 60]))
    assert 4 <= len(sampler.triples()) <= 8
