"""The file of decisions: what is read, what is refused in one sentence, and that editing and writing keep the rest."""

from __future__ import annotations

import pytest

from remaster.errors import UserError
from remaster.steering.overrides import CutChange, Overrides, read, to_yaml

WHOLE = """
overrides:
  - video: a.mp4
    frames: [120, 240]
    framing: left
    method: blur
    prompt: "a kitchen"
    negative_prompt: people
    inpainter: {name: exemplar, labels: 40}
    seed: 7
    mask: masks/a.png
    unmask: masks/b.png
    background: edits/c.png
    gate: keep
    link: false
    review: rejected
  - {video: b.mp4, unlink: [{video: a.mp4, frames: [0, 50]}, {video: c.mp4}], framing: 0.25}
  - {set: a-1.000, seed: 3, method: ambient}
cuts:
  - {video: a.mp4, add: 131}
  - {video: a.mp4, remove: 260}
"""


def refused(text: str) -> str:
    with pytest.raises(UserError) as error:
        read(text, "overrides.yaml")
    message = str(error.value)
    assert "\n" not in message
    assert message.startswith("overrides.yaml")
    return message


def test_a_whole_file_is_read_and_written_as_the_same() -> None:
    found = read(WHOLE, "overrides.yaml")
    assert [(e.video, e.frames, e.set_id) for e in found.entries] == [
        ("a.mp4", (120, 240), None), ("b.mp4", None, None), (None, None, "a-1.000"),
    ]  # fmt: skip
    assert found.entries[0].decided["inpainter"] == {"name": "exemplar", "labels": 40}
    assert found.entries[1].decided["framing"] == 0.25
    assert found.cuts == (CutChange("a.mp4", 131, True), CutChange("a.mp4", 260, False))
    text = to_yaml(found)
    assert read(text, "again") == found
    assert to_yaml(read(text, "again")) == text
    assert "frames: [120, 240]" in text


@pytest.mark.parametrize("text", ["", "# nothing decided\n", "overrides:\ncuts: []\n"])
def test_an_empty_file_decides_nothing(text: str) -> None:
    assert read(text, "overrides.yaml") == Overrides()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("overrides: [", ["no YAML", "line"]),
        ("a: 1", ["overrides and cuts"]),
        ("overrides: 3", ["overrides is no list"]),
        ("overrides: [3]", ["entry 1", "no mapping"]),
        ("overrides: [{video: a.mp4, gate: keep}, {video: a.mp4, colour: red}]", ["entry 2", "a.mp4", "key colour"]),
        ("overrides: [{framing: left}]", ["entry 1", "video or set"]),
        ("overrides: [{video: a.mp4}]", ["entry 1", "decides nothing"]),
        ("overrides: [{video: a.mp4, framing: up}]", ["entry 1", "framing: up"]),
        ("overrides: [{video: a.mp4, framing: 1.5}]", ["entry 1", "framing: 1.5"]),
        ("overrides: [{video: a.mp4, framing: true}]", ["framing: True"]),
        ("overrides: [{video: a.mp4, method: passthrough}]", ["method: passthrough"]),
        ("overrides: [{video: a.mp4, seed: x}]", ["seed: x"]),
        ("overrides: [{video: a.mp4, seed: -1}]", ["seed: -1"]),
        ("overrides: [{video: a.mp4, prompt: 3}]", ["prompt: 3"]),
        ("overrides: [{video: a.mp4, mask: /etc/a.png}]", ["mask", "inside the output folder"]),
        ("overrides: [{video: a.mp4, mask: ../a.png}]", ["mask", "inside the output folder"]),
        ("overrides: [{video: a.mp4, background: a.jpg}]", ["background: a.jpg is no PNG"]),
        ("overrides: [{video: a.mp4, link: maybe}]", ["link: maybe"]),
        ("overrides: [{video: a.mp4, unlink: [b.mp4]}]", ["unlink: b.mp4"]),
        ("overrides: [{video: a.mp4, inpainter: {tile: 3}}]", ["inpainter", "name"]),
        ("overrides: [{video: a.mp4, frames: [5, 5], seed: 1}]", ["frames: [5, 5]", "no range"]),
        ("overrides: [{video: a.mp4, frames: [0.5, 5], seed: 1}]", ["no range"]),
        ("overrides: [{video: a.mp4, frames: 5, seed: 1}]", ["no range"]),
        ("overrides: [{video: a.mp4, seed: 1, seed: 2}]", ["seed", "twice"]),
        ("overrides: [{set: s, framing: left}]", ["entry 1", "framing", "before sets are found"]),
        ("overrides: [{set: s, method: still}]", ["method=still", "before sets are found"]),
        ("overrides: [{set: s, frames: [0, 5], seed: 3}]", ["frames", "a set has none"]),
        ("cuts: [{video: a.mp4, add: 0}]", ["cut 1", "add: 0"]),
        ("cuts: [{video: a.mp4}]", ["cut 1", "no change of a cut"]),
        ("cuts: [{video: a.mp4, add: 5}, {video: a.mp4, remove: 5}]", ["frame 5", "both added and removed"]),
    ],
)
def test_what_is_wrong_is_named(text: str, says: list[str]) -> None:
    message = refused(text)
    assert all(part in message for part in says), message


@pytest.mark.parametrize("scope", ["video: a.mp4", "video: a.mp4, frames: [0, 10]", "set: s"])
def test_two_values_for_the_same_frames_collide(scope: str) -> None:
    message = refused(f"overrides: [{{{scope}, seed: 1}}, {{{scope}, seed: 2}}]")
    assert "entry 1" in message
    assert "entry 2" in message
    assert "seed two values" in message
    read(f"overrides: [{{{scope}, seed: 1}}, {{{scope}, seed: 1, review: accepted}}]", "the same value twice")


def test_ranges_collide_where_they_overlap_only() -> None:
    text = "overrides: [{{video: a, frames: [0, 10], seed: 1}}, {{video: a, frames: [{}, 20], seed: 2}}]"
    read(text.format(10), "side by side")
    assert "frames 9-10" in refused(text.format(9))
    read("overrides: [{video: a, seed: 1}, {video: a, frames: [0, 5], seed: 2}]", "narrower within wider")


def test_editing_changes_one_entry() -> None:
    found = read(WHOLE, "overrides.yaml")
    changed = found.with_decision("a.mp4", (120, 240), seed=9, gate=None)
    assert changed.decision("a.mp4", (120, 240))["seed"] == 9
    assert "gate" not in changed.decision("a.mp4", (120, 240))
    assert changed.entries[1:] == found.entries[1:]
    assert changed.with_decision("a.mp4", [120, 240], seed=7, gate="keep") == found
    added = Overrides().with_decision("a.mp4", (0, 5), framing=0)
    assert read(to_yaml(added), "added") == added
    assert added.with_decision("a.mp4", (0, 5), framing=None) == Overrides()
    assert Overrides().with_decision("a.mp4", framing=None) == Overrides()
    assert Overrides().with_decision(set_id="s", seed=1).decision(set_id="s") == {"seed": 1}


@pytest.mark.parametrize(
    ("scope", "keys"),
    [
        ({"video": "a"}, {"framing": "up"}),
        ({"video": "a"}, {"colour": 1}),
        ({"set_id": "s"}, {"gate": "keep"}),
        ({"video": "a", "set_id": "s"}, {"seed": 1}),
        ({"video": "a", "frames": (5, 3)}, {"seed": 1}),
        ({"video": "a", "frames": (5, 15)}, {"seed": 2}),
    ],
)
def test_editing_refuses_what_could_not_be_read(scope: dict[str, object], keys: dict[str, object]) -> None:
    there = Overrides().with_decision("a", (0, 10), seed=1)
    with pytest.raises(UserError):
        there.with_decision(**scope, **keys)  # type: ignore[arg-type]


def test_cuts_are_edited() -> None:
    found = Overrides().with_cut("a", 5, True).with_cut("a", 9, False)
    assert found.cuts == (CutChange("a", 5, True), CutChange("a", 9, False))
    assert found.with_cut("a", 5, False).cuts == (CutChange("a", 9, False), CutChange("a", 5, False))
    assert found.with_cut("a", 5, None).with_cut("a", 9, None) == Overrides()
