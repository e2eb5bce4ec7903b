"""Which Ray a run works with, and how much memory its workers reserve: never more than any node has."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
import ray
from full_rows import INFO

from remaster.config import ClusterConfig
from remaster.pipeline.cluster import BASE_BYTES, connected, reservable, worker_bytes

WIDE = Fraction(16, 9)


@pytest.mark.parametrize(("address", "asked"), [(None, "local"), ("head:6379", "head:6379")])
def test_what_another_program_left_behind_is_never_joined(
    address: str | None, asked: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``ray start`` leaves its address in a file, which an ``init`` without one follows, also where nobody answers."""
    seen: dict[str, Any] = {}
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray, "init", lambda **options: seen.update(options))
    monkeypatch.setattr(ray, "cluster_resources", lambda: {"CPU": 2.0})
    monkeypatch.setattr(ray, "nodes", list)
    monkeypatch.setattr(ray, "shutdown", lambda: None)
    with connected(ClusterConfig(address=address)) as resources:
        assert (resources.cpus, resources.gpus) == (2.0, 0.0)
    assert seen["address"] == asked
    assert ("num_cpus" in seen) == (address is None)  # a cluster that is there has what it has


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
