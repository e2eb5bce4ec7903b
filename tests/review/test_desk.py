"""Decisions in ``overrides.yaml``: kept at once, never lost to another page, and what holds for which shot."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from remaster.errors import UserError
from remaster.pipeline.store import Store
from remaster.review.desk import Desk, decisions
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
