"""Videos that fill the target: nothing is encoded, and runs know what they have done."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest
from clips import series_clip, still
from faulty_runs import Case
from stage_runs import run_stages

from remaster.media.decode import decode
from remaster.media.probe import probe


@pytest.fixture
def case(tmp_path: Path) -> Case:
    (tmp_path / "in").mkdir()
    series_clip(tmp_path / "in" / "a.mp4", [still(seed, 5) for seed in (1, 2)])
    case = Case(tmp_path, tmp_path / "in")
    case.engine()
    return case


def test_it_is_copied_once_and_encoded_where_it_is_cut(case: Case) -> None:
    square = "target.aspect=4:3"
    row = run_stages(case, square)
    assert (row["status"], row["error"], row["notes"]) == ("ok", None, [])
    assert {shot["segment"] for shot in case.rows()} == {None}
    assert {shot["method"] for shot in case.rows()} == {"passthrough"}
    made = case.out / row["output"]
    before, after = (decode(probe(str(path))) for path in (case.source / "a.mp4", made))
    frames = [
        [(frame.pts, *(plane.tobytes() for plane in frame.planes)) for frame in shown] for shown in (before, after)
    ]
    assert frames[0] == frames[1]

    changed = made.stat().st_mtime_ns
    assert run_stages(case, square) == row
    assert made.stat().st_mtime_ns == changed

    part = run_stages(case, square, "scenes.limit=1")
    assert part["partial"]
    assert 0 < part["frames"] < row["frames"]
    assert {shot["segment"] is None for shot in case.rows()} == {False}

    whole = run_stages(case, square)
    assert (whole["frames"], whole["partial"], whole["output_bytes"]) == (row["frames"], False, row["output_bytes"])
    assert {shot["segment"] is None for shot in case.rows()} == {False, True}  # what was encoded is left alone
    assert pq.read_table(case.out / "metadata" / "videos").num_rows == 1
