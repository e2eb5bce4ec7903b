"""Names are other people's: whatever they are, outputs stay in their folder and every video gets its own."""

from __future__ import annotations

import os
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from remaster.pipeline.batch import say_where
from remaster.pipeline.inputs import find_videos, output_names, scene_id
from remaster.pipeline.store import Store

NAMES = [
    "plain.mkv", "a b.mkv", "..mkv.mkv", "...mkv", "-rf.mkv", "new\nline.mkv", "\x1b[31mred\x07.mkv", "[glob]*?.mkv",
    "%s{0}.mkv",
    "ü" * 125 + ".mkv", "x" * 251 + ".mkv", "x" * 252 + ".ts", "x" * 252 + ".rm", "one/same.mkv", "two/same.mkv",
    "one/same.avi", "a.part1.mkv", "'\"<b>.mkv",
]  # fmt: skip


@pytest.fixture
def series(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    for name in NAMES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    Path(os.fsdecode(os.fsencode(folder) + b"/\xff\xfe.mkv")).touch()
    return folder


def test_outputs_stay_in_their_folder_whatever_inputs_are_called(series: Path, tmp_path: Path) -> None:
    hidden = {name for name in NAMES if name.startswith(".")}
    videos = find_videos(str(series), str(tmp_path / "out"))
    assert len(videos) == len(NAMES) - len(hidden) + 1
    store = Store(str(tmp_path / "out"))
    outputs = output_names([video.name for video in videos], [".mkv"] * len(videos))
    places = []
    for video, output in zip(videos, outputs, strict=True):
        scene = scene_id(video.video_id, 0)
        places += [(store.output(output), "videos"), (store.segment(video.video_id, scene, 0), "scenes")]
        places += [(place, "metadata") for place in (store.plan(video.video_id), store.shard(scene))]
        video.name.encode()  # text, which tables can hold
        assert Path(video.path).is_file()
    for place, folder in places:
        store.files.write(place, place.encode(errors="replace"))
        assert (tmp_path / "out" / place).resolve().is_relative_to((tmp_path / "out" / folder).resolve())
    assert len({place for place, _ in places}) == len(places)
    assert all(store.files.read(place) == place.encode(errors="replace") for place, _ in places)


@pytest.mark.parametrize("pattern", ["in/*/../../x.mkv", "in/one/../*.mkv", "in/**/../x.mkv"])
def test_patterns_that_climb_out(pattern: str, series: Path, tmp_path: Path) -> None:
    (tmp_path / "x.mkv").touch()
    (series / "x.mkv").touch()
    videos = find_videos(str(tmp_path / pattern), str(tmp_path / "out"))
    for name in output_names([video.name for video in videos], [".mkv"] * len(videos)):
        assert not Path(name).is_absolute()
        assert ".." not in Path(name).parts
    real = [Path(video.path).resolve() for video in videos]
    assert len(set(real)) == len(real) > 0


def test_the_folder_that_is_printed_is_the_one_that_was_asked_for(tmp_path: Path) -> None:
    printed, store = StringIO(), Store(str(tmp_path / "out [n] [b]x"))
    say_where(Console(file=printed), store, "page")
    assert printed.getvalue() == f"videos: {tmp_path}/out [n] [b]x/videos\nreport: page\n"
