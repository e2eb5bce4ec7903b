"""The ladder's step ``local``: sets that move at several speeds, from the frames nearest in time.

No one picture shows such a set, but each side has a mosaic of what passed its border (``pushbroom``), and every band of
rows its own track on it. Both sides' mosaics lie on one background, so that what no frame saw is filled like any hole.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from remaster.background.confidence import NO_TRUST, Trust, over_cheap
from remaster.background.features import gray_of
from remaster.background.follow import Followed, follow, small_size
from remaster.background.plan import Scene
from remaster.background.pushbroom import SLIT, Float, SideMosaic, extent
from remaster.camera import IDENTITY
from remaster.footage import Footage
from remaster.media.types import Mask, Rect
from remaster.records import Background, Shot
from remaster.rowshift import along_rows

GAP = 64
"""Columns between the two mosaics, which belong to neither."""
INNER = 6
"""A sixth of the picture beside each border is kept at a shot's ends and turning points, for filling to continue."""
RESTED = 12
"""Frames of a camera at rest of which one is read."""
MOVED = 1.0
"""Pixels of travel after which a frame is read."""
LEAST_TRAVEL = 0.08
"""Widths of the picture that something must travel, or there is nothing to learn from the frames nearby."""
WORTH = 0.9, 0.6
"""Error over that of a cheap fill at which a band of a mosaic begins to be worth showing, and is."""
NEAR_BANDS = 2.5
"""Bands over which that is averaged (standard deviation): wings have no stripes."""
SOFT_EDGE = 0.016
"""Share of the picture's smaller side beside a border of which slits are taken only where nothing else was seen.

Scanned film is dark there, too softly for a gate, and a mosaic would repeat it with every frame, as stripes.
"""
AROUND = 8
"""Frames on either side of a weak link that are asked whether it is a break."""
LEAST_SHARE = 0.1
"""Share of a band's mosaic under which nothing of it is shown."""


def local_shots(scene: Scene, start: int, end: int, footage: Footage) -> list[Shot]:
    """Frames ``[start, end)`` of a scene as ``local`` shots, several where one mosaic would be too large.

    Empty where the frames nearby predict too little of the picture's sides well, and better than a cheap fill.
    """
    followed = _follow(scene, start, end, footage)
    shares = shown_shares(followed.told)
    worth = trust(followed.told, shares)
    if not _believed(scene, worth) or followed.travel < LEAST_TRAVEL:
        return []
    active = scene.window.active
    tracks = followed.tracks * (active.width if scene.sides == "x" else active.height)
    mosaics = _Mosaics(tracks, followed.foreign, shares.astype(np.float32), worth.confidence)
    return [_shot(scene, start + a, mosaics.part(a, b), footage) for a, b in _pieces(scene, mosaics)]


def goes_on(scene: Scene, at: int, start: int, end: int, footage: Footage) -> bool:
    """Whether frames of ``[start, end)`` just before and after ``at`` foretell each other's sides, as one set's do."""
    first = max(start, at - AROUND)
    followed = _follow(scene, first, min(end, at + AROUND), footage, at - first)
    return _believed(scene, trust(followed.told, shown_shares(followed.told)))


def _believed(scene: Scene, worth: Trust) -> bool:
    return worth.advantage >= scene.settings.min_local and worth.confidence >= scene.settings.local_confidence


@dataclass(frozen=True)
class _Mosaics:
    """``tracks`` (2, n, bands) in full-size pixels, frames that are ``strange`` (n,), ``shares`` (2, bands) shown."""

    tracks: Float
    strange: Mask
    shares: npt.NDArray[np.float32]
    confidence: float

    def part(self, first: int, last: int) -> _Mosaics:
        """Those of frames ``[first, last)``, each side's as the frame sees it that looks farthest out there.

        What no frame saw lies beside what that one shows: there a mosaic is to be a picture like any other, whose
        bands are not shifted against each other, or nothing whole could be filled in.
        """
        tracks, strange = self.tracks[:, first:last], self.strange[first:last]
        course = np.where(strange & ~strange.all(), np.nan, tracks.mean(axis=2))
        farthest = np.nanargmin(course[0]), np.nanargmax(course[1])
        ends = np.stack([track[i] for track, i in zip(tracks, farthest, strict=True)])
        return replace(self, tracks=tracks - ends[:, None], strange=strange)


def shown_shares(told: Float) -> Float:
    """How far each band of both mosaics may be shown, 0-1, float64 (2, bands), from what the hold-out ``told``.

    A band that predicts no better than a cheap fill stays soft: a set's planes are not all followed equally well.
    """
    near = np.stack([_along_bands(side) for side in told])
    mosaic, *cheap = np.moveaxis(near[..., :3], -1, 0) / np.maximum(near[..., 4], 1e-6)
    ratio = over_cheap(mosaic, np.minimum(*cheap))
    worth = np.clip((WORTH[0] - ratio) / (WORTH[0] - WORTH[1]), 0.0, 1.0) * (near[..., 4] > 0.5)
    shares = np.stack([_along_bands(side[:, None])[:, 0] for side in worth])
    return np.where(shares < LEAST_SHARE, 0.0, shares)


def trust(told: Float, shares: Float) -> Trust:
    """What those ``shares`` (2, bands) of the mosaics are worth, from what the hold-out ``told``."""
    pixels = float((shares * told[..., 4]).sum())
    if pixels <= 0:
        return NO_TRUST
    return Trust(float(np.sqrt((shares * told[..., 3]).sum() / pixels)), float(shares.mean()))


def _along_bands(values: Float) -> Float:
    """Of (bands, k): averaged with those of bands nearby."""
    return np.asarray(cv2.GaussianBlur(values, (1, 0), sigmaX=NEAR_BANDS, borderType=cv2.BORDER_REPLICATE))


def _follow(scene: Scene, start: int, end: int, footage: Footage, across: int | None = None) -> Followed:
    height, width = scene.analysis.valid.shape
    upright = scene.sides == "x"
    w, h = small_size(width, height) if upright else small_size(height, width)[::-1]
    valid = cv2.resize(scene.analysis.valid.astype(np.uint8), (w, h), interpolation=cv2.INTER_NEAREST) > 0
    grays = (gray_of(picture) for picture in footage.small(start, end, w, h))
    if upright:
        return follow(grays, valid, across)
    return follow((np.ascontiguousarray(g.T) for g in grays), valid.T, across)


def _pieces(scene: Scene, mosaics: _Mosaics) -> list[tuple[int, int]]:
    """The runs of frames that get mosaics of their own, as few as fit the bound on a canvas."""
    count, parts = len(mosaics.strange), 1
    while True:
        bounds = np.linspace(0, count, parts + 1).round().astype(int).tolist()
        pieces = list(itertools.pairwise(bounds))
        largest = max(_canvas_pixels(scene, mosaics.part(a, b).tracks) for a, b in pieces)
        if largest <= scene.settings.max_local_pixels or 2 * parts > count:
            return pieces
        parts *= 2


def _canvas_pixels(scene: Scene, tracks: Float) -> int:
    layout = _Layout.of(scene)
    columns = [extent(t, side, layout.width, layout.wings[side], layout.inner)[1] for side, t in enumerate(tracks)]
    return layout.height * (sum(columns) + GAP)


@dataclass(frozen=True)
class _Layout:
    """The active picture upright: ``width`` across the joins, ``height`` along them, the wings' widths."""

    width: int
    height: int
    wings: tuple[int, int]
    inner: int
    upright: bool

    @classmethod
    def of(cls, scene: Scene) -> _Layout:
        window, upright = scene.window, scene.sides == "x"
        a = window.active
        across, whole, before = (a.width, window.width, window.x) if upright else (a.height, window.height, window.y)
        along = a.height if upright else a.width
        return cls(across, along, (before, whole - across - before), -(-across // INNER // 4) * 4, upright)

    def strip(self, side: int, depth: int) -> Rect:
        """The picture's outermost ``depth`` pixels on a side; its far one begins on any chroma grid."""
        start = 0 if side == 0 else (self.width - depth) // 4 * 4
        size = depth if side == 0 else self.width - start
        return Rect(start, 0, size, self.height) if self.upright else Rect(0, start, self.height, size)

    def turned(self, picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """Stored to upright, and back."""
        return picture if self.upright else np.ascontiguousarray(np.swapaxes(picture, 0, 1))


def _shot(scene: Scene, start: int, mosaics: _Mosaics, footage: Footage) -> Shot:
    """One shot from ``start`` on."""
    layout, tracks = _Layout.of(scene), mosaics.tracks
    known = layout.turned(_known(scene).astype(np.uint8)) > 0
    edges = [_soft_edge(known, side) for side in (0, 1)]
    sides = [
        SideMosaic(track, side, (layout.height, layout.width), layout.wings[side], layout.inner, edges[side], 3)
        for side, track in enumerate(tracks)
    ]
    wanted = _wanted(tracks, mosaics.strange, layout, max(edges))
    pictures = footage.strips({start + i: [layout.strip(s, depth) for s in (0, 1)] for i, depth in wanted.items()})
    for i, strips in zip(wanted, pictures, strict=True):
        for side, strip in enumerate(strips):
            upright = layout.turned(strip)
            depth = upright.shape[1]
            sides[side].write(i, upright, known[:, :depth] if side == 0 else known[:, -depth:])
    background, offsets = _joined(sides, mosaics.shares, layout, known)
    placed = np.stack([t + o for t, o in zip(tracks, offsets, strict=True)], axis=1).astype(np.float32)
    count = tracks.shape[1]
    cameras = np.repeat(IDENTITY[None], count, axis=0)
    counts = len(wanted), 0
    return Shot(start, start + count, "local", cameras, background, mosaics.confidence, *counts, placed, mosaics.shares)


def _known(scene: Scene) -> Mask:
    """The active picture off the gate and off what interpolation would draw in of it, bool (H, W)."""
    active = scene.window.active
    if scene.gate is None:
        return np.ones((active.height, active.width), bool)
    return np.asarray(cv2.dilate(scene.gate.astype(np.uint8), np.ones((5, 5), np.uint8)) == 0)


def _wanted(tracks: Float, strange: Mask, layout: _Layout, edge: int) -> dict[int, int]:
    """The frames to be read and how deep: wide ones where a mosaic may end, slits while anything moves."""
    good = np.arange(len(strange)) if strange.all() else np.flatnonzero(~strange)
    course = tracks[:, good].mean(axis=(0, 2))
    wide = {int(good[k]) for k in (0, -1, course.argmin(), course.argmax())}
    last, farthest = int(good[0]), 0.0
    chosen = [last]
    for i in good[1:].tolist():
        step = float(np.abs(tracks[:, i] - tracks[:, last]).max())
        if step >= MOVED or i - last >= RESTED or i in wide:
            chosen.append(i)
            last, farthest = i, max(farthest, step)
    slit = edge + max(round(5 * SLIT * layout.height), int(np.ceil(2 * farthest))) + 4
    slit = min(-(-slit // 4) * 4, layout.inner)
    return {i: layout.inner if i in wide else slit for i in chosen}


def _dark_columns(known: Mask, side: int) -> npt.NDArray[np.intp]:
    """How many pixels of each row are gate from the border inwards, (h,)."""
    dark = ~(known if side == 0 else known[:, ::-1])
    return np.asarray(np.cumprod(dark, axis=1).sum(axis=1), np.intp)


def _gate_depths(known: Mask, side: int) -> npt.NDArray[np.intp]:
    """The same, as far as no other border is nearer."""
    height = len(known)
    rows = np.arange(height)
    return np.asarray(np.minimum(_dark_columns(known, side), np.minimum(rows, height - 1 - rows) + 1), np.intp)


def _soft_edge(known: Mask, side: int) -> int:
    """Columns beside a border of which slits are no good; film weaves, so that a gate is deeper in some frames."""
    soft: int = round(SOFT_EDGE * min(known.shape))
    return max(soft, int(np.median(_dark_columns(known, side))) + soft // 2)


def _joined(
    sides: Sequence[SideMosaic], shares: npt.NDArray[np.float32], layout: _Layout, known: Mask
) -> tuple[Background, list[int]]:
    """Both mosaics on one canvas, and what each side's columns must be moved by to lie on it.

    ``known`` bool (h, w), upright, is False on the gate, which is drawn like the wing. Rows of which nothing is shown
    are neither covered nor holes: what went wrong there is no source for filling.
    """
    pictures, masks, offsets, start = [], [], [], 0
    for which, (side, share) in enumerate(zip(sides, shares, strict=True)):
        picture, seen = side.finish()
        shown = (along_rows(share, layout.height) > 0)[:, None]
        seen &= shown
        holes = side.shown(_gate_depths(known, which)) & ~seen & shown
        offsets.append(start - side.low)
        gap = ((0, 0), (0, GAP if side is sides[0] else 0))
        pictures.append(np.pad(picture, (*gap, (0, 0))))
        masks.append(np.stack([np.pad(mask, gap) for mask in (seen, holes)]))
        start += pictures[-1].shape[1]
    image = layout.turned(np.concatenate(pictures, axis=1))
    coverage, holes = (layout.turned(m.astype(np.uint8)) > 0 for m in np.concatenate(masks, axis=2))
    return Background(image, coverage, holes, np.zeros_like(coverage)), offsets
