"""What the programs share: a configuration from the command line, errors in one sentence, the contract's exit codes."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import NoReturn

import hydra
from hydra.errors import HydraException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from remaster.config import config_dir
from remaster.errors import Interrupted, UserError
from remaster.pipeline.space import OutOfSpace

PATIENCE_SECONDS = 8.0  # between a signal and the end


def run_program(config_name: str, run: Callable[[DictConfig], int], when_interrupted: str) -> NoReturn:
    """Compose ``conf/<config_name>.yaml``, run, and exit as the contract says: 0, 1, 2, 130 or 143."""
    interrupter = _Interrupter(f"remaster: interrupted; {when_interrupted}")
    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, interrupter)
    try:
        composed = compose(config_name)
        sys.exit(0 if composed is None else run(composed))
    except (UserError, HydraException, OmegaConfBaseException) as error:
        print(f"remaster: {one_sentence(error)}", file=sys.stderr)
        sys.exit(2)
    except OutOfSpace as error:
        print(f"remaster: {error}", file=sys.stderr)
        sys.exit(1)
    except Interrupted as interrupted:
        interrupter.leave(interrupted.exit_code)
    except BaseException:
        interrupter.unmute()
        raise


def compose(config_name: str) -> DictConfig | None:
    """The configuration of this command line, or None where Hydra answered it itself (``--help``, ``--cfg``).

    Hydra only composes: errors raised inside its function it would report in its own way, over several lines.
    """
    os.environ.setdefault("HYDRA_FULL_ERROR", "1")  # Hydra raises its own errors instead of printing them
    composed: list[DictConfig] = []

    def keep(config: DictConfig) -> None:
        composed.append(config)

    hydra.main(version_base="1.3", config_path=str(config_dir()), config_name=config_name)(keep)()
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


class _Interrupter:
    """Turns the first signal into ``Interrupted``, and sees to it that the program ends soon after."""

    def __init__(self, sentence: str) -> None:
        self.sentence = sentence
        self.stderr: int | None = None  # the real one, while descriptor 2 leads nowhere

    def __call__(self, signum: int, frame: FrameType | None) -> NoReturn:
        stop = Interrupted(signum)
        self._mute()
        # A report on a busy machine may take longer; Ray's processes end with this one in any case.
        deadline = threading.Timer(PATIENCE_SECONDS, self.leave, (stop.exit_code,))
        deadline.daemon = True
        deadline.start()
        raise stop

    def leave(self, code: int) -> NoReturn:
        """Say so and end at once, whatever other threads are at."""
        os.write(2 if self.stderr is None else self.stderr, f"{self.sentence}\n".encode())
        sys.stdout.flush()
        os._exit(code)

    def unmute(self) -> None:
        """Where something else than the signal ends the program, that is to be read."""
        if self.stderr is not None:
            os.dup2(self.stderr, 2)

    def _mute(self) -> None:
        """Ray's own threads tell at length of processes that the same signal, sent to a whole group, has ended."""
        if self.stderr is None:
            self.stderr, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, 2)
            os.close(nowhere)
