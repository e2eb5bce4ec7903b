"""Files of an output folder by their keys, never outside it."""

from __future__ import annotations

from pathlib import Path

from remaster.errors import MediaError


def inside(root: Path, key: str) -> Path:
    """The file ``key`` of the folder ``root``.

    Raises ``MediaError`` where there is none, and where it lies elsewhere: by an absolute key, by ``..``, or because it
    or a folder on the way is a link that leads out.
    """
    try:
        top = root.resolve(strict=True)
        found = (top / key).resolve(strict=True)
    except (OSError, ValueError, RuntimeError):
        raise MediaError(f"{key} is not there") from None
    if not found.is_relative_to(top) or not found.is_file():
        raise MediaError(f"{key} is no file of the output folder")
    return found
