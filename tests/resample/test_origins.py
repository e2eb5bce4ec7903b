"""Where the wings' pixels come from: the map of a frame, and the share of a shot's wings that some frame has seen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from resample_scene import COLOR, YUV420P, Planes, canvas, picture_of, shot_of, whole_window, window_of

from remaster.arrays import Mask
from remaster.imaging import camera as cam
from remaster.imaging.geometry import Window
from remaster.media.types import Rect
from remaster.propagation.grid import Grid
from remaster.records import Background, Borrowed, Key, Propagation, Shot
from remaster.resample.layout import FrameFormat
from remaster.resample.origins import (
    GENERATED,
    LENT,
    ORIGINAL,
    PROPAGATED,
    RECOVERED,
    SOFT,
    background_origins,
    recovered_share,
)
from remaster.resample.rendering import FilmTraces, SceneRenderers, ShotDonors, ShotWings, WingRenderer
from remaster.resample.tuning import ResampleSettings

WIDE, TALL = window_of(160, 120, YUV420P), window_of(120, 160, YUV420P, "120/212")
LOOK = cam.translation(60.0, 22.0)
FRAMES, STEP, AT = 12, 2, 7
"""Frames of a pan, pixels that it goes in each, and the frame whose map is looked at."""


def drawn(shot: Shot, shown: Window = WIDE, gate: Mask | None = None, fill_gate: bool = True) -> WingRenderer:
    """A renderer after frame ``AT`` of a shot (or its last one) has been drawn."""
    frames = [picture(shown)] * len(shot.cameras)
    film, donors = FilmTraces(gate=gate, fill_gate=fill_gate), ShotDonors(read=lambda i: frames[i])
    renderer = WingRenderer(shot, FrameFormat(shown, YUV420P, COLOR), film, ResampleSettings(), 1, donors)
    for index in range(min(AT + 1, len(frames))):
        frames[index] = tuple(plane ^ (index & 1) for plane in frames[index])  # No two frames are the same.
        renderer.render(index, frames[index], False)
    return renderer


def picture(shown: Window) -> Planes:
    return picture_of(whole_window(shown, LOOK, YUV420P), shown, YUV420P)


def covered(left: int) -> Background:
    """The scene's background, seen from column ``left`` on."""
    known = canvas()
    coverage = np.zeros_like(known.coverage)
    coverage[:, left:] = True
    return replace(known, coverage=coverage, holes=~coverage)


def pan(shown: Window, generated: bool, gate: Mask | None = None) -> Shot:
    """A propagated shot whose set moves inwards on the upright picture's left: that side is known from the future."""
    ways = [np.repeat(cam.translation(way * STEP, 0)[None], FRAMES, axis=0) for way in (-1.0, 1.0)]
    grid = Grid.of(shown, gate)
    size = (grid.height, grid.span_x[1] - grid.span_x[0])
    size = size[::-1] if shown.vertical else size
    image = Background(np.full((*size, 3), 90, np.uint8), *(np.ones(size, bool) for _ in range(3)))
    key = Key(0, FRAMES, FRAMES // 2, image if generated else None)
    lives = np.full((2, FRAMES, 4, 2), 40.0, np.float32)
    moves = Propagation(np.array(ways), np.zeros((2, FRAMES, 2, 32, 2), np.float32), lives, (key,))
    return replace(shot_of([LOOK] * FRAMES, None, "propagated"), propagation=moves)


def edge(shown: Window) -> Mask:
    """A projector's gate, four pixels wide all around."""
    gate = np.ones((shown.active.height, shown.active.width), bool)
    gate[4:-4, 4:-4] = False
    return gate


def middle(origins: npt.NDArray[np.uint8]) -> list[int]:
    """The kinds along the window's middle row."""
    return [int(kind) for kind in origins[len(origins) // 2]]


def test_a_background_is_recovered_where_frames_saw_it_and_generated_elsewhere() -> None:
    renderer = drawn(shot_of([LOOK], covered(60 - 10)))
    assert middle(renderer.origins()) == [GENERATED] * (WIDE.x - 10) + [RECOVERED] * 10 + [ORIGINAL] * 160 + [
        RECOVERED
    ] * (WIDE.width - WIDE.x - 160)


def test_the_soft_fill_is_soft() -> None:
    origins = drawn(shot_of([LOOK], None, "ambient")).origins()
    assert np.unique(origins[:, : WIDE.x]).tolist() == np.unique(origins[:, WIDE.x + 160 :]).tolist() == [SOFT]
    assert not origins[:, WIDE.x : WIDE.x + 160].any()


@pytest.mark.parametrize(("generated", "under"), [(True, GENERATED), (False, SOFT)])
def test_pixels_of_near_frames_are_propagated_over_the_generated_picture(generated: bool, under: int) -> None:
    kinds = middle(drawn(pan(WIDE, generated)).origins())
    left, right = kinds[: WIDE.x][::-1], kinds[WIDE.x + 160 :]
    assert kinds[WIDE.x : WIDE.x + 160] == [ORIGINAL] * 160
    for side, frames in ((left, FRAMES - 1 - AT), (right, AT)):
        assert side == sorted(side, key=[PROPAGATED, under].index)
        assert side.count(PROPAGATED) == pytest.approx(STEP * frames, abs=3)


def test_wings_above_and_below_are_left_and_right_ones_turned() -> None:
    beside, above = (drawn(pan(shown, True), shown).origins() for shown in (WIDE, TALL))
    assert TALL.vertical and (TALL.height, TALL.width) == (WIDE.width, WIDE.height)
    np.testing.assert_array_equal(above, beside.T)


@pytest.mark.parametrize("method", ["mosaic", "propagated"])
def test_a_filled_gate_is_not_original(method: str) -> None:
    gate = edge(WIDE)
    shot = shot_of([LOOK], covered(0)) if method == "mosaic" else pan(WIDE, True, gate)
    inner = np.s_[:, WIDE.x : WIDE.x + 160]
    filled = drawn(shot, gate=gate).origins()
    np.testing.assert_array_equal(filled[inner] == ORIGINAL, ~gate)
    beside = {int(kind) for kind in filled[60, WIDE.x : WIDE.x + 4]}
    assert beside == ({RECOVERED} if method == "mosaic" else {PROPAGATED})
    kept = drawn(shot, gate=gate, fill_gate=False).origins()
    assert not kept[inner].any()


def test_a_dissolve_shows_the_shot_with_the_larger_share() -> None:
    shown, mix = picture(WIDE), np.array([[0.6, 0.3, 0.2], [0.4, 0.7, 0.3]], np.float32)
    first, last = shot_of([LOOK], covered(0)), replace(shot_of([LOOK], None, "ambient"), start=4, end=5)
    turn = replace(shot_of([LOOK] * 3, covered(200), "still"), start=1, end=4, mix=mix)

    def make(shot: Shot, before: ShotWings | None, after: ShotWings | None) -> WingRenderer:
        form, donors = FrameFormat(WIDE, YUV420P, COLOR), ShotDonors(before=before, after=after)
        return WingRenderer(shot, form, FilmTraces(), ResampleSettings(), 1, donors)

    renderers = SceneRenderers([first, turn, last], make, lambda frame: shown)
    renderers.renderer(first).render(0, shown, False)
    mixed, kinds = renderers.renderer(turn), []
    for index in range(3):
        mixed.render(index, tuple(plane ^ index for plane in shown), False)
        kinds.append(middle(mixed.origins())[0])
    assert kinds == [RECOVERED, SOFT, GENERATED]


def seen_between(left: int, right: int) -> Background:
    """A background of 420 x 180 seen in columns ``[left, right)``."""
    whole = canvas()
    coverage = np.zeros((180, 420), bool)
    coverage[:, left:right] = True
    return Background(whole.image, coverage, ~coverage, np.zeros_like(coverage))


def test_a_whole_background_covers_all() -> None:
    assert recovered_share(shot_of([cam.translation(60, 22)], canvas()), WIDE) == 1.0


def test_nothing_is_recovered_without_a_background_or_coverage() -> None:
    still = seen_between(60, 220)
    assert recovered_share(shot_of([cam.translation(60, 22)], None, "ambient"), WIDE) == 0.0
    assert recovered_share(shot_of([cam.translation(60, 22)], still, "still"), WIDE) == 0.0


def test_half_of_one_wing_counts_as_a_quarter() -> None:
    background = seen_between(60 - WIDE.x // 2, 220)
    assert recovered_share(shot_of([cam.translation(60, 22)], background), WIDE) == pytest.approx(0.25, abs=0.03)


def test_frames_are_averaged() -> None:
    cameras = [cam.translation(60, 22)] * 3 + [cam.translation(120, 22)]
    background = seen_between(60, 220)
    last = recovered_share(shot_of(cameras[3:], background), WIDE)
    assert last == pytest.approx(0.5, abs=0.03)
    assert recovered_share(shot_of(cameras, background), WIDE) == pytest.approx(last / 4, abs=0.01)


def test_outside_the_canvas_nothing_is_covered() -> None:
    assert recovered_share(shot_of([cam.translation(0, 0)], canvas(160, 120)), WIDE) == 0.0


def test_a_zoomed_camera_sees_more() -> None:
    background = seen_between(60, 220)
    zoomed = np.array([[0.5, 0, 100.0], [0, 0.5, 50.0]])
    assert recovered_share(shot_of([zoomed], background), WIDE) == 1.0


def test_what_only_others_of_the_set_saw_is_told_apart() -> None:
    known = covered(0)
    lent = np.zeros_like(known.coverage)
    lent[:, :5] = True
    known = replace(known, borrowed=Borrowed("set", 1, lent))
    found = background_origins(known, cam.translation(0.0, 0.0), Rect(-2, 0, 12, 3))
    assert found[0].tolist() == [GENERATED] * 2 + [LENT] * 5 + [RECOVERED] * 5
