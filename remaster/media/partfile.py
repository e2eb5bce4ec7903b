"""Writes files atomically."""

from __future__ import annotations

import os
from pathlib import Path
from uuid import uuid4

STEM_BYTES = 150  # bytes of the name in the temporary name: file systems allow 255 in all


class PartFile:
    """A file that is written under the name ``temporary`` beside ``path``, and renamed atomically when it is complete.

    Each writer has a temporary name of its own: a second writer of the same file, even on another machine, does not
    disturb the first, and the last to finish wins.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        # The name may be as long as the file system allows, and the temporary name is longer.
        stem = os.fsdecode(os.fsencode(path.stem)[:STEM_BYTES])
        self.temporary = path.with_name(f".{stem}.{uuid4().hex}.part{path.suffix}")
        path.parent.mkdir(parents=True, exist_ok=True)

    def commit(self, durable: bool = True) -> None:
        """Rename the written file to ``path``; ``durable``: sync content and then name, to survive a power cut."""
        if durable:
            _sync(self.temporary)
        self.temporary.replace(self.path)
        if durable:
            _sync(self.path.parent)

    def discard(self) -> None:
        """Remove the temporary file."""
        self.temporary.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
