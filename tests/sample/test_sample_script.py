"""The script: shots that tile the episodes, cameras that stay on their sets, actors on twos."""

from __future__ import annotations

import numpy as np
import pytest

from remaster.imaging import camera
from remaster_sample.backgrounds import NEAR_PLANE, SETS
from remaster_sample.characters import PIP
from remaster_sample.episodes import EPISODES
from remaster_sample.render import near_view
from remaster_sample.script import Actor, Episode, Line, View, act, camera_of, hold, move, pace, view_at

BY_NAME = [pytest.param(e, id=e.name) for e in EPISODES]


@pytest.mark.parametrize("episode", BY_NAME)
def test_shots_tile_the_episode(episode: Episode) -> None:
    assert episode.shots[0].start == 0
    assert all(a.end == b.start for a, b in zip(episode.shots, episode.shots[1:], strict=False))
    least, most = (5, 10) if episode is EPISODES[3] else (20, 40)
    assert least <= episode.frames / episode.fps <= most
    assert [episode.shot_at(s.start) for s in episode.shots] == list(episode.shots)
    assert episode.shot_at(episode.frames - 1) is episode.shots[-1]
    with pytest.raises(IndexError):
        episode.shot_at(episode.frames)


def test_the_series_shows_every_kind_of_shot() -> None:
    shots = [shot for episode in EPISODES for shot in episode.shots]
    kinds = {"title", "still", "dialogue", "pan", "tilt", "zoom", "follow", "multiplane", "whip"}
    assert {shot.kind for shot in shots} == kinds
    assert any(shot.dissolve for shot in shots)
    assert any(shot.fade_out for shot in shots)
    assert all(shot.background in SETS for shot in shots)
    assert {episode.gate for episode in EPISODES} == {False, True}


def test_a_dissolve_is_no_cut() -> None:
    for episode in EPISODES:
        dissolved = {after.start for a, after in zip(episode.shots, episode.shots[1:], strict=False) if a.dissolve}
        assert set(episode.cuts) | dissolved == {shot.start for shot in episode.shots[1:]}
        assert not set(episode.cuts) & dissolved


def test_dialogue_cuts_back_to_the_same_set_ups() -> None:
    talk = [shot for shot in EPISODES[0].shots if shot.kind == "dialogue"]
    a, b = [(shot.background, shot.keys) for shot in talk[:2]]
    assert a != b
    assert [(shot.background, shot.keys) for shot in talk] == [a, b, a, b]


@pytest.mark.parametrize("episode", BY_NAME)
def test_the_wide_window_never_leaves_the_painted_set(episode: Episode) -> None:
    window = episode.window
    for shot in episode.shots:
        # Sets are large enough for their shots, so that the truth's wings are paint and not a repeated edge.
        painted = SETS[shot.background]
        for at in range(shot.length):
            planes = [(view_at(shot.keys, at), painted)]
            if near := near_view(shot, at):
                planes.append((near, NEAR_PLANE))
            for view, plane in planes:
                place = camera_of(view, episode.width, episode.height, episode.sar)
                corners = camera.corners(window.width, window.height) - (window.x, window.y)
                spots = camera.apply(place, corners)
                assert spots.min() >= 0, (shot.name, at)
                assert (spots <= (plane.width - 1, plane.height - 1)).all(), (shot.name, at)


def test_a_view_becomes_the_camera_of_stored_pixels() -> None:
    episode = EPISODES[1]
    place = camera_of(View(500.0, 300.0, 1.5), episode.width, episode.height, episode.sar)
    middle = ((episode.width - 1) / 2, (episode.height - 1) / 2)
    np.testing.assert_allclose(camera.apply(place, [middle]), [(499.5, 299.5)])
    np.testing.assert_allclose(place[:, :2], [[1.5 * 8 / 9, 0], [0, 1.5]])


def test_a_move_holds_eases_and_zooms_geometrically() -> None:
    keys = move(View(0, 0, 1.0), View(100, 0, 4.0), 10, 30)
    assert view_at(keys, 3) == View(0, 0, 1.0)
    assert view_at(keys, 99) == View(100, 0, 4.0)
    assert view_at(keys, 20) == View(50, 0, 2.0)
    assert view_at(keys, 12).x < 100 * 2 / 20, "a move begins slowly"
    assert view_at(move(View(0, 0), View(100, 0), 0, 50, ease=False), 10).x == 20
    assert view_at(hold(View(7, 8)), 1000) == View(7, 8)


def test_actors_move_on_twos_and_their_feet_do_not_slide() -> None:
    way = pace(200.0) * 48
    actor = Actor(PIP, 200.0, 0.0, ((0, 0.0), (48, way)), lines=(Line(50, 80, "Well?"),))
    states = [act(actor, frame) for frame in range(48)]
    assert all(states[k] == states[k + 1] for k in range(0, 48, 2))
    poses = [pose.walk for _, pose in states[::2]]
    assert poses == [k % 12 for k in range(24)], "one pose a step of the way: two cycles of 12"
    assert act(actor, 48)[1].walk is None
    assert act(actor, 48)[0] == way
    mouths = {act(actor, frame)[1].mouth for frame in range(50, 80)}
    assert len(mouths) > 2, "it talks"
    assert {act(actor, frame)[1].eyes for frame in range(48, 148)} == {"open", "half", "closed"}, "it blinks"


def test_walking_left_looks_left() -> None:
    actor = Actor(PIP, 200.0, 0.0, ((0, 500.0), (20, 400.0)), left=False)
    assert act(actor, 4)[1].left
    assert not act(actor, 30)[1].left
