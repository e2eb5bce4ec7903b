"""Previews: every shot is drawn small before anything is encoded, and a later run goes on from what they leave."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from clips import HEIGHT, WIDTH, pan, series_clip, still
from faulty_runs import Case
from stage_runs import run_stages

from remaster.pipeline.previewing import LOOP_SECONDS, PICTURE_ROWS, Choice
from remaster.tables import PREVIEWS

SCENES, FRAMES = 2, 14

pytestmark = pytest.mark.usefixtures("ray_cluster")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("preview") / "in"
    folder.mkdir()
    return series_clip(folder / "a.mp4", [still(1, FRAMES), pan(2, FRAMES)])


@pytest.fixture(scope="module")
def case(source: Path, tmp_path_factory: pytest.TempPathFactory, ray_cluster: None) -> Case:
    """A case after a preview."""
    case = Case(tmp_path_factory.mktemp("previewed"), source.parent)
    case.engine()
    code, printed = case.run("preview=true")
    assert code == 0, printed
    assert "preview: 1 of 1 video drawn, nothing encoded" in printed
    return case


def rows(case: Case) -> list[dict[str, Any]]:
    return sorted(pq.read_table(case.out / "metadata/preview/scenes").to_pylist(), key=lambda row: row["start_frame"])


def times(case: Case, *endings: str) -> dict[str, int]:
    """Times of change of the files of all scenes with these endings."""
    return {path.name: path.stat().st_mtime_ns for end in endings for path in case.out.glob(f"scenes/*/*{end}")}


CACHED = (".stitch.parquet", ".outpaint.parquet", ".describe.parquet")
PICTURES = (".preview-0.jpg", ".preview-1.jpg", ".preview-2.jpg", ".loop.mp4")


def test_nothing_is_encoded_or_taken_for_finished(case: Case) -> None:
    assert not list(case.out.glob("videos/*"))
    assert not list(case.out.glob("scenes/*/*.mkv"))
    assert not list((case.out / "metadata").glob("scenes/*"))
    assert not list((case.out / "metadata").glob("videos/*"))


def test_rows_say_what_a_run_would_make(case: Case) -> None:
    table = pq.read_table(case.out / "metadata/preview/scenes")
    assert table.schema.equals(PREVIEWS)
    one, two = rows(case)
    assert [row["status"] for row in (one, two)] == ["preview", "preview"]
    assert [row["segment"] for row in (one, two)] == [None, None]
    assert (one["method"], two["method"]) == ("still", "mosaic")
    assert one["generated"] == pytest.approx(1.0)
    assert two["recovered"] > 0.3
    assert one["generated_pixels"] > 0
    assert 0 < two["confidence"] <= 1
    (video,) = pq.read_table(case.out / "metadata/preview/videos").to_pylist()
    assert (video["status"], video["output"], video["frames"]) == ("preview", None, SCENES * FRAMES)


def test_stills_show_the_first_middle_and_last_frame_at_the_target_aspect(case: Case) -> None:
    frames = [*still(1, FRAMES), *pan(2, FRAMES)]
    for row in rows(case):
        assert row["preview"] == row["stills"][1]
        first, last = row["start_frame"], row["end_frame"] - 1
        for name, number in zip(row["stills"], (first, (first + last + 1) // 2, last), strict=True):
            picture = cv2.imread(str(case.out / name))
            assert picture.shape[:2] == (row["out_height"], row["out_width"])
            left = (picture.shape[1] - WIDTH) // 2
            centre = picture[:, left : left + WIDTH, ::-1].astype(float)
            errors = [np.sqrt(((centre - frame) ** 2).mean()) for frame in frames]
            assert errors[number] < 8
            assert errors[number] == min(errors)
            assert picture[:, : left // 2].max() > 0, "the wing is drawn, too"


def test_loops_are_short_silent_films_that_browsers_play(case: Case) -> None:
    for row in rows(case):
        with av.open(str(case.out / row["loop"])) as container:
            assert "mp4" in container.format.name
            assert not container.streams.audio
            (stream,) = container.streams.video
            assert (stream.codec.name, stream.pix_fmt) == ("h264", "yuv420p")
            pictures = [frame.to_ndarray(format="rgb24") for frame in container.decode(stream)]
            assert len(pictures) == FRAMES // 2
            assert len(pictures) / stream.average_rate <= LOOP_SECONDS
            assert pictures[0].shape[:2] == (row["out_height"], row["out_width"])
        data = (case.out / row["loop"]).read_bytes()
        assert data.index(b"moov") < data.index(b"mdat"), "it plays while it loads"


def test_the_page_shows_the_previews_and_says_so(case: Case) -> None:
    assert [path.name for path in (case.out / "report").iterdir()] == ["preview.html"]
    page = (case.out / "report" / "preview.html").read_text()
    assert "Nothing is encoded or delivered" in page
    assert page.count("data:image/jpeg;base64,") == 3 * SCENES
    for row in rows(case):
        assert f'src="../{row["loop"]}"' in page


def test_a_killed_preview_goes_on(case: Case) -> None:
    lost, kept = rows(case)
    # As a run leaves it that is killed after its second scene.
    for path in case.out.glob("metadata/preview/*/*"):
        path.unlink()
    shard = case.out / f"metadata/preview/scenes/{kept['scene_id']}.parquet"
    pq.write_table(pa.Table.from_pylist([kept], schema=PREVIEWS), shard)
    cached, drawn, calls = times(case, *CACHED), times(case, *PICTURES), case.begun()
    code, printed = case.run("preview=true")
    assert code == 0, printed
    assert times(case, *CACHED) == cached
    assert case.begun() == calls
    again = {name for name, time in times(case, *PICTURES).items() if time != drawn[name]}
    assert again == {Path(name).name for name in (*lost["stills"], lost["loop"])}
    without = {"attempts", "seconds_resample"}
    assert [{k: v for k, v in row.items() if k not in without} for row in rows(case)] == [
        {k: v for k, v in row.items() if k not in without} for row in (lost, kept)
    ]


def test_a_run_goes_on_from_its_preview_and_makes_the_same_bytes(case: Case, source: Path, tmp_path: Path) -> None:
    plain = Case(tmp_path, source.parent)
    plain.engine()
    assert run_stages(plain)["error"] is None
    cached, drawn, calls = times(case, *CACHED), times(case, *PICTURES), case.begun()
    assert len(cached) == len(CACHED) * SCENES
    assert sum(calls.values()) > 0
    assert case.run("output.layers=true")[0] == 0
    assert times(case, *CACHED) == cached
    assert case.begun() == calls, "nothing is generated twice"
    assert case.delivered() == plain.delivered()
    assert [name for name, time in times(case, *PICTURES).items() if drawn[name] != time] == []

    delivered = {path: path.stat().st_mtime_ns for path in (case.out / "metadata").glob("[sv]*/*")}
    delivered |= {path: path.stat().st_mtime_ns for path in (case.out / "report" / "index.html", case.out / "run.yaml")}
    delivered |= {path: path.stat().st_mtime_ns for path in [*case.out.glob("videos/*"), *case.out.glob("layers/*/*")]}
    assert any(path.name == "index.json" for path in delivered)
    assert case.run("preview=true", "resume=false", "output.layers=true")[0] == 0
    assert delivered == {path: path.stat().st_mtime_ns for path in delivered}
    assert {row["status"] for row in rows(case)} == {"preview"}
    assert times(case, *PICTURES).keys() == drawn.keys()
    assert all(time != drawn[name] for name, time in times(case, *PICTURES).items())
    assert len(list(case.out.glob("scenes/*/*.mkv"))) == SCENES


@pytest.mark.parametrize("fps", [Fraction(24), Fraction(30000, 1001), Fraction(60), Fraction(6)])
@pytest.mark.parametrize("frames", [1, 2, 5, 47, 1000])
def test_a_shot_is_drawn_at_few_frames(fps: Fraction, frames: int) -> None:
    choice = Choice.of(100, 100 + frames, fps)
    first, middle, last = choice.stills
    assert (first, last) == (100, 100 + frames - 1)
    assert set(choice.frames) <= set(range(100, 100 + frames))
    assert 1 <= len(choice.loop) <= 32
    assert len(choice.loop) / choice.fps <= LOOP_SECONDS + 1 / choice.fps
    assert choice.loop[0] <= middle <= choice.loop[-1] + choice.loop.step
    assert PICTURE_ROWS <= 270
    assert HEIGHT < PICTURE_ROWS, "the clips above are drawn at their own size"
