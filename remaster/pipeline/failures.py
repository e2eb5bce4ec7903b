"""Handles failures that are no exception of a scene: a full disk, which ends the run, and the death of a worker.

A run that a full disk ended continues where it stopped, once there is room again. A step that kills its worker
(segfault, out of memory) leaves no exception to catch, and Ray would restart the lost task forever. So its attempts are
counted on disk and limited; then the scene continues by a lower step of the ladder.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from remaster.pipeline.lock import working
from remaster.pipeline.store import Store

_FULL = (errno.ENOSPC, errno.EDQUOT)


class OutOfSpace(Exception):
    """The output folder is full. The program ends with exit code 1."""


def raise_if_disk_full(error: BaseException) -> None:
    """Raise ``OutOfSpace`` where a full disk caused ``error``; call it where errors become rows."""
    if is_disk_full(error):
        raise OutOfSpace(f"no space left: {error}") from error


@contextmanager
def explain_full_disk(store: Store) -> Iterator[None]:
    """Turn an exception that a full disk caused, in the driver or in a worker, into one sentence."""
    try:
        yield
    except Exception as error:
        if not is_disk_full(error):
            raise
        raise OutOfSpace(
            f"no space left in output.dir={store.root}; make room, and the same command goes on where it stopped"
        ) from error


def is_disk_full(error: BaseException | None) -> bool:
    """Whether a full disk caused ``error``, directly or through any chain of causes.

    Errors from a worker have their causes only as text.
    """
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if (
            isinstance(error, OutOfSpace)
            or getattr(error, "errno", None) in _FULL
            or f"{OutOfSpace.__name__}: " in str(error)
        ):
            return True
        error = error.__cause__ or error.__context__
    return False


MAX_DEATHS = 3
"""Deaths of a worker after which a step is given up: a single one may be the machine's fault."""


class WorkerLost(RuntimeError):
    """The step was given up because its worker died every time."""


@contextmanager
def attempt(store: Store, video_id: str, what: str, limit: int = MAX_DEATHS, final: bool = True) -> Iterator[None]:
    """Run a step that may kill its worker; raises ``WorkerLost`` once that has happened ``limit`` times.

    ``what`` names the step and its scene, as a file name. Only a death is counted; an exception is not. ``final``:
    giving up ends the task, and removes the count. Where the task continues with other scenes, which may kill the
    worker too so that the whole task is repeated, the count stays until ``reset_attempts``.
    """
    path = store.tries(video_id, what)
    with working(store):
        lost = len(store.files.read(path) or b"")
        if lost >= limit:
            if final:
                store.files.remove(path)
            raise WorkerLost(f"the worker died {lost} time{'s' if lost > 1 else ''}")
        store.files.write(path, b"." * (lost + 1), durable=False)  # a power cut is not the step's fault
        try:
            yield
        finally:
            store.files.remove(path)


def reset_attempts(store: Store, video_id: str, what: str) -> None:
    """Reset the count."""
    store.files.remove(store.tries(video_id, what))
