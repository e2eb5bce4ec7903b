"""Ray's start and end: a quiet local instance, or the cluster that is already there; and what a worker asks of it."""

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
"""What a machine with a GPU has in /dev: NVIDIA's, Windows' own, AMD's, Intel's."""
BASE_BYTES = 400 * 2**20 + CACHE_BYTES
"""Of a worker: Python, libraries, proxies, a scene's frames."""
BYTES_PER_PIXEL = 300
"""Of the larger of source and result: frames, one background, the encoder's queue.

Measured peaks of one process over all steps: 430 MiB on 640x480, 650 MiB on 1440x1080, and the frames that are kept;
beyond that, memory does not grow with the length of a scene.
"""


@dataclass(frozen=True)
class Resources:
    """What Ray has in all."""

    cpus: float
    gpus: float
    nodes: int


@contextmanager
def connected(config: ClusterConfig) -> Iterator[Resources]:
    """Ray for the time of a run; a local instance is shut down at the end, a joined cluster is only left.

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
    """How many GPUs Ray will have, where that is certain without it: none on one machine without any. Else None."""
    if ray.is_initialized() or config.address or os.environ.get("RAY_ADDRESS"):
        return None
    return None if any(any(Path("/dev").glob(name)) for name in GPU_DEVICES) else 0.0


def quiet() -> None:
    """Ray Data's own bars and chatter off: this program draws its own, and rows carry what matters."""
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    logging.getLogger("ray").setLevel(logging.ERROR)
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)  # what ends the graph is told once, by the driver


def _connect(config: ClusterConfig) -> None:
    address = config.address or os.environ.get("RAY_ADDRESS")
    local: dict[str, Any] = {} if address else {"num_cpus": config.cpus, "include_dashboard": False}
    if not address and config.object_store_gb is not None:
        local["object_store_memory"] = int(config.object_store_gb * 1e9)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        start(address, local)
    except Exception as error:  # Ray raises this very class where it does not get up in time
        where = f"the Ray cluster at {address}" if address else "a local Ray instance"
        raise UserError(f"{where} could not be reached or started: {str(error).splitlines()[0]}") from error
    finally:
        for number, handler in handlers.items():  # Ray puts its own in their place, which print stack traces
            signal.signal(number, handler)


def start(address: str | None, local: dict[str, Any]) -> None:
    """Start a local Ray, or join one; on a machine so busy that it does not get up in its 30 seconds, once more.

    Without an address Ray would first try to join whatever was last started on this machine, alive or not.
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
    """What a step of the largest of these videos may take, in bytes, at the target ``aspect``.

    It is reserved, so that Ray starts no more workers than a node has room for; but for reading a video for its cuts,
    which takes less than the steps, for the reason that ``graph`` gives.
    """
    return BASE_BYTES + BYTES_PER_PIXEL * max((_pixels(info, aspect) for info in infos), default=0)


def reservable(wanted: int) -> int:
    """As much of ``wanted`` bytes as a node has at all: what asks for more would wait for ever."""
    nodes = ray.nodes()  # type: ignore[no-untyped-call]
    most = max((node["Resources"].get("memory", 0.0) for node in nodes if node["Alive"]), default=0.0)
    return min(wanted, int(most))


def _pixels(info: VideoInfo, aspect: Fraction) -> int:
    """Pixels of the widest frame: the picture extended along its shorter side."""
    shown = info.sar * info.width / info.height
    return round(info.width * info.height * max(aspect / shown, shown / aspect))
