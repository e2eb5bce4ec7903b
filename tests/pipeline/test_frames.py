"""A scene's frames are decoded once for the steps that follow each other in one process."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from clips import HEIGHT, WIDTH, pan, series_clip

from remaster.errors import MediaError
from remaster.media.decode import decode
from remaster.media.probe import probe
from remaster.media.types import Frame
from remaster.pipeline import frames
from remaster.pipeline.frames import forget_frames, scene_frames
from remaster.rows import Run, SceneRow

FRAMES = 24


@pytest.fixture
def row(tmp_path: Path) -> SceneRow:
    """A scene of two runs: frames 3 to 10 and 15 to 22."""
    info = probe(str(series_clip(tmp_path / "a.mp4", [pan(0, FRAMES)])))
    times = np.array([frame.pts for frame in decode(info)])
    forget_frames()
    return SceneRow("a.mp4", "a-1", "a-1-3", info, runs=tuple(Run(n, times[n : n + 9]) for n in (3, 15)))


@pytest.fixture
def film(row: SceneRow) -> list[Frame]:
    """All frames of the file that ``row`` is of."""
    assert row.info is not None
    return list(decode(row.info))


def assert_whole(row: SceneRow, film: list[Frame]) -> None:
    """The row's frames are those of the film, with their times."""
    wanted = [film[n] for run in row.runs for n in range(run.start_frame, run.end_frame)]
    for found, frame in zip(scene_frames(row), wanted, strict=True):
        assert found.pts == frame.pts
        for one, other in zip(found.planes, frame.planes, strict=True):
            np.testing.assert_array_equal(one, other)


def taken_away(row: SceneRow) -> None:
    assert row.info is not None
    Path(row.info.path).unlink()


def test_what_was_read_whole_is_not_decoded_again(row: SceneRow, film: list[Frame]) -> None:
    assert_whole(row, film)
    taken_away(row)
    assert_whole(replace(row, noise=2.0), film)
    forget_frames()
    with pytest.raises(MediaError):
        list(scene_frames(row))


def test_what_was_read_in_part_is_decoded_again(row: SceneRow, film: list[Frame]) -> None:
    list(islice(scene_frames(row), 9))
    assert_whole(row, film)


def test_another_scene_or_another_version_of_the_file_is_read(row: SceneRow, film: list[Frame]) -> None:
    assert row.info is not None
    assert_whole(row, film)
    assert_whole(replace(row, runs=row.runs[1:]), film)
    taken_away(row)
    with pytest.raises(MediaError):
        list(scene_frames(replace(row, runs=row.runs[1:], info=replace(row.info, mtime_ns=row.info.mtime_ns + 1))))


def test_a_long_scene_is_not_kept(row: SceneRow, film: list[Frame], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "KEPT_BYTES", 15 * WIDTH * HEIGHT * 3 // 2)
    assert_whole(row, film)
    taken_away(row)
    with pytest.raises(MediaError):
        list(scene_frames(row))
