"""Formats numbers, times and names for people. None and NaN become a dash."""

from __future__ import annotations

import math
from collections.abc import Sequence

MAX_NAMES = 3
"""Names that a sentence lists before it counts the rest: so many fit on one line of a terminal."""
DASH = "–"
_UNITS = ((1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


def missing(value: float | None) -> bool:
    """True for None, NaN and infinities."""
    return value is None or not math.isfinite(value)


def count(value: float | None) -> str:
    """A whole number with thousands separated: ``12,345``."""
    return DASH if value is None or missing(value) else f"{round(value):,}"


def amount(value: float | None) -> str:
    """A large number with three digits and a unit: ``987``, ``12.3 k``, ``8.10 G``."""
    if value is None or missing(value):
        return DASH
    for scale, unit in _UNITS:
        if abs(value) >= scale * 0.9995:
            digits = 2 if abs(value) < 9.995 * scale else 1 if abs(value) < 99.95 * scale else 0
            return f"{value / scale:.{digits}f} {unit}"
    return f"{value:.0f}"


def share(value: float | None) -> str:
    """A share (0-1) in percent; a share close to 0 or 1 never reads as 0 % or 100 %."""
    if value is None or missing(value):
        return DASH
    if 0 < value < 0.001:
        return "< 0.1 %"
    if 0.999 < value < 1:
        return "> 99.9 %"
    return f"{100 * value:.1f} %"


def ratio(value: float | None) -> str:
    """A ratio: two decimals below 10, one below 100, else as ``count``."""
    if value is None or missing(value):
        return DASH
    return f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}" if abs(value) < 100 else count(value)


def clock(seconds: float | None, decimals: int = 0) -> str:
    """Seconds as ``h:mm:ss`` or ``m:ss``, with ``decimals`` of a second."""
    if seconds is None or missing(seconds):
        return DASH
    ticks = round(abs(seconds) * 10**decimals)
    whole, part = divmod(ticks, 10**decimals)
    minutes, second = divmod(whole, 60)
    hours, minute = divmod(minutes, 60)
    head = f"{hours}:{minute:02d}:{second:02d}" if hours else f"{minute}:{second:02d}"
    sign = "-" if seconds < 0 and ticks else ""
    return f"{sign}{head}.{part:0{decimals}d}" if decimals else f"{sign}{head}"


def plural(number: int, noun: str) -> str:
    """``1 shot``, ``12 shots``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def listed(names: Sequence[str]) -> str:
    """The first ``MAX_NAMES`` names and how many follow: ``a, b, c and 12 more``."""
    rest = len(names) - MAX_NAMES
    return ", ".join(names[:MAX_NAMES]) + (f" and {rest:,} more" if rest > 0 else "")


def printable(text: str, encoding: str = "utf-8") -> str:
    """The text on one line, safe for any terminal: no control or direction characters, and encodable."""
    line = "".join(c if c.isprintable() else " " if c in "\n\t" else "?" for c in text)
    if not encoding.lower().startswith("utf"):
        line = line.replace(DASH, "-")
    return line.encode(encoding, "replace").decode(encoding)


def first_line(text: str | None, limit: int = 200) -> str:
    """The first line of a message that is not blank, cut to ``limit`` characters."""
    line = next((line.strip() for line in (text or "").splitlines() if line.strip()), DASH)
    return line if len(line) <= limit else line[: limit - 3] + "..."
