"""Handles SIGINT and SIGTERM: the run drops its work in progress and ends soon, with one line and the right exit code.

The handler raises ``KeyboardInterrupt`` for both signals. It is the only exception that passes Ray's code, which polls
for signals while it waits; any other would become a ``SystemError``, which looks like a failure.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from types import FrameType
from typing import ClassVar, NoReturn

EXIT_WITHIN_SECONDS = 8.0
"""Seconds from a signal to the end of the program, at most."""


class Interrupter:
    """Turns signals into ``KeyboardInterrupt``, and ends the program soon after the first one."""

    signum: ClassVar[int] = signal.SIGINT
    """The last signal."""
    received: ClassVar[bool] = False
    """Whether this process has received a signal."""

    def __init__(self, sentence: str) -> None:
        self.sentence = sentence
        self.stderr: int | None = None  # the real stderr, while descriptor 2 is /dev/null

    @property
    def asked(self) -> bool:
        """Whether a signal was received."""
        return self.stderr is not None

    def install(self) -> None:
        """Install the handler for both signals."""
        for signum in (signal.SIGINT, signal.SIGTERM):
            signal.signal(signum, self)

    def __call__(self, signum: int, frame: FrameType | None) -> NoReturn:
        """Handle a signal."""
        Interrupter.signum, Interrupter.received = signum, True
        if not self.asked:
            self._mute()
            # A report on a busy machine may take longer; Ray's processes end with this one in any case.
            deadline = threading.Timer(EXIT_WITHIN_SECONDS, self.leave)
            deadline.daemon = True
            deadline.start()
        raise KeyboardInterrupt

    def leave(self) -> NoReturn:
        """Print the sentence and end the process at once, without waiting for other threads."""
        os.write(2 if self.stderr is None else self.stderr, f"{self.sentence}\n".encode())
        sys.stdout.flush()
        os._exit(exit_code())

    def unmute(self) -> None:
        """Restore stderr, where another error than the signal ends the program and must be visible."""
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
