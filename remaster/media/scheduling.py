"""Undoes changes that an encoder makes to the process's scheduling."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def restored_scheduling() -> Iterator[None]:
    """On exit, give all threads of this process the scheduling that the calling thread had on entry.

    Run as root, SVT-AV1 makes its own threads and the one that opens it real-time (SCHED_FIFO, 99), and later threads
    inherit that: two busy workers would starve the rest of the machine, Ray included.
    """
    if sys.platform != "linux":
        yield
        return
    policy, parameters = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        yield
    finally:
        for task in Path("/proc/self/task").iterdir():
            with suppress(ProcessLookupError):  # the thread has ended
                if os.sched_getscheduler(int(task.name)) != policy:
                    os.sched_setscheduler(int(task.name), policy, parameters)
