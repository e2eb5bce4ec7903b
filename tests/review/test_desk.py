"""Decisions in ``overrides.yaml``: kept at once, never lost to another page, and what holds for which shot."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from remaster.errors import UserError
from remaster.pipeline.store import Store
from remaster.review.desk import Desk, apart, decisions, kept_apart
from remaster.review.model import Shot, shot_of
from remaster.steering.overrides import Overrides, read
from remaster.tables import SHOTS

WRITER = """
import sys
from remaster.pipeline.store import Store
from remaster.review.desk import Desk
desk = Desk(Store(sys.argv[1]))
for number in range(25):
    frames = 10 * number, 10 * number + 10
    desk.change(lambda known: known.with_decision(video=sys.argv[2], frames=frames, seed=number))
"""

ENDLESS = """
import itertools, sys
from remaster.pipeline.store import Store
from remaster.review.desk import Desk
desk = Desk(Store(sys.argv[1]))
for number in itertools.count():
    frames = 10 * number, 10 * number + 10
    desk.change(lambda known: known.with_decision(video=sys.argv[2], frames=frames, seed=number))
    print(number, flush=True)
"""

VIDEOS = ("a.mp4", "b.mp4", "c.mp4")


def shot(start: int = 0, end: int = 10, video: str = "a.mp4", **values: Any) -> Shot:
    named = {"video": video, "scene_id": f"{video}-{start:07d}", "shot": 0, "start_frame": start, "end_frame": end}
    return shot_of(dict.fromkeys(SHOTS.names) | {"status": "ok", "method": "still"} | named | values)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(Store(str(tmp_path)))


def test_a_decision_is_in_the_file_when_it_returns(desk: Desk, tmp_path: Path) -> None:
    desk.decide(shot(), "shot", framing="left", review="accepted")
    desk.decide(shot(), "video", gate="keep")
    desk.decide(shot(set_id="s.0"), "set", seed=3)
    desk.cut("a.mp4", 5, True)
    kept = read((tmp_path / "overrides.yaml").read_text(), "file")
    assert kept.decision("a.mp4", (0, 10)) == {"framing": "left", "review": "accepted"}
    assert kept.decision("a.mp4") == {"gate": "keep"}
    assert kept.decision(set_id="s.0") == {"seed": 3}
    assert [(cut.frame, cut.add) for cut in kept.cuts] == [(5, True)]
    desk.decide(shot(), "shot", framing=None, review=None)
    desk.cut("a.mp4", 5, None)
    assert len(desk.read().entries) == 2 and not desk.read().cuts
    assert not list(tmp_path.glob("*.part*"))


def test_what_is_refused_changes_nothing(desk: Desk, tmp_path: Path) -> None:
    desk.decide(shot(), "shot", framing="left")
    before = (tmp_path / "overrides.yaml").read_bytes()
    for change in ({"framing": "up"}, {"mask": "../m.png"}, {"seed": -1}):
        with pytest.raises(UserError):
            desk.decide(shot(), "shot", **change)
    with pytest.raises(UserError, match="no set"):
        desk.decide(shot(), "set", seed=1)
    with pytest.raises(UserError, match="two values"):
        desk.decide(shot(5, 20), "shot", framing="right")
    assert (tmp_path / "overrides.yaml").read_bytes() == before


def test_two_writers_lose_nothing(desk: Desk, tmp_path: Path) -> None:
    command = [sys.executable, "-c", WRITER, str(tmp_path)]
    writers = [subprocess.Popen([*command, video]) for video in ("a.mp4", "b.mp4")]
    assert [writer.wait(200) for writer in writers] == [0, 0]
    assert len(desk.read().entries) == 50


def test_what_is_said_to_be_kept_survives_kills_in_the_middle_of_saves(desk: Desk, tmp_path: Path) -> None:
    command = [sys.executable, "-c", ENDLESS, str(tmp_path)]
    writers = {video: subprocess.Popen([*command, video], stdout=subprocess.PIPE, text=True) for video in VIDEOS}
    try:
        for first, (video, writer) in enumerate(writers.items(), 3):
            assert writer.stdout is not None
            said = [int(writer.stdout.readline()) for _ in range(first)]
            writer.kill()  # it is in its next save by now, and the others go on
            said += [int(line) for line in writer.stdout]
            kept = read((tmp_path / "overrides.yaml").read_text(), "file")
            assert [kept.decision(video, (10 * n, 10 * n + 10)) for n in said] == [{"seed": n} for n in said]
    finally:
        for writer in writers.values():
            writer.kill()
            writer.communicate()
    before = len(desk.read().entries)
    desk.decide(shot(video="d.mp4"), "shot", seed=1)
    assert len(desk.read().entries) == before + 1


def test_a_file_that_is_saved_by_hand_during_a_save_loses_nothing(desk: Desk, tmp_path: Path) -> None:
    file, times = tmp_path / "overrides.yaml", []

    def edit(known: Overrides) -> Overrides:
        if not times:
            file.write_text("overrides: [{video: b.mp4, gate: keep}]")
        times.append(len(known.entries))
        return known.with_decision("a.mp4", seed=1)

    desk.change(edit)
    assert times == [0, 1]
    assert desk.read().decision("a.mp4") == {"seed": 1} and desk.read().decision("b.mp4") == {"gate": "keep"}


def test_what_another_program_overwrites_is_told_and_can_be_put_back(desk: Desk, tmp_path: Path) -> None:
    file = tmp_path / "overrides.yaml"
    file.write_text("overrides: [{video: b.mp4, gate: keep}]")
    loaded = file.read_text()
    desk.decide(shot(), "shot", framing="left", seed=4)
    desk.decide(shot(), "shot", seed=None)
    desk.cut("a.mp4", 5, True)
    assert desk.lost() == []
    file.write_text(loaded.replace("keep", "fill"))  # an editor that had read the file before
    assert desk.lost() == ["a.mp4, frames 0-10: framing left", "a.mp4: cut before frame 5"]
    desk.put_back()
    assert desk.lost() == [] and desk.read().decision("a.mp4", (0, 10)) == {"framing": "left"}
    assert desk.read().decision("b.mp4") == {"gate": "fill"} and len(desk.read().cuts) == 1
    file.write_text(loaded)
    assert len(desk.lost()) == 2
    desk.give_up()
    assert desk.lost() == []


def test_scenes_are_kept_apart_by_both_names_and_linked_again(desk: Desk) -> None:
    one, other, third = shot(), shot(20, 30), shot(0, 10, "b.mp4")
    desk.unlink(apart(one, other), True)
    desk.unlink(apart(one, third), True)
    desk.unlink(apart(one, third), True)
    places = [{"video": "a.mp4", "frames": [20, 30]}, {"video": "b.mp4", "frames": [0, 10]}]
    assert desk.read().decision("a.mp4", (0, 10)) == {"unlink": places}
    assert [found.of(one) for found in kept_apart(desk.read(), one)] == ["a.mp4, frames 20–29", "b.mp4, frames 0–9"]
    (found,) = kept_apart(desk.read(), other)
    assert found.of(other) == "a.mp4, frames 0–9" and kept_apart(desk.read(), shot(10, 20)) == []
    desk.unlink(found, False)
    assert desk.read().decision("a.mp4", (0, 10)) == {"unlink": places[1:]}
    desk.unlink(kept_apart(desk.read(), third)[0], False)
    assert not desk.read().entries


def test_a_file_by_hand_is_read_again_and_kept(desk: Desk, tmp_path: Path) -> None:
    assert desk.read() == Overrides()
    file = tmp_path / "overrides.yaml"
    file.write_text("overrides: [{video: a.mp4, inpainter: {name: exemplar, matches: 5}}]\n")
    desk.decide(shot(), "shot", seed=1)
    assert desk.read().decision("a.mp4") == {"inpainter": {"name": "exemplar", "matches": 5}}
    file.write_text("overrides: [{video: a.mp4, framing: up}]\n")
    for ask in (desk.read, lambda: desk.decide(shot(), "shot", seed=2)):
        with pytest.raises(UserError, match="framing"):
            ask()
    assert "up" in file.read_text()


def test_the_narrower_decision_holds_and_half_a_shot_is_not_enough() -> None:
    shots = [shot(0, 10, set_id="s.0"), shot(10, 20, set_id="s.0"), shot(20, 30), shot(0, 10, video="b.mp4")]
    known = (
        Overrides()
        .with_decision("a.mp4", seed=1, gate="keep")
        .with_decision(set_id="s.0", seed=2)
        .with_decision("a.mp4", (4, 20), seed=3)
        .with_decision("a.mp4", (25, 40), framing="left")
    )
    found = decisions(known, shots)
    assert found == {
        shots[0].key: {"seed": 3, "gate": "keep"},
        shots[1].key: {"seed": 3, "gate": "keep"},
        shots[2].key: {"seed": 1, "gate": "keep"},
    }
    assert decisions(known.with_decision("a.mp4", (4, 20), seed=None), shots)[shots[0].key]["seed"] == 2
