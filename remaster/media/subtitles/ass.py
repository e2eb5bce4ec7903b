"""Moves ASS and SSA scripts with the picture: positions, margins and resolution, as libass interprets them.

The script's resolution grows with the frame, so that sizes on the picture stay. Positioned events move by their
positions, others by their margins. Where shots lie differently in their frames (``framing=auto``), styles, which hold
the margins, get variants.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from remaster.media.subtitles.places import Place

Vertical = Literal["below", "middle", "above"]
# libass's resolution for scripts that have none.
DEFAULT_RESOLUTION = (384, 288)
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
_HEADER_LINE = re.compile(r"^\s*(PlayRes|LayoutRes)([XY])\s*:\s*(\d+)\s*$", re.IGNORECASE)
_BLOCK = re.compile(r"(?<!\\)\{[^}]*\}")
_PLACED = re.compile(r"\\(pos|move|org|i?clip)\s*\(([^()]*)\)?")
_DRAWS = re.compile(r"\\p\s*(\d+)")
_ALIGNS = re.compile(r"\\an?\s*(\d+)")
_NUMPAD = re.compile(r"\\an")
_HAS_PLACE = re.compile(r"\\(?:pos|move)\s*\(")
_SECTION = re.compile(r"^\s*\[(.+)\]\s*$")
_SCROLL = re.compile(r"(scroll (?:up|down));([^;]*);([^;]*)(.*)", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True)
class Style:
    """A style's ``margins`` (left, right, vertical) in script units, and its alignment.

    ``line`` is the number of its line in the header, ``fields`` are the line's values, ``columns`` the indices of the
    name and the margins in them.
    """

    name: str
    margins: tuple[int, int, int]
    vertical: Vertical
    across: Literal["left", "middle", "right"]
    line: int
    fields: tuple[str, ...]
    columns: tuple[int, int, int, int]


@dataclass(frozen=True)
class Script:
    """A script's header: its ``lines``, ``resolution`` and ``styles`` by name."""

    lines: tuple[str, ...]
    resolution: tuple[int, int]
    styles: dict[str, Style]


@dataclass(frozen=True)
class _Frame:
    """A place in script units: x becomes ``left + x * scale_x``; ``width x height`` is the new resolution."""

    width: int
    height: int
    left: Fraction
    above: Fraction
    right: Fraction
    below: Fraction
    scale_x: Fraction
    scale_y: Fraction

    def x(self, value: Fraction) -> Fraction:
        return self.left + value * self.scale_x

    def y(self, value: Fraction) -> Fraction:
        return self.above + value * self.scale_y

    def margins(self, margins: Sequence[int], vertical: Vertical) -> tuple[int, int, int]:
        """The moved left, right and vertical margin; text on bars that were cropped off stays within the frame."""
        left, right = (
            side + margin * self.scale_x for side, margin in ((self.left, margins[0]), (self.right, margins[1]))
        )
        edge = {"below": self.below, "above": self.above, "middle": Fraction(0)}[vertical]
        return max(round(left), 0), max(round(right), 0), max(round(edge + margins[2] * self.scale_y), 0)


def read_script(header: str) -> Script:
    """Parse a script's header, which is all before its events."""
    lines = tuple(header.splitlines())
    found = {}
    for line in lines:
        match = _HEADER_LINE.match(line)
        if match and match[1].lower() == "playres" and int(match[3]) > 0:
            found[match[2].upper()] = int(match[3])
    return Script(lines, _resolution(found.get("X"), found.get("Y")), {style.name: style for style in _styles(lines)})


def _resolution(x: int | None, y: int | None) -> tuple[int, int]:
    """The script's resolution as libass completes it."""
    if x is None and y is None:
        return DEFAULT_RESOLUTION
    if x is None:
        assert y is not None
        return (1280 if y == 1024 else max(y * 4 // 3, 1)), y
    return x, y if y is not None else (1024 if x == 1280 else max(x * 3 // 4, 1))


def _styles(lines: Sequence[str]) -> Iterator[Style]:
    section = ""
    columns: list[str] = []
    for number, line in enumerate(lines):
        if match := _SECTION.match(line):
            section, columns = match[1].strip().lower(), []
        key, _, value = line.partition(":")
        if "styles" not in section:
            continue
        if key.strip().lower() == "format":
            columns = [name.strip().lower() for name in value.split(",")]
        elif key.strip().lower() == "style" and {"name", "marginl", "marginr", "marginv", "alignment"} <= set(columns):
            fields = tuple(field.strip() for field in value.split(",", len(columns) - 1))
            if len(fields) == len(columns):
                yield _style(number, fields, columns, legacy="+" not in section)


def _style(number: int, fields: tuple[str, ...], columns: list[str], legacy: bool) -> Style:
    name, left, right, vertical = (columns.index(key) for key in ("name", "marginl", "marginr", "marginv"))
    margins = _integer(fields[left]), _integer(fields[right]), _integer(fields[vertical])
    alignment = _integer(fields[columns.index("alignment")], 2)
    sides = _legacy(alignment) if legacy else _numpad(alignment)
    name_of = fields[name].lstrip("*")
    return Style(name_of, margins, *sides, number, fields, (name, left, right, vertical))


def _integer(text: str, otherwise: int = 0) -> int:
    match = re.match(r"\s*([-+]?\d+)", text)
    return int(match[1]) if match else otherwise


def _numpad(alignment: int) -> tuple[Vertical, Literal["left", "middle", "right"]]:
    """ASS's alignment: positions of the digits on a numeric keypad."""
    rows: tuple[Vertical, ...] = ("below", "middle", "above")
    place = alignment - 1 if 1 <= alignment <= 9 else 1
    return rows[place // 3], (("left", "middle", "right")[place % 3])


def _legacy(alignment: int) -> tuple[Vertical, Literal["left", "middle", "right"]]:
    """SSA's alignment: 1 to 3 at the bottom, plus 4 at the top, plus 8 in the middle."""
    row: Vertical = "above" if alignment & 4 else "middle" if alignment & 8 else "below"
    return row, ("middle", "left", "middle", "right")[alignment & 3]


class ScriptMover:
    """Moves a script's header and events; ``usual`` is the place that its resolution and styles are adapted to.

    Events must be moved first: they determine which variants of the styles the header needs.
    """

    def __init__(self, script: Script, usual: Place) -> None:
        self._script, self._usual = script, usual
        width, height = script.resolution
        self._size = max(round(width / usual.width), 1), max(round(height / usual.height), 1)
        self._variants: dict[tuple[str, tuple[int, int, int]], str] = {}

    def event(self, event: str, place: Place) -> str:
        """Move an event in Matroska's form: ``ReadOrder,Layer,Style,Name,MarginL,MarginR,MarginV,Effect,Text``."""
        fields = event.split(",", 8)
        if len(fields) < 9:
            return event
        frame = self._frame(place)
        style = self._style_of(fields[2])
        vertical, across, placed = _alignment(fields[8], style)
        own = [_integer(text) for text in fields[4:7]]
        if style is not None:
            fields[2] = self._variant(style, frame.margins(style.margins, vertical))
        moved = frame.margins(own, vertical)
        # 0 means the style's margin, so a moved margin must not become 0.
        fields[4:7] = [str(max(value, 1)) if before else "0" for before, value in zip(own, moved, strict=True)]
        fields[7] = _scrolled(fields[7], frame)
        fields[8] = _moved_text(fields[8], frame)
        if vertical == "middle" and not placed and frame.above != frame.below:
            margins = frame.margins(
                [a or b for a, b in zip(own, style.margins if style else (0, 0, 0), strict=True)], vertical
            )
            fields[8] = f"{{\\pos({_middle(frame, margins, across)})}}" + fields[8]
        return ",".join(fields)

    def header(self) -> str:
        """The header with its resolution and styles moved, and the variants that the events so far need."""
        lines, present = list(self._script.lines), set()
        for number, line in enumerate(lines):
            if match := _HEADER_LINE.match(line):
                axis = match[2].upper()
                present.add((match[1].lower(), axis))
                lines[number] = f"{match[1]}{match[2]}: {self._resolution(match[1], axis, int(match[3]))}"
        frame = self._frame(self._usual)
        added = [
            f"PlayRes{axis}: {self._resolution('playres', axis, 0)}"
            for axis in "XY"
            if ("playres", axis) not in present
        ]
        variants: list[str] = []
        last = max((style.line for style in self._script.styles.values()), default=0)
        for style in self._script.styles.values():
            lines[style.line] = _style_line(style, style.name, frame.margins(style.margins, style.vertical))
        for (name, margins), variant in self._variants.items():
            variants.append(_style_line(self._script.styles[name], variant, margins))
        lines[last + 1 : last + 1] = variants
        first = next(
            (n + 1 for n, line in enumerate(lines) if (m := _SECTION.match(line)) and "info" in m[1].lower()), 0
        )
        lines[first:first] = added
        return "\n".join(lines) + "\n"

    def _resolution(self, kind: str, axis: str, value: int) -> int:
        index = "XY".index(axis)
        if kind.lower() == "playres":
            return self._size[index]
        return max(round(value / (self._usual.width, self._usual.height)[index]), 1)

    def _frame(self, place: Place) -> _Frame:
        (old_x, old_y), (new_x, new_y) = self._script.resolution, self._size
        edges = place.x * new_x, place.y * new_y, place.right * new_x, place.below * new_y
        return _Frame(new_x, new_y, *edges, place.width * new_x / old_x, place.height * new_y / old_y)

    def _style_of(self, name: str) -> Style | None:
        """The style that libass uses for a name: ``Default`` where there is none of that name."""
        styles, wanted = self._script.styles, name.strip().lstrip("*")
        return styles.get(wanted) or styles.get("Default")

    def _variant(self, style: Style, margins: tuple[int, int, int]) -> str:
        """The name of the style with these margins."""
        if margins == self._frame(self._usual).margins(style.margins, style.vertical):
            return style.name
        key = style.name, margins
        if key not in self._variants:
            number, taken = 2, {*self._script.styles, *self._variants.values()}
            while (name := f"{style.name} ({number})") in taken:
                number += 1
            self._variants[key] = name
        return self._variants[key]


def _style_line(style: Style, name: str, margins: tuple[int, int, int]) -> str:
    fields = list(style.fields)
    for column, value in zip(style.columns, (name, *margins), strict=True):
        fields[column] = str(value)
    return f"Style: {','.join(fields)}"


def _alignment(text: str, style: Style | None) -> tuple[Vertical, Literal["left", "middle", "right"], bool]:
    """An event's alignment (by its first tag, as in libass, or by its style), and whether it has a position."""
    sides = ("below", "middle") if style is None else (style.vertical, style.across)
    for block in _BLOCK.findall(text):
        if match := _ALIGNS.search(block):
            number = int(match[1])
            sides = _numpad(number) if _NUMPAD.match(match[0]) else _legacy(number)
            break
    placed = any(_HAS_PLACE.search(block) for block in _BLOCK.findall(text))
    return sides[0], sides[1], placed  # type: ignore[return-value]


def _middle(frame: _Frame, margins: tuple[int, int, int], across: str) -> str:
    """The position of an event that is aligned to the middle of the picture's height."""
    left, right = Fraction(margins[0]), Fraction(frame.width - margins[1])
    x = {"left": left, "right": right, "middle": (left + right) / 2}[across]
    return f"{_text(x)},{_text((frame.above + frame.height - frame.below) / 2)}"


def _scrolled(effect: str, frame: _Frame) -> str:
    """The effect "Scroll up;y0;y1;..." with its rows moved."""
    match = _SCROLL.match(effect)
    if match is None or not (_NUMBER.search(match[2]) and _NUMBER.search(match[3])):
        return effect
    ends = [str(round(frame.y(Fraction(_integer(text))))) for text in (match[2], match[3])]
    return ";".join([match[1], *ends]) + match[4]


def _moved_text(text: str, frame: _Frame) -> str:
    """An event's text with its positions and drawings moved."""
    result, end, drawing = [], 0, False
    for block in _BLOCK.finditer(text):
        between = text[end : block.start()]
        result += [_drawn(between, frame, 0) if drawing else between, _moved_block(block[0], frame)]
        end = block.end()
        for match in _DRAWS.finditer(block[0]):
            drawing = int(match[1]) > 0
    rest = text[end:]
    return "".join([*result, _drawn(rest, frame, 0) if drawing else rest])


def _moved_block(block: str, frame: _Frame) -> str:
    def moved(match: re.Match[str]) -> str:
        tag, inside = match[1], match[2]
        if tag.endswith("clip") and inside.count(",") != 3:
            return f"\\{tag}({_clipped(inside, frame)})"
        numbers = [part.strip() for part in inside.split(",")]
        points = 4 if tag in ("move", "iclip", "clip") else 2
        if len(numbers) < points or not all(_NUMBER.fullmatch(number) for number in numbers[:points]):
            return match[0]
        keep = tag in ("pos", "move")
        for index in range(points):
            value = Fraction(numbers[index])
            numbers[index] = _text(_along(value, index, frame, keep))
        return f"\\{tag}({','.join(numbers)})"

    return _PLACED.sub(moved, block)


def _along(value: Fraction, index: int, frame: _Frame, keep: bool) -> Fraction:
    """Move a coordinate (even ``index``: x, odd: y); with ``keep``, one that was visible stays within the frame.

    Text on bars that were cropped off would be lost otherwise; what was outside the picture stays outside.
    """
    moved, size = (frame.y(value), frame.height) if index % 2 else (frame.x(value), frame.width)
    edge, scale = (frame.above, frame.scale_y) if index % 2 else (frame.left, frame.scale_x)
    seen = 0 <= value * scale <= size - edge - (frame.below if index % 2 else frame.right)
    return min(max(moved, Fraction(0)), Fraction(size)) if keep and seen else moved


def _clipped(inside: str, frame: _Frame) -> str:
    """A clip's drawing, in script units times a power of two."""
    first, comma, drawing = inside.rpartition(",")
    scale = _integer(first, 1) if comma else 1
    return f"{first}{comma}{_drawn(drawing, frame, max(scale, 1))}"


def _drawn(drawing: str, frame: _Frame, scale: int) -> str:
    """Move a drawing's absolute points, in units by ``scale`` (1, 2 ...); with 0, relative ones are only scaled."""
    unit = 1 << (scale - 1) if scale else 0
    if not unit and frame.scale_x == frame.scale_y == 1:
        return drawing
    axis = 0

    def moved(match: re.Match[str]) -> str:
        nonlocal axis
        if match[1]:
            axis = 0
            return match[0]
        shift, by = ((frame.left, frame.scale_x), (frame.above, frame.scale_y))[axis % 2]
        axis += 1
        return _text(Fraction(match[0]) * by + shift * unit)

    return re.sub(rf"([A-Za-z]+)|{_NUMBER.pattern}", moved, drawing)


def _text(value: Fraction) -> str:
    """A number to a thousandth of a unit."""
    return f"{float(value):.3f}".rstrip("0").rstrip(".")
