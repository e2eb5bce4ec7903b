"""``python -m remaster.jobs.plan dataset.path=... plan.cpus=64``: what a dataset will take, by its headers alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from remaster.jobs.early import leave_on_signals

if TYPE_CHECKING:
    from omegaconf import DictConfig


def main() -> NoReturn:
    """Parse the command line, forecast, and exit: 0, 1 (some files could not be read), 2, 130 or 143."""
    leave_on_signals()
    from remaster.config import register_schema
    from remaster.pipeline.cli import run_program
    from remaster.pipeline.forecasting import PlanConfig

    register_schema(PlanConfig, "plan_schema")
    run_program("plan", _run, "nothing was kept", PlanConfig)


def _run(composed: DictConfig) -> int:
    from rich.console import Console

    from remaster.config import to_config
    from remaster.pipeline.forecasting import PlanConfig, run_plan

    config = to_config(composed)
    if not isinstance(config, PlanConfig):
        raise TypeError(f"the configuration is a {type(config).__name__}, not a PlanConfig")
    return run_plan(config, Console(soft_wrap=True))


if __name__ == "__main__":
    main()
