"""Runs a program: configuration from the command line, errors in one sentence, the contract's exit codes."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any, NoReturn

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
    schema: type[Any] = BatchConfig,
) -> NoReturn:
    """Compose ``conf/<config_name>.yaml``, run, and exit with a code of the contract: 0, 1, 2, 130 or 143.

    ``schema`` says which keys hold texts; their values are taken literally from the command line.
    """
    interrupter = Interrupter(f"remaster: interrupted; {when_interrupted}")
    interrupter.install()
    try:
        composed = compose(config_name, schema)
        code = 0 if composed is None else run(composed)
        if interrupter.asked:  # in a destructor, from which exceptions are not raised
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
        if interrupter.asked:  # Ray's code turned the signal into another error, or lost its processes by it
            interrupter.leave()
        raise


def compose(config_name: str, schema: type[Any] = BatchConfig) -> DictConfig | None:
    """The configuration of this command line, or None where Hydra answered it itself (``--help``, ``--cfg``).

    Hydra only composes: it would report errors of a function that it runs in its own way, over several lines.
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
    """The line of an error that has its reason: Hydra and OmegaConf add context below it, or hide it in a cause.

    The program's own errors are one sentence, even if a name in it has line breaks.
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
