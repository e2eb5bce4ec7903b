"""Fills holes by a network that sees one tile at a time: from tasks to tiles and back, in the picture's own colors.

``fill_tiled`` asks any network for the tiles that ``tile_plan`` plans; ``match_colors`` brings each result to the
colors of the picture around it before it is pasted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import zip_longest

import cv2
import numpy as np

from remaster.arrays import Float32, Mask, Rgb
from remaster.imaging.estimation import normalized_convolution
from remaster.outpaint import Filled, FillTask
from remaster.outpaint.tile_plan import Tile, crop, extend, paste, plan_rounds, uncrop
from remaster.outpaint.tuning import TUNING


@dataclass(frozen=True)
class Crop:
    """One picture for the network: ``pixels`` uint8 (size, size, 3), with a first guess where ``unknown`` bool
    (size, size) says that they are to be generated, from ``seed``.
    """

    pixels: Rgb
    unknown: Mask
    seed: int


Generate = Callable[[Sequence[Crop]], list[Rgb]]
"""Returns a picture of its size for each crop; the network makes its own batches."""


def fill_tiled(tasks: Sequence[FillTask], guesses: Sequence[Rgb], size: int, generate: Generate) -> list[Filled]:
    """Fill the holes of all tasks, round by round: the tiles of one round are generated together for all tasks.

    ``guesses`` are the tasks' pictures with a first guess in their holes. Known pixels never change.
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
    """Paste a tile's result into its task's picture, in the colors of the finished pixels around it."""
    paste(image, tile, match_colors(generated, image[tile.area], ~tile.unknown))


def _seed(task: int, number: int, tile: int) -> int:
    """A seed for each tile of each task, independent of the rest of the batch."""
    return int(np.random.SeedSequence([task, number, tile]).generate_state(1, np.uint64)[0] >> 1)


def match_colors(generated: Rgb, original: Rgb, known: Mask) -> Rgb:
    """The generated picture in colors that match the original's on the known pixels: an autoencoder shifts colors.

    All uint8 (h, w, 3) and bool (h, w). First a gain and an offset for each channel, by least squares over the known
    pixels; then the remaining difference near the join, low-pass filtered and fading with the distance from them.
    """
    if int(known.sum()) < TUNING.colors.min_pixels:
        return generated
    picture = generated.astype(np.float32)
    for channel in range(3):
        gain, offset = _gain_and_offset(picture[..., channel][known], original[..., channel][known].astype(np.float32))
        picture[..., channel] = gain * picture[..., channel] + offset
    picture += _local_difference(picture, original, known)
    return np.clip(np.rint(picture), 0, 255).astype(np.uint8)


def _gain_and_offset(found: Float32, wanted: Float32) -> tuple[float, float]:
    """(gain, offset) from ``found`` to ``wanted``, float32 (n,), by least squares; the gain is bounded."""
    tuning = TUNING.colors
    mean, target = float(found.mean()), float(wanted.mean())
    variance = float(found.var())
    covariance = float(((found - mean) * (wanted - target)).mean())
    gain = float(np.clip(covariance / variance, *tuning.gain)) if variance > tuning.min_variance else 1.0
    return gain, target - gain * mean


def _local_difference(picture: Float32, original: Rgb, known: Mask) -> Float32:
    """Normalized convolution of the known pixels' differences, float32 (h, w, 3), fading with the distance."""
    tuning = TUNING.colors
    sigma = tuning.sigma * max(known.shape)
    weight = known.astype(np.float32)
    mean = normalized_convolution(original - picture, weight, sigma)
    distance = cv2.distanceTransform((~known).astype(np.uint8), cv2.DIST_L2, 5)
    fading = np.exp(-0.5 * (distance / (tuning.fade * sigma)) ** 2)
    return np.asarray(mean * fading[..., None], np.float32)
