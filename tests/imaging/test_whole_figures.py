"""A talking figure that stays is found whole from its moving mouth and arm; a passer-by leaves no figure."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import numpy.typing as npt
from talking_figure import HEIGHT, KEYFRAMES, WIDTH, picture, preview

from remaster.imaging.aligned_keyframes import Preview
from remaster.imaging.camera import IDENTITY, translation
from remaster.imaging.whole_figures import find_figures, passing, placed


def truth() -> npt.NDArray[np.bool_]:
    return np.asarray((picture(0) != picture(0, present=False)).any(axis=-1))


def test_the_whole_figure_is_found() -> None:
    everywhere = np.ones((HEIGHT, WIDTH), bool)
    found = find_figures(preview(), everywhere)
    assert found[truth()].mean() > 0.9
    assert found[~truth()].mean() < 0.15


def test_under_a_moving_camera_nothing_is_grown() -> None:
    still = preview()
    cameras = np.stack([translation(2.0 * i, 0.0) for i in range(KEYFRAMES)])
    found = find_figures(replace(still, cameras=cameras), np.ones((HEIGHT, WIDTH), bool))
    assert found.any()
    assert found.mean() < 0.5 * truth().mean()


def test_it_is_placed_on_the_canvas() -> None:
    shifted = np.array([[2.0, 0.0, 100.0], [0.0, 2.0, 10.0]])
    found = placed(find_figures(preview(), np.ones((HEIGHT, WIDTH), bool)), shifted, (800, 500))
    assert found.shape == (500, 800)
    ys, xs = np.nonzero(found)
    assert abs(xs.mean() - (2 * 155 + 100)) < 40
    assert ys.min() > 10


def test_a_set_without_figures_has_none() -> None:
    found = find_figures(preview(present=False), np.ones((HEIGHT, WIDTH), bool))
    assert not found.any()


def walked_by(step: int) -> Preview:
    """Somebody wholly masked walks through the set, a few pixels a keyframe."""
    pictures = np.stack([picture(0, present=False)] * KEYFRAMES)
    seen = np.ones(pictures.shape[:3], bool)
    for i, (shot, clear) in enumerate(zip(pictures, seen, strict=True)):
        x = 60 + step * i
        cv2.rectangle(shot, (x, 80), (x + 40, 200), (40, 60, 190), -1)
        clear[76:205, x - 4 : x + 45] = False
    cameras = np.repeat(IDENTITY[None], KEYFRAMES, axis=0)
    return Preview(pictures, seen, np.zeros_like(seen), cameras, WIDTH, HEIGHT, 1.0)


def test_who_walks_by_leaves_no_figure_behind() -> None:
    everywhere = np.ones((HEIGHT, WIDTH), bool)
    assert not find_figures(walked_by(12), everywhere).any()


def test_of_all_that_moves_only_what_strays_is_passing() -> None:
    moving = np.zeros((KEYFRAMES, 60, 120), bool)
    for i, shot in enumerate(moving):
        shot[10:40, 10 + 4 * i : 26 + 4 * i] = True
        shot[20:28, 90 + i % 2 : 100 + i % 2] = True
    found = passing(moving, np.ones(moving.shape[1:], bool))
    assert (found[:, :, :80] == moving[:, :, :80]).all()
    assert not found[:, :, 80:].any()


def test_who_leaves_over_the_edge_is_passing_to_the_last() -> None:
    moving = np.zeros((KEYFRAMES, 60, 120), bool)
    for i, shot in enumerate(moving):
        shot[10:40, max(60 - 11 * i, 0) : max(80 - 11 * i, 0)] = True
    moving[-1, 20:24, :4] = True
    assert (passing(moving, np.ones(moving.shape[1:], bool)) == moving).all()
