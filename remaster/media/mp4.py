"""Reads and writes tracks' languages in MP4 and QuickTime (ISO/IEC 14496-12, 8.4.2 and 8.4.6), which FFmpeg cannot.

A track's media header holds three packed letters of ISO 639-2; FFmpeg writes them into QuickTime for some languages
only. A BCP 47 tag has a box of its own, which FFmpeg does not know. Room for that box is reserved by spaces in the name
of the track's handler, which is in the same parent box, so that nothing else in the file moves.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from remaster.errors import MediaError
from remaster.remote import is_remote, open_ranges

_PACKED = re.compile("[a-z]{3}")
_NAMES = {"video": "VideoHandler", "audio": "SoundHandler", "subtitle": "SubtitleHandler"}
_MAX_MOVIE = 1 << 30  # bytes of the moov box: more is damage


@dataclass(frozen=True)
class Language:
    """A track's language: ``code`` in three letters of ISO 639-2 or "", ``tag`` of BCP 47 or ""."""

    code: str
    tag: str


def room_for(language: Language, kind: str, handler: str | None) -> str:
    """The handler's name of a track (of FFmpeg's stream type ``kind``), with spaces as room for its language."""
    return (handler or _NAMES.get(kind, "DataHandler")) + " " * len(_extended(language))


def read_languages(path: str) -> tuple[str, ...]:
    """The BCP 47 languages of all tracks, "" for none; empty where the file is damaged."""
    with open_ranges(path) if is_remote(path) else Path(path).open("rb") as file:
        try:
            _, movie = _movie(file)
            return tuple(_tag_of(movie[begin:end]) for kind, begin, end in _boxes(movie, 0) if kind == b"trak")
        except (IndexError, ValueError):
            return ()


def write_languages(path: Path, languages: Mapping[int, Language]) -> None:
    """Write languages of tracks by their number from 0; their handlers' names must have room for them (``room_for``).

    Raises ``MediaError`` where the file's layout is not FFmpeg's.
    """
    with path.open("r+b") as file:
        try:
            place, movie = _movie(file)
            tracks = [(begin, end) for kind, begin, end in _boxes(movie, 0) if kind == b"trak"]
            for number, language in languages.items():
                begin, end = tracks[number]
                _write(movie, begin, end, language)
        except (IndexError, ValueError) as error:
            raise MediaError(f"{path} has no room for its languages in its header") from error
        file.seek(place)
        file.write(movie)


def _write(movie: bytearray, begin: int, end: int, language: Language) -> None:
    media = next(box for box in _boxes(movie, begin, end) if box[0] == b"mdia")
    boxes = {kind: (first, last) for kind, first, last in _boxes(movie, media[1], media[2])}
    if _PACKED.fullmatch(language.code):
        header = boxes[b"mdhd"][0]
        at = header + (32 if movie[header] else 20)
        first, second, third = (ord(letter) - 0x60 for letter in language.code)
        movie[at : at + 2] = (first << 10 | second << 5 | third).to_bytes(2)
    extended = _extended(language)
    if extended:
        first, last = boxes[b"hdlr"]
        handler = bytes(movie[first:last])
        spaces = b" " * len(extended)
        if handler.endswith(spaces + b"\0"):  # MP4: the name ends with a zero
            handler = handler.removesuffix(spaces + b"\0") + b"\0"
        elif handler.endswith(spaces):  # QuickTime: it begins with its length, in the 25th byte
            handler = handler.removesuffix(spaces)
            handler = handler[:24] + bytes([handler[24] - len(spaces)]) + handler[25:]
        else:
            raise ValueError("the handler's name leaves no room")
        movie[first - 8 : last] = _box(b"hdlr", handler) + extended


def _extended(language: Language) -> bytes:
    """The box of a language's BCP 47 tag; empty without one."""
    return _box(b"elng", bytes(4) + language.tag.encode("ascii", "ignore") + b"\0") if language.tag else b""


def _tag_of(track: bytes | bytearray) -> str:
    for kind, begin, end in _boxes(track, 0):
        if kind == b"mdia":
            for inner, first, last in _boxes(track, begin, end):
                if inner == b"elng":
                    return bytes(track[first + 4 : last]).split(b"\0")[0].decode("ascii", "replace")
    return ""


def _movie(file: IO[bytes]) -> tuple[int, bytearray]:
    """(position, content) of a file's moov box; raises ``ValueError`` without one."""
    at = 0
    while True:
        file.seek(at)
        head = file.read(16)
        size, start = _size(head, 0)
        if len(head) < 8 or (size and size < start) or size > 1 << 60:
            raise ValueError("no movie")
        if head[4:8] == b"moov" and size <= _MAX_MOVIE:
            file.seek(at + start)
            return at + start, bytearray(file.read(size - start))
        if not size:
            raise ValueError("no movie")
        at += size


def _boxes(data: bytes | bytearray, at: int, end: int | None = None) -> Iterator[tuple[bytes, int, int]]:
    """(kind, first byte, end) of the content of each box in a range."""
    end = len(data) if end is None else end
    while at + 8 <= end:
        size, start = _size(data, at)
        size = size or end - at
        if size < start:
            raise ValueError("a box smaller than its head")
        yield bytes(data[at + 4 : at + 8]), at + start, min(at + size, end)
        at += size


def _size(data: bytes | bytearray, at: int) -> tuple[int, int]:
    """(size of a box, size of its header) in bytes."""
    size = int.from_bytes(data[at : at + 4])
    return (int.from_bytes(data[at + 8 : at + 16]), 16) if size == 1 else (size, 8)


def _box(kind: bytes, body: bytes) -> bytes:
    return (len(body) + 8).to_bytes(4) + kind + body
