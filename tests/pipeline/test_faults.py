"""Runs are killed, starved and fed rubbish here, by real signals to real processes."""

from __future__ import annotations

import random
import shutil
import signal
import time
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import pytest
import ray
from clips import series_clip, still
from faulty_runs import Case, unchanged
from programs import FORKS
from stage_runs import run_stages

from remaster.pipeline.failures import OutOfSpace

SCENES = 4
SEEDS = (1, 2, 3, 7)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("faults") / "in"
    folder.mkdir()
    series_clip(folder / "a.mp4", [still(seed, 5) for seed in SEEDS])
    series_clip(folder / "b.mp4", [still(9, 5)])
    return folder


@pytest.fixture(scope="module")
def clean(source: Path, tmp_path_factory: pytest.TempPathFactory, ray_cluster: None) -> dict[str, bytes]:
    """The videos of a run that nothing happens to."""
    case = Case(tmp_path_factory.mktemp("clean"), source, link="off")
    case.engine()
    code, printed = case.run()
    assert code == 0, printed
    assert len(case.rows()) == SCENES + 1
    return case.delivered()


@pytest.fixture
def case(source: Path, tmp_path: Path) -> Case:
    case = Case(tmp_path, source, link="off")
    case.engine()
    return case


def whole(case: Case) -> None:
    """Every scene once, nothing half-written."""
    rows = case.rows()
    assert len({row["scene_id"] for row in rows}) == len(rows) == SCENES + 1
    assert not [p for p in case.out.rglob("*") if ".part" in p.name or p.name.endswith(".tries")]


def goes_on(case: Case, clean: dict[str, bytes]) -> None:
    """The same command ends with the same bytes, and leaves alone what was finished."""
    finished = case.finished()
    case.engine()
    assert case.run()[0] == 0
    whole(case)
    assert case.delivered() == clean
    assert unchanged(finished, case.finished())


def redder(tone: str) -> bool:
    """Of a note's name, ``begun-RED-BLUE``: a picture that the engine's fault is about."""
    _, red, blue = tone.split("-")
    return int(red) > int(blue)


def through_stages(case: Case) -> ForkServerProcess:
    process = FORKS.Process(target=run_stages, args=(case,))
    process.start()
    return process


def files_of(case: Case) -> set[Path]:
    """All that a run writes, its temporary files and its engine's notes too."""
    return {path for path in case.root.rglob("*") if not path.is_dir()}


@pytest.mark.timeout(600)
def test_a_driver_killed_at_ten_moments_loses_nothing(case: Case, clean: dict[str, bytes]) -> None:
    """A moment is when so many new files were seen.

    At four on the cluster of all tests, where every run is a job with workers of its own, which all start anew. At
    the others in one process that goes through the stages: it dies with all that it is about to write.
    """
    chance, cluster = random.Random(5), ray.get_runtime_context().gcs_address
    for moment in range(10):
        case.engine(seconds=0.7 if moment < 4 else 0.1)
        before, finished, seen = files_of(case), case.finished(), set[Path]()
        news = chance.randrange(25)
        run = case.forked(cluster) if moment < 4 else through_stages(case)
        while len(seen - before) < news and run.is_alive():
            seen |= files_of(case)
            time.sleep(0.005)
        run.kill()
        run.join()
        assert unchanged(finished, case.finished())
        assert run.exitcode in (0, -signal.SIGKILL)
        if run.exitcode == 0:  # it was done before
            assert case.delivered().items() <= clean.items()
            shutil.rmtree(case.out)
    goes_on(case, clean)


def test_a_worker_that_dies_once_costs_nothing(case: Case, clean: dict[str, bytes]) -> None:
    case.engine(fault="once")
    assert case.run()[0] == 0
    assert (case.notes / "died").is_file()
    whole(case)
    assert case.delivered() == clean


@pytest.mark.parametrize(
    ("fault", "pool", "error", "most"),
    [
        ("kill", "null", "WorkerLost: the worker died 3 times", 3),
        ("raise", "null", "ZeroDivisionError: the picture is too red", 1),
        ("kill", "{min_size: 1, batch: 2}", "WorkerLost: the worker died 3 times", 1 + 3),  # once with another scene
    ],
)
def test_a_bad_scene_falls_back_alone(
    fault: str, pool: str, error: str, most: int, case: Case, clean: dict[str, bytes]
) -> None:
    case.engine(fault=fault, pool=pool)
    code, printed = case.run()
    assert code == 1
    whole(case)
    rows = case.rows()
    bad = [row for row in rows if row["status"] != "ok"]
    assert 0 < len(bad) < len(rows)
    for row in bad:
        told = (row["status"], row["method"], row["error_stage"], row["error"])
        assert told == ("fallback", "ambient", "outpaint", error)
        assert error in printed
    reddish = [times for tone, times in case.begun().items() if redder(tone)]
    assert len(reddish) == len(bad)
    assert all((3 if fault == "kill" else 1) <= times <= most for times in reddish)
    assert {video["status"] for video in case.videos().values()} <= {"ok", "fallback"}
    times = case.finished()
    good = {row["segment"]: times[row["segment"]] for row in rows if row["status"] == "ok"}

    case.engine()
    assert case.run()[0] == 0
    whole(case)
    assert case.delivered() == clean
    assert unchanged(good, case.finished())
    retried = {row["scene_id"] for row in bad}
    assert all(row["attempts"] == 1 + (row["scene_id"] in retried) for row in case.rows())


def test_a_full_disk_is_told_and_passes(case: Case, clean: dict[str, bytes]) -> None:
    case.engine("fill")
    with pytest.raises(OutOfSpace, match=f"no space left in output.dir={case.out}; make room"):
        case.run()
    assert (case.notes / "full").exists()
    finished = case.finished()
    (case.notes / "full").unlink()
    case.engine()
    code, printed = case.run()
    assert code == 0, printed
    whole(case)
    assert case.delivered() == clean
    assert unchanged(finished, case.finished())
