"""Which files are videos, and what they and their outputs are called."""

from __future__ import annotations

from pathlib import Path

import pytest

from remaster.errors import UserError
from remaster.pipeline.inputs import dataset_name, find_videos, output_names, scene_id, video_id


@pytest.fixture
def series(tmp_path: Path) -> Path:
    for name in ("a.mkv", "b.MP4", "season 2/a.mkv", "notes.txt", ".hidden/c.mkv", ".d.mkv"):
        file = tmp_path / "the series" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    return tmp_path / "the series"


def names(path: Path | str, outputs: Path = Path("/nowhere")) -> list[str]:
    return [video.name for video in find_videos(str(path), outputs)]


def test_a_folder_is_searched_through(series: Path) -> None:
    assert names(series) == ["a.mkv", "b.MP4", "season 2/a.mkv"]
    assert dataset_name(str(series)) == "the series"


def test_a_file_is_taken_whatever_it_is_called(series: Path) -> None:
    assert names(series / "notes.txt") == ["notes.txt"]
    assert dataset_name(str(series / "a.mkv")) == "a"


def test_globs(series: Path) -> None:
    assert names(series / "*.mkv") == ["a.mkv"]
    assert names(f"{series}/**/*.mkv") == ["a.mkv", "season 2/a.mkv"]
    assert names(series / "*") == ["a.mkv", "b.MP4"]
    assert dataset_name(f"{series}/*/a.*") == "the series"


def test_outputs_are_never_inputs(series: Path) -> None:
    assert names(series, outputs=series / "season 2") == ["a.mkv", "b.MP4"]


@pytest.mark.parametrize("path", ["missing.mkv", "*.avi", "empty", "s3://bucket/key"])
def test_nothing_is_one_sentence(path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError) as caught:
        find_videos(path, tmp_path / "out")
    assert path in str(caught.value)
    assert "\n" not in str(caught.value)


def test_ids_are_safe_distinct_and_sort_by_time() -> None:
    ids = [video_id(name) for name in ("a/b.mkv", "a_b.mkv", "../b.mkv", "ä" * 200, "b.mkv")]
    assert len(set(ids)) == len(ids)
    assert all("/" not in i and not i.startswith(".") and len(i.encode()) < 100 for i in ids)
    assert scene_id(ids[0], 99) < scene_id(ids[0], 1000)


def test_output_names_keep_the_old_extension_where_two_would_collide() -> None:
    mkv = [".mkv"] * 3
    assert output_names(["a.avi", "a.mkv", "b.avi"], mkv) == ["a.avi.mkv", "a.mkv", "b.mkv"]
    assert output_names(["a.avi", "a.mpg", "a.vob"], mkv) == ["a.avi.mkv", "a.mpg.mkv", "a.vob.mkv"]
    assert output_names(["a.mp4", "a.mkv"], [".mp4", ".mkv"]) == ["a.mp4", "a.mkv"]
    tricky = output_names(["a.avi", "a.avi.mkv", "a.mkv"], mkv)
    assert len(set(tricky)) == 3
    assert tricky[1:] == ["a.avi.mkv", "a.mkv"]
