"""Reads and writes those parts of a Matroska header (RFC 9559) that FFmpeg's interface does not reach.

These are the display size (without it, codecs that carry no sample aspect ratio, AV1 and FFV1, would be displayed with
square pixels), cropping, BCP 47 languages, editions and nested chapters, and codecs of Windows' audio manager (WMA,
ADPCM). The muxer reserves room at the header's end; the header is rewritten into it, and nothing behind it moves.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import IO
from zlib import crc32

from remaster.errors import MediaError
from remaster.remote import is_remote, open_ranges

_EBML, _SEGMENT, _CLUSTER, _VOID, _CRC = 0x1A45DFA3, 0x18538067, 0x1F43B675, 0xEC, 0xBF
_SEEK_HEAD, _SEEK, _SEEK_ID, _SEEK_POSITION = 0x114D9B74, 0x4DBB, 0x53AB, 0x53AC
_TRACKS, _TRACK_ENTRY, _TRACK_TYPE, _TRACK_UID, _VIDEO, _AUDIO = 0x1654AE6B, 0xAE, 0x83, 0x73C5, 0xE0, 0xE1
_LANGUAGE_BCP47, _CODEC_ID, _CODEC_PRIVATE, _BIT_DEPTH = 0x22B59D, 0x86, 0x63A2, 0x6264
_DISPLAY_WIDTH, _DISPLAY_HEIGHT, _DISPLAY_UNIT = 0x54B0, 0x54BA, 0x54B2
_CROPS = (0x54CC, 0x54BB, 0x54DD, 0x54AA)  # left, top, right, bottom (RFC 9559, 5.1.4.1.28.8 to 11)
_CHAPTERS, _EDITION, _ATOM, _ATOM_TRACK, _ATOM_TRACK_UID = 0x1043A770, 0x45B9, 0xB6, 0x8F, 0x89
_ATOM_START, _ATOM_END, _EDITION_DEFAULT = 0x91, 0x92, 0x45DB
_ATOM_SEGMENT, _EDITION_ORDERED, _DISPLAY, _DISPLAY_TEXT = 0x6E67, 0x45DD, 0x80, 0x85
_ACM = b"A_MS/ACM"
_STREAM_TYPES = (b"\x01", b"\x02", b"\x11", b"\x21")  # track types for which FFmpeg has streams
_MASTERS = (_EDITION, _ATOM, _ATOM_TRACK, _DISPLAY)
_MAX_HEADER = 1 << 30  # bytes of an element before the first cluster, attachments included: more is damage
_ROOM_FOR_SIZES, _ROOM_PER_TRACK = 512, 192
"""Bytes reserved: for longer sizes and positions in all; for display size and language of each track."""


@dataclass(frozen=True)
class TrackEdit:
    """Edits of a track's entry: display size in pixels, BCP 47 language, ``wave_format`` of ``A_MS/ACM``.

    ``crop``: pixels that are not displayed at the left, top, right and bottom.
    """

    display: tuple[int, int] | None = None
    language: str | None = None
    wave_format: bytes | None = None
    crop: tuple[int, int, int, int] | None = None


@dataclass(frozen=True)
class HeaderEdits:
    """Edits of a header: of tracks by their number from 0, and the content of the Chapters element."""

    tracks: Mapping[int, TrackEdit] = field(default_factory=dict)
    chapters: bytes = b""

    @property
    def room(self) -> int:
        """Bytes that must be free after the header (the muxer's option ``metadata_header_padding``)."""
        formats = sum(len(edit.wave_format or b"") for edit in self.tracks.values())
        return _ROOM_FOR_SIZES + _ROOM_PER_TRACK * len(self.tracks) + formats + len(self.chapters)


@dataclass(frozen=True)
class Header:
    """A file's header: for each stream its BCP 47 language ("" for none), track UID and ``crops``, and the chapters.

    ``chapters`` is the content of the Chapters element. ``crops``: pixels that are not displayed at the left, top,
    right and bottom.
    """

    languages: tuple[str, ...] = ()
    uids: tuple[bytes, ...] = ()
    chapters: bytes = b""
    crops: tuple[tuple[int, ...], ...] = ()


def display_size(width: int, height: int, sar: Fraction) -> tuple[int, int]:
    """The smallest size with exactly the display aspect and at least as many rows as the picture."""
    aspect = Fraction(width, height) * sar
    times = -(-height // aspect.denominator)
    return aspect.numerator * times, aspect.denominator * times


def read_header(path: str) -> Header:
    """Read a Matroska file's tracks and chapters; empty where its layout does not follow RFC 9559."""
    with open_ranges(path) if is_remote(path) else Path(path).open("rb") as file:
        return header_of(file)


def header_of(file: IO[bytes]) -> Header:
    """As ``read_header``, for an open file."""
    try:
        found = _level_one(file, (_TRACKS, _CHAPTERS))
        entries = [body for kind, body in _elements(found.get(_TRACKS, b"")) if kind == _TRACK_ENTRY]
        tracks = [dict(_elements(body)) for body in entries]
        pictures = [
            dict(_elements(track.get(_VIDEO, b""))) for track in tracks if track.get(_TRACK_TYPE) in _STREAM_TYPES
        ]
    except (IndexError, ValueError):
        return Header()
    tracks = [track for track in tracks if track.get(_TRACK_TYPE) in _STREAM_TYPES]
    languages = tuple(track.get(_LANGUAGE_BCP47, b"").rstrip(b"\0").decode("ascii", "replace") for track in tracks)
    uids = tuple(track.get(_TRACK_UID, b"") for track in tracks)
    crops = tuple(tuple(int.from_bytes(picture.get(kind, b"")) for kind in _CROPS) for picture in pictures)
    return Header(languages, uids, found.get(_CHAPTERS, b""), crops)


def chapters_for(chapters: bytes, uids: Mapping[bytes, bytes]) -> bytes:
    """The content of the Chapters element with new track UIDs; ``uids`` maps old to new, other tracks are left out."""

    def renamed(body: bytes) -> bytes:
        parts = []
        for kind, part in _elements(body):
            if kind in (_CRC, _VOID) or (kind == _ATOM_TRACK_UID and part not in uids):
                continue
            if kind == _ATOM_TRACK_UID:
                part = uids[part]
            elif kind in _MASTERS:
                part = renamed(part)
                if kind == _ATOM_TRACK and not part:
                    continue
            parts.append(_element(kind, part))
        return b"".join(parts)

    return renamed(chapters)


def chapter_checksums(chapters: bytes) -> tuple[tuple[int, ...], ...]:
    """IDs and checksums of all elements of the chapters but track UIDs, for comparison."""
    found: list[tuple[int, ...]] = []
    for kind, body in _elements(chapters):
        if kind in (_CRC, _VOID, _ATOM_TRACK):
            continue
        found.append((kind, 0 if kind in _MASTERS else crc32(body)))
        if kind in _MASTERS:
            found += chapter_checksums(body)
    return tuple(found)


def matroska_only_features(chapters: bytes) -> tuple[str, ...]:
    """What only Matroska's chapters can express, of that which these use; a few words each."""
    editions = [list(_elements(body)) for kind, body in _elements(chapters) if kind == _EDITION]
    atoms = [list(_elements(body)) for edition in editions for kind, body in edition if kind == _ATOM]
    found = {
        "further editions": len(editions) > 1,
        "the order of an ordered edition": any(
            int.from_bytes(body) for edition in editions for kind, body in edition if kind == _EDITION_ORDERED
        ),
        "chapters inside chapters": any(kind == _ATOM for atom in atoms for kind, _ in atom),
        "chapter names in further languages": any(sum(kind == _DISPLAY for kind, _ in atom) > 1 for atom in atoms),
    }
    return tuple(what for what, there in found.items() if there)


def plain_chapters(chapters: bytes) -> list[tuple[int, int, str]]:
    """(start, end, title), times in nanoseconds, of the default edition's chapters as other containers can hold them.

    They are in the order of time, without nested chapters, each with its first name.
    """
    editions = [dict(_elements(body)) | {_ATOM: body} for kind, body in _elements(chapters) if kind == _EDITION]
    default = next((e for e in editions if int.from_bytes(e.get(_EDITION_DEFAULT, b""))), editions[0])
    rows = []
    for kind, body in _elements(default[_ATOM]):
        if kind == _ATOM:
            parts = list(_elements(body))
            found = dict(reversed(parts))
            name = dict(_elements(found.get(_DISPLAY, b""))).get(_DISPLAY_TEXT, b"").decode("utf-8", "replace")
            start = int.from_bytes(found.get(_ATOM_START, b""))
            rows.append((start, int.from_bytes(found.get(_ATOM_END, b"")) or start, name))
    rows.sort()
    following = [*(start for start, _, _ in rows[1:]), 1 << 62]
    return [(start, min(end, after), name) for (start, end, name), after in zip(rows, following, strict=True)]


def has_linked_segments(chapters: bytes) -> bool:
    """Whether a chapter plays a part of another file (a linked segment)."""
    return any(
        kind == _ATOM_SEGMENT or (kind in _MASTERS and has_linked_segments(body)) for kind, body in _elements(chapters)
    )


def write_header(path: Path, edits: HeaderEdits) -> None:
    """Rewrite a file's header with the edits, into the room that the muxer reserved after it.

    Raises ``MediaError`` where the header's layout is not the muxer's.
    """
    with path.open("r+b") as file:
        begin, elements, end = _header_of(file, path)
        body = {kind: content for kind, content in elements if kind not in (_VOID, _SEEK_HEAD)}
        if _TRACKS not in body:
            raise MediaError(f"{path} has no tracks in its header")
        body[_TRACKS] = _edited_tracks(body[_TRACKS], edits.tracks)
        if edits.chapters:
            body[_CHAPTERS] = edits.chapters
        old = next((content for kind, content in elements if kind == _SEEK_HEAD), b"")
        kept = {kind: place for kind, place in _seeks(old).items() if kind not in body}
        size = len(_seek_head({**dict.fromkeys(body, 0), **kept}))
        at, places = size, {}
        for kind, content in body.items():
            places[kind] = at
            at += len(_element(kind, content))
        spare = end - begin - at
        if spare < 2:
            raise MediaError(f"{path} has no room for {-spare + 2} more bytes in its header")
        laid = _seek_head(places | kept) + b"".join(_element(*part) for part in body.items()) + _void(spare)
        file.seek(begin)
        file.write(laid)


def _edited_tracks(tracks: bytes, edits: Mapping[int, TrackEdit]) -> bytes:
    parts, number = [], 0
    for kind, body in _elements(tracks):
        if kind in (_CRC, _VOID):
            continue
        if kind == _TRACK_ENTRY:
            body = _edited_entry(body, edits[number]) if number in edits else body
            number += 1
        parts.append(_element(kind, body))
    return _checked(b"".join(parts))


def _edited_entry(entry: bytes, edit: TrackEdit) -> bytes:
    parts: list[tuple[int, bytes]] = []
    for kind, body in _elements(entry):
        if kind == _VIDEO and (edit.display or edit.crop):
            body = _edited_picture(body, edit)
        if edit.wave_format and kind == _CODEC_ID:
            body = _ACM
        if edit.wave_format and kind == _AUDIO:
            body = b"".join(_element(*part) for part in _elements(body) if part[0] != _BIT_DEPTH)
        if not (edit.wave_format and kind == _CODEC_PRIVATE) and not (edit.language and kind == _LANGUAGE_BCP47):
            parts.append((kind, body))
    if edit.wave_format:
        parts.append((_CODEC_PRIVATE, edit.wave_format))
    if edit.language:
        parts.append((_LANGUAGE_BCP47, edit.language.encode()))
    return b"".join(_element(*part) for part in parts)


def _edited_picture(picture: bytes, edit: TrackEdit) -> bytes:
    numbers: dict[int, int] = {}
    stale: tuple[int, ...] = ()
    if edit.display:
        stale = (_DISPLAY_WIDTH, _DISPLAY_HEIGHT, _DISPLAY_UNIT)  # the muxer's say "unknown"
        numbers |= dict(zip((_DISPLAY_WIDTH, _DISPLAY_HEIGHT), edit.display, strict=True))
    if edit.crop:
        stale += _CROPS
        numbers |= dict(zip(_CROPS, edit.crop, strict=True))
    kept = b"".join(_element(*part) for part in _elements(picture) if part[0] not in stale)
    return kept + b"".join(_element(kind, _number(value)) for kind, value in numbers.items())


def _checked(content: bytes) -> bytes:
    return _element(_CRC, crc32(content).to_bytes(4, "little")) + content


def _seeks(seek_head: bytes) -> dict[int, int]:
    """The positions of elements, in bytes from the segment's first, by their ID."""
    entries = [dict(_elements(body)) for kind, body in _elements(seek_head) if kind == _SEEK]
    return {int.from_bytes(e.get(_SEEK_ID, b"")): int.from_bytes(e.get(_SEEK_POSITION, b"")) for e in entries}


def _seek_head(places: Mapping[int, int]) -> bytes:
    seeks = (
        _element(_SEEK, _element(_SEEK_ID, _id(kind)) + _element(_SEEK_POSITION, place.to_bytes(8)))
        for kind, place in places.items()
    )
    return _element(_SEEK_HEAD, _checked(b"".join(seeks)))


def _header_of(file: IO[bytes], path: Path) -> tuple[int, Sequence[tuple[int, bytes]], int]:
    """(first byte of the segment's content, the elements before its first cluster, that cluster's first byte)."""
    begin = _segment(file)
    elements: list[tuple[int, bytes]] = []
    for kind, at, start, size in _headers(file, begin):
        if kind == _CLUSTER:
            return begin, elements, at
        if size > _MAX_HEADER:
            break
        elements.append((kind, _content(file, start, size)))
    raise MediaError(f"{path} has no cluster behind its header")


def _level_one(file: IO[bytes], wanted: Sequence[int]) -> dict[int, bytes]:
    """The content of a segment's elements with the wanted IDs: before its first cluster, or found by its index."""
    begin = _segment(file)
    found: dict[int, bytes] = {}
    places: dict[int, int] = {}
    for kind, _, start, size in _headers(file, begin):
        if kind == _CLUSTER:
            break
        if kind in (*wanted, _SEEK_HEAD) and size <= _MAX_HEADER:
            found[kind] = _content(file, start, size)
        if kind == _SEEK_HEAD:
            places |= _seeks(found.pop(kind))
    for kind in wanted:
        if kind not in found and kind in places:
            there, start, size = _header_at(file, begin + places[kind])
            if there == kind and size <= _MAX_HEADER:
                found[kind] = _content(file, start, size)
    return found


def _segment(file: IO[bytes]) -> int:
    """The first byte of the content of the file's first segment; raises ``ValueError`` if there is none."""
    for kind, _, start, _ in _headers(file, 0):
        if kind == _SEGMENT:
            return start
    raise ValueError("no segment")


def _headers(file: IO[bytes], at: int) -> Iterator[tuple[int, int, int, int]]:
    """(ID, position, first byte of the content, its size) of each element from a position on, to the file's end."""
    while (found := _header_at(file, at))[0]:
        kind, start, size = found
        yield kind, at, start, size
        at = start + size


def _content(file: IO[bytes], start: int, size: int) -> bytes:
    file.seek(start)
    return file.read(size)


def _header_at(file: IO[bytes], at: int) -> tuple[int, int, int]:
    """``_header`` at a position in a file; the ID is 0 at its end."""
    file.seek(at)
    head = file.read(12)
    if len(head) < 2 or not head[0]:
        return 0, at, 0
    kind, start, size = _header(head + bytes(12), 0)
    return kind, at + start, size


def _elements(data: bytes) -> Iterator[tuple[int, bytes]]:
    position = 0
    while position < len(data):
        kind, begin, size = _header(data, position)
        yield kind, data[begin : begin + size]
        position = begin + size


def _header(data: bytes, position: int) -> tuple[int, int, int]:
    """(ID, first byte of the content, its size); IDs keep their length marker, sizes lose it (RFC 8794, 4 to 6)."""
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
    return _id(kind) + size + body


def _id(kind: int) -> bytes:
    return kind.to_bytes((kind.bit_length() + 7) // 8)


def _void(length: int) -> bytes:
    """A void element of ``length`` bytes in all (2 or more)."""
    if length < 9:
        return bytes([_VOID, 0x80 | length - 2]) + bytes(length - 2)
    return bytes([_VOID, 0x01]) + (length - 9).to_bytes(7) + bytes(length - 9)


def _number(value: int) -> bytes:
    return value.to_bytes((value.bit_length() + 7) // 8)
