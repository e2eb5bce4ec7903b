"""A cluster of three nodes, one of which dies in the middle of a run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from clips import series_clip, still
from faulty_runs import Case, wait_for
from ray.cluster_utils import Cluster
from stage_runs import run_stages


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "in" / "a.mp4"
    path.parent.mkdir()
    series_clip(path, [still(seed, 5) for seed in (1, 2, 3, 7, 9)])
    return path.parent


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    running = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    try:
        yield running
    finally:
        running.shutdown()


def test_a_node_that_dies_costs_nothing(source: Path, tmp_path: Path, cluster: Cluster, ray_cluster: None) -> None:
    clean = Case(tmp_path / "clean", source)
    clean.engine()
    assert run_stages(clean)["error"] is None

    nodes = [cluster.add_node(num_cpus=1) for _ in range(2)]
    cluster.wait_for_nodes()
    case = Case(tmp_path / "case", source)
    case.engine(seconds=1.0)
    run = case.forked(cluster.address)
    wait_for(lambda: bool(case.finished()))
    cluster.remove_node(nodes[0], allow_graceful=False)  # SIGKILL to the raylet; what it held is lost
    run.join(200)
    assert run.exitcode == 0
    assert case.delivered() == clean.delivered()
    assert [row["status"] for row in case.rows()] == ["ok"] * 5
