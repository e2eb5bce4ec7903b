"""Repairs timestamps: every frame gets a time of its own, later than that of the frame before."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Generic, TypeVar

from remaster.notes import Note

Item = TypeVar("Item")

_MAX_UNTIMED = 8
"""Frames in a row without a usable time after which the clock is taken to have jumped back."""
_MAX_NAMED = 4
"""Jumps that a note names."""


@dataclass
class Repairs:
    """Counts of frames or packets that were repaired while decoding; ``jumps``: where the file's clock jumps, in s."""

    missing: int = 0
    disordered: int = 0
    broken: int = 0
    damaged: int = 0
    converted: int = 0
    cut_off: int = 0
    jumps: tuple[Fraction, ...] = ()

    def reset(self) -> None:
        """Forget all counts."""
        self.missing = self.disordered = self.broken = self.damaged = self.converted = self.cut_off = 0
        self.jumps = ()

    def add(self, other: Repairs) -> None:
        """Add the counts of another part of the same file."""
        self.missing += other.missing
        self.disordered += other.disordered
        self.broken += other.broken
        self.damaged += other.damaged
        self.converted += other.converted
        self.cut_off = max(self.cut_off, other.cut_off)
        self.jumps = self.jumps or other.jumps

    def notes(self) -> tuple[Note, ...]:
        """The repairs that were made, one sentence each."""
        kinds = (
            (self.missing, Note("{} frames had no timestamp")),
            (self.disordered, Note("{} frames had a repeated or backward timestamp")),
            (self.broken, Note("{} broken packets were skipped", loss=True)),
            (self.damaged, Note("{} damaged frames were shown as well as the decoder could")),
            (self.converted, Note("{} frames differed in size or pixel format and were converted")),
            (self.cut_off, Note("the file could not be read to its end", loss=True)),
        )
        found = tuple(replace(note, text=note.text.format(count)) for count, note in kinds if count)
        if self.jumps:
            at = ", ".join(f"{float(second):.1f}" for second in self.jumps[:_MAX_NAMED]) + (
                "..." * (len(self.jumps) > _MAX_NAMED)
            )
            found += (Note(f"the file's clock starts again or jumps at {at} s: picture and tracks go on together"),)
        return found


@dataclass
class Clock(Generic[Item]):
    """Turns the stamps of frames in presentation order into strictly ascending times.

    A stamp later than all before it is kept. Frames without such a stamp wait for the next frame that has one, and are
    then placed between their neighbours: at the nominal rate from the last good time where there is room, else evenly.
    After ``_MAX_UNTIMED`` such frames in a row the stamps are taken to have jumped (joined recordings): the times
    continue at the nominal rate, and all later stamps are shifted by the same amount. Frames before the first stamp
    are counted back from it. A stream without any stamp begins at 0.

    ``step`` is the nominal duration of a frame in ticks, ``last`` the last time, ``shift`` ticks added to stamps.
    """

    step: Fraction
    repairs: Repairs
    last: int | None = None
    shift: int = 0
    waiting: list[Item] = field(default_factory=list)

    def push(self, item: Item, stamp: int | None) -> list[tuple[int, Item]]:
        """Take the next frame and its stamp; return the frames whose times are now known, with their times."""
        time = None if stamp is None else stamp + self.shift
        if time is not None and (self.last is None or time > self.last):
            ready = [*self._between(time), (time, item)]
            ready[-1] = (max(time, ready[-2][0] + 1), item) if len(ready) > 1 else ready[-1]
            self.last = ready[-1][0]
            return ready
        if stamp is None:
            self.repairs.missing += 1
        else:
            self.repairs.disordered += 1
        self.waiting.append(item)
        if len(self.waiting) < _MAX_UNTIMED:
            return []
        ready = self.flush()
        if stamp is not None and self.last is not None:
            self.shift = self.last - stamp
        return ready

    def flush(self) -> list[tuple[int, Item]]:
        """Give the waiting frames their times at the nominal rate."""
        start = Fraction(self.last) if self.last is not None else -self.step
        times = [round(start + self.step * (number + 1)) for number in range(len(self.waiting))]
        return self._release(times)

    def _between(self, time: int) -> list[tuple[int, Item]]:
        """Place the waiting frames before ``time``."""
        count = len(self.waiting)
        if not count:
            return []
        if self.last is None:
            return self._release([round(time - self.step * (count - number)) for number in range(count)])
        step = min(self.step, Fraction(time - self.last, count + 1))
        return self._release([self.last + max(round(step * (number + 1)), number + 1) for number in range(count)])

    def _release(self, times: list[int]) -> list[tuple[int, Item]]:
        ready = list(zip(times, self.waiting, strict=True))
        self.waiting = []
        if ready:
            self.last = ready[-1][0]
        return ready
