"""Notes on a video: what was found, repaired or converted, and what of the source its result lacks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Note:
    """One sentence on a video.

    ``loss``: the result lacks something of the source, or shows it wrongly. ``encoded``: true only where the picture
    was encoded anew, not where its packets were copied. ``decision``: it is about a person's decisions (``steering``).
    """

    text: str
    loss: bool = False
    encoded: bool = False
    decision: bool = False


def texts(notes: Iterable[Note]) -> list[str]:
    """What they say."""
    return [note.text for note in notes]


def losses(notes: Iterable[Note]) -> list[str]:
    """What those say that name something of the source that the result lacks."""
    return [note.text for note in notes if note.loss]


def status_of(fallback: bool, notes: Iterable[Note]) -> str:
    """A delivered video's status: ``fallback``, ``incomplete`` (delivered, with something left out) or ``ok``."""
    if fallback:
        return "fallback"
    return "incomplete" if losses(notes) else "ok"
