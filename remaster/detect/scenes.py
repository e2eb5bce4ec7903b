"""Step 1, detect: one reading of a video finds its cuts and, from sampled frames, what holds for all of it."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import numpy as np

from remaster.arrays import Rgb
from remaster.detect.active_picture import FrameSampler, picture_and_gate
from remaster.detect.cuts import CutFinder
from remaster.detect.interlacing import FieldSampler, field_evidence, summed
from remaster.detect.noise import noise_level
from remaster.detect.tuning import TUNING, DetectSettings
from remaster.errors import MediaError
from remaster.media.planes import crop, luma8, resize_rgb
from remaster.media.types import Frame, Rect, VideoInfo
from remaster.records import Detection


def detect(frames: Iterable[Frame], info: VideoInfo, settings: DetectSettings) -> Detection:
    """Read a video's frames once, in order, for its times, cuts, active picture, gate, noise and fields.

    Memory is bounded by ``settings.samples`` full-size planes, whatever the video's length. Raises ``MediaError`` when
    there is no frame.
    """
    cut_finder, frame_sampler, field_sampler = CutFinder(settings), FrameSampler(settings.samples), FieldSampler()
    pts = []
    for frame in frames:
        pts.append(frame.pts)
        luma = partial(luma8, frame.planes, info.format)
        cut_finder.push(_small_picture(frame, info))
        frame_sampler.push(luma)
        field_sampler.push(luma)
    if not pts:
        raise MediaError(f"{info.path} holds no picture that can be decoded")
    cuts, samples = cut_finder.finish(), frame_sampler.samples()
    active, gate = picture_and_gate(samples, info.format)
    noise = noise_level(samples, active)
    rows = slice(active.y + active.y % 2, active.y + active.height)  # the first one is the upper field's
    evidence = field_evidence(field_sampler.numbers(), field_sampler.triples(), rows, noise)
    return Detection(
        pts=np.asarray(pts, np.int64),
        cuts=cuts,
        setups=cut_finder.setups(cuts),
        active=active,
        gate=gate,
        noise=noise,
        fields=summed(evidence),
        field_evidence=evidence,
    )


def _small_picture(frame: Frame, info: VideoInfo) -> Rgb:
    """The frame at a whole fraction of its size: averages over whole numbers of samples are several times faster."""
    longest, side = max(info.width, info.height), TUNING.cuts.picture_side
    if longest <= side:
        return resize_rgb(frame.planes, info.format, info.color, info.width, info.height)
    step = 2 * -(-longest // (2 * side))
    width, height = max(info.width // step, 1), max(info.height // step, 1)
    rect = Rect(0, 0, min(width * step, info.width), min(height * step, info.height))
    return resize_rgb(crop(frame.planes, info.format, rect), info.format, info.color, width, height, info.height)
