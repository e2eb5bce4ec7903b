"""The seam: the wing begins with the levels of the picture's outermost samples, and is unchanged farther out."""

from __future__ import annotations

import numpy as np
import pytest
from resample_scene import YUV420P, canvas, noisy, picture_of, renderer, shot_of, whole_window, window_of

from remaster.imaging import camera as cam
from remaster.resample.tuning import Grain, ResampleSettings

LOOK = cam.translation(60.0, 80.0)
CLEAN = ResampleSettings(grain=Grain.none, feather=0)


@pytest.mark.parametrize(("aspect", "axis"), [("16/9", 1), ("3/4", 0)])
def test_flicker_along_the_join_leaves_no_line(aspect: str, axis: int) -> None:
    """The picture's light differs from the background's, sample by sample along the joins, as on moving water."""
    shown = window_of(160, 120, YUV420P, aspect)
    truth = whole_window(shown, LOOK, YUV420P)
    picture = [p.copy() for p in picture_of(truth, shown, YUV420P)]
    along = np.arange(picture[0].shape[1 - axis])
    light = np.rint(9 * np.sin(along) + 6 * np.sin(along / 3)).astype(int)
    picture[0] = np.clip(picture[0] + np.expand_dims(light, axis), 0, 255).astype(np.uint8)
    out = renderer(shot_of([LOOK], canvas(420, 320)), shown, settings=CLEAN).render(0, tuple(picture), False)[0]
    out, whole = (np.asarray(p if axis else p.T, float) for p in (out, truth[0]))
    begin, length = (shown.x, 160) if axis else (shown.y, 120)
    for outside, inside in ((begin - 1, begin), (begin + length, begin + length - 1)):
        across = out[:, outside] - out[:, inside]
        own = whole[:, outside] - whole[:, inside]
        assert np.abs(across - own).mean() < 0.6 * np.abs(light).mean()
    far = np.r_[0 : begin - 18, begin + length + 18 : out.shape[1]]
    assert len(far) > 4
    assert np.abs(out[:, far] - whole[:, far]).mean() < 2.0


def test_the_wing_beside_a_gate_begins_where_the_picture_does() -> None:
    shown = window_of(160, 120, YUV420P)
    truth = whole_window(shown, LOOK, YUV420P)
    gate = np.zeros((120, 160), bool)
    gate[:, :5] = gate[:30, :8] = True
    picture = [p.copy() for p in picture_of(truth, shown, YUV420P)]
    light = np.rint(10 * np.sin(np.arange(120))).astype(int)
    picture[0] = np.clip(picture[0] + light[:, None], 0, 255).astype(np.uint8)
    picture[0][gate] = 16
    out = renderer(shot_of([LOOK], canvas(420, 320)), shown, gate=gate, settings=CLEAN).render(
        0, tuple(picture), False
    )[0]
    change = out.astype(float) - truth[0]
    for rows, first in ((slice(2, 28), 8), (slice(34, 118), 5)):
        beside = change[rows, shown.x + first - 1]
        assert np.abs(beside - light[rows]).mean() < 0.6 * np.abs(light[rows]).mean()
        assert np.abs(change[rows, 2]).mean() < 2.0
    assert out[:, shown.x : shown.x + 5].min() > 20


def test_with_a_resting_camera_grain_is_ignored_and_an_outline_is_not() -> None:
    shown = window_of(160, 120, YUV420P)
    picture = picture_of(whole_window(shown, LOOK, YUV420P), shown, YUV420P)
    wings = renderer(shot_of([LOOK] * 6, canvas(420, 320)), shown, settings=CLEAN, noise=2.0)
    drawn = [wings.render(i, noisy(picture, 2, i), False)[0].astype(int) for i in range(4)]
    column = shown.x - 1
    assert np.abs(drawn[3][:, column] - drawn[2][:, column]).max() <= 1
    moved = [p.copy() for p in picture]
    moved[0][50:52] = 200
    after = wings.render(4, noisy(tuple(moved), 2, 4), False)[0].astype(int)
    assert after[50:52, column].mean() > drawn[3][50:52, column].mean() + 20
