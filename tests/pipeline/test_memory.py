"""Workers reserve what they take, and never more than any node has."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
import ray
from test_rows import INFO

from remaster.pipeline.memory import BASE_BYTES, reservable, worker_bytes

WIDE = Fraction(16, 9)


def test_the_largest_result_decides() -> None:
    small, large = replace(INFO, width=640, height=480), replace(INFO, width=1440, height=1080)
    assert worker_bytes([], WIDE) == BASE_BYTES
    one, other = worker_bytes([small], WIDE), worker_bytes([large], WIDE)
    assert BASE_BYTES < one < other == worker_bytes([small, large], WIDE)
    assert other > 650 * 2**20  # as measured
    assert worker_bytes([small], Fraction(9, 16)) > one  # more is added above and below


def test_what_no_node_has_is_not_asked_for(ray_cluster: None) -> None:
    most = max(node["Resources"]["memory"] for node in ray.nodes())  # type: ignore[no-untyped-call]
    assert reservable(10) == 10
    assert reservable(2**60) == pytest.approx(most, rel=1e-6)
    assert ray.get(ray.remote(lambda: 1).options(memory=reservable(2**60)).remote(), timeout=100) == 1
