"""A signal while Ray waits for a worker: its own code polls for signals, and lets few exceptions through."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time

import pytest
import ray
from omegaconf import DictConfig
from programs import FORKS

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
