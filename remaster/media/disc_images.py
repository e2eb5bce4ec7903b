"""Finds the titles inside images of DVDs (``.iso``), so that nothing has to be mounted or copied.

A file inside an image has a path of its own, as if the image were the folder that it is when mounted:
``disc.iso/VIDEO_TS/VTS_01_1.VOB``.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from remaster.remote import is_remote

DISC_FOLDER = "VIDEO_TS"
SUFFIX = ".iso"
SECTOR = 2048  # bytes
_FILM = ".VOB"


@dataclass(frozen=True)
class Extent:
    """Where a file lies in an image, in bytes."""

    start: int
    size: int


@dataclass(frozen=True)
class Inside:
    """A file inside an ``image``; ``changed`` is the image's time of change in ns."""

    image: str
    extent: Extent
    changed: int


def inside(path: str) -> Inside | None:
    """The file inside an image that a path denotes; None for other paths, and where the image has no such file."""
    whole = Path(path)
    if is_remote(path) or whole.parent.name != DISC_FOLDER or not whole.parent.parent.is_file():
        return None
    image = str(whole.parent.parent)
    extent = films(image).get(whole.name)
    return None if extent is None else Inside(image, extent, Path(image).stat().st_mtime_ns)


def films(image: str) -> Mapping[str, Extent]:
    """The VOB files in an image's ``VIDEO_TS`` folder, menus included, by name.

    Empty where it is no image of a DVD, or its directory (ISO 9660, which DVDs have beside UDF) cannot be read.
    """
    if is_remote(image) or Path(image).suffix.lower() != SUFFIX:
        return {}
    there = Path(image).stat()
    return _films(image, there.st_size, there.st_mtime_ns)


@lru_cache(maxsize=64)
def _films(image: str, size: int, mtime_ns: int) -> Mapping[str, Extent]:
    # Few runs have an image: the others save the import.
    from pycdlib import PyCdlib
    from pycdlib.pycdlibexception import PyCdlibException

    disc = PyCdlib()
    try:
        disc.open(image)
    except (PyCdlibException, struct.error, IndexError, ValueError):
        return {}
    try:
        records = list(disc.list_children(iso_path=f"/{DISC_FOLDER}"))
    except PyCdlibException:
        return {}
    finally:
        disc.close()
    found = {}
    for record in records:
        name = record.file_identifier().decode("ascii", "replace").partition(";")[0]
        extent = Extent(record.extent_location() * SECTOR, record.get_data_length())
        if record.is_file() and name.upper().endswith(_FILM) and extent.start + extent.size <= size:
            found[name] = extent
    return found
