"""Figures that the join cuts are continued by donor frames that show them whole, where these predict the picture."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pytest
from resample_scene import COLOR, YUV420P, Planes, canvas, picture_of, renderer, seen, shot_of, window_of

from remaster.arrays import Rgb
from remaster.imaging import camera as cam
from remaster.imaging.geometry import Window
from remaster.media.planes import crop, from_rgb, resize_rgb, to_rgb
from remaster.media.types import Rect
from remaster.records import Footage
from remaster.resample.continuation import continue_figures
from remaster.resample.figure_layers import Continuation
from remaster.resample.tuning import Grain, ResampleSettings

LOOK = cam.translation(60.0, 22.0)
CLEAN = ResampleSettings(grain=Grain.none)
SHOWN = window_of(160, 120, YUV420P)
TOP, TALL, BROAD = 30, 64, 30
NO_GRAIN = 0.0


def figure(phase: int = 0) -> tuple[Rgb, npt.NDArray[np.bool_]]:
    """A figure: an egg with a face and stripes, different in each phase."""
    y, x = np.mgrid[:TALL, :BROAD]
    inside = ((x - BROAD / 2 + 0.5) / (BROAD / 2)) ** 2 + ((y - TALL / 2 + 0.5) / (TALL / 2)) ** 2 < 1
    image = np.empty((TALL, BROAD, 3), np.uint8)
    image[:] = 200, 40, 50
    image[(y + 3 * phase) // 7 % 3 == 0] = 240, 230, 60
    image[np.hypot(x - 9 - 2 * phase, y - 18) < 5] = 15, 15, 25
    return image, np.asarray(inside)


def window_frames(places: Sequence[int], phases: Sequence[int] | None = None) -> list[Planes]:
    """The truth over the whole window, with the figure's left edge at each of the window's columns in turn."""
    set_up = seen(LOOK, Rect(-SHOWN.x, -SHOWN.y, SHOWN.width, SHOWN.height))
    frames = []
    for i, place in enumerate(places):
        image, inside = figure(phases[i] if phases else 0)
        whole = np.pad(set_up, ((0, 0), (BROAD, BROAD), (0, 0)), mode="edge")
        whole[TOP : TOP + TALL, BROAD + place : 2 * BROAD + place][inside] = image[inside]
        frames.append(tuple(from_rgb(np.ascontiguousarray(whole[:, BROAD:-BROAD]), YUV420P, COLOR)))
    return frames


def footage(pictures: Sequence[Planes]) -> Footage:
    def small(start: int, end: int, width: int, height: int) -> Iterator[Rgb]:
        return (resize_rgb(p, YUV420P, COLOR, width, height) for p in pictures[start:end])

    def strips(wanted: Mapping[int, Sequence[Rect]]) -> Iterator[Sequence[Rgb]]:
        for index in sorted(wanted):
            yield [to_rgb(crop(pictures[index], YUV420P, rect), YUV420P, COLOR, 120) for rect in wanted[index]]

    return Footage(small, strips)


def plan(pictures: Sequence[Planes], holds: Sequence[bool] | None = None, shown: Window = SHOWN) -> Continuation | None:
    held = np.array(holds if holds is not None else [False] * len(pictures))
    shot = shot_of([LOOK] * len(pictures), canvas())
    return continue_figures(shot, shown, held, None, NO_GRAIN, YUV420P, footage(pictures))


def drawn(pictures: Sequence[Planes], holds: Sequence[bool], continuation: Continuation | None) -> list[Planes]:
    shot = shot_of([LOOK] * len(pictures), canvas())
    render = renderer(shot, SHOWN, settings=CLEAN, continuation=continuation)
    return [render.render(i, p, held) for i, (p, held) in enumerate(zip(pictures, holds, strict=True))]


def walk(side: str, inwards: bool) -> list[int]:
    """Columns of the window at which a figure is that enters or leaves at a side."""
    way = list(range(SHOWN.x - 14, SHOWN.x + 40, 3))
    places = way if side == "left" else [SHOWN.width - BROAD - x for x in way]
    return places if inwards else places[::-1]


def errors(truth: Sequence[Planes], frames: Sequence[Planes]) -> list[float]:
    """Mean squared error of the wings where the figure belongs, for each frame that has enough of him there."""
    empty = window_frames([-BROAD])[0]
    found = []
    for t, frame in zip(truth, frames, strict=True):
        his = np.abs(t[0].astype(float) - empty[0]) > 8
        his[:, SHOWN.x : SHOWN.x + 160] = False
        if his.sum() > 60:
            found.append(float(((frame[0].astype(float) - t[0])[his] ** 2).mean()))
    return found


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("inwards", [True, False])
def test_a_figure_that_crosses_the_join_is_whole_in_the_wing(side: str, inwards: bool) -> None:
    places = walk(side, inwards)
    truth = window_frames(places)
    pictures = [picture_of(t, SHOWN, YUV420P) for t in truth]
    holds = [False] * len(places)
    soft, whole = drawn(pictures, holds, None), drawn(pictures, holds, plan(pictures))
    without, with_rest = errors(truth, soft), errors(truth, whole)
    assert len(without) >= 3
    assert np.mean(with_rest) < 0.15 * np.mean(without), f"{np.mean(with_rest):.0f} of {np.mean(without):.0f}"


@pytest.mark.parametrize("inwards", [True, False])
def test_periodic_motion_is_extrapolated_where_the_figure_is_outside(inwards: bool) -> None:
    count = 26
    places = [SHOWN.x - BROAD - 9 + 3 * i for i in range(count)]
    phases = [i % 6 for i in range(count)]
    places, phases = (places, phases) if inwards else (places[::-1], phases[::-1])
    truth = window_frames(places, phases)
    pictures = [picture_of(t, SHOWN, YUV420P) for t in truth]
    holds = [False] * count
    soft, whole = drawn(pictures, holds, None), drawn(pictures, holds, plan(pictures))
    unseen = [i for i, place in enumerate(places) if place + BROAD <= SHOWN.x]
    shown = unseen[-1:] if inwards else unseen[:1]
    without, with_rest = (errors([truth[i] for i in shown], [w[i] for i in shown]) for w in (soft, whole))
    assert len(without) == 1
    assert np.mean(with_rest) < 0.15 * np.mean(without), f"{np.mean(with_rest):.0f} of {np.mean(without):.0f}"


def test_the_same_frames_give_the_same_bytes() -> None:
    pictures = [picture_of(t, SHOWN, YUV420P) for t in window_frames(walk("left", True))]
    holds = [False] * len(pictures)
    one, other = (drawn(pictures, holds, plan(pictures)) for _ in range(2))
    assert all(np.array_equal(a, b) for f, g in zip(one, other, strict=True) for a, b in zip(f, g, strict=True))


def test_equal_frames_get_equal_wings_and_no_part_of_the_picture_changes() -> None:
    places = [x for x in walk("left", True) for _ in range(2)]
    pictures = [picture_of(t, SHOWN, YUV420P) for t in window_frames(places)]
    holds = [i % 2 == 1 for i in range(len(places))]
    continuation = plan(pictures, holds)
    assert continuation is not None and any(continuation.placements)
    frames = drawn(pictures, holds, continuation)
    for first, second in zip(frames[::2], frames[1::2], strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
    for picture, frame in zip(pictures, frames, strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(picture, picture_of(frame, SHOWN, YUV420P), strict=True))


def test_a_short_match_does_not_flash() -> None:
    places = walk("left", True)
    cut = [i for i, place in enumerate(places) if place < SHOWN.x]
    pictures = [picture_of(t, SHOWN, YUV420P) for t in window_frames(places)]
    nobody = picture_of(window_frames([-BROAD])[0], SHOWN, YUV420P)
    assert plan([p if i in cut[-3:] or i not in cut else nobody for i, p in enumerate(pictures)]) is None
    assert plan(pictures) is not None


def test_a_figure_that_changes_too_much_is_not_continued() -> None:
    places = walk("left", True)
    rng = np.random.default_rng(5)
    pictures = []
    for t in window_frames(places):
        picture = [p.copy() for p in picture_of(t, SHOWN, YUV420P)]
        his = np.abs(picture[0].astype(float) - picture_of(window_frames([-BROAD])[0], SHOWN, YUV420P)[0]) > 8
        blocks = np.kron(rng.integers(30, 220, (15, 20)), np.ones((8, 8))).astype(np.uint8)
        picture[0][his] = blocks[his]
        pictures.append(tuple(picture))
    assert plan(pictures) is None


def test_figures_never_cut_or_never_whole_are_not_continued() -> None:
    inside = [picture_of(t, SHOWN, YUV420P) for t in window_frames(list(range(SHOWN.x + 30, SHOWN.x + 60, 3)))]
    assert plan(inside) is None
    cut = [picture_of(t, SHOWN, YUV420P) for t in window_frames(list(range(SHOWN.x - 20, SHOWN.x - 5, 3)))]
    assert plan(cut) is None


def test_a_layer_has_the_light_of_each_frame() -> None:
    places = walk("left", True)
    lights = np.linspace(0.5, 1.0, len(places))
    truth = [
        tuple(
            np.rint((p.astype(float) - pivot) * light + pivot).astype(np.uint8)
            for p, pivot in zip(t, (16, 128, 128), strict=True)
        )
        for t, light in zip(window_frames(places), lights, strict=True)
    ]
    pictures = [picture_of(t, SHOWN, YUV420P) for t in truth]
    continuation = plan(pictures)
    frames = drawn(pictures, [False] * len(places), continuation)
    assert continuation is not None
    shown = [i for i, there in enumerate(continuation.placements) if there and there[0].strength == 1]
    assert shown
    for i in shown:
        rows = slice(TOP + 8, TOP + TALL - 8)
        wing = frames[i][0][rows, SHOWN.x - 6 : SHOWN.x].astype(float), truth[i][0][rows, SHOWN.x - 6 : SHOWN.x]
        assert np.abs(wing[0] - wing[1]).mean() < 12


def test_a_layer_has_no_shadow_of_its_donor() -> None:
    places = walk("left", True)
    y, x = np.mgrid[: SHOWN.height, : SHOWN.width]
    pictures = []
    for t, place in zip(window_frames(places), places, strict=True):
        ground = np.hypot((x - place - BROAD / 2) / 26, (y - TOP - TALL - 2) / 8) < 1
        whole = to_rgb(t, YUV420P, COLOR)
        shadow = ground & (y >= TOP + TALL)
        whole[shadow] = np.rint(whole[shadow] * 0.7)
        pictures.append(picture_of(tuple(from_rgb(whole, YUV420P, COLOR)), SHOWN, YUV420P))
    continuation = plan(pictures)
    assert continuation is not None
    for layer in continuation.layers:
        r = layer.rect
        middle = layer.alpha[TOP + 10 - r.y : TOP + TALL - 10 - r.y]
        ground = layer.alpha[TOP + TALL + 2 - r.y :]
        assert middle.max(axis=1).min() > 240
        assert ground.size and ground.mean() < 0.2 * 255


def test_the_continued_share_is_measured() -> None:
    pictures = [picture_of(t, SHOWN, YUV420P) for t in window_frames(walk("left", True))]
    shot = shot_of([LOOK] * len(pictures), canvas())
    shares = []
    for continuation in (None, plan(pictures)):
        render = renderer(shot, SHOWN, settings=CLEAN, continuation=continuation)
        assert render.continued is None
        for i, picture in enumerate(pictures):
            render.render(i, picture, False)
        shares.append(render.continued)
    assert shares[0] == 0.0
    assert shares[1] is not None and 0.5 < shares[1] <= 1.0
