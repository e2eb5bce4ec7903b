"""``python -m remaster.jobs.evaluate dataset.path=...``: hide what is known, restore it, and measure how near it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from remaster.jobs.early import leave_on_signals

if TYPE_CHECKING:
    from omegaconf import DictConfig


def main() -> NoReturn:
    """Parse the command line, evaluate, and exit: 0, 1 (some videos or scenes failed), 2, 130 or 143."""
    leave_on_signals()
    from remaster.config import register_schema
    from remaster.pipeline.cli import run_program
    from remaster.pipeline.evaluation import EvaluateConfig

    register_schema(EvaluateConfig, "evaluate_schema")
    run_program("evaluate", _run, "nothing was kept", EvaluateConfig)


def _run(composed: DictConfig) -> int:
    from rich.console import Console

    from remaster.config import to_config
    from remaster.pipeline.evaluation import EvaluateConfig, run_evaluation

    config = to_config(composed)
    if not isinstance(config, EvaluateConfig):
        raise TypeError(f"the configuration is a {type(config).__name__}, not an EvaluateConfig")
    return run_evaluation(config, Console(soft_wrap=True))


if __name__ == "__main__":
    main()
