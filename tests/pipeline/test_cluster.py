"""Which Ray a run works with."""

from __future__ import annotations

from typing import Any

import pytest
import ray

from remaster.config import ClusterConfig
from remaster.pipeline.cluster import connected


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
