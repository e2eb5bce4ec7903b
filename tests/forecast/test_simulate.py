"""The simulated cluster against cases that can be solved on paper."""

from __future__ import annotations

from dataclasses import replace

import pytest

from remaster.config import LinkScope
from remaster.tables import STAGES
from remaster_forecast.costs import Costs, LinearCost, LinkCosts
from remaster_forecast.simulate import Cluster, simulate
from remaster_forecast.workload import Episode

NOTHING = dict.fromkeys(("start", "worker", "load", "assemble", "dispatch"), 0.0)
UNLINKED = LinkCosts(0.0, 0.0, 0.0, 0.0, 0.0)
FREE = Costs({stage: LinearCost(0.0, 0.0) for stage in STAGES}, link=UNLINKED, **NOTHING)
GPU_STEPS = frozenset(("segment", "outpaint"))


def costs(**seconds: float) -> Costs:
    return replace(FREE, steps=dict(FREE.steps) | {stage: LinearCost(value, 0.0) for stage, value in seconds.items()})


def episodes(count: int, scenes: int) -> list[Episode]:
    return [Episode(24 * scenes, (1.0,) * scenes)] * count


def test_cores_share_the_work() -> None:
    work = costs(analyze=1.0, stitch=2.0, resample=1.0)
    one, four = (simulate(episodes(2, 8), work, Cluster(cpus)) for cpus in (1, 4))
    assert one.wall == pytest.approx(16 * 4.0)
    assert four.wall == pytest.approx(16.0)
    assert four.busy["CPUs"] == pytest.approx(1.0)
    assert four.bottleneck == "CPUs"


def test_gpus_and_cores_overlap() -> None:
    """The slower of the two decides, but for the way into and out of the graph."""
    work = costs(analyze=0.5, outpaint=2.0, resample=0.5)
    done = simulate(episodes(1, 40), work, Cluster(8, 1, GPU_STEPS))
    assert done.wall == pytest.approx(40 * 2.0 + 0.5 + 0.5, abs=1.0)
    assert done.busy["GPUs"] > 0.98
    assert done.gpu_seconds == pytest.approx(80.0)


def test_a_card_works_on_one_step_at_a_time() -> None:
    done = simulate(episodes(1, 20), costs(segment=1.0, outpaint=1.0), Cluster(8, 2, GPU_STEPS))
    assert done.wall == pytest.approx(20.0)


def test_a_single_scene_gains_nothing_from_more_of_anything() -> None:
    work = costs(detect=1.0, analyze=1.0, segment=1.0, stitch=1.0, outpaint=1.0, resample=1.0)
    assert simulate(episodes(1, 1), work, Cluster(64, 64, GPU_STEPS)).wall == pytest.approx(6.0)


def test_the_first_scene_does_not_wait_for_the_last_video() -> None:
    work = costs(detect=10.0, analyze=1.0, resample=1.0)
    done = simulate(episodes(50, 4), work, Cluster(2))
    assert done.first < 20.0
    assert done.first_video < 30.0
    assert done.wall == pytest.approx(50 * (10.0 + 8.0) / 2, rel=0.05)


def test_the_driver_holds_up_what_is_too_fast_for_it() -> None:
    work = replace(costs(analyze=0.1), dispatch=0.01)
    done = simulate(episodes(10, 50), work, Cluster(1000))
    assert done.bottleneck == "driver"
    assert done.wall == pytest.approx((10 + 10 * 50 * 5) * 0.01, rel=0.05)


def test_start_and_models_come_before_the_work() -> None:
    work = replace(costs(outpaint=1.0), start=5.0, load=30.0)
    assert simulate(episodes(1, 10), work, Cluster(4, 1, GPU_STEPS)).wall == pytest.approx(45.0)


def test_each_core_starts_a_worker_once() -> None:
    work = replace(costs(analyze=1.0), worker=4.0)
    assert simulate(episodes(1, 20), work, Cluster(1)).wall == pytest.approx(4.0 + 20.0)
    # Two cores: the first detects, waits for its worker and goes on; the second starts its own when there are scenes.
    assert simulate(episodes(1, 20), work, Cluster(2)).wall == pytest.approx(4.0 + (4.0 + 20.0) / 2)


def test_little_is_in_flight() -> None:
    """Scenes that are begun are finished first: they hold memory."""
    done = simulate(episodes(40, 100), costs(analyze=1.0, stitch=1.0, resample=1.0), Cluster(4))
    assert done.in_flight <= 8


def test_thousands_of_episodes_stand_for_as_much_work() -> None:
    work = costs(analyze=1.0, outpaint=2.0)
    done = simulate(episodes(10_000, 100), work, Cluster(1000, 1000, GPU_STEPS))
    assert done.wall == pytest.approx(10_000 * 100 * 2.0 / 1000, rel=0.03)


def test_linked_scenes_wait_for_the_last_one_of_the_series() -> None:
    work = costs(analyze=1.0, resample=1.0)
    off, series = (simulate(episodes(4, 5), work, Cluster(2), scope) for scope in (LinkScope.off, LinkScope.series))
    assert off.first < 5.0
    assert series.first == pytest.approx(20 / 2 + 1.0)
    assert series.first_video > 20 / 2 + 1.0
    assert series.wall == off.wall == pytest.approx(20.0)


def test_scenes_that_are_linked_within_videos_wait_for_their_own_alone() -> None:
    done = simulate(episodes(4, 5), costs(analyze=1.0, resample=1.0), Cluster(1), LinkScope.video)
    assert done.first == pytest.approx(5.0 + 1.0)
    assert done.first_video == pytest.approx(5.0 + 5.0)
    assert done.wall == pytest.approx(40.0)


def test_videos_that_wait_at_a_time_are_delivered_together() -> None:
    """While a group is delivered, those that are complete wait: in the end every scene is there."""
    done = simulate(episodes(30, 7), costs(analyze=0.2, resample=1.0), Cluster(3), LinkScope.video)
    assert done.cpu_seconds == pytest.approx(30 * 7 * 1.2)
    assert done.wall == pytest.approx(30 * 7 * 1.2 / 3, rel=0.1)


@pytest.mark.parametrize("scope", [LinkScope.series, LinkScope.video])
def test_descriptors_proofs_and_a_second_decoding_are_work(scope: LinkScope) -> None:
    work = replace(costs(stitch=1.0), link=LinkCosts(describe=0.5, proofs=3.0, proof=0.1, reread=0.25))
    assert simulate(episodes(2, 6), work, Cluster(1), scope).cpu_seconds == pytest.approx(12 * (1.0 + 0.5 + 0.3 + 0.25))
    assert simulate(episodes(2, 6), work, Cluster(1)).cpu_seconds == pytest.approx(12.0)


def test_the_driver_sends_linked_scenes_through_two_graphs() -> None:
    work = replace(FREE, dispatch=0.01)
    done = simulate(episodes(10, 50), work, Cluster(1000), LinkScope.series)
    # describe, link, and three stages that hand on what is stitched
    assert done.wall == pytest.approx((10 + 10 * 50 * (5 + 5)) * 0.01, rel=0.02)


def test_models_load_again_for_the_graph_that_delivers() -> None:
    work = replace(costs(segment=1.0, outpaint=1.0), load=30.0)
    done = simulate(episodes(1, 10), work, Cluster(4, 1, GPU_STEPS), LinkScope.series)
    assert done.wall == pytest.approx(30.0 + 10.0 + 30.0 + 10.0)


def test_scenes_that_wait_for_others_are_not_in_flight() -> None:
    """They lie in the store."""
    done = simulate(episodes(40, 100), costs(analyze=1.0, resample=1.0), Cluster(4), LinkScope.series)
    assert done.in_flight <= 8


def test_linking_thousands_of_episodes_is_simulated_in_time() -> None:
    done = simulate(episodes(10_000, 2), costs(analyze=1.0, resample=1.0), Cluster(100), LinkScope.series)
    assert done.wall == pytest.approx(10_000 * 2 * 2.0 / 100, rel=0.03)


@pytest.mark.parametrize("cluster", [Cluster(0), Cluster(4, 0, GPU_STEPS)])
def test_nothing_runs_on_nothing(cluster: Cluster) -> None:
    with pytest.raises(ValueError, match="cannot run"):
        simulate(episodes(1, 1), FREE, cluster)
