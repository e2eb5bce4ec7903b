"""A dissolve between two sets: its wings are mixed like its picture."""

from __future__ import annotations

import numpy as np
import pytest
from moving_scenes import COLOR, YUV, Clip, texture, to_8bit

from remaster.arrays import Plane
from remaster.imaging.camera import IDENTITY
from remaster.imaging.geometry import Window
from remaster.media.planes import to_rgb
from remaster.media.types import Rect
from remaster.records import Background, Shot
from remaster.resample.layout import FrameFormat
from remaster.resample.origins import GENERATED, RECOVERED, SOFT, planned_shares
from remaster.resample.rendering import FilmTraces, MixedWings, SceneRenderers, ShotDonors, ShotWings, WingRenderer
from remaster.resample.tuning import ResampleSettings
from remaster.stitch.propagated_shots import mixture

SHOWN = Window(Rect(0, 0, 96, 72), 128, 72, 16, 0)
FIRST, LAST = (to_8bit(texture(72, 128, seed, 6.0)) for seed in (1, 2))
BEFORE, TURNING, AFTER = 6, 16, 6
SHARES = np.concatenate([np.zeros(BEFORE), (np.arange(TURNING) + 1) / (TURNING + 1), np.ones(AFTER)])


def still(start: int, end: int, image: np.ndarray, unseen: int = 0) -> Shot:
    """A shot at rest before a set; ``unseen`` columns of its left wing were generated."""
    holes = np.zeros(image.shape[:2], bool)
    holes[:, :unseen] = True
    camera = np.array([[1.0, 0.0, 16.0], [0.0, 1.0, 0.0]])
    background = Background(image, ~holes, holes, np.zeros_like(holes))
    return Shot(start, end, "still", np.repeat(camera[None], end - start, axis=0), background, 1.0)


def dissolve() -> Clip:
    return Clip.of(SHOWN, [to_8bit((1 - s) * FIRST.astype(np.float32) + s * LAST) for s in SHARES])


def shots_of(clip: Clip) -> list[Shot]:
    later = mixture(clip.truth[BEFORE - 1 : BEFORE + TURNING + 1])
    assert later is not None
    mix = np.stack([1 - later, later])
    cameras = np.repeat(IDENTITY[None], TURNING, axis=0)
    turning = Shot(BEFORE, BEFORE + TURNING, "propagated", cameras, None, 0.0, mix=mix)
    return [still(0, BEFORE, FIRST), turning, still(BEFORE + TURNING, len(SHARES), LAST)]


def renderers(clip: Clip, shots: list[Shot], made: list[int] | None = None) -> SceneRenderers:
    def make(shot: Shot, before: ShotWings | None, after: ShotWings | None) -> WingRenderer:
        if made is not None:
            made.append(shot.start)
        form, donors = FrameFormat(SHOWN, YUV, COLOR), ShotDonors(before=before, after=after)
        return WingRenderer(shot, form, FilmTraces(), ResampleSettings(), 0, donors)

    def read(frame: int) -> tuple[Plane, ...]:
        return clip.planes[frame]

    return SceneRenderers(shots, make, read)


def drawn(clip: Clip, wanted: slice = slice(None)) -> dict[int, np.ndarray]:
    shots = shots_of(clip)
    found, out = renderers(clip, shots), {}
    for shot in shots[wanted]:
        renderer = found.renderer(shot)
        for i in range(shot.start, shot.end):
            out[i] = to_rgb(renderer.render(i - shot.start, clip.planes[i], False), YUV, COLOR, 72)
    return out


def share_of(picture: np.ndarray, columns: slice) -> float:
    """How far those columns show the later set, by least squares."""
    way = (LAST[:, columns].astype(float) - FIRST[:, columns]).ravel()
    return float((picture[:, columns].astype(float) - FIRST[:, columns]).ravel() @ way / (way @ way))


def test_the_mixture_is_measured() -> None:
    clip = dissolve()
    mix = shots_of(clip)[1].mix
    assert mix is not None
    np.testing.assert_allclose(mix[1], SHARES[BEFORE : BEFORE + TURNING], atol=0.03)
    np.testing.assert_allclose(mix.sum(axis=0), 1, atol=1e-6)


def test_a_morph_is_not_a_mixture() -> None:
    """A third picture in the middle is none of both ends."""
    other = to_8bit(texture(72, 128, 7, 6.0))
    turning = [to_8bit((1 - s) * FIRST.astype(np.float32) + s * other) for s in (0.3, 0.7, 1.0)]
    turning += [to_8bit((1 - s) * other.astype(np.float32) + s * LAST) for s in (0.3, 0.7)]
    assert mixture([FIRST, *turning, LAST]) is None


@pytest.mark.parametrize("wanted", [slice(None), slice(1, 2)], ids=["in order", "the transition alone"])
def test_wings_dissolve_like_the_picture(wanted: slice) -> None:
    clip = dissolve()
    for i, picture in drawn(clip, wanted).items():
        for columns in (slice(0, 16), slice(112, 128)):
            assert abs(share_of(picture, columns) - SHARES[i]) < 0.1, f"frame {i}"
            assert np.abs(picture[:, columns].astype(int) - clip.truth[i][:, columns]).mean() < 8


def test_only_the_renderers_of_three_neighbours_are_alive_and_each_is_made_once() -> None:
    clip, made = dissolve(), list[int]()
    shots = shots_of(clip)
    found = renderers(clip, shots, made)
    assert found.renderer(shots[0]) is found.renderer(shots[0])
    found.renderer(shots[0]).render(0, clip.planes[0], False)
    turning = found.renderer(shots[1])
    assert found.renderer(shots[1]) is turning
    found.renderer(shots[2])
    assert sorted(made) == [0, BEFORE, BEFORE + TURNING]


class Level:
    """Wings of one level."""

    def predict(self, index: int, planes: object) -> list[list[np.ndarray]]:
        return [[np.full((4, 4), 60, np.float32)]]

    def origins(self, index: int) -> list[np.ndarray]:
        return [np.full((4, 4), SOFT, np.uint8)]


def test_mixed_wings_lie_between_their_own_and_the_neighbours() -> None:
    one, other = (
        ShotWings([[np.full((4, 4), level, np.float32)]], [np.full((4, 4), kind, np.uint8)])
        for level, kind in ((20, RECOVERED), (120, GENERATED))
    )
    wings = MixedWings(Level(), one, other, np.array([[1, 0.75, 0, 0.2], [0, 0.25, 1, 0]], np.float32))
    assert [float(wings.predict(i, ())[0][0].mean()) for i in range(4)] == [20, 45, 120, 52]
    assert [int(wings.origins(i)[0][0, 0]) for i in range(4)] == [RECOVERED, RECOVERED, GENERATED, SOFT]


def test_a_dissolve_s_shares_are_mixed_from_both_sides() -> None:
    clip = dissolve()
    shots = shots_of(clip)
    # Of the later set's left wing nothing was seen, so that half of its wings is generated.
    shots[2] = still(BEFORE + TURNING, len(SHARES), LAST, unseen=16)
    assert planned_shares(shots[0], SHOWN).recovered == pytest.approx(1.0)
    assert planned_shares(shots[2], SHOWN).generated == pytest.approx(0.5)
    mix = shots[1].mix
    assert mix is not None
    before, after = (planned_shares(shots[i], SHOWN) for i in (0, 2))
    found = planned_shares(shots[1], SHOWN).mixed(before, after, mix)
    assert found.generated == pytest.approx(0.5 * SHARES[BEFORE : BEFORE + TURNING].mean(), abs=0.02)
    assert found.recovered + found.generated == pytest.approx(1.0)
    assert found.soft == pytest.approx(0, abs=1e-6)
    assert found.propagated == 0
