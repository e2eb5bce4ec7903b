"""Reads and writes folders, local or on an object store, in which a file is complete or does not exist.

Keys are names relative to the folder, with ``/``. Libraries that need local files work in a ``view``: the folder itself
where it is local, else a temporary folder.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO
from zlib import crc32

import pyarrow as pa
from pyarrow import fs as arrow

from remaster.media.partfile import PartFile
from remaster.remote import is_remote, joined, locate, open_ranges, status

CHUNK = 1 << 20  # bytes in memory at once
SCRATCH = "remaster-"


class Folder(ABC):
    """A folder of complete files."""

    @abstractmethod
    def read(self, key: str) -> bytes | None:
        """A file's content; None where it does not exist."""

    @abstractmethod
    def write(self, key: str, data: bytes, durable: bool = True) -> None:
        """Write a complete file; ``durable``: it survives a power cut once this returns."""

    @abstractmethod
    def size(self, key: str) -> int | None:
        """A file's size in bytes; None where it does not exist."""

    @abstractmethod
    def remove(self, key: str) -> None:
        """Remove a file if it exists."""

    @abstractmethod
    def names(self, folder: str, recursive: bool = False) -> list[str]:
        """The keys of the files in a folder, sorted; empty where it does not exist."""

    @abstractmethod
    def view(self, keys: Iterable[str] = ()) -> Any:
        """A context manager of a local folder that holds ``keys``; files written there are stored with ``put``."""

    @abstractmethod
    def put(self, path: Path, key: str) -> None:
        """Store a complete file that was written into a ``view`` under its key."""

    @abstractmethod
    def open(self, key: str) -> BinaryIO:
        """Open a file for reading; raises ``OSError``."""

    def checksum(self, key: str) -> int:
        """CRC-32 of a file's content; raises ``OSError``."""
        with self.open(key) as file:
            return _crc32(file)


class _Local(Folder):
    """A local folder, or one that all machines of a cluster have mounted."""

    def __init__(self, root: str) -> None:
        self._root = Path(root)

    def read(self, key: str) -> bytes | None:
        path = self._root / key
        return path.read_bytes() if path.is_file() else None

    def write(self, key: str, data: bytes, durable: bool = True) -> None:
        part = PartFile(self._root / key)
        try:
            part.temporary.write_bytes(data)
            part.commit(durable)
        finally:
            part.discard()

    def size(self, key: str) -> int | None:
        path = self._root / key
        return path.stat().st_size if path.is_file() else None

    def remove(self, key: str) -> None:
        (self._root / key).unlink(missing_ok=True)

    def names(self, folder: str, recursive: bool = False) -> list[str]:
        top = self._root / folder
        found = top.rglob("*") if recursive else top.glob("*")
        return sorted(path.relative_to(self._root).as_posix() for path in found if path.is_file())

    @contextmanager
    def view(self, keys: Iterable[str] = ()) -> Iterator[Path]:
        yield self._root

    def put(self, path: Path, key: str) -> None:
        if path != self._root / key:
            raise ValueError(f"{path} was not written to {self._root / key}")

    def open(self, key: str) -> BinaryIO:
        return (self._root / key).open("rb")


class _Remote(Folder):
    """A prefix on an object store, where uploads appear when they are complete."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._system, self._base = locate(root)

    def read(self, key: str) -> bytes | None:
        try:
            with self._system.open_input_stream(self._path(key)) as stream:
                return bytes(stream.read())
        except FileNotFoundError:
            return None

    def write(self, key: str, data: bytes, durable: bool = True) -> None:
        self._upload(key, pa.py_buffer(data))

    def size(self, key: str) -> int | None:
        found = status(joined(self._root, key))
        return None if found is None else found[0]

    def remove(self, key: str) -> None:
        if self.size(key) is not None:
            self._system.delete_file(self._path(key))

    def names(self, folder: str, recursive: bool = False) -> list[str]:
        top = self._path(folder)
        found = self._system.get_file_info(arrow.FileSelector(top, allow_not_found=True, recursive=recursive))
        files = [info.path for info in found if info.type == arrow.FileType.File]
        return sorted(path[len(self._base) + 1 :] for path in files)

    @contextmanager
    def view(self, keys: Iterable[str] = ()) -> Iterator[Path]:
        with scratch() as folder:
            for key in dict.fromkeys(keys):
                target = folder / key
                target.parent.mkdir(parents=True, exist_ok=True)
                if self.size(key) is not None:
                    with self.open(key) as source, target.open("wb") as file:
                        shutil.copyfileobj(source, file, CHUNK)
            yield folder

    def put(self, path: Path, key: str) -> None:
        with pa.memory_map(str(path)) as file:
            self._upload(key, file.read_buffer())

    def open(self, key: str) -> BinaryIO:
        return open_ranges(joined(self._root, key))

    def _path(self, key: str) -> str:
        return f"{self._base}/{key}".rstrip("/")

    def _upload(self, key: str, data: pa.Buffer) -> None:
        """Upload with a single write, which an interruption cannot split.

        (Closing a stream completes the upload, even while an exception is handled.)
        """
        with self._system.open_output_stream(self._path(key)) as stream:
            stream.write(data)
        if self.size(key) != data.size:
            raise OSError(f"{key} did not arrive whole in {self._root}")


@lru_cache(maxsize=16)
def folder(root: str) -> Folder:
    """The folder at a path or an address; raises ``UserError`` for an invalid address."""
    return _Remote(root) if is_remote(root) else _Local(root)


def checksum(path: Path) -> int:
    """CRC-32 of a local file's content; raises ``OSError``."""
    with path.open("rb") as file:
        return _crc32(file)


def _crc32(file: BinaryIO) -> int:
    value = 0
    while chunk := file.read(CHUNK):
        value = crc32(chunk, value)
    return value


@contextmanager
def scratch() -> Iterator[Path]:
    """A temporary folder of this process; also removes those that killed processes left."""
    for left in Path(tempfile.gettempdir()).glob(f"{SCRATCH}[0-9]*-*"):
        if not _alive(int(left.name.split("-")[1])):
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=f"{SCRATCH}{os.getpid()}-") as name:
        yield Path(name)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # another user's
        return True
    return True
