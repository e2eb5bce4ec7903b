"""Computes what the page draws: each video's methods over time, and how the shots' confidence is spread.

In: rows of ``tables.SHOTS``. Out: segments and bins, which the template draws with CSS alone.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from remaster.report.summary import UNMADE

BINS = 10
"""Of the confidence, each as wide: the ladder's steps lie about so far apart."""


@dataclass(frozen=True)
class Segment:
    """Shots of a video that follow each other: their frames, how they look, and the ``number`` of the one on the page.

    ``number`` is None for shots that the page has no room for; these are joined where they look the same.
    """

    start_frame: int
    frames: int
    method: str
    status: str
    number: int | None

    @property
    def is_trouble(self) -> bool:
        """Whether something went wrong; what was only previewed did not."""
        return self.status not in ("ok", *UNMADE)


@dataclass(frozen=True)
class Timeline:
    """A video's shots in the order of time, and how many there are by method, and by the status of trouble."""

    segments: tuple[Segment, ...]
    methods: Mapping[str, int]
    troubles: Mapping[str, int]


@dataclass(frozen=True)
class Bin:
    """The number of ``shots`` whose confidence lies in ``[low, high)``; the last one includes 1."""

    low: float
    high: float
    shots: int


def timelines(shots: pa.Table, numbers: Mapping[tuple[str, int], int]) -> dict[str, Timeline]:
    """The timeline of each video by its name; ``numbers`` are those of the page's shots, by video and first frame."""
    order = [("video", "ascending"), ("start_frame", "ascending")]
    rows = shots.select(["video", "start_frame", "end_frame", "method", "status"]).sort_by(order).to_pylist()
    found = {}
    for video, group in itertools.groupby(rows, key=lambda row: str(row["video"])):
        parts = [
            Segment(
                row["start_frame"],
                row["end_frame"] - row["start_frame"],
                row["method"],
                row["status"],
                numbers.get((video, row["start_frame"])),
            )
            for row in group
        ]
        troubles = Counter(part.status for part in parts if part.is_trouble)
        found[video] = Timeline(_joined(parts), Counter(part.method for part in parts), troubles)
    return found


def confidence_bins(shots: pa.Table) -> tuple[Bin, ...]:
    """The histogram of the delivered shots' confidence; empty where none has one. ``passthrough`` needs none."""
    judged = shots.filter(
        pc.and_(pc.not_equal(shots["status"], "failed"), pc.not_equal(shots["method"], "passthrough"))
    )
    values = np.asarray(pc.fill_null(judged["confidence"], np.nan), float)
    values = values[np.isfinite(values)].clip(0, 1)
    if not len(values):
        return ()
    counts, edges = np.histogram(values, BINS, (0.0, 1.0))
    pairs = itertools.pairwise(edges.tolist())
    return tuple(Bin(low, high, int(count)) for (low, high), count in zip(pairs, counts, strict=True))


def _joined(parts: Sequence[Segment]) -> tuple[Segment, ...]:
    """The segments, neighbours without a place on the page joined where they look the same."""
    result: list[Segment] = []
    for part in parts:
        last = result[-1] if result else None
        same = last is not None and (last.method, last.status) == (part.method, part.status)
        if last is not None and same and last.number is part.number is None:
            result[-1] = replace(last, frames=last.frames + part.frames)
        else:
            result.append(part)
    return tuple(result)
