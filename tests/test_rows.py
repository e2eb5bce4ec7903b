"""Rows of every stage survive Arrow: every field, missing values, and no type ever inferred from data."""

from __future__ import annotations

from dataclasses import fields
from fractions import Fraction
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from remaster.arrow import MixedTable, RowTable
from remaster.imaging.camera import IDENTITY
from remaster.media.types import ColorSpec, Entry, PixelFormat, Rect, VideoInfo
from remaster.notes import Note
from remaster.records import Analysis, Background, Key, Propagation, Shot
from remaster.rows import (
    ANALYZED,
    DELIVERED,
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
    FrameFacts,
    PassthroughScene,
    PlannedScene,
    PlannedVideo,
    Run,
    Scene,
    SegmentedScene,
    StitchedScene,
    VideoRow,
    failed,
)
from remaster.tables import SHOTS, OutpaintColumns, SegmentColumns, StitchColumns

INFO = VideoInfo(
    path="/videos/ä b.mkv",
    container="matroska",
    codec="h264",
    width=720,
    height=480,
    sar=Fraction(8, 9),
    format=PixelFormat("yuv420p10le", "yuv", 10, 1, 1),
    color=ColorSpec(matrix=6, primaries=6, transfer=6, full_range=True, chroma_location=1),
    fps=Fraction(30000, 1001),
    time_base=Fraction(1, 1000),
    rotation=0,
    frames=None,
    duration=1.5,
    audio_streams=1,
    subtitle_streams=0,
    size=12,
    mtime_ns=34,
)


def full_analysis(rng: np.random.Generator) -> Analysis:
    return Analysis(
        keyframes=np.array([0, 2]),
        proxies=rng.integers(0, 256, (2, 6, 8, 3), np.uint8),
        motion=rng.normal(size=(3, 2, 3)),
        explained=rng.random(3, np.float32),
        holds=np.array([False, True, False]),
        luma=rng.random(3, np.float32),
        turning=np.array([False, False, True]),
        valid=rng.random((6, 8)) > 0.5,
        noise=1.5,
    )


def full_scene() -> Scene:
    rng = np.random.default_rng(1)
    return Scene(
        video="ä b.mkv",
        video_id="b-1",
        scene_id="b-1-0000000",
        info=INFO,
        runs=(Run(7, np.array([0, 33, 67])), Run(40, np.array([900, 933]), Entry(800, 2))),
        active=Rect(0, 0, 720, 480),
        gate=rng.random((480, 720)) > 0.9,
        noise=1.5,
        copyable=("mkv", "mp4"),
        notes=(Note("interlaced"), Note("track 2 is not there", loss=True), Note("tagged", encoded=True)),
        seconds={"detect": 0.5, "analyze": 1.0},
        framing=0.25,
        seed=5,
        attempts=2,
        fingerprint="f",
        copied=True,
    )


def full_shots() -> tuple[Shot, ...]:
    rng = np.random.default_rng(0)
    mask = rng.random((4, 5)) > 0.5
    fine = rng.integers(-128, 128, (4, 5, 3), np.int8)
    figures = mask & (rng.random((4, 5)) > 0.5)
    background = Background(rng.integers(0, 256, (4, 5, 3), np.uint8), mask, ~mask, figures, fine)
    keys = Key(3, 4, 3, background), Key(4, 5, 4, None)
    moving = Propagation(
        rng.normal(size=(2, 2, 2, 3)),
        rng.random((2, 2, 2, 32, 2), np.float32),
        rng.random((2, 2, 4, 2), np.float32),
        keys,
    )
    return (
        Shot(0, 2, "mosaic", np.stack([IDENTITY] * 2), background, 0.75, 2, 99),
        Shot(2, 3, "ambient", np.stack([IDENTITY]), None, 0.1),
        Shot(3, 5, "propagated", np.stack([IDENTITY] * 2), None, 0.4, 0, 0, moving),
        Shot(5, 6, "propagated", np.stack([IDENTITY]), None, 0.0, mix=rng.random((2, 1), np.float32)),
    )


def scene_rows() -> tuple[PlannedScene, AnalyzedScene, SegmentedScene, StitchedScene, FilledScene]:
    """A scene as each step leaves it."""
    rng = np.random.default_rng(2)
    scene, analysis, grain = full_scene(), full_analysis(rng), rng.random(3, np.float32)
    segment, stitch = SegmentColumns({"dog": 1, "person": 3}, 0.5), StitchColumns(2)
    stitched = StitchedScene(scene, full_shots(), FrameFacts(analysis.holds, grain), segment, stitch)
    return (
        PlannedScene(scene),
        AnalyzedScene(scene, analysis, grain),
        SegmentedScene(scene, analysis, grain, rng.random((2, 6, 8)) > 0.5, segment),
        stitched,
        stitched.filled(stitched.shots, OutpaintColumns(3, 2, 1)),
    )


def assert_same(a: Any, b: Any) -> None:
    if isinstance(a, np.ndarray):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)
    elif hasattr(a, "__dataclass_fields__"):
        for f in fields(a):
            assert_same(getattr(a, f.name), getattr(b, f.name))
    elif isinstance(a, tuple):
        assert len(a) == len(b)
        for x, y in zip(a, b, strict=True):
            assert_same(x, y)
    else:
        assert a == b


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


def test_rows_of_different_shapes_share_a_table() -> None:
    table = MixedTable((AnalyzedScene, FilledScene))
    _, analyzed, _, _, filled = scene_rows()
    rows = [analyzed, filled, AnalyzedScene(analyzed.scene, full_analysis(np.random.default_rng(5)), np.zeros(0, "f4"))]
    for a, b in zip(table.read(table.write(rows)), rows, strict=True):
        assert_same(a, b)
