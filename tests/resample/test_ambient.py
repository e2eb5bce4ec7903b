"""The soft fill: joined without an edge, steady, dimmer outwards, in step with fades."""

from __future__ import annotations

import numpy as np
from resample_scene import COLOR, YUV420P, picture_of, shot_of, whole_window, window_of

from remaster import camera as cam
from remaster.geometry import Window
from remaster.media.types import Plane
from remaster.resample.render import WingRenderer
from remaster.resample.settings import Grain, ResampleSettings

Planes = tuple[Plane, ...]
SHOWN = window_of(160, 120, YUV420P)
LOOK = cam.translation(60.0, 22.0)
CLEAN = ResampleSettings(grain=Grain.none)


def picture(shown: Window = SHOWN) -> Planes:
    return picture_of(whole_window(shown, LOOK, YUV420P), shown, YUV420P)


def rendered(frames: list[Planes], shown: Window = SHOWN, settings: ResampleSettings = CLEAN) -> list[Planes]:
    shot = shot_of([LOOK] * len(frames), None, "ambient")
    renderer = WingRenderer(shot, shown, YUV420P, COLOR, None, 0.0, settings, 1)
    return [renderer.render(i, frame, False) for i, frame in enumerate(frames)]


def left(out: Planes) -> np.ndarray:
    return out[0][:, : SHOWN.x].astype(float)


def test_no_edge_is_seen_at_the_join() -> None:
    out = rendered([picture()])[0][0].astype(float)
    for join in (SHOWN.x, SHOWN.x + 160):
        step = np.abs(out[:, join] - out[:, join - 1]).mean()
        assert step < 3.2


def test_it_gets_softer_and_darker_outwards() -> None:
    bright = ResampleSettings(grain=Grain.none, ambient_dim=0.0)
    dimmed, plain = left(rendered([picture()])[0]), left(rendered([picture()], settings=bright)[0])
    assert np.abs(np.diff(plain[:, :8], axis=0)).mean() < 0.7 * np.abs(np.diff(plain[:, -4:], axis=0)).mean()
    assert 0.75 < (dimmed[:, :2] - 16).mean() / (plain[:, :2] - 16).mean() < 0.88
    assert abs(dimmed[:, -2:].mean() - plain[:, -2:].mean()) < 2


def test_it_is_steady_under_noise_and_movement() -> None:
    rng = np.random.default_rng(0)
    frames = []
    for i in range(12):
        planes = [np.clip(np.rint(p + rng.normal(0, 3, p.shape)), 0, 255).astype(np.uint8) for p in picture()]
        planes[0][40:80, 60 + 3 * i : 90 + 3 * i] = 60
        frames.append(tuple(planes))
    drawn = np.stack([left(out) for out in rendered(frames)])
    assert np.abs(np.diff(drawn, axis=0)).mean() < 0.6
    assert np.abs(np.diff(drawn.mean(axis=(1, 2)))).max() < 0.4


def test_fades_are_not_delayed() -> None:
    whole = picture()
    gains = [1.0, 0.8, 0.6, 0.4, 0.2, 0.0]
    frames = [
        tuple(
            np.rint(b + g * (p.astype(float) - b)).astype(np.uint8) for p, b in zip(whole, (16, 128, 128), strict=True)
        )
        for g in gains
    ]
    first, *rest = [left(out).mean() - 16 for out in rendered(frames)]
    for gain, level in zip(gains[1:], rest, strict=True):
        assert abs(level / first - gain) < 0.05


def test_wings_may_be_wider_than_the_picture() -> None:
    shown = window_of(54, 96, YUV420P)
    out = rendered([picture(shown)], shown)[0]
    assert shown.x > 54
    assert out[0].shape == (96, shown.width)
    assert out[0][:, : shown.x].std() > 3
    assert abs(out[0][:, : shown.x].astype(float).mean() - out[0][:, shown.x : shown.x + 54].mean()) < 30


def test_each_shot_begins_anew() -> None:
    dark = tuple(np.full_like(p, level) for p, level in zip(picture(), (30, 128, 128), strict=True))
    after_dark, alone = rendered([dark, picture()])[1], rendered([picture()])[0]
    again = rendered([picture()])[0]
    assert all(np.array_equal(a, b) for a, b in zip(alone, again, strict=True))
    assert not np.array_equal(left(after_dark), left(alone))
