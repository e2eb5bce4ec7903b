"""Files that are never seen half-written."""

from __future__ import annotations

import os
from pathlib import Path
from uuid import uuid4

STEM_BYTES = 150  # of the name that are kept: file systems allow 255 with all that is added


class PartFile:
    """A file that is written under ``temporary``, beside ``path``, and takes its place at once or not at all.

    The temporary name is the writer's own: a second writer of the same file, on whatever machine, does not disturb the
    first, and the last to finish wins.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        # A name may be as long as the file system allows; the temporary one needs room for more.
        stem = os.fsdecode(os.fsencode(path.stem)[:STEM_BYTES])
        self.temporary = path.with_name(f".{stem}.{uuid4().hex}.part{path.suffix}")
        path.parent.mkdir(parents=True, exist_ok=True)

    def commit(self, durable: bool = True) -> None:
        """Put the written file in its place; ``durable``: its content first, then its name, survive a power cut."""
        if durable:
            _sync(self.temporary)
        self.temporary.replace(self.path)
        if durable:
            _sync(self.path.parent)

    def discard(self) -> None:
        """Remove what was written."""
        self.temporary.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
