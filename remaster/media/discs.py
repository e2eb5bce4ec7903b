"""Reads DVD titles: finds and joins their parts, and detects scrambled streams.

A title is split at any byte into files of 1 GB, which lie beside menus.
"""

from __future__ import annotations

import io
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from itertools import accumulate, takewhile
from pathlib import Path
from typing import Any, BinaryIO, cast
from urllib.parse import urlsplit, urlunsplit

from remaster.media.disc_images import inside
from remaster.remote import is_remote, joined, open_ranges, status

MAX_PARTS = 9  # files of a title set, by the standard
BUFFER = 1 << 20  # bytes read at once
_PART = re.compile(r"(?P<title>VTS_\d\d)_(?P<number>\d)(?P<end>\.VOB)", re.IGNORECASE)
_MENU = re.compile(r"(VIDEO_TS|VTS_\d\d_0)\.VOB", re.IGNORECASE)

PACK = 2048  # bytes of a sector, which holds one pack of an MPEG program stream
TRANSPORT = (188, 192)  # bytes of a transport packet, without and with Blu-ray's stamp before it
START_BYTES = 8192  # bytes at a file's start in which packets are searched: recordings begin at any byte
SAMPLES, SAMPLE_BYTES = 128, 47 * PACK
"""Number and size of the samples, spread evenly over a file, that are examined for scrambled sectors. In a scrambled
title about half of the sectors are scrambled. Files of up to 12 MB are read whole. A sample holds whole packs and whole
packets of 188 and 192 bytes."""
REMOTE_SAMPLES = 8  # on an object store each sample is a request
MIN_SCRAMBLED_SHARE = 0.05
"""Share of marked packets above which a file is scrambled: single ones are damage, or of another programme."""
_PACK_START = b"\x00\x00\x01\xba"
# Packets of both sizes at any byte, since recordings are joined anywhere. Five in a row are a transport stream.
_PACKETS = {size: re.compile(rb"G..(.).{%d}(?=G)" % (size - 4), re.DOTALL) for size in TRANSPORT}
_STREAMS = {size: re.compile(rb"(?:G[^G].{%d}){5}" % (size - 2), re.DOTALL) for size in TRANSPORT}
_PRIVATE = 0xBD  # the stream id of AC-3, DTS, LPCM and subtitles


def title_part(name: str) -> tuple[str, int] | None:
    """(title, number from 1) of a file name such as ``VTS_01_2.VOB``; None for other names."""
    found = _PART.fullmatch(name)
    return (f"{found['title']}{found['end']}", int(found["number"])) if found and found["number"] != "0" else None


def is_menu(name: str) -> bool:
    """True for the name of a DVD's menu."""
    return _MENU.fullmatch(name) is not None


def parts(path: str) -> list[str]:
    """The files of a path or address: for the first part of a DVD title all parts in order, else the file itself."""
    name = Path(urlsplit(path).path if is_remote(path) else path).name
    found = _PART.fullmatch(name)
    if found is None or found["number"] != "1":
        return [path]
    names = [f"{found['title']}_{number}{found['end']}" for number in range(1, MAX_PARTS + 1)]
    if is_remote(path):
        where = urlsplit(path)
        folder = urlunsplit(where._replace(path=where.path.rpartition("/")[0]))
        following = (joined(folder, name) for name in names[1:])
        there: Callable[[str], bool] = lambda uri: status(uri) is not None  # noqa: E731
    else:
        following = (str(Path(path).with_name(name)) for name in names[1:])
        there = os.path.isfile if inside(path) is None else lambda name: inside(name) is not None
    return [path, *takewhile(there, following)]


def size_and_change(path: str) -> tuple[int, int]:
    """(bytes, time of change in ns) of a local file, or of one inside an image; raises ``OSError``."""
    found = inside(path)
    if found is not None:
        return found.extent.size, found.changed
    there = Path(path).stat()
    return there.st_size, there.st_mtime_ns


def open_parts(paths: Sequence[str]) -> BinaryIO:
    """Open several files as one seekable file; raises ``OSError``."""
    return cast(BinaryIO, io.BufferedReader(_Parts(paths), BUFFER))


def scrambled(path: str) -> bool:
    """Whether a program or transport stream is scrambled, by samples of its packets."""
    with open_parts(parts(path)) as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        kind = _stream_kind(file.read(START_BYTES))
        if kind is None:
            return False
        marks = [
            mark for data in _samples(file, size, REMOTE_SAMPLES if is_remote(path) else SAMPLES) for mark in kind(data)
        ]
    return sum(marks) > MIN_SCRAMBLED_SHARE * len(marks)


def is_disc_image(path: str) -> bool:
    """Whether a file is a disc image (with ISO 9660, which DVDs have beside UDF)."""
    with open_parts([path]) as file:
        file.seek(16 * PACK + 1)
        return file.read(5) == b"CD001"


class _Parts(io.RawIOBase):
    """Concatenated files as one raw stream."""

    def __init__(self, paths: Sequence[str]) -> None:
        with ExitStack() as stack:
            stretches = [_open(path, stack) for path in paths]
            self._files = [(file, begin) for file, begin, _ in stretches]
            self._ends = list(accumulate(size for *_, size in stretches))
            self._close = stack.pop_all()
        self._at = 0
        self.name = paths[0]

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        for number, ((file, begin), end) in enumerate(zip(self._files, self._ends, strict=True)):
            if self._at < end:
                start = self._ends[number - 1] if number else 0
                file.seek(begin + self._at - start)
                data = file.read(min(len(buffer), end - self._at))
                buffer[: len(data)] = data
                self._at += len(data)
                return len(data)
        return 0

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._ends[-1]}[whence]
        if base + offset < 0:
            raise OSError(f"cannot seek before the start of {self.name}")
        self._at = base + offset
        return self._at

    def tell(self) -> int:
        return self._at

    def close(self) -> None:
        if not self.closed:
            self._close.close()
        super().close()


def _open(path: str, stack: ExitStack) -> tuple[BinaryIO, int, int]:
    """(open file, first byte, size) of a file, or of one inside an image; ``stack`` closes it."""
    found = inside(path)
    file = stack.enter_context(_file(path if found is None else found.image))
    return (file, 0, file.seek(0, os.SEEK_END)) if found is None else (file, found.extent.start, found.extent.size)


def _file(path: str) -> BinaryIO:
    return open_ranges(path) if is_remote(path) else Path(path).open("rb")


def _stream_kind(start: bytes) -> Callable[[bytes], Iterator[bool]] | None:
    """The function that yields packets' scrambling marks in this kind of stream; None for all other files."""
    if start.startswith(_PACK_START):
        return _pack_marks
    size = next((size for size, stream in _STREAMS.items() if stream.search(start)), None)
    return None if size is None else partial(_packet_marks, _PACKETS[size])


def _samples(file: BinaryIO, size: int, samples: int) -> Iterator[bytes]:
    """Samples of a file, spread evenly."""
    for start in range(0, size, max(size // samples // SAMPLE_BYTES, 1) * SAMPLE_BYTES):
        file.seek(start)
        yield file.read(SAMPLE_BYTES)


def _pack_marks(data: bytes) -> Iterator[bool]:
    """Whether each PES packet of sound, picture or subtitles in MPEG-2 packs is marked as scrambled."""
    for start in range(0, len(data) - PACK + 1, PACK):
        pack = data[start : start + PACK]
        if not pack.startswith(_PACK_START) or pack[4] >> 6 != 1:
            continue
        at = 14 + (pack[13] & 7)
        while at + 7 <= PACK and pack[at : at + 3] == b"\x00\x00\x01":
            if pack[at + 3] == _PRIVATE or 0xC0 <= pack[at + 3] <= 0xEF:
                yield pack[at + 6] >> 6 == 2 and bool(pack[at + 6] & 0x30)
            at += 6 + int.from_bytes(pack[at + 4 : at + 6])


def _packet_marks(packets: re.Pattern[bytes], data: bytes) -> Iterator[bool]:
    """Whether each packet of a transport stream is marked as scrambled (first bit of its fourth byte)."""
    for packet in packets.finditer(data):
        yield packet[1][0] & 0x80 != 0
