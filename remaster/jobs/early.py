"""Signals while a program still imports its libraries, which takes seconds: it leaves as it does later, in one line."""

from __future__ import annotations

import signal
import sys
from types import FrameType
from typing import NoReturn


def leave_on_signals() -> None:
    """From now on SIGINT and SIGTERM end the program with exit code 130 or 143; nothing has been begun yet."""
    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, _leave)


def _leave(signum: int, frame: FrameType | None) -> NoReturn:
    print("remaster: interrupted; the same command starts again", file=sys.stderr)
    sys.exit(128 + signum)
