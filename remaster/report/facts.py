"""What is known of a run as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True)
class EngineChoice:
    """Which engine a step runs on, and why: ``step`` is ``segmenter`` or ``inpainter``."""

    step: str
    name: str
    reason: str


@dataclass(frozen=True)
class RunFacts:
    """The facts that hold for a whole run.

    ``command`` is the command line as one would type it. ``settings`` are the options worth reading (dotted name to
    value), ``versions`` those of the program and its libraries. ``left_out`` says what of the inputs was not taken, a
    line for each kind. ``hardware`` says what the run had: ``8 CPUs, 1 GPU``. ``started`` carries its time zone.
    ``seconds`` is wall time, ``earlier_seconds`` that of the runs before it in the same folder. ``exit_code`` is the
    program's: 0 all delivered, 1 with failures, 130 and 143 interrupted, None while the run goes on.
    """

    command: str
    dataset: str
    source: str
    output: str
    hardware: str
    started: datetime
    seconds: float
    exit_code: int | None
    earlier_seconds: float = 0.0
    engines: tuple[EngineChoice, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()

    @property
    def state(self) -> str:
        """The exit code in words; ``failed`` for any that is not listed."""
        words = {None: "running", 0: "finished", 1: "finished with failures", 130: "interrupted", 143: "interrupted"}
        return words.get(self.exit_code, "failed")
