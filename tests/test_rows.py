"""Rows survive Arrow: every field, every dtype, missing values, and no type ever inferred from data."""

from __future__ import annotations

import weakref
from dataclasses import fields, replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from remaster.imaging.camera import IDENTITY
from remaster.media.types import ColorSpec, PixelFormat, Rect, VideoInfo
from remaster.notes import Note
from remaster.records import Analysis, Background, Key, Propagation, Shot
from remaster.rows import (
    SCENE,
    Run,
    SceneRow,
    from_table,
    info_from_json,
    info_to_json,
    pack,
    pack_lines,
    to_table,
    unpack,
)

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


def full_row() -> SceneRow:
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
    shots = (
        Shot(0, 2, "mosaic", np.stack([IDENTITY] * 2), background, 0.75, 2, 99),
        Shot(2, 3, "ambient", np.stack([IDENTITY]), None, 0.1),
        Shot(3, 5, "propagated", np.stack([IDENTITY] * 2), None, 0.4, 0, 0, moving),
        Shot(5, 6, "propagated", np.stack([IDENTITY]), None, 0.0, mix=rng.random((2, 1), np.float32)),
    )
    return SceneRow(
        video="ä b.mkv",
        video_id="b-1",
        scene_id="b-1-0000000",
        info=INFO,
        runs=(Run(7, np.array([0, 33, 67])), Run(40, np.array([900, 933]))),
        active=Rect(0, 0, 720, 480),
        gate=rng.random((480, 720)) > 0.9,
        noise=1.5,
        framing=0.25,
        seed=5,
        attempts=2,
        fingerprint="f",
        analysis=full_analysis(rng),
        masks=rng.random((2, 6, 8)) > 0.5,
        labels={"dog": 1, "person": 3},
        shots=shots,
        keyframes=2,
        cut_foreground=0.5,
        hole_pixels=3,
        generated_pixels=2,
        inpaint_calls=1,
        error_stage="stitch",
        error="ValueError: no",
        seconds={"detect": 0.5, "analyze": 1.0},
        planned=("b-1-0000000",),
        notes=(Note("interlaced"), Note("track 2 is not there", loss=True), Note("tagged", encoded=True)),
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


def test_a_full_row_comes_back_whole() -> None:
    row = full_row()
    table = to_table([row])
    assert table.schema == SCENE
    assert_same(from_table(table)[0], row)


def test_a_row_for_a_file_comes_back_whole_and_smaller() -> None:
    row = full_row()
    assert_same(from_table(to_table([row], compact=True))[0], row)
    ramp = np.repeat(np.arange(200, dtype=np.uint8)[None, :, None], 3, axis=2)
    packed = pack_lines(ramp)
    assert packed is not None and set(packed["data"]) == {0, 1}
    np.testing.assert_array_equal(unpack(packed), ramp)


def test_an_empty_row_keeps_every_type() -> None:
    table = to_table([SceneRow("v", "v-1")])
    assert table.schema == SCENE
    assert_same(from_table(table)[0], SceneRow("v", "v-1"))


def test_rows_of_different_shapes_share_a_table() -> None:
    rows = [full_row(), SceneRow("v", "v-1"), replace(full_row(), masks=np.zeros((0, 3, 4), bool))]
    for a, b in zip(from_table(to_table(rows)), rows, strict=True):
        assert_same(a, b)


def test_arrays_are_let_go_of_once_they_are_in_a_table() -> None:
    masks = np.zeros((2, 6, 8), bool)
    alive = weakref.ref(masks)
    row = SceneRow("v", "v-1", masks=masks)
    table = to_table([row])
    del row, masks
    assert table.num_rows == 1 and alive() is None


def test_objects_never_travel() -> None:
    with pytest.raises(TypeError, match="object"):
        pack(np.array([object()]))


def test_video_info_survives_json() -> None:
    assert info_from_json(info_to_json(INFO)) == INFO
