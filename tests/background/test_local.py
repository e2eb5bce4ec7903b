"""Sets that move at several speeds: tracks, mosaics and wings against drawn planes whose speeds are known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import cv2
import numpy as np
import pytest
from background_scenes import HEIGHT, WIDTH, draw_character, make_window, painting

from remaster.analyze import analyze
from remaster.background.follow import follow, small_size
from remaster.background.local import local_shots
from remaster.background.plan import Scene
from remaster.background.stitch import StitchSettings, stitch
from remaster.footage import Footage
from remaster.geometry import Window
from remaster.media.types import ColorSpec, PixelFormat, Rect
from remaster.records import Analysis, Shot
from remaster.resample.recovered import recovered_share
from remaster.resample.render import WingRenderer
from remaster.resample.settings import Grain, ResampleSettings
from remaster.rowshift import along_rows, gathered

FRAMES = 40
SPEED, NEAR, BANK = 4.6, 1.8, 150
BURNING = 80
RGB = PixelFormat("gbrp", "rgb", 8)
SETTINGS = StitchSettings(min_frames=10)


@dataclass(frozen=True)
class Planes:
    """Two painted planes, the near one over the lower part at ``NEAR`` times the speed; ``at`` pixels a frame."""

    far: np.ndarray
    near: np.ndarray
    at: np.ndarray

    def picture(self, frame: int, left: int, width: int) -> np.ndarray:
        """Columns from ``left`` on, as far as they are seen from the frame."""
        out = np.empty((HEIGHT, width, 3), np.uint8)
        for world, speed, rows in ((self.far, 1.0, slice(0, BANK)), (self.near, NEAR, slice(BANK, HEIGHT))):
            place = np.array([[1.0, 0.0, 150 + left + speed * self.at[frame]], [0.0, 1.0, 20.0]])
            flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
            out[rows] = cv2.warpAffine(world, place, (width, HEIGHT), flags=flags)[rows]
        return out


@pytest.fixture(scope="module")
def planes() -> Planes:
    moving = np.clip(np.arange(FRAMES) - 4, 0, FRAMES - 10)
    return Planes(painting(900, 300, 3), painting(900, 300, 9), SPEED * moving)


def footage_of(frames: Sequence[np.ndarray]) -> Footage:
    def small(start: int, end: int, width: int, height: int) -> Iterator[np.ndarray]:
        for frame in frames[start:end]:
            yield cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA)

    def strips(wanted: Mapping[int, Sequence[Rect]]) -> Iterator[list[np.ndarray]]:
        for index, rects in wanted.items():
            yield [frames[index][r.y : r.y + r.height, r.x : r.x + r.width] for r in rects]

    return Footage(small, strips)


def stitched(frames: Sequence[np.ndarray], window: Window) -> list[Shot]:
    """The whole step, without any mask."""
    height, width = frames[0].shape[:2]
    analysis = analyze(iter(frames), np.ones((height, width), bool), 1.0)
    masks = np.zeros((len(analysis.keyframes), height, width), bool)
    return stitch(analysis, masks, lambda ids: (frames[i] for i in ids), window, None, SETTINGS, 1, footage_of(frames))


def local(
    frames: Sequence[np.ndarray], window: Window, settings: StitchSettings = SETTINGS, gate: np.ndarray | None = None
) -> list[Shot]:
    """All frames by this step of the ladder alone."""
    height, width = frames[0].shape[:2]
    valid = np.ones((height, width), bool) if gate is None else ~gate
    few = np.zeros(0, np.int64)
    nothing = np.zeros((len(frames), 2, 3))
    share = np.ones(len(frames), np.float32)
    holds = np.zeros(len(frames), bool)
    analysis = Analysis(few, np.zeros((0, height, width, 3), np.uint8), nothing, share, holds, share, holds, valid, 1.0)
    scene = Scene(analysis, np.zeros((0, height, width), bool), [], window, gate, settings)
    shots = local_shots(scene, 0, len(frames), footage_of(frames))
    assert not shots or (shots[0].start == 0 and shots[-1].end == len(frames))
    assert all(a.end == b.start for a, b in pairwise(shots))
    return shots


def rendered(shot: Shot, frames: Sequence[np.ndarray], window: Window, gate: np.ndarray | None = None) -> list:
    settings = ResampleSettings(grain=Grain.none)
    wings = WingRenderer(shot, window, RGB, ColorSpec(full_range=True), gate, 1.0, settings, 1)
    out = []
    for i in range(shot.end - shot.start):
        red, green, blue = cv2.split(frames[shot.start + i])
        g, b, r = wings.render(i, (green, blue, red), False)
        out.append(np.dstack([r, g, b]))
    return out


def decibels(a: np.ndarray, b: np.ndarray, where: np.ndarray) -> float:
    return float(10 * np.log10(255**2 / np.square(a.astype(float) - b)[where].mean()))


def outside(window: Window) -> np.ndarray:
    wings = np.ones((window.height, window.width), bool)
    wings[window.y : window.y + window.active.height, window.x : window.x + window.active.width] = False
    return wings


def test_two_planes_come_back_each_at_its_own_speed(planes: Planes) -> None:
    window = make_window()
    frames = [planes.picture(i, 0, WIDTH) for i in range(FRAMES)]
    (shot,) = stitched(frames, window)
    assert shot.method == "local" and shot.confidence > 0.4
    speed = np.diff(shot.tracks, axis=0)[15:25].mean(axis=0)
    rows = np.array([along_rows(side, HEIGHT) for side in speed])
    assert np.abs(rows[:, 10 : BANK - 16] - SPEED).max() < 0.12
    assert np.abs(rows[:, BANK + 16 : -10] - NEAR * SPEED).max() < 0.2
    wings = rendered(shot, frames, window)
    where = outside(window)
    where[BANK - 8 : BANK + 8] = False
    for i in (17, 19, 22):
        truth = planes.picture(i, -window.x, window.width)
        assert (wings[i][:, window.x : window.x + WIDTH] == frames[i]).all()
        ours = decibels(wings[i], truth, where)
        assert ours > 25
        for border in (cv2.BORDER_REFLECT, cv2.BORDER_REPLICATE):
            cheap = cv2.copyMakeBorder(frames[i], 0, 0, window.x, window.width - WIDTH - window.x, border)
            assert ours > decibels(cheap, truth, where) + 8
    steps = np.abs(np.diff(wings[20].astype(float), axis=1)).mean(axis=(0, 2))
    assert steps[[window.x - 1, window.x + WIDTH - 1]].max() < 1.6 * np.median(steps)
    # The camera rests at both ends: equal frames get equal wings.
    assert all((wings[i] == wings[0]).all() for i in (1, 2, 3)) and (wings[-1] == wings[-3]).all()
    assert 0.6 < recovered_share(shot, window) < 0.95


def test_the_film_s_dark_edge_is_not_repeated_by_every_slit(planes: Planes) -> None:
    window = make_window()
    shade = np.ones(WIDTH)
    shade[:3] = shade[:-4:-1] = 0.35, 0.5, 0.8
    frames = [(planes.picture(i, 0, WIDTH) * shade[:, None]).astype(np.uint8) for i in range(FRAMES)]
    (shot,) = local(frames, window)
    wings = rendered(shot, frames, window)
    where = outside(window)
    where[BANK - 8 : BANK + 8] = False
    where[:, window.x - 12 : window.x + WIDTH + 12] = False  # the join follows the picture's own last columns
    for i in (17, 19, 22):
        assert decibels(wings[i], planes.picture(i, -window.x, window.width), where) > 22


def test_a_walker_before_the_planes_does_not_lead_them(planes: Planes) -> None:
    frames = [planes.picture(i, 0, WIDTH) for i in range(FRAMES)]
    for i, frame in enumerate(frames):
        draw_character(frame, np.zeros((HEIGHT, WIDTH), np.uint8), 7 * i, 130, 34, i / 3)
    width, height = small_size(WIDTH, HEIGHT)
    grays = [cv2.cvtColor(cv2.resize(f, (width, height)), cv2.COLOR_RGB2GRAY) for f in frames]
    followed = follow(iter(grays), np.ones((height, width), bool))
    speed = WIDTH * np.diff(followed.tracks, axis=1)[:, 10:30].mean(axis=1)
    rows = np.array([along_rows(side, HEIGHT) for side in speed])
    assert np.abs(rows[:, 60 : BANK - 16] - SPEED).max() < 0.5
    assert np.abs(rows[:, BANK + 16 : -10] - NEAR * SPEED).max() < 0.5
    mosaic, mirrored, soft, _, pixels = followed.told.sum(axis=(0, 1))
    assert pixels > 0 and mosaic < 0.5 * min(mirrored, soft)


def test_what_no_neighbour_predicts_stays_ambient() -> None:
    """Water, fire, a crowd: every frame is another picture."""
    frames = [painting(WIDTH, HEIGHT, 30 + i) for i in range(20)]
    assert local(frames, make_window()) == []
    turning = painting(900, 900, 3)
    spun = [cv2.getRotationMatrix2D((450.0, 450.0), 5.0 * i, 1.0) for i in range(20)]
    frames = [cv2.warpAffine(turning, m, (900, 900))[330:570, 290:610] for m in spun]
    assert local(frames, make_window()) == []


def test_bands_that_are_foretold_badly_are_soft_and_the_others_are_shown(planes: Planes) -> None:
    window = make_window()
    frames = [planes.picture(i, 0, WIDTH) for i in range(FRAMES)]
    for i, frame in enumerate(frames):
        frame[:BURNING] = painting(WIDTH, BURNING, 100 + i)  # fire: every frame is another picture
    (shot,) = local(frames, window)
    assert shot.shares is not None and shot.background is not None
    shares = np.array([along_rows(side, HEIGHT) for side in shot.shares])
    assert (shares[:, : BURNING - 24] == 0).all() and shares[:, BURNING + 16 : -4].min() > 0.9
    fire = shot.background.coverage[: BURNING - 24] | shot.background.holes[: BURNING - 24]
    assert not fire.any(), "what is not shown is neither filled nor a source for filling"
    wings = rendered(shot, frames, window)
    where = outside(window)
    where[: BURNING + 16] = where[BANK - 8 : BANK + 8] = False
    for i in (17, 22):
        assert decibels(wings[i], planes.picture(i, -window.x, window.width), where) > 24
        left = wings[i][: BURNING - 32, : window.x].astype(float)
        assert (
            np.abs(np.diff(left, axis=0)).mean()
            < 0.3 * np.abs(np.diff(frames[i][: BURNING - 32].astype(float), axis=0)).mean()
        )


def test_what_dissolves_in_at_the_end_enters_no_mosaic(planes: Planes) -> None:
    other = painting(WIDTH, HEIGHT, 77)
    frames = [planes.picture(min(i, 26), 0, WIDTH) for i in range(28)]
    for k in range(8):
        share = (k + 1) / 9
        frames[20 + k] = cv2.addWeighted(frames[20 + k], 1 - share, other, share, 0)
    grays = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in frames]
    strange = follow(iter(grays), np.ones((HEIGHT, WIDTH), bool)).foreign
    assert strange[-4:].all() and not strange[:20].any()


def test_where_nothing_was_seen_begins_beside_a_picture_as_a_frame_shows_it(planes: Planes) -> None:
    frames = [planes.picture(i, 0, WIDTH) for i in range(FRAMES)]
    (shot,) = local(frames, make_window())
    background = shot.background
    assert background is not None and shot.tracks is not None
    for side, frame, columns in ((0, 0, slice(2, 40)), (1, FRAMES - 1, slice(WIDTH - 40, WIDTH - 2))):
        track = shot.tracks[frame, side]
        assert np.ptp(track) < 1e-3
        start = round(float(track[0]))
        shown = background.image[:, columns.start + start : columns.stop + start]
        assert np.abs(shown.astype(float) - frames[frame][:, columns]).mean() < 3
        edge = start - 3 if side == 0 else start + WIDTH + 2
        assert background.holes[4:-4, edge].all()
        assert background.coverage[4:-4, edge + (6 if side == 0 else -6)].all()


def test_wings_above_and_below_are_the_same_turned(planes: Planes) -> None:
    frames = [np.ascontiguousarray(planes.picture(i, 0, WIDTH).swapaxes(0, 1)) for i in range(FRAMES)]
    window = Window(Rect(0, 0, HEIGHT, WIDTH), HEIGHT, WIDTH + 120, 0, 60)
    (shot,) = local(frames, window)
    assert shot.method == "local"
    wings = rendered(shot, frames, window)
    truth = planes.picture(20, -60, WIDTH + 120).swapaxes(0, 1)
    where = outside(window)
    where[:, BANK - 8 : BANK + 8] = False
    assert decibels(wings[20], truth, where) > 25


def test_what_is_foretold_badly_stays_soft(planes: Planes) -> None:
    frames = [planes.picture(i, 0, WIDTH) for i in range(FRAMES)]
    (shot,) = local(frames, make_window())
    assert local(frames, make_window(), replace(SETTINGS, local_confidence=shot.confidence + 0.01)) == []


def test_no_mosaic_is_larger_than_allowed(planes: Planes) -> None:
    frames = [planes.picture(i, 0, WIDTH) for i in range(FRAMES)]
    limit = 170_000
    shots = local(frames, make_window(), replace(SETTINGS, max_local_pixels=limit))
    assert len(shots) > 1 and {s.method for s in shots} == {"local"}
    for shot in shots:
        assert shot.background is not None and shot.background.coverage.size <= limit
        assert shot.tracks is not None and len(shot.tracks) == shot.end - shot.start


def test_gate_never_enters_a_mosaic(planes: Planes) -> None:
    gate = np.ones((HEIGHT, WIDTH), bool)
    gate[8:-8, 8:-8] = False
    window = make_window()
    frames = [np.maximum(planes.picture(i, 0, WIDTH), 60) for i in range(FRAMES)]
    for frame in frames:
        frame[gate] = 4
    (shot,) = local(frames, window, gate=gate)
    assert shot.method == "local" and shot.background is not None
    assert shot.background.image[shot.background.coverage].min() > 40
    background = shot.background
    filled = np.where(background.holes[..., None], np.uint8(80), background.image)
    shot = replace(shot, background=replace(background, image=filled))
    drawn = rendered(shot, frames, window, gate)
    kept = drawn[20][:, window.x : window.x + WIDTH]
    assert (kept[~gate] == frames[20][~gate]).all()
    assert kept[12:-12, :8].min() > 20
    corner = np.tril(np.ones((6, 6), bool))
    for frame in (drawn[0], drawn[20], drawn[-1]):
        picture = frame[:, window.x : window.x + WIDTH]
        assert picture[:6, :6][corner].min() > 60
        assert picture[:6, :-7:-1][corner].min() > 60


def test_a_gate_that_weaves_leaves_no_stripes(planes: Planes) -> None:
    """In some frames it is deeper than its mask, and every frame would repeat that."""
    gate = np.zeros((HEIGHT, WIDTH), bool)
    gate[:, :5] = gate[:, -5:] = True
    made = []
    for rim in (0.5, 1.0):
        shade = np.ones(WIDTH)
        shade[:8] = shade[:-9:-1] = 0.02, 0.02, 0.02, 0.02, 0.02, rim, rim, rim
        frames = [(planes.picture(i, 0, WIDTH) * shade[:, None]).astype(np.uint8) for i in range(FRAMES)]
        (shot,) = local(frames, make_window(), gate=gate)
        assert shot.background is not None
        made.append(shot.background)
    dimmed, even = made
    shared = dimmed.coverage & even.coverage
    off = np.abs(dimmed.image[shared].astype(int) - even.image[shared]).mean(axis=1)
    assert shared.mean() > 0.5
    assert (off > 12).mean() < 0.02


def test_rows_are_read_from_their_own_places_however_wide_the_picture() -> None:
    wide = np.tile(np.arange(40_000, dtype=np.uint16) % 251, (3, 1)).astype(np.uint8)
    read = gathered(wide, np.array([0.0, 35_000.0, 12.5]), 6, cv2.INTER_LINEAR)
    assert read[0].tolist() == [0, 1, 2, 3, 4, 5]
    assert read[1].tolist() == [(35_000 + k) % 251 for k in range(6)]
    assert np.abs(read[2].astype(float) - (12.5 + np.arange(6))).max() <= 0.5


def test_a_weak_link_between_two_frames_of_one_set_is_no_break(planes: Planes) -> None:
    frames = [planes.picture(i, 0, WIDTH) for i in range(FRAMES)]
    assert [(s.start, s.end, s.method) for s in with_weak_link(frames)] == [(0, FRAMES, "local")]


def test_a_cut_between_two_sets_in_depth_is_a_break(planes: Planes) -> None:
    other = Planes(painting(900, 300, 21), painting(900, 300, 22), planes.at)
    frames = [(planes if i < FRAMES // 2 else other).picture(i, 0, WIDTH) for i in range(FRAMES)]
    shots = with_weak_link(frames)
    assert [(s.start, s.end, s.method) for s in shots] == [(0, FRAMES // 2, "local"), (FRAMES // 2, FRAMES, "local")]


def with_weak_link(frames: Sequence[np.ndarray]) -> list[Shot]:
    """The whole step, where the link to the middle frame explains hardly anything."""
    height, width = frames[0].shape[:2]
    valid = np.ones((height, width), bool)
    analysis = analyze(iter(frames), valid, 1.0)
    analysis.explained[len(frames) // 2] = 0.05
    masks = np.zeros((len(analysis.keyframes), height, width), bool)
    read, footage = (lambda ids: (frames[i] for i in ids)), footage_of(frames)
    return stitch(analysis, masks, read, make_window(), None, SETTINGS, 1, footage)
