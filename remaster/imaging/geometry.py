"""What fills the target: the window around a picture, on the chroma grid, for any pair of aspects.

Everything is in stored (not square) pixels; aspects are display aspects, so the sample aspect ratio counts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from fractions import Fraction

from remaster.errors import UserError
from remaster.media.types import PixelFormat, Rect

PASS_TOLERANCE = Fraction(1, 100)
FRAMINGS = {"left": 0.0, "center": 0.5, "right": 1.0}


@dataclass(frozen=True)
class Window:
    """What one output frame shows: ``active`` of the source lies at column ``x`` and row ``y`` of ``width x height``.

    The wings are all the rest: two rectangles left and right, or above and below (either may be empty), and one line
    more where the picture's other size is odd.
    """

    active: Rect
    width: int
    height: int
    x: int
    y: int

    @property
    def passthrough(self) -> bool:
        """True where the active picture already fills the target: there are no wings."""
        return (self.width, self.height) == (self.active.width, self.active.height)

    @property
    def vertical(self) -> bool:
        """True where the picture is extended above and below, not left and right."""
        return self.height - self.active.height > self.width - self.active.width

    @property
    def wing_share(self) -> float:
        """How wide both wings are together, as a share of the active picture's size on their axis."""
        a = self.active
        return max(self.width / a.width, self.height / a.height) - 1.0

    @property
    def wings(self) -> tuple[Rect, ...]:
        """The wings as non-empty rectangles in window coordinates, left before right and top before bottom."""
        a = self.active
        right, bottom = self.x + a.width, self.y + a.height
        rects = (
            Rect(0, 0, self.x, self.height),
            Rect(right, 0, self.width - right, self.height),
            Rect(self.x, 0, a.width, self.y),
            Rect(self.x, bottom, a.width, self.height - bottom),
        )
        return tuple(r for r in rects if r.width > 0 and r.height > 0)

    @property
    def wing_pixels(self) -> int:
        """How many pixels of the window lie outside the active picture."""
        return self.width * self.height - self.active.width * self.active.height


def parse_aspect(text: str) -> Fraction:
    """A display aspect from ``16:9``, ``16/9``, ``1.85`` or ``1.85:1``; raises ``UserError`` for anything else."""
    match = re.fullmatch(r"\s*([0-9]+(?:\.[0-9]+)?)\s*(?:[:/]\s*([0-9]+(?:\.[0-9]+)?)\s*)?", text)
    if match is None:
        raise UserError(f"target.aspect={text} is no aspect; write it as 16:9, 21:9, 9:16 or 1.85")
    wide, high = Fraction(match[1]), Fraction(match[2] or 1)
    if not (wide and high) or not Fraction(1, 8) <= wide / high <= 8:
        raise UserError(f"target.aspect={text} is out of range; aspects from 1:8 to 8:1 can be made")
    return wide / high


def parse_framing(value: str | float) -> float | None:
    """The share of the wing that lies left of (above) the original: 0..1, or None for ``auto``."""
    if value == "auto":
        return None
    if isinstance(value, str) and value in FRAMINGS:
        return FRAMINGS[value]
    try:
        share = float(value)
    except (TypeError, ValueError):
        share = -1.0
    if isinstance(value, bool) or not 0.0 <= share <= 1.0:
        raise UserError(f"target.framing={value} is none of center, left, right, auto or a number from 0.0 to 1.0")
    return share


def window(active: Rect, sar: Fraction, pixel_format: PixelFormat, aspect: Fraction, framing: float = 0.5) -> Window:
    """The window that shows ``active`` at the display ``aspect``, extended along its short axis.

    Within 1 % of the target the active picture is passed through. The window's size is even (odd sizes cannot be
    encoded in most profiles), does not depend on the framing, and grows from the active picture by whole chroma
    samples; with ``framing`` 0.5 both wings are equal or differ by one chroma sample. An odd size of the other axis
    gets one line more, below or right, which is then a wing too. ``active`` must begin on the chroma grid.
    """
    step_x, step_y = 1 << pixel_format.log2_chroma_w, 1 << pixel_format.log2_chroma_h
    have = Fraction(active.width, active.height) * sar
    even = Window(active, active.width + active.width % 2, active.height + active.height % 2, 0, 0)
    if abs(have / aspect - 1) <= PASS_TOLERANCE:
        return even
    if have < aspect:
        left, width = _extend(active.width, aspect * active.height / sar, step_x, framing)
        return replace(even, width=width, x=left)
    top, height = _extend(active.height, active.width * sar / aspect, step_y, framing)
    return replace(even, height=height, y=top)


def fitted_window(width: int, height: int, frame: tuple[int, int], pixel_format: PixelFormat, framing: float) -> Window:
    """The window of the size ``frame`` in which a picture of ``width x height``, no larger, lies by ``framing``."""
    room_x, room_y = frame[0] - width, frame[1] - height
    x = min(round(room_x * framing / 2) * 2, room_x)
    y = min(round(room_y * framing / 2) * 2, room_y)
    step_x, step_y = 1 << pixel_format.log2_chroma_w, 1 << pixel_format.log2_chroma_h
    return Window(Rect(0, 0, width, height), *frame, x - x % step_x, y - y % step_y)


def _extend(size: int, wanted: Fraction, step: int, framing: float) -> tuple[int, int]:
    """(pixels before, whole size): near ``wanted``, even, and ``before`` a multiple of the chroma ``step``."""
    extra = max(round((wanted - size) / 2) * 2, 0)
    if step > 1 and extra % (2 * step):
        extra = max(round((wanted - size) / (2 * step)) * 2 * step, 2 * step)
    extra += (size + extra) % 2
    before = min(round(extra * framing / step) * step, extra - extra % step)
    return before, size + extra
