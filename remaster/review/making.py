"""Starts the batch that obeys the decisions, with the settings of the folder's own run, and tells how it goes.

The batch is a process of its own session: it goes on when a page or the server ends. What it prints is in a file of the
output folder, so that every page shows the same lines.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from remaster.errors import UserError
from remaster.report import text

LOG = "report/make.log"
RUN, LOCK = "run.yaml", ".lock"
SHOWN_LINES = 12
SHOWN_BYTES = 8192
CONFIG = """\
defaults:
  - schema
  - _self_
  - override hydra/job_logging: none
  - override hydra/hydra_logging: none
  - override hydra/help: batch
hydra:
  output_subdir: null
  run: {dir: .}
  job: {chdir: false}
"""


@dataclass(frozen=True)
class Progress:
    """What is known of the batch: who works on the folder at present (None: nobody), and what was printed last.

    ``code`` is the exit code of the last batch that was started here; None: none was, or it is not over.
    """

    holder: str | None
    lines: tuple[str, ...]
    code: int | None

    @property
    def said(self) -> str:
        """One line for a person."""
        if self.holder is not None:
            return f"making: {self.lines[-1] if self.lines else 'starting'}"
        if self.code is None:
            return ""
        return ENDS.get(self.code, f"ended with exit code {self.code}")


ENDS = {
    0: "made: all is delivered",
    1: "made, with failures that the lines name",
    2: "nothing could start; the last line says why",
}


class Maker:
    """The batch of one output folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._lock = threading.Lock()
        self._started: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the batch; raises ``UserError`` where another run works on the folder, or where none was made in it."""
        with self._lock:
            holder = self.holder()
            if holder is not None:
                raise UserError(f"the folder is in use by {holder}; wait for it or stop it")
            log = self.root / LOG
            log.parent.mkdir(parents=True, exist_ok=True)
            log.with_suffix(".yaml").write_text(configuration(self.root))
            command = [sys.executable, "-m", "remaster.jobs.batch", "--config-dir", str(log.parent), "-cn", log.stem]
            with log.open("wb") as file:
                self._started = subprocess.Popen(
                    command, cwd=self.root, stdin=subprocess.DEVNULL, stdout=file, stderr=file, start_new_session=True
                )

    def progress(self) -> Progress:
        """How it goes."""
        with self._lock:
            code = None if self._started is None else self._started.poll()
            return Progress(self.holder(), _last_lines(self.root / LOG), code)

    def holder(self) -> str | None:
        """Who works on the folder; None: nobody.

        The folder's lock is looked at, and not tried: trying it could make a batch fail that starts at this moment.
        """
        if self._started is not None and self._started.poll() is None:
            return f"the run that was started here (process {self._started.pid})"
        try:
            named = json.loads((self.root / LOCK).read_text())
            host, pid = str(named["host"]), int(named["pid"])
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return f"a run of process {pid}" if host == socket.gethostname() and _has_open(pid, self.root / LOCK) else None


def configuration(root: Path) -> str:
    """The configuration of the folder's run, for a batch that goes on with it; raises ``UserError`` without one."""
    try:
        run = OmegaConf.load(root / RUN)
    except (OSError, ValueError) as error:
        raise UserError(f"{root / RUN} cannot be read: {error}") from error
    if not isinstance(run, DictConfig) or "output" not in run:
        raise UserError(f"{root / RUN} is no configuration of a run")
    run.pop("chosen", None)
    run.resume = True
    run.output.dir = str(root).replace("${", r"\${")
    return CONFIG + OmegaConf.to_yaml(run)


def _has_open(pid: int, path: Path) -> bool:
    """Whether a process of this machine has a file open; False where that cannot be seen."""
    try:
        links = list(Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return False
    return any(_target(link) == str(path) for link in links)


def _target(link: Path) -> str:
    try:
        return str(link.readlink())
    except OSError:  # closed since
        return ""


def _last_lines(log: Path) -> tuple[str, ...]:
    try:
        with log.open("rb") as file:
            file.seek(max(log.stat().st_size - SHOWN_BYTES, 0))
            lines = file.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return ()
    return tuple(text.printable(line) for line in lines if line.strip())[-SHOWN_LINES:]
