"""The proof that two backgrounds show one set, and which of their sides may be lent from each other.

A proposed camera is refined and judged by what both pictures show, never by its inliers: their detail must correlate
over the whole overlap and, cell by cell, over most of its area; and a border strip of one, predicted from the other,
must come out much better than by mirroring the picture's own inside. Each side that is lent from needs its own strip.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import cv2
import numpy as np
import numpy.typing as npt

from remaster.arrays import Affine, Float32, Float64, Mask
from remaster.imaging.camera import compose, invert
from remaster.sets.descriptor import SetDescriptor, small_picture
from remaster.sets.hypotheses import camera_hypotheses, plausible_camera
from remaster.sets.light import colour_matrix, inverse_light, relit
from remaster.sets.overlap import (
    MaskedPicture,
    Overlap,
    correlation,
    overlap_of,
    refine,
    resizing,
    same_resolution,
    size_of,
)
from remaster.sets.tuning import TUNING

Side = Literal["left", "right", "top", "bottom"]
SIDES: tuple[Side, ...] = ("left", "right", "top", "bottom")


@dataclass(frozen=True)
class Link:
    """A proof that backgrounds ``a`` and ``b`` (keys) show one set.

    ``camera`` (2, 3) takes canvas pixels of ``a`` to those of ``b``, ``colour`` (3, 4) the colours of ``b`` to the
    light of ``a``. ``sides_a`` are the sides of ``a`` where ``b`` proved to show what lies there, so that ``a`` may
    borrow outside them; ``sides_b`` likewise. ``strength`` 0-1 is the smallest margin of all tests, ``error`` what the
    overlap differs by in levels, after light was matched (``Overlap.error``).
    """

    a: str
    b: str
    camera: Affine
    colour: Float64
    sides_a: tuple[Side, ...]
    sides_b: tuple[Side, ...]
    strength: float
    error: float

    def reversed(self) -> Link:
        """The same link seen from ``b``."""
        return Link(
            self.b, self.a, invert(self.camera), inverse_light(self.colour), self.sides_b, self.sides_a,
            self.strength, self.error,
        )  # fmt: skip

    def seen_from(self, key: str) -> Link:
        """The link with ``key`` as its ``a``."""
        return self if self.a == key else self.reversed()


def prove(a: SetDescriptor, b: SetDescriptor, camera: Affine | None = None) -> Link | None:
    """The link between two backgrounds, or None where nothing proves one.

    ``camera`` from ``a``'s canvas to ``b``'s, where one is known by way of a third scene, is tried beside what features
    propose. The result does not depend on the order of the two but for which is the link's ``a``.
    """
    if a.key > b.key:
        link = prove(b, a, None if camera is None else invert(camera))
        return None if link is None else link.reversed()
    proposed = ([] if camera is None else [camera]) + camera_hypotheses(a, b)
    if not proposed:
        return None
    pictures = small_picture(a), small_picture(b)
    found = [link for p in proposed if (link := _proved(a, b, pictures, p)) is not None]
    return max(found, key=lambda link: link.strength, default=None)


def _proved(
    a: SetDescriptor, b: SetDescriptor, pictures: tuple[MaskedPicture, MaskedPicture], start: Affine
) -> Link | None:
    """The link by one proposed camera, refined or as it is, whichever correlates better."""
    small = compose(compose(resizing(b.size, b.small), start), invert(resizing(a.size, a.small)))
    first, second, small = same_resolution(*pictures, small)
    trials = [small]
    refined = refine(first, second, small)
    if refined is not None:
        trials.append(refined)
    overlaps = [(t, o) for t in trials if (o := overlap_of(first, second, t)) is not None]
    if not overlaps:
        return None
    camera, overlap = max(overlaps, key=lambda pair: pair[1].correlation)
    margins = _margins(overlap)
    # The other way round the strips of b are predicted from a.
    back = overlap_of(second, first, invert(camera))
    if margins is None or back is None:
        return None
    sides_a, sides_b = _proved_sides(overlap, first), _proved_sides(back, second)
    if not sides_a and not sides_b:
        return None
    whole = _between_canvases(camera, a, b, first, second)
    if not plausible_camera(whole, a, b):
        return None
    strength = min(margins, max([*sides_a.values(), *sides_b.values()]))
    if strength < TUNING.proof.min_strength:
        return None
    return Link(
        a.key, b.key, whole, overlap.colour, tuple(sides_a), tuple(sides_b), round(strength, 6), round(overlap.error, 4)
    )


def _margins(overlap: Overlap) -> float | None:
    """The smallest margin 0-1 of the tests over the whole overlap; None where one fails."""
    tuning = TUNING.proof
    structured, agreeing, best = _cells(overlap)
    area = overlap.both.sum() / tuning.cell**2
    if structured < max(tuning.min_structure * area, tuning.min_cells) or overlap.error > tuning.max_error:
        return None
    if overlap.error > tuning.close_error and best < tuning.close_correlation:
        return None
    if _paint_error(overlap) > tuning.paint_error:
        return None
    whole = overlap.correlation
    agreement = agreeing / structured
    if whole < tuning.correlation or agreement < tuning.min_agreement:
        return None
    return min(_margin(whole, tuning.correlation), _margin(agreement, tuning.min_agreement))


def _paint_error(overlap: Overlap) -> float:
    """What three quarters of the cells that show the same drawing are off by at most, in levels, in one light.

    Figures that came or went are another drawing, and the light is fitted again without them. The same drawing in other
    colours is other paint: a colour matrix fits walls and floor, but not what stands there.
    """
    side = TUNING.proof.cell
    weight, energies = _cell_energies(overlap)
    one, two = (overlap.detail[i] * overlap.both for i in (0, 1))
    product = _pooled(one * two, side) / np.maximum(weight, 1e-6)
    same = product >= TUNING.proof.same_drawing * np.sqrt(np.maximum(energies[0] * energies[1], 1e-12))
    same &= _structured(weight, energies)
    if not same.any():
        return 0.0
    height, width = overlap.both.shape
    where = overlap.both & np.kron(same, np.ones((side, side), bool))[:height, :width]
    second = overlap.second.astype(np.uint8)
    lit = relit(second, colour_matrix(second, overlap.first.astype(np.uint8), where))
    smooth = cv2.GaussianBlur((overlap.first - lit).astype(np.float32) * overlap.both[..., None], (0, 0), 1.0)
    square = _pooled((smooth**2).mean(axis=2) * overlap.both, side) / np.maximum(weight, 1e-6)
    return float(np.sqrt(np.quantile(square[same], 0.75)))


def _cell_energies(overlap: Overlap) -> tuple[Float32, list[Float32]]:
    """(the share of each cell that both pictures show, the energy of detail in each cell of either picture)."""
    weight = _pooled(overlap.both.astype(np.float32), TUNING.proof.cell)
    planes = (overlap.detail[i] * overlap.both for i in (0, 1))
    pooled = (_pooled(p * p, TUNING.proof.cell) / np.maximum(weight, 1e-6) for p in planes)
    return weight, [np.asarray(energy, np.float32) for energy in pooled]


def _structured(weight: Float32, energies: Sequence[Float32]) -> Mask:
    """Cells that have structure: in one picture alone it is a disagreement, too."""
    return np.asarray((weight > 0.5) & (np.maximum(*energies) >= TUNING.proof.detail_levels**2), np.bool_)


def _cells(overlap: Overlap) -> tuple[float, float, float]:
    """(cells of the overlap that have structure, those of them that agree, the correlation that a quarter exceeds).

    Cells are counted by their area in the overlap.
    """
    tuning, side = TUNING.proof, TUNING.proof.cell
    weight, energies = _cell_energies(overlap)
    one, two = (overlap.detail[i] * overlap.both for i in (0, 1))
    product = _pooled(one * two, side) / np.maximum(weight, 1e-6)
    structured = _structured(weight, energies)
    energy = np.sqrt(np.maximum(energies[0] * energies[1], 1e-12))
    agrees = product >= tuning.cell_correlation * energy
    best = float(np.quantile((product / energy)[structured], 0.75)) if structured.any() else 0.0
    return float(weight[structured].sum()), float(weight[structured & agrees].sum()), best


def _proved_sides(overlap: Overlap, picture: MaskedPicture) -> dict[Side, float]:
    """The sides of a picture whose border strip the other one predicts, each with its margin 0-1."""
    found: dict[Side, float] = {}
    for side in SIDES:
        first, second, both, covered = (
            _turned(plane, side) for plane in (overlap.first, overlap.second, overlap.both, picture.covered)
        )
        detail = np.stack([_turned(plane, side) for plane in overlap.detail])
        margin = _strip_margin(first, second, both, covered, detail)
        if margin is not None:
            found[side] = margin
    return found


def _strip_margin(first: Float32, second: Float32, both: Mask, covered: Mask, detail: Float32) -> float | None:
    """The margin 0-1 by which the second picture predicts the strip at the first's left border; None if it does not."""
    tuning = TUNING.proof
    rows = np.flatnonzero(covered.any(axis=1))
    if not len(rows):
        return None
    begin = covered.argmax(axis=1)
    extent = (covered.shape[1] - covered[:, ::-1].argmax(axis=1) - begin)[rows]
    wide = max(round(tuning.strip * float(np.median(extent))), tuning.cell)
    offset = np.arange(covered.shape[1])[None] - begin[:, None]
    strip = (offset >= 0) & (offset < wide) & covered
    seen = strip & both
    if seen.sum() < tuning.strip_seen * strip.sum() or seen.sum() < tuning.cell**2:
        return None
    parts = [p for p in np.array_split(rows, tuning.strip_parts) if seen[p].any()]
    energy = [(detail[:, p][:, seen[p]] ** 2).mean(axis=1).max() for p in parts]
    if max(energy) < tuning.detail_levels**2 or _structured_share(detail, seen) < tuning.strip_structure:
        return None
    for part, e in zip(parts, energy, strict=True):
        if e >= tuning.detail_levels**2 and correlation(detail[:, part], seen[part]) < tuning.part_correlation:
            return None
    mirrored = np.clip(begin[:, None] + 2 * wide - 1 - offset, 0, covered.shape[1] - 1)
    inside = np.take_along_axis(first, mirrored[..., None], axis=1)
    usable = seen & np.take_along_axis(covered, mirrored, axis=1)
    if usable.sum() < 0.5 * seen.sum():
        return None
    ratio = _rms(first, second, usable) / max(_rms(first, inside, usable), 1e-6)
    whole = correlation(detail, seen)
    if whole < tuning.strip_correlation or ratio > tuning.strip_error:
        return None
    return min(_margin(whole, tuning.strip_correlation), 1 - ratio / tuning.strip_error)


def _structured_share(detail: Float32, seen: Mask) -> float:
    """The share of the pixels ``seen`` around which the first picture has structure."""
    side = TUNING.proof.cell
    energy = cv2.blur(detail[0] ** 2 * seen, (side, side)) / np.maximum(
        cv2.blur(seen.astype(np.float32), (side, side)), 1e-3
    )
    return float((energy[seen] >= TUNING.proof.detail_levels**2).mean())


def _margin(value: float, least: float) -> float:
    return (value - least) / (1 - least)


def _rms(one: Float32, two: Float32, where: Mask) -> float:
    """Root mean square difference in levels, of pictures smoothed by a pixel: what is half a pixel off is not wrong."""
    smooth = cv2.GaussianBlur(np.ascontiguousarray(one - two), (0, 0), 1.0)
    return float(np.sqrt((smooth[where] ** 2).mean()))


def _turned(plane: npt.NDArray[Any], side: Side) -> npt.NDArray[Any]:
    """The plane turned so that ``side`` lies left."""
    if side in ("top", "bottom"):
        plane = np.swapaxes(plane, 0, 1)
    return plane[:, ::-1] if side in ("right", "bottom") else plane


def _pooled(plane: Float32, side: int) -> Float32:
    """Means over square cells; the last ones count pixels outside the picture as nought."""
    height, width = plane.shape
    padded = np.pad(plane, ((0, -height % side), (0, -width % side)))
    rows, columns = padded.shape[0] // side, padded.shape[1] // side
    return np.asarray(padded.reshape(rows, side, columns, side).mean(axis=(1, 3)), np.float32)


def _between_canvases(
    camera: Affine, a: SetDescriptor, b: SetDescriptor, first: MaskedPicture, second: MaskedPicture
) -> Affine:
    """A camera between two small pictures as one between the canvases."""
    return compose(compose(resizing(size_of(second), b.size), camera), resizing(a.size, size_of(first)))
