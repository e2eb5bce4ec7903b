"""One canvas a set: what no member ever saw is generated once, for all of them.

``compose_set`` puts together what the members know, in the pixels and the light of the representative. Its holes are
those of all members; an inpainter fills them once. ``draw_from_set`` brings the result back to each member, at its own
scale and in its own light, matched at the join as ``lending`` does it. Members are loaded one at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from remaster.arrays import Affine, Float64, Mask, Rgb
from remaster.imaging.camera import apply, compose, invert, translation
from remaster.records import Background
from remaster.sets.lending import Donor, lend, refined_donor, warped_to
from remaster.sets.light import inverse_light, relit
from remaster.sets.linking import SceneSet, light_to_representative
from remaster.sets.overlap import scale_of
from remaster.sets.proof import SIDES
from remaster.sets.tuning import TUNING

Load = Callable[[str], Background]
"""Gives a member's background by its key, with what was lent to it: ``coverage`` and ``holes`` are disjoint."""
Box = tuple[int, int, int, int]
"""(left, top, right, bottom) in pixels of the representative's canvas; right and bottom are not in it."""


@dataclass(frozen=True)
class Placement:
    """Where member ``key`` lies: ``camera`` (2, 3) takes its canvas pixels to those of the set's canvas, ``colour``
    (3, 4) its colours to the set's light.
    """  # fmt: skip

    key: str
    camera: Affine
    colour: Float64


@dataclass(frozen=True)
class SetCanvas:
    """What all members of a set know, and what none of them does; to be filled as an ``outpaint.FillTask``.

    ``image`` uint8 (h, w, 3). ``known`` bool (h, w): seen by a member. ``holes`` bool (h, w), disjoint from it: holes
    of a member, and known to none. ``figures`` bool (h, w): known pixels where nothing but figures was seen.
    ``placements`` are those of the members whose holes it has, sorted by key: members much finer than the canvas have
    none, and are filled alone.
    """

    image: Rgb
    known: Mask
    holes: Mask
    figures: Mask
    placements: tuple[Placement, ...]

    def placement(self, key: str) -> Placement | None:
        """That of a member, None where it has none."""
        return next((p for p in self.placements if p.key == key), None)


@dataclass(frozen=True)
class Drawn:
    """A member's ``image`` uint8 (h, w, 3) with what its set's canvas shows of its holes.

    ``lent`` bool (h, w) are former holes that another member saw, ``generated`` bool (h, w) those that none did.
    """

    image: Rgb
    lent: Mask
    generated: Mask


@dataclass(frozen=True)
class _Outline:
    """What is kept of a member while others are loaded: its (width, height), its packed holes, if it has figures."""

    size: tuple[int, int]
    holes: bytes
    figures: bool

    @classmethod
    def of(cls, background: Background) -> _Outline:
        height, width = background.holes.shape
        return cls((width, height), np.packbits(background.holes).tobytes(), bool(background.figures.any()))

    @property
    def mask(self) -> Mask:
        """The holes."""
        width, height = self.size
        bits = np.unpackbits(np.frombuffer(self.holes, np.uint8), count=width * height)
        return bits.reshape(height, width).astype(bool)


def compose_set(found: SceneSet, load: Load) -> SetCanvas:
    """The canvas of a set: the representative first, then the others, those by the strongest links first.

    ``load`` is called two or three times a member, and at most ``donors_at_once`` results are alive. The canvas is
    bounded (``TUNING.set_canvas``); members and parts of holes outside it keep their holes.
    """
    lights = light_to_representative(found)
    outlines = {key: _Outline.of(load(key)) for key in lights}
    cameras = {key: found.cameras[found.members.index(key)] for key in lights}
    served = [key for key in lights if scale_of(cameras[key]) * TUNING.set_canvas.max_upscale >= 1]
    left, top, right, bottom = _bounds(found.representative, served, cameras, outlines)
    placed = {k: Placement(k, compose(translation(-left, -top), cameras[k]), lights[k]) for k in lights}
    image, known, placed = _composed(found.representative, placed, load, (right - left, bottom - top))
    image, figures = _with_figures(image, known, [placed[k] for k in lights if outlines[k].figures], load)
    known = known | figures
    holes = _union_of_holes([(placed[k].camera, outlines[k].mask) for k in served], known)
    return SetCanvas(image, known, holes, figures, tuple(placed[k] for k in sorted(served)))


def draw_from_set(background: Background, placement: Placement, canvas: SetCanvas, filled: Rgb) -> Drawn:
    """Fill a member's holes from its set's canvas, whose holes were ``filled`` (its image with them filled).

    What the canvas does not show stays a hole. What it knows is drawn, too, where nothing proved it for this member
    alone: else slivers would be left where donors end, to be filled beside it.
    """
    whole = invert(placement.camera)
    donor = Donor(filled, canvas.known | canvas.holes, placement.camera, inverse_light(placement.colour), SIDES)
    height, width = background.holes.shape
    lent = lend(background.image, background.coverage, background.holes, [donor], background.figures)
    drawn = lent.seen_by > 0
    generated = drawn & (_moved(canvas.holes, whole, (width, height)) > 0)
    return Drawn(lent.image, drawn & ~generated, generated)


def _bounds(start: str, served: list[str], cameras: Mapping[str, Affine], outlines: Mapping[str, _Outline]) -> Box:
    """The canvas of member ``start``, grown to hold the others' holes as long as it stays within its bounds."""
    tuning = TUNING.set_canvas
    largest = max(width * height for width, height in (o.size for o in outlines.values()))
    limit = max(min(tuning.max_growth * largest, tuning.max_pixels), outlines[start].size[0] * outlines[start].size[1])
    box = 0, 0, *outlines[start].size
    for key in served:
        holes = outlines[key].mask
        if not holes.any():
            continue
        rows, columns = (np.flatnonzero(holes.any(axis=axis)) for axis in (1, 0))
        x, y = (np.array([v[0], v[-1]]) for v in (columns, rows))
        at = apply(cameras[key], np.array([(i, j) for i in x for j in y], float))
        low, high = np.floor(at.min(axis=0)) - tuning.margin, np.ceil(at.max(axis=0)) + 1 + tuning.margin
        if key == start:
            continue
        grown = (
            min(box[0], int(low[0])), min(box[1], int(low[1])), max(box[2], int(high[0])), max(box[3], int(high[1]))
        )  # fmt: skip
        if (grown[2] - grown[0]) * (grown[3] - grown[1]) <= limit:
            box = grown
    return box


def _composed(
    start: str, placed: Mapping[str, Placement], load: Load, size: tuple[int, int]
) -> tuple[Rgb, Mask, dict[str, Placement]]:
    """(the picture without figures, where it is known, the placements, refined) on a canvas of ``size``."""
    first = load(start)
    image, known = _shifted(first, placed[start], size)
    refined = {start: placed[start]}
    others = [key for key in placed if key != start]

    def donor(key: str) -> Donor:
        background, place = load(key), placed[key]
        known_there = background.coverage & ~background.figures
        rough = Donor(background.image, known_there, invert(place.camera), place.colour, SIDES)
        fine = refined_donor(image, known, rough)
        refined[key] = replace(place, camera=invert(fine.camera), colour=fine.colour)
        return fine

    for begin in range(0, len(others), TUNING.set_canvas.donors_at_once):
        batch = others[begin : begin + TUNING.set_canvas.donors_at_once]
        lent = lend(image, known, ~known, (donor(key) for key in batch))
        image, known = lent.image, lent.coverage
    return image, known, refined | {key: placed[key] for key in others if key not in refined}


def _shifted(background: Background, placement: Placement, size: tuple[int, int]) -> tuple[Rgb, Mask]:
    """The representative on the larger canvas: (its picture, where it is known and no figure)."""
    x, y = np.rint(placement.camera[:, 2]).astype(int)
    height, width = background.holes.shape
    image, known = np.zeros((size[1], size[0], 3), np.uint8), np.zeros((size[1], size[0]), bool)
    inside = np.s_[y : y + height, x : x + width]
    image[inside], known[inside] = background.image, background.coverage & ~background.figures
    return image, known


def _with_figures(image: Rgb, known: Mask, placed: list[Placement], load: Load) -> tuple[Rgb, Mask]:
    """(the picture, figures bool (h, w)): where only figures are known, those of the first member that shows some."""
    image, figures = image.copy(), np.zeros_like(known)
    for place in placed:
        background = load(place.key)
        # Whatever it covers: between figures and what others lent, a seam of a pixel or two is known to none.
        donor = Donor(background.image, background.coverage, invert(place.camera), place.colour, SIDES)
        warped, there = warped_to(donor, (known.shape[1], known.shape[0]))
        new = there & ~known & ~figures
        image[new] = np.clip(np.rint(relit(warped[new], place.colour)), 0, 255)
        figures |= new
    return image, figures


def _union_of_holes(holes: list[tuple[Affine, Mask]], known: Mask) -> Mask:
    """All members' holes on the canvas (camera to it, mask), a little grown, without what is known."""
    height, width = known.shape
    union = np.zeros_like(known)
    for camera, mask in holes:
        union |= _moved(mask, camera, (width, height)) > 0
    grow = np.ones((2 * TUNING.set_canvas.margin + 1,) * 2, np.uint8)
    return np.asarray(cv2.dilate(union.astype(np.uint8), grow) > 0, np.bool_) & ~known


def _moved(mask: Mask, camera: Affine, size: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """A mask by a camera, uint8 0-255 by how much of a pixel it covers."""
    return np.asarray(cv2.warpAffine(mask.astype(np.uint8) * 255, camera, size, flags=cv2.INTER_LINEAR), np.uint8)
