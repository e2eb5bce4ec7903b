"""Pictures of shots: the original where it lies, the background with what is known of it."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from review_pages import Server

from remaster.pipeline.store import Store
from remaster.review import pictures
from remaster.review.model import Library, Run, Shot, shot_of
from remaster.tables import SHOTS


@pytest.fixture(scope="module")
def run(finished: Path) -> Run:
    return Library(Store(str(finished))).run()


def shot_with(run: Run, method: str) -> Shot:
    return next(shot for shot in run.shots if shot.method == method)


def decoded(data: bytes) -> npt.NDArray[np.uint8]:
    found = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    assert found is not None
    return np.asarray(found, np.uint8)


def test_before_is_the_original_between_black_bars(finished: Path, run: Run) -> None:
    shot = shot_with(run, "still")
    before, after = pictures.frame_pair(finished, shot, 0)
    width, whole = int(shot.row["width"]), int(shot.row["out_width"])
    left = (whole - width) // 2
    assert before.shape == after.shape == (int(shot.row["out_height"]), whole, 3)
    assert not before[:, : left - 1].any() and not before[:, left + width + 1 :].any()
    assert np.array_equal(before[:, left : left + width], after[:, left : left + width])
    assert after[:, : left - 1].any()


def test_frames_of_a_segment_differ(finished: Path, run: Run) -> None:
    shot = shot_with(run, "mosaic")
    first, last = (pictures.frame_pair(finished, shot, number)[1] for number in (0, 9))
    assert np.abs(first.astype(int) - last).mean() > 5
    beyond = pictures.frame_pair(finished, shot, 1000)[1]
    assert np.array_equal(beyond, last)


def test_a_background_says_what_was_generated(finished: Path, run: Run) -> None:
    still = pictures.canvas(Store(str(finished)), shot_with(run, "still"), "")
    mosaic = pictures.canvas(Store(str(finished)), shot_with(run, "mosaic"), "")
    assert still is not None and mosaic is not None
    assert still.holes.any() and not (still.holes & ~still.shown).any()
    assert still.image[still.holes].any()
    assert mosaic.image.shape[1] > still.image.shape[1]
    overlay = decoded(pictures.overlay_png(still))
    assert overlay.shape[2] == 4
    assert (overlay[..., 3] > 0)[still.holes].all()
    assert not (overlay[..., 3] > 0)[still.shown & ~still.holes & ~still.lent].any()


def test_pictures_are_served(server: Server, run: Run) -> None:
    shot = shot_with(run, "still")
    for kind in ("thumb", "before", "after", "frame", "background", "overlay"):
        answer = server.picture(shot.key, kind)
        assert answer.status == 200, kind
        assert decoded(answer.body).size
    frame = decoded(server.picture(shot.key, "frame").body)
    assert frame.shape[:2] == (int(shot.row["height"]), int(shot.row["width"]))
    assert server.picture(shot.key, "other").status == 422


def test_segments_are_served_in_parts(server: Server, run: Run, finished: Path) -> None:
    shot = run.shots[0]
    answer = server.ask(f"/video/{shot.key}/segment", {"Range": "bytes=0-99"})
    assert answer.status == 206
    assert answer.body == (finished / shot.row["segment"]).read_bytes()[:100]
    assert server.ask(f"/video/{shot.key}/loop").status == 404


def test_a_previewed_shot_shows_its_stills(tmp_path: Path) -> None:
    """Three pictures, each of one colour, in place of a segment."""
    (tmp_path / "scenes").mkdir()
    names = [f"scenes/{level}.jpg" for level in (40, 120, 200)]
    for name, level in zip(names, (40, 120, 200), strict=True):
        (tmp_path / name).write_bytes(pictures.jpeg(np.full((60, 106, 3), level, np.uint8)))
    sizes = {"width": 320, "height": 240, "out_width": 424, "out_height": 240, "framing": 0.5}
    row = dict.fromkeys((*SHOTS.names, "loop")) | sizes | {"stills": names, "preview": names[1], "status": "preview"}
    shot = shot_of(row | {"scene_id": "a-0000000", "shot": 0, "start_frame": 0, "end_frame": 9, "method": "still"})
    assert [int(pictures.frame_pair(tmp_path, shot, n)[1].mean()) for n in (0, 4, 8)] == [40, 120, 200]
    before, after = pictures.frame_pair(tmp_path, shot, 4)
    assert not before[:, :12].any() and not before[:, 94:].any() and before[:, 14:92].all() and after.all()
    assert decoded(pictures.thumbnail(tmp_path, shot)).shape == (120, 212, 3)
