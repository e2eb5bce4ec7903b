"""What passes between the steps, as numpy dataclasses. Frame numbers are relative to the scene's start."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from remaster.camera import Affine
from remaster.fields import Fields
from remaster.media.types import Mask, Rect, Rgb

Method = Literal["mosaic", "still", "local", "ambient", "passthrough"]


@dataclass(frozen=True)
class Detection:
    """What one reading of a whole video tells.

    ``pts`` are all frames' times, int64 (n,). ``cuts`` are the first frames of the runs between cuts, beginning with 0;
    ``setups`` tells for each run the number of the first one that shows its camera set-up, its own where it is new.
    ``active`` is the picture without bars, in stored pixels, on the chroma grid. ``gate`` is a mask over the active
    picture of pixels that are the projector's gate (dark or soft edge, rounded corners), or None where there is none.
    ``noise`` is the standard deviation of the luma's grain in 8-bit levels. ``fields`` tells interlacing.
    """

    pts: npt.NDArray[np.int64]
    cuts: tuple[int, ...]
    setups: tuple[int, ...]
    active: Rect
    gate: Mask | None
    noise: float
    fields: Fields


@dataclass(frozen=True)
class Analysis:
    """What one reading of a scene's proxies tells; n frames, k keyframes, proxies of h x w square pixels.

    ``keyframes`` int64 (k,) ascending, with their RGB ``proxies`` uint8 (k, h, w, 3). ``motion`` float64 (n, 2, 3):
    ``motion[i]`` takes proxy pixels of frame i to those of frame i - 1; ``motion[0]`` is the identity. ``explained``
    float32 (n,): the share of the picture's area that this motion explains, 1.0 for the first frame. ``holds`` bool
    (n,): frame i equals frame i - 1 but for noise. ``luma`` float32 (n,): the frame's mean luma, 0-255. ``valid`` bool
    (h, w): False on the gate. ``noise`` is ``Detection.noise``.
    """

    keyframes: npt.NDArray[np.int64]
    proxies: npt.NDArray[np.uint8]
    motion: Affine
    explained: npt.NDArray[np.float32]
    holds: npt.NDArray[np.bool_]
    luma: npt.NDArray[np.float32]
    valid: Mask
    noise: float


@dataclass(frozen=True)
class Background:
    """A scene's stitched picture on its own canvas of stored (not square) pixels.

    ``image`` uint8 (H, W, 3) RGB, in the brightness of the shot's reference keyframe. ``coverage`` bool (H, W): seen as
    background by at least one keyframe, or masked in all that a camera at rest took. ``holes`` bool (H, W): shown in a
    wing of some frame and not covered; disjoint from ``coverage``. Pixels in neither are shown by no wing, and never a
    source for filling. ``figures`` bool (H, W): characters that stay, as far as one can tell, and what is masked in all
    keyframes; a fill continues them where holes cut them, and copies them nowhere else.
    """

    image: Rgb
    coverage: Mask
    holes: Mask
    figures: Mask


@dataclass(frozen=True)
class Shot:
    """A part of a scene with one background: frames ``[start, end)`` of the scene.

    ``cameras`` float64 (end - start, 2, 3) take pixels of the frame's *active picture* (stored pixels, origin at its
    top left) to pixels of ``background.image``. Without a background (``ambient``, ``passthrough``) they are unused.
    ``confidence`` 0-1 falls with the error that the background's pixels are predicted to have beyond the grain: 1.0 for
    none, a half at 10 grey levels (root mean square); of an ``ambient`` shot it is that of the background that was not
    trusted, 0.0 where none could be made. ``registered`` counts its keyframes that were registered (of a ``local`` shot
    the frames that its mosaics are made of), ``inliers`` the matches that agree with the solution.

    A ``local`` shot has ``tracks`` instead of cameras, float32 (end - start, 2, b): what is added to the coordinate
    across the joins (x where the wings lie left and right) of a pixel of the active picture, to find it on
    ``background.image``; for the left (upper) and the right (lower) side, at the middles of b equal bands along the
    join. The other coordinate stays. Its ``shares``, float32 (2, b), 0-1, say how far each band's wing shows the
    background; the rest of it is soft, as in ``ambient``.
    """

    start: int
    end: int
    method: Method
    cameras: Affine
    background: Background | None
    confidence: float
    registered: int = 0
    inliers: int = 0
    tracks: npt.NDArray[np.float32] | None = None
    shares: npt.NDArray[np.float32] | None = None
