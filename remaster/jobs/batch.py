"""``python -m remaster.jobs.batch +dataset=series``: remaster a dataset. Also installed as ``remaster``."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from remaster.jobs.early import leave_on_signals

if TYPE_CHECKING:
    from omegaconf import DictConfig


def main() -> NoReturn:
    """Parse the command line, run, and exit as the contract says: 0, 1, 2, 130 or 143."""
    leave_on_signals()
    from remaster.config import register_schema
    from remaster.pipeline.cli import run_program

    register_schema()
    run_program("batch", _run, "the same command goes on where it stopped")


def _run(composed: DictConfig) -> int:
    from rich.console import Console

    from remaster.config import to_config
    from remaster.pipeline.batch import run_batch

    return run_batch(to_config(composed), composed, Console(soft_wrap=True))


if __name__ == "__main__":
    main()
