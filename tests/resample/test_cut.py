"""A character cut by the join ends there: the wing is the background, and the cut is counted."""

from __future__ import annotations

import numpy as np
import pytest
from resample_scene import YUV420P, canvas, picture_of, shot_of, whole_window, window_of
from test_render import outside, renderer, with_figure

from remaster import camera as cam
from remaster.resample.settings import Grain, ResampleSettings

LOOK = cam.translation(60.0, 22.0)
CLEAN = ResampleSettings(grain=Grain.none)


@pytest.mark.parametrize("side", ["left", "right"])
def test_nothing_of_who_is_cut_runs_into_the_wing(side: str) -> None:
    shown = window_of(160, 120, YUV420P)
    truth = whole_window(shown, LOOK, YUV420P)
    picture = with_figure(picture_of(truth, shown, YUV420P), 0 if side == "left" else 120, 40, 40, 70)
    render = renderer(shot_of([LOOK], canvas()), shown, settings=CLEAN)
    off = np.abs(render.render(0, picture, False)[0].astype(float) - truth[0])
    near = shown.x - 4 if side == "left" else shown.x + 160 + 3
    assert off[50:100, near].max() < 8
    assert np.abs(outside(render.render(0, picture, False), shown) - outside(truth, shown)).mean() < 0.5
    assert render.continued == 0.0


def test_without_a_character_nothing_is_cut() -> None:
    shown = window_of(160, 120, YUV420P)
    truth = whole_window(shown, LOOK, YUV420P)
    render = renderer(shot_of([LOOK], canvas()), shown, settings=CLEAN)
    out = render.render(0, picture_of(truth, shown, YUV420P), False)
    assert np.abs(outside(out, shown) - outside(truth, shown)).max() <= 2
    assert render.continued is None
