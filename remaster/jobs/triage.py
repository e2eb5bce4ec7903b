"""``python -m remaster.jobs.triage dataset.path=...``: per shot, what a run would recover, generate or give up."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from remaster.jobs.early import leave_on_signals

if TYPE_CHECKING:
    from omegaconf import DictConfig


def main() -> NoReturn:
    """Parse the command line, triage, and exit as the contract says: 0, 1, 2, 130 or 143."""
    leave_on_signals()
    from remaster.config import register_schema
    from remaster.pipeline.cli import run_program
    from remaster.pipeline.triage import TriageConfig

    register_schema(TriageConfig, "triage_schema")
    run_program("triage", _run, "the same command goes on where it stopped", TriageConfig)


def _run(composed: DictConfig) -> int:
    from rich.console import Console

    from remaster.config import to_config
    from remaster.pipeline.triage import TriageConfig, run_triage

    config = to_config(composed)
    if not isinstance(config, TriageConfig):
        raise TypeError(f"the configuration is a {type(config).__name__}, not a TriageConfig")
    return run_triage(config, composed, Console(soft_wrap=True))


if __name__ == "__main__":
    main()
