"""SIGINT and SIGTERM: the run drops what is in flight, and the program ends soon, in one line and with the right code.

The handler raises ``KeyboardInterrupt``, for either signal: it is the only exception that gets through Ray's own code,
which polls for signals while it waits; any other would come out as a ``SystemError``, which looks like a failure.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from types import FrameType
from typing import ClassVar, NoReturn

EXIT_WITHIN_SECONDS = 8.0
"""From a signal to the end of the program at the latest."""


class Interrupter:
    """Turns signals into ``KeyboardInterrupt``, and sees to it that the program ends soon after the first."""

    signum: ClassVar[int] = signal.SIGINT
    """The signal that came last."""
    received: ClassVar[bool] = False
    """Whether a signal has come to this process."""

    def __init__(self, sentence: str) -> None:
        self.sentence = sentence
        self.stderr: int | None = None  # the real one, while descriptor 2 leads nowhere

    @property
    def asked(self) -> bool:
        """Whether a signal has come."""
        return self.stderr is not None

    def install(self) -> None:
        """Take both signals."""
        for signum in (signal.SIGINT, signal.SIGTERM):
            signal.signal(signum, self)

    def __call__(self, signum: int, frame: FrameType | None) -> NoReturn:
        """The handler."""
        Interrupter.signum, Interrupter.received = signum, True
        if not self.asked:
            self._mute()
            # A report on a busy machine may take longer; Ray's processes end with this one in any case.
            deadline = threading.Timer(EXIT_WITHIN_SECONDS, self.leave)
            deadline.daemon = True
            deadline.start()
        raise KeyboardInterrupt

    def leave(self) -> NoReturn:
        """Print the sentence and end at once, without waiting for other threads."""
        os.write(2 if self.stderr is None else self.stderr, f"{self.sentence}\n".encode())
        sys.stdout.flush()
        os._exit(exit_code())

    def unmute(self) -> None:
        """Restore stderr, where another error than the signal ends the program and has to be read."""
        if self.stderr is not None:
            os.dup2(self.stderr, 2)

    def _mute(self) -> None:
        """Silence stderr: Ray's threads print much about processes that the same signal has ended."""
        self.stderr, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 2)
        os.close(nowhere)


def exit_code() -> int:
    """The exit code of an interrupted program: 130 or 143."""
    return 128 + Interrupter.signum
