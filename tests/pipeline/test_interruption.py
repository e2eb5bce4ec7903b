"""Signals to runs, as a shell, a terminal and the kernel send them; and one while Ray waits for a worker.

Ray's own code polls for signals, and lets few exceptions through.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import ray
from faulty_runs import Case, at_work, descendants, kill, unchanged, wait_for
from omegaconf import DictConfig
from programs import FORKS
from programs import run_program as by_a_shell
from stage_runs import run_stages

from remaster.config import ClusterConfig, register_schema
from remaster.pipeline.cli import run_program
from remaster.pipeline.cluster import connected


def sleeps() -> None:
    time.sleep(3)


def waits(address: str, signum: int) -> None:
    def run(composed: DictConfig) -> int:
        with connected(ClusterConfig(address=address)):
            task = ray.remote(sleeps).remote()
            threading.Timer(0.5, os.kill, (os.getpid(), signum)).start()
            ray.get(task)
        return 0

    register_schema()
    sys.argv = ["remaster"]
    run_program("batch", run, "the same command goes on where it stopped")


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_in_the_middle_of_ray(signum: int, code: int, ray_cluster: None) -> None:
    process = FORKS.Process(target=waits, args=(ray.get_runtime_context().gcs_address, int(signum)))
    process.start()
    process.join(90)
    process.kill()
    process.join()
    assert process.exitcode == code


def fails_instead(signum: int) -> None:
    """What Ray does where the same signal has ended its processes: another error comes up than the signal's."""

    def run(composed: DictConfig) -> int:
        try:
            os.kill(os.getpid(), signum)
            time.sleep(5)
        except KeyboardInterrupt as interrupt:
            raise RuntimeError("the raylet is gone") from interrupt
        return 0

    register_schema()
    sys.argv = ["remaster"]
    run_program("batch", run, "the same command goes on where it stopped")


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_error_that_a_signal_caused_is_no_failure(signum: int, code: int) -> None:
    process = FORKS.Process(target=fails_instead, args=(int(signum),))
    process.start()
    process.join(60)
    process.kill()
    process.join()
    assert process.exitcode == code


@pytest.fixture
def case(three: Case, tmp_path: Path) -> Case:
    """The three scenes, before a first run."""
    case = Case(tmp_path, three.source, link="off")
    case.engine(seconds=1.0)
    return case


def goes_on(case: Case, whole: Case) -> None:
    """A run through the stages ends with the same bytes as one that nothing happened to, and redoes nothing."""
    finished = case.finished()
    case.engine()
    assert run_stages(case)["error"] is None
    assert len({row["scene_id"] for row in case.rows()}) == len(case.rows()) == len(whole.rows())
    assert not [path for path in case.out.rglob("*") if ".part" in path.name or path.name.endswith(".tries")]
    assert case.delivered() == whole.delivered()
    assert unchanged(finished, case.finished())


def test_a_killed_driver_leaves_nobody_at_work(case: Case, finished: Case) -> None:
    with case.started() as run:
        wait_for(lambda: bool(case.files()), run)
        below = descendants(run)
        kill(run)
        assert below
        wait_for(lambda: not at_work(below))
    goes_on(case, finished)


def refuses_another(run: subprocess.Popen[str], case: Case) -> None:
    refused = by_a_shell("remaster.jobs.batch", case.arguments(), case.root)
    assert refused.returncode == 2
    assert refused.stderr.startswith(f"remaster: output.dir={case.out} is in use by another run")
    assert f'"pid": {run.pid}' in refused.stderr
    assert len(refused.stderr.splitlines()) == 1


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stopped_run_says_so_and_goes_on(signum: int, code: int, case: Case, finished: Case) -> None:
    case.engine(seconds=2.0)
    with case.started() as run:
        wait_for(lambda: bool(case.begun()), run)
        if signum == signal.SIGINT:
            refuses_another(run, case)
        os.killpg(run.pid, signum)  # as a terminal does it: to everyone
        stdout, stderr = run.communicate(timeout=60)
    assert run.returncode == code, stderr
    assert stderr == "remaster: interrupted; the same command goes on where it stopped\n"
    assert "Traceback" not in stdout
    goes_on(case, finished)
