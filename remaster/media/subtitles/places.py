"""Where the source's picture lies in the output frame, at any time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True)
class Place:
    """Where the source's whole picture, for which its subtitles were made, lies in the displayed output frame.

    ``x`` and ``y`` are its left and top edge, ``width`` and ``height`` its size, in shares of the frame: 0, 0, 1, 1
    where nothing moves. Bars that were cropped off lie outside 0..1.
    """

    x: Fraction = Fraction(0)
    y: Fraction = Fraction(0)
    width: Fraction = Fraction(1)
    height: Fraction = Fraction(1)

    def across(self, share: Fraction) -> Fraction:
        """The x in the frame (0 left, 1 right) of the point at ``share`` of the source's width."""
        return self.x + share * self.width

    def down(self, share: Fraction) -> Fraction:
        """The y in the frame (0 top, 1 bottom) of the point at ``share`` of the source's height."""
        return self.y + share * self.height

    @property
    def right(self) -> Fraction:
        """The margin right of the picture, in shares of the frame's width."""
        return 1 - self.x - self.width

    @property
    def below(self) -> Fraction:
        """The margin below the picture, in shares of the frame's height."""
        return 1 - self.y - self.height


@dataclass(frozen=True)
class Stay:
    """``place`` holds from ``start`` to ``end``, in seconds of the video's clock."""

    start: Fraction
    end: Fraction
    place: Place


@dataclass(frozen=True)
class Places:
    """A video's places by time; ``stays`` are in the order of time, at least one."""

    stays: Sequence[Stay]

    @property
    def usual(self) -> Place:
        """The place with the longest total time."""
        seconds: Counter[Place] = Counter()
        for stay in self.stays:
            seconds[stay.place] += stay.end - stay.start  # type: ignore[assignment] # counts exact seconds
        return max(seconds, key=lambda place: seconds[place])

    @property
    def moved(self) -> bool:
        """Whether the picture ever lies elsewhere than it does in the source."""
        return any(stay.place != Place() for stay in self.stays)

    def at(self, start: Fraction, end: Fraction) -> Place:
        """The place with the longest time between ``start`` and ``end``; outside the video, its first or last place."""
        shared: dict[Place, Fraction] = {}
        for stay in self.stays:
            both = min(end, stay.end) - max(start, stay.start)
            if both > 0:
                shared[stay.place] = shared.get(stay.place, Fraction(0)) + both
        if shared:
            return max(shared, key=lambda place: shared[place])
        before = [stay for stay in self.stays if stay.start <= start]
        return (before[-1] if before else self.stays[0]).place
