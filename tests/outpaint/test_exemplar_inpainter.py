"""The embedded inpainter on drawn pictures whose continuation is known."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from remaster.arrays import Mask, Rgb
from remaster.outpaint import Filled, FillTask
from remaster.outpaint.exemplar import ExemplarInpainter
from remaster.outpaint.exemplar.exemplar_inpainter import cut_off, groups
from remaster.outpaint.exemplar.pyramid_level import Masks, shrink
from remaster_sample.episodes import EPISODES
from remaster_sample.render import render

HEIGHT, WIDTH, WING = 72, 132, 18


def wings(height: int = HEIGHT, width: int = WIDTH, wing: int = WING) -> Mask:
    holes = np.zeros((height, width), bool)
    holes[:, :wing] = holes[:, width - wing :] = True
    return holes


def fill(picture: Rgb, holes: Mask, unknown: Mask | None = None, seed: int = 1) -> Filled:
    known = ~holes if unknown is None else ~holes & ~unknown
    image = picture.copy()
    image[holes] = 255 - image[holes]
    return ExemplarInpainter().fill([FillTask(image, holes, known, seed)])[0]


def landscape(height: int = HEIGHT, width: int = WIDTH) -> Rgb:
    """A sky with a gradient, an outlined horizon and grass of random strokes."""
    rng = np.random.default_rng(3)
    picture = np.zeros((height, width, 3), np.float32)
    picture[:] = np.linspace(0, 60, height)[:, None, None] + np.array([90, 130, 190])
    horizon = height * 3 // 5
    grass = cv2.GaussianBlur(rng.normal(0, 1, (height - horizon, width, 1)).astype(np.float32), (0, 0), 1.0)
    picture[horizon:] = np.array([70, 140, 60]) + 60 * grass[..., None]
    picture[horizon - 2 : horizon] = 20
    return np.clip(picture, 0, 255).astype(np.uint8)


def bricks(height: int = HEIGHT, width: int = WIDTH) -> Rgb:
    y, x = np.mgrid[:height, :width]
    mortar = (y % 6 < 2) | ((x + 4 * (y // 6 % 2)) % 8 < 2)
    return np.where(mortar[..., None], (220, 215, 200), (150, 70, 50)).astype(np.uint8)


def psnr(a: npt.NDArray[np.uint8], b: npt.NDArray[np.uint8]) -> float:
    return float(10 * np.log10(255**2 / max(float(np.mean((a.astype(float) - b) ** 2)), 1e-9)))


def test_only_holes_change_and_each_wing_is_one_call() -> None:
    picture, holes = landscape(), wings()
    done = fill(picture, holes)
    assert (done.image[~holes] == picture[~holes]).all()
    assert (done.image[holes] != 255 - picture[holes]).any(axis=1).mean() > 0.95
    assert done.calls == 2
    assert done.image.dtype == np.uint8


def test_same_task_gives_the_same_bytes_alone_and_in_a_batch() -> None:
    holes = wings()
    tasks = [FillTask(p, holes, ~holes, 5) for p in (landscape(), bricks())]
    together = ExemplarInpainter().fill(tasks)
    alone = [ExemplarInpainter().fill([task])[0] for task in tasks]
    assert all((a.image == b.image).all() for a, b in zip(together, alone, strict=True))


def test_a_regular_pattern_goes_on_where_it_should() -> None:
    picture, holes = bricks(), wings()
    done = fill(picture, holes).image
    assert psnr(done[holes], picture[holes]) > 25


def test_the_horizon_and_the_sky_go_on_straight() -> None:
    picture, holes = landscape(), wings()
    done = fill(picture, holes).image
    horizon = HEIGHT * 3 // 5
    sky = holes.copy()
    sky[horizon - 4 :] = False
    assert np.abs(done[sky].astype(int) - picture[sky]).mean() < 4
    line = done[horizon - 2 : horizon][:, holes[0]].mean(axis=2)
    assert (line.min(axis=0) < 60).mean() > 0.9


def test_texture_is_neither_blurred_nor_sharpened() -> None:
    picture, holes = landscape(), wings()
    done = fill(picture, holes).image
    ground = np.s_[HEIGHT * 3 // 5 + 4 :]
    steps = np.abs(np.diff(done[ground].astype(float), axis=0)).mean(axis=2)
    inside, outside = steps[:, WING:-WING].mean(), steps[:, : WING - 2].mean()
    assert 0.7 < outside / inside < 1.3


def test_a_change_of_light_leaves_no_step_at_the_join() -> None:
    picture = landscape().astype(np.float32) * np.linspace(0.6, 1.1, WIDTH)[None, :, None]
    holes = wings()
    done = fill(np.clip(picture, 0, 255).astype(np.uint8), holes).image[: HEIGHT // 2].astype(float)
    steps = np.abs(np.diff(done.mean(axis=(0, 2))))
    assert steps[WING - 1] < 3
    assert steps[WIDTH - WING - 1] < 3


def test_what_is_not_known_is_never_copied() -> None:
    picture, holes = landscape(), wings()
    figure = np.zeros(holes.shape, bool)
    figure[16:66, 44:72] = True
    picture[figure] = (255, 0, 255)
    done = fill(picture, holes, unknown=figure).image
    red, green, _ = done[holes].astype(int).T
    assert not ((red - green) > 60).any()
    assert (done[figure] == (255, 0, 255)).all()


def test_a_thing_cut_by_the_edge_is_made_whole() -> None:
    picture, holes = landscape(300, 534), wings(300, 534, 67)
    rng = np.random.default_rng(5)
    for middle in (75, 534 - 75):
        for y, x in rng.integers(-40, 40, (60, 2)):
            shade = int(rng.integers(0, 70))
            cv2.circle(picture, (middle + int(x), 130 + int(y)), 16, (180 + shade, 90 + shade, 30), -1, cv2.LINE_AA)
            cv2.circle(picture, (middle + int(x), 130 + int(y)), 16, (60, 20, 20), 2, cv2.LINE_AA)
    done = fill(picture, holes).image.astype(int)
    red = done[90:170, :, 0] - done[90:170, :, 2] > 60
    for outer, inner, wing in ((66, 67, red[:, :67]), (467, 466, red[:, 467:])):
        assert (np.abs(done[:, outer] - done[:, inner]).mean(axis=1) > 40).mean() < 0.05
        assert 0.3 < wing.mean() < 0.9


def test_a_slanting_line_is_not_bent_at_the_join() -> None:
    picture, holes = np.full((120, 240, 3), 190, np.uint8), wings(120, 240, 40)
    for start in range(-240, 360, 24):
        cv2.line(picture, (0, start), (240, start + 120), (60, 40, 30), 3, cv2.LINE_AA)
    done = fill(picture, holes).image
    assert psnr(done[holes], picture[holes]) > 18


@pytest.mark.parametrize("level", [0, 70, 255])
def test_a_flat_picture_stays_flat(level: int) -> None:
    picture, holes = np.full((40, 72, 3), level, np.uint8), wings(40, 72, 12)
    assert (fill(picture, holes).image == level).all()


def test_wings_wider_than_the_picture_keep_its_layers() -> None:
    picture = landscape(72, 132)
    holes = wings(72, 132, 46)
    done = fill(picture, holes)
    assert done.calls > 2
    sky, ground = done.image[:30][:, holes[0]], done.image[52:][:, holes[0]]
    assert (sky[..., 2].astype(int) - sky[..., 1] > 10).mean() > 0.95
    assert (ground[..., 1].astype(int) - ground[..., 2] > 20).mean() > 0.9


def test_wings_above_and_below_are_filled_as_those_beside() -> None:
    picture, holes = bricks(), wings()
    upright = np.ascontiguousarray(picture.transpose(1, 0, 2))
    done = fill(upright, np.ascontiguousarray(holes.T)).image
    assert psnr(done[holes.T], upright[holes.T]) > 25


def test_above_is_sky_and_below_is_ground_far_from_the_picture() -> None:
    picture = np.concatenate([np.repeat(landscape(120, 120)[:1], 90, axis=0), landscape(120, 120)])
    picture = np.concatenate([picture, landscape(120, 120)[80:], landscape(120, 120)[80:], landscape(120, 120)[80:90]])
    holes = np.zeros(picture.shape[:2], bool)
    holes[:90] = holes[210:] = True
    done = fill(picture, holes).image.astype(int)
    sky, ground = done[:90], done[210:]
    assert (sky[..., 2] - sky[..., 1] > 10).mean() > 0.98
    assert (ground[..., 1] - ground[..., 2] > 20).mean() > 0.9


def test_small_holes_at_the_corners_of_a_mosaic() -> None:
    picture = landscape()
    holes = np.zeros(picture.shape[:2], bool)
    holes[:14, :20] = holes[-10:, -30:] = True
    done = fill(picture, holes)
    assert done.calls == 2
    assert np.abs(done.image[:14, :20].astype(int) - picture[:14, :20]).mean() < 5


def test_holes_near_each_other_are_solved_together() -> None:
    holes = np.zeros((60, 80), bool)
    holes[10:20, 10:20] = holes[10:20, 28:36] = holes[50:, 70:] = True
    found = groups(holes, ~holes, 24)
    assert len(found) == 2
    assert (np.sum(found, axis=0) == holes).all()


def test_scattered_holes_are_few_groups() -> None:
    holes = np.zeros((200, 400), bool)
    holes[10::40, 10::40] = True
    found = groups(holes, ~holes, 8)
    assert 1 <= len(found) <= 8
    assert (np.sum(found, axis=0) == holes).all()


def framed(height: int, width: int, wing: int, gate: int) -> Mask:
    """Wings, and a gate's frame around the picture that joins them."""
    holes = wings(height, width, wing)
    holes[:gate] = holes[height - gate :] = True
    return holes


def test_holes_around_the_picture_are_cut_into_its_sides() -> None:
    holes = framed(120, 240, 40, 6)
    found = groups(holes, ~holes, 24)
    assert (np.sum(found, axis=0) == holes).all()
    assert len(found) == 4
    left, right = sorted(found[:2], key=lambda group: int(np.nonzero(group)[1][0]))
    assert left[:, :40].mean() > 0.95
    assert right[:, -40:].mean() > 0.95


def test_layers_go_on_beside_a_picture_in_a_gate() -> None:
    picture, holes = landscape(120, 240), framed(120, 240, 40, 6)
    done = fill(picture, holes).image.astype(int)
    beside = holes[60]
    sky, ground = done[8:66][:, beside], done[80:112][:, beside]
    assert (sky[..., 2] - sky[..., 1] > 10).mean() > 0.95
    assert (ground[..., 1] - ground[..., 2] > 20).mean() > 0.9


def test_no_holes_is_no_call() -> None:
    picture = landscape()
    done = fill(picture, np.zeros(picture.shape[:2], bool))
    assert done.calls == 0
    assert (done.image == picture).all()


def test_a_figure_is_continued_where_the_hole_cuts_it_and_copied_nowhere_else() -> None:
    picture, holes = landscape(), wings()
    figure = np.zeros(holes.shape, bool)
    figure[30:60, WING : WING + 30] = True
    figure[16:66, 64:92] = True
    picture[figure] = (255, 0, 255)
    image = picture.copy()
    image[holes] = 0
    done = ExemplarInpainter().fill([FillTask(image, holes, ~holes, 1, figure)])[0].image
    pink = (np.abs(done.astype(int) - (255, 0, 255)).max(axis=2) < 60) & holes
    assert pink[34:56, WING - 6 : WING].mean() > 0.8
    assert not pink[:26].any() and not pink[64:].any()
    assert not pink[:, -WING:].any()


def test_a_hole_cuts_off_only_what_runs_into_it() -> None:
    figures, holes = np.zeros((2, 6, 12), bool)
    holes[:, :3] = True
    figures[:, 8:10] = figures[4, 5:8] = True
    figures[1:4, 3:4] = True
    cut = cut_off(figures, holes)
    assert np.flatnonzero(cut[2]).tolist() == [3]
    assert cut.sum() == 3


def test_what_is_cut_off_closes_and_does_not_come_twice() -> None:
    figures, holes = np.zeros((2, 60, 100), bool)
    holes[:, :20] = True
    figures[15:45, 20:70] = True
    cut = cut_off(figures, holes)
    assert cut[15:45, 20:28].all(), "as deep as it takes to close what is cut over 30 pixels"
    assert not cut[:, 32:].any(), "not the whole figure"


def test_hardly_any_known_pixels_give_their_colour() -> None:
    picture = np.full((40, 60, 3), (30, 120, 200), np.uint8)
    unknown = np.ones((40, 60), bool)
    unknown[:, :12] = unknown[18:21, 30:33] = False
    holes = wings(40, 60, 12)
    holes[:, -12:] = False
    picture[unknown] = (255, 0, 0)
    done = fill(picture, holes, unknown=unknown).image
    assert np.abs(done[holes].astype(int) - (30, 120, 200)).max() <= 2


def test_holes_that_touch_nothing_known() -> None:
    picture, holes = bricks(), np.zeros((HEIGHT, WIDTH), bool)
    holes[:, :10] = True
    unknown = np.zeros_like(holes)
    unknown[:, 10:40] = True
    picture[unknown] = (255, 0, 255)
    done = fill(picture, holes, unknown=unknown).image
    colours = {tuple(c) for c in bricks().reshape(-1, 3)}
    near = [min(np.abs(np.subtract(c, k)).max() for k in colours) for c in done[holes][::7].astype(int)]
    assert np.mean(np.array(near) < 20) > 0.9


def test_nothing_known_is_black() -> None:
    picture, holes = landscape(), wings()
    done = fill(picture, holes, unknown=~holes)
    assert done.calls == 0
    assert not done.image[holes].any()


def test_lettering_is_not_repeated_in_the_wings() -> None:
    card, inside = EPISODES[1].window, np.zeros((480, 960), bool)
    inside[:, card.x : card.x + card.active.width] = True
    picture = np.asarray(cv2.resize(render(EPISODES[1], 30).wide, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA))
    known = inside[::2, ::2]
    done = fill(picture, ~known).image
    letters = done[:90].astype(int).sum(axis=2) < 240
    assert letters[known[:90]].sum() > 3000
    assert not letters[~known[:90]].any()


def test_beside_a_character_at_the_join_lettering_is_not_repeated_either() -> None:
    height, width, wing = 2 * HEIGHT, 2 * WIDTH, 2 * WING
    sky = np.linspace(150, 190, height)[:, None, None] + np.random.default_rng(4).normal(0, 1.5, (height, width, 3))
    picture = np.clip(sky, 0, 255).astype(np.uint8)
    for line in (60, 90):
        cv2.putText(picture, "OPEN MOVIE", (wing + 30, line), cv2.FONT_HERSHEY_SIMPLEX, 0.9, (255, 255, 255), 3)
    holes = wings(height, width, wing)
    holes[:, width // 2 :] = False
    standing = np.zeros_like(holes)
    standing[:, wing : wing + 16] = True
    filled = fill(picture, holes, standing).image
    assert (filled[~holes].min(axis=1) > 240).sum() > 1000
    assert not (filled[holes].min(axis=1) > 220).any()


def test_a_mosaics_jagged_edge_forbids_no_source_at_low_resolution_and_a_character_does() -> None:
    picture, holes = landscape().astype(np.float32), wings()
    source = ~holes
    source[-2:, WING : WIDTH // 2] = False
    source[20:40, 60:72] = False
    low = shrink(picture, Masks(source, source, source, holes), 6)
    assert low.source[-1, WING // 6 : (WIDTH - WING) // 6].all()
    assert low.context[-1, WING // 6 : (WIDTH - WING) // 6].all()
    assert not low.source[4:6, 10:12].any()
    assert not low.source[low.holes].any()
    assert np.allclose(low.picture[-1, 4], picture[-6:-2, 24:30].mean(axis=(0, 1)), atol=0.01)
