"""What notes on a video say of it: most tell what was found or repaired, some that the result lacks something."""

from __future__ import annotations

import re
from collections.abc import Iterable

_LOSS = re.compile(
    r"\b(left out|not carried|not kept|cannot be kept|lost|skipped|not be read to its end|pictures end after)\b"
)
"""A note of a loss has one of these wordings, and no other note has."""


def losses(notes: Iterable[str]) -> list[str]:
    """Those that name something of the source that the result lacks."""
    return [note for note in notes if _LOSS.search(note)]


def status_of(fallback: bool, notes: Iterable[str]) -> str:
    """A delivered video's status: ``fallback``, ``incomplete`` (delivered, with something left out) or ``ok``."""
    if fallback:
        return "fallback"
    return "incomplete" if losses(notes) else "ok"
