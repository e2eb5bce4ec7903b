"""Downloads one file: resumed, checked, and put in place only when it is whole and right."""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from email.message import Message
from http.client import HTTPException, HTTPMessage
from pathlib import Path
from typing import IO, Any
from urllib.error import HTTPError, URLError
from urllib.request import HTTPRedirectHandler, Request, build_opener

BLOCK = 1 << 20
TIMEOUT_SECONDS = 30
ATTEMPTS = 4
"""Connections in a row that may end without a byte; each that brings some counts anew."""
SHA256 = re.compile(r"^[0-9a-f]{64}$")
Progress = Callable[[int, int | None], None]
"""Is told the bytes that are here, and how many there will be if the server says so."""


@dataclass(frozen=True)
class Record:
    """What is known of a file that was fetched; it lies beside it as ``<file>.json``.

    ``proof`` says what its ``sha256`` was compared with.
    """

    sha256: str
    size: int
    source: str
    revision: str | None
    licence: str
    proof: str


@dataclass(frozen=True)
class Stated:
    """What a server says of a file: its SHA-256 and commit (the hub does), each None where it says nothing."""

    sha256: str | None = None
    commit: str | None = None


class BrokenDownload(Exception):
    """The connection cannot be had, or ends too often; its text says why."""


class WrongFile(Exception):
    """What came is not the file that was asked for; its text says in what."""


def fetch(url: str, target: Path, size: int | None, sha256: str | None, tell: Progress) -> tuple[str, Stated, str]:
    """Download ``url`` to ``target`` and return its SHA-256, what the server stated, and what proved it.

    The bytes gather in ``<target>.part`` in the same folder, from where a later call goes on. Raises
    ``BrokenDownload``, after which what came stays, and ``WrongFile``, after which it is gone.
    """
    part = target.with_name(f"{target.name}.part")
    target.parent.mkdir(parents=True, exist_ok=True)
    while True:
        resumed = part.is_file() and part.stat().st_size > 0
        stated = _gather(url, part, tell)
        try:
            digest, proof = prove(part, size, sha256, stated.sha256)
        except WrongFile:
            part.unlink()
            if not resumed:
                raise
            continue  # its first half may be of an older file: once more, from the start
        settle(part, target)
        return digest, stated, proof


def prove(path: Path, size: int | None, sha256: str | None, stated: str | None = None) -> tuple[str, str]:
    """The file's SHA-256 and what it was compared with: the list, else the server; raises ``WrongFile``.

    ``sha256`` may be the first digits.
    """
    found = path.stat().st_size
    if size is not None and found != size:
        raise WrongFile(f"it has {found:,} bytes and should have {size:,}")
    digest = digest_of(path)
    wanted, by = (sha256, "the list") if sha256 is not None else (stated, "the server's statement")
    if wanted is None:
        return digest, "nothing: neither the list nor the server knows its SHA-256"
    if not digest.startswith(wanted):
        raise WrongFile(f"its SHA-256 is {digest} and should be {wanted}, by {by}")
    return digest, by


def digest_of(path: Path) -> str:
    """The SHA-256 of a whole file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def settle(part: Path, target: Path) -> None:
    """Give a whole file its name, at once and for good."""
    with part.open("rb") as file:
        os.fsync(file.fileno())
    part.replace(target)


def write_record(target: Path, record: Record) -> None:
    """Write the record of a file beside it, at once."""
    part = target.with_name(f"{target.name}.json.part")
    part.write_text(json.dumps(asdict(record), indent=1) + "\n")
    part.replace(_record_path(target))


def read_record(target: Path) -> Record | None:
    """The record of a file; None where there is none or it cannot be read."""
    try:
        return Record(**json.loads(_record_path(target).read_text()))
    except (OSError, ValueError, TypeError):
        return None


def _record_path(target: Path) -> Path:
    return target.with_name(f"{target.name}.json")


def _gather(url: str, part: Path, tell: Progress) -> Stated:
    """Append to ``part`` what is missing, over as many connections as it takes."""
    left, stated = ATTEMPTS, Stated()
    while True:
        before = part.stat().st_size if part.is_file() else 0
        try:
            whole, stated = _connect(url, part, before, tell)
        except HTTPError as error:
            if error.code == 416:  # nothing is missing, or the file is another: the digest will tell
                return stated
            raise BrokenDownload(f"the server answers {error.code} {error.reason}") from error
        except (URLError, OSError, HTTPException, ValueError) as error:
            whole, reason = False, str(getattr(error, "reason", "") or error) or type(error).__name__
        else:
            reason = "the connection ends early"
        if whole:
            return stated
        left = ATTEMPTS if part.is_file() and part.stat().st_size > before else left - 1
        if not left:
            raise BrokenDownload(reason)
        time.sleep(0.1 * 2 ** (ATTEMPTS - left))


def _connect(url: str, part: Path, here: int, tell: Progress) -> tuple[bool, Stated]:
    """Read one answer into ``part``, of which ``here`` bytes are there; says whether it is whole now."""
    hops = _Hops()
    request = Request(url, headers={"Range": f"bytes={here}-"} if here else {})
    with build_opener(hops).open(request, timeout=TIMEOUT_SECONDS) as answer:
        start = here if answer.status == 206 else 0  # a server without ranges begins again
        length = answer.headers.get("Content-Length")
        total = start + int(length) if length else None
        with part.open("r+b" if start else "wb") as file:
            file.seek(start)
            while block := answer.read(BLOCK):
                file.write(block)
                tell(file.tell(), total)
            end = file.tell()
        return total is None or end >= total, hops.stated(answer.headers)


class _Hops(HTTPRedirectHandler):
    """Follows redirects and keeps their headers: the hub states the digest on the first answer, not on the last."""

    def __init__(self) -> None:
        self.headers: list[Message] = []

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> Request | None:
        self.headers.append(headers)
        return super().redirect_request(req, fp, code, msg, headers, newurl)

    def stated(self, last: Any) -> Stated:
        """What the answers said, the first one first."""
        tags = [(h.get("X-Linked-Etag") or "").strip('W/"') for h in (*self.headers, last)]
        commits = [h.get("X-Repo-Commit") for h in (*self.headers, last)]
        return Stated(
            next((tag for tag in tags if SHA256.match(tag)), None), next((commit for commit in commits if commit), None)
        )
