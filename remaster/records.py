"""What passes between the steps, as numpy dataclasses. Frame numbers are relative to the scene's start."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from remaster.arrays import Affine, Mask, Rgb
from remaster.media.types import Rect

Method = Literal["mosaic", "still", "propagated", "ambient", "passthrough", "leave", "blur"]
"""``leave`` (black wings) and ``blur`` (the picture itself, enlarged and blurred) are a person's decisions alone."""
Scan = Literal["progressive", "interlaced", "telecined"]


@dataclass(frozen=True)
class FieldEvidence:
    """What a moving frame shows of interlacing: its ``number``, whether its two fields show two moments (``combed``),
    whether one of them repeats a neighbour's, and whether the upper field is the earlier one.
    """

    number: int
    combed: bool
    repeated: bool
    top_first: bool


@dataclass(frozen=True)
class Fields:
    """What ``frames``, a number of moving frames, show of interlacing together.

    ``combed`` is the share (0-1) of them that show two moments in their two fields, ``repeated`` the share of those in
    which one field is a neighbour's, as in 3:2 pulldown. ``top_first``: the upper field is the earlier one.
    """

    frames: int = 0
    combed: float = 0.0
    repeated: float = 0.0
    top_first: bool = True


@dataclass(frozen=True)
class Detection:
    """What one reading of a whole video finds.

    ``pts`` are all frames' times, int64 (n,). ``cuts`` are the first frames of the runs between cuts, beginning with 0;
    ``setups`` has for each run the number of the first one with the same camera set-up, its own where it is new.
    ``active`` is the picture without bars, in stored pixels, on the chroma grid. ``gate`` is a mask over the active
    picture of pixels that are the projector's gate (dark or soft edge, rounded corners), or None without a gate.
    ``noise`` is the standard deviation of the luma's grain in 8-bit levels. ``fields`` sums up the interlacing,
    ``field_evidence`` is what single frames show of it.
    """

    pts: npt.NDArray[np.int64]
    cuts: tuple[int, ...]
    setups: tuple[int, ...]
    active: Rect
    gate: Mask | None
    noise: float
    fields: Fields
    field_evidence: tuple[FieldEvidence, ...] = ()


@dataclass(frozen=True)
class Analysis:
    """What one reading of a scene's proxies finds; n frames, k keyframes, proxies of h x w square pixels.

    ``keyframes`` int64 (k,) ascending, with their RGB ``proxies`` uint8 (k, h, w, 3). ``motion`` float64 (n, 2, 3):
    ``motion[i]`` takes proxy pixels of frame i to those of frame i - 1; ``motion[0]`` is the identity. ``explained``
    float32 (n,): the share of the picture's area that this motion explains, 1.0 for the first frame. ``holds`` bool
    (n,): frame i equals frame i - 1 but for noise. ``luma`` float32 (n,): the frame's mean luma, 0-255. ``turning``
    bool (n,): frames of a gradual transition (a dissolve, a morph) before a resting camera. ``valid`` bool (h, w):
    False on the gate. ``noise`` is ``Detection.noise``.
    """

    keyframes: npt.NDArray[np.int64]
    proxies: npt.NDArray[np.uint8]
    motion: Affine
    explained: npt.NDArray[np.float32]
    holds: npt.NDArray[np.bool_]
    luma: npt.NDArray[np.float32]
    turning: npt.NDArray[np.bool_]
    valid: Mask
    noise: float


@dataclass(frozen=True)
class Borrowed:
    """What a background has from the set that it shows with other scenes' backgrounds.

    ``set_id`` names the set, ``scenes`` counts the others that show it. ``mask`` bool (H, W): pixels that others of
    them saw, part of the background's ``coverage``.
    """

    set_id: str
    scenes: int
    mask: Mask


@dataclass(frozen=True)
class Background:
    """A scene's stitched picture on its own canvas of stored (not square) pixels.

    ``image`` uint8 (H, W, 3) RGB, in the light of the shot's reference keyframe. ``coverage`` bool (H, W): seen as
    background by at least one keyframe, or masked in all those of a resting camera; or lent by other scenes of the set
    (``borrowed``, None: it shows no set that returns). ``holes`` bool (H, W): visible in a wing of some frame and not
    covered; disjoint from ``coverage``. Pixels in neither are visible in no wing, and never a source for filling.
    ``figures`` bool (H, W): resting characters, as far as they are known, and what is masked in all keyframes; a fill
    continues them where holes cut them, and copies them nowhere else. ``fine`` int8 (H, W, 3), for sources of more than
    8 bits: what rounding removed from ``image`` where it is covered, in 256ths of a level.
    """

    image: Rgb
    coverage: Mask
    holes: Mask
    figures: Mask
    fine: npt.NDArray[np.int8] | None = None
    borrowed: Borrowed | None = None


@dataclass(frozen=True)
class Key:
    """Frames ``[start, end)`` of a propagated shot, and the picture under what is propagated there.

    ``picture`` is that of frame ``frame`` with its surroundings, from the first to the last cell of the shot's
    ``propagation.Grid``; None where the soft fill is used.
    """

    start: int
    end: int
    frame: int
    picture: Background | None


@dataclass(frozen=True)
class Propagation:
    """How the wings of a propagated shot move; n frames, b bands along a join.

    Pictures are upright: the joins run from top to bottom. ``cameras`` float64 (2, n, 2, 3) take pixels of each frame's
    active picture to those of the frame before, and of the frame after. ``own`` float32 (2, n, 2, b, 2) is the motion
    (x, y) that the bands of the left and the right side have in addition. ``lives`` float32 (2, n, bands, 2): the age
    in frames up to which a source from the past, or the future, is used, by band and side. ``keys`` tile the shot.
    """

    cameras: Affine
    own: npt.NDArray[np.float32]
    lives: npt.NDArray[np.float32]
    keys: tuple[Key, ...]


@dataclass(frozen=True)
class Shot:
    """A part of a scene with one background: frames ``[start, end)`` of the scene.

    ``cameras`` float64 (end - start, 2, 3) take pixels of the frame's *active picture* (stored pixels, origin at its
    top left) to pixels of ``background.image``. Without a background (``ambient``, ``passthrough``) they are unused.
    ``confidence`` 0-1 falls with the predicted error of the wings: 1.0 for none, a half at 20 grey levels (root mean
    square). ``registered`` counts its registered keyframes, ``inliers`` the matches that agree with the solution.

    A ``propagated`` shot has a ``propagation`` instead of a background; its cameras are unused. Where a shot blends
    into its neighbours, ``mix`` float32 (2, end - start), 0-1, is the share of the last wings of the shot before, and
    of the first wings of the shot after, in each frame; a dissolve has nothing of its own.
    """

    start: int
    end: int
    method: Method
    cameras: Affine
    background: Background | None
    confidence: float
    registered: int = 0
    inliers: int = 0
    propagation: Propagation | None = None
    mix: npt.NDArray[np.float32] | None = None

    @property
    def pictures(self) -> tuple[Background, ...]:
        """All pictures that the shot's wings are drawn from: its background, or those of its keys."""
        keys = self.propagation.keys if self.propagation is not None else ()
        return tuple(p for p in (self.background, *(key.picture for key in keys)) if p is not None)

    def repainted(self, paint: Callable[[Background], Background]) -> Shot:
        """The shot with each of its pictures replaced by what ``paint`` makes of it."""
        background = None if self.background is None else paint(self.background)
        if self.propagation is None:
            return replace(self, background=background)
        keys = tuple(k if k.picture is None else replace(k, picture=paint(k.picture)) for k in self.propagation.keys)
        return replace(self, background=background, propagation=replace(self.propagation, keys=keys))


@dataclass(frozen=True)
class Footage:
    """How a scene's frames are read again, each in one pass, in the order of time.

    ``small(start, end, width, height)`` yields frames ``[start, end)`` at that size, uint8 RGB; ``strips(wanted)``
    yields, for each frame asked, full-size uint8 RGB of the rectangles of its active picture.
    """

    small: Callable[[int, int, int, int], Iterator[Rgb]]
    strips: Callable[[Mapping[int, Sequence[Rect]]], Iterator[Sequence[Rgb]]]
