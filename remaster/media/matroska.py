"""Matroska's header (RFC 9559): what it crops, and writing the display size into it.

The muxer writes the display size only from a field that PyAV does not reach, and without it a codec that does not
carry a sample aspect ratio of its own (AV1, FFV1) would show square pixels. So room is made in the track's name, which
is then given to the display size; nothing else in the file moves.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from zlib import crc32

from remaster.errors import MediaError

_SEGMENT, _TRACKS, _TRACK_ENTRY = 0x18538067, 0x1654AE6B, 0xAE
_TRACK_TYPE, _NAME, _VIDEO, _VOID, _CRC = 0x83, 0x536E, 0xE0, 0xEC, 0xBF
_DISPLAY_WIDTH, _DISPLAY_HEIGHT, _DISPLAY_UNIT = 0x54B0, 0x54BA, 0x54B2
_CROPS = (0x54CC, 0x54BB, 0x54DD, 0x54AA)  # left, top, right, bottom
_VIDEO_TYPE = b"\x01"
# What is added to the track's name to make room: enough for both sizes, longer size fields and an empty element.
_ROOM = "\u2003" * 10


def with_room(title: str) -> str:
    """A track title that leaves room for ``write_display_size``."""
    return title + _ROOM


def write_display_size(path: Path, width: int, height: int, sar: Fraction) -> None:
    """Set the first video track's display size, whose name was made by ``with_room``, and give it its own name back.

    The size is the smallest of exactly the display aspect that has no fewer lines than the picture. Raises
    ``MediaError`` where the file's header is not as the muxer writes it.
    """
    aspect = Fraction(width, height) * sar
    times = -(-height // aspect.denominator)
    write_video(path, {_DISPLAY_WIDTH: aspect.numerator * times, _DISPLAY_HEIGHT: aspect.denominator * times})


def write_video(path: Path, numbers: Mapping[int, int]) -> None:
    """Add numbers, by their elements' ids, to what the first video track's header says of its picture.

    As ``write_display_size``, which says what it needs and raises.
    """
    added = b"".join(_element(kind, _number(value)) for kind, value in numbers.items())
    with path.open("r+b") as file:
        head = file.read(1 << 20)
        begin, end = _tracks(head, path)
        tracks = head[begin:end]
        entries = [(kind, body) for kind, body in _elements(tracks) if kind != _CRC]
        position = next((i for i, (kind, body) in enumerate(entries) if kind == _TRACK_ENTRY and _is_video(body)), None)
        if position is None:
            raise MediaError(f"{path} has no video track in its header")
        entries[position] = (_TRACK_ENTRY, _with_video(entries[position][1], added))
        content = b"".join(_element(kind, body) for kind, body in entries)
        checked = any(kind == _CRC for kind, _ in _elements(tracks))
        spare = len(tracks) - len(content) - (len(_element(_CRC, bytes(4))) if checked else 0)
        if spare < 2:
            raise MediaError(f"{path} has no room for more in its header")
        content += _void(spare)
        if checked:
            content = _element(_CRC, crc32(content).to_bytes(4, "little")) + content
        file.seek(begin)
        file.write(content)


def pixel_crop(head: bytes) -> tuple[int, int, int, int]:
    """Pixels that the first video track's header crops left, above, right and below (RFC 9559, 5.1.4.1.28.8 to 11).

    ``head`` are a file's first bytes; raises ``MediaError`` where they hold no tracks.
    """
    begin, end = _tracks(head, Path("the header"))
    found = dict.fromkeys(_CROPS, 0)
    entry = next((body for kind, body in _elements(head[begin:end]) if kind == _TRACK_ENTRY and _is_video(body)), b"")
    for kind, body in _elements(entry):
        if kind == _VIDEO:
            found |= {part: int.from_bytes(value) for part, value in _elements(body) if part in found}
    left, top, right, bottom = (found[kind] for kind in _CROPS)
    return left, top, right, bottom


def _with_video(entry: bytes, added: bytes) -> bytes:
    """A track entry with more in its video part, and without the room in its name."""
    parts = []
    for kind, body in _elements(entry):
        if kind == _NAME:
            body = body.decode().removesuffix(_ROOM).encode()
            if not body:
                continue
        if kind == _VIDEO:
            kept = (_element(*part) for part in _elements(body) if part[0] != _DISPLAY_UNIT)  # It says "unknown".
            body = b"".join(kept) + added
        parts.append(_element(kind, body))
    return b"".join(parts)


def _is_video(entry: bytes) -> bool:
    return any(kind == _TRACK_TYPE and body == _VIDEO_TYPE for kind, body in _elements(entry))


def _tracks(head: bytes, path: Path) -> tuple[int, int]:
    """Where the content of the Tracks element begins and ends."""
    position = 0
    while position < len(head):
        kind, begin, size = _header(head, position)
        if kind == _TRACKS:
            return begin, begin + size
        position = begin if kind == _SEGMENT else begin + size
    raise MediaError(f"{path} has no tracks in its header")


def _elements(data: bytes) -> Iterator[tuple[int, bytes]]:
    position = 0
    while position < len(data):
        kind, begin, size = _header(data, position)
        yield kind, data[begin : begin + size]
        position = begin + size


def _header(data: bytes, position: int) -> tuple[int, int, int]:
    """(id, first byte of the content, its size); ids keep their length marker, sizes lose it (RFC 8794, 4 to 6)."""
    id_length = 9 - data[position].bit_length()
    kind = int.from_bytes(data[position : position + id_length])
    position += id_length
    size_length = 9 - data[position].bit_length()
    size = int.from_bytes(data[position : position + size_length]) & ((1 << 7 * size_length) - 1)
    return kind, position + size_length, size


def _element(kind: int, body: bytes) -> bytes:
    length = 1
    while len(body) >= (1 << 7 * length) - 1:
        length += 1
    size = (len(body) | 1 << 7 * length).to_bytes(length)
    return kind.to_bytes((kind.bit_length() + 7) // 8) + size + body


def _void(length: int) -> bytes:
    """An element without meaning, ``length`` bytes in all (2 or more)."""
    if length < 9:
        return bytes([_VOID, 0x80 | length - 2]) + bytes(length - 2)
    return bytes([_VOID, 0x01]) + (length - 9).to_bytes(7) + bytes(length - 9)


def _number(value: int) -> bytes:
    return value.to_bytes((value.bit_length() + 7) // 8)
