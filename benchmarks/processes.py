"""Counts the CPU seconds of a program and of everything it starts, including Ray's daemons and workers."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

MARK = "REMASTER_BENCHMARK"
EVERY = 0.1
DAEMONS = re.compile(r"gcs_server|raylet|dashboard|runtime_env|log_monitor|monitor\.py|default_worker|ray::IDLE")


@dataclass
class Counted:
    """``wall`` seconds, and CPU seconds by process: the ``driver``, Ray's ``workers``, and Ray's own ``daemons``."""

    wall: float = 0.0
    driver: float = 0.0
    workers: float = 0.0
    daemons: float = 0.0
    peak_memory: int = 0
    output: str = ""

    @property
    def cpu(self) -> float:
        """CPU seconds of all processes."""
        return self.driver + self.workers + self.daemons


@dataclass
class _Process:
    role: str
    cpu: float = 0.0


@dataclass
class _Watch:
    """Looks at all marked processes again and again: those of Ray outlive their parents and are waited for by none."""

    mark: str
    driver: int
    seen: dict[int, _Process] = field(default_factory=dict)
    others: set[int] = field(default_factory=set)
    peak_memory: int = 0

    def look(self) -> int:
        """One look; returns how many processes still live."""
        alive, memory = 0, 0
        for entry in os.listdir("/proc"):  # noqa: PTH208 (ten times a second)
            if not entry.isdigit() or int(entry) in self.others:
                continue
            try:
                memory += self._take(int(entry))
            except (FileNotFoundError, ProcessLookupError, PermissionError):
                continue
            alive += int(entry) in self.seen
        self.peak_memory = max(self.peak_memory, memory)
        return alive

    def _take(self, pid: int) -> int:
        process = Path("/proc") / str(pid)
        if pid not in self.seen:
            environment = (process / "environ").read_bytes()
            if environment and self.mark.encode() not in environment:
                self.others.add(pid)
            if self.mark.encode() not in environment:
                return 0
            self.seen[pid] = _Process("driver" if pid == self.driver else "workers")
        command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        if pid != self.driver and command.startswith("ray::") and "IDLE" not in command:
            self.seen[pid].role = "workers"
        elif pid != self.driver and DAEMONS.search(command) and self.seen[pid].cpu < 1.0:
            self.seen[pid].role = "daemons"
        values = (process / "stat").read_text().rpartition(")")[2].split()
        self.seen[pid].cpu = (int(values[11]) + int(values[12])) / os.sysconf("SC_CLK_TCK")
        return int((process / "statm").read_text().split()[2 - 1]) * os.sysconf("SC_PAGE_SIZE")


def run_counted(command: Sequence[str], timeout: float) -> Counted:
    """Run a Python program (``-m`` and arguments) and count what it and its processes use; raises where it fails.

    What a process uses in its last tenth of a second is missed.
    """
    mark = f"{MARK}={uuid4().hex}"
    name, value = mark.split("=")
    started = time.perf_counter()
    program = subprocess.Popen(
        [sys.executable, *command], env=os.environ | {name: value}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    watch, stop = _Watch(mark, program.pid), threading.Event()
    looking = threading.Thread(target=_look_on, args=(watch, stop))
    looking.start()
    try:
        output, _ = program.communicate(timeout=timeout)
    finally:
        program.kill()
        wall = time.perf_counter() - started
        _wait_for_the_rest(watch)
        stop.set()
        looking.join()
    if program.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {program.returncode}:\n{output.decode()[-2000:]}")
    used = {
        role: sum(p.cpu for p in watch.seen.values() if p.role == role) for role in ("driver", "workers", "daemons")
    }
    return Counted(wall, used["driver"], used["workers"], used["daemons"], watch.peak_memory, output.decode())


def _look_on(watch: _Watch, stop: threading.Event) -> None:
    while not stop.wait(EVERY):
        watch.look()


def _wait_for_the_rest(watch: _Watch) -> None:
    """Ray's processes notice within seconds that their driver is gone."""
    deadline = time.monotonic() + 20
    while watch.look() and time.monotonic() < deadline:
        time.sleep(EVERY)
