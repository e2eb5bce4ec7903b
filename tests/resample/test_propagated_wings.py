"""Wings of propagated shots, planned, filled and drawn, against drawn sets that are known everywhere."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from moving_scenes import YUV, Clip, cheap_fills, texture, to_8bit, two_planes, wing_error

from remaster.arrays import Rgb
from remaster.imaging.camera import IDENTITY
from remaster.imaging.geometry import Window, window
from remaster.media.types import ColorSpec, PixelFormat, Rect
from remaster.propagation.tuning import TUNING

OLDEST = TUNING.tracing.max_age

SPEEDS = 1.0, 3.0
COUNT = 24
DEEP = PixelFormat("yuv444p10le", "yuv", 10, 0, 0)
RGB, FULL = PixelFormat("gbrp", "rgb"), ColorSpec(matrix=0, full_range=True)


def shown(
    width: int = 128, height: int = 96, aspect: str = "16/9", framing: float = 0.5, pixel_format: PixelFormat = YUV
) -> Window:
    return window(Rect(0, 0, width, height), Fraction(1), pixel_format, Fraction(aspect), framing)


def gains(clip: Clip, drawn: list[Rgb], frames: range, within: Window | None = None) -> dict[str, float]:
    """By how many decibels the wings are nearer to the truth than each of the cheap fills of the picture ``within``."""
    own, cheap = [], {"edge": [], "mirror": [], "telea": []}  # type: ignore[var-annotated]
    for i in frames:
        own.append(wing_error(drawn[i], clip.truth[i], clip.window))
        for name, picture in cheap_fills(clip.truth[i], within or clip.window).items():
            cheap[name].append(wing_error(picture, clip.truth[i], clip.window))
    return {name: float(10 * np.log10(np.mean(errors) / np.mean(own))) for name, errors in cheap.items()}


@pytest.mark.parametrize(
    ("pixel_format", "color"), [(YUV, None), (DEEP, None), (RGB, FULL)], ids=["420", "444p10", "gbrp"]
)
def test_a_set_of_two_speeds_is_nearer_to_the_truth_than_any_cheap_fill(
    pixel_format: PixelFormat, color: ColorSpec | None
) -> None:
    where = shown(pixel_format=pixel_format)
    truth = two_planes(where, COUNT, SPEEDS)
    clip = Clip.of(where, truth, pixel_format, color) if color else Clip.of(where, truth, pixel_format)
    made = clip.planned()
    assert made.keys[0].picture is None, "where the camera moves, what nobody saw is soft"
    renderer = clip.renderer(clip.shot(made))
    drawn = [renderer.render(i, p, False) for i, p in enumerate(clip.planes)]
    assert min(gains(clip, [clip.rgb(p) for p in drawn], range(5, COUNT - 5)).values()) > 1.5
    shares = renderer.shares
    assert shares is not None and shares.propagated > 0.6 and shares.recovered == 0
    assert shares.propagated + shares.generated + shares.soft == pytest.approx(1)
    assert shares.coverage == shares.propagated
    for planes, picture in zip(drawn, clip.planes, strict=True):
        for p, (whole, inner) in enumerate(zip(planes, picture, strict=True)):
            x = where.x >> (pixel_format.log2_chroma_w if p else 0)
            np.testing.assert_array_equal(whole[:, x : x + inner.shape[1]], inner)


def test_a_slow_pan_of_a_large_picture_is_propagated() -> None:
    where = shown(320, 240)
    truth = two_planes(where, 39, (0.8, 0.6))
    clip = Clip.of(where, truth)
    renderer = clip.renderer(clip.shot(clip.planned(budget=0)))
    drawn = {i: clip.rgb(renderer.render(i, clip.planes[i], False)) for i in (20, 38)}
    seen = slice(where.x - 14, where.x - 2)  # left of the picture lies what 20 frames of at least 0.6 pixels have shown
    for i, picture in drawn.items():
        difference = picture[:, seen].astype(float) - truth[i][:, seen]
        edge = cheap_fills(truth[i], where)["edge"][:, seen].astype(float) - truth[i][:, seen]
        if i == 38:
            assert (difference**2).mean() < 0.25 * (edge**2).mean()


def test_wings_above_and_below_are_those_beside_the_turned_picture() -> None:
    where = shown()
    truth = two_planes(where, COUNT, SPEEDS)
    above = Window(Rect(0, 0, 96, 128), where.height, where.width, where.y, where.x)
    assert above.vertical
    plain = PixelFormat("yuv444p", "yuv", 8, 0, 0)
    clip = Clip.of(where, truth, plain)
    turned = Clip.of(above, [np.ascontiguousarray(p.swapaxes(0, 1)) for p in truth], plain)
    drawn = [[c.rgb(p) for p in c.drawn(c.shot(c.planned(budget=0)))] for c in (clip, turned)]
    for straight, stood in zip(*drawn, strict=True):
        back = stood.swapaxes(0, 1)
        assert np.abs(straight.astype(int) - back).mean() < 1.0
    assert min(gains(turned, drawn[1], range(5, COUNT - 5)).values()) > 1.5


@pytest.mark.parametrize("framing", [0.0, 1.0])
def test_one_wing_alone(framing: float) -> None:
    where = shown(framing=framing)
    assert len(where.wings) == 1
    clip = Clip.of(where, two_planes(where, COUNT, SPEEDS))
    drawn = clip.drawn(clip.shot(clip.planned()))
    assert min(gains(clip, [clip.rgb(p) for p in drawn], range(5, COUNT - 5)).values()) > 1.0


def test_wings_wider_than_the_picture() -> None:
    where = shown(36, 64)
    assert where.x > 36
    clip = Clip.of(where, two_planes(where, COUNT, SPEEDS))
    drawn = clip.drawn(clip.shot(clip.planned()))
    assert min(gains(clip, [clip.rgb(p) for p in drawn], range(5, COUNT - 5)).values()) > 0.5


def test_a_gate_never_enters_the_wings() -> None:
    where, depth = shown(), 5
    gate = np.ones((96, 128), bool)
    gate[depth:-depth, depth:-depth] = False
    truth = two_planes(where, COUNT, SPEEDS)
    framed = [picture.copy() for picture in truth]
    for picture in framed:
        picture[:, where.x : where.x + 128][gate] = 0
    clip = Clip.of(where, framed)
    drawn = [clip.rgb(p) for p in clip.drawn(clip.shot(clip.planned(gate)), gate)]
    whole = Clip.of(where, truth)
    within = Window(Rect(0, 0, 128 - 2 * depth, 96 - 2 * depth), where.width, where.height, where.x + depth, depth)
    assert min(gains(whole, drawn, range(5, COUNT - 5), within).values()) > 0.3
    for i in range(COUNT):
        dark = (drawn[i] < 25).all(axis=-1) & (truth[i] > 60).all(axis=-1)
        assert dark[:, : where.x].mean() < 0.002 and dark[:, where.x + 128 :].mean() < 0.002


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_shots_of_a_few_frames(count: int) -> None:
    where = shown()
    clip = Clip.of(where, two_planes(where, count, SPEEDS))
    made = clip.planned()
    assert made.cameras.shape == (2, count, 2, 3)
    assert [(k.start, k.end) for k in made.keys] == [(0, count)]
    drawn = [clip.rgb(p) for p in clip.drawn(clip.shot(made))]
    assert all(p.shape == (where.height, where.width, 3) for p in drawn)
    assert min(wing_error(d, np.zeros_like(d), where) for d in drawn) > 1000, "the wings are not left black"


@pytest.mark.parametrize(("width", "height"), [(48, 32), (33, 27), (16, 12)])
def test_tiny_and_odd_pictures(width: int, height: int) -> None:
    plain = PixelFormat("yuv444p", "yuv", 8, 0, 0) if width % 2 else YUV
    where = shown(width, height, "12/5", pixel_format=plain)
    clip = Clip.of(where, two_planes(where, 12, SPEEDS), plain)
    drawn = [clip.rgb(p) for p in clip.drawn(clip.shot(clip.planned()))]
    assert gains(clip, drawn, range(2, 10))["mirror"] > 0.3


def moving() -> Clip:
    where = shown()
    return Clip.of(where, two_planes(where, COUNT, SPEEDS))


def resting() -> Clip:
    where = shown()
    return Clip.of(where, two_planes(where, 1, SPEEDS) * 12)


def test_the_same_frames_give_the_same_bytes() -> None:
    where = shown()
    pan = two_planes(where, COUNT, SPEEDS)
    clip = Clip.of(where, [*pan, *[pan[-1]] * 12])
    first, second = (clip.drawn(clip.shot(clip.planned())) for _ in range(2))
    for a, b in zip(first, second, strict=True):
        assert all(map(np.array_equal, a, b))


def test_a_renderer_that_starts_in_the_middle_draws_what_one_from_the_start_draws() -> None:
    clip = moving()
    shot = clip.shot(clip.planned())
    whole, late = clip.drawn(shot), clip.drawn(shot, first=17)
    for a, b in zip(whole[22:], late[5:], strict=True):
        difference = np.abs(clip.rgb(a).astype(int) - clip.rgb(b))
        assert difference.mean() < 0.6, "but for the light at the join and the soft fill, which are steady in time"


def test_equal_frames_and_holds_have_equal_wings_and_motion_goes_on_after_them() -> None:
    where = shown()
    truth = two_planes(where, COUNT, SPEEDS)
    truth = [truth[i // 2] for i in range(COUNT)]
    clip = Clip.of(where, truth)
    assert clip.holds[1::2].all() and not clip.holds[::2].any()
    made = clip.planned()
    assert (made.cameras[0, 1::2] == np.array([[1, 0, 0], [0, 1, 0]])).all(), "a hold does not move"
    drawn = clip.drawn(clip.shot(made))
    for a, b in zip(drawn[::2], drawn[1::2], strict=True):
        assert all(map(np.array_equal, a, b))
    assert not np.array_equal(drawn[0][0], drawn[2][0])
    assert min(gains(clip, [clip.rgb(p) for p in drawn], range(6, COUNT - 6)).values()) > 1.0


def test_frames_are_read_only_near_the_one_that_is_drawn() -> None:
    where = shown(64, 48)
    pan, rest = two_planes(where, 12, SPEEDS), OLDEST + 20
    truth = [*pan, *[pan[-1]] * rest, *pan[::-1]]
    clip = Clip.of(where, truth)
    asked: list[int] = []
    renderer = clip.renderer(clip.shot(clip.planned(budget=0)), asked=asked)
    used = set()
    for i, planes in enumerate(clip.planes):
        asked.clear()
        renderer.render(i, planes, False)
        assert all(abs(j - i) <= OLDEST and j != i for j in asked), f"frame {i}"
        used.update(asked)
    assert used, "the camera moved"


def test_a_hidden_cut_keeps_each_set_to_its_own_side() -> None:
    where = shown(64, 48)
    bright = [np.full((where.height, where.width, 3), 225, np.uint8) for _ in range(20)]
    dark = [(p // 4).astype(np.uint8) for p in two_planes(where, 20, SPEEDS)]
    clip = Clip.of(where, [*dark, *bright])
    drawn = [clip.rgb(p) for p in clip.drawn(clip.shot(clip.planned(budget=0)))]
    for i in range(26, 40):
        assert wing_error(drawn[i], clip.truth[i], where) < 15**2, f"frame {i}"
    for i in range(16):
        assert wing_error(drawn[i], clip.truth[i], where) < 30**2, f"frame {i}"


def test_neither_figures_nor_the_middle_are_copied() -> None:
    clip = resting()
    figures = np.zeros((96, 128), bool)
    figures[50:, 4:16] = True
    for key in clip.planned(figures=figures).keys:
        assert key.picture is not None
        left = clip.window.x + (key.picture.image.shape[1] - clip.window.width) // 2
        marked = key.picture.figures[:, left : left + 128]
        assert marked[figures].all(), "who stands there"
        assert marked[:, 20:108].all(), "the middle, where figures stand that no mask knows"
        assert not marked[:40, :10].any() and not marked[:40, 118:].any()
        assert not (key.picture.holes & key.picture.coverage).any()
    changing = np.zeros((96, 128), bool)
    changing[:, :30] = changing[:60, 100:] = True
    (picture, *_) = [key.picture for key in clip.planned(figures=changing).keys]
    assert picture is not None
    left = clip.window.x + (picture.image.shape[1] - clip.window.width) // 2
    assert not picture.figures[:, left : left + 10].any(), "masks over most of the border name the set, not figures"


def test_confetti_before_a_resting_set_does_not_move_it() -> None:
    """Confetti over a painted set: most of the border's texture moves, the camera does not."""
    rng = np.random.default_rng(5)
    here = shown()
    painted = to_8bit(texture(96, here.width, seed=5))
    columns, rows, colours = rng.integers(0, here.width, 30), rng.integers(0, 96, 30), rng.integers(0, 255, (30, 3))
    truth = []
    for i in range(20):
        frame = painted.copy()
        for x, y, colour in zip(columns, rows, colours, strict=True):
            top = (y + 3 * i) % 96
            frame[top : top + 5, x : x + 4] = colour
        truth.append(frame)
    made = Clip.of(here, truth).planned()
    assert np.abs(made.own).max() == 0
    assert np.allclose(made.cameras, IDENTITY)


def test_pictures_are_generated_within_the_budget() -> None:
    clip = resting()
    whole = clip.planned()
    assert whole.keys[0].picture is not None
    size = whole.keys[0].picture.image.shape[0] * whole.keys[0].picture.image.shape[1]
    assert clip.planned(budget=size).keys[0].picture is not None
    none = clip.planned(budget=size - 1)
    assert none.keys[0].picture is None
    shot = clip.shot(none)
    renderer = clip.renderer(shot)
    for i, planes in enumerate(clip.planes):
        renderer.render(i, planes, False)
    assert renderer.shares is not None and renderer.shares.generated == 0 and renderer.shares.soft > 0.1
    ambient = clip.renderer(replace(shot, method="ambient", propagation=None))
    ambient.render(0, clip.planes[0], False)
    assert ambient.shares is None
