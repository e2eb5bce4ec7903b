"""Lists the workers that Ray started for a driver: the targets of a benchmark's faults."""

from __future__ import annotations

from contextlib import suppress

import psutil


def ray_workers(driver: int) -> list[psutil.Process]:
    """Ray's workers below the process ``driver``, in the order of their ids; Ray's own agents are none."""
    found = []
    for process in psutil.Process(driver).children(recursive=True):
        with suppress(psutil.NoSuchProcess):  # it ended while the others were looked at
            name = " ".join(process.cmdline())
            if name.startswith("ray::") and "Agent" not in name:
                found.append(process)
    return sorted(found, key=lambda process: process.pid)
