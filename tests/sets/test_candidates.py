"""Which pairs of backgrounds are worth a proof."""

from __future__ import annotations

import numpy as np
import pytest
from set_scenes import SIZE, at, described, view

from remaster.sets.candidates import Signature, candidates
from remaster.sets.descriptor import small_picture
from remaster.sets.tuning import TUNING


def signature(number: int, rng: np.random.Generator) -> Signature:
    words, colours = rng.normal(size=TUNING.descriptor.signature), rng.random(64)
    parts = [(v / np.linalg.norm(v)).astype(np.float32) for v in (words, colours)]
    return Signature(f"{number:05d}", 100, *parts)


def test_a_descriptor_is_small_and_leaves_figures_out() -> None:
    picture = view(1, at(100, 120))
    figures = np.zeros((SIZE[1], SIZE[0]), bool)
    figures[60:200, 100:220] = True
    found = described("a", picture, figures)
    assert 50 < len(found.points) <= TUNING.descriptor.max_features
    assert found.nbytes < 130_000
    columns, rows = np.rint(found.points).astype(int).T
    assert not figures[rows, columns].any()
    assert np.linalg.norm(found.words) == pytest.approx(1, abs=1e-5)
    small = small_picture(found)
    assert np.abs(small.rgb.astype(int) - picture).mean() < 3
    assert small.covered.all() and not (small.background & figures).any()


def test_what_shows_nothing_has_no_features_and_no_candidates() -> None:
    black = [described(key, np.zeros((SIZE[1], SIZE[0], 3), np.uint8)) for key in "ab"]
    assert not len(black[0].points) and not black[0].words.any()
    assert candidates([Signature.of(d) for d in black]) == []


def test_views_of_one_room_find_each_other_among_many() -> None:
    rng = np.random.default_rng(3)
    views = [
        (seed, side, view(seed, at(100 + 50 * side, 120, 1 + 0.4 * side))) for seed in range(1, 9) for side in (0, 1)
    ]
    near = [Signature.of(described(f"{seed}{side}", picture)) for seed, side, picture in views]
    crowd = [signature(number, rng) for number in range(200)]
    found = {(c.first, c.second) for c in candidates(near + crowd)}
    assert sum((f"{seed}0", f"{seed}1") in found for seed in range(1, 9)) >= 7


def test_the_order_of_the_scenes_does_not_matter() -> None:
    rng = np.random.default_rng(4)
    scenes = [signature(number, rng) for number in range(90)]
    shuffled = [scenes[i] for i in rng.permutation(90)]
    assert candidates(scenes) == candidates(shuffled)
    assert len(candidates(scenes)) <= 90 * (TUNING.candidates.by_words + TUNING.candidates.by_colour)
    with pytest.raises(ValueError, match="same key"):
        candidates([*scenes, scenes[0]])
