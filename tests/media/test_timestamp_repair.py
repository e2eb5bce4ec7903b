from __future__ import annotations

from fractions import Fraction

import pytest

from remaster.media.timestamp_repair import Clock, Repairs
from remaster.notes import losses, texts


def run(stamps: list[int | None], step: int = 40) -> tuple[list[int], Repairs]:
    repairs = Repairs()
    clock: Clock[int] = Clock(Fraction(step), repairs)
    timed = [pair for number, stamp in enumerate(stamps) for pair in clock.push(number, stamp)] + clock.flush()
    assert [number for _, number in timed] == list(range(len(stamps)))
    return [time for time, _ in timed], repairs


@pytest.mark.parametrize(
    ("stamps", "times"),
    [
        ([0, 40, 90, 100], [0, 40, 90, 100]),
        ([0, 40, 40, 120], [0, 40, 80, 120]),
        ([0, 40, 40, 80], [0, 40, 60, 80]),
        ([0, None, None, 120], [0, 40, 80, 120]),
        ([None, None, 80, 120], [0, 40, 80, 120]),
        ([None, None, None], [0, 40, 80]),
        ([0, 40, 20, 200], [0, 40, 80, 200]),
        ([0, 40, None], [0, 40, 80]),
    ],
)
def test_bad_stamps_are_set_between_good_ones(stamps: list[int | None], times: list[int]) -> None:
    assert run(stamps)[0] == times


def test_stamps_that_fill_every_tick_still_ascend() -> None:
    times, _ = run([0, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], step=1)
    assert times == sorted(set(times))


def test_a_jump_back_goes_on_at_the_nominal_rate_and_keeps_later_intervals() -> None:
    stamps: list[int | None] = [*range(1000, 1400, 40), *range(0, 480, 40), 500]
    times, repairs = run(stamps)
    assert times == [*range(1000, 1400 + 480, 40), 1400 + 500]
    assert repairs.disordered == 8


def test_repairs_are_counted_and_told() -> None:
    _, repairs = run([0, None, 80, 80, 160])
    assert (repairs.missing, repairs.disordered) == (1, 1)
    assert texts(repairs.notes()) == ["1 frames had no timestamp", "1 frames had a repeated or backward timestamp"]
    assert not losses(repairs.notes())
    assert Repairs().notes() == ()
