"""Filling by a network that sees one tile at a time: the way from tasks to tiles and back, whatever the network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import zip_longest

import numpy as np

from remaster.arrays import Mask, Rgb
from remaster.outpaint import Filled, FillTask
from remaster.outpaint.colour_match import match_colours
from remaster.outpaint.tiling import Tile, crop, extend, paste, plan_rounds, uncrop


@dataclass(frozen=True)
class Crop:
    """One picture for the network: ``pixels`` uint8 (size, size, 3); ``unknown`` bool is to be made up; ``seed``.

    Pixels that are unknown hold a first guess.
    """

    pixels: Rgb
    unknown: Mask
    seed: int


Generate = Callable[[Sequence[Crop]], list[Rgb]]
"""For each crop a picture of its size, batched as the network likes."""


def fill_tiled(tasks: Sequence[FillTask], guesses: Sequence[Rgb], size: int, generate: Generate) -> list[Filled]:
    """Fill the holes of all tasks, round by round: the tiles of one round, of all tasks, are generated together.

    ``guesses`` are the tasks' pictures with something plausible in their holes. Known pixels stay as they are.
    """
    images = [extend(guess, task.known | task.holes) for task, guess in zip(tasks, guesses, strict=True)]
    plans = [plan_rounds(task.holes, task.known, size) for task in tasks]
    for number, rounds in enumerate(zip_longest(*plans, fillvalue=())):
        work = [(i, k, tile) for i, tiles in enumerate(rounds) for k, tile in enumerate(tiles)]
        crops = [Crop(*crop(images[i], tile, size), _seed(tasks[i].seed, number, k)) for i, k, tile in work]
        for (i, _, tile), result in zip(work, generate(crops), strict=True):
            _put(images[i], tile, uncrop(result, tile))
    calls = [sum(len(tiles) for tiles in plan) for plan in plans]
    return [
        Filled(np.where(task.holes[..., None], image, task.image).astype(np.uint8), count)
        for task, image, count in zip(tasks, images, calls, strict=True)
    ]


def _put(image: Rgb, tile: Tile, generated: Rgb) -> None:
    """A tile's result into its task's picture, in the colours of what is settled around it."""
    paste(image, tile, match_colours(generated, image[tile.area], ~tile.unsettled))


def _seed(task: int, number: int, tile: int) -> int:
    """A seed of its own for each tile of each task, whatever else is in the batch."""
    return int(np.random.SeedSequence([task, number, tile]).generate_state(1, np.uint64)[0] >> 1)
