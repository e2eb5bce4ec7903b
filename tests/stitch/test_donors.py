"""What a shot's wings show of the keyframes of other shots of its scene."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from background_scenes import HEIGHT, WIDTH, Drawn, painting, pan, shoot, to_world, wing_psnr

from remaster.imaging.camera import IDENTITY, translation
from remaster.records import Shot
from remaster.stitch.stitching import stitch
from remaster.stitch.tuning import StitchSettings

PAN, VEIL, REST = 14, 5, 24
RESTS = PAN + VEIL
TRAVEL = 160.0


@pytest.fixture(scope="module")
def world() -> np.ndarray:
    return painting(900, 420, 3)


def shot_at_rest(world: np.ndarray, near: np.ndarray | None = None, speed: float = 1.0) -> tuple[Drawn, Shot]:
    """A pan to the right, a veil before the lens, a rest where the pan had ended; ``near`` passes at another speed."""
    path = pan(PAN, TRAVEL)
    cameras = np.concatenate([path, np.repeat(path[-1:], VEIL + REST, axis=0)])
    veil = np.random.default_rng(1).integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8)

    def paint(i: int, picture: np.ndarray) -> np.ndarray:
        if near is not None:
            camera = translation(100 + speed * (cameras[i, 0, 2] - 120), 40)
            flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
            picture[130:] = cv2.warpAffine(near, camera, (WIDTH, HEIGHT), flags=flags)[130:]
        return veil if PAN <= i < RESTS else picture

    drawn = shoot(world, cameras, keyframes=18, paint=paint)
    drawn.analysis.explained[PAN : RESTS + 1] = 0.1
    drawn.analysis.motion[PAN : RESTS + 1] = IDENTITY
    settings = StitchSettings(min_frames=10)
    shots = stitch(drawn.analysis, drawn.masks, drawn.read, drawn.window, None, settings, seed=5)
    assert (shots[-1].start, shots[-1].end, shots[-1].method) == (RESTS, len(cameras), "still")
    return drawn, shots[-1]


def test_a_camera_at_rest_shows_beside_it_what_the_pan_before_had_seen(world: np.ndarray) -> None:
    drawn, shot = shot_at_rest(world)
    background, window = shot.background, drawn.window
    assert background is not None
    assert background.coverage[4:-4, 2 : window.x].all()
    assert background.holes[:, -window.x + 1 :].all() and not background.coverage[:, -window.x + 1 :].any()
    psnr, covered = wing_psnr(drawn, shot)
    assert psnr > 33 and covered > 0.45
    # Half of the wings was seen; the rest is a guess.
    assert 0.55 < shot.confidence < 0.8
    # Its own pixels are as they were, and lie where they lay.
    assert np.abs(to_world(drawn, shot) - translation(*(drawn.cameras[-1, :, 2] - (window.x, 0)))).max() < 1e-6


def test_a_pan_over_a_set_in_depth_gives_no_donors(world: np.ndarray) -> None:
    _, shot = shot_at_rest(world, painting(900, 420, 9), speed=1.5)
    assert shot.background is not None
    assert not shot.background.coverage[:, : shot.background.image.shape[1] // 10].any()
