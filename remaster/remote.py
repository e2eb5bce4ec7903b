"""Reads objects on object stores (``s3://``, ``gs://``) by ranges, with the file systems of PyArrow.

Credentials, region and endpoint come from the environment (``AWS_ACCESS_KEY_ID``, ``AWS_ENDPOINT_URL`` ...), the
machine's role, or the query of the address (``?region=eu-west-1&endpoint_override=localhost:9000&scheme=http``). A
public bucket of Google's is read without credentials as ``gs://anonymous@BUCKET``.
"""

from __future__ import annotations

import errno
import io
from functools import lru_cache
from typing import Any, BinaryIO, cast
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from pyarrow import ArrowInvalid
from pyarrow import fs as arrow

from remaster.errors import UserError

SCHEMES = ("s3", "gs", "gcs")
RANGE_BYTES = 1 << 22  # of one request; 16 s of a video of 2 Mbit/s


def is_remote(path: str) -> bool:
    """True for an address, False for a local path."""
    return "://" in path


@lru_cache(maxsize=4096)
def locate(uri: str) -> tuple[Any, str]:
    """PyArrow's file system for an address, and the path in it (``bucket/key``).

    Raises ``UserError`` for another scheme, an invalid address, or one with credentials in it.
    """
    parts = urlsplit(uri)
    if parts.scheme not in SCHEMES:
        raise UserError(f"{uri} is neither a local path nor on s3:// or gs://")
    if "@" in parts.netloc and parts.netloc.rpartition("@")[0] != "anonymous":
        raise UserError(
            f"{parts.scheme}://***@{parts.hostname}{parts.path} has credentials in it, which would be written into"
            " run.yaml and the report; put them into the environment"
        )
    try:
        system, path = _file_system(parts.scheme, parts.netloc, parts.query)
    except (ArrowInvalid, OSError) as error:
        raise UserError(f"{uri} cannot be used: {str(error).splitlines()[0]}") from error
    return system, f"{path}{unquote(parts.path)}".rstrip("/")


@lru_cache(maxsize=16)
def _file_system(scheme: str, bucket: str, query: str) -> tuple[Any, str]:
    """The client of a bucket; cached, because it reuses connections."""
    found: tuple[Any, str] = arrow.FileSystem.from_uri(urlunsplit((scheme, bucket, "", query, "")))
    return found


def joined(uri: str, name: str) -> str:
    """The address of ``name`` below ``uri``, percent-encoded, since names may contain ``?`` and ``#``."""
    parts = urlsplit(uri)
    return urlunsplit((parts.scheme, parts.netloc, f"{parts.path.rstrip('/')}/{quote(name)}", parts.query, ""))


def status(uri: str) -> tuple[int, int] | None:
    """Size in bytes and modification time in ns of an object; None where it is missing. Raises ``OSError``."""
    system, path = locate(uri)
    info = system.get_file_info(path)
    return (int(info.size), int(info.mtime_ns or 0)) if info.type == arrow.FileType.File else None


def open_ranges(uri: str) -> BinaryIO:
    """Open an object as a seekable file that is read by ranges; raises ``FileNotFoundError`` and ``OSError``."""
    return cast(BinaryIO, io.BufferedReader(_Ranges(uri), RANGE_BYTES))


class _Ranges(io.RawIOBase):
    """Each read is one request; the buffer around it makes them few."""

    def __init__(self, uri: str) -> None:
        system, path = locate(uri)
        self.name = uri
        try:
            self._file = system.open_input_file(path)
        except FileNotFoundError as error:  # Google's error names neither bucket nor key
            raise FileNotFoundError(errno.ENOENT, "no such object", uri) from error

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._file.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return int(self._file.seek(offset, whence))

    def tell(self) -> int:
        return int(self._file.tell())

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()
