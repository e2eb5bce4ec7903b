"""A scene with a value in every field, as each step leaves it, and an equality of such rows that looks into arrays."""

from __future__ import annotations

from dataclasses import fields
from fractions import Fraction
from typing import Any

import numpy as np

from remaster.imaging.camera import IDENTITY
from remaster.media.types import ColorSpec, Entry, PixelFormat, Rect, VideoInfo
from remaster.notes import Note
from remaster.records import Analysis, Background, Borrowed, Key, Propagation, Shot
from remaster.rows import (
    AnalyzedScene,
    FilledScene,
    FrameFacts,
    LentShot,
    PlannedScene,
    Run,
    Scene,
    SegmentedScene,
    StitchedScene,
)
from remaster.set_rows import ComposedSet, DescribedBackground, DescribedScene, LentBackground, LentSet, SetTask
from remaster.sets.candidates import Signature
from remaster.sets.linking import SceneSet
from remaster.sets.proof import Link
from remaster.sets.set_canvas import Placement, SetCanvas
from remaster.steering.decisions import Picture, Place, Ranged, Steering
from remaster.tables import OutpaintColumns, SegmentColumns, StitchColumns

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


STEERING = Steering(
    framing="left",
    gate="keep",
    mask=Picture("m.png", "d"),
    methods=(Ranged(0, 9, "leave"),),
    seed=3,
    prompt="a kitchen",
    backgrounds=(Ranged(0, 9, "c.png", "d"),),
    link=False,
    unlink=(Place("b.mkv", 0, 9), Place("c.mkv")),
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
        lent=(LentShot(0, "a-1-0000000.000", 2, "d"), LentShot(2, "a-1-0000010.001", 1, "")),
        steering=STEERING,
    )


def full_shots() -> tuple[Shot, ...]:
    rng = np.random.default_rng(0)
    mask = rng.random((4, 5)) > 0.5
    fine = rng.integers(-128, 128, (4, 5, 3), np.int8)
    figures = mask & (rng.random((4, 5)) > 0.5)
    borrowed = Borrowed("a-1-0000000.000", 2, mask & (rng.random((4, 5)) > 0.5))
    background = Background(rng.integers(0, 256, (4, 5, 3), np.uint8), mask, ~mask, figures, fine, borrowed)
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


def set_rows() -> tuple[DescribedScene, SetTask, ComposedSet, LentBackground, LentSet]:
    """A set, and what is known of it before and after each of its stages."""
    rng = np.random.default_rng(3)
    image, mask = rng.integers(0, 256, (4, 5, 3), np.uint8), rng.random((4, 5)) > 0.5
    first, second = "a-1-0000000.000", "b-1-0000000.002"
    colour, vector = rng.normal(size=(3, 4)), rng.random(8, np.float32)
    link = Link(first, second, IDENTITY, colour, ("left", "top"), (), 0.5, 3.25)
    task = SetTask(SceneSet((first, second), first, (IDENTITY, IDENTITY), (link,)), ("f", "g"), (second,))
    canvas = SetCanvas(image, mask, ~mask, mask, (Placement(first, IDENTITY, colour),))
    background = DescribedBackground(2, (5, 4), Signature(second, 30, vector, vector))
    return (
        DescribedScene(
            "b.mkv", "b-1", "b-1-0000000", {"stitch": 0.5}, "g", (background,), "a reason", ((0, 9), (20, 30)), STEERING
        ),
        task,
        ComposedSet(task, "h", canvas, 5, 2),
        LentBackground(second, Borrowed(first, 1, mask), image, ~mask, mask, 7, 2),
        LentSet(first, 2, (second,), ("d",), ("an error",)),
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
