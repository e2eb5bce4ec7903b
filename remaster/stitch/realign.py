"""Frames whose motions followed something else than the background: each is aligned with a keyframe itself."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from remaster.arrays import Affine, Rgb
from remaster.imaging.alignment import Detail, detail
from remaster.imaging.camera import compose, corner_error, invert
from remaster.imaging.channels import gray_of
from remaster.imaging.tuning import TUNING as IMAGING
from remaster.media.planes import rounded
from remaster.stitch.direct_pairs import match_direct
from remaster.stitch.keyframe_sources import Read
from remaster.stitch.registration import Registration
from remaster.stitch.spans import Scene

NEAR = 0.05
"""Share of the picture's width by which the answer may differ from the path that leads through the keyframes."""


def realigned(scene: Scene, registration: Registration, start: int, read: Read) -> Registration:
    """The registration with each astray frame aligned with the keyframes next to it, where those are sure of it.

    ``start`` is the span's first frame. A frame that neither is sure of stays on the path through the keyframes.
    """
    analysis = scene.analysis
    frames = np.flatnonzero(registration.astray & ~analysis.holds[start : start + len(registration.cameras)])
    if not len(frames):
        return registration
    cameras = registration.cameras.copy()
    for frame, picture in zip(frames, read([start + int(f) for f in frames]), strict=True):
        found = _against_keyframes(scene, registration, int(frame), rounded(picture))
        if found is not None:
            cameras[frame] = found
    for frame in np.flatnonzero(registration.astray & analysis.holds[start : start + len(cameras)]):
        cameras[frame] = cameras[frame - 1]
    return replace(registration, cameras=cameras)


def _against_keyframes(scene: Scene, registration: Registration, frame: int, picture: Rgb) -> Affine | None:
    """A frame's camera by the nearer of the keyframes before and after it that is sure; None if neither is."""
    height, width = scene.analysis.valid.shape
    small = np.asarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
    moved = detail(gray_of(small), scene.analysis.valid, scene.analysis.noise, IMAGING.camera_motion.work_height)
    after = int(np.searchsorted(registration.at, frame))
    here = registration.cameras[frame]
    for n in sorted((after - 1, after), key=lambda n: abs(int(registration.at[n]) - frame)):
        keyframe = registration.cameras[registration.at[n]]
        match = match_direct(_detail(scene, int(registration.keyframes[n])), moved, compose(invert(keyframe), here))
        if match is None:
            continue
        found = compose(keyframe, match[0])
        if float(corner_error(found, here, width, height)) <= NEAR * width:
            return found
    return None


def _detail(scene: Scene, keyframe: int) -> Detail:
    """Of a keyframe's background."""
    gray = gray_of(scene.analysis.proxies[keyframe])
    return detail(gray, scene.usable[keyframe], scene.analysis.noise, IMAGING.camera_motion.work_height)
