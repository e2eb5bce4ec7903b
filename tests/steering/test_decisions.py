"""What decisions mean for a scene: which entry wins, what it touches, and what fits no scene."""

from __future__ import annotations

from remaster.arrow import RowTable
from remaster.steering.decisions import Decisions, Picture, Place, Steering, is_at, misfits
from remaster.steering.overrides import read


def decisions(text: str, **digests: str) -> Decisions:
    return Decisions(read(f"overrides: [{text}]", "overrides.yaml"), digests)


def test_nothing_decided_touches_nothing() -> None:
    steering = Decisions().of("a", [(0, 10)])
    assert steering == Steering()
    assert steering.stitching() == steering.outpainting() == steering.resampling() == steering.keys(0, 10) == []


def test_a_range_holds_for_what_lies_for_more_than_half_inside() -> None:
    found = decisions("{video: a, frames: [10, 20], framing: left}")
    assert found.of("a", [(10, 20)]).framing == "left"
    assert found.of("a", [(12, 24)]).framing == "left"
    assert found.of("a", [(15, 25)]).framing is None
    assert found.of("a", [(0, 15)]).framing is None, "no more than half of either"
    assert found.of("a", [(0, 100)]).framing == "left", "a shot may be a part of a run"
    assert found.of("a", [(0, 10), (10, 20)]).framing == "left"
    assert found.of("b", [(10, 20)]) == Steering()


def test_the_narrower_entry_wins_key_by_key() -> None:
    found = decisions(
        "{video: a, frames: [0, 10], seed: 3}, {set: s, seed: 2, prompt: x}, {video: a, seed: 1, prompt: y, gate: keep}"
    )
    assert found.of("a", [(0, 10)], ["s"]).seed == 3
    assert found.of("a", [(0, 10)], ["s"]).prompt == "x"
    assert found.of("a", [(0, 10)], ["s"]).gate == "keep"
    assert found.of("a", [(10, 20)], ["s"]).seed == 2
    assert found.of("a", [(10, 20)]).seed == 1
    assert found.of("a", [(10, 20)], ["t"]).prompt == "y"


def test_methods_hold_shot_by_shot() -> None:
    found = decisions("{video: a, method: blur}, {video: a, frames: [4, 10], method: leave}").of("a", [(0, 10)])
    assert [found.method(*shot) for shot in ((0, 4), (4, 10), (2, 6), (2, 7))] == ["blur", "leave", "blur", "leave"]
    assert found.keys(0, 4) == ["method"]
    assert found.stitching() == found.outpainting() == []
    assert found.resampling()
    forced = decisions("{video: a, method: still}").of("a", [(0, 10)])
    assert forced.stitching()
    assert forced.resampling() == []


def test_each_key_touches_its_stage() -> None:
    stages = {
        "framing: left": (1, 0, 0), "gate: keep": (1, 0, 0), "mask: m.png": (1, 0, 0), "unmask: m.png": (1, 0, 0),
        "method: mosaic": (1, 0, 0), "seed: 0": (0, 1, 0), "prompt: x": (0, 1, 0), "negative_prompt: x": (0, 1, 0),
        "inpainter: exemplar": (0, 1, 0), "method: leave": (0, 0, 1), "background: m.png": (0, 0, 1),
        "link: false": (0, 0, 0), "unlink: [{video: b}]": (0, 0, 0),
    }  # fmt: skip
    for text, expected in stages.items():
        found = decisions(f"{{video: a, {text}}}").of("a", [(0, 10)])
        touched = found.stitching(), found.outpainting(), found.resampling()
        assert tuple(int(bool(part)) for part in touched) == expected, text
        assert found.keys(0, 10) == [text.partition(":")[0]]
    assert decisions("{video: a, review: accepted}").of("a", [(0, 10)]) == Steering()


def test_files_count_by_their_content() -> None:
    text = "{video: a, mask: m.png, background: m.png}"
    one, other = (Decisions(decisions(text).overrides, {"m.png": digest}).of("a", [(0, 9)]) for digest in "12")
    assert one.mask == Picture("m.png", "1")
    assert one.background(0, 9) == "m.png"
    assert one.stitching() != other.stitching()
    assert one.resampling() != other.resampling()


def test_steering_travels_in_rows() -> None:
    text = (
        "{video: a, framing: 0, mask: m.png, method: leave, seed: 0, inpainter: {name: exemplar, labels: 4}, "
        "background: m.png, link: true, unlink: [{video: b, frames: [3, 9]}, {video: c}]}"
    )
    found = decisions(text).of("a", [(0, 10)])
    table = RowTable(Steering)
    assert table.read(table.write([found, Steering()])) == [found, Steering()]
    assert found.unlink == (Place("b", 3, 9), Place("c"))
    assert [is_at(found.unlink[0], *scene) for scene in (("b", [(3, 9)]), ("b", [(9, 20)]), ("c", [(3, 9)]))] == [
        True, False, False,
    ]  # fmt: skip
    assert is_at(found.unlink[1], "c", [(50, 60)])


def test_what_fits_nothing_and_what_is_outvoted_are_named() -> None:
    text = "{video: a, frames: [0, 4], framing: left}, {video: a, frames: [4, 10], framing: right, seed: 1}"
    overrides = decisions(f"{text}, {{video: a, frames: [90, 95], seed: 1}}, {{video: b, frames: [7, 9], seed: 1}}")
    found = misfits(overrides.overrides, "a", [[(0, 10)], [(10, 20)]])
    assert len(found) == 2
    assert "entry 3" in found[0]
    assert "frames 90-95" in found[0]
    assert "framing" in found[1]
    assert "entry 1" in found[1]
    assert overrides.of("a", [(0, 10)]).framing == "right", "it has most of the scene's frames"
    assert misfits(overrides.overrides, "b", [[(0, 10)]]) == []
