"""Which files are videos, and what they and their outputs are called."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from remaster.errors import UserError
from remaster.pipeline.inputs import dataset_name, find_dataset, find_videos, output_names, scene_id, video_id


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


def test_several_inputs_are_one_dataset_under_their_own_names(series: Path, tmp_path: Path) -> None:
    (tmp_path / "film.mkv").touch()
    paths = [str(series / "season 2"), str(tmp_path / "film.mkv"), str(series / "*.MP4"), str(tmp_path / "film.mkv")]
    found = find_dataset(paths, "/nowhere")
    assert [video.name for video in found.videos] == ["b.MP4", "film.mkv", "season 2/a.mkv"]
    assert dataset_name(paths) == tmp_path.name
    assert dataset_name([str(series / "a.mkv"), str(series / "b.MP4")]) == "the series"


def test_inputs_that_would_be_called_alike_go_by_their_whole_paths(series: Path) -> None:
    found = find_dataset([str(series / "season 2" / "a.mkv"), str(series / "a.mkv"), str(series / "b.MP4")], "/nowhere")
    assert [video.name for video in found.videos] == ["a.mkv", "b.MP4", "season 2/a.mkv"]


def test_links_are_followed_and_loops_are_not(series: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "disk 2"
    elsewhere.mkdir()
    (elsewhere / "c.mkv").touch()
    (series / "a season").symlink_to(elsewhere)
    (series / "b.mkv").symlink_to(series / "a.mkv")
    (series / "season 2" / "up").symlink_to("..")
    (series / "season 2" / "gone.mkv").symlink_to("/nonesuch/gone.mkv")
    (elsewhere / "back").symlink_to(series)
    found = find_dataset([str(series)], "/nowhere")
    assert [video.name for video in found.videos] == ["a season/c.mkv", "a.mkv", "b.MP4", "b.mkv", "season 2/a.mkv"]
    assert found.lost
    assert found.left_out == (
        "files that are no videos by their names: 2 hidden, 1 .txt",
        "dead link (1): season 2/gone.mkv -> /nonesuch/gone.mkv",
        "link to a folder that is searched already (2): season 2/up -> .., a season/back -> " + str(series),
    )


def test_links_to_what_holds_the_folder_are_loops(series: Path, tmp_path: Path) -> None:
    (series / "season 2" / "up").symlink_to(tmp_path)
    whole = tmp_path.with_name(f"{tmp_path.name} disk")
    (whole / "season 3").mkdir(parents=True)
    (whole / "season 3" / "c.mkv").touch()
    (series / "1").symlink_to(whole / "season 3")
    (series / "2").symlink_to(whole)
    found = find_dataset([str(series)], "/nowhere")
    assert [video.name for video in found.videos] == ["1/c.mkv", "a.mkv", "b.MP4", "season 2/a.mkv"]
    assert found.left_out[1:] == (f"link to a folder around the one that is searched (1): season 2/up -> {tmp_path}",)
    assert not found.lost


def test_what_is_no_file_is_named(series: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(series / "pipe.mkv")
    monkeypatch.chdir(series)
    with socket.socket(socket.AF_UNIX) as opened:
        opened.bind("control.sock")
        found = find_dataset([str(series)], "/nowhere")
    assert found.left_out == (
        "files that are no videos by their names: 2 hidden, 1 .sock, 1 .txt",
        "named pipe (1): pipe.mkv",
    )
    with pytest.raises(UserError, match=r"pipe\.mkv is no file but a named pipe; its bytes can be read only once"):
        find_dataset([str(series / "pipe.mkv")], "/nowhere")
    (series / "dead.mkv").symlink_to("/nonesuch")
    with pytest.raises(UserError, match=r"dead\.mkv is no file but a dead link to /nonesuch, which does not exist"):
        find_dataset([str(series / "dead.mkv")], "/nowhere")


def test_a_folder_that_may_not_be_read_is_named(series: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = Path.iterdir

    def refused(folder: Path) -> Iterator[Path]:  # whoever runs the tests may read everything
        if folder.name == "season 2":
            raise PermissionError(13, "Permission denied", str(folder))
        return listed(folder)

    monkeypatch.setattr(Path, "iterdir", refused)
    found = find_dataset([str(series)], "/nowhere")
    assert [video.name for video in found.videos] == ["a.mkv", "b.MP4"]
    assert found.left_out[1:] == ("folder that cannot be read (1): season 2",)
    assert found.lost


def test_a_folder_without_videos_says_what_is_there(tmp_path: Path) -> None:
    for name in ("1.jpg", "2.JPG", "readme"):
        (tmp_path / name).touch()
    with pytest.raises(UserError, match=r"no videos by their names: 2 \.jpg, 1 no extension"):
        find_dataset([str(tmp_path)], "/nowhere")


def disc(folder: Path) -> Path:
    inside = folder / "VIDEO_TS"
    inside.mkdir(parents=True)
    names = ("VIDEO_TS.IFO", "VIDEO_TS.BUP", "VIDEO_TS.VOB", "VTS_01_0.VOB", "VTS_01_1.VOB", "VTS_01_2.VOB")
    for name in (*names, "VTS_01_3.VOB", "VTS_02_1.VOB", "VTS_03_2.VOB", "VTS_01_0.IFO"):
        (inside / name).touch()
    return inside


def test_a_dvd_is_its_titles(tmp_path: Path) -> None:
    inside = disc(tmp_path / "Disc 1")
    found = find_dataset([str(inside)], "/nowhere")
    assert [video.name for video in found.videos] == ["VTS_01.VOB", "VTS_02.VOB", "VTS_03_2.VOB"]
    assert [Path(video.path).name for video in found.videos] == ["VTS_01_1.VOB", "VTS_02_1.VOB", "VTS_03_2.VOB"]
    assert found.left_out == (
        "files that are no videos by their names: 2 .ifo, 1 .bup",
        "menu of a DVD (2): VIDEO_TS.VOB, VTS_01_0.VOB",
    )
    assert not found.lost
    assert dataset_name(str(inside)) == "Disc 1"
    by_the_shell = find_dataset([str(path) for path in sorted(inside.glob("*.VOB"))], "/nowhere")
    assert [video.name for video in by_the_shell.videos] == [video.name for video in found.videos]
    assert names(inside / "VTS_01_0.VOB") == ["VTS_01_0.VOB"], "what is asked for by name alone is taken"


def test_titles_of_two_discs_stay_apart(tmp_path: Path) -> None:
    found = find_dataset([str(disc(tmp_path / name)) for name in ("1", "2")], "/nowhere")
    assert [video.name for video in found.videos][:2] == ["1/VIDEO_TS/VTS_01.VOB", "1/VIDEO_TS/VTS_02.VOB"]
    assert len({video.video_id for video in found.videos}) == 6
