"""Whole drawn scenes through the step's entry: cameras, breaks, holds and the choice of keyframes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
import pytest
from drawn_scenes import Drawn, background, draw, other_background, panning, walker, zooming

from remaster.analyze.analysis import AnalyzeSettings, analyze
from remaster.analyze.keyframes import Candidate, KeyframeSelection
from remaster.arrays import Affine
from remaster.imaging import camera_motion
from remaster.imaging.camera import IDENTITY, chain, corner_error, translation
from remaster.records import Analysis

SIZE = (240, 180)
VALID = np.ones((180, 240), np.bool_)


def run(frames: np.ndarray, settings: AnalyzeSettings | None = None) -> Analysis:
    return analyze(iter(frames), VALID, 2.0, settings)


def drift(analysis: Analysis, drawn: Drawn) -> float:
    return float(corner_error(chain(analysis.motion), drawn.cameras, *SIZE).max())


@pytest.mark.parametrize(
    ("cameras", "tolerance"),
    [
        pytest.param(panning(60, 2.3, 0.1), 0.5, id="pan"),
        pytest.param(panning(40, 0.4), 0.8, id="slow pan"),
        pytest.param(zooming(40, 0.995, 0.002, SIZE, (300, 200)), 0.8, id="zoom and turn"),
    ],
)
def test_errors_do_not_add_up_over_a_scene(cameras: Affine, tolerance: float) -> None:
    drawn = draw(background(), cameras, SIZE, walker(60, 95, 1.0), noise=2.0)
    analysis = run(drawn.frames)
    assert drift(analysis, drawn) < tolerance
    assert analysis.explained.min() > 0.5


def test_a_slow_pan_under_a_large_still_character_is_followed() -> None:
    drawn = draw(background(), panning(30, 0.5), SIZE, lambda _: ((120.0, 90.0), 160.0, 0.2), noise=1.0)
    assert drift(run(drawn.frames), drawn) < 1.5


def test_a_still_scene_is_exactly_still_and_its_keyframes_spread_over_time() -> None:
    drawn = draw(background(), panning(60, 0.0), SIZE, walker(110, 95, 0.5), noise=2.0)
    analysis = run(drawn.frames)
    assert (chain(analysis.motion) == translation(0.0, 0.0)).all()
    assert 8 <= len(analysis.keyframes) <= 16
    assert analysis.keyframes[0] == 0
    assert analysis.keyframes[-1] == 59
    assert np.diff(analysis.keyframes).max() <= 12


def test_a_frame_blurred_by_a_whip_is_no_keyframe_where_a_sharp_one_shows_the_place() -> None:
    places = [0.0] * 6 + [12.0 * i for i in range(1, 7)]
    drawn = draw(background(), np.stack([translation(x, 0.0) for x in places]), SIZE, walker(40, 95, 18.0), noise=2.0)
    frames = drawn.frames.copy()
    frames[5] = cv2.blur(frames[5], (7, 1))
    assert run(drawn.frames).keyframes.tolist() == list(range(12))
    assert run(frames).keyframes.tolist() == [0, 1, 2, 3, 4, *range(6, 12)]


def test_holds_are_found_and_never_keyframes() -> None:
    drawn = draw(background(), np.repeat(panning(10, 3.0), 2, axis=0), SIZE, noise=2.0)
    analysis = run(drawn.frames)
    assert analysis.holds.tolist() == [False, *([True, False] * 9), True]
    assert not analysis.holds[analysis.keyframes].any()
    assert drift(analysis, drawn) < 0.3


def test_a_frame_that_repeats_the_one_before_is_not_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    detail = camera_motion.detail

    def counted(*arguments: Any) -> Any:
        made.append(1)
        return detail(*arguments)

    monkeypatch.setattr(camera_motion, "detail", counted)
    frames = draw(background(), panning(8, 3.0), SIZE, noise=2.0).frames
    once = run(frames)
    alone = len(made)
    twice = run(np.repeat(frames, 2, axis=0))
    assert len(made) - alone <= alone + 8
    assert twice.holds.tolist() == [False, *([True, False] * 7), True]
    assert (twice.explained[twice.holds] == 1.0).all()
    assert corner_error(chain(twice.motion)[::2], chain(once.motion), *SIZE).max() < 0.1


def test_keyframes_of_a_pan_disclose_all_of_it() -> None:
    drawn = draw(background(), panning(80, 4.0), SIZE, noise=1.0)
    analysis = run(drawn.frames, AnalyzeSettings(max_keyframes=10))
    assert len(analysis.keyframes) <= 10
    assert (analysis.keyframes[0], analysis.keyframes[-1]) == (0, 79)
    assert np.diff(analysis.keyframes).max() * 4.0 < 0.6 * SIZE[0]
    assert (analysis.proxies == drawn.frames[analysis.keyframes]).all()


def test_a_byte_budget_bounds_the_keyframes() -> None:
    drawn = draw(background(), panning(30, 4.0), SIZE, noise=1.0)
    frame_megabytes = drawn.frames[0].nbytes / 1e6
    analysis = run(drawn.frames, AnalyzeSettings(keyframe_megabytes=6.5 * frame_megabytes))
    assert len(analysis.keyframes) == 6


def test_a_hidden_cut_shows_and_both_sides_have_keyframes() -> None:
    here = draw(background(), panning(15, 2.0), SIZE, walker(60, 95, 2.0), noise=2.0)
    there = draw(other_background(), panning(15, 1.0), SIZE, noise=2.0)
    analysis = run(np.concatenate([here.frames, there.frames]), AnalyzeSettings(max_keyframes=8))
    assert np.nonzero(analysis.explained < 0.3)[0].tolist() == [15]
    assert {0, 14, 15, 29} <= set(analysis.keyframes.tolist())


def test_a_dissolve_shows() -> None:
    here = draw(background(), panning(30, 0.0), SIZE, noise=1.0).frames.astype(float)
    there = draw(other_background(), panning(30, 0.0), SIZE, noise=1.0).frames.astype(float)
    mix = np.clip((np.arange(30) - 9) / 10, 0, 1)[:, None, None, None]
    analysis = run((here * (1 - mix) + there * mix).astype(np.uint8))
    breaks = np.nonzero(analysis.explained < 0.3)[0]
    assert len(breaks) == 1
    assert 10 <= breaks[0] <= 22


def test_a_flash_is_bridged_and_no_keyframe() -> None:
    drawn = draw(background(), panning(24, 2.0), SIZE, noise=2.0)
    frames = drawn.frames.copy()
    frames[10] = 252
    frames[16] = np.clip(frames[16] * 1.4 + 30.0, 0, 255).astype(np.uint8)
    analysis = run(frames)
    errors = corner_error(chain(analysis.motion), drawn.cameras, *SIZE)
    assert np.delete(errors, 10).max() < 0.5
    assert analysis.explained.min() > 0.5
    assert 10 not in analysis.keyframes


def test_a_pan_goes_on_while_it_fades_to_black_and_black_frames_are_no_keyframes() -> None:
    drawn = draw(background(), panning(36, 2.0), SIZE, noise=1.0)
    gain = np.clip(np.linspace(2.2, 0.0, 36), 0.0, 1.0)
    analysis = run((drawn.frames * gain[:, None, None, None]).astype(np.uint8))
    errors = corner_error(chain(analysis.motion), drawn.cameras, *SIZE)
    assert errors[gain > 0.25].max() < 0.5
    assert analysis.explained[gain > 0.25].min() > 0.5
    assert gain[analysis.keyframes].min() > 0.05
    assert analysis.luma[-1] < 2.0 < 100.0 < analysis.luma[0]


def test_a_black_frame_before_a_break_is_no_keyframe() -> None:
    selection = KeyframeSelection(8, SIZE)
    proxy, detail = np.zeros((180, 240, 3), np.uint8), np.full((6, 8), 40.0)
    for index, light in enumerate((0.0, 0.9, 1.0, 1.0)):
        selection.add(Candidate(index, proxy, IDENTITY, segment=min(index, 1), detail=light**2 * detail))
    assert [c.index for c in selection.finish(8)] == [1, 2, 3]


def test_frames_are_read_once_and_few_are_kept() -> None:
    alive: list[int] = []
    drawn = draw(background(), panning(4, 6.0), SIZE, noise=1.0)

    def stream() -> Iterator[np.ndarray]:
        for i in range(40):
            alive.append(i)
            yield drawn.frames[i % 4]

    analysis = analyze(stream(), VALID, 2.0, AnalyzeSettings(max_keyframes=5))
    assert alive == list(range(40))
    assert len(analysis.motion) == len(analysis.explained) == len(analysis.holds) == len(analysis.luma) == 40
    assert len(analysis.proxies) <= 5


def test_one_frame_is_a_scene_and_none_is_not() -> None:
    frame = draw(background(), panning(1, 0.0), SIZE).frames
    analysis = run(frame)
    assert analysis.keyframes.tolist() == [0]
    assert analysis.explained.tolist() == [1.0]
    with pytest.raises(ValueError, match="without frames"):
        run(frame[:0])


def test_the_same_scene_gives_the_same_bytes() -> None:
    drawn = draw(background(), panning(10, 3.0), SIZE, walker(60, 95, 2.0), noise=2.0)
    first, second = run(drawn.frames), run(drawn.frames)
    assert first.motion.tobytes() == second.motion.tobytes()
    assert first.keyframes.tolist() == second.keyframes.tolist()
