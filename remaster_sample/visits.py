"""The truth of sets that return: which shots show one painted set, from where, in what light, and how much they share.

In come the scripts (``visits_of``) or the files that ``write.write_truth`` wrote (``read_visits``); out come visits,
and with ``true_pairs`` the pairs of visits that show part of the same drawing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np

from remaster.arrays import Affine, Mask
from remaster_sample.backgrounds import SETS
from remaster_sample.script import Episode, Shot, camera_of, view_at

GRID = 8
"""Pixels of the painted set per cell on which views are compared."""


@dataclass(frozen=True)
class Visit:
    """One shot of an episode as a visit to a painted set.

    ``video`` is the episode's name, ``start`` and ``end`` are its frames ``[start, end)``, ``size`` their (width,
    height) in stored pixels. ``set`` names the drawing, whatever its light, and is None for pictures by which nothing
    can be known again (black, plain sky); ``light`` is the time of the day. ``cameras`` (n, 2, 3) take pixels of each
    frame to those of the painted set.
    """

    video: str
    shot: str
    start: int
    end: int
    set: str | None
    light: str
    size: tuple[int, int]
    cameras: Affine

    @property
    def rows(self) -> float:
        """Rows of the painted set that a frame shows; the geometric mean of a zoom."""
        return float(np.exp(np.log(self.cameras[:, 1, 1]).mean())) * self.size[1]

    def seen(self) -> Mask:
        """What the frames show of the painted set, without their wings: bool, a cell for ``GRID`` x ``GRID`` pixels."""
        corners = self.cameras @ np.array([[-0.5, -0.5, 1.0], [self.size[0] - 0.5, self.size[1] - 0.5, 1.0]]).T
        cells = np.rint(np.maximum(corners, 0) / GRID).astype(int)
        mask = np.zeros(cells[..., 1].max(axis=0)[::-1], np.bool_)
        for (x0, x1), (y0, y1) in cells.tolist():
            mask[y0:y1, x0:x1] = True
        return mask


@dataclass(frozen=True)
class TruePair:
    """Two visits to one set that share part of their views.

    ``scale`` is how much more of the set ``two`` shows than ``one``: above 1 it is filmed from farther away.
    ``overlap`` is what both show as a share of what the smaller view shows.
    """

    one: Visit
    two: Visit
    scale: float
    same_light: bool
    overlap: float


def set_of(background: str) -> tuple[str | None, str]:
    """(the drawing, its light) of a painted set (a key of ``SETS``); no drawing where it is plain."""
    painted = SETS[background]
    return None if painted.plain else painted.drawing or background, painted.light


def visits_of(episode: Episode) -> list[Visit]:
    """All shots of an episode as its script has them."""
    return [_visit(episode, shot) for shot in episode.shots]


def _visit(episode: Episode, shot: Shot) -> Visit:
    views = [view_at(shot.keys, at) for at in range(shot.length)]
    cameras = np.stack([camera_of(view, episode.width, episode.height, episode.sar) for view in views])
    drawing, light = set_of(shot.background)
    size = episode.width, episode.height
    return Visit(episode.name, shot.name, shot.start, shot.end, drawing, light, size, cameras)


def read_visits(files: Iterable[Path]) -> list[Visit]:
    """The visits of truth files (``NAME.json``); raises ``ValueError`` where one lacks the cameras of some shot."""
    found = []
    for path in sorted(files):
        table = json.loads(path.read_text())
        cameras, first = np.array(table["cameras"], float), table["first_frame"]
        size = table["frame"]["width"], table["frame"]["height"]
        for shot in table["shots"]:
            start, end = shot["start"], shot["end"]
            own = cameras[max(start - first, 0) : max(end - first, 0)]
            if len(own) < end - start:
                raise ValueError(f"{path} does not have all cameras of frames {start} to {end - 1}")
            found.append(Visit(path.stem, shot["name"], start, end, shot["set"], shot["light"], size, own))
    return found


def true_pairs(visits: Sequence[Visit], min_overlap: float = 0.0) -> list[TruePair]:
    """Pairs of visits to one drawing that share more than ``min_overlap`` (0-1) of the smaller view, in their order."""
    views = [visit.seen() for visit in visits]
    found = []
    for (i, one), (j, two) in combinations(enumerate(visits), 2):
        if one.set is None or one.set != two.set:
            continue
        height, width = np.minimum(views[i].shape, views[j].shape)
        both = views[i][:height, :width] & views[j][:height, :width]
        overlap = float(both.sum() / min(views[i].sum(), views[j].sum()))
        if overlap > min_overlap:
            found.append(TruePair(one, two, two.rows / one.rows, one.light == two.light, overlap))
    return found
