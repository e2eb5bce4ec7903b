"""Starts a local Ray or joins a cluster, and computes the memory that a worker reserves."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import ray
import ray.data

from remaster.config import ClusterConfig
from remaster.errors import UserError
from remaster.media.types import VideoInfo
from remaster.pipeline.frames import CACHE_BYTES
from remaster.pipeline.interruption import Interrupter

GPU_DEVICES = ("nvidia[0-9]*", "dxg", "kfd", "dri")
"""Device files of machines with a GPU: NVIDIA's, Windows', AMD's, Intel's."""
BASE_BYTES = 400 * 2**20 + CACHE_BYTES
"""Bytes of a worker without pictures: Python, libraries, proxies, cached frames of a scene."""
BYTES_PER_PIXEL = 300
"""Bytes per pixel of the larger of source and result: frames, one background, the encoder's queue.

Measured peaks of one process over all steps: 430 MiB on 640x480, 650 MiB on 1440x1080, and the cached
frames; otherwise memory does not grow with the length of a scene.
"""


@dataclass(frozen=True)
class Resources:
    """Ray's resources in all."""

    cpus: float
    gpus: float
    nodes: int


@contextmanager
def connected(config: ClusterConfig) -> Iterator[Resources]:
    """Connect to Ray for the time of a run; at the end shut a local instance down, or leave a joined cluster.

    Raises ``UserError`` where the cluster cannot be reached. A Ray that this process is already connected to is used
    and left connected; one that was interrupted ends with this process.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    # Where Ray's own bookkeeping actor dies, it would print a stack trace every five seconds; what matters is fetched.
    os.environ.setdefault("RAY_IGNORE_UNHANDLED_ERRORS", "1")
    if ray.is_initialized():
        yield _resources()
        return
    _connect(config)
    try:
        yield _resources()
    except BaseException:
        # After a signal an orderly end waits for processes that the same signal ends, until Ray exits with code 1.
        if not Interrupter.received:
            ray.shutdown()
        raise
    if not Interrupter.received:
        ray.shutdown()


def gpus_before_start(config: ClusterConfig) -> float | None:
    """The number of GPUs where it is certain before Ray starts: 0 on a single machine without any. Else None."""
    if ray.is_initialized() or config.address or os.environ.get("RAY_ADDRESS"):
        return None
    return None if any(any(Path("/dev").glob(name)) for name in GPU_DEVICES) else 0.0


def quiet() -> None:
    """Turn Ray Data's progress bars and messages off: this program has its own."""
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    logging.getLogger("ray").setLevel(logging.ERROR)
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)  # the driver reports once what ended the graph


def _connect(config: ClusterConfig) -> None:
    address = config.address or os.environ.get("RAY_ADDRESS")
    local: dict[str, Any] = {} if address else {"num_cpus": config.cpus, "include_dashboard": False}
    if not address and config.object_store_gb is not None:
        local["object_store_memory"] = int(config.object_store_gb * 1e9)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        start(address, local)
    except Exception as error:  # Ray raises this class where it does not start in time
        where = f"the Ray cluster at {address}" if address else "a local Ray instance"
        raise UserError(f"{where} could not be reached or started: {str(error).splitlines()[0]}") from error
    finally:
        for number, handler in handlers.items():  # Ray puts its own in their place, which print stack traces
            signal.signal(number, handler)


def start(address: str | None, local: dict[str, Any]) -> None:
    """Start a local Ray or join a cluster; try again once where a busy machine does not start it in Ray's 30 seconds.

    Without an address Ray would first try to join the instance that was last started on this machine, alive or not.
    """
    options: dict[str, Any] = {"logging_level": logging.ERROR, "log_to_driver": False, **local}
    try:
        ray.init(address=address or "local", **options)
    except Exception as error:
        if address or "timed out" not in str(error):
            raise
        ray.shutdown()
        ray.init(address="local", **options)


def _resources() -> Resources:
    total: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
    alive = [node for node in ray.nodes() if node["Alive"]]  # type: ignore[no-untyped-call]
    return Resources(total.get("CPU", 0.0), total.get("GPU", 0.0), len(alive))


def worker_bytes(infos: Sequence[VideoInfo], aspect: Fraction) -> int:
    """Bytes that a step may need for the largest of these videos at the target ``aspect``.

    It is reserved, so that Ray starts no more workers than a node has room for; but for reading a video for its cuts,
    which takes less than the steps, for the reason that ``graph`` gives.
    """
    return BASE_BYTES + BYTES_PER_PIXEL * max((_pixels(info, aspect) for info in infos), default=0)


def reservable(wanted: int) -> int:
    """``wanted`` bytes, limited to the memory of the largest node: tasks that ask for more would wait forever."""
    nodes = ray.nodes()  # type: ignore[no-untyped-call]
    most = max((node["Resources"].get("memory", 0.0) for node in nodes if node["Alive"]), default=0.0)
    return min(wanted, int(most))


def _pixels(info: VideoInfo, aspect: Fraction) -> int:
    """Pixels of the widest frame: the picture extended along its shorter side."""
    shown = info.sar * info.width / info.height
    return round(info.width * info.height * max(aspect / shown, shown / aspect))
