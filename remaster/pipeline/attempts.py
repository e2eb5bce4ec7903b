"""A step that kills its worker (segfault, out of memory) leaves no exception to catch: its tries are counted on disk.

Ray starts a lost task again, for ever; the count ends that, and the scene goes on by a lower step of the ladder.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from remaster.pipeline.lock import working
from remaster.pipeline.store import Store

LIMIT = 3  # deaths of a worker after which a step is given up: one may be the machine's


class WorkerLost(RuntimeError):
    """The step was given up because its worker died every time."""


@contextmanager
def attempt(store: Store, video_id: str, what: str, limit: int = LIMIT, settled: bool = True) -> Iterator[None]:
    """Run a step that may take its worker with it; raises ``WorkerLost`` once that has happened ``limit`` times.

    ``what`` names the step and its scene, as a file name. Only a death leaves the count behind: an exception does not.
    A step that is given up is forgotten if that settles its task; where the task goes on with other scenes, which may
    take the worker too and so have it all done again, the count stays until ``forget``.
    """
    path = store.tries(video_id, what)
    with working(store):
        lost = len(store.files.read(path) or b"")
        if lost >= limit:
            if settled:
                store.files.remove(path)
            raise WorkerLost(f"the worker died {lost} time{'s' if lost > 1 else ''}")
        store.files.write(path, b"." * (lost + 1), durable=False)  # a power cut is no fault of the step's
        try:
            yield
        finally:
            store.files.remove(path)


def forget(store: Store, video_id: str, what: str) -> None:
    """Start counting anew."""
    store.files.remove(store.tries(video_id, what))
