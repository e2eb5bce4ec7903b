"""A scene's frames are decoded once for the steps that follow each other in one process, and read in any order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from clips import HEIGHT, WIDTH, pan, series_clip

from remaster.errors import MediaError
from remaster.media.decode import decode
from remaster.media.probe import probe
from remaster.media.types import Frame, Rect
from remaster.pipeline import frames
from remaster.pipeline.frames import Lookahead, VideoFrames, forget_frames, scene_frames
from remaster.rows import Run, Scene

FRAMES = 24


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    """A scene of two runs: frames 3 to 10 and 15 to 22."""
    info = probe(str(series_clip(tmp_path / "a.mp4", [pan(0, FRAMES)])))
    times = np.array([frame.pts for frame in decode(info)])
    forget_frames()
    runs = tuple(Run(n, times[n : n + 9]) for n in (3, 15))
    return Scene("a.mp4", "a-1", "a-1-3", info, runs, Rect(0, 0, info.width, info.height))


@pytest.fixture
def film(scene: Scene) -> list[Frame]:
    """All frames of the file that ``scene`` is of."""
    return list(decode(scene.info))


def assert_whole(scene: Scene, film: list[Frame]) -> None:
    """The scene's frames are those of the film, with their times."""
    wanted = [film[n] for run in scene.runs for n in range(run.start_frame, run.end_frame)]
    for found, frame in zip(scene_frames(scene), wanted, strict=True):
        assert found.pts == frame.pts
        for one, other in zip(found.planes, frame.planes, strict=True):
            np.testing.assert_array_equal(one, other)


def taken_away(scene: Scene) -> None:
    Path(scene.info.path).unlink()


def test_what_was_read_whole_is_not_decoded_again(scene: Scene, film: list[Frame]) -> None:
    assert_whole(scene, film)
    taken_away(scene)
    assert_whole(replace(scene, noise=2.0), film)
    forget_frames()
    with pytest.raises(MediaError):
        list(scene_frames(scene))


def test_what_was_read_in_part_is_decoded_again(scene: Scene, film: list[Frame]) -> None:
    list(islice(scene_frames(scene), 9))
    assert_whole(scene, film)


def test_another_scene_or_another_version_of_the_file_is_read(scene: Scene, film: list[Frame]) -> None:
    assert_whole(scene, film)
    assert_whole(replace(scene, runs=scene.runs[1:]), film)
    taken_away(scene)
    with pytest.raises(MediaError):
        list(
            scene_frames(
                replace(scene, runs=scene.runs[1:], info=replace(scene.info, mtime_ns=scene.info.mtime_ns + 1))
            )
        )


def test_a_video_is_read_by_the_numbers_of_its_frames(scene: Scene, film: list[Frame]) -> None:
    other = replace(scene, scene_id="a-1-11", runs=(Run(11, np.array([frame.pts for frame in film[11:16]])),))
    found = list(VideoFrames([scene, other]).read(5, 14))
    assert [one.scene_id for _, one in found] == ["a-1-3"] * 6 + ["a-1-11"] * 4 + ["a-1-3"] * 4
    assert [frame.pts for frame, _ in found] == [film[n].pts for n in range(5, 19)]
    with pytest.raises(ValueError, match="10 of 14 frames"):
        list(VideoFrames([scene]).read(5, 14))


def test_a_long_scene_is_not_kept(scene: Scene, film: list[Frame], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "CACHE_BYTES", 15 * WIDTH * HEIGHT * 3 // 2)
    assert_whole(scene, film)
    taken_away(scene)
    with pytest.raises(MediaError):
        list(scene_frames(scene))


def stream(count: int, read: list[int], fail: int | None = None) -> Iterator[Frame]:
    for i in range(count):
        if i == fail:
            raise OSError("the file is damaged")
        read.append(i)
        yield Frame(i, (np.full((2, 2), i, np.uint8),))
    read.append(-1)  # the stream was read to its end, where it checks what it read


def test_frames_are_read_once_when_they_are_asked_for_and_in_any_order() -> None:
    read: list[int] = []
    frames = Lookahead(stream(9, read))
    assert read == []
    assert frames[3].pts == 3 and read == [0, 1, 2, 3]
    assert [frames[i].pts for i in (1, 0, 3, 2)] == [1, 0, 3, 2] and read == [0, 1, 2, 3]
    assert frames[3] is frames[3]


def test_what_is_released_is_gone_and_the_rest_is_not() -> None:
    frames = Lookahead(stream(9, []))
    assert frames[5].pts == 5
    frames.release(3)
    frames.release(-7)
    assert [frames[i].pts for i in (3, 4, 5, 6)] == [3, 4, 5, 6]
    with pytest.raises(IndexError, match="frame 2 was let go"):
        frames[2]


def test_what_is_released_before_it_was_read_is_read_for_those_after_it() -> None:
    frames = Lookahead(stream(9, []))
    frames.release(4)
    assert frames[6].pts == 6


def test_the_stream_s_end_is_told() -> None:
    frames = Lookahead(stream(3, []))
    with pytest.raises(IndexError, match="frame 3 of a stream of 3"):
        frames[3]
    assert frames[2].pts == 2


def test_finish_reads_to_the_end_and_keeps_nothing() -> None:
    read: list[int] = []
    frames = Lookahead(stream(5, read))
    assert frames[1].pts == 1
    frames.finish()
    assert read == [0, 1, 2, 3, 4, -1]
    with pytest.raises(IndexError):
        frames[1]


def test_a_stream_s_own_error_comes_through() -> None:
    frames = Lookahead(stream(9, [], fail=2))
    assert frames[1].pts == 1
    with pytest.raises(OSError, match="damaged"):
        frames[4]
    with pytest.raises(OSError, match="damaged"):
        Lookahead(stream(9, [], fail=2)).finish()
