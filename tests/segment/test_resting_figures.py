"""A character of which only the eyes move is masked as a whole, and framing moves the picture to where it is cut."""

from __future__ import annotations

import numpy as np

from remaster.arrays import Mask
from remaster.imaging.camera import IDENTITY, translation
from remaster.imaging.whole_figures import with_whole_figures
from remaster.records import Analysis
from remaster.resample.framing import choose_framing, cut_foreground
from remaster.resample.tuning import ResampleSettings

HEIGHT, WIDTH, KEYFRAMES = 120, 160, 6
BODY, EYES = np.s_[30:118, 128:160], np.s_[42:50, 138:150]


def blinking(step: float = 0.0) -> tuple[Analysis, Mask]:
    """A figure in one colour at the right edge of a striped set; its eyes close every other keyframe."""
    rng = np.random.default_rng(4)
    picture = np.full((HEIGHT, WIDTH, 3), (190, 160, 110), np.uint8)
    picture[60:] = (90, 140, 70)
    picture[BODY] = (40, 50, 130)
    proxies = np.repeat(picture[None], KEYFRAMES, axis=0)
    proxies[::2, EYES[0], EYES[1]] = 250
    proxies = np.clip(proxies + rng.normal(0, 2, proxies.shape), 0, 255).astype(np.uint8)
    masks = np.zeros((KEYFRAMES, HEIGHT, WIDTH), bool)
    masks[::2, EYES[0], EYES[1]] = True
    motion = np.stack([IDENTITY, *[translation(step, 0.0)] * (KEYFRAMES - 1)])
    holds, luma = np.zeros(KEYFRAMES, bool), np.full(KEYFRAMES, 120, np.float32)
    explained, valid = np.ones(KEYFRAMES, np.float32), np.ones((HEIGHT, WIDTH), bool)
    return Analysis(np.arange(KEYFRAMES), proxies, motion, explained, holds, luma, holds, valid, 2.0), masks


def test_the_whole_figure_is_masked_in_every_keyframe() -> None:
    analysis, masks = blinking()
    grown = with_whole_figures(analysis, masks)
    assert (grown & masks == masks).all()
    assert grown[:, BODY[0], BODY[1]].mean() > 0.9
    outside = np.ones((HEIGHT, WIDTH), bool)
    outside[BODY] = False
    assert grown[:, outside].mean() < 0.1


def test_framing_leaves_the_cut_figure_at_the_edge() -> None:
    analysis, masks = blinking()
    grown = with_whole_figures(analysis, masks)
    resting = np.repeat(IDENTITY[None], 2, axis=0)
    assert choose_framing(masks, resting, ResampleSettings(), 1 / 3) == 0.5
    assert choose_framing(grown, resting, ResampleSettings(), 1 / 3) == 1.0
    assert cut_foreground(grown, ("left", "right")) > 0.3
    assert cut_foreground(grown, ("left",)) == 0.0


def test_under_a_moving_camera_masks_stay() -> None:
    analysis, masks = blinking(step=3.0)
    assert with_whole_figures(analysis, masks) is masks


def test_without_anything_that_moves_nothing_is_masked() -> None:
    analysis, masks = blinking()
    assert not with_whole_figures(analysis, np.zeros_like(masks)).any()
