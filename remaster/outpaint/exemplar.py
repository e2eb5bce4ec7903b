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
import numpy.typing as npt

from remaster.media.types import Mask, Rgb
from remaster.outpaint import Filled, FillTask
from remaster.outpaint.compose import compose
from remaster.outpaint.labelling import label
from remaster.outpaint.labels import Floats
from remaster.outpaint.settings import Settings

_MOST_GROUPS = 8


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
        calls = 0
        for group in groups(task.holes, self.apart):
            crop = _context(group, task.known)
            strips = _strips(group[crop], task.known[crop], self.depth)
            settled = task.known[crop].copy()
            for strip in strips:
                rng = np.random.default_rng([task.seed, calls])
                image[crop] = _solve(image[crop], task.known[crop], settled, strip, self, rng)
                settled |= strip
                calls += 1
        return Filled(image, calls)


def groups(holes: Mask, apart: int) -> list[Mask]:
    """The holes as masks of connected groups, with those within ``apart`` pixels of each other together.

    Of more than `_MOST_GROUPS` those that are farther apart are put together too, so that time stays bounded.
    """
    if not holes.any():
        return []
    while True:
        side = min(apart, max(holes.shape)) + 1
        near = cv2.dilate(holes.astype(np.uint8), np.ones((side, side), np.uint8))
        count, part = cv2.connectedComponents(near, connectivity=8)
        if count - 1 <= _MOST_GROUPS or apart >= max(holes.shape):
            return [holes & (part == i) for i in range(1, count)]
        apart *= 2


def _context(group: Mask, known: Mask) -> tuple[slice, slice]:
    """The part of the picture that one group of holes is solved in: some of its own sizes around it."""
    y, x = np.nonzero(group)
    y0, y1, x0, x1 = int(y.min()), int(y.max()) + 1, int(x.min()), int(x.max()) + 1
    margin = max(3 * min(y1 - y0, x1 - x0), int(1.5 * max(y1 - y0, x1 - x0)), 96)
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


def _solve(
    image: Rgb, source: Mask, settled: Mask, holes: Mask, settings: Settings, rng: np.random.Generator
) -> npt.NDArray[np.uint8]:
    """The picture with ``holes`` filled by copies of ``source`` that join what is ``settled``."""
    picture: Floats = image.astype(np.float32)
    full, candidates, chosen = label(picture, source, settled, holes, settings, rng)
    return compose(image, full, candidates, chosen, settings.reach)
