"""What one benchmark writes down, another can read; and what it names is there."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from benchmarks.ablation_cases import CASES
from benchmarks.ablation_table import resolved, size_of
from benchmarks.linking_truth import Located, camera_error, judged, located, missed, tables
from benchmarks.scaling import predicted
from benchmarks.throughput import RESULTS, STEPS_A_TILE, networks
from remaster.imaging.camera import IDENTITY, compose, invert, translation
from remaster.records import Shot
from remaster.sets.descriptor import describe
from remaster.sets.linking import SceneSet
from remaster.tables import STAGES
from remaster_forecast.costs import Costs
from remaster_sample.episodes import EPISODES
from remaster_sample.visits import visits_of


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


def test_linked_pairs_are_judged_by_the_samples_truth() -> None:
    visits = visits_of(EPISODES[3])

    def place(name: str) -> Located:
        visit = next(v for v in visits if v.shot == name)
        cameras = np.tile(translation(100, 0), (len(visit.cameras), 1, 1))
        shot = Shot(0, len(cameras), "still", cameras, None, 1.0)
        covered = np.zeros((visit.size[1], visit.size[0] + 200), bool)
        covered[:, 100:-100] = True
        found = located(f"{visit.video}:{visit.start:06d}", visit.start, shot, covered, visits)
        assert found is not None
        return found

    one, two, other = (place(n) for n in ("the whole lane", "farther down the lane", "guests in the kitchen"))
    true = compose(invert(two.camera), one.camera)
    assert camera_error(true, one, two) == pytest.approx(0, abs=1e-6)
    assert camera_error(compose(translation(3, 4), true), one, two) == pytest.approx(5)
    nothing, known = np.zeros((9, 9, 3), np.uint8), np.ones((9, 9), bool)
    black = {p.key: describe(p.key, nothing, known, known) for p in (one, two, other)}
    keys = tuple(sorted(black))
    cameras = {one.key: IDENTITY, two.key: invert(true), other.key: IDENTITY}
    found = SceneSet(keys, one.key, tuple(cameras[k] for k in keys), ())
    pairs = judged([one, two, other], black, [found])
    assert [p.right for p in pairs] == [True, False, False]
    text = "\n".join(tables(pairs, [], visits))
    assert "3 pairs within sets, 1 true: precision 0.333" in text
    assert "| **same light** | 1 | 1 | 1.00 | 0 | 0.00 / 0.00 |" in text
    assert "the sky" not in text
    wrong = judged([one, two], black, [SceneSet(keys[:2], one.key, (IDENTITY, IDENTITY), ())])
    assert not wrong[0].right and list(missed(wrong))
