"""The known picture with its sides hidden, as if it had been shot narrower."""

from __future__ import annotations

from remaster.errors import MediaError
from remaster.media.types import PixelFormat, Rect

HIDDEN = 8
"""An eighth of the picture's width is hidden on each side."""
NARROWEST = 64  # pixels of width under which nothing can be hidden and restored


def known_part(active: Rect) -> Rect:
    """The active picture without a last odd line or column, which no window of an even size can hold."""
    return Rect(active.x, active.y, active.width - active.width % 2, active.height - active.height % 2)


def narrowed(active: Rect, pixel_format: PixelFormat) -> Rect:
    """The picture without its outer eighths, on the chroma grid; raises ``MediaError`` for one that is too narrow."""
    step = 2 << pixel_format.log2_chroma_w
    inset = active.width // HIDDEN // step * step
    if active.width < NARROWEST or not inset:
        raise MediaError(f"a picture {active.width} pixels wide is too narrow to hide its sides")
    return Rect(active.x + inset, active.y, active.width - 2 * inset, active.height)
