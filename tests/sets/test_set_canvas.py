"""What no member of a set saw is generated once, on one canvas, and drawn back to each."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
import pytest
from set_scenes import SIZE, Figure, at, by_night, described, view

from remaster.arrays import Affine, Rgb
from remaster.imaging.camera import compose, corner_error, invert
from remaster.outpaint import FillTask
from remaster.records import Background
from remaster.sets.descriptor import describe
from remaster.sets.light import SAME_LIGHT
from remaster.sets.linking import SceneSet, donor_links, light_to_representative
from remaster.sets.proof import SIDES, Link
from remaster.sets.set_canvas import SetCanvas, compose_set, draw_from_set
from remaster.sets.tuning import TUNING

WING = 50


def background(seed: int, camera: Affine, *figures: Figure, night: bool = False) -> Background:
    """A view of a room with wings that it does not know."""
    picture = view(seed, camera, *figures)
    if night:
        picture = by_night(picture, 0.8)
    known = np.zeros((SIZE[1], SIZE[0]), bool)
    known[:, WING:-WING] = True
    there = np.zeros_like(known)
    if figures:
        there = (
            cv2.dilate(
                (np.abs(picture.astype(int) - view(seed, camera)).max(axis=2) > 0).astype(np.uint8), np.ones((5, 5))
            )
            > 0
        )
    return Background(np.where(known[..., None], picture, 0).astype(np.uint8), known, ~known, there & known)


def set_of(cameras: dict[str, Affine], representative: str, light: np.ndarray = SAME_LIGHT) -> SceneSet:
    """A set of views of one room, each linked to the next; the last one's light is another."""
    keys = sorted(cameras)
    links = []
    for a, b in pairwise(keys):
        between = compose(invert(cameras[b]), cameras[a])
        colour = light if b == keys[-1] else SAME_LIGHT
        links.append(Link(a, b, between, colour, SIDES, SIDES, 0.5, 3.0))
    home = invert(cameras[representative])
    return SceneSet(tuple(keys), representative, tuple(compose(home, cameras[k]) for k in keys), tuple(links))


def filled(canvas: SetCanvas, seed: int, camera: Affine) -> Rgb:
    """The canvas with its holes filled by the truth; ``camera`` is the representative's."""
    place = canvas.placement("b")
    assert place is not None
    height, width = canvas.known.shape
    offset = place.camera[:, 2]
    whole = np.zeros_like(canvas.image)
    truth = view_at(seed, compose(camera, np.array([[1.0, 0, -offset[0]], [0, 1.0, -offset[1]]])), (width, height))
    whole[:] = truth
    return np.where(canvas.holes[..., None], whole, canvas.image).astype(np.uint8)


def view_at(seed: int, camera: Affine, size: tuple[int, int]) -> Rgb:
    """A view of any size, of tiles of the usual one."""
    out = np.zeros((size[1], size[0], 3), np.uint8)
    for y in range(0, size[1], SIZE[1]):
        for x in range(0, size[0], SIZE[0]):
            tile = view(seed, compose(camera, np.array([[1.0, 0, x], [0, 1.0, y]])))
            part = out[y : y + SIZE[1], x : x + SIZE[0]]
            part[:] = tile[: part.shape[0], : part.shape[1]]
    return out


CAMERAS = {"a": at(110, 120), "b": at(150, 120), "c": at(190, 124)}


def members(seed: int = 31) -> dict[str, Background]:
    return {key: background(seed, camera) for key, camera in CAMERAS.items()}


def test_the_canvas_holds_what_all_know_and_the_union_of_their_holes() -> None:
    seen = members()
    canvas = compose_set(set_of(CAMERAS, "b"), seen.__getitem__)
    task = FillTask(canvas.image, canvas.holes, canvas.known, 0, canvas.figures)
    assert not (task.holes & task.known).any()
    assert not canvas.figures.any()
    assert [p.key for p in canvas.placements] == ["a", "b", "c"]
    middle = canvas.placement("b")
    assert middle is not None
    offset = middle.camera[:, 2]
    truth = view_at(
        31, compose(CAMERAS["b"], np.array([[1.0, 0, -offset[0]], [0, 1.0, -offset[1]]])), canvas.known.shape[::-1]
    )
    off = np.abs(canvas.image.astype(int) - truth).max(axis=2)
    assert np.mean(off[canvas.known] > 12) < 0.01
    # a knows 40 columns left of what b knows, c 40 to its right: of b's wings 10 columns on each side are left.
    x, y = np.rint(offset).astype(int)
    own = canvas.known[y + 10 : y + SIZE[1] - 10, x : x + SIZE[0]]
    assert own[:, 14:-14].all() and not own[:, :8].any() and not own[:, -8:].any()


def test_each_member_is_filled_from_the_one_canvas() -> None:
    seen = members()
    canvas = compose_set(set_of(CAMERAS, "b"), seen.__getitem__)
    result = filled(canvas, 31, CAMERAS["b"])
    for key, member in seen.items():
        place = canvas.placement(key)
        assert place is not None
        got = draw_from_set(member, place, canvas, result)
        image, drawn = got.image, got.lent | got.generated
        truth = view(31, CAMERAS[key])
        assert drawn[member.holes].all(), "no slivers are left"
        assert not (got.lent & got.generated).any()
        assert not (drawn & ~member.holes).any()
        assert (image[~drawn] == member.image[~drawn]).all()
        off = np.abs(image.astype(int) - truth).max(axis=2)
        assert np.median(off[drawn]) <= 4
        assert np.mean(off[drawn] > 25) < 0.05


def test_what_a_member_saw_is_told_from_what_was_generated() -> None:
    seen = members()
    canvas = compose_set(set_of(CAMERAS, "b"), seen.__getitem__)
    place = canvas.placement("a")
    assert place is not None
    got = draw_from_set(seen["a"], place, canvas, canvas.image)
    assert got.lent[20:-20, -WING + 4 :].all() and not got.lent[20:-20, : WING - 4].any()
    assert got.generated[20:-20, : WING - 4].all()


def test_the_representative_is_drawn_pixel_for_pixel() -> None:
    seen = members()
    canvas = compose_set(set_of(CAMERAS, "b"), seen.__getitem__)
    place = canvas.placement("b")
    assert place is not None
    result = filled(canvas, 31, CAMERAS["b"])
    got = draw_from_set(seen["b"], place, canvas, result)
    x, y = np.rint(place.camera[:, 2]).astype(int)
    same = result[y : y + SIZE[1], x : x + SIZE[0]].astype(int)
    assert np.abs(got.image.astype(int) - same)[got.generated].max() <= 1


def test_light_goes_along_the_links_and_back() -> None:
    gain = 0.8 * np.array([0.8, 0.9, 1.1])
    to_day = np.column_stack([np.diag(1 / gain), -np.array([2, 4, 14]) / gain])
    seen = members() | {"c": background(31, CAMERAS["c"], night=True)}
    found = set_of(CAMERAS, "b", to_day)
    assert list(light_to_representative(found)) == ["b", "a", "c"]
    canvas = compose_set(found, seen.__getitem__)
    place = canvas.placement("c")
    assert place is not None
    got = draw_from_set(seen["c"], place, canvas, filled(canvas, 31, CAMERAS["b"]))
    truth = by_night(view(31, CAMERAS["c"]), 0.8)
    assert np.median(np.abs(got.image.astype(int) - truth).max(axis=2)[got.generated]) <= 5


def test_a_chain_of_lights_is_multiplied() -> None:
    half, brighter = (np.column_stack([np.eye(3) * g, np.full(3, o)]) for g, o in ((0.5, 10.0), (1.0, 20.0)))
    links = (
        Link("a", "b", at(0, 0), half, SIDES, SIDES, 0.5, 1.0),
        Link("b", "c", at(0, 0), brighter, SIDES, SIDES, 0.4, 1.0),
    )
    lights = light_to_representative(SceneSet(("a", "b", "c"), "a", (at(0, 0),) * 3, links))
    np.testing.assert_allclose(lights["c"], np.column_stack([np.eye(3) * 0.5, np.full(3, 20.0)]))


def test_figures_are_replaced_by_those_who_saw_behind_them_and_marked_where_none_did() -> None:
    cameras = {"a": at(150, 120), "b": at(150, 120), "c": at(150, 120)}
    one, other = ((100.0, 130.0), 100.0), ((200.0, 130.0), 100.0)
    seen = {
        "a": background(32, cameras["a"], one, other),
        "b": background(32, cameras["b"], other),
        "c": background(32, cameras["c"], other),
    }
    canvas = compose_set(set_of(cameras, "b"), seen.__getitem__)
    place = canvas.placement("b")
    assert place is not None
    x, y = np.rint(place.camera[:, 2]).astype(int)
    figures, known = (plane[y : y + SIZE[1], x : x + SIZE[0]] for plane in (canvas.figures, canvas.known))
    assert (figures & ~seen["b"].figures).mean() < 0.005, "nothing of what a alone has"
    assert figures[seen["b"].figures].mean() > 0.9
    assert known[:, WING:-WING].all()


def test_the_canvas_is_bounded_and_what_does_not_fit_is_left() -> None:
    cameras = {"a": at(100, 120), "b": at(160, 120), "c": at(160 + 3000, 120)}
    seen = {"a": background(33, cameras["a"]), "b": background(33, cameras["b"]), "c": background(33, at(160, 120))}
    canvas = compose_set(set_of(cameras, "b"), seen.__getitem__)
    assert canvas.known.size <= TUNING.set_canvas.max_growth * SIZE[0] * SIZE[1]
    place = canvas.placement("c")
    assert place is not None
    got = draw_from_set(seen["c"], place, canvas, canvas.image)
    assert not got.lent.any() and not got.generated.any() and (got.image == seen["c"].image).all()


def test_members_much_finer_than_the_canvas_are_filled_alone() -> None:
    cameras = {"a": at(200, 180, 0.5), "b": at(150, 120)}
    seen = {key: background(34, camera) for key, camera in cameras.items()}
    canvas = compose_set(set_of(cameras, "b"), seen.__getitem__)
    assert canvas.placement("a") is None
    assert canvas.placement("b") is not None


@pytest.mark.parametrize("donors_at_once", [8, 1])
def test_members_are_loaded_one_at_a_time(donors_at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    cameras = {f"{i}": at(120 + 10 * i, 120) for i in range(6)}
    alive: list[int] = [0, 0]

    class Counted(np.ndarray):  # type: ignore[type-arg]
        def __del__(self) -> None:
            alive[0] -= self.base is not None and getattr(self, "mine", False)

    def load(key: str) -> Background:
        made = background(35, cameras[key])
        image = made.image.view(Counted)
        image.mine = True  # type: ignore[attr-defined]
        alive[0] += 1
        alive[1] = max(alive)
        return Background(image, made.coverage, made.holes, made.figures)

    canvas = compose_set(set_of(cameras, "3"), load)
    assert canvas.holes.any()
    assert alive[1] <= 3


def test_no_holes_make_an_empty_task() -> None:
    whole = {k: Background(view(36, c), np.ones((SIZE[1], SIZE[0]), bool), *(np.zeros((SIZE[1], SIZE[0]), bool),) * 2)
             for k, c in CAMERAS.items()}  # fmt: skip
    assert not compose_set(set_of(CAMERAS, "b"), whole.__getitem__).holes.any()


def test_donors_are_proved_by_way_of_the_representative() -> None:
    seen = {key: described(key, view(43, camera)) for key, camera in CAMERAS.items()}
    found = set_of(CAMERAS, "b")
    links = donor_links("a", found, seen)
    # Nothing is uncovered, so that only the link of the set itself is left.
    assert [(k.a, k.b) for k in links] == [("a", "b")]
    wings = {}
    for key, camera in CAMERAS.items():
        b = background(43, camera)
        wings[key] = describe(key, b.image, b.coverage, b.figures)
    links = donor_links("a", found, wings)
    assert {k.b for k in links} == {"b", "c"}
    (by_way,) = [k for k in links if k.b == "c"]
    assert float(corner_error(by_way.camera, compose(invert(CAMERAS["c"]), CAMERAS["a"]), *SIZE)) < 2
    assert "right" in by_way.sides_a


def test_donors_of_a_large_set_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    cameras = {f"{i:02d}": at(100 + 2 * i, 120) for i in range(60)}
    b = background(38, at(100, 120))
    one = describe("x", b.image, b.coverage, b.figures)
    asked = []

    def prove(a: object, b: object, camera: Affine | None = None) -> None:
        asked.append(camera)

    monkeypatch.setattr("remaster.sets.linking.prove", prove)
    links = donor_links("00", set_of(cameras, "30"), dict.fromkeys(cameras, one))
    assert [k.b for k in links] == ["01"]
    assert len(asked) == TUNING.linking.max_lenders - 1
    # Those that show most of the wing come first.
    assert max(abs(c[0, 2]) for c in asked if c is not None) > 100
