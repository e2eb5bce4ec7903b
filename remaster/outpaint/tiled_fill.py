"""Fills holes by a network that sees one tile at a time: from tasks to tiles and back, in the picture's own colors.

``fill_tiled`` asks any network for the tiles that ``plan_rounds`` plans; ``match_colors`` brings each result to the
colors of the picture around it before it is pasted.

Tiles are crops of a network's native size, each with as much finished picture around its hole as fits. Holes are cut
into cells; each cell is generated in one tile, and holes that fit into one tile share it. Rounds go from the known
pixels outwards: tiles of one round do not see each other and may share a batch, those of the next see their results.
Where a cell meets one that was generated before, a band is generated again and cross-faded. A pixel is "finished" if it
is known or was generated in an earlier round.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise, zip_longest

import cv2
import numpy as np

from remaster.arrays import Float32, Int64, Mask, Rgb
from remaster.imaging.estimation import nearest, normalized_convolution
from remaster.media.types import Rect
from remaster.outpaint import Filled, FillTask, Prompts
from remaster.outpaint.tuning import TUNING


@dataclass(frozen=True)
class Crop:
    """One picture for the network: ``pixels`` uint8 (size, size, 3), with a first guess where ``unknown`` bool
    (size, size) says that they are to be generated, from ``seed`` and perhaps by ``prompts``.
    """

    pixels: Rgb
    unknown: Mask
    seed: int
    prompts: Prompts = field(default_factory=Prompts)


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
        crops = [
            Crop(*crop(images[i], tile, size), _seed(tasks[i].seed, number, k), tasks[i].prompts) for i, k, tile in work
        ]
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


@dataclass(frozen=True)
class Tile:
    """A crop ``frame`` of the picture, and ``share`` float32 (h, w) of it, 0-1: how much of the result is taken.

    ``share`` is 1 on the cell and falls to 0 through the band around it, and is 0 on known pixels. ``unknown`` bool
    (h, w): the pixels that the network must generate, or must not see.
    """

    frame: Rect
    share: Float32
    unknown: Mask

    @property
    def area(self) -> tuple[slice, slice]:
        """The crop as an index of the picture."""
        return _area(self.frame)


def plan_rounds(holes: Mask, known: Mask, size: int) -> list[list[Tile]]:
    """Rounds of tiles of ``size`` x ``size`` pixels (less where the picture is smaller) that fill all holes.

    ``holes`` and ``known`` bool (H, W), disjoint. A hole pixel belongs to the first tile that has it in its cell.
    """
    finished, waiting = known.copy(), _cells(holes, size)
    rounds: list[list[Tile]] = []
    while waiting:
        chosen = _independent(waiting, finished, known, size)
        tiles = [_tile(cell, holes, known, finished, frame, size) for cell, frame in chosen]
        for cell, _ in chosen:
            finished[_area(cell)] |= holes[_area(cell)]
        left = holes & ~finished
        waiting = [shrunk for cell in waiting if (shrunk := _shrunk(left, cell)) is not None]
        rounds.append(tiles)
    return rounds


def paste(image: Rgb, tile: Tile, generated: Rgb) -> None:
    """Put a tile's result into the picture, in place, faded over the band."""
    share = tile.share[..., None]
    before = image[tile.area]
    mixed = np.rint(before + share * (generated.astype(np.float32) - before))
    image[tile.area] = np.where(share > 0, np.clip(mixed, 0, 255).astype(np.uint8), before)


def crop(image: Rgb, tile: Tile, size: int) -> tuple[Rgb, Mask]:
    """A network's input: pixels (size, size, 3), and bool (size, size) of those it must generate.

    A picture smaller than the tile is continued by its mirror image, which counts as unknown.
    """
    height, width = size - tile.frame.height, size - tile.frame.width
    around = ((height // 2, height - height // 2), (width // 2, width - width // 2))
    pixels = np.pad(image[tile.area], (*around, (0, 0)), mode="symmetric")
    return pixels, np.pad(tile.unknown, around, constant_values=True)


def uncrop(generated: Rgb, tile: Tile) -> Rgb:
    """The part of a network's result that lies in the picture: the inverse of ``crop``."""
    top = (generated.shape[0] - tile.frame.height) // 2
    left = (generated.shape[1] - tile.frame.width) // 2
    return generated[top : top + tile.frame.height, left : left + tile.frame.width]


def extend(image: Rgb, where: Mask) -> Rgb:
    """A new picture with every pixel outside ``where`` replaced by the nearest one inside."""
    if where.all() or not where.any():
        return image.copy()
    _, place = nearest(where)
    return np.asarray(image.reshape(-1, 3)[place], np.uint8)


def _area(rect: Rect) -> tuple[slice, slice]:
    return slice(rect.y, rect.y + rect.height), slice(rect.x, rect.x + rect.width)


def _cells(holes: Mask, size: int) -> list[Rect]:
    """Rectangles, each at most a cell large, or a tile where holes are sparse, that cover all holes."""
    count, _, stats, _ = cv2.connectedComponentsWithStats(holes.astype(np.uint8), connectivity=8)
    parts: list[Rect] = []
    for i in range(1, count):
        hole = Rect(*(int(value) for value in stats[i, :4]))
        large = _pieces(holes, hole, size, size)
        parts += (
            large
            if all(_fits(holes, part, size) for part in large)
            else _pieces(holes, hole, size, int(size * TUNING.tiles.cell))
        )
    return sorted(_shared(parts, holes, size), key=lambda cell: (cell.x, cell.y))


def _pieces(holes: Mask, hole: Rect, size: int, longest: int) -> list[Rect]:
    """Pieces of a hole whose sides are at most ``longest``, each the bounding box of its hole pixels."""
    return [
        part
        for y, height in _split(hole.y, hole.height, hole.width, size, longest)
        for x, width in _split(hole.x, hole.width, hole.height, size, longest)
        if (part := _shrunk(holes, Rect(x, y, width, height))) is not None
    ]


def _shared(parts: list[Rect], holes: Mask, size: int) -> list[Rect]:
    """Rectangles around parts that share a tile; largest first, each joins the rectangle that it enlarges least."""
    found: list[Rect] = []
    for part in sorted(parts, key=lambda r: (-r.width * r.height, r.x, r.y)):
        grown = [(_around(part, other), n) for n, other in enumerate(found)]
        fitting = [
            (around.width * around.height - found[n].width * found[n].height, n, around)
            for around, n in grown
            if _fits(holes, around, size)
        ]
        if fitting:
            _, n, found[n] = min(fitting, key=lambda choice: choice[:2])
        else:
            found.append(part)
    return found


def _around(a: Rect, b: Rect) -> Rect:
    x, y = min(a.x, b.x), min(a.y, b.y)
    return Rect(x, y, max(a.x + a.width, b.x + b.width) - x, max(a.y + a.height, b.y + b.height) - y)


def _fits(holes: Mask, cell: Rect, size: int) -> bool:
    """Whether one tile can hold the cell, with context beside its holes or between them."""
    if max(cell.width, cell.height) > size:
        return False
    sparse = np.count_nonzero(holes[_area(cell)]) <= TUNING.tiles.sparse * size * size
    return min(cell.width, cell.height) <= size * TUNING.tiles.cell or bool(sparse)


def _split(start: int, length: int, other: int, size: int, longest: int) -> list[tuple[int, int]]:
    """(start, length) of equal pieces of a side, at most ``longest``; ``other`` is the hole's other side."""
    longest = size if length <= size and other <= size * TUNING.tiles.cell else longest
    edges = np.linspace(0, length, -(-length // longest) + 1).round().astype(int) + start
    return [(int(a), int(b - a)) for a, b in pairwise(edges)]


def _shrunk(holes: Mask, cell: Rect) -> Rect | None:
    """The cell's bounding box of holes, or None."""
    y, x = np.nonzero(holes[_area(cell)])
    if not len(y):
        return None
    return Rect(cell.x + int(x.min()), cell.y + int(y.min()), int(np.ptp(x)) + 1, int(np.ptp(y)) + 1)


def _independent(waiting: list[Rect], finished: Mask, known: Mask, size: int) -> list[tuple[Rect, Rect]]:
    """The cells of one round with their tiles, those with most context first; none sees what another one generates.

    Tiles with much less context than the best one wait until more around them is finished.
    """
    tuning = TUNING.tiles
    sums = np.asarray(cv2.integral(finished.astype(np.uint8) + np.uint8(tuning.known_worth - 1) * known), np.int64)
    frames = [(cell, *_best_frame(cell, sums, size)) for cell in waiting]
    frames.sort(key=lambda item: -item[2])
    chosen: list[tuple[Rect, Rect]] = []
    for cell, frame, worth in frames:
        if worth >= tuning.min_context * frames[0][2] and not any(
            _touch(frame, other) or _touch(cell, seen) for other, seen in chosen
        ):
            chosen.append((cell, frame))
    return chosen


def _best_frame(cell: Rect, sums: Int64, size: int) -> tuple[Rect, int]:
    """The tile around a cell with most context (among equals the most central one), and the worth of that context.

    ``sums`` is the integral image of the finished pixels' worth: known ones count more than generated ones.
    """
    height, width = min(size, sums.shape[0] - 1), min(size, sums.shape[1] - 1)
    band = round(size * TUNING.tiles.band)
    ys = _starts(cell.y, cell.height, height, sums.shape[0] - 1, band)
    xs = _starts(cell.x, cell.width, width, sums.shape[1] - 1, band)
    y, x = np.array(ys)[:, None], np.array(xs)[None]
    worth = sums[y + height, x + width] - sums[y, x + width] - sums[y + height, x] + sums[y, x]
    off_centre = np.abs(2 * y + height - 2 * cell.y - cell.height) + np.abs(2 * x + width - 2 * cell.x - cell.width)
    best = int(np.lexsort((off_centre.ravel(), -worth.ravel()))[0])
    row, column = divmod(best, len(xs))
    return Rect(xs[column], ys[row], width, height), int(worth.ravel()[best])


def _starts(start: int, length: int, size: int, limit: int, band: int) -> list[int]:
    """Where a tile may begin so that it holds the cell and its bands: on the grid, and at both ends.

    The bands of a cell almost as long as the tile are cut to the room there is.
    """
    step = TUNING.tiles.step
    band = min(band, max(size - length, 0) // 2)
    low = max(min(start + length + band, limit) - size, 0)
    high = min(max(start - band, 0), limit - size)
    return sorted({low, high, *range(-(-low // step) * step, high + 1, step)})


def _touch(a: Rect, b: Rect) -> bool:
    return a.x < b.x + b.width and b.x < a.x + a.width and a.y < b.y + b.height and b.y < a.y + a.height


def _tile(cell: Rect, holes: Mask, known: Mask, finished: Mask, frame: Rect, size: int) -> Tile:
    """The tile of a cell; ``finished`` are the known pixels and those generated in the rounds before."""
    area, band = _area(frame), max(round(size * TUNING.tiles.band), 1)
    own = np.zeros((frame.height, frame.width), np.uint8)
    own[cell.y - frame.y : cell.y - frame.y + cell.height, cell.x - frame.x : cell.x - frame.x + cell.width] = 1
    own[~holes[area] | finished[area]] = 0
    distance = cv2.distanceTransform(1 - own, cv2.DIST_L2, 5)
    share = np.clip(1 - distance / (band + 1), 0, 1).astype(np.float32)
    share[own > 0] = 1
    share[known[area] | ~holes[area] | ~finished[area] & (own == 0)] = 0
    return Tile(frame, share, ~finished[area] | (share > 0))
