"""Cuts that a person adds or removes: which scenes change, and that frames, times and entries stay right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

import numpy as np
from full_rows import INFO

from remaster.media.types import Entry, Rect
from remaster.pipeline.cut_changes import with_cuts
from remaster.pipeline.inputs import scene_id
from remaster.rows import Run, Scene
from remaster.steering.overrides import CutChange


def run(start: int, end: int) -> Run:
    return Run(start, np.arange(start, end + 1, dtype=np.int64) * 42, Entry(start * 42 - 84, 2))


def scene(*ranges: tuple[int, int]) -> Scene:
    runs = tuple(run(*one) for one in ranges)
    return Scene("a.mkv", "a", scene_id("a", ranges[0][0]), INFO, runs, Rect(0, 0, 720, 480))


PLAN = [scene((0, 10), (20, 30)), scene((10, 20), (30, 40)), scene((40, 50))]
"""A dialogue of two camera set-ups, then another scene."""


def changed(*changes: CutChange, plan: Sequence[Scene] = PLAN) -> tuple[dict[str, list[tuple[int, int]]], list[str]]:
    scenes, lines = with_cuts(plan, changes)
    for one in scenes:
        for part in one.runs:
            np.testing.assert_array_equal(part.pts, np.arange(part.start_frame, part.end_frame + 1) * 42)
            assert part.entry is not None
            assert part.entry.pts // 42 + part.entry.skip == part.start_frame, "decoding leads to its first frame"
    return {one.scene_id: one.ranges for one in scenes}, lines


def add(frame: int) -> CutChange:
    return CutChange("a.mkv", frame, True)


def remove(frame: int) -> CutChange:
    return CutChange("a.mkv", frame, False)


def test_nothing_decided_changes_nothing() -> None:
    scenes, lines = with_cuts(PLAN, [])
    assert scenes == PLAN
    assert lines == []


def test_an_added_cut_begins_a_scene() -> None:
    found, lines = changed(add(44), add(24))
    assert lines == []
    assert found == {
        "a-0000000": [(0, 10), (20, 24)], "a-0000010": [(10, 20), (30, 40)], "a-0000024": [(24, 30)],
        "a-0000040": [(40, 44)], "a-0000044": [(44, 50)],
    }  # fmt: skip
    assert list(found) == sorted(found)


def test_across_a_removed_cut_the_scene_before_goes_on() -> None:
    found, lines = changed(remove(40))
    assert lines == []
    assert found == {"a-0000000": [(0, 10), (20, 30)], "a-0000010": [(10, 20), (30, 50)]}
    found, _ = changed(remove(10))
    assert found == {"a-0000000": [(0, 20), (20, 30)], "a-0000030": [(30, 40)], "a-0000040": [(40, 50)]}
    found, _ = changed(add(44), remove(44))
    assert found == {one.scene_id: one.ranges for one in PLAN}


def test_what_fits_no_more_is_named() -> None:
    other = replace(PLAN[2], info=replace(INFO, sar=Fraction(1)))
    for change, plan, says in (
        (add(10), PLAN, "there is a cut"), (add(50), PLAN, "ends before"), (remove(15), PLAN, "there is no cut"),
        (remove(40), [*PLAN[:2], other], "another form"),
    ):  # fmt: skip
        found, (line,) = changed(change, plan=plan)
        assert found == {one.scene_id: one.ranges for one in plan}
        assert says in line
        assert str(change.frame) in line
