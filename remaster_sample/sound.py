"""The series' sound: silence, and a short beep exactly at each cut, so that sync can be measured."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

SAMPLE_RATE = 48000
BEEP_HZ = 1000.0
BEEP_SECONDS = 0.08
LOUDNESS = 0.35


def beeps(seconds: float, onsets: Iterable[float]) -> npt.NDArray[np.float32]:
    """Mono sound of that length at ``SAMPLE_RATE``, float32 -1..1, with a beep starting at each of ``onsets`` (s)."""
    sound = np.zeros(round(seconds * SAMPLE_RATE), np.float32)
    t = np.arange(round(BEEP_SECONDS * SAMPLE_RATE)) / SAMPLE_RATE
    # Up within a millisecond, so that the onset is sharp; down slowly, so that the end does not click.
    envelope = np.clip(t / 0.001, 0, 1) * np.clip((BEEP_SECONDS - t) / 0.03, 0, 1)
    beep = (LOUDNESS * np.sin(2 * np.pi * BEEP_HZ * t) * envelope).astype(np.float32)
    for onset in onsets:
        at = round(onset * SAMPLE_RATE)
        part = sound[at : at + len(beep)]
        part += beep[: len(part)]
    return sound
