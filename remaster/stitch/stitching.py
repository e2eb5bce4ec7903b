"""Step 4, stitch: the shots of a scene, each with its cameras and its background recovered from its keyframes."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import cv2
import numpy as np
import numpy.typing as npt

from remaster.arrays import Mask
from remaster.imaging.geometry import Window
from remaster.records import Analysis, Footage, Shot
from remaster.stitch.background_plan import Forced, Scene, plan_shots
from remaster.stitch.propagated_shots import with_propagated_wings
from remaster.stitch.registration import background_pixels, find_pairs
from remaster.stitch.shot_background import Read, make_shot, shot_without_background
from remaster.stitch.tuning import TUNING, StitchSettings


def stitch(
    analysis: Analysis,
    masks: npt.NDArray[np.bool_],
    read: Read,
    window: Window,
    gate: Mask | None,
    settings: StitchSettings,
    seed: int,
    footage: Footage | None = None,
    cuts: Collection[int] = (),
    forced: Sequence[Forced] = (),
) -> list[Shot]:
    """Recover the background of a scene: one shot, or several where registration breaks.

    ``masks`` bool (k, h, w) are the characters on the keyframes' proxies. ``read(frames)`` yields the active picture of
    those scene frames at full stored size, RGB (H, W, 3), in the order asked: uint8, or, for deeper sources, uint16 in
    256ths of a level. ``gate`` bool (H, W) is the projector's gate on the active picture, or None. ``footage`` reads
    frames for shots without a background; without it none is ``propagated``. ``cuts`` are the frames that do not
    continue the frame before in time. The shots tile the scene's frames ``[0, n)`` exactly. A ``window`` without wings
    is that of a picture which only lends to others. ``forced``: methods that a person decided for, where they can be
    made. The same ``seed`` gives the same bytes.
    """
    cv2.setRNGSeed(seed & 0x7FFFFFFF)
    usable = background_pixels(analysis, masks, TUNING.alignment.mask_margin)
    pairs = find_pairs(analysis, usable, settings.features, settings.min_overlap, settings.pair_share)
    scene = Scene(analysis, usable, pairs, window, gate, settings, tuple(forced))
    plans = plan_shots(scene)
    shots = _join_ambient([make_shot(scene, plan, read) for plan in plans])
    return shots if footage is None else with_propagated_wings(scene, masks, shots, footage, cuts)


def _join_ambient(shots: Sequence[Shot]) -> list[Shot]:
    """Join neighbouring shots without a background; the lowest confidence counts."""
    joined = list(shots[:1])
    for shot in shots[1:]:
        last = joined[-1]
        if shot.method == last.method == "ambient":
            confidence = min(last.confidence, shot.confidence)
            joined[-1] = shot_without_background("ambient", last.start, shot.end, confidence)
        else:
            joined.append(shot)
    return joined
