"""A character cut by the join: the wing begins in its colours, softly, and is the background farther out."""

from __future__ import annotations

import numpy as np
import pytest
from resample_scene import YUV420P, canvas, picture_of, shot_of, whole_window, window_of
from test_render import outside, renderer, with_figure

from remaster import camera as cam
from remaster.records import Background
from remaster.resample.settings import Grain, ResampleSettings

LOOK = cam.translation(60.0, 22.0)
CLEAN = ResampleSettings(grain=Grain.none)
TOP, TALL = 40, 70


@pytest.mark.parametrize("side", ["left", "right"])
def test_the_wing_takes_on_the_colours_of_who_walks_through_the_join(side: str) -> None:
    shown = window_of(160, 120, YUV420P)
    truth = whole_window(shown, LOOK, YUV420P)
    x = 0 if side == "left" else 120
    picture = with_figure(picture_of(truth, shown, YUV420P), x, TOP, 40, TALL)
    wing = renderer(shot_of([LOOK], canvas()), shown, settings=CLEAN).render(0, picture, False)[0].astype(float)
    near, far = (shown.x - 2, 2) if side == "left" else (shown.x + 161, shown.width - 3)
    rows = slice(TOP + 10, TOP + TALL - 10)
    assert np.abs(wing[rows, near] - 70).mean() < 8
    assert np.abs(wing[rows, far] - truth[0][rows, far]).mean() < 3
    steps = np.abs(np.diff(wing[rows], axis=1)).mean(axis=0)
    assert steps[min(near, far) : max(near, far)].max() < 12
    above = slice(0, TOP - 25)
    assert np.abs(wing[above, near] - truth[0][above, near]).mean() < 2


def test_who_stands_in_the_background_glows_where_the_wing_was_generated() -> None:
    shown = window_of(160, 120, YUV420P)
    truth = whole_window(shown, LOOK, YUV420P)
    picture = with_figure(picture_of(truth, shown, YUV420P), 120, TOP, 40, TALL)
    known = canvas()
    figures = np.zeros_like(known.coverage)
    figures[TOP + 22 : TOP + 22 + TALL, 60 + 120 : 60 + 160] = True
    image = known.image.copy()
    image[figures] = (40, 60, 160)
    covered = known.coverage.copy()
    covered[:, 60 + 160 :] = False
    column, rows = shown.x + 161, slice(TOP + 10, TOP + TALL - 10)
    wings = {}
    for name, coverage in (("generated", covered), ("recovered", known.coverage)):
        background = Background(image, coverage, ~coverage, figures)
        wings[name] = renderer(shot_of([LOOK], background), shown, settings=CLEAN).render(0, picture, False)[0]
    assert np.abs(wings["generated"][rows, column].astype(float) - 70).mean() < 8
    assert np.abs(wings["generated"][rows, column].astype(float) - wings["recovered"][rows, column]).mean() > 8


def test_what_the_fill_breaks_off_glows_and_what_was_seen_to_end_does_not() -> None:
    shown = window_of(160, 120, YUV420P)
    truth = whole_window(shown, LOOK, YUV420P)
    picture = with_figure(picture_of(truth, shown, YUV420P), 120, TOP, 40, TALL)
    known = canvas()
    image = known.image.copy()
    image[TOP + 22 : TOP + 22 + TALL, 60 + 120 : 60 + 160] = (40, 60, 160)
    covered = known.coverage.copy()
    covered[:, 60 + 160 :] = False
    rows, join = slice(TOP + 10, TOP + TALL - 10), shown.x + 160
    steps = {}
    for name, coverage in (("generated", covered), ("recovered", known.coverage)):
        background = Background(image, coverage, ~coverage, np.zeros_like(coverage))
        wing = renderer(shot_of([LOOK], background), shown, settings=CLEAN).render(0, picture, False)[0].astype(float)
        steps[name] = np.abs(wing[rows, join + 1] - wing[rows, join - 1]).mean()
        above = slice(0, TOP - 25)
        assert np.abs(wing[above, join + 2] - truth[0][above, join + 2]).mean() < 2
    assert steps["generated"] < 8
    assert steps["recovered"] > 2 * steps["generated"]


def test_without_a_character_the_wings_are_the_background() -> None:
    shown = window_of(160, 120, YUV420P)
    truth = whole_window(shown, LOOK, YUV420P)
    out = renderer(shot_of([LOOK], canvas()), shown, settings=CLEAN).render(0, picture_of(truth, shown, YUV420P), False)
    assert np.abs(outside(out, shown) - outside(truth, shown)).max() <= 2


def test_the_glow_of_a_still_figure_does_not_flicker() -> None:
    shown = window_of(160, 120, YUV420P)
    rng = np.random.default_rng(3)
    picture = with_figure(picture_of(whole_window(shown, LOOK, YUV420P), shown, YUV420P), 120, TOP, 40, TALL)
    render = renderer(shot_of([LOOK] * 12, canvas()), shown, settings=CLEAN, noise=2.0)
    wings = []
    for i in range(12):
        noisy = tuple(np.clip(np.rint(p + rng.normal(0, 2, p.shape)), 0, 255).astype(np.uint8) for p in picture)
        wings.append(render.render(i, noisy, False)[0][:, shown.x + 162 :].astype(float))
    assert np.abs(np.diff(wings[4:], axis=0)).mean() < 0.1
