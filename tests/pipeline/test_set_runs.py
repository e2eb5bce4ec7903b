"""Runs whose scenes show one set: what one never saw is lent by the others, whatever the order, workers or kills."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
import ray
from clips import HEIGHT, WIDTH, Picture, painting, series_clip, still
from faulty_runs import Case, wait_for

from remaster.errors import UserError

pytestmark = pytest.mark.usefixtures("ray_cluster")
GROUND = painting(5, 400)
"""The set: what wings of its shots show is known."""
AT, LOW = 110, 0.6
"""Where the resting camera looks at the set, and how much darker a later visit is."""


def slide(frames: int, step: int) -> Iterator[Picture]:
    for i in range(frames):
        yield GROUND[:, i * step : i * step + WIDTH]


def visit(x: int, frames: int, light: float = 1.0) -> Iterator[Picture]:
    """A resting camera, and who walks through its picture."""
    for i in range(frames):
        picture = GROUND[:, x : x + WIDTH].copy()
        cv2.ellipse(picture, (40 + 2 * i, 80), (9, 24), 0, 0, 360, (230, 60, 40), -1, cv2.LINE_AA)
        yield np.clip(picture * light, 0, 255).astype(np.uint8)


def episodes(folder: Path) -> None:
    """Three: in the first a camera slides over the set, the others see a part of it, one of them at dusk."""
    folder.mkdir()
    series_clip(folder / "a.mp4", [slide(40, 6), still(1, 8)])
    series_clip(folder / "b.mp4", [visit(AT, 16), still(2, 8)])
    series_clip(folder / "c.mp4", [still(3, 8), visit(100, 16, LOW)])


def series(root: Path) -> Case:
    root.mkdir(exist_ok=True)
    case = Case(root, root / "in")
    episodes(case.source)
    case.engine()
    return case


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory, ray_cluster: None) -> tuple[Case, str]:
    case = series(tmp_path_factory.mktemp("sets") / "series")
    code, printed = case.run()
    assert code == 0, printed
    return case, printed


def picture(case: Case, name: str, number: int) -> Picture:
    with av.open(str(case.out / "videos" / name)) as container:
        for index, frame in enumerate(container.decode(video=0)):
            if index == number:
                return np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)
    raise AssertionError(f"{name} has no frame {number}")


def wing_error(shown: Picture, x: int, light: float) -> float:
    """Mean absolute difference of the wings from the set, in levels."""
    wing = (shown.shape[1] - WIDTH) // 2
    truth = np.clip(GROUND[:, x - wing : x + WIDTH + wing] * light, 0, 255)
    off = np.abs(shown.astype(float) - truth)
    return float(np.concatenate([off[:, :wing], off[:, -wing:]], axis=1).mean())


def shots(case: Case) -> dict[tuple[str, int], dict[str, Any]]:
    return {(row["video"], row["start_frame"]): row for row in case.rows()}


SEEN = [("a.mp4", 0), ("b.mp4", 0), ("c.mp4", 8)]


def test_what_other_episodes_saw_is_lent(done: tuple[Case, str]) -> None:
    case, printed = done
    rows = shots(case)
    assert "looked for sets in 6 scenes: 3 backgrounds show 1 set(s) that return" in printed
    names = {rows[place]["set_id"] for place in SEEN}
    assert len(names) == 1 and None not in names
    assert [rows[place]["linked"] for place in SEEN] == [2, 2, 2]
    others = [row for place, row in rows.items() if place not in SEEN]
    assert [(row["set_id"], row["linked"], row["recovered_from_other_scenes"]) for row in others] == [(None,) * 3] * 3
    for place in SEEN[1:]:
        assert rows[place]["recovered_from_other_scenes"] > 0.95
        assert rows[place]["recovered"] >= rows[place]["recovered_from_other_scenes"]
    assert wing_error(picture(case, "b.mp4", 8), AT, 1.0) < 6
    assert wing_error(picture(case, "c.mp4", 16), 100, LOW) < 6  # in its own light


def test_off_and_video_keep_to_themselves(tmp_path: Path) -> None:
    """A set that returns within a video is found in it; another video that shows it gets nothing."""
    case = Case(tmp_path, tmp_path / "in")
    case.source.mkdir()
    case.engine()
    series_clip(case.source / "a.mp4", [slide(40, 6), still(1, 8), visit(AT, 16)])
    series_clip(case.source / "b.mp4", [visit(AT, 16)])
    code, printed = case.run("scenes.link=video")
    assert code == 0, printed
    rows = shots(case)
    assert rows["a.mp4", 48]["recovered_from_other_scenes"] > 0.95
    assert rows["a.mp4", 48]["set_id"] == rows["a.mp4", 0]["set_id"] is not None
    assert rows["b.mp4", 0]["set_id"] is None
    assert wing_error(picture(case, "b.mp4", 8), AT, 1.0) > 10

    code, printed = case.run("scenes.link=off")
    assert code == 0, printed
    assert {row["set_id"] for row in case.rows()} == {None}
    assert wing_error(picture(case, "a.mp4", 56), AT, 1.0) > 10


def test_the_order_of_episodes_and_the_number_of_workers_change_no_byte(done: tuple[Case, str], tmp_path: Path) -> None:
    case, _ = done
    other = Case(tmp_path / "one", case.source)
    other.root.mkdir()
    other.engine()
    paths = ",".join(str(case.source / name) for name in ("c.mp4", "a.mp4", "b.mp4"))
    code, printed = other.run(f"dataset.paths=[{paths}]", "dataset.path=null")
    assert code == 0, printed
    assert other.delivered() == case.delivered()


def test_a_finished_series_is_left_alone(done: tuple[Case, str]) -> None:
    case, _ = done
    before, delivered = case.finished(), case.delivered()
    code, printed = case.run()
    assert code == 0, printed
    assert case.finished() == before and case.delivered() == delivered


def test_an_episode_more_changes_those_alone_that_look_different_then(done: tuple[Case, str], tmp_path: Path) -> None:
    case, _ = done
    more = Case(tmp_path, tmp_path / "in", copied=case)
    shutil.copytree(case.source, more.source)
    shutil.copytree(case.out, more.out)
    (more.out / "run.yaml").unlink()  # it names the other folder
    more.engine()
    before = more.finished()
    series_clip(more.source / "d.mp4", [visit(AT, 12)])  # shows nothing that is new
    code, printed = more.run()
    assert code == 0, printed
    after = more.finished()
    assert {name for name in before if after[name] != before[name]} == set()
    rows = shots(more)
    assert [rows[place]["linked"] for place in [*SEEN, ("d.mp4", 0)]] == [3] * 4
    assert "look different" not in printed
    (more.source / "a.mp4").unlink()  # the only one that showed what lies beside the others' pictures
    code, printed = more.run()
    assert code == 0, printed
    again = more.finished()
    changed = {name.rsplit("/", 1)[-1].split("-")[0] for name in again if again[name] != before.get(name)}
    assert changed == {"b.mp4", "c.mp4", "d.mp4"}
    assert sum(again[name] != before.get(name) for name in again if "b.mp4" in name) == 1
    assert "b.mp4: 1 finished scene(s) look different by what others show, and are made again" in printed


def wide(frames: int, size: tuple[int, int]) -> Iterator[Picture]:
    """A resting camera that sees 214 columns of the set, or 220, in a larger picture, with another light."""
    more = round((HEIGHT * size[0] / size[1] - WIDTH) / 2)
    picture = np.clip(GROUND[:, AT - more : AT + WIDTH + more] * 0.9 + 8, 0, 255).astype(np.uint8)
    for _ in range(frames):
        yield cv2.resize(picture, size, interpolation=cv2.INTER_CUBIC)


@pytest.mark.parametrize("size", [(330, 180), (320, 180)], ids=["wider than the target", "just as wide"])
def test_donors_are_looked_at_and_not_delivered(tmp_path: Path, size: tuple[int, int]) -> None:
    case = Case(tmp_path, tmp_path / "in")
    case.source.mkdir()
    case.engine()
    series_clip(case.source / "b.mp4", [visit(AT, 16), still(2, 8)])
    donors = tmp_path / "hd"
    donors.mkdir()
    series_clip(donors / "b.mp4", [wide(12, size)])
    (donors / "broken.mp4").write_bytes(b"no video")
    code, printed = case.run(f"dataset.donors={donors}")
    assert code == 0, printed
    assert "not taken: donor:broken.mp4" in printed
    rows = shots(case)
    assert set(rows) == {("b.mp4", 0), ("b.mp4", 16)}
    assert rows["b.mp4", 0]["recovered_from_other_scenes"] > 0.95
    assert wing_error(picture(case, "b.mp4", 8), AT, 1.0) < 7
    assert set(case.videos()) == {"b.mp4"} and set(case.delivered()) == {"b.mp4"}
    with pytest.raises(UserError, match=r"leave out scenes\.link=off"):
        case.run(f"dataset.donors={donors}", "scenes.link=off")
    if size[0] > 320:
        assert case.run(f"dataset.donors={donors}", "strict=true")[0] == 1


def test_an_input_that_fills_the_target_lends_where_it_is_named_as_a_donor(tmp_path: Path) -> None:
    case = Case(tmp_path, tmp_path / "in")
    case.source.mkdir()
    case.engine()
    series_clip(case.source / "b.mp4", [visit(AT, 16), still(2, 8)])
    series_clip(case.source / "wide.mp4", [wide(12, (320, 180))])
    code, printed = case.run()
    assert code == 0, printed
    assert shots(case)["b.mp4", 0]["set_id"] is None
    code, printed = case.run(f"dataset.donors={case.source}")
    assert code == 0, printed
    assert "looked for sets in 3 scenes and 1 of donors" in printed
    rows = shots(case)
    assert rows["b.mp4", 0]["recovered_from_other_scenes"] > 0.95
    assert rows["wide.mp4", 0]["method"] == "passthrough"


def test_a_run_killed_three_times_goes_on_to_the_same_bytes(done: tuple[Case, str], tmp_path: Path) -> None:
    """As soon as a scene is described, a set is lent within, and a shot is encoded."""
    case, _ = done
    other = Case(tmp_path / "other", case.source)
    other.root.mkdir()
    other.engine()
    for pattern in ("scenes/*/*.describe.parquet", "sets/*.parquet", "scenes/*/*.mkv"):
        assert not list(other.out.glob(pattern))
        process = other.forked(ray.get_runtime_context().gcs_address)
        wait_for(lambda: bool(list(other.out.glob(pattern))) or not process.is_alive())  # noqa: B023
        assert process.is_alive()
        process.kill()
        process.join()
    code, printed = other.run()
    assert code == 0, printed
    assert other.delivered() == case.delivered()


def test_decisions_keep_a_scene_out_of_its_set_and_fill_the_rest_of_it(done: tuple[Case, str], tmp_path: Path) -> None:
    case, _ = done
    decided = Case(tmp_path / "decided", case.source, copied=case)
    shutil.copytree(case.out, decided.out)
    decided.engine()
    name = shots(case)[SEEN[0]]["set_id"]
    seed, alone = f"{{set: {name}, seed: 3}}", "{video: c.mp4, frames: [8, 24], link: false}"
    (decided.out / "overrides.yaml").write_text(f"overrides: [{seed}, {alone}, {{set: nothing, seed: 3}}]\n")
    code, printed = decided.run()
    assert code == 0, printed
    assert "entry 3 (set nothing) fits no set any more" in printed
    rows = shots(decided)
    assert [rows[place]["linked"] for place in SEEN] == [1, 1, None]
    assert [rows[place]["overrides"] for place in SEEN] == [["seed"], ["seed"], ["link"]]
    assert rows[SEEN[1]]["seed"] == 3
    after = decided.finished()
    for segment in (row["segment"] for place, row in rows.items() if place not in SEEN):
        assert (decided.out / segment).read_bytes() == (case.out / segment).read_bytes()

    apart = "{video: c.mp4, frames: [8, 24], unlink: [{video: a.mp4}, {video: b.mp4, frames: [0, 16]}]}"
    (decided.out / "overrides.yaml").write_text(f"overrides: [{seed}, {apart}]\n")
    code, printed = decided.run()
    assert code == 0, printed
    assert shots(decided)[SEEN[2]]["overrides"] == ["unlink"]
    assert decided.finished() == after, "the same scenes are in the set"

    (decided.out / "overrides.yaml").unlink()
    code, printed = decided.run()
    assert code == 0, printed
    assert decided.delivered() == case.delivered()


def test_a_descriptor_that_is_damaged_costs_its_own_scene_alone(done: tuple[Case, str], tmp_path: Path) -> None:
    case, _ = done
    spoilt = Case(tmp_path / "spoilt", case.source, copied=case)
    shutil.copytree(case.out, spoilt.out)
    spoilt.engine()
    for path in spoilt.out.glob("scenes/b.mp4-*/*.describe.parquet"):
        path.write_bytes(path.read_bytes()[:-40])
    for path in spoilt.out.glob("scenes/b.mp4-*/*.lent-0.parquet"):
        path.unlink()
    code, printed = spoilt.run()
    assert code == 0, printed
    assert spoilt.delivered() == case.delivered()
