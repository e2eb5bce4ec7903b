"""Whatever becomes of the graph, every planned scene has its rows afterwards and every video its row."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import faulty_engines
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from clips import series_clip, still
from faulty_runs import Case

from remaster.pipeline import batch as program
from remaster.pipeline import flow
from remaster.rows import DELIVERED, DeliveredScene

pytestmark = pytest.mark.usefixtures("ray_cluster")
Batches = Callable[[Iterator[pa.Table]], Iterator[pa.Table]]


@pytest.fixture
def case(tmp_path: Path) -> Case:
    source = tmp_path / "in"
    source.mkdir()
    series_clip(source / "a.mp4", [still(seed, 4) for seed in (1, 2, 3)])
    series_clip(source / "b.mp4", [still(9, 4)])
    case = Case(tmp_path, source, link="off")
    case.engine()
    return case


def with_batches(change: Batches, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the driver see what ``change`` makes of the graph's tables."""
    real = flow.build_graph

    class Changed:
        def __init__(self, *arguments: Any, **options: Any) -> None:
            self.dataset = real(*arguments, **options)

        def iter_batches(self, **options: Any) -> Iterator[pa.Table]:
            return change(self.dataset.iter_batches(**options))

    monkeypatch.setattr(flow, "build_graph", Changed)


def balanced(case: Case) -> None:
    assert [(row["video"], row["start_frame"]) for row in case.rows()] == [
        ("a.mp4", 0), ("a.mp4", 4), ("a.mp4", 8), ("b.mp4", 0)
    ]  # fmt: skip
    assert set(case.videos()) == {"a.mp4", "b.mp4"}


def scenes_of(batches: Iterator[pa.Table]) -> Iterator[tuple[pa.Table, str | None]]:
    for batch in batches:
        row = DELIVERED.read(batch)[0]
        yield batch, row.scene_id if isinstance(row, DeliveredScene) else None


def test_the_graph_ends_early(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    def ends(batches: Iterator[pa.Table]) -> Iterator[pa.Table]:
        for batch, scene in scenes_of(batches):
            yield batch
            if scene is not None:
                raise RuntimeError("the head node is gone\nand this is how")

    with monkeypatch.context() as patch:
        with_batches(ends, patch)
        code, printed = case.run()
    assert code == 1
    assert "stopped early" in printed
    assert "Traceback" not in printed
    planned = pq.read_table(case.out / "metadata" / "plan").column("scene_id").to_pylist()
    assert planned  # not all: the graph may have ended before the second video was detected
    assert sorted(planned) == sorted(row["scene_id"] for row in case.rows())
    assert set(case.videos()) == {"a.mp4", "b.mp4"}
    # Workers may have finished more than the driver ever saw: what is not ok says that the run ended.
    assert all(row["status"] == "ok" or row["error_stage"] == "run" for row in case.rows())

    def loses(batches: Iterator[pa.Table]) -> Iterator[pa.Table]:
        """Rows that never arrive were written all the same."""
        return (batch for batch, scene in scenes_of(batches) if scene is None)

    with_batches(loses, monkeypatch)
    assert case.run()[0] == 0
    balanced(case)
    assert {row["status"] for row in case.rows()} == {"ok"}
    assert {video["status"] for video in case.videos().values()} == {"ok"}


def test_scenes_that_get_lost_are_marked(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    def loses(batches: Iterator[pa.Table]) -> Iterator[pa.Table]:
        for batch, scene in scenes_of(batches):
            if scene is not None and scene.endswith("0000004"):
                next(case.out.glob(f"metadata/scenes/{scene}.parquet")).unlink()
            else:
                yield batch

    with monkeypatch.context() as patch:
        with_batches(loses, patch)
        code, printed = case.run()
    assert code == 1
    balanced(case)
    told = {row["start_frame"]: (row["status"], row["error"]) for row in case.rows() if row["video"] == "a.mp4"}
    assert told == {0: ("ok", None), 4: ("failed", "the scene was lost between two stages"), 8: ("ok", None)}
    videos = case.videos()
    assert (videos["a.mp4"]["status"], videos["b.mp4"]["status"]) == ("failed", "ok")
    assert "lost between two stages" in printed
    assert case.run()[0] == 0
    balanced(case)


def test_a_file_whose_headers_kill_the_worker_costs_nothing_else(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    (case.source / "evil.mp4").write_bytes(b"whatever")
    (case.source / "b.mp4").unlink()
    monkeypatch.setattr(program, "probe_chunk", faulty_engines.probe_chunk)
    code, printed = case.run()
    assert code == 1
    assert "evil.mp4" in printed
    videos = case.videos()
    assert videos["a.mp4"]["status"] == "ok"
    assert "headers" in videos["evil.mp4"]["error"]
