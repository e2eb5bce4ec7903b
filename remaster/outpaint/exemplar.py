"""The embedded inpainter: pieces of the picture itself, by offset statistics and graph cut, blended by gradients.

After He and Sun, "Statistics of Patch Offsets for Image Completion" (ECCV 2012), with candidates that continue the
picture's border beside the statistical ones, labels refined along their borders at full resolution, and gradient-domain
blending. It needs no weights and gives the same bytes for the same task.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from remaster.arrays import Mask
from remaster.imaging.distances import nearest, thickness
from remaster.outpaint import Filled, FillTask
from remaster.outpaint.blend import compose
from remaster.outpaint.exemplar_settings import Settings
from remaster.outpaint.labelling import label
from remaster.outpaint.labels import Masks

_MOST_GROUPS = 8
"""Groups of holes that are solved one by one at most."""
_AROUND = 0.6
"""Holes that fill less than this share of the rectangle around them lie around the picture, or part of it."""
_CLOSING = 1 / 3
"""How deep what a hole cuts off is continued, as a share of the cut's length: a head closes, it does not come twice."""


@dataclass(frozen=True)
class ExemplarInpainter(Settings):
    """Fills holes with pieces of the known picture; its fields are `Settings`."""

    def fill(self, tasks: Sequence[FillTask]) -> list[Filled]:
        """Fill each task's holes from its known pixels; black where a task knows no pixel at all."""
        return [self._fill_one(task) for task in tasks]

    def _fill_one(self, task: FillTask) -> Filled:
        image = task.image.copy()
        if not task.known.any():
            image[task.holes] = 0
            return Filled(image, 0)
        parts = [
            (crop, strip)
            for group in groups(task.holes, task.known, self.apart)
            for crop in [_context(group, task.known)]
            for strip in _strips(group[crop], task.known[crop], self.depth)
        ]
        coarsest = max((_scale(strip, self.nodes) for _, strip in parts), default=1)
        settled, source = task.known.copy(), task.known.copy()
        if task.figures is not None:
            source &= ~task.figures
        cut = source | cut_off(task.known & ~source, task.holes)
        for call, (crop, strip) in enumerate(parts):
            scale = max(_scale(strip, self.nodes), min(coarsest, thickness(strip) // 2))
            rng = np.random.default_rng([task.seed, call])
            masks = Masks(source[crop], cut[crop], settled[crop], strip)
            full, candidates, chosen = label(image[crop].astype(np.float32), masks, scale, self, rng)
            image[crop] = compose(image[crop], full, candidates, chosen, self.reach)
            settled[crop] |= strip
        return Filled(image, len(parts))


def _scale(holes: Mask, nodes: int) -> int:
    """How many times smaller the picture in which the holes are about ``nodes`` pixels."""
    return max(round(float(np.sqrt(holes.sum() / nodes))), 1)


def groups(holes: Mask, known: Mask, apart: int) -> list[Mask]:
    """The holes as masks of groups, the largest first, each beside the known picture on one side or the other.

    Holes within ``apart`` pixels of each other are together; of more than `_MOST_GROUPS` those that are farther apart
    too, so that time stays bounded. What lies around the picture (two wings and a gate's frame between them) is cut
    where its nearest known pixels are no longer beside it but above or below: each part continues its own layers.
    """
    found: list[Mask] = []
    for group in _connected(holes, apart):
        y, x = np.nonzero(group)
        around = len(y) < _AROUND * (np.ptp(y) + 1) * (np.ptp(x) + 1)
        beside = _beside(group, known, apart) if around else group
        found += [part for side in (group & beside, group & ~beside) for part in _connected(side, apart)]
    return sorted(found, key=lambda group: -int(group.sum()))


def _connected(holes: Mask, apart: int) -> list[Mask]:
    if not holes.any():
        return []
    while True:
        side = min(apart, max(holes.shape)) + 1
        near = cv2.dilate(holes.astype(np.uint8), np.ones((side, side), np.uint8))
        count, part = cv2.connectedComponents(near, connectivity=8)
        if count - 1 <= _MOST_GROUPS or apart >= max(holes.shape):
            return [holes & (part == i) for i in range(1, count)]
        apart *= 2


def _beside(group: Mask, known: Mask, near: int) -> Mask:
    """True (h, w) for pixels of the group whose nearest known pixel lies rather beside them than above or below.

    Most of the group's pixels within ``near`` decide, so that no crumbs are left.
    """
    y, x = np.nonzero(group)
    there = np.unravel_index(nearest(known)[1][y, x], known.shape)
    down, across = np.abs(np.stack(there) - np.stack([y, x]))
    votes = np.zeros(group.shape, np.float32)
    votes[y, x] = np.where(across >= down, 1, -1)
    side = 2 * min(near, min(group.shape)) + 1
    won: Mask = cv2.boxFilter(votes, -1, (side, side), normalize=False) > 0
    return won & group


def _context(group: Mask, known: Mask) -> tuple[slice, slice]:
    """The part of the picture that one group of holes is solved in: some of its own sizes around it."""
    y, x = np.nonzero(group)
    y0, y1, x0, x1 = int(y.min()), int(y.max()) + 1, int(x.min()), int(x.max()) + 1
    thin, long = sorted((y1 - y0, x1 - x0))
    margin = max(3 * thin, min(int(1.5 * long), 8 * thin), 96)
    while True:
        rows, columns = slice(max(y0 - margin, 0), y1 + margin), slice(max(x0 - margin, 0), x1 + margin)
        if known[rows, columns].any():
            return rows, columns
        margin *= 2


def _strips(holes: Mask, known: Mask, depth: float) -> list[Mask]:
    """The holes cut into strips by their distance from the known picture, each at most ``depth`` of its size deep."""
    y, x = np.nonzero(known)
    size = min(int(np.ptp(y)), int(np.ptp(x))) + 1
    distance = cv2.distanceTransform((~known).astype(np.uint8), cv2.DIST_L2, 5)
    deepest = float(distance[holes].max())
    count = int(min(max(np.ceil(deepest / max(depth * size, 16)), 1), 4))
    which = np.minimum((distance * count / (deepest + 1)).astype(int), count - 1)
    return [strip for i in range(count) if (strip := holes & (which == i)).any()]


def cut_off(figures: Mask, holes: Mask) -> Mask:
    """What of the figures (h, w) a hole cuts off, as deep as it takes to close them: bool (h, w).

    From there straight to the hole, along a row or column, is figure; deep is less than `_CLOSING` of the cut's length.
    """
    cut = np.zeros_like(figures)
    for turned in (slice(None), slice(None, None, -1)):
        for across in (False, True):
            figure, hole, into = ((m.T if across else m)[turned] for m in (figures, holes, cut))
            reached = hole[0].copy()
            for row in range(1, len(figure)):
                reached = hole[row] | (reached & figure[row])
                into[row] |= reached & figure[row]
    depth = cv2.distanceTransform((~holes).astype(np.uint8), cv2.DIST_L2, 5)
    count, part = cv2.connectedComponents(cut.astype(np.uint8), connectivity=8)
    length = np.bincount(part[cut & (depth < 2)], minlength=count)
    return np.asarray(cut & (depth <= _CLOSING * length[part]))
