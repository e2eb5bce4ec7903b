"""What one benchmark writes down, another can read; and what it names is there."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.ablation_cases import CASES
from benchmarks.ablation_table import resolved, size_of
from benchmarks.scaling import predicted
from benchmarks.throughput import RESULTS, STEPS_A_TILE, networks
from remaster.tables import STAGES
from remaster_forecast.costs import Costs


def test_the_neural_engines_seconds_are_found_in_their_page() -> None:
    found = networks(RESULTS / "engines.md")
    assert found.mask > 0
    assert found.tile > STEPS_A_TILE * found.step > 0
    assert found.quick_tile > 0


def test_a_run_by_one_worker_predicts_that_by_two() -> None:
    def shot(number: int) -> dict[str, Any]:
        row = {
            "video": "a.mkv",
            "scene_id": str(number),
            "status": "ok",
            "start_frame": 50 * number,
            "end_frame": 50 * number + 50,
        }
        row |= {"out_width": 1000, "out_height": 500, "segment_bytes": 1000}
        return row | dict.fromkeys((f"seconds_{stage}" for stage in STAGES), 2.0)

    one, two = (predicted(cpus, [shot(number) for number in range(20)]) for cpus in (1, 2))
    assert one["scenes"] == two["scenes"] == 20
    work, start = 2.0 * 20 * len(STAGES), Costs().worker
    assert one["predicted"] == pytest.approx(work + start, rel=0.02)
    # Nobody helps the worker that reads the video.
    assert two["predicted"] == pytest.approx((work - 40) / 2 + 40 + start, rel=0.05)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_is_switched_off_is_there(case: Any) -> None:
    for name in case.patches:
        resolved(name)
    lines, _ = size_of(case.frees)
    assert bool(lines) == bool(case.frees)
