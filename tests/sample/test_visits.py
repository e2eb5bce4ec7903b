"""Which shots show one set: read from the scripts and from the truth files, and true to what is drawn."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from remaster.imaging.camera import compose, invert
from remaster_sample.backgrounds import SETS, background
from remaster_sample.episodes import EPISODES
from remaster_sample.render import Truth, render
from remaster_sample.visits import TruePair, Visit, read_visits, set_of, true_pairs, visits_of
from remaster_sample.write import write_truth

VISITS = [visit for episode in EPISODES for visit in visits_of(episode)]
PAIRS = true_pairs(VISITS)
NIGHT = EPISODES[3]


def visit(shot: str) -> Visit:
    return next(v for v in VISITS if v.shot == shot)


def pair(one: str, two: str) -> TruePair:
    return next(p for p in PAIRS if (p.one.shot, p.two.shot) == (one, two))


def middle(v: Visit) -> tuple[Truth, int]:
    """The truth of a visit's middle frame, and its number in the shot."""
    episode = next(e for e in EPISODES if e.name == v.video)
    at = (v.end - v.start) // 2
    return render(episode, v.start + at), at


def hidden_by_nobody(v: Visit, truth: Truth) -> npt.NDArray[np.uint8]:
    """255 where the frame shows the painted set, well away from figures."""
    window = next(e for e in EPISODES if e.name == v.video).window
    foreground = truth.foreground[:, window.x : window.x + v.size[0]].astype(np.uint8)
    return np.asarray(255 * (1 - cv2.dilate(foreground, np.ones((9, 9)))), np.uint8)


def test_the_fourth_episode_returns_to_sets_of_the_others_and_of_its_own() -> None:
    across = [p for p in PAIRS if p.one.video != p.two.video and p.overlap >= 0.2]
    within = [p for p in PAIRS if {p.one.video, p.two.video} == {NIGHT.name} and p.overlap >= 0.2]
    assert {p.one.video for p in across} >= {"episode-1", "episode-3"}
    for pairs in across, within:
        scales = [p.scale for p in pairs]
        assert min(scales) < 0.75 and max(scales) > 1.15
        assert {p.same_light for p in pairs} == {True, False}
    assert max(p.scale for p in across if p.same_light) == pytest.approx(2.0)
    assert any(p.same_light and abs(p.scale - 1) < 0.01 and 0.3 < p.overlap < 0.8 for p in across), "another pan"


def test_the_truth_is_read_back_as_the_script_has_it(tmp_path: Path) -> None:
    _, _, table = write_truth(NIGHT, tmp_path)
    read = read_visits([table])
    for found, scripted in zip(read, visits_of(NIGHT), strict=True):
        np.testing.assert_allclose(found.cameras, scripted.cameras, atol=1e-6)
        assert {k: v for k, v in vars(found).items() if k != "cameras"} == {
            k: v for k, v in vars(scripted).items() if k != "cameras"
        }


def test_truth_of_some_frames_alone_is_refused(tmp_path: Path) -> None:
    _, _, table = write_truth(NIGHT, tmp_path, range(4))
    with pytest.raises(ValueError, match="does not have all cameras of frames 0 to 11"):
        read_visits([table])


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("Pip asks", "the whole parlour"),
        ("asking the way", "farther down the lane"),
        ("off they go", "Otto by the shelf"),
        ("the whole street", "nearer on the street"),
        ("guests by night", "nobody by night"),
    ],
)
def test_cameras_of_a_pair_lay_one_picture_on_the_other(one: str, two: str) -> None:
    found = pair(one, two)
    (first, i), (second, j) = middle(found.one), middle(found.two)
    known = [hidden_by_nobody(v, t) for v, t in ((found.one, first), (found.two, second))]
    # Pixels of the first frame to those of the second, by way of the painted set.
    camera = compose(invert(found.two.cameras[j]), found.one.cameras[i])
    size, flags = found.one.size, cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    sharp = cv2.GaussianBlur(second.frame, (0, 0), max(1 / found.scale, 0.3))
    warped = cv2.GaussianBlur(cv2.warpAffine(sharp, camera, size, flags=flags), (0, 0), 2)
    both = (known[0] > 0) & (cv2.warpAffine(known[1], camera, size, flags=flags) > 250)
    assert both.sum() > 5000
    off = np.abs(cv2.GaussianBlur(first.frame, (0, 0), 2).astype(int) - warped)[both]
    assert np.median(off) < 4


def test_another_light_is_a_grade_of_the_same_drawing() -> None:
    for name, painted in SETS.items():
        if not painted.drawing:
            continue
        other = SETS[painted.drawing]
        assert (painted.width, painted.height, painted.seed) == (other.width, other.height, other.seed)
        assert painted.light != other.light
        one, two = (
            cv2.GaussianBlur(background(key)[500:700, 900:1100], (0, 0), 1.5) for key in (name, painted.drawing)
        )
        assert np.corrcoef(one[..., 1].ravel(), two[..., 1].ravel())[0, 1] > 0.97
        assert abs(int(one.mean()) - int(two.mean())) > 8


def test_what_must_not_be_taken_for_one_set_is_in_no_pair() -> None:
    paired = {(p.one.shot, p.two.shot) for p in PAIRS}
    assert ("guests by night", "guests in the kitchen") not in paired
    assert visit("the sky").set is visit("nothing").set is visit("nothing again").set is None
    kitchen = visit("guests in the kitchen")
    assert not [p for p in PAIRS if kitchen in (p.one, p.two)]
    assert not [p for p in PAIRS if p.one.shot == "title"]
    guests, same = (next(s for s in NIGHT.shots if s.name == v.shot) for v in (visit("guests by night"), kitchen))
    assert guests.actors == same.actors and guests.keys == same.keys
    assert set_of("village_night") == ("village_night", "night"), "painted anew: not the same drawing"
