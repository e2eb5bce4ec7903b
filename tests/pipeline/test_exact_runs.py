"""Runs with a donor that shows the very same frames, and more of each: these are taken whole, figures included."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from clips import HEIGHT, WIDTH, Picture, painting, series_clip, still
from faulty_runs import Case

pytestmark = pytest.mark.usefixtures("ray_cluster")
SIDE, FINE = 30, 2
"""Pixels that the film shows on each side of the 4:3 picture, and how many times finer it is drawn."""
WALK, REST, LEAD = 24, 10, 5
"""Frames of the two scenes, and those that the donor has before them."""
GROUND, ROOM = (painting(seed, (WIDTH + 2 * SIDE) * FINE, HEIGHT * FINE) for seed in (5, 7))
GAIN, OFFSET = 0.88, 9.0


def walk(frames: int, start: int = -24, step: int = 9) -> Iterator[Picture]:
    """The whole film: someone comes in from the left wing and goes out into the right one."""
    for i in range(frames):
        picture = GROUND.copy()
        place = round((SIDE + start + step * i) * FINE), 80 * FINE
        cv2.ellipse(picture, place, (9 * FINE, 24 * FINE), 0, 0, 360, (230, 60, 40), -1, cv2.LINE_AA)
        yield picture


def rest(frames: int) -> Iterator[Picture]:
    """A scene in which nothing moves."""
    for _ in range(frames):
        yield ROOM


def cut_out(film: Iterator[Picture]) -> Iterator[Picture]:
    for picture in film:
        part = picture[:, SIDE * FINE : (SIDE + WIDTH) * FINE]
        yield np.asarray(cv2.resize(part, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA), np.uint8)


def transferred(film: Iterator[Picture]) -> Iterator[Picture]:
    """The film whole, 1.5 times as large as the 4:3 version and in another light."""
    for picture in film:
        size = (WIDTH + 2 * SIDE) * 3 // 2, HEIGHT * 3 // 2
        large = cv2.resize(picture, size, interpolation=cv2.INTER_AREA) * GAIN + OFFSET
        yield np.clip(np.rint(large), 0, 255).astype(np.uint8)


def truth(picture: Picture, width: int) -> Picture:
    small = cv2.resize(picture, (WIDTH + 2 * SIDE, HEIGHT), interpolation=cv2.INTER_AREA)
    wing = (width - WIDTH) // 2
    return np.asarray(small[:, SIDE - wing : SIDE + WIDTH + wing], np.uint8)


def wing_errors(case: Case, film: list[Picture], first: int) -> list[float]:
    """Mean absolute difference of each frame's wings from the film, in levels."""
    errors = []
    with av.open(str(case.out / "videos" / "b.mp4")) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    for shown, picture in zip(frames[first:], film, strict=False):
        wing = (shown.shape[1] - WIDTH) // 2
        off = np.abs(shown.astype(float) - truth(picture, shown.shape[1]))
        errors.append(float(np.concatenate([off[:, :wing], off[:, -wing:]], axis=1).mean()))
    return errors


def case_in(root: Path) -> Case:
    case = Case(root, root / "in")
    case.source.mkdir()
    case.engine()
    series_clip(case.source / "b.mp4", [cut_out(walk(WALK)), cut_out(rest(REST)), still(2, 8)])
    return case


def shots(case: Case) -> dict[int, dict[str, Any]]:
    return {row["start_frame"]: row for row in case.rows()}


def test_frames_that_show_more_are_taken_whole(tmp_path: Path) -> None:
    case, donors = case_in(tmp_path), tmp_path / "open"
    donors.mkdir()
    film = [*transferred(walk(LEAD, -24, 0)), *transferred(walk(WALK)), *transferred(rest(REST))]
    series_clip(donors / "wide.mp4", [iter(film)])
    code, printed = case.run(f"dataset.donors={donors}")
    assert code == 0, printed
    assert "b.mp4: 2 shot(s) are drawn from the same frames of donor:wide.mp4" in printed
    rows = shots(case)
    assert set(rows) == {0, WALK, WALK + REST}
    for first in (0, WALK):
        assert rows[first]["recovered"] == rows[first]["recovered_from_other_scenes"] > 0.98
        assert rows[first]["method"] == "still" and rows[first]["generated"] == 0.0
        assert rows[first]["confidence"] > 0.9 and rows[first]["donor"] == "donor:wide.mp4"
        assert rows[first]["generated_pixels"] == rows[first]["inpaint_calls"] == 0
    assert rows[WALK + REST]["recovered_from_other_scenes"] is rows[WALK + REST]["donor"] is None
    walking, resting = (list(part) for part in (walk(WALK), rest(REST)))
    assert max(wing_errors(case, walking, 0)) < 5  # of which the figure has no part: it alone would be 10
    assert max(wing_errors(case, resting, WALK)) < 5

    before, delivered = case.finished(), case.delivered()
    code, printed = case.run(f"dataset.donors={donors}")
    assert code == 0, printed
    assert case.finished() == before and case.delivered() == delivered
    assert shots(case) == rows

    code, printed = case.run()
    assert code == 0, printed
    after = case.finished()
    changed = {name.rsplit("-", 2)[-2] for name in after if after[name] != before.get(name)}
    assert {int(number) for number in changed} == {0, WALK}
    assert "b.mp4: 2 finished scene(s) look different by what others show, and are made again" in printed
    assert max(wing_errors(case, walking, 0)) > 5


def test_the_same_set_at_another_time_is_a_set_alone(tmp_path: Path) -> None:
    case, donors = case_in(tmp_path), tmp_path / "open"
    donors.mkdir()
    series_clip(donors / "wide.mp4", [transferred(walk(WALK, 190, -9)), transferred(rest(REST))])
    code, printed = case.run(f"dataset.donors={donors}")
    assert code == 0, printed
    assert "drawn from the same frames" not in printed
    row = shots(case)[0]
    assert row["set_id"] is not None and row["recovered_from_other_scenes"] > 0.9
