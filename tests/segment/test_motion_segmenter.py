"""Masks of the embedded segmenter over drawn scenes whose characters are known."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from drawn_scenes import Drawn, background, draw, other_background, panning, walker, zooming

from remaster.analyze.analysis import analyze
from remaster.arrays import Affine
from remaster.records import Analysis
from remaster.segment import NoneSegmenter
from remaster.segment.motion_segmenter import MotionSegmenter

SIZE = (240, 180)
VALID = np.ones((180, 240), np.bool_)


def analyzed(frames: np.ndarray) -> Analysis:
    return analyze(iter(frames), VALID, 2.0)


def scores(drawn: Drawn, frames: np.ndarray | None = None) -> tuple[float, float, float]:
    """(recall, IoU, share of the background beyond a margin of 8 pixels that is masked), over the keyframes."""
    scene = analyzed(drawn.frames if frames is None else frames)
    mask = MotionSegmenter().segment([scene])[0].masks
    truth = drawn.masks[scene.keyframes]
    assert mask.shape == truth.shape
    assert mask.dtype == np.bool_
    far = np.stack([cv2.dilate(t.astype(np.uint8), np.ones((17, 17))) == 0 for t in truth])
    recall = float((mask & truth).sum() / max(truth.sum(), 1))
    return recall, float((mask & truth).sum() / (mask | truth).sum()), float(mask[far].mean())


@pytest.mark.parametrize(
    ("cameras", "start", "step"),
    [
        pytest.param(panning(30, 0.0), 30, 6.0, id="hold"),
        pytest.param(panning(30, 4.0), 50, 3.0, id="pan"),
        pytest.param(zooming(30, 0.99, 0.0, SIZE, (300, 200)), 30, 6.0, id="zoom"),
    ],
)
def test_a_walking_character_is_masked_and_little_else(cameras: Affine, start: float, step: float) -> None:
    recall, iou, false = scores(draw(background(), cameras, SIZE, walker(start, 95, step), noise=2.0))
    assert recall > 0.97
    assert iou > 0.65
    assert false < 0.01


def test_a_followed_character_is_masked() -> None:
    recall, _, false = scores(draw(background(), panning(30, 7.0), SIZE, walker(120, 95, 0.0, 150), noise=2.0))
    assert recall > 0.95
    assert false < 0.08


def test_who_stays_at_the_edge_of_a_moving_picture_is_masked() -> None:
    recall, _, false = scores(draw(background(), panning(30, 0.0, 4.0), SIZE, walker(120, 165, 0.0, 130), noise=2.0))
    assert recall > 0.95
    assert false < 0.03


def test_a_logo_is_masked_where_it_hides_most_of_what_a_pan_discloses() -> None:
    frames = draw(background(), panning(30, 4.0), SIZE, noise=2.0).frames.copy()
    logo = np.s_[:, 10:30, 190:232]
    frames[logo] = (250, 250, 250)
    frames[:, 14:26, 200:220] = (30, 30, 160)
    mask = MotionSegmenter().segment([analyzed(frames)])[0].masks
    assert mask[logo].mean(axis=(1, 2)).min() > 0.95
    mask[:, 5:35, 185:237] = False
    assert mask.mean() < 0.005


def test_moving_parts_of_a_talking_character_are_masked() -> None:
    drawn = draw(background(), panning(30, 0.0), SIZE, walker(110, 95), noise=2.0)
    scene = analyzed(drawn.frames)
    mask = MotionSegmenter().segment([scene])[0].masks
    usual = np.median(drawn.masks[scene.keyframes], axis=0) > 0.5
    moved = drawn.masks[scene.keyframes] & ~usual
    assert moved.sum() > 1000
    assert (mask & moved).sum() / moved.sum() > 0.9


def test_a_fade_is_not_foreground() -> None:
    drawn = draw(background(), panning(30, 3.0), SIZE, walker(50, 95, 3.0), noise=1.0)
    light = np.linspace(1.0, 0.5, 30)[:, None, None, None]
    recall, _, false = scores(drawn, (drawn.frames * light).astype(np.uint8))
    assert recall > 0.95
    assert false < 0.02


def test_an_empty_scene_has_no_foreground() -> None:
    drawn = draw(background(), panning(20, 3.0), SIZE, noise=2.0)
    mask = MotionSegmenter().segment([analyzed(drawn.frames)])[0].masks
    assert mask.mean() < 0.001


def test_two_sides_of_a_hidden_cut_are_not_compared() -> None:
    here = draw(background(), panning(10, 2.0), SIZE, noise=2.0).frames
    there = draw(other_background(), panning(10, 1.0), SIZE, noise=2.0).frames
    mask = MotionSegmenter().segment([analyzed(np.concatenate([here, there]))])[0].masks
    assert mask.mean() < 0.001


def test_the_gate_is_not_foreground_and_scenes_do_not_depend_on_each_other() -> None:
    valid = np.zeros_like(VALID)
    valid[12:-12, 12:-12] = True
    drawn = draw(background(), panning(16, 4.0), SIZE, walker(50, 95, 3.0), noise=2.0)
    gated = analyze(iter(np.where(valid[..., None], drawn.frames, np.uint8(6))), valid, 2.0)
    other = analyzed(drawn.frames)
    both = [found.masks for found in MotionSegmenter().segment([gated, other])]
    assert not both[0][:, ~valid].any()
    assert (both[0] == MotionSegmenter().segment([gated])[0].masks).all()
    assert both[1].shape == other.proxies.shape[:3]


def test_none_masks_nothing() -> None:
    scene = analyzed(draw(background(), panning(3, 4.0), SIZE).frames)
    mask = NoneSegmenter().segment([scene])[0].masks
    assert mask.shape == scene.proxies.shape[:3]
    assert not mask.any()
