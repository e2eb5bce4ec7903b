"""Moves PGS, VobSub and DVB subtitles with the picture: rewrites canvas sizes and positions, not pixels.

The canvas grows with the frame, so that a subtitle's pixel covers the same part of the picture as before. Subtitles on
bars that were cropped off are moved onto the frame.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

from remaster.media.subtitles.places import Place

Size = tuple[int, int]
_VOBSUB_SIZE = re.compile(rb"^([ \t]*size[ \t]*:[ \t]*)(\d+)[ \t]*x[ \t]*(\d+)", re.MULTILINE | re.IGNORECASE)


@dataclass(frozen=True)
class _Canvas:
    """The source's canvas size ``old`` and the ``new`` one, in pixels."""

    old: Size
    new: Size

    def corner(self, x: int, y: int, place: Place, size: Size | None) -> tuple[int, int]:
        """The moved top left corner of a picture of ``size`` (None: unknown), within the new canvas."""
        moved = (
            round(place.across(Fraction(x, self.old[0])) * self.new[0]),
            round(place.down(Fraction(y, self.old[1])) * self.new[1]),
        )
        width, height = size or (0, 0)
        room = max(self.new[0] - width, 0), max(self.new[1] - height, 0)
        return min(max(moved[0], 0), room[0]), min(max(moved[1], 0), room[1])


def _grown(canvas: Size, usual: Place) -> _Canvas:
    return _Canvas(canvas, (max(round(canvas[0] / usual.width), 1), max(round(canvas[1] / usual.height), 1)))


def _number(data: bytes | bytearray, at: int) -> int:
    return int.from_bytes(data[at : at + 2])


def _put(data: bytearray, at: int, value: int) -> None:
    data[at : at + 2] = value.to_bytes(2)


class PgsMover:
    """Presentation Graphic Streams of Blu-ray: composition (0x16) and window (0x17) segments."""

    def __init__(self, usual: Place) -> None:
        self._usual = usual
        self._canvas: _Canvas | None = None

    def packet(self, data: bytes, place: Place) -> bytes:
        """Move a packet of whole segments; an incomplete segment is left as it is."""
        moved = bytearray(data)
        parts = list(_pgs_segments(data))
        for kind, at, length in parts:
            if kind == 0x16 and length >= 11:
                self._canvas = _grown((_number(data, at), _number(data, at + 2)), self._usual)
        shifts: dict[int, tuple[int, int]] = {}
        for kind, at, length in parts:
            if kind == 0x17 and length >= 1 and self._canvas is not None:
                shifts |= self._windows(moved, at, length, place, self._canvas)
        for kind, at, length in parts:
            if kind == 0x16 and length >= 11 and self._canvas is not None:
                self._composition(moved, at, length, place, shifts, self._canvas)
        return bytes(moved)

    def _windows(
        self, data: bytearray, at: int, length: int, place: Place, canvas: _Canvas
    ) -> dict[int, tuple[int, int]]:
        """Move the windows; return their shifts by window number."""
        shifts = {}
        for place_of in range(at + 1, at + 1 + 9 * data[at], 9):
            if place_of + 9 > at + length:
                break
            x, y, *size = (_number(data, place_of + offset) for offset in (1, 3, 5, 7))
            new = canvas.corner(x, y, place, (size[0], size[1]))
            _put(data, place_of + 1, new[0])
            _put(data, place_of + 3, new[1])
            shifts[data[place_of]] = new[0] - x, new[1] - y
        return shifts

    def _composition(
        self,
        data: bytearray,
        at: int,
        length: int,
        place: Place,
        shifts: Mapping[int, tuple[int, int]],
        canvas: _Canvas,
    ) -> None:
        count, objects = data[at + 10], at + 11
        for _ in range(count):
            if objects + 8 > at + length:
                break
            x, y = _number(data, objects + 4), _number(data, objects + 6)
            shift = shifts.get(data[objects + 2])
            new = (x + shift[0], y + shift[1]) if shift else canvas.corner(x, y, place, None)
            _put(data, objects + 4, new[0])
            _put(data, objects + 6, new[1])
            objects += 16 if data[objects + 3] & 0x80 else 8
        _put(data, at, canvas.new[0])
        _put(data, at + 2, canvas.new[1])


def _pgs_segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """(type, first byte of the content, its length) of each segment."""
    at = 0
    while at + 3 <= len(data):
        length = _number(data, at + 1)
        if at + 3 + length > len(data):
            return
        yield data[at], at + 3, length
        at += 3 + length


def vobsub_canvas(header: bytes, frame: Size) -> Size:
    """The canvas size in a VobSub header (``.idx``); without one, the video's own ``frame`` size."""
    match = _VOBSUB_SIZE.search(header)
    return (int(match[2]), int(match[3])) if match and int(match[2]) and int(match[3]) else frame


class VobSubMover:
    """Sub-pictures of DVDs: their display areas, and the areas where their colours change."""

    def __init__(self, header: bytes, frame: Size, usual: Place) -> None:
        self._canvas = _grown(vobsub_canvas(header, frame), usual)
        self._header = header

    def header(self) -> bytes:
        """The header with its canvas grown; one is made where there was none."""
        size = b"%dx%d" % self._canvas.new
        if _VOBSUB_SIZE.search(self._header):
            return _VOBSUB_SIZE.sub(rb"\g<1>" + size, self._header, count=1)
        return b"size: " + size + b"\n" + self._header

    def packet(self, data: bytes, place: Place) -> bytes:
        """Move a whole sub-picture unit; anything else is left as it is."""
        moved, at, seen = bytearray(data), _number(data, 2) if len(data) >= 4 else 0, set()
        shift = (0, 0)
        while 4 <= at + 4 <= len(data) and at not in seen:
            seen.add(at)
            following = _number(data, at + 2)
            shift = self._commands(moved, at + 4, place, shift)
            at = following
        return bytes(moved)

    def _commands(self, data: bytearray, at: int, place: Place, shift: tuple[int, int]) -> tuple[int, int]:
        """Move one sequence of commands; return the shift of its area."""
        lengths = {0x00: 1, 0x01: 1, 0x02: 1, 0x03: 3, 0x04: 3, 0x05: 7, 0x06: 5}
        while at < len(data) and data[at] != 0xFF:
            command = data[at]
            if command == 0x05 and at + 7 <= len(data):
                shift = self._area(data, at + 1, place)
            if command == 0x07 and at + 3 <= len(data):
                length = 1 + _number(data, at + 1)
                _move_colours(data, at + 3, min(at + length, len(data)), shift)
            elif command in lengths:
                length = lengths[command]
            else:
                break
            at += max(length, 1)
        return shift

    def _area(self, data: bytearray, at: int, place: Place) -> tuple[int, int]:
        x, right, y, bottom = _twelve(data, at)
        width, height = right - x, bottom - y
        new_x, new_y = self._canvas.corner(x, y, place, (width + 1, height + 1))
        _put_twelve(data, at, (new_x, new_x + width, new_y, new_y + height))
        return new_x - x, new_y - y


def _twelve(data: bytearray, at: int) -> tuple[int, ...]:
    """Four numbers of 12 bits."""
    packed = int.from_bytes(data[at : at + 6])
    return tuple(packed >> bits & 0xFFF for bits in (36, 24, 12, 0))


def _put_twelve(data: bytearray, at: int, values: tuple[int, int, int, int]) -> None:
    packed = 0
    for value in values:
        packed = packed << 12 | min(value, 0xFFF)
    data[at : at + 6] = packed.to_bytes(6)


def _move_colours(data: bytearray, at: int, end: int, shift: tuple[int, int]) -> None:
    """Move the rows and columns from which other colours apply (command CHG_COLCON)."""
    while at + 4 <= end and data[at : at + 4] != b"\x0f\xff\xff\xff":
        first, count, last = _number(data, at) & 0xFFF, data[at + 2] >> 4, _number(data, at + 2) & 0xFFF
        _put(data, at, min(first + shift[1], 0xFFF))
        _put(data, at + 2, count << 12 | min(last + shift[1], 0xFFF))
        for column in range(at + 4, min(at + 4 + 6 * count, end - 5), 6):
            _put(data, column, max(_number(data, column) + shift[0], 0) & 0xFFFF)
        at += 4 + 6 * count


class DvbMover:
    """DVB subtitles (EN 300 743): page compositions, and the display definition with the canvas size."""

    STANDARD = (720, 576)

    def __init__(self, usual: Place) -> None:
        self._usual = usual
        self._canvas, self._windowed = _grown(self.STANDARD, usual), False
        self._regions: dict[int, Size] = {}

    def packet(self, data: bytes, place: Place) -> bytes:
        """Move a packet of segments; a display definition is added before a page that has none."""
        parts = list(_dvb_segments(data))
        for kind, _, body in parts:
            if kind == 0x14 and len(body) >= 5:
                self._canvas = _grown((_number(body, 1) + 1, _number(body, 3) + 1), self._usual)
                self._windowed = bool(body[0] & 8)
            elif kind == 0x11 and len(body) >= 6:
                self._regions[body[0]] = _number(body, 2), _number(body, 4)
        result, defined = b"", any(kind == 0x14 for kind, _, _ in parts)
        for kind, page, body in parts:
            if kind == 0x10 and not defined:
                result += _dvb_segment(0x14, page, self._definition(b"\0", place))
                defined = True
            if kind == 0x14 and len(body) >= 5:
                body = self._definition(body, place)
            elif kind == 0x10 and not self._windowed:
                body = self._page(body, place)
            result += _dvb_segment(kind, page, body)
        end = sum(6 + len(body) for _, _, body in parts)
        return result + data[end:]

    def _definition(self, body: bytes, place: Place) -> bytes:
        """Move a display definition; if it has a window, regions lie in that, and only the window moves."""
        width, height = (value - 1 for value in self._canvas.new)
        new = body[:1] + width.to_bytes(2) + height.to_bytes(2)
        if not self._windowed or len(body) < 13:
            return new + body[5:]
        left, right, top, bottom = (_number(body, at) for at in (5, 7, 9, 11))
        x, y = self._canvas.corner(left, top, place, (right - left + 1, bottom - top + 1))
        ends = (x, x + right - left, y, y + bottom - top)
        return new + b"".join(value.to_bytes(2) for value in ends) + body[13:]

    def _page(self, body: bytes, place: Place) -> bytes:
        moved = bytearray(body)
        for at in range(2, len(body) - 5, 6):
            size = self._regions.get(body[at])
            x, y = self._canvas.corner(_number(body, at + 2), _number(body, at + 4), place, size)
            _put(moved, at + 2, x)
            _put(moved, at + 4, y)
        return bytes(moved)


def _dvb_segments(data: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """(type, page, content) of each segment."""
    at = 0
    while at + 6 <= len(data) and data[at] == 0x0F:
        length = _number(data, at + 4)
        if at + 6 + length > len(data):
            return
        yield data[at + 1], data[at + 2 : at + 4], data[at + 6 : at + 6 + length]
        at += 6 + length


def _dvb_segment(kind: int, page: bytes, body: bytes) -> bytes:
    return b"\x0f" + bytes([kind]) + page + len(body).to_bytes(2) + body
