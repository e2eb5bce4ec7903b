"""A step that kills its worker (segfault, out of memory) leaves no exception to catch: its tries are counted on disk.

Ray starts a lost task again, for ever; the count ends that, and the scene goes on by a lower step of the ladder.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from remaster.pipeline.lock import working
from remaster.pipeline.store import Store

LIMIT = 3


class WorkerLost(RuntimeError):
    """The step was given up because its worker died every time."""


@contextmanager
def attempt(store: Store, video_id: str, what: str, limit: int = LIMIT) -> Iterator[None]:
    """Run a step that may take its worker with it; raises ``WorkerLost`` once that has happened ``limit`` times.

    ``what`` names the step and its scene, as a file name. Only a death leaves the count behind: an exception does not.
    """
    path = store.tries(video_id, what)
    with working(store):
        lost = len(store.files.read(path) or b"")
        if lost >= limit:
            store.files.remove(path)
            raise WorkerLost(f"the worker died {lost} time{'s' if lost > 1 else ''}")
        store.files.write(path, b"." * (lost + 1), durable=False)  # a power cut is no fault of the step's
        try:
            yield
        finally:
            store.files.remove(path)
