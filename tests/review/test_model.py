"""Which shots come first, what filters pass, and how changes in the folder are seen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from remaster.pipeline import store as files
from remaster.pipeline.store import Store
from remaster.review.model import Filters, Library, chosen, risk_parts, run_of
from remaster.tables import SHOTS

PLAIN = {"video": "a.mkv", "shot": 0, "end_frame": 9, "start_pts": 0, "end_pts": 9, "time_base": "1/10", "fps": 10.0}
PLAIN |= {"width": 40, "height": 30, "out_width": 54, "out_height": 30, "method": "still", "confidence": 1.0, "seed": 1}
PLAIN |= {"status": "ok", "attempts": 1, "fingerprint": "f", "soft": 0.0, "generated": 0.0, "cut_foreground": 0.0}


def row(number: int = 0, **values: Any) -> dict[str, Any]:
    own = {"scene_id": f"a-00000000-{number:07d}", "start_frame": number}
    return dict.fromkeys(SHOTS.names) | PLAIN | own | values


def test_failed_shots_come_first_and_fallbacks_next() -> None:
    rows = [
        row(0),
        row(1, soft=1.0),
        row(2, status="failed"),
        row(3, status="fallback", confidence=0.0),
        row(4, confidence=0.2),
        row(5, method="passthrough", confidence=None),
        row(6, method="leave", confidence=None, soft=1.0),
        row(7, method="blur", confidence=None, soft=1.0),
    ]
    assert [shot.frames[0] for shot in run_of(rows).shots] == [2, 3, 4, 1, 0, 5, 6, 7]
    assert run_of(rows).shots[0].risk == 1.0
    assert run_of(rows).shots[-1].risk == 0.0


@pytest.mark.parametrize(
    ("values", "part"),
    [
        ({"confidence": 0.5}, "doubt"),
        ({"soft": 0.5}, "soft"),
        ({"cut_foreground": 0.4}, "cut"),
        ({"generated": 0.9}, "generated"),
        ({"status": "fallback"}, "fallback"),
    ],
)
def test_each_part_adds_to_the_risk_and_is_named(values: dict[str, Any], part: str) -> None:
    assert {name for name, value in risk_parts(row(**values)).items() if value} == {part}
    shot = run_of([row(**values)]).shots[0]
    assert shot.risk > 0
    assert len(shot.reasons) == 1


def test_what_is_continued_is_no_cut() -> None:
    assert risk_parts(row(cut_foreground=0.5, continued=1.0))["cut"] == 0.0


def test_filters_by_property_decision_and_text() -> None:
    run = run_of(
        [row(0, method="still"), row(1, method="mosaic", set_id="s"), row(2, status="failed", error="No Space")]
    )
    decided = {run.shots[0].key: {"review": "accepted"}, run.shots[1].key: {"framing": "left"}}
    assert [s.method for s in chosen(run, Filters(method="mosaic"), {})] == ["mosaic"]
    assert [s.set_id for s in chosen(run, Filters(set_id="s"), {})] == ["s"]
    assert [s.status for s in chosen(run, Filters(text="SPACE failed"), {})] == ["failed"]
    assert len(chosen(run, Filters(decision="decided"), decided)) == 2
    assert len(chosen(run, Filters(decision="open"), decided)) == 1
    assert chosen(run, Filters(decision="accepted"), decided) == [run.shots[0]]
    assert run.values("method") == {"still": 2, "mosaic": 1}


def test_shots_of_a_set_know_each_other() -> None:
    run = run_of([row(0, set_id="s"), row(1, set_id="s"), row(2)])
    first = next(shot for shot in run.shots if shot.frames[0] == 0)
    assert [other.frames[0] for other in run.set_of(first)] == [1]
    assert run.set_of(next(shot for shot in run.shots if shot.set_id is None)) == []


def test_a_run_in_progress_is_read_again(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    library = Library(store)
    assert not library.run().shots
    files.write_shots(store, "a-00000000-0000000", [row(0)])
    first = library.run()
    assert len(first.shots) == 1
    assert library.run() is first
    files.write_shots(store, "a-00000000-0000001", [row(1, confidence=0.0)])
    assert [shot.frames[0] for shot in library.run().shots] == [1, 0]
    files.write_table(store, "metadata/scenes/a-00000000.parquet", pa.Table.from_pylist([row(0), row(1)], SHOTS))
    assert len(library.run().shots) == 2
    store.files.remove("metadata/scenes/a-00000000-0000001.parquet")
    assert library.run().shots[0].risk == 0.0


def test_previewed_shots_are_shown_until_they_are_delivered(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    files.write_shots(store, "a-00000000-0000000", [row(0)])
    previewed = [row(0) | {"loop": "l.mp4", "stills": ["s.jpg"]}, row(7) | {"loop": None, "stills": []}]
    (tmp_path / "metadata" / "preview" / "scenes").mkdir(parents=True)
    for one in previewed:
        name = tmp_path / "metadata" / "preview" / "scenes" / f"{one['scene_id']}.parquet"
        pq.write_table(pa.Table.from_pylist([one]), name)
    run = Library(store).run()
    assert {shot.frames[0]: shot.row["loop"] for shot in run.shots} == {0: "l.mp4", 7: None}


def test_rows_with_a_scene_outside_the_folder_are_not_taken(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    files.write_table(
        store, "metadata/scenes/a.parquet", pa.Table.from_pylist([row(scene_id="../../x-0000000"), row(1)], SHOTS)
    )
    assert [shot.frames[0] for shot in Library(store).run().shots] == [1]
