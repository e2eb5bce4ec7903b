from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest

from remaster.report.summary import EngineChoice, RunFacts
from remaster.tables import SHOTS, VIDEOS

Row = Callable[..., dict[str, Any]]

SHOT = {
    "video": "a.mkv",
    "scene_id": "s0",
    "shot": 0,
    "start_frame": 0,
    "end_frame": 10,
    "start_pts": 0,
    "end_pts": 10,
    "time_base": "1/10",
    "fps": 10.0,
    "width": 40,
    "height": 30,
    "out_width": 54,
    "out_height": 30,
    "method": "mosaic",
    "coverage": 0.75,
    "hole_pixels": 100,
    "generated_pixels": 100,
    "inpaint_calls": 2,
    "confidence": 0.9,
    "seed": 1,
    "status": "ok",
    "attempts": 1,
    "fingerprint": "f",
}
VIDEO = {
    "video": "a.mkv",
    "output": "videos/a.mkv",
    "status": "ok",
    "partial": False,
    "duration": 1.0,
    "notes": [],
    "losses": [],
}


@pytest.fixture
def shots_table() -> Callable[..., pa.Table]:
    """Shots from what differs from a plain mosaic shot of ten frames at 10 fps with wings of 14 x 30 pixels."""

    def build(*rows: dict[str, Any]) -> pa.Table:
        filled = [{name: {**SHOT, **row}.get(name) for name in SHOTS.names} for row in rows]
        return pa.Table.from_pylist(filled, schema=SHOTS)

    return build


@pytest.fixture
def videos_table() -> Callable[..., pa.Table]:
    def build(*rows: dict[str, Any]) -> pa.Table:
        filled = [{name: {**VIDEO, **row}.get(name) for name in VIDEOS.names} for row in rows]
        return pa.Table.from_pylist(filled, schema=VIDEOS)

    return build


@pytest.fixture
def run_facts() -> RunFacts:
    return RunFacts(
        command="remaster dataset.path='a & b'",
        dataset="series",
        source="data/series",
        output="outputs/series",
        hardware="2 CPUs, no GPU",
        started=datetime(2026, 11, 22, 10, 30, tzinfo=UTC),
        seconds=75.0,
        exit_code=1,
        engines=(EngineChoice("inpainter", "exemplar", "auto: no GPU that Ray can see"),),
        settings={"target.aspect": "16:9"},
        versions={"remaster": "0.1.0"},
    )
