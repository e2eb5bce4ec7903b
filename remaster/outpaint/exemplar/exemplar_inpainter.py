"""The embedded engine: divides holes into groups and strips, and fills them one by one with copies of the picture.

The method is described in the package's docstring. The same task gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from remaster.arrays import Mask
from remaster.imaging.estimation import nearest, thickness
from remaster.outpaint import Filled, FillTask
from remaster.outpaint.exemplar.blending import compose
from remaster.outpaint.exemplar.labelling import label
from remaster.outpaint.exemplar.pyramid_level import Masks
from remaster.outpaint.tuning import TUNING, ExemplarSettings


@dataclass(frozen=True)
class ExemplarInpainter(ExemplarSettings):
    """Fills holes with copies of the known picture; its fields are `ExemplarSettings`."""

    def fill(self, tasks: Sequence[FillTask]) -> list[Filled]:
        """Fill each task's holes from its known pixels; black where a task has no known pixel at all."""
        return [self._fill_one(task) for task in tasks]

    def _fill_one(self, task: FillTask) -> Filled:
        image = task.image.copy()
        if not task.known.any():
            image[task.holes] = 0
            return Filled(image, 0)
        parts = self._parts(task)
        max_scale = max((_scale(strip, self.nodes) for _, strip in parts), default=1)
        context, source = task.known.copy(), task.known.copy()
        if task.figures is not None:
            source &= ~task.figures
        mirrored = source | cut_off(task.known & ~source, task.holes)
        for call, (crop, strip) in enumerate(parts):
            scale = max(_scale(strip, self.nodes), min(max_scale, thickness(strip) // 2))
            rng = np.random.default_rng([task.seed, call])
            masks = Masks(source[crop], mirrored[crop], context[crop], strip)
            full, labels, chosen = label(image[crop].astype(np.float32), masks, scale, self, rng)
            image[crop] = compose(image[crop], full, labels, chosen, self.blend_radius)
            context[crop] |= strip
        return Filled(image, len(parts))

    def _parts(self, task: FillTask) -> list[tuple[tuple[slice, slice], Mask]]:
        """The strips that are filled one after the other: the crop of the picture, and the strip's mask in it."""
        return [
            (crop, strip)
            for group in groups(task.holes, task.known, self.max_hole_gap)
            for crop in [_crop_around(group, task.known)]
            for strip in _strips(group[crop], task.known[crop], self.max_strip_depth)
        ]


def _scale(holes: Mask, nodes: int) -> int:
    """The factor by which the picture is reduced so that the holes have about ``nodes`` pixels."""
    return max(round(float(np.sqrt(holes.sum() / nodes))), 1)


def groups(holes: Mask, known: Mask, gap: int) -> list[Mask]:
    """Divide the holes into groups, bool (h, w) each, the largest first.

    Holes within ``gap`` pixels of each other are one group. The gap is doubled until there are at most ``max_groups``,
    so that time stays bounded. Holes around the picture (two wings and a gate's frame between them) are cut where the
    nearest known pixels are no longer beside them but above or below: each part continues its own layers.
    """
    found: list[Mask] = []
    for group in _connected(holes, gap):
        y, x = np.nonzero(group)
        ring = len(y) < TUNING.holes.ring_area * (np.ptp(y) + 1) * (np.ptp(x) + 1)
        beside = _beside(group, known, gap) if ring else group
        found += [part for side in (group & beside, group & ~beside) for part in _connected(side, gap)]
    return sorted(found, key=lambda group: -int(group.sum()))


def _connected(holes: Mask, gap: int) -> list[Mask]:
    """The holes by connection over at most ``gap`` pixels, or over more where there are too many groups."""
    if not holes.any():
        return []
    while True:
        side = min(gap, max(holes.shape)) + 1
        near = cv2.dilate(holes.astype(np.uint8), np.ones((side, side), np.uint8))
        count, part = cv2.connectedComponents(near, connectivity=8)
        if count - 1 <= TUNING.holes.max_groups or gap >= max(holes.shape):
            return [holes & (part == i) for i in range(1, count)]
        gap *= 2


def _beside(group: Mask, known: Mask, radius: int) -> Mask:
    """The pixels of a group whose nearest known pixel lies beside them rather than above or below, bool (h, w).

    The majority within ``radius`` pixels decides, so that no small remains are left.
    """
    y, x = np.nonzero(group)
    there = np.unravel_index(nearest(known)[1][y, x], known.shape)
    down, across = np.abs(np.stack(there) - np.stack([y, x]))
    votes = np.zeros(group.shape, np.float32)
    votes[y, x] = np.where(across >= down, 1, -1)
    side = 2 * min(radius, min(group.shape)) + 1
    majority: Mask = cv2.boxFilter(votes, -1, (side, side), normalize=False) > 0
    return majority & group


def _crop_around(group: Mask, known: Mask) -> tuple[slice, slice]:
    """The part of the picture in which one group of holes is filled: a margin of some times its own size around it."""
    tuning = TUNING.holes
    y, x = np.nonzero(group)
    y0, y1, x0, x1 = int(y.min()), int(y.max()) + 1, int(x.min()), int(x.max()) + 1
    thin, long = sorted((y1 - y0, x1 - x0))
    margin = max(
        tuning.context_thin * thin,
        min(int(tuning.context_long * long), tuning.max_context_thin * thin),
        tuning.min_context,
    )
    while True:
        rows, columns = slice(max(y0 - margin, 0), y1 + margin), slice(max(x0 - margin, 0), x1 + margin)
        if known[rows, columns].any():
            return rows, columns
        margin *= 2


def _strips(holes: Mask, known: Mask, depth: float) -> list[Mask]:
    """Cut the holes into strips by their distance from the known picture, each at most ``depth`` of its size deep."""
    y, x = np.nonzero(known)
    size = min(int(np.ptp(y)), int(np.ptp(x))) + 1
    distance = cv2.distanceTransform((~known).astype(np.uint8), cv2.DIST_L2, 5)
    deepest = float(distance[holes].max())
    count = int(min(max(np.ceil(deepest / max(depth * size, TUNING.holes.min_strip)), 1), TUNING.holes.max_strips))
    which = np.minimum((distance * count / (deepest + 1)).astype(int), count - 1)
    return [strip for i in range(count) if (strip := holes & (which == i)).any()]


def cut_off(figures: Mask, holes: Mask) -> Mask:
    """The parts of figures that holes cut off, as deep as it takes to close them; all bool (h, w).

    A pixel belongs to a cut where the row or column from it to the hole is figure all the way, and where it is at most
    ``closing`` of the cut's length away from the hole.
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
    return np.asarray(cut & (depth <= TUNING.holes.closing * length[part]))
