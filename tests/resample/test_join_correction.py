"""A character cut by the join ends beside it: the wing is the background, and the cut is counted."""

from __future__ import annotations

import numpy as np
import pytest
from resample_scene import YUV420P, canvas, outside, picture_of, renderer, shot_of, whole_window, window_of, with_figure

from remaster.imaging import camera as cam
from remaster.resample.tuning import Grain, ResampleSettings

LOOK = cam.translation(60.0, 22.0)
CLEAN = ResampleSettings(grain=Grain.none)


@pytest.mark.parametrize("side", ["left", "right"])
def test_a_cut_figure_ends_softly_within_a_few_pixels(side: str) -> None:
    shown = window_of(160, 120, YUV420P)
    truth = whole_window(shown, LOOK, YUV420P)
    picture = with_figure(picture_of(truth, shown, YUV420P), 0 if side == "left" else 120, 40, 40, 70)
    render = renderer(shot_of([LOOK], canvas()), shown, settings=CLEAN)
    off = np.abs(render.render(0, picture, False)[0].astype(float) - truth[0])
    at = [shown.x - 1 - d if side == "left" else shown.x + 160 + d for d in range(24)]
    beside = off[50:100, at].mean(axis=0)
    assert beside[1] > 20, "no hard edge"
    assert (np.diff(beside[:12]) < 0).all()
    assert beside[20:].max() < 8, "and no glow over the wing"
    assert render.continued == 0.0


def test_without_a_character_nothing_is_cut() -> None:
    shown = window_of(160, 120, YUV420P)
    truth = whole_window(shown, LOOK, YUV420P)
    render = renderer(shot_of([LOOK], canvas()), shown, settings=CLEAN)
    out = render.render(0, picture_of(truth, shown, YUV420P), False)
    assert np.abs(outside(out, shown) - outside(truth, shown)).max() <= 2
    assert render.continued is None
