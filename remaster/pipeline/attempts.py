"""A step that kills its worker (segfault, out of memory) leaves no exception to catch: its tries are counted on disk.

Ray starts a lost task again, for ever; the count ends that, and the scene goes on by a lower step of the ladder.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from remaster.pipeline.store import TEMPORARY, Store

LIMIT = 3


class WorkerLost(RuntimeError):
    """The step was given up because its worker died every time."""


@contextmanager
def attempt(store: Store, video_id: str, what: str) -> Iterator[None]:
    """Run a step that may take its worker with it; raises ``WorkerLost`` once that has happened ``LIMIT`` times.

    ``what`` names the step and its scene, as a file name. Only a death leaves the count behind: an exception does not.
    """
    path = store.path / "scenes" / video_id / f"{what}.tries{TEMPORARY}"
    lost = int(path.read_text() or 0) if path.is_file() else 0
    if lost >= LIMIT:
        path.unlink()
        raise WorkerLost(f"the worker died {lost} times")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(str(lost + 1))
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
