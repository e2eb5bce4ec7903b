"""Rows of every stage survive Arrow: every field, missing values, and no type ever inferred from data."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from full_rows import INFO, assert_same, full_analysis, full_scene, scene_rows, set_rows

from remaster.arrow import MixedTable, RowTable
from remaster.media.types import Rect
from remaster.notes import Note
from remaster.rows import (
    ANALYZED,
    DELIVERED,
    DESCRIBED,
    FILLED,
    PLAN,
    PLANNED,
    PROBED,
    SEGMENTED,
    STITCHED,
    AnalyzedScene,
    DeliveredScene,
    FailedScene,
    FailedVideo,
    Failure,
    FilledScene,
    Found,
    PassthroughScene,
    PlannedVideo,
    Scene,
    VideoRow,
    failed,
)
from remaster.set_rows import LENT, LENT_BACKGROUND, SETS
from remaster.tables import SHOTS, OutpaintColumns, SegmentColumns, StitchColumns


def test_each_step_s_row_comes_back_whole_from_its_table() -> None:
    for row, table in zip(scene_rows(), (PLANNED, ANALYZED, SEGMENTED, STITCHED, FILLED), strict=True):
        written = table.write([row])
        assert written.schema == table.schema
        (back,) = table.read(written)
        assert type(back) is type(row)
        assert_same(back, row)


def test_rows_that_no_step_works_on_pass_all_of_them() -> None:
    scene, (*_, filled) = full_scene(), scene_rows()
    rows = [
        PlannedVideo("v", "v-1", INFO, np.array([0, 3, 6]), ("v-1-0",), (), (Note("interlaced", True, True),)),
        FailedVideo("v", "v-1", None, "no video"),
        PassthroughScene(scene),
        FailedScene(scene, Found(), Failure("analyze", "ValueError: no")),
        FailedScene(scene, filled.found, Failure("resample", "ValueError: no")),
    ]
    for table in (PLANNED, ANALYZED, SEGMENTED, STITCHED, FILLED):
        written = table.write(rows)
        assert written.schema == table.schema == table.write([]).schema
        for back, row in zip(table.read(written), rows, strict=True):
            assert_same(back, row)


def test_a_failed_scene_has_all_that_was_found_before() -> None:
    parts = ("frames", "segment", "stitch", "outpaint")
    for row, known in zip(scene_rows(), ((), parts[:1], parts[:2], parts[:3], parts), strict=True):
        lost = failed(row, "stitch", ValueError("no"))
        assert lost.failure == Failure("stitch", "ValueError: no")
        assert [name for name in parts if getattr(lost.found, name) is not None] == list(known)
        assert_same(lost.scene, row.scene)


def test_a_stage_hands_on_no_row_of_another_boundary() -> None:
    with pytest.raises(TypeError, match="no AnalyzedScene comes here"):
        STITCHED.write([scene_rows()[1]])


def test_rows_of_metadata_travel_with_videos_and_delivered_scenes() -> None:
    result = dict.fromkeys(SHOTS.names) | dict.fromkeys(("video", "scene_id", "time_base", "method"), "x")
    result |= dict.fromkeys(("status", "fingerprint"), "x") | {f.name: 1 for f in SHOTS if pa.types.is_integer(f.type)}
    result |= {"fps": 24.0, "labels": {"dog": 1}}
    rows = [
        PlannedVideo("v", "v-1", INFO, np.array([0, 3, 6]), ("v-1-0",), (result,), ()),
        DeliveredScene("v", "v-1", "v-1-0", 3, {"detect": 1.0}, (result, result)),
    ]
    for back, row in zip(DELIVERED.read(DELIVERED.write(rows)), rows, strict=True):
        assert_same(back, row)


def test_columns_that_steps_fill_are_columns_of_the_table() -> None:
    for kind in (SegmentColumns, StitchColumns, OutpaintColumns):
        for column in RowTable(kind).schema:
            assert SHOTS.field(column.name).type == column.type
    assert set(scene_rows()[-1].found.columns) <= set(SHOTS.names)


def test_a_plan_and_a_probed_video_come_back_whole() -> None:
    assert_same(PLAN.read(PLAN.write([full_scene()]))[0], full_scene())
    bare = Scene("v", "v-1", "v-1-0", INFO, (), Rect(0, 0, 4, 2))
    for back, row in zip(PLAN.read(PLAN.write([full_scene(), bare], compact=True)), (full_scene(), bare), strict=True):
        assert_same(back, row)
    assert PLAN.write([bare]).schema == PLAN.schema
    assert_same(PROBED.read(PROBED.write([VideoRow("v", "v-1", INFO)]))[0], VideoRow("v", "v-1", INFO))


def test_what_is_known_of_a_set_comes_back_whole() -> None:
    tables = (DESCRIBED, SETS, LENT, LENT_BACKGROUND, LENT)
    for row, table in zip(set_rows(), tables, strict=True):
        written = table.write([row])
        assert written.schema == table.schema
        (back,) = table.read(written)
        assert type(back) is type(row)
        assert_same(back, row)


def test_rows_of_different_shapes_share_a_table() -> None:
    table = MixedTable((AnalyzedScene, FilledScene))
    _, analyzed, _, _, filled = scene_rows()
    rows = [analyzed, filled, AnalyzedScene(analyzed.scene, full_analysis(np.random.default_rng(5)), np.zeros(0, "f4"))]
    for a, b in zip(table.read(table.write(rows)), rows, strict=True):
        assert_same(a, b)
