"""Tiles cover all holes once, go from the known outwards, and put back what was taken out."""

from __future__ import annotations

import numpy as np
import pytest

from remaster.arrays import Mask, Rgb
from remaster.outpaint import FillTask
from remaster.outpaint.tiled_fill import Crop, Tile, crop, extend, fill_tiled, match_colors, paste, plan_rounds, uncrop


def wings(width: int, height: int, wing: int) -> Mask:
    """A frame of width x height with a wing of holes on either side."""
    holes = np.zeros((height, width + 2 * wing), bool)
    holes[:, :wing] = holes[:, -wing:] = True
    return holes


def ring() -> Mask:
    holes = np.ones((300, 420), bool)
    holes[40:260, 60:360] = False
    return holes


def blobs() -> Mask:
    rng = np.random.default_rng(4)
    holes = np.zeros((260, 380), bool)
    for _ in range(12):
        y, x, h, w = rng.integers(0, [200, 300, 90, 120])
        holes[y : y + h, x : x + w] = True
    return holes


def scenery(shape: tuple[int, ...]) -> Rgb:
    y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    return np.stack([90 + 60 * np.sin(x / 40), 120 + 50 * np.cos(y / 30), 60 + x / 8], axis=-1).astype(np.uint8)


@pytest.mark.parametrize("holes", [wings(640, 480, 107), wings(360, 640, 389), ring(), blobs()])
@pytest.mark.parametrize("size", [128, 512])
def test_every_hole_is_filled_and_nothing_known_is_touched(holes: Mask, size: int) -> None:
    finished = ~holes
    for tiles in plan_rounds(holes, ~holes, size):
        before = finished.copy()
        for tile in tiles:
            own = (tile.share == 1) & ~before[tile.area]
            assert own.any()
            assert not (finished[tile.area] & own).any(), "no pixel is filled twice"
            assert not tile.share[~holes[tile.area]].any()
            assert tile.unknown[~before[tile.area]].all(), "a network must not see what is not finished"
            finished[tile.area] |= own
    assert finished.all()


def test_wings_of_the_old_format_take_one_tile_each_in_one_batch() -> None:
    assert [len(tiles) for tiles in plan_rounds(wings(640, 480, 107), ~wings(640, 480, 107), 512)] == [2]
    assert sum(len(tiles) for tiles in plan_rounds(wings(1440, 1080, 240), ~wings(1440, 1080, 240), 512)) == 6


def test_wings_that_a_gate_joins_take_one_tile_each() -> None:
    holes = wings(656, 480, 98)
    holes[:6] = holes[-6:] = True
    assert [len(tiles) for tiles in plan_rounds(holes, ~holes, 512)] == [1, 1]


def test_small_holes_share_a_tile() -> None:
    holes = np.zeros((500, 900), bool)
    holes[20:480:30, 40:300:20] = True
    holes[10:490, 880:] = True
    tiles = [tile for tiles in plan_rounds(holes, ~holes, 512) for tile in tiles]
    assert len(tiles) == 2
    assert max(int((tile.share == 1).sum()) for tile in tiles) == 480 * 20


def test_a_hole_almost_as_long_as_the_tile_lies_in_it_as_a_whole() -> None:
    holes = np.zeros((700, 600), bool)
    holes[95:605, 200:260] = True
    tiles = [tile for tiles in plan_rounds(holes, ~holes, 512) for tile in tiles]
    assert [int((tile.share == 1).sum()) for tile in tiles] == [510 * 60]


def test_tiles_show_as_much_known_picture_as_fits() -> None:
    holes = wings(640, 480, 107)
    for tile in plan_rounds(holes, ~holes, 512)[0]:
        assert int((~holes[tile.area]).sum()) == (512 - 107) * 480


def test_deep_wings_are_filled_from_the_known_outwards() -> None:
    holes = wings(360, 640, 389)
    rounds = plan_rounds(holes, ~holes, 256)
    filled = np.zeros(holes.shape, int)
    for number, tiles in enumerate(rounds, 1):
        for tile in tiles:
            own = (tile.share == 1) & (filled[tile.area] == 0)
            filled[tile.area][own] = number
            assert (~tile.unknown).any(), "each tile sees something finished"
    row = filled[320, :389]
    assert (np.diff(row) <= 0).all()
    assert row[0] > row[-1]


def test_tiles_of_one_round_do_not_see_each_other() -> None:
    holes = wings(120, 900, 60)
    for tiles in plan_rounds(holes, ~holes, 128):
        for a in tiles:
            for b in tiles:
                own = np.zeros(holes.shape, bool)
                own[b.area] = (b.share == 1) & b.unknown
                assert a is b or not own[a.area].any()


def test_overlaps_are_cross_faded() -> None:
    holes = wings(400, 400, 60)
    image = np.zeros((*holes.shape, 3), np.uint8)
    first, second = plan_rounds(holes, ~holes, 256)[:2]
    for tile in first:
        paste(image, tile, np.full((tile.frame.height, tile.frame.width, 3), 100, np.uint8))
    for tile in second:
        paste(image, tile, np.full((tile.frame.height, tile.frame.width, 3), 200, np.uint8))
    column = image[:, 10, 0].astype(int)
    assert {100, 200} <= set(column.tolist())
    assert np.abs(np.diff(column)).max() < 15, "no step of 100 where two tiles meet"


def test_a_crop_larger_than_the_picture_comes_back_whole() -> None:
    image = scenery((90, 200))
    holes = wings(160, 90, 20)
    tile = plan_rounds(holes, ~holes, 128)[0][0]
    pixels, unknown = crop(image, tile, 128)
    assert pixels.shape == (128, 128, 3)
    np.testing.assert_array_equal(uncrop(pixels, tile), image[tile.area])
    assert unknown[0].all(), "what lies outside the picture is not known"


def test_pixels_of_nobody_take_the_nearest_color() -> None:
    image = np.zeros((20, 30, 3), np.uint8)
    image[:, :10], image[:, 10:20] = 50, 90
    where = np.zeros((20, 30), bool)
    where[:, :20] = True
    assert (extend(image, where)[:, 20:] == 90).all()
    np.testing.assert_array_equal(extend(image, where)[:, :20], image[:, :20])


def test_colors_are_matched_to_the_known_pixels() -> None:
    truth = scenery((128, 128))
    shifted = np.clip(truth * 0.9 + np.array([12, -6, 8]), 0, 255).astype(np.uint8)
    known = np.zeros((128, 128), bool)
    known[:, 40:] = True
    before = np.abs(shifted.astype(int) - truth)[~known].mean()
    after = np.abs(match_colors(shifted, truth, known).astype(int) - truth)[~known].mean()
    assert before > 6
    assert after < 1.5


def test_colors_stay_where_nothing_is_known() -> None:
    picture = scenery((64, 64))
    np.testing.assert_array_equal(match_colors(picture, picture * 0, np.zeros((64, 64), bool)), picture)


@pytest.mark.parametrize("holes", [wings(160, 120, 40), ring(), blobs()])
def test_a_network_that_knows_the_truth_gives_the_truth(holes: Mask) -> None:
    """For any tiling, a network that gives its first guess (the truth) in shifted colors leaves no seam."""
    truth = scenery(holes.shape)
    image = np.where(holes[..., None], 0, truth).astype(np.uint8)
    seen: list[Crop] = []

    def generate(crops: list[Crop]) -> list[Rgb]:
        seen.extend(crops)
        return [np.clip(c.pixels * 0.95 + 9, 0, 255).astype(np.uint8) for c in crops]

    filled = fill_tiled([FillTask(image, holes, ~holes, 7)], [truth], 128, generate)[0]
    assert filled.calls == len(seen)
    np.testing.assert_array_equal(filled.image[~holes], truth[~holes])
    assert np.abs(filled.image.astype(int) - truth)[holes].max() <= 6
    assert len({c.seed for c in seen}) == len(seen)


def test_what_is_given_is_only_read() -> None:
    """Pictures out of Arrow's buffers cannot be written, and nobody expects theirs to change."""
    holes = wings(100, 90, 30)
    given = scenery(holes.shape)
    given.setflags(write=False)
    filled = fill_tiled([FillTask(given, holes, ~holes, 1)], [given], 64, lambda crops: [255 - c.pixels for c in crops])
    assert (filled[0].image[holes] != given[holes]).any()
    np.testing.assert_array_equal(given, scenery(holes.shape))


def test_a_task_does_not_depend_on_its_batch() -> None:
    holes = wings(100, 200, 30)

    def generate(crops: list[Crop]) -> list[Rgb]:
        return [np.random.default_rng(c.seed).integers(0, 255, c.pixels.shape, dtype=np.uint8) for c in crops]

    tasks = [FillTask(scenery(holes.shape), holes, ~holes, seed) for seed in (1, 2, 3)]
    together = fill_tiled(tasks, [t.image for t in tasks], 128, generate)
    for task, filled in zip(tasks, together, strict=True):
        alone = fill_tiled([task], [task.image], 128, generate)[0]
        np.testing.assert_array_equal(alone.image, filled.image)
    assert (together[0].image != together[1].image).any()


def test_no_holes_take_no_tiles() -> None:
    holes = np.zeros((50, 60), bool)
    assert plan_rounds(holes, ~holes, 128) == []
    tiles: list[list[Tile]] = plan_rounds(~holes, holes, 128)
    assert sum(len(r) for r in tiles) == 1, "a picture of which nothing is known is still filled"
