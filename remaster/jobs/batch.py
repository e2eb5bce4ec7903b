"""``python -m remaster.jobs.batch +dataset=series``: remaster a dataset. Also installed as ``remaster``."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType
from typing import NoReturn

import hydra
from hydra.errors import HydraException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException
from rich.console import Console

from remaster.config import config_dir, register_schema, to_config
from remaster.errors import Interrupted, UserError
from remaster.pipeline.batch import run_batch


def main() -> NoReturn:
    """Parse the command line, run, and exit as the contract says: 0, 1, 2, 130 or 143."""
    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, _interrupt)
    try:
        composed = compose()
        sys.exit(0 if composed is None else run_batch(to_config(composed), composed, Console(soft_wrap=True)))
    except (UserError, HydraException, OmegaConfBaseException) as error:
        print(f"remaster: {one_sentence(error)}", file=sys.stderr)
        sys.exit(2)
    except Interrupted as interrupted:
        print("remaster: interrupted; the same command goes on where it stopped", file=sys.stderr)
        sys.exit(interrupted.exit_code)


def compose() -> DictConfig | None:
    """The configuration of this command line, or None where Hydra answered it itself (``--help``, ``--cfg``).

    Hydra only composes: errors raised inside its function it would report in its own way, over several lines.
    """
    register_schema()
    os.environ.setdefault("HYDRA_FULL_ERROR", "1")  # Hydra raises its own errors instead of printing them
    composed: list[DictConfig] = []

    def keep(config: DictConfig) -> None:
        composed.append(config)

    hydra.main(version_base="1.3", config_path=str(config_dir()), config_name="batch")(keep)()
    return composed[0] if composed else None


def one_sentence(error: BaseException) -> str:
    """An error's telling line: Hydra and OmegaConf add context below it, or hide the reason in a cause."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    said = lines[0].rstrip(".") if lines else type(error).__name__
    choices = [line for line in lines if line.startswith("Available options")]
    if choices:
        return f"{said}; {', '.join(lines[lines.index(choices[0]) :]).replace(':,', ':')}".split(", Config search")[0]
    cause = error.__cause__
    if isinstance(error, HydraException) and isinstance(cause, OmegaConfBaseException):
        reason = str(cause).splitlines()[0]
        return said if reason in said else f"{said}: {reason}"
    return said


def _interrupt(signum: int, frame: FrameType | None) -> NoReturn:
    raise Interrupted(signum)


if __name__ == "__main__":
    main()
