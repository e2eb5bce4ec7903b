from __future__ import annotations

import math

import pytest

from remaster.report import text


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "–"),
        (math.nan, "–"),
        (0, "0"),
        (987, "987"),
        (999.4, "999"),
        (1000, "1.00 k"),
        (12345, "12.3 k"),
        (999700, "1.00 M"),
        (8100000000, "8.10 G"),
        (99960, "100 k"),
        (2.5e16, "25.0 P"),
        (3e18, "3000 P"),
    ],
)
def test_amount(value, expected):
    assert text.amount(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [(None, "–"), (0.0, "0.0 %"), (0.0001, "< 0.1 %"), (0.5, "50.0 %"), (0.9999, "> 99.9 %"), (1.0, "100.0 %")],
)
def test_share_never_rounds_to_nothing_or_all(value, expected):
    assert text.share(value) == expected


@pytest.mark.parametrize(
    ("seconds", "decimals", "expected"),
    [
        (None, 0, "–"),
        (0, 0, "0:00"),
        (59.6, 0, "1:00"),
        (3661, 0, "1:01:01"),
        (59.999, 2, "1:00.00"),
        (3.004, 2, "0:03.00"),
        (-1.5, 1, "-0:01.5"),
        (math.inf, 0, "–"),
    ],
)
def test_clock(seconds, decimals, expected):
    assert text.clock(seconds, decimals) == expected


def test_ratio_and_count():
    assert [text.ratio(v) for v in (None, 0.574, 12.34, 6700.4)] == ["–", "0.57", "12.3", "6,700"]
    assert [text.count(v) for v in (None, 1234567)] == ["–", "1,234,567"]
    assert [text.plural(n, "shot") for n in (0, 1, 1200)] == ["0 shots", "1 shot", "1,200 shots"]


def test_first_line_of_a_message():
    assert text.first_line("\n  one \ntwo") == "one"
    assert text.first_line(None) == text.first_line(" \n") == "–"
    assert text.first_line("x" * 300, 20) == "x" * 17 + "..."


def test_a_list_names_a_few_and_counts_the_rest() -> None:
    assert text.listed([]) == ""
    assert text.listed(["a", "b", "c"]) == "a, b, c"
    assert text.listed(["a", "b", "c", "d"]) == "a, b, c and 1 more"
    assert text.listed([str(n) for n in range(2003)]) == "0, 1, 2 and 2,000 more"
