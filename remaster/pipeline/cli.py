"""What the programs share: a configuration from the command line, errors in one sentence, the contract's exit codes."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import NoReturn

import hydra
from hydra.errors import HydraException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from remaster.config import BatchConfig, config_dir
from remaster.errors import UserError
from remaster.pipeline.arguments import hydra_arguments
from remaster.pipeline.failures import OutOfSpace
from remaster.pipeline.interruption import Interrupter
from remaster.report import text


def run_program(
    config_name: str,
    run: Callable[[DictConfig], int],
    when_interrupted: str,
    schema: type[BatchConfig] = BatchConfig,
) -> NoReturn:
    """Compose ``conf/<config_name>.yaml``, run, and exit as the contract says: 0, 1, 2, 130 or 143.

    ``schema`` tells which keys hold texts, which are taken from the command line as they stand.
    """
    interrupter = Interrupter(f"remaster: interrupted; {when_interrupted}")
    interrupter.install()
    try:
        composed = compose(config_name, schema)
        code = 0 if composed is None else run(composed)
        if interrupter.asked:  # in a destructor, out of which nothing is raised
            interrupter.leave()
        sys.exit(code)
    except (UserError, HydraException, OmegaConfBaseException) as error:
        interrupter.unmute()
        print(f"remaster: {one_sentence(error)}", file=sys.stderr)
        sys.exit(2)
    except OutOfSpace as error:
        interrupter.unmute()
        print(f"remaster: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        interrupter.leave()
    except BaseException:
        if interrupter.asked:  # Ray's own code made another error of the signal, or lost its processes to it
            interrupter.leave()
        raise


def compose(config_name: str, schema: type[BatchConfig] = BatchConfig) -> DictConfig | None:
    """The configuration of this command line, or None where Hydra answered it itself (``--help``, ``--cfg``).

    Hydra only composes: errors raised inside its function it would report in its own way, over several lines.
    """
    os.environ.setdefault("HYDRA_FULL_ERROR", "1")  # Hydra raises its own errors instead of printing them
    composed: list[DictConfig] = []

    def keep(config: DictConfig) -> None:
        composed.append(config)

    asked = sys.argv
    sys.argv = [asked[0], *hydra_arguments(asked[1:], schema)]
    try:
        hydra.main(version_base="1.3", config_path=str(config_dir()), config_name=config_name)(keep)()
    finally:
        sys.argv = asked
    return composed[0] if composed else None


def one_sentence(error: BaseException) -> str:
    """An error's telling line: Hydra and OmegaConf add context below it, or hide the reason in a cause.

    The program's own errors are one sentence, whatever the names in it hold.
    """
    if isinstance(error, UserError):
        return text.printable(str(error))
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
