"""Runs with an engine that has a fault: in this process, or in one of their own that can be killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any, NoReturn

import psutil
import pyarrow.parquet as pq
from batch_runs import run_overrides
from hydra import compose, initialize_config_dir
from programs import FORKS
from rich.console import Console

from remaster.config import config_dir, register_schema, to_config
from remaster.pipeline.arguments import hydra_arguments
from remaster.pipeline.batch import run_batch
from remaster.pipeline.cluster import start

HERE = Path(__file__).parent
WAIT = 150.0
ENGINE = """name: faulty
engine: {{_target_: faulty_engines.FaultyInpainter, folder: "{notes}"}}
pool: {pool}
"""


@dataclass(frozen=True)
class Case:
    """A folder for one test: the input, the output, the engine's notes and its configuration.

    ``link`` off is faster, where sets that return are not what the test is about. ``copied`` has made the output that
    this one begins with: where the engine's notes lie is one of its settings, so they stay the same.
    """

    root: Path
    source: Path
    link: str = field(default="series", kw_only=True)
    copied: Case | None = field(default=None, kw_only=True)

    @property
    def out(self) -> Path:
        return self.root / "out"

    @property
    def notes(self) -> Path:
        return self.root / "notes" if self.copied is None else self.copied.notes

    def engine(self, fault: str = "none", seconds: float = 0.0, pool: str = "null") -> None:
        path = self.root / "conf" / "inpainter" / "faulty.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        self.notes.mkdir(exist_ok=True)
        path.write_text(ENGINE.format(notes=self.notes, pool=pool))
        (self.notes / "seconds").write_text(str(seconds))
        (self.notes / "fault").write_text(fault)

    def overrides(self) -> list[str]:
        """The arguments as Hydra has to get them."""
        return hydra_arguments(self.arguments())

    def arguments(self) -> list[str]:
        """What a person would type."""
        return [
            f"dataset.path={self.source}",
            f"output.dir={self.out}",
            "output.preset=ultrafast",
            "segmenter=none",
            "inpainter=faulty",
            f"scenes.link={self.link}",
            f"hydra.searchpath=[file://{self.root / 'conf'}]",
        ]

    def begun(self) -> dict[str, int]:
        """How often the engine began with each scene."""
        return {path.name: len(path.read_text().split()) for path in self.notes.glob("begun-*")}

    def run(self, *more: str) -> tuple[int, str]:
        """A run in this process and the Ray that it is connected to: (exit code, what it printed)."""
        return run_overrides([*self.overrides(), *more])

    def environment(self) -> dict[str, str]:
        """What a run as a program needs to find the engines of this folder."""
        path = os.pathsep.join([str(HERE), *filter(None, [os.environ.get("PYTHONPATH")])])
        return {**os.environ, "PYTHONPATH": path}

    @contextmanager
    def started(self, where: str = "cluster.cpus=2") -> Iterator[subprocess.Popen[str]]:
        """A run as a program, in a process group of its own, which is ended at the end."""
        command = [sys.executable, "-m", "remaster.jobs.batch", *self.arguments(), where]
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        process: subprocess.Popen[str] = subprocess.Popen(
            command, env=self.environment(), start_new_session=True, **streams
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()
            process.communicate()

    def forked(self, address: str) -> ForkServerProcess:
        """A run on a cluster, as a process that has everything imported already."""
        process = FORKS.Process(target=_drive, args=(self, address))
        process.start()
        return process

    def files(self) -> dict[str, int]:
        """Time of change by name of all that is there of finished scenes."""
        files = [*self.out.glob("metadata/scenes/*.parquet"), *self.out.glob("scenes/*/*.mkv")]
        return {path.name: path.stat().st_mtime_ns for path in files if not path.name.startswith(".")}

    def finished(self) -> dict[str, int]:
        """Time of change by name of the segments that rows tell of."""
        rows = self.rows() if (self.out / "metadata" / "scenes").is_dir() else []
        return {row["segment"]: (self.out / row["segment"]).stat().st_mtime_ns for row in rows}

    def rows(self) -> list[dict[str, Any]]:
        table: list[dict[str, Any]] = pq.read_table(self.out / "metadata" / "scenes").to_pylist()
        return sorted(table, key=lambda row: (row["video"], row["start_frame"]))

    def videos(self) -> dict[str, dict[str, Any]]:
        return {row["video"]: row for row in pq.read_table(self.out / "metadata" / "videos").to_pylist()}

    def delivered(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in (self.out / "videos").iterdir()}


def _drive(case: Case, address: str) -> None:
    code, printed = case.run(f"cluster.address={address}")
    print(printed)  # a failed test shows it
    sys.exit(code)


def run_on(machine: Mapping[str, Any], overrides: Sequence[str]) -> NoReturn:
    """A run on a Ray of its own, told that there is such a ``machine``; prints to stderr and exits with its code."""
    start(None, {**machine, "include_dashboard": False})
    register_schema()
    with initialize_config_dir(str(config_dir()), version_base="1.3"):
        composed = compose("batch", overrides=list(overrides))
    sys.exit(run_batch(to_config(composed), composed, Console(file=sys.stderr, width=300)))


def wait_for(what: Callable[[], bool], process: subprocess.Popen[str] | None = None) -> None:
    """Until ``what`` is true; raises ``AssertionError`` after a long time, or where the process ended before."""
    end = time.monotonic() + WAIT
    while not what():
        assert time.monotonic() < end, "waited too long"
        assert process is None or process.poll() is None, process.communicate()
        time.sleep(0.02)


def descendants(process: subprocess.Popen[str]) -> list[psutil.Process]:
    """All processes below one, itself left out."""
    return psutil.Process(process.pid).children(recursive=True)


def at_work(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Those that still run. Ray's agents, which touch nothing of ours and end within a minute, are not counted."""
    return [process for process in processes if (name := command_of(process)) and not name.endswith("Agent")]


def command_of(process: psutil.Process) -> str:
    """Its command line; empty for a process that has ended, a zombie among them."""
    try:
        return " ".join(process.cmdline()).strip()
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return ""


def unchanged(before: Mapping[str, int], after: Mapping[str, int]) -> bool:
    return all(after.get(name) == time for name, time in before.items())


def kill(process: subprocess.Popen[str]) -> None:
    """SIGKILL to the driver alone, as the kernel's out-of-memory killer does it."""
    os.kill(process.pid, signal.SIGKILL)
    process.wait(WAIT)
