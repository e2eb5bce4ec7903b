"""Triage: what a run would do with every shot, before it is filled or drawn, and where a run goes on from."""

from __future__ import annotations

from collections.abc import Sequence
from io import StringIO
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from clips import pan, series_clip, still
from hydra import compose, initialize_config_dir
from programs import run_program
from rich.console import Console
from stage_runs import EXEMPLAR

from remaster.config import config_dir, register_schema, to_config
from remaster.errors import UserError
from remaster.pipeline.batch import run_batch
from remaster.pipeline.triage import TriageConfig, run_triage, triaged
from remaster.report.triage import print_triage
from remaster.tables import PREVIEWS, SHOTS, TRIAGE
from remaster_forecast.costs import LinearCost

FRAMES = 14


def run(program: str, folder: Path, *more: str) -> tuple[int, str]:
    """Run a program in this process on a folder's ``in``, into its ``out``: (exit code, what it printed)."""
    register_schema()
    register_schema(TriageConfig, "triage_schema")
    overrides = [f'dataset.path="{folder / "in"}"', f'output.dir="{folder / "out"}"', "segmenter=none", *more]
    with initialize_config_dir(str(config_dir()), version_base="1.3"):
        composed = compose(program, overrides=[*overrides, *EXEMPLAR, "output.preset=ultrafast"])
    printed = StringIO()
    console, config = Console(file=printed, width=200), to_config(composed)
    if isinstance(config, TriageConfig):
        return run_triage(config, composed, console), printed.getvalue()
    return run_batch(config, composed, console), printed.getvalue()


def times(folder: Path, ending: str) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in folder.glob(f"out/scenes/*/*{ending}")}


def test_a_dataset_is_triaged_and_a_run_goes_on_from_it(tmp_path: Path, ray_cluster: None) -> None:
    (tmp_path / "in").mkdir()
    series_clip(tmp_path / "in" / "a.mp4", [still(1, FRAMES), pan(2, FRAMES)])
    (tmp_path / "in" / "broken.mp4").write_bytes(b"no video")
    code, printed = run("triage", tmp_path, "triage.rows=1")
    assert code == 1, "one file cannot be read"
    assert "broken.mp4" in printed

    table = pq.read_table(tmp_path / "out" / "triage.parquet")
    assert table.schema.equals(TRIAGE)
    by_method = {row["method"]: row for row in table.to_pylist()}
    assert by_method.keys() == {"still", "mosaic"}
    still_shot, panned = by_method["still"], by_method["mosaic"]
    assert (still_shot["verdict"], panned["verdict"]) == ("generate", "recover")
    assert (still_shot["start_frame"], still_shot["end_frame"], still_shot["start_seconds"]) == (0, FRAMES, 0.0)
    assert panned["start_seconds"] == pytest.approx(FRAMES / 24)
    assert still_shot["hole_pixels"] > 0
    for row in (still_shot, panned):
        assert row["recovered"] + row["propagated"] + row["generated"] + row["soft"] == pytest.approx(1.0)
        assert row["seconds_spent"] > 0
        assert row["seconds_resample"] > 0
        assert row["seconds_outpaint"] > 0
        assert row["status"] == "triage"
    assert "and 1 more shot, in the table" in printed
    assert "1 video" in printed

    for made in (".outpaint.parquet", ".mkv", ".jpg", ".mp4"):
        assert not times(tmp_path, made), "nothing is filled, encoded or drawn"
    assert not list((tmp_path / "out").glob("metadata/[sv]*/*"))
    stitched = times(tmp_path, ".stitch.parquet") | times(tmp_path, ".describe.parquet")
    assert len(stitched) == 4

    assert run("batch", tmp_path)[0] == 1
    assert times(tmp_path, ".stitch.parquet") | times(tmp_path, ".describe.parquet") == stitched
    delivered = pq.read_table(tmp_path / "out" / "metadata" / "scenes").to_pylist()
    for row in delivered:
        assert row["status"] == "ok"
        told = by_method[row["method"]]
        for name in ("recovered", "propagated", "generated", "soft", "confidence", "hole_pixels", "end_frame"):
            assert row[name] == pytest.approx(told[name]), name


def test_nothing_starts_where_nothing_can(tmp_path: Path) -> None:
    ended = run_program("remaster.jobs.triage", ["dataset.path=missing.mp4", "triage.rows=0"], tmp_path)
    assert ended.returncode == 2
    assert "triage.rows=0" in ended.stderr
    ended = run_program("remaster.jobs.triage", [str(tmp_path), "triage.measured=nowhere"], tmp_path)
    assert ended.returncode == 2
    assert "triage.measured=nowhere" in ended.stderr
    with pytest.raises(UserError, match="no video"):
        run("triage", tmp_path, f'dataset.path="{tmp_path}"')


def shots(*rows: dict[str, Any]) -> pa.Table:
    usual = {
        "video": "a.mkv", "scene_id": "a-0000000", "shot": 0, "start_frame": 0, "end_frame": 10, "start_pts": 0,
        "end_pts": 10, "time_base": "1/10", "fps": 10.0, "width": 40, "height": 30, "out_width": 54, "out_height": 30,
        "method": "mosaic", "coverage": 1.0, "confidence": 0.9, "seed": 0, "status": "triage", "attempts": 1,
        "fingerprint": "f", "recovered": 1.0, "propagated": 0.0, "generated": 0.0, "soft": 0.0, "hole_pixels": 0,
    }  # fmt: skip
    return pa.Table.from_pylist([usual | row for row in rows], schema=PREVIEWS)


def triage(*rows: dict[str, Any], fill: LinearCost | None = None) -> Sequence[dict[str, Any]]:
    found: Sequence[dict[str, Any]] = triaged(shots(*rows), fill, LinearCost(0.0, 1.0)).to_pylist()
    return found


AMBIENT = {"method": "ambient", "confidence": 0.1, "recovered": 0.0, "soft": 1.0}
STILL = {"method": "still", "confidence": 0.5, "recovered": 0.0, "generated": 1.0, "hole_pixels": 100}


def test_the_worst_shots_come_first() -> None:
    found = triage(
        {"scene_id": "good"},
        {"scene_id": "full", "method": "passthrough", "confidence": 0.0, "recovered": 0.0},
        {"scene_id": "still"} | STILL,
        {"scene_id": "soft"} | AMBIENT,
        {"scene_id": "fell", "status": "fallback", "error_stage": "stitch", "error": "no"} | AMBIENT,
        {"scene_id": "lost", "status": "failed", "error_stage": "run", "error": "gone"} | AMBIENT,
    )
    assert [(row["scene_id"], row["verdict"]) for row in found] == [
        ("lost", "failed"), ("fell", "give_up"), ("soft", "give_up"), ("still", "generate"), ("good", "recover"),
        ("full", "keep"),
    ]  # fmt: skip


def test_a_shot_costs_its_part_of_its_scene() -> None:
    long, short = {"end_frame": 30} | STILL, {"shot": 1, "start_frame": 30, "end_frame": 40} | STILL
    found = triage(long, short, fill=LinearCost(8.0, 0.0))
    assert [row["seconds_outpaint"] for row in found] == pytest.approx([6.0, 2.0])
    pixels = 54 * 30 * 1e-6
    assert [row["seconds_resample"] for row in found] == pytest.approx([30 * pixels, 10 * pixels])
    assert [row["seconds_outpaint"] for row in triage({}, STILL | {"scene_id": "b"})] == [None, 0.0]


def test_tables_are_bounded_and_no_name_formats_them() -> None:
    rows = [{"video": f"[red]{number}\n.mkv", "scene_id": str(number)} | STILL for number in range(30)]
    table = triaged(shots(*rows), None, LinearCost(0.0, 1.0))
    printed = StringIO()
    print_triage(table, Console(file=printed, width=160), 4)
    text = printed.getvalue()
    assert "[red]0 .mkv" in text
    assert "and 26 more shots, in the table" in text
    assert "and 26 more videos, in the table" in text
    assert len(text.splitlines()) < 40
    assert "30 videos" in text


def test_columns_of_the_triage_are_those_of_the_shots_where_they_mean_the_same() -> None:
    for name in set(TRIAGE.names) & set(SHOTS.names):
        assert TRIAGE.field(name).type == SHOTS.field(name).type, name
