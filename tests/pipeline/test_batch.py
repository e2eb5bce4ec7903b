"""The whole job on small drawn clips, in one shared Ray."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import psutil
import pyarrow.parquet as pq
import pytest
import ray
import ray.data
from batch_runs import batch
from clips import HEIGHT, WIDTH, painting, pan, series_clip, still, two_scenes
from faulty_runs import Case, command_of, wait_for
from kind_files import PLAIN
from media_files import write_source
from stage_runs import EXEMPLAR, filmed, run_stages

from remaster.errors import UserError
from remaster.sets.visual_words import signature
from remaster.tables import SHOTS, VIDEOS

pytestmark = pytest.mark.usefixtures("ray_cluster")


def shots(out: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(out / "metadata" / "scenes").to_pylist()
    return sorted(rows, key=lambda row: (row["video"], row["start_frame"]))


def frames(path: Path) -> list[tuple[int, np.ndarray[Any, Any]]]:
    with av.open(str(path)) as container:
        return [(frame.pts, frame.to_ndarray()) for frame in container.decode(video=0)]


def audio(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(audio=0) if packet.size]


@pytest.fixture(scope="module")
def earlier(ray_cluster: None) -> set[int]:
    """The processes that were there before these tests."""
    return {process.pid for process in psutil.Process().children(recursive=True)}


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory, earlier: set[int]) -> Path:
    """A folder (with a space) of two videos, remastered losslessly."""
    root = tmp_path_factory.mktemp("a run")
    (root / "series").mkdir()
    two_scenes(root / "series" / "one.mp4", seed=1)
    two_scenes(root / "series" / "two.mp4", seed=5)
    code, printed = batch(root / "series", root / "out", "output.codec=ffv1", link="series")
    (root / "printed").write_text(printed)
    assert code == 0, printed
    return root


def test_videos_are_whole_and_wide(done: Path) -> None:
    for name in ("one", "two"):
        source, result = frames(done / "series" / f"{name}.mp4"), frames(done / "out" / "videos" / f"{name}.mkv")
        assert len(result) == len(source) == 32
        height, width = result[0][1].shape[0] * 2 // 3, result[0][1].shape[1]
        assert height == HEIGHT
        assert abs(width / height - 16 / 9) < 0.02


def test_the_centre_is_bit_exact(done: Path) -> None:
    source, result = frames(done / "series" / "one.mp4"), frames(done / "out" / "videos" / "one.mkv")
    for (_, a), (_, b) in zip(source, result, strict=True):
        x = (b.shape[1] - WIDTH) // 2
        np.testing.assert_array_equal(a[:HEIGHT], b[:HEIGHT, x : x + WIDTH])
        chroma = b[HEIGHT:].reshape(2, HEIGHT // 2, -1)[:, :, x // 2 : (x + WIDTH) // 2]
        np.testing.assert_array_equal(a[HEIGHT:].reshape(2, HEIGHT // 2, -1), chroma)


def test_the_sound_is_the_source_s(done: Path) -> None:
    assert audio(done / "series" / "one.mp4") == audio(done / "out" / "videos" / "one.mkv")


def test_the_tables_keep_the_contract(done: Path) -> None:
    table = pq.read_table(done / "out" / "metadata" / "scenes")
    assert table.schema.equals(SHOTS)
    assert pq.read_table(done / "out" / "metadata" / "videos").schema.equals(VIDEOS)
    rows = shots(done / "out")
    assert [(r["video"], r["start_frame"], r["end_frame"]) for r in rows] == [
        (video, start, start + 16) for video in ("one.mp4", "two.mp4") for start in (0, 16)
    ]
    assert {r["status"] for r in rows} == {"ok"}
    assert {(r["segmenter"], r["inpainter"]) for r in rows} == {("motion", "exemplar")}
    assert all(r["end_pts"] > r["start_pts"] and r["segment"] and r["seconds_resample"] > 0 for r in rows)


def test_ray_reads_the_tables(done: Path) -> None:
    dataset = ray.data.read_parquet(str(done / "out" / "metadata" / "scenes"))
    assert set(SHOTS.names) <= set(dataset.schema().names)
    assert dataset.count() == 4


def test_methods_follow_the_camera(done: Path) -> None:
    for row in shots(done / "out"):
        moving = row["start_frame"] == 16
        assert row["method"] == ("mosaic" if moving else "still"), row
        assert (row["coverage"] > 0.3) == moving
        if not moving:
            assert row["inpaint_calls"] >= 1
            assert row["generated_pixels"] > 0


def test_a_person_is_told(done: Path) -> None:
    printed = (done / "printed").read_text()
    assert "segmenter: motion" in printed
    assert "inpainter: exemplar" in printed
    assert "2 video(s)" in printed
    page = (done / "out" / "report" / "index.html").read_text()
    assert "one.mp4" in page
    assert "data:image/jpeg;base64," in page
    assert (done / "out" / "run.yaml").is_file()


def test_shards_are_compacted(done: Path) -> None:
    assert len(list((done / "out" / "metadata" / "scenes").iterdir())) == 2
    assert not list((done / "out").rglob("*.part*"))


def test_a_second_run_does_nothing_again(done: Path) -> None:
    before = {p: p.stat().st_mtime_ns for p in (done / "out").rglob("*") if p.suffix in (".mkv", ".parquet")}
    code, _ = batch(done / "series", done / "out", "output.codec=ffv1")
    assert code == 0
    assert {p: p.stat().st_mtime_ns for p in before} == before


def test_runs_give_the_same_bytes_on_any_number_of_workers(done: Path, tmp_path: Path) -> None:
    """Here on one: this process, which takes one scene after the other."""
    case = Case(tmp_path, done / "series")
    case.engine()
    row = run_stages(case, *EXEMPLAR, "segmenter=motion", "output.codec=ffv1", suffix=".mkv")
    assert row["error"] is None
    assert (case.out / "videos/one.mkv").read_bytes() == (done / "out/videos/one.mkv").read_bytes()


def test_rubbish_costs_nothing_else(tmp_path: Path) -> None:
    source = tmp_path / "in"
    source.mkdir()
    series_clip(source / "good.mp4", [still(3, 8)])
    (source / "text.mp4").write_text("this is no video")
    (source / "empty.mkv").touch()
    code, printed = batch(source, tmp_path / "out")
    assert code == 1
    assert "text.mp4" in printed
    assert (tmp_path / "out" / "videos" / "good.mp4").is_file()
    status = {row["video"]: row for row in pq.read_table(tmp_path / "out" / "metadata" / "videos").to_pylist()}
    assert status["good.mp4"]["status"] == "ok"
    assert status["text.mp4"]["status"] == status["empty.mkv"]["status"] == "failed"
    assert "text.mp4" in status["text.mp4"]["error"]


def test_what_is_left_out_is_said_where_people_look(tmp_path: Path) -> None:
    source = tmp_path / "in"
    source.mkdir()
    write_source(source / "a.mkv", replace(PLAIN, subtitles=True))
    series_clip(source / "b.mp4", [still(3, 4)])
    (source / "b.nfo").touch()
    (source / "gone.mkv").symlink_to("/nonesuch")
    lost = "subtitle stream 1 (subrip, eng) cannot be carried by mp4 and is left out: "
    lost += "that container has no code for this codec"
    code, printed = batch(source, tmp_path / "out", "output.container=mp4")
    lines = printed.splitlines()
    assert code == 0
    assert "not taken: dead link (1): gone.mkv -> /nonesuch" in lines
    begun = next(n for n, line in enumerate(lines) if line.startswith("incomplete: a.mkv -> videos/a.mp4"))
    assert lines[begun + 1] == f"  {lost}"
    assert f"incomplete: a.mkv: {lost}" in lines
    assert any(line.startswith("2 of 2 videos delivered (1 with something left out): ") for line in lines)
    assert lines.count("not taken: files that are no videos by their names: 1 .nfo") == 2
    rows = pq.read_table(tmp_path / "out" / "metadata" / "videos").to_pylist()
    assert {row["video"]: row["status"] for row in rows} == {"a.mkv": "incomplete", "b.mp4": "ok"}
    (source / "gone.mkv").unlink()
    code, printed = batch(source, tmp_path / "out", "output.container=mp4", "strict=true")
    assert (code, lost in printed) == (1, True)
    (source / "gone.mkv").symlink_to("/nonesuch")
    code, printed = batch(source, tmp_path / "out", "strict=true")
    assert "not taken: dead link (1): gone.mkv -> /nonesuch" in printed
    assert code == 1, "what a dead link stands for may be a video"


@pytest.mark.parametrize(("link", "first"), [("off", "notes/begun-*"), ("series", "out/scenes/*/*.stitch.parquet")])
def test_on_two_cpus_scenes_begin_before_the_last_video_is_read(
    link: str, first: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Scenes that are linked wait for each other once they are stitched."""
    source = tmp_path / "in"
    source.mkdir()
    for seed in range(12):
        series_clip(source / f"{seed}.mp4", [iter([painting(seed, WIDTH)] * 3)])
    options = ray.data.ExecutionOptions(resource_limits=ray.data.ExecutionResources(cpu=2))
    monkeypatch.setattr(ray.data.DataContext.get_current(), "execution_options", options)
    case = Case(tmp_path, source)
    case.engine()
    # A worker that has to start first would let the other read all videos alone. The counter's actor takes a third.
    ray.get([ray.remote(import_module).remote("remaster.pipeline.graph") for _ in range(3)])
    ray.get([ray.remote(signature).remote(np.ones((1, 128), np.float32)) for _ in range(3)])  # it learns words once
    assert case.run(f"scenes.link={link}")[0] == 0
    begun = [path.stat().st_mtime_ns for path in tmp_path.glob(first)]
    planned = [path.stat().st_mtime_ns for path in (case.out / "metadata" / "plan").glob("*.parquet")]
    assert len(begun) == len(planned) == 12
    assert sum(time < max(planned) for time in begun) > 3, "one may slip in before Ray has a second video to read"


def test_a_run_leaves_no_actor_behind(done: Path, earlier: set[int]) -> None:
    below = psutil.Process().children(recursive=True)
    assert any(command_of(process).startswith("ray::") for process in below)
    since = [process for process in below if process.pid not in earlier]
    wait_for(lambda: not any(command_of(process) == "ray::FrameCounter" for process in since))


def test_only_the_first_scenes(tmp_path: Path) -> None:
    clip = series_clip(tmp_path / "clip.mp4", [still(1, 6), still(7, 6), still(9, 6)])
    code, _ = batch(clip, tmp_path / "out", "scenes.limit=2")
    assert code == 0
    assert len(frames(tmp_path / "out" / "videos" / "clip.mp4")) == 12
    assert pq.read_table(tmp_path / "out" / "metadata" / "videos").to_pylist()[0]["partial"]
    assert batch(clip, tmp_path / "out")[0] == 0
    assert len(frames(tmp_path / "out" / "videos" / "clip.mp4")) == 18


def test_a_setup_that_comes_back_is_one_scene(tmp_path: Path) -> None:
    case = filmed(tmp_path, [still(seed, 8) for seed in (1, 5, 1, 5)])
    settings = (*EXEMPLAR, "segmenter=motion", "output.codec=ffv1", "output.grain=none")
    video = run_stages(case, *settings, suffix=".mkv")
    assert video["error"] is None
    rows = shots(tmp_path / "out")
    assert [(row["start_frame"], row["end_frame"], row["shot"]) for row in rows] == [
        (0, 8, 0), (8, 16, 0), (16, 24, 1), (24, 32, 1)
    ]  # fmt: skip
    assert [row["scene_id"] for row in rows] == [rows[0]["scene_id"], rows[1]["scene_id"]] * 2
    assert (video["scenes"], video["inpaint_calls"]) == (2, rows[0]["inpaint_calls"] + rows[1]["inpaint_calls"])
    source, result = frames(case.source / "a.mp4"), frames(case.out / "videos" / "a.mkv")
    assert len(result) == len(source) == 32
    x = (result[0][1].shape[1] - WIDTH) // 2
    for (_, before), (_, after) in zip(source, result, strict=True):
        np.testing.assert_array_equal(before[:HEIGHT], after[:HEIGHT, x : x + WIDTH])
    wings = [picture[:HEIGHT, : x - 2].astype(int) for _, picture in result]
    assert np.abs(wings[2] - wings[18]).mean() < 1 < np.abs(wings[2] - wings[10]).mean()
    assert run_stages(case, *settings, "scenes.limit=1", suffix=".mkv")["error"] is None
    assert len(frames(case.out / "videos" / "a.mkv")) == 8


def test_any_target_and_another_one_does_it_again(tmp_path: Path) -> None:
    case, before = filmed(tmp_path, [still(1, 6), pan(4, 10)]), dict[str, str]()
    for wide, high in ((9, 16), (21, 9), (4, 3)):
        row = run_stages(case, *EXEMPLAR, "segmenter=motion", f"target.aspect='{wide}:{high}'")
        assert row["error"] is None
        picture = frames(case.out / "videos" / "a.mp4")[0][1]
        height = picture.shape[0] * 2 // 3
        assert picture.shape[1] / height == pytest.approx(wide / high, rel=0.01)
        made = {row["scene_id"]: row["fingerprint"] for row in case.rows()}
        assert len(made) == 2
        assert all(before.get(scene) != fingerprint for scene, fingerprint in made.items())
        before = made


def test_an_output_folder_belongs_to_one_dataset(done: Path, tmp_path: Path) -> None:
    clip = series_clip(tmp_path / "clip.mp4", [still(1, 4)])
    with pytest.raises(UserError, match=r"another output\.dir"):
        batch(clip, done / "out")


def test_scenes_run_at_the_same_time(tmp_path: Path) -> None:
    clip = series_clip(tmp_path / "clip.mp4", [still(seed, 12) for seed in (11, 12, 13, 14)])
    assert batch(clip, tmp_path / "out")[0] == 0
    spans = []
    for row in shots(tmp_path / "out"):
        end = (tmp_path / "out" / row["segment"]).stat().st_mtime
        stages = ("analyze", "segment", "stitch", "outpaint", "resample")
        spans.append((end - sum(row[f"seconds_{stage}"] for stage in stages), end))
    assert len(spans) == 4
    spans.sort()
    assert any(later[0] < earlier[1] for earlier, later in pairwise(spans)), spans
