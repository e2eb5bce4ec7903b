"""Camera set-ups: which runs between two cuts share a background, as in a dialogue that cuts to and fro."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from remaster.detect.similarity import Thumb, area_in_place
from remaster.detect.tuning import TUNING


@dataclass
class _Setup:
    """A set-up: its first run, how many frames it has so far, and the views of its last run."""

    run: int
    frames: int
    views: tuple[Thumb, ...] = field(repr=False)


def find_setups(
    lengths: Sequence[int], views: Sequence[tuple[Thumb, ...]], same_area: float, max_frames: int
) -> tuple[int, ...]:
    """For each run, in the order of time, the number of the first run that shows its set-up: its own where it is new.

    ``lengths`` are the runs' numbers of frames, ``views`` float32 luma thumbs (h, w) of each run's ends, as far as they
    are known. A run joins the latest set-up of which a view shows ``same_area`` (0-1) of each of its own at the same
    place, as long as both together have at most ``max_frames``: a scene is one task.
    """
    recent: deque[_Setup] = deque(maxlen=TUNING.similarity.recent_setups)
    found = []
    for run, (length, own) in enumerate(zip(lengths, views, strict=True)):
        candidates = (s for s in reversed(recent) if s.frames + length <= max_frames)
        setup = next((s for s in candidates if _shows(s.views, own, same_area)), None)
        if setup is None:
            setup = _Setup(run, 0, own)
        else:
            recent.remove(setup)
        setup.frames += length
        setup.views = own
        recent.append(setup)
        found.append(setup.run)
    return tuple(found)


def _shows(known: Sequence[Thumb], own: Sequence[Thumb], same_area: float) -> bool:
    """Whether each of a run's ends looks like one of the set-up's."""
    if not known or not own:
        return False
    return all(max(area_in_place(view, end) for view in known) >= same_area for end in own)
