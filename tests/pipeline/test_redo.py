"""Changed settings redo what follows from them, and nothing else: counted by the files that stages leave."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest
from faulty_runs import Case
from stage_runs import run_stages

from remaster.pipeline.codeprint import STAGES

SCENES = 3


@pytest.fixture
def case(finished: Case) -> Case:
    return finished


def run(case: Case, *overrides: str) -> None:
    assert run_stages(case, *overrides)["error"] is None


def kept(case: Case, kind: str) -> dict[str, int]:
    """Time of change of what each scene has of one kind: stitch.parquet, outpaint.parquet, mkv."""
    return {path.name: path.stat().st_mtime_ns for path in sorted(case.out.glob(f"scenes/*/*.{kind}"))}


def seconds(case: Case, stage: str) -> list[float]:
    return [row[f"seconds_{stage}"] for row in case.rows()]


def changed(before: dict[str, int], after: dict[str, int]) -> int:
    assert before.keys() == after.keys()
    return sum(after[name] != time for name, time in before.items())


def state(case: Case) -> tuple[dict[str, int], dict[str, int], dict[str, int], int]:
    return kept(case, "stitch.parquet"), kept(case, "outpaint.parquet"), kept(case, "mkv"), sum(case.begun().values())


def redone(case: Case, *overrides: str) -> tuple[int, int, int, int]:
    """How many scenes another run stitches, outpaints and encodes, and how often it calls the engine."""
    before = state(case)
    run(case, *overrides)
    after = state(case)
    stitched, filled, encoded = (changed(a, b) for a, b in zip(before[:3], after[:3], strict=True))
    return stitched, filled, encoded, after[3] - before[3]


def test_each_setting_redoes_what_follows_from_it(case: Case) -> None:
    calls = sum(case.begun().values())
    assert calls > 0
    assert [len(files) for files in state(case)[:3]] == [SCENES] * 3

    steps = {stage: seconds(case, stage) for stage in ("analyze", "segment", "stitch", "outpaint")}
    assert redone(case, "output.crf=30") == (0, 0, SCENES, 0)
    assert {stage: seconds(case, stage) for stage in steps} == steps
    assert redone(case, "output.crf=30", "+inpainter.engine.tone=20") == (0, SCENES, SCENES, calls)
    assert seconds(case, "stitch") == steps["stitch"]
    delivered = case.delivered()
    assert redone(case, "output.crf=30", "+inpainter.engine.tone=20", "resume=false")[:3] == (SCENES, SCENES, SCENES)
    assert case.delivered() == delivered


def touched(case: Case) -> dict[str, int]:
    """Time of change of the plan and the video, by the folder they lie in."""
    paths = [*case.out.glob("metadata/plan/*.parquet"), *case.out.glob("videos/*")]
    return {path.parent.name: path.stat().st_mtime_ns for path in paths}


def test_other_code_of_a_stage_redoes_it_and_what_follows(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    delivered = case.delivered()
    for stage, again in (
        ("assemble", (0, 0, 0)),
        ("resample", (0, 0, SCENES)),
        ("outpaint", (0, SCENES, SCENES)),
        ("stitch", (SCENES, SCENES, SCENES)),
        ("plan", (SCENES, SCENES, SCENES)),
    ):
        times = touched(case)
        monkeypatch.setitem(STAGES, stage, (*STAGES[stage], ("remaster_sample.pen", "Pen")))
        assert redone(case)[:3] == again, stage
        assert {name for name, time in touched(case).items() if time != times[name]} == (
            {"videos", "plan"} if stage == "plan" else {"videos"}
        )
        assert case.delivered() == delivered


def test_maps_that_are_asked_for_are_made_once_and_no_other_picture_changes(case: Case) -> None:
    before = case.delivered()
    assert not kept(case, "map.png")
    assert redone(case, "output.map=true") == (0, 0, SCENES, 0)
    assert len(kept(case, "map.png")) == SCENES
    assert redone(case, "output.map=true") == redone(case) == (0, 0, 0, 0)
    assert case.delivered() == before
    assert redone(case, "output.crf=30")[2] == SCENES
    assert not kept(case, "map.png"), "they told of segments that are no more"


def test_a_limit_drops_no_later_scene(case: Case) -> None:
    before, segments = case.delivered(), kept(case, "mkv")
    run(case, "scenes.limit=1")
    assert len(case.rows()) == 1
    assert case.delivered() != before
    assert redone(case) == (0, 0, 0, 0)
    assert len(case.rows()) == SCENES
    assert (case.delivered(), kept(case, "mkv")) == (before, segments)


def flip(path: Path) -> None:
    """One byte in the middle, as a bad disk does it."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)


def test_what_has_other_columns_is_made_again(case: Case) -> None:
    before = case.delivered()
    stitched, segments = (sorted(case.out.glob(f"scenes/*/*.{kind}")) for kind in ("stitch.parquet", "mkv"))
    (plan,) = case.out.glob("metadata/plan/*.parquet")
    for path in (plan, stitched[1]):
        table = pq.read_table(path)
        pq.write_table(table.drop_columns(table.column_names[-1]), path)
    flip(segments[1])
    next(iter((case.out / "videos").iterdir())).unlink()
    assert redone(case)[:3] == (1, 1, 1)
    assert case.delivered() == before


def test_what_is_damaged_is_made_again(case: Case) -> None:
    before = case.delivered()
    stitched, segments = (sorted(case.out.glob(f"scenes/*/*.{kind}")) for kind in ("stitch.parquet", "mkv"))
    flip(segments[1])
    flip(stitched[1])
    next(iter((case.out / "videos").iterdir())).unlink()
    assert redone(case)[:3] == (1, 1, 1)
    assert case.delivered() == before
