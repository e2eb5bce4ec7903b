"""Programs as a shell sees them: exit code and both streams of a process of its own, which has all libraries loaded.

Such a process is forked from one that imported everything: a program's own imports take seconds each time.
"""

from __future__ import annotations

import importlib
import multiprocessing
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FORKS = multiprocessing.get_context("forkserver")
"""Its processes have imported all that takes long. (Python 3.11 finds no modules of the tests themselves there.)"""
FORKS.set_forkserver_preload(["remaster.pipeline.batch", "remaster.pipeline.evaluation", "remaster.pipeline.cli"])


@dataclass(frozen=True)
class Ended:
    """As ``subprocess.CompletedProcess`` has it."""

    returncode: int
    stdout: str
    stderr: str


def run_program(module: str, arguments: Sequence[str], cwd: Path, seconds: float = 200) -> Ended:
    """``python -m MODULE ARGUMENTS...`` in the folder ``cwd``; raises ``TimeoutError`` after so many ``seconds``."""
    return run_function(_main, module, arguments, cwd=cwd, seconds=seconds)


def run_function(function: Callable[..., None], *arguments: Any, cwd: Path, seconds: float = 200) -> Ended:
    """A function of an importable module in a process of its own; as ``run_program`` else."""
    with tempfile.TemporaryDirectory() as folder:
        streams = [Path(folder, name) for name in ("stdout", "stderr")]
        process = FORKS.Process(target=_redirected, args=(function, arguments, cwd, streams))
        process.start()
        process.join(seconds)
        if process.is_alive():
            process.kill()
            process.join()
            raise TimeoutError(f"{function.__name__}{arguments} ran for over {seconds} s")
        stdout, stderr = (path.read_text() for path in streams)
    assert process.exitcode is not None
    return Ended(process.exitcode, stdout, stderr)


def _redirected(function: Callable[..., None], arguments: Sequence[Any], cwd: Path, streams: Sequence[Path]) -> None:
    for descriptor, path in enumerate(streams, start=1):
        opened = os.open(path, os.O_WRONLY | os.O_CREAT)
        os.dup2(opened, descriptor)
        os.close(opened)
    os.chdir(cwd)
    function(*arguments)


def _main(module: str, arguments: Sequence[str]) -> None:
    sys.argv = [module, *arguments]
    importlib.import_module(module).main()
