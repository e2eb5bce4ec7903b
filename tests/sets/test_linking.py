"""Which pairs are proved, and which links hold a set together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from itertools import combinations

import numpy as np

from remaster.imaging.camera import translation
from remaster.sets.candidates import Candidate
from remaster.sets.light import SAME_LIGHT
from remaster.sets.linking import Pair, link_scenes, sets_of
from remaster.sets.proof import Link

SIZES = {f"{i:03d}": (320, 240) for i in range(200)}


def link(a: int, b: int, shift: float, strength: float = 0.4) -> Link:
    return Link(f"{a:03d}", f"{b:03d}", translation(shift, 0), SAME_LIGHT, ("left",), ("right",), strength, 5.0)


def chain(first: int, count: int, strength: float = 0.4) -> list[Link]:
    """Scenes that each lie 30 pixels beside the one before, each linked to the next two."""
    pairs = [(i, j) for i in range(first, first + count) for j in (i + 1, i + 2) if j < first + count]
    return [link(i, j, 30.0 * (j - i), strength) for i, j in pairs]


def test_cameras_lead_to_the_representative() -> None:
    (found,) = sets_of(chain(0, 5), SIZES)
    assert found.members == ("000", "001", "002", "003", "004")
    assert found.representative == "002"
    np.testing.assert_allclose(found.camera("000", "004"), translation(120, 0), atol=1e-9)
    assert len(found.links) == 7


def test_one_weak_link_does_not_join_two_sets() -> None:
    apart = chain(0, 3) + chain(10, 3)
    assert len(sets_of([*apart, link(2, 10, 50.0, 0.2)], SIZES)) == 2
    assert len(sets_of([*apart, link(2, 10, 50.0, 0.8)], SIZES)) == 1
    assert len(sets_of([*apart, link(2, 10, 50.0, 0.2), link(1, 10, 80.0, 0.2)], SIZES)) == 1


def test_what_is_kept_apart_comes_into_one_set_by_no_third() -> None:
    def apart(first: str, second: str) -> bool:
        return {first, second} == {"000", "002"}

    found = sets_of(chain(0, 3), SIZES, apart)
    assert len(found) == 1
    assert len(found[0].members) == 2
    assert "001" in found[0].members
    assert sets_of([link(0, 2, 30.0)], SIZES, apart) == []


def test_links_that_disagree_with_the_cameras_are_left_out() -> None:
    wrong = link(0, 4, -90.0, 0.3)
    (found,) = sets_of([*chain(0, 5), wrong], SIZES)
    assert wrong not in found.links
    assert len(found.links) == 7
    apart = chain(0, 3) + chain(10, 3)
    between = [link(2, 10, 50.0, 0.6), link(1, 10, -150.0, 0.5), link(0, 11, 20.0, 0.5)]
    assert len(sets_of(apart + between, SIZES)) == 2, "more speaks against the strongest than for it"


def test_the_order_of_links_does_not_matter() -> None:
    links = [*chain(0, 6), link(0, 4, -90.0, 0.3), *chain(20, 4), link(5, 20, 10.0, 0.1)]
    shuffled = [links[i] for i in np.random.default_rng(2).permutation(len(links))]
    assert [str(asdict(s)) for s in sets_of(links, SIZES)] == [str(asdict(s)) for s in sets_of(shuffled, SIZES)]


def test_proofs_grow_with_the_scenes_and_not_with_their_pairs() -> None:
    asked: list[Pair] = []

    def prove_all(pairs: Sequence[Pair]) -> list[Link | None]:
        scenes = [key for pair in pairs for key in pair]
        assert len(set(scenes)) == len(scenes), "no scene twice in one round"
        asked.extend(pairs)
        # Scenes below 100 are one set, the others all differ.
        return [link(int(a), int(b), 1.0) if b < "100" else None for a, b in pairs]

    pairs = [Candidate(f"{i:03d}", f"{j:03d}", 0.5) for i, j in combinations(range(120), 2)]
    links = link_scenes(pairs, prove_all)
    assert len({key for found in links for key in (found.a, found.b)}) == 100
    assert len(sets_of(links, SIZES)) == 1
    assert len(links) < 300
    assert len(asked) < len(links) + 20 * 30 + 190 * 5
    again = link_scenes(pairs, prove_all)
    assert [(found.a, found.b) for found in again] == [(found.a, found.b) for found in links]


def test_sets_with_one_weak_link_between_them_are_tried_again() -> None:
    """The pair that would prove it comes last, after the weak one and after both sets are complete."""
    strong = [(0, 1), (1, 2), (0, 2), (10, 11), (11, 12), (10, 12)]
    order = [*strong, (2, 10), (0, 12)]
    pairs = [Candidate(f"{a:03d}", f"{b:03d}", 1 - 0.01 * i) for i, (a, b) in enumerate(order)]

    def prove_all(batch: Sequence[Pair]) -> list[Link | None]:
        return [link(int(a), int(b), 0.0, 0.2 if (a, b) == ("002", "010") else 0.9) for a, b in batch]

    links = link_scenes(pairs, prove_all)
    assert len(links) == len(order)
    assert len(sets_of(links, SIZES)) == 1


def test_a_wide_view_joins_the_two_sides_of_a_dialogue() -> None:
    """However many of its shots were tried against each other before: these share nothing."""
    sides = [f"{n:03d}" for n in range(3)], [f"{n:03d}" for n in range(10, 13)]
    inside = [(a, b) for side in sides for a, b in combinations(side, 2)]
    across = [(a, b) for a in sides[0] for b in sides[1]]
    wide = [("000", "020"), ("010", "020")]
    pairs = [Candidate(a, b, 1 - 0.01 * i) for i, (a, b) in enumerate([*inside, *across, *wide])]

    def prove_all(batch: Sequence[Pair]) -> list[Link | None]:
        return [None if pair in across else link(int(pair[0]), int(pair[1]), 0.0, 0.9) for pair in batch]

    (found,) = sets_of(link_scenes(pairs, prove_all), SIZES)
    assert found.members == (*sides[0], *sides[1], "020")
