"""Encoders that take a priority which nobody gave them."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def kept_scheduling() -> Iterator[None]:
    """All threads of this process are scheduled afterwards as this one was before.

    Where root runs it, SVT-AV1 makes itself and the thread that opens it real-time (SCHED_FIFO, 99), which whatever is
    started later inherits: two busy workers would leave nothing to the rest of the machine, Ray included.
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
