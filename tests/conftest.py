"""One local Ray for all tests that need one, since its start takes longest.

``make test`` runs two processes side by side, each with a Ray of its own, file by file.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from object_store import ENVIRONMENT

HERE = Path(__file__).parent
ENGINES = HERE / "pipeline"
LONGEST = (
    *(f"pipeline/test_{name}.py" for name in ("faults", "set_runs", "batch", "kinds", "interruption")),
    *("review", "pipeline", "jobs", "test_evaluate.py"),
)
"""Where runs are made, which take longest: they begin first, so that both processes end at about the same time."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def rank(item: pytest.Item) -> int:
        name = item.path.relative_to(HERE).as_posix()
        return next((rank for rank, start in enumerate(LONGEST) if name.startswith(start)), len(LONGEST))

    items.sort(key=rank)


@pytest.fixture(scope="session")
def ray_cluster() -> Iterator[None]:
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ.update(ENVIRONMENT)
    os.environ |= {"RAY_worker_niceness": "0"}  # by default 15: too little beside other tests
    # Workers import engines that tests define.
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ENGINES), os.environ.get("PYTHONPATH")]))
    import ray

    from remaster.pipeline.cluster import quiet, start

    # Two work side by side and one is idle when an actor needs a process. Each CPU more is a worker that imports
    # everything, for every driver that connects.
    start(None, {"num_cpus": 3, "include_dashboard": False})
    quiet()
    yield
    ray.shutdown()
