"""Decisions of ``overrides.yaml``: touched scenes are made anew, others keep their bytes, and errors start nothing.

Most runs go through the stages without Ray; those of the driver share the session's.
"""

from __future__ import annotations

import shutil
from typing import Any

import cv2
import numpy as np
import pytest
from clips import HEIGHT, WIDTH
from faulty_runs import Case
from stage_runs import run_stages

from remaster.errors import UserError
from remaster.media.decode import decode
from remaster.media.probe import probe

FIRST, SECOND, THIRD = (0, 4), (4, 10), (10, 14)
"""The frames of the clip's three scenes: a resting camera, one that moves, a resting one."""


@pytest.fixture
def case(finished: Case) -> Case:
    return finished


def decide(case: Case, *entries: str, cuts: str = "") -> None:
    case.out.mkdir(exist_ok=True)
    text = "".join(f"  - {entry}\n" for entry in entries)
    lines = (f"overrides:\n{text}" if text else "") + (f"cuts: [{cuts}]\n" if cuts else "")
    (case.out / "overrides.yaml").write_text(lines)


def run(case: Case, *more: str) -> dict[str, Any]:
    row = run_stages(case, *more)
    assert row["error"] is None
    return row


def segments(case: Case) -> dict[tuple[int, int], bytes]:
    """The segments by the frames that they show."""
    return {(row["start_frame"], row["end_frame"]): (case.out / row["segment"]).read_bytes() for row in case.rows()}


def changed(before: dict[tuple[int, int], bytes], after: dict[tuple[int, int], bytes]) -> set[tuple[int, int]]:
    return {frames for frames, data in after.items() if before.get(frames) != data}


def row_at(case: Case, frames: tuple[int, int]) -> dict[str, Any]:
    (row,) = (row for row in case.rows() if (row["start_frame"], row["end_frame"]) == frames)
    return row


def pictures(case: Case, frames: tuple[int, int]) -> list[np.ndarray]:
    """The luma of a shot's delivered frames."""
    path = case.out / str(row_at(case, frames)["segment"])
    return [frame.planes[0] for frame in decode(probe(str(path)))]


ENTRY = "{{video: a.mp4, frames: [4, 10], {}}}"


def test_a_decision_makes_one_scene_anew_and_its_end_gives_the_first_bytes_back(case: Case) -> None:
    first, delivered = segments(case), case.delivered()
    assert list(first) == [FIRST, SECOND, THIRD]
    assert all(row["overrides"] == [] for row in case.rows())

    decide(case, ENTRY.format("framing: left"))
    run(case)
    assert changed(first, segments(case)) == {SECOND}
    assert case.delivered() != delivered
    assert [row["framing"] for row in case.rows()] == [0.5, 0.0, 0.5]
    assert [row["overrides"] for row in case.rows()] == [[], ["framing"], []]
    kept, times = segments(case), case.files()

    run(case)
    assert case.files() == times, "a decision survives a run that has nothing to do"
    run(case, "resume=false")
    assert segments(case) == kept

    decide(case)
    run(case)
    assert segments(case) == first
    assert case.delivered() == delivered


def test_a_note_of_a_person_changes_no_picture(case: Case) -> None:
    first, delivered = case.files(), case.delivered()
    decide(case, ENTRY.format("review: accepted"))
    run(case)
    assert case.files() == first
    assert case.delivered() == delivered


def test_seeds_and_gates_of_one_scene(case: Case) -> None:
    first, before = segments(case), case.files()
    decide(case, "{video: a.mp4, frames: [0, 4], seed: 7}", "{video: a.mp4, frames: [10, 14], gate: keep}")
    run(case)
    second = str(row_at(case, SECOND)["segment"]).rpartition("/")[2]
    again = {name for name, time in case.files().items() if name.endswith(".mkv") and before[name] != time}
    assert again == {name for name in before if name.endswith(".mkv")} - {second}
    assert segments(case)[SECOND] == first[SECOND]
    assert [row["overrides"] for row in case.rows()] == [["seed"], [], ["gate"]]
    assert row_at(case, FIRST)["seed"] == 7


def test_a_shot_is_left_between_black_wings(case: Case) -> None:
    first = segments(case)
    calls = sum(case.begun().values())
    decide(case, ENTRY.format("method: leave"))
    run(case, "output.codec=ffv1", "output.container=mkv")
    assert sum(case.begun().values()) == calls, "nothing is stitched or filled again"
    row = row_at(case, SECOND)
    assert (row["method"], row["status"], row["soft"], row["confidence"]) == ("leave", "ok", 1.0, None)
    left = (row["out_width"] - WIDTH) // 2
    for picture in pictures(case, SECOND):
        assert (picture[:, :left] == 16).all()
        assert (picture[:, left + WIDTH :] == 16).all()
        assert picture[:, left : left + WIDTH].std() > 10
    decide(case)
    run(case)
    assert segments(case) == first


def test_a_shot_between_its_own_blurred_picture_is_steady_where_it_rests(case: Case) -> None:
    decide(case, "{video: a.mp4, method: blur}", "{video: a.mp4, frames: [10, 14], method: ambient}")
    run(case, "output.codec=ffv1", "output.container=mkv")
    assert [row["method"] for row in case.rows()] == ["blur", "blur", "ambient"]
    assert [row["soft"] for row in case.rows()] == [1.0, 1.0, 1.0]
    row = row_at(case, FIRST)
    left = (row["out_width"] - WIDTH) // 2
    shown = pictures(case, FIRST)
    wing = shown[0][:, :left].astype(float)
    assert wing.std() > 0.5
    assert np.abs(np.diff(wing, axis=0)).max() < 4, "no outline is left"
    middle = shown[0][:, left : left + WIDTH]
    assert abs(wing.mean() - middle.mean()) < 25
    assert np.array_equal(shown[0][:, :left], shown[1][:, :left]), "both show one drawing"


def painted(case: Case, name: str, picture: np.ndarray) -> str:
    case.out.mkdir(exist_ok=True)
    assert cv2.imwrite(str(case.out / name), picture)
    return name


def test_painted_masks_count_by_their_content(case: Case) -> None:
    first = segments(case)
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[:, 60:] = 255
    decide(case, f"{{video: a.mp4, frames: [0, 4], mask: {painted(case, 'm.png', mask)}}}")
    run(case)
    assert changed(first, segments(case)) == {FIRST}
    assert row_at(case, FIRST)["cut_foreground"] > 0
    assert row_at(case, FIRST)["overrides"] == ["mask"]
    with_mask = segments(case)

    painted(case, "m.png", mask * 0)
    run(case)
    assert changed(with_mask, segments(case)) == {FIRST}
    painted(case, "m.png", mask)
    decide(case, "{video: a.mp4, frames: [0, 4], mask: m.png, unmask: m.png}")
    run(case)
    assert row_at(case, FIRST)["cut_foreground"] == 0


def test_an_edited_background_is_put_back(case: Case) -> None:
    run(case, "output.backgrounds=true")
    first, calls = segments(case), sum(case.begun().values())
    written = {row["start_frame"]: case.out / row["segment"].replace(".mkv", ".background.png") for row in case.rows()}
    assert all(path.is_file() for path in written.values())
    picture = cv2.imread(str(written[0]))
    assert picture is not None
    painted(case, "c.png", 255 - picture)
    decide(case, "{video: a.mp4, frames: [0, 4], background: c.png}")
    run(case, "output.backgrounds=true")
    assert changed(first, segments(case)) == {FIRST}
    assert sum(case.begun().values()) == calls
    assert row_at(case, FIRST)["overrides"] == ["background"]
    assert np.array_equal(cv2.imread(str(written[0])), picture), "the filled one stays to be edited again"

    painted(case, "c.png", picture[:-2])
    assert run_stages(case)["status"] == "fallback"
    row = row_at(case, FIRST)
    assert (row["status"], row["error_stage"]) == ("fallback", "resample")
    size = f"{picture.shape[1]}x{picture.shape[0] - 2}"
    assert f"c.png is {size}" in row["error"]
    assert not written[0].exists(), "none was asked for"


def test_another_inpainter_fills_one_scene(case: Case) -> None:
    first, calls = segments(case), case.begun()
    decide(case, "{video: a.mp4, frames: [0, 4], inpainter: {name: exemplar, max_labels: 8}}")
    run(case)
    assert changed(first, segments(case)) == {FIRST}
    assert case.begun() == calls
    assert [row["inpainter"] for row in case.rows()] == ["exemplar", "faulty", "faulty"]
    decide(case, "{video: a.mp4, frames: [0, 4], inpainter: {name: exemplar, max_labels: 9}}")
    run(case)
    assert changed(first, segments(case)) <= {FIRST}
    for wrong, says in (
        ("inpainter: nothing", "there is no nothing; there are exemplar, lama"),
        ("inpainter: lama", "pool of its own"),
        ("inpainter: {name: exemplar, tile: 3}", "no setting tile"),
        ("inpainter: {name: exemplar, max_labels: x}", "max_labels"),
        ("prompt: a kitchen", "faulty reads no prompts"),
    ):
        decide(case, f"{{video: a.mp4, {wrong}}}")
        with pytest.raises(UserError) as error:
            run_stages(case)
        assert says in str(error.value)
        assert "entry 1 (a.mp4)" in str(error.value)


def test_a_forced_method_is_used_or_named(case: Case) -> None:
    first = segments(case)
    decide(case, ENTRY.format("method: propagated"), "{video: a.mp4, frames: [0, 4], method: mosaic}")
    notes = run(case)["notes"]
    assert changed(first, segments(case)) >= {SECOND}
    assert row_at(case, SECOND)["method"] == "propagated"
    assert row_at(case, FIRST)["method"] == "still"
    assert len(notes) == 1
    assert "frames 0-4 are still: mosaic cannot be made" in notes[0]
    decide(case, ENTRY.format("method: still"))
    assert run(case)["notes"] == []
    assert row_at(case, SECOND)["method"] == "still"


def test_cuts_move_the_neighbours_alone(case: Case) -> None:
    first, delivered = segments(case), case.delivered()
    decide(case, cuts="{video: a.mp4, add: 2}, {video: a.mp4, remove: 10}, {video: a.mp4, remove: 7}")
    notes = run(case)["notes"]
    assert len(notes) == 1
    assert "remove 7" in notes[0]
    found = sorted({(row["scene_id"].rpartition("-")[2], row["start_frame"]) for row in case.rows()})
    assert [start for start, _ in found][:3] == ["0000000", "0000002", "0000004"]
    assert case.rows()[-1]["end_frame"] == 14
    decide(case, cuts="{video: a.mp4, add: 2}")
    run(case)
    assert changed(first, segments(case)) == {(0, 2), (2, 4)}
    decide(case)
    run(case)
    assert segments(case) == first
    assert case.delivered() == delivered


def test_what_fits_no_shot_is_a_note_of_the_video(case: Case) -> None:
    assert run(case)["notes"] == []
    delivered = case.delivered()
    decide(case, "{video: a.mp4, frames: [3, 5], framing: left}", "{video: a.mp4, frames: [4, 10], seed: 3}")
    notes = run(case)["notes"]
    assert len(notes) == 1
    assert "entry 1" in notes[0]
    assert "frames 3-5" in notes[0]
    decide(case)
    assert run(case)["notes"] == []
    assert case.delivered() == delivered


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("overrides: [{video: a.mp4, framing: up}]", ["entry 1 (a.mp4)", "framing: up"]),
        ("overrides: [{video: b.mp4, framing: left}]", ["entry 1 (b.mp4)", "no video b.mp4"]),
        ("overrides: [{video: a.mp4, seed: 1}, {video: a.mp4, seed: 2}]", ["entry 1", "entry 2", "seed"]),
        ("cuts: [{video: b.mp4, add: 3}]", ["b.mp4", "add 3"]),
        ("overrides: [{video: a.mp4, mask: m.png}]", ["entry 1", "mask", "m.png"]),
        ("overrides: {", ["no YAML"]),
    ],
)
def test_a_wrong_file_starts_nothing(case: Case, text: str, says: list[str]) -> None:
    shutil.rmtree(case.out)
    case.out.mkdir()
    (case.out / "overrides.yaml").write_text(text)
    with pytest.raises(UserError) as error:
        case.run()
    assert "\n" not in str(error.value)
    assert all(part in str(error.value) for part in says), str(error.value)
    assert [path.name for path in case.out.iterdir()] == ["overrides.yaml"]


@pytest.mark.usefixtures("ray_cluster")
def test_the_driver_reads_the_file_and_refuses_what_no_video_has(case: Case) -> None:
    shutil.rmtree(case.out)
    decide(case, "{video: a.mp4, frames: [0, 4000], framing: left}")
    with pytest.raises(UserError, match="frame 4000"):
        case.run()
    assert [path.name for path in case.out.iterdir() if not path.name.startswith(".")] == ["overrides.yaml"]

    decide(case, ENTRY.format("framing: left"), "{video: a.mp4, frames: [9, 11], seed: 4}")
    code, printed = case.run()
    assert code == 0, printed
    assert [row["framing"] for row in case.rows()] == [0.5, 0.0, 0.5]
    assert "a.mp4: overrides.yaml: entry 2 (a.mp4, frames 9-11) fits no shot" in printed
    first = segments(case)

    decide(case, "{video: a.mp4, frames: [4, 15], framing: left}")
    with pytest.raises(UserError, match="has 14 frames"):
        case.run()
    painted(case, "c.png", np.zeros((HEIGHT, 50, 3), np.uint8))
    settings = (case.out / "run.yaml").read_bytes()
    decide(case, ENTRY.format("framing: left"), "{video: a.mp4, frames: [0, 4], background: c.png}")
    with pytest.raises(UserError, match=rf"a\.mp4: background: c\.png is 50x{HEIGHT}, and the background .* is \d+x"):
        case.run("output.crf=30")
    assert (case.out / "run.yaml").read_bytes() == settings
    assert segments(case) == first
    decide(case, ENTRY.format("framing: left"), "{video: a.mp4, frames: [0, 4], method: leave}")
    code, printed = case.run()
    assert code == 0, printed
    assert changed(first, segments(case)) == {FIRST}
